"""Rows become results: one case with all that belongs to it, and streams of what was recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, select

from triage_ml.cases.ledger import entries_of
from triage_ml.cases.records import (
    Attachment,
    AttachmentKind,
    Case,
    CaseDeadline,
    CaseDecision,
    CaseLabel,
    CaseMessage,
    CaseOutcome,
    CasePhoneNote,
    CaseProposal,
    CaseState,
    CaseSummary,
    Decision,
    Hold,
    Judgement,
    Label,
    Outcome,
    OutcomeKind,
    PhoneNote,
)
from triage_ml.cases.schema import (
    AttachmentRow,
    Base,
    CaseRow,
    DeadlineRow,
    DecisionRow,
    LabelRow,
    LedgerRow,
    MessageRow,
    OutcomeRow,
    PersonalRow,
    PhoneNoteRow,
    PredictionRow,
    ProposalRow,
    ResolutionRow,
)
from triage_ml.cases.values import plain
from triage_ml.errors import CaseNotFoundError
from triage_ml.messages import Category, Claim, Direction, Message, MessageKind, Money, OrderLine

_T = TypeVar("_T")
_PUBLIC = re.compile(r"[Cc]-0*(\d{1,18})")
_STREAM = 500


def public_id(number: int) -> str:
    """Return a case's number as a person names it."""
    return f"C-{number:06d}"


def case_number(case_id: str) -> int:
    """Return the number in "C-000123", 0 where it is none."""
    found = _PUBLIC.fullmatch(case_id.strip())
    return int(found[1]) if found else 0


def case_row(connection: Connection, case_id: str) -> dict[str, Any]:
    """Return the row of a case.

    Raises
    ------
    CaseNotFoundError
        Where there is none.
    """
    number = case_number(case_id)
    row = connection.execute(select(CaseRow.__table__).where(CaseRow.id == number)).first()
    if row is None:
        raise CaseNotFoundError("case", f"{case_id!r}", 'the number of a case, such as "C-000123"', "Look it up in the list.")
    return dict(row._mapping)


def money(amount: Decimal | None, currency: str) -> Money | None:
    """Return an amount as money has it: 12.50, not 12.500000."""
    return None if amount is None else Money(amount, currency).share(Decimal(1))


def summary_of(row: Any) -> CaseSummary:  # noqa: ANN401 - a row of `cases`
    """Return a case's line in a list."""
    held = row.hold_expires_at is not None
    return CaseSummary(
        id=public_id(row.id),
        version=row.version,
        state=CaseState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_at=row.last_at,
        order=OrderLine(
            order_id=row.order_id,
            sku=row.sku,
            product=row.product,
            paid=money(row.paid_amount, row.currency),
            marketplace=row.marketplace,
            delivered_at=row.delivered_at,
            personalised=row.personalised,
            customisation=row.customisation,
        ),
        channel=row.channel,
        language=row.language,
        category=Category(row.category),
        claim=Claim(row.claim),
        sureness=row.sureness,
        abuse=row.abuse,
        due_at=row.due_at,
        buyer_hash=row.buyer_hash,
        hold=Hold(row.hold_reason, row.hold_approved_by, row.hold_expires_at) if held else None,
        pseudonymised_at=row.pseudonymised_at,
        teaches=row.teaches,
    )


def load_case(connection: Connection, case_id: str, files: Path) -> Case:
    """Return a case with all that belongs to it.

    Raises
    ------
    CaseNotFoundError
        Where there is none.
    """
    case_row(connection, case_id)
    number = case_number(case_id)
    summary = summary_of(connection.execute(select(CaseRow.__table__).where(CaseRow.id == number)).one())
    messages = list(_messages(connection, MessageRow.case_id == number))
    deadlines = connection.execute(select(DeadlineRow.__table__).where(DeadlineRow.case_id == number))
    return Case(
        summary=summary,
        messages=tuple(sorted(messages, key=lambda one: (one.message.sent_at or one.recorded_at, one.id))),
        decisions=_part(connection, DecisionRow, number, decision_of),
        outcomes=_part(connection, OutcomeRow, number, _outcome),
        labels=_part(connection, LabelRow, number, _label),
        phone_notes=_part(connection, PhoneNoteRow, number, _phone_note),
        attachments=_part(connection, AttachmentRow, number, lambda row, told: _attachment(row, told, files)),
        deadlines=tuple(sorted((CaseDeadline(d.clock, d.due_at, d.met_at) for d in deadlines), key=lambda d: d.due_at)),
        entries=tuple(entries_of(connection, public_id(number))),
        proposals=_part(connection, ProposalRow, number, _proposal),
    )


