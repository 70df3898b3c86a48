"""Which model counts, and how a better one is learned."""
