"""The versions of the tables (Alembic)."""
