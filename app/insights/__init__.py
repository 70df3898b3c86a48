"""What cases teach, in figures and charts."""
