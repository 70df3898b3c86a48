"""The inbox: which cases there are, and how messages come in."""
