"""One case: what was said, what may be done, the reply, the decision."""
