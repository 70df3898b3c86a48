"""The library of replies, and a shop's own."""
