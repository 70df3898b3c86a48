"""The case record: cases with all that belongs to them, the ledger, the search index."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_EXACT = sa.Numeric(20, 6).with_variant(sa.BigInteger(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_HASH = sa.String(64)

# What of a personal payload can be searched. The two blanks at the end let a word of two letters stand last (see queries).
_WORDS = ("text", "subject", "sender", "name", "note", "confirmation")
_ORDER_WORDS = ("order_id", "product", "sku", "customisation")

_SQLITE = (
    "CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE VIEW searchable AS SELECT seq, {words} || '  ' AS words FROM personal",
    "CREATE VIRTUAL TABLE search USING fts5(words, content='searchable', content_rowid='seq', tokenize='trigram')",
    "CREATE VIRTUAL TABLE search_terms USING fts5vocab(search, row)",
    "CREATE TRIGGER personal_in AFTER INSERT ON personal BEGIN {add} END",
    "CREATE TRIGGER personal_out BEFORE DELETE ON personal BEGIN {take} END",
    "CREATE TRIGGER personal_before BEFORE UPDATE ON personal BEGIN {take} END",
    "CREATE TRIGGER personal_after AFTER UPDATE ON personal BEGIN {add} END",
)
_ADD = "INSERT INTO search(rowid, words) SELECT seq, words FROM searchable WHERE seq = new.seq;"
_TAKE = "INSERT INTO search(search, rowid, words) SELECT 'delete', seq, words FROM searchable WHERE seq = old.seq;"

_POSTGRESQL = (
    "CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
    "CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION ledger_append_only()",
    "CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()",
    "ALTER TABLE personal ADD COLUMN words text GENERATED ALWAYS AS ({words}) STORED",
)


def upgrade() -> None:
    """Make all tables, the rules of the ledger and the search index."""
    _cases()
    _messages()
    _work()
    _ledger()
    keys = op.create_table(
        "secrets", sa.Column("name", sa.Text(), primary_key=True), sa.Column("value", sa.LargeBinary(), nullable=False)
    )
    op.bulk_insert(keys, [{"name": "identity", "value": secrets.token_bytes(32)}])
    if op.get_bind().dialect.name == "sqlite":
        words = _joined("coalesce(json_extract(payload, '$.{}'), '')", "coalesce(json_extract(payload, '$.order.{}'), '')")
        for statement in _SQLITE:
            op.get_bind().exec_driver_sql(statement.format(words=words, add=_ADD, take=_TAKE))
    else:
        words = _joined("coalesce(payload::jsonb->>'{}', '')", "coalesce(payload::jsonb->'order'->>'{}', '')")
        for statement in _POSTGRESQL:
            op.get_bind().exec_driver_sql(statement.format(words=words))
        _trigrams()


def _joined(direct: str, ordered: str) -> str:
    parts = [direct.format(key) for key in _WORDS] + [ordered.format(key) for key in _ORDER_WORDS]
    return " || ' ' || ".join(parts)


def _trigrams() -> None:
    """Index the words where the server has pg_trgm and lets us use it; searching works without, only slower."""
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            connection.exec_driver_sql("CREATE INDEX personal_words ON personal USING gin (words gin_trgm_ops)")
    except sa.exc.DBAPIError:
        return


def _columns(kind: sa.types.TypeEngine[Any] | type[sa.Text], names: str, *, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=nullable) for name in names.split()]


def _key(name: str = "id") -> sa.Column[int]:
    return sa.Column(name, _WHOLE, primary_key=True, autoincrement=False)


def _link(name: str, target: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, _WHOLE, sa.ForeignKey(target), nullable=nullable)


def _case_table(name: str, *columns: sa.Column[Any] | list[sa.Column[Any]]) -> None:
    flat = [column for part in columns for column in (part if isinstance(part, list) else [part])]
    op.create_table(name, _key(), _link("case_id", "cases.id"), *flat)
    op.create_index(f"ix_{name}_case_id", name, ["case_id"])


def _cases() -> None:
    op.create_table(
        "cases",
        _key(),
        *_columns(_WHOLE, "version"),
        *_columns(_TIME, "created_at updated_at last_at"),
        *_columns(_TIME, "lead_at claim_at answered_at delivered_at due_at hold_expires_at pseudonymised_at", nullable=True),
        *_columns(sa.Text(), "state order_id sku product currency marketplace channel language customisation buyer_hash"),
        *_columns(sa.Text(), "category claim hold_reason hold_approved_by"),
        *_columns(sa.Double(), "abuse sureness"),
        sa.Column("paid_amount", _EXACT),
        sa.Column("personalised", sa.Boolean()),
    )
    indexes = {
        "due": "state category due_at id", "sureness": "state category sureness id",
        "at_stake": "state category paid_amount id", "newest": "state category last_at id",
        "sku": "sku last_at id", "buyer": "buyer_hash", "order": "order_id", "updated": "updated_at id",
    }  # fmt: skip
    for name, columns in indexes.items():
        op.create_index(f"cases_{name}", "cases", columns.split())
    op.create_table("threads", sa.Column("key", _HASH, primary_key=True), _link("case_id", "cases.id"))
    op.create_index("ix_threads_case_id", "threads", ["case_id"])
    op.create_table(
        "deadlines",
        sa.Column("case_id", _WHOLE, sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("clock", sa.Text(), primary_key=True),
        *_columns(_TIME, "due_at"),
        *_columns(_TIME, "met_at", nullable=True),
    )


def _messages() -> None:
    _case_table(
        "messages",
        sa.Column("fingerprint", _HASH, nullable=False, unique=True),
        _columns(sa.Text(), "direction kind channel language reason_code raw_sha256 source_file"),
        _columns(_TIME, "sent_at", nullable=True),
        _columns(_WHOLE, "source_row", nullable=True),
    )
    op.create_table(
        "predictions",
        _key(),
        _link("message_id", "messages.id"),
        *_columns(_TIME, "made_at"),
        *_columns(sa.Text(), "model policy language claim category"),
        *_columns(sa.JSON(), "probabilities claim_set cues"),
        *_columns(sa.Double(), "abuse"),
    )
    op.create_index("ix_predictions_message_id", "predictions", ["message_id"])
    op.create_table(
        "resolutions",
        sa.Column("id", _WHOLE, sa.ForeignKey("predictions.id"), primary_key=True, autoincrement=False),
        *_columns(sa.JSON(), "content"),
    )


def _work() -> None:
    """Make the tables of what people do about a case."""
    message: Callable[[], sa.Column[int]] = lambda: _link("message_id", "messages.id", nullable=True)  # noqa: E731
    _case_table(
        "attachments",
        message(),
        _columns(_HASH, "sha256"),
        _columns(sa.Text(), "kind path added_by"),
        _columns(_WHOLE, "size"),
        _columns(_TIME, "added_at"),
    )
    _case_table(
        "decisions",
        _columns(_TIME, "decided_at"),
        _columns(_TIME, "undone_at", nullable=True),
        _columns(sa.Text(), "by category remedy currency template_id model policy second_person undone_by"),
        _columns(_EXACT, "amount", nullable=True),
    )
    op.create_index("ix_decisions_decided_at", "decisions", ["decided_at"])
    _case_table(
        "outcomes",
        _columns(_TIME, "at"),
        _columns(sa.Text(), "by kind currency"),
        _columns(_EXACT, "offered_share amount_spent", nullable=True),
    )
    op.create_index("ix_outcomes_at", "outcomes", ["at"])
    _case_table("labels", message(), _columns(sa.Text(), "claim by"), _columns(sa.Boolean(), "abuse"), _columns(_TIME, "at"))
    _case_table("phone_notes", _columns(_TIME, "at"), _columns(sa.Text(), "by"))


def _ledger() -> None:
    op.create_table("ledger", _key("seq"), *_columns(sa.Text(), "at by kind case_id facts commitment previous hash"))
    op.create_index("ledger_case", "ledger", ["case_id", "seq"])
    op.create_table(
        "personal",
        sa.Column("seq", _WHOLE, sa.ForeignKey("ledger.seq"), primary_key=True, autoincrement=False),
        *_columns(sa.LargeBinary(), "salt"),
        *_columns(sa.Text(), "payload"),
    )
