"""The tables. The id of a recorded row is the number of the ledger entry that recorded it, so it is never used twice.

What names or quotes a person stands in `personal` alone, as JSON, so that erasing it there erases it; the few fields of a case
that do are listed in `PERSONAL_CASE_FIELDS`. Views, triggers and the search index are in the migrations.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

_SCALE = 6
# In SQLite only INTEGER makes the key the row's own address.
_WHOLE = BigInteger().with_variant(Integer(), "sqlite")


class UTCDateTime(TypeDecorator[datetime]):
    """A time, aware and in UTC on both sides."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn into UTC; a time without a zone is refused."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Say that it is UTC, which SQLite does not keep."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Exact(TypeDecorator[Decimal]):
    """A decimal number with six places: NUMERIC, or in SQLite, which has none, an integer of millionths."""

    impl = Numeric(20, _SCALE)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the database's own type."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(20, _SCALE))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | int | None:
        """Scale for SQLite."""
        return int(value.scaleb(_SCALE).to_integral_value()) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:  # noqa: ANN401 - the driver's
        """Scale back."""
        if value is None:
            return None
        return Decimal(value).scaleb(-_SCALE) if dialect.name == "sqlite" else Decimal(value)


class Base(DeclarativeBase):
    """What all tables share: how Python types are stored."""

    type_annotation_map = {  # noqa: RUF012 - read by SQLAlchemy once
        datetime: UTCDateTime,
        Decimal: Exact,
        int: _WHOLE,
        str: Text,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        bytes: LargeBinary,
    }


def _number() -> Mapped[int]:
    return mapped_column(primary_key=True, autoincrement=False)


