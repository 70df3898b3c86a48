"""Evidence: what is missing, files, packs."""
