"""A second person's look as a workflow, what a label would teach, counts of a list, and how suggestions fared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_EXACT = sa.Numeric(20, 6).with_variant(sa.BigInteger(), "sqlite")
_TIME = sa.DateTime(timezone=True)

# What a label teaches is computed from two probabilities of the judgement; a case keeps only the larger one. Where two claims
# compete the other one is the rest, so this is the value itself, else a little more; a new message of the case brings the exact
# one. Only open cases with words that are still there, and that nobody has labelled or decided, teach anything.
_TEACHES = """
UPDATE cases SET teaches = CASE WHEN sureness < 0.5 THEN 1.0 ELSE 2.0 * (1.0 - sureness) END
WHERE state = 'open'
AND NOT EXISTS (SELECT 1 FROM labels WHERE labels.case_id = cases.id)
AND NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.case_id = cases.id AND decisions.undone_at IS NULL)
AND EXISTS (SELECT 1 FROM messages JOIN personal ON personal.seq = messages.id
            WHERE messages.case_id = cases.id AND messages.kind = 'buyer' AND personal.payload LIKE '%"text":"%')
"""


def upgrade() -> None:
    """Add the table of proposals, and what decisions and cases know more."""
    op.add_column("cases", sa.Column("teaches", sa.Double(), nullable=False, server_default="0"))
    op.create_index("cases_teaches", "cases", ["state", "category", "teaches", "id"])
    op.create_index("cases_facets", "cases", ["state", "category", "marketplace", "language", "due_at"])
    op.execute(sa.text(_TEACHES))
    for column in _suggestions():
        op.add_column("decisions", column)
    texts = "by category remedy currency template_id model policy second_person withdrawn_by".split()
    op.create_table(
        "proposals",
        sa.Column("id", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("case_id", _WHOLE, sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("withdrawn_at", _TIME),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("amount", _EXACT),
        *_suggestions(),
    )
    op.create_index("ix_proposals_case_id", "proposals", ["case_id"])


def _suggestions() -> tuple[sa.Column[object], ...]:
    shown: sa.Column[object] = sa.Column("shown", sa.JSON(), nullable=False, server_default="[]")
    return shown, sa.Column("edited", sa.Double())