class CaseRow(Base):
    """A thread of one order's problem, summed up; all of it follows from the recorded rows."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("cases_due", "state", "category", "due_at", "id"),
        Index("cases_sureness", "state", "category", "sureness", "id"),
        Index("cases_at_stake", "state", "category", "paid_amount", "id"),
        Index("cases_newest", "state", "category", "last_at", "id"),
        Index("cases_teaches", "state", "category", "teaches", "id"),
        Index("cases_facets", "state", "category", "marketplace", "language", "due_at"),
        Index("cases_sku", "sku", "last_at", "id"),
        Index("cases_buyer", "buyer_hash"),
        Index("cases_order", "order_id"),
        Index("cases_updated", "updated_at", "id"),
    )

    id: Mapped[int] = _number()
    state: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    # The newest message, the newest that asks, the newest with a claim other than `other`, the newest of the seller's.
    last_at: Mapped[datetime]
    lead_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    claim_at: Mapped[datetime | None]
    order_id: Mapped[str]
    sku: Mapped[str]
    product: Mapped[str]
    paid_amount: Mapped[Decimal | None]
    currency: Mapped[str]
    marketplace: Mapped[str]
    channel: Mapped[str]
    language: Mapped[str]
    delivered_at: Mapped[datetime | None]
    personalised: Mapped[bool | None]
    customisation: Mapped[str]
    buyer_hash: Mapped[str]
    category: Mapped[str]
    claim: Mapped[str]
    abuse: Mapped[float]
    sureness: Mapped[float]
    teaches: Mapped[float] = mapped_column(server_default="0")
    due_at: Mapped[datetime | None]
    hold_reason: Mapped[str]
    hold_approved_by: Mapped[str]
    hold_expires_at: Mapped[datetime | None]
    pseudonymised_at: Mapped[datetime | None]


PERSONAL_CASE_FIELDS = ("order_id", "customisation", "buyer_hash")


class ThreadRow(Base):
    """By what a message finds its case: keyed hashes of order, conversation or buyer."""

    __tablename__ = "threads"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)


class MessageRow(Base):
    """One text; the words, the sender and the order stand in `personal` under the same number."""

    __tablename__ = "messages"

    id: Mapped[int] = _number()
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    direction: Mapped[str]
    kind: Mapped[str]
    channel: Mapped[str]
    language: Mapped[str]
    sent_at: Mapped[datetime | None]
    reason_code: Mapped[str]
    raw_sha256: Mapped[str]
    source_file: Mapped[str]
    source_row: Mapped[int | None]


class PredictionRow(Base):
    """What a message was judged to claim; the reasons quote it, so they stand in `personal`."""

    __tablename__ = "predictions"

    id: Mapped[int] = _number()
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), index=True)
    made_at: Mapped[datetime]
    model: Mapped[str]
    policy: Mapped[str]
    language: Mapped[str]
    claim: Mapped[str]
    category: Mapped[str]
    probabilities: Mapped[dict[str, Any]]
    claim_set: Mapped[list[Any]]
    abuse: Mapped[float]
    cues: Mapped[list[Any]]


class ResolutionRow(Base):
    """What must and may be done, of the prediction with the same number."""

    __tablename__ = "resolutions"

    id: Mapped[int] = mapped_column(ForeignKey("predictions.id"), primary_key=True, autoincrement=False)
    content: Mapped[dict[str, Any]]


class AttachmentRow(Base):
    """A file, kept in the files folder under its hash; its name stands in `personal`."""

    __tablename__ = "attachments"

    id: Mapped[int] = _number()
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
    kind: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    path: Mapped[str]
    size: Mapped[int]
    added_at: Mapped[datetime]
    added_by: Mapped[str]


class _Chosen:
    """What decisions and proposals share; the text stands in `personal`."""

    by: Mapped[str]
    category: Mapped[str]
    remedy: Mapped[str]
    amount: Mapped[Decimal | None]
    currency: Mapped[str]
    template_id: Mapped[str]
    model: Mapped[str]
    policy: Mapped[str]
    second_person: Mapped[str]
    shown: Mapped[list[Any]] = mapped_column(server_default="[]")
    edited: Mapped[float | None]


class DecisionRow(_Chosen, Base):
    """What a person chose, and the text as it was sent."""

    __tablename__ = "decisions"

    id: Mapped[int] = _number()
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    decided_at: Mapped[datetime] = mapped_column(index=True)
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str]


class ProposalRow(_Chosen, Base):
    """What a person would choose, until a second person has looked."""

    __tablename__ = "proposals"

    id: Mapped[int] = _number()
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    proposed_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str]


class OutcomeRow(Base):
    """What came of it; the note stands in `personal`."""

    __tablename__ = "outcomes"

    id: Mapped[int] = _number()
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    by: Mapped[str]
    kind: Mapped[str]
    offered_share: Mapped[Decimal | None]
    amount_spent: Mapped[Decimal | None]
    currency: Mapped[str]


class LabelRow(Base):
    """What a person says the message claims, for training; the note stands in `personal`."""

    __tablename__ = "labels"

    id: Mapped[int] = _number()
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
    claim: Mapped[str]
    abuse: Mapped[bool]
    by: Mapped[str]
    at: Mapped[datetime]


class PhoneNoteRow(Base):
    """That somebody telephoned; what was said, and the text that confirms it, stand in `personal`."""

    __tablename__ = "phone_notes"

    id: Mapped[int] = _number()
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime]
    by: Mapped[str]


class DeadlineRow(Base):
    """One of a case's clocks; a new message of its sort starts it again."""

    __tablename__ = "deadlines"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    clock: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]
    met_at: Mapped[datetime | None]


class LedgerRow(Base):
    """One entry of the hash chain (see `triage_ml.cases.ledger`); triggers forbid changing and deleting."""

    __tablename__ = "ledger"
    __table_args__ = (Index("ledger_case", "case_id", "seq"),)

    seq: Mapped[int] = _number()
    at: Mapped[str]
    by: Mapped[str]
    kind: Mapped[str]
    case_id: Mapped[str]
    facts: Mapped[str]
    commitment: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]


class PersonalRow(Base):
    """The personal payload of a ledger entry, as canonical JSON; deleting the row erases it and leaves the chain whole."""

    __tablename__ = "personal"

    seq: Mapped[int] = mapped_column(ForeignKey("ledger.seq"), primary_key=True, autoincrement=False)
    salt: Mapped[bytes]
    payload: Mapped[str]


class SecretRow(Base):
    """Keys that everybody who uses this database shares, such as the one behind the hashes of buyers."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[bytes]


# Tables whose rows are in the ledger, so that an edit behind its back is found.
RECORDED: tuple[type[Base], ...] = (
    MessageRow, PredictionRow, ResolutionRow, AttachmentRow, DecisionRow, OutcomeRow, LabelRow, PhoneNoteRow, ProposalRow,
)  # fmt: skip
