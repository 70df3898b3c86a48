"""One case is read with all that belongs to it, and streams of what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, select

from triage_ml.cases.ledger import entries_of
from triage_ml.cases.records import (
    Case,
    CaseDeadline,
    CaseDecision,
    CaseLabel,
    CaseMessage,
    CaseOutcome,
    CasePhoneNote,
)
from triage_ml.cases.results import (
    attachment_of,
    case_number,
    decision_of,
    judgement_of,
    label_of,
    message_of,
    outcome_of,
    phone_note_of,
    proposal_of,
    public_id,
    summary_of,
    told_of,
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

_T = TypeVar("_T")
_STREAM = 500


def case_row(connection: Connection, case_id: str) -> dict[str, Any]:
    """Return the row of a case.

    Raises
    ------
    CaseNotFoundError
        Where there is none.
    """
    return dict(_row(connection, case_id)._mapping)


def _row(connection: Connection, case_id: str) -> Any:  # noqa: ANN401 - a row of `cases`
    row = connection.execute(select(CaseRow.__table__).where(CaseRow.id == case_number(case_id))).first()
    if row is None:
        raise CaseNotFoundError("case", f"{case_id!r}", 'the number of a case, such as "C-000123"', "Look it up in the list.")
    return row


def load_case(connection: Connection, case_id: str, files: Path) -> Case:
    """Return a case with all that belongs to it.

    Raises
    ------
    CaseNotFoundError
        Where there is none.
    """
    number, summary = case_number(case_id), summary_of(_row(connection, case_id))
    messages = list(_messages(connection, MessageRow.case_id == number))
    deadlines = connection.execute(select(DeadlineRow.__table__).where(DeadlineRow.case_id == number))
    return Case(
        summary=summary,
        messages=tuple(sorted(messages, key=lambda one: (one.message.sent_at or one.recorded_at, one.id))),
        decisions=_part(connection, DecisionRow, number, decision_of),
        outcomes=_part(connection, OutcomeRow, number, outcome_of),
        labels=_part(connection, LabelRow, number, label_of),
        phone_notes=_part(connection, PhoneNoteRow, number, phone_note_of),
        attachments=_part(connection, AttachmentRow, number, lambda row, told: attachment_of(row, told, files)),
        deadlines=tuple(sorted((CaseDeadline(d.clock, d.due_at, d.met_at) for d in deadlines), key=lambda d: d.due_at)),
        entries=tuple(entries_of(connection, public_id(number))),
        proposals=_part(connection, ProposalRow, number, proposal_of),
    )


_Read = Callable[[Any, dict[str, Any]], _T]


def _with_personal(table: type[Base]) -> Select[Any]:
    key = table.__table__.columns["id"]
    return select(table.__table__, PersonalRow.payload).outerjoin(PersonalRow, PersonalRow.seq == key).order_by(key)


def _part(connection: Connection, table: type[Base], number: int, read: _Read[_T]) -> tuple[_T, ...]:
    query = _with_personal(table).where(table.__table__.columns["case_id"] == number)
    return tuple(read(row, told_of(row)) for row in connection.execute(query))


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
    return [read(row, told_of(row)) for row in connection.execute(query)]


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
        yield from (message_of(row, judged.get(row.id)) for row in chunk)


def _judgements(connection: Connection, numbers: Sequence[int]) -> dict[int, Any]:
    """Return the newest judgement of each message."""
    query = (
        select(PredictionRow.__table__, ResolutionRow.content, PersonalRow.payload)
        .outerjoin(ResolutionRow, ResolutionRow.id == PredictionRow.id)
        .outerjoin(PersonalRow, PersonalRow.seq == PredictionRow.id)
        .where(PredictionRow.message_id.in_(numbers))
        .order_by(PredictionRow.id)
    )
    return {row.message_id: judgement_of(row, told_of(row)) for row in connection.execute(query)}


_STREAMS: dict[Any, tuple[type[Base], _Read[Any]]] = {
    CaseDecision: (DecisionRow, decision_of),
    CaseOutcome: (OutcomeRow, outcome_of),
    CaseLabel: (LabelRow, label_of),
    CasePhoneNote: (PhoneNoteRow, phone_note_of),
}
