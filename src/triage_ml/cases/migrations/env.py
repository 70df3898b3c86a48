"""What Alembic runs: the migrations, in the connection and the transaction of the caller."""

from __future__ import annotations

from alembic import context

from triage_ml.cases.schema import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