_Read = Callable[[Any, dict[str, Any]], _T]


def _with_personal(table: type[Base]) -> Select[Any]:
    key = table.__table__.columns["id"]
    return select(table.__table__, PersonalRow.payload).outerjoin(PersonalRow, PersonalRow.seq == key).order_by(key)


def _told(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row with its payload
    told: dict[str, Any] = json.loads(row.payload) if row.payload else {}
    return told


def _part(connection: Connection, table: type[Base], number: int, read: _Read[_T]) -> tuple[_T, ...]:
    query = _with_personal(table).where(table.__table__.columns["case_id"] == number)
    return tuple(read(row, _told(row)) for row in connection.execute(query))


def stream(connection: Connection, kind: type[_T], since: datetime | None = None) -> Iterator[_T]:
    """Yield all that was recorded of one kind, oldest entry first, with memory that does not grow.

    Parameters
    ----------
    connection
        From `database.reading`.
    kind
        CaseMessage, CaseDecision, CaseOutcome, CaseLabel or CasePhoneNote.
    since
        Recorded from then on.
    """
    first = 0
    if since is not None:
        query = select(LedgerRow.seq).where(LedgerRow.at >= plain(since)).order_by(LedgerRow.seq).limit(1)
        first = connection.execute(query).scalar() or 2**62
    while rows := _span(connection, kind, first):
        yield from rows
        first = getattr(rows[-1], "id") + 1  # noqa: B009 - all five kinds have it


def _span(connection: Connection, kind: type[_T], first: int) -> Sequence[_T]:
    if kind is CaseMessage:
        found: Any = list(_messages(connection, MessageRow.id >= first, limit=_STREAM))
        return list(found)
    table, read = _STREAMS[kind]
    query = _with_personal(table).where(table.__table__.columns["id"] >= first).limit(_STREAM)
    return [read(row, _told(row)) for row in connection.execute(query)]


def _messages(connection: Connection, condition: Any, limit: int | None = None) -> Iterator[CaseMessage]:  # noqa: ANN401
    query = (
        select(MessageRow.__table__, PersonalRow.payload, LedgerRow.at, LedgerRow.commitment)
        .join(LedgerRow, LedgerRow.seq == MessageRow.id)
        .outerjoin(PersonalRow, PersonalRow.seq == MessageRow.id)
        .where(condition)
        .order_by(MessageRow.id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    for start in range(0, len(rows), _STREAM):
        chunk = rows[start : start + _STREAM]
        judged = _judgements(connection, [row.id for row in chunk])
        yield from (_message(row, judged.get(row.id)) for row in chunk)


def _judgements(connection: Connection, numbers: Sequence[int]) -> dict[int, Any]:
    """Return the newest judgement of each message."""
    query = (
        select(PredictionRow.__table__, ResolutionRow.content, PersonalRow.payload)
        .outerjoin(ResolutionRow, ResolutionRow.id == PredictionRow.id)
        .outerjoin(PersonalRow, PersonalRow.seq == PredictionRow.id)
        .where(PredictionRow.message_id.in_(numbers))
        .order_by(PredictionRow.id)
    )
    return {row.message_id: _judgement(row, _told(row)) for row in connection.execute(query)}


def _judgement(row: Any, told: dict[str, Any]) -> Judgement:  # noqa: ANN401 - a row
    return Judgement(
        id=row.id,
        made_at=row.made_at,
        model=row.model,
        policy=row.policy,
        language=row.language,
        claim=Claim(row.claim),
        category=Category(row.category),
        probabilities={Claim(claim): value for claim, value in row.probabilities.items()},
        claim_set=tuple(map(Claim, row.claim_set)),
        abuse=row.abuse,
        cues=tuple(row.cues),
        reasons=tuple(told.get("reasons", ())),
        resolution=row.content or {},
        comparison=told.get("comparison"),
    )


def _message(row: Any, judgement: Judgement | None) -> CaseMessage:  # noqa: ANN401 - a row
    told = _told(row)
    hint = told.get("claim_hint")
    message = Message(
        message_id=told.get("message_id", ""),
        text=told.get("text", ""),
        order=_order(told["order"]) if "order" in told else None,
        thread_id=told.get("thread_id", ""),
        direction=Direction(row.direction),
        kind=MessageKind(row.kind),
        channel=row.channel,
        language=row.language,
        sent_at=row.sent_at,
        subject=told.get("subject", ""),
        sender=told.get("sender", ""),
        reason_code=row.reason_code,
        claim_hint=Claim(hint) if hint else None,
        attachments=tuple(told.get("attachments", ())),
    )
    return CaseMessage(
        id=row.id,
        case_id=public_id(row.case_id),
        message=message,
        recorded_at=datetime.fromisoformat(row.at),
        raw_sha256=row.raw_sha256,
        source_file=row.source_file,
        source_row=row.source_row,
        judgement=judgement,
        erased=bool(row.commitment) and row.payload is None,
    )


def _order(told: dict[str, Any]) -> OrderLine:
    paid, delivered_at = told.get("paid"), told.get("delivered_at")
    known = {
        "paid": Money(Decimal(paid["amount"]), paid["currency"]) if paid else None,
        "delivered_at": datetime.fromisoformat(delivered_at) if delivered_at else None,
    }
    return OrderLine(**{**told, **known})


def _chosen(row: Any, told: Mapping[str, Any]) -> Decision:  # noqa: ANN401 - a row
    return Decision(
        by=row.by,
        category=Category(row.category),
        remedy=row.remedy,
        amount=money(row.amount, row.currency),
        template_id=row.template_id,
        final_text=told.get("text", ""),
        model=row.model,
        policy=row.policy,
        second_person=row.second_person,
        shown=tuple(row.shown),
        edited=row.edited,
    )


def decision_of(row: Any, told: Mapping[str, Any] = MappingProxyType({})) -> CaseDecision:  # noqa: ANN401 - a row
    """Return a row of `decisions` with its personal payload as a result."""
    return CaseDecision(row.id, public_id(row.case_id), row.decided_at, _chosen(row, told), row.undone_at, row.undone_by)


def _proposal(row: Any, told: Mapping[str, Any]) -> CaseProposal:  # noqa: ANN401 - a row
    chosen = _chosen(row, told)
    return CaseProposal(row.id, public_id(row.case_id), row.proposed_at, chosen, row.withdrawn_at, row.withdrawn_by)


def _outcome(row: Any, told: dict[str, Any]) -> CaseOutcome:  # noqa: ANN401 - a row
    spent = money(row.amount_spent, row.currency)
    outcome = Outcome(row.by, OutcomeKind(row.kind), row.offered_share, spent, told.get("note", ""), row.at)
    return CaseOutcome(row.id, public_id(row.case_id), outcome)


def _label(row: Any, told: dict[str, Any]) -> CaseLabel:  # noqa: ANN401 - a row
    label = Label(row.by, Claim(row.claim), row.abuse, told.get("note", ""), row.message_id)
    return CaseLabel(row.id, public_id(row.case_id), row.at, label)


def _phone_note(row: Any, told: dict[str, Any]) -> CasePhoneNote:  # noqa: ANN401 - a row
    note = PhoneNote(row.by, told.get("text", ""), told.get("confirmation", ""))
    return CasePhoneNote(row.id, public_id(row.case_id), row.at, note)


def _attachment(row: Any, told: dict[str, Any], files: Path) -> Attachment:  # noqa: ANN401 - a row
    return Attachment(
        id=row.id,
        case_id=public_id(row.case_id),
        message_id=row.message_id,
        kind=AttachmentKind(row.kind),
        name=told.get("name", ""),
        sha256=row.sha256,
        size=row.size,
        path=str(files / row.path),
        added_at=row.added_at,
        added_by=row.added_by,
    )


_STREAMS: dict[Any, tuple[type[Base], _Read[Any]]] = {
    CaseDecision: (DecisionRow, decision_of),
    CaseOutcome: (OutcomeRow, _outcome),
    CaseLabel: (LabelRow, _label),
    CasePhoneNote: (PhoneNoteRow, _phone_note),
}
