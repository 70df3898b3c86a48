"""The seller's numbers: seen, tried, saved; insurance."""
