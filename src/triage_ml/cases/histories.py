"""All cases one after another with what statistics need of them: many at a time, and memory that does not grow.

Letters, notes and what else only a person reads is left out; of a resolution only what the recommended remedy costs is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from triage_ml.cases.database import reading
from triage_ml.cases.queries import Filter, walk_cases
from triage_ml.cases.records import (
    CaseDecision,
    CaseLabel,
    CaseOutcome,
    CaseSummary,
    Label,
    Outcome,
    OutcomeKind,
)
from triage_ml.cases.results import case_number, decision_of, money, public_id
from triage_ml.cases.schema import (
    Base,
    CaseRow,
    DecisionRow,
    LabelRow,
    MessageRow,
    OutcomeRow,
    PersonalRow,
    PredictionRow,
    ResolutionRow,
)
from triage_ml.messages import Category, Claim, Direction, MessageKind, Money
from triage_ml.text import Cue

if TYPE_CHECKING:
    from triage_ml.cases.store import CaseStore

_AT_A_TIME = 500
_COST = ("recommended", "cost")


@dataclass(frozen=True, slots=True)
class Said:
    """One message, with its newest judgement.

    Parameters
    ----------
    id
        Number of the ledger entry that recorded it.
    at
        When it was sent; where that is unknown, when it was recorded.
    direction, kind, language, reason_code
        As of the message; the language is that it was read in.
    text, customisation
        The words, and what the buyer typed when ordering; "" where erased.
    erased
        Whether its personal data was erased.
    claim, category, cues
        What it was judged to claim; the spans of the cues refer to `triage_ml.text.clean(text)`.
    model
        The model that judged.
    cost
        What the recommended remedy is expected to cost, None where unknown.
    """

    id: int
    at: datetime
    direction: Direction
    kind: MessageKind
    language: str
    reason_code: str
    text: str
    customisation: str
    erased: bool
    claim: Claim
    category: Category
    cues: tuple[Cue, ...]
    model: str
    cost: Money | None


@dataclass(frozen=True, slots=True)
class History:
    """One case: messages by time, all else by ledger entry; decisions come without the text sent, the others without notes."""

    case: CaseSummary
    messages: tuple[Said, ...]
    decisions: tuple[CaseDecision, ...] = ()
    outcomes: tuple[CaseOutcome, ...] = ()
    labels: tuple[CaseLabel, ...] = ()


@dataclass(frozen=True, slots=True)
class BuyerCount:
    """How many cases one buyer has, who is known by a keyed hash."""

    buyer_hash: str
    cases: int


def walk_histories(store: CaseStore, where: Filter = Filter()) -> Iterator[History]:  # noqa: B008 - frozen
    """Yield all cases that fit, by their number, as they are at one moment."""
    with reading(store.engine) as connection:
        cases = walk_cases(connection, where)
        while chunk := list(islice(cases, _AT_A_TIME)):
            yield from _histories(connection, chunk)


def buyer_counts(store: CaseStore, since: datetime, until: datetime, least: int, limit: int) -> list[BuyerCount]:
    """Return the buyers with the most cases whose newest message is from `since` to before `until`, most first.

    Parameters
    ----------
    store
        The record.
    since, until
        The time.
    least
        How many cases a buyer must have.
    limit
        How many buyers at most.
    """
    count = func.count()
    query = select(CaseRow.buyer_hash, count).where(*_known_buyer(since, until)).group_by(CaseRow.buyer_hash)
    query = query.having(count >= least).order_by(count.desc(), CaseRow.buyer_hash).limit(limit)
    with reading(store.engine) as connection:
        return [BuyerCount(*row) for row in connection.execute(query)]


def buyers_by_cases(store: CaseStore, since: datetime, until: datetime) -> dict[int, int]:
    """Return how many buyers have one case, two, and so on, of those whose newest message is from then to before then."""
    query = select(func.count().label("cases")).where(*_known_buyer(since, until)).group_by(CaseRow.buyer_hash).subquery()
    with reading(store.engine) as connection:
        rows = connection.execute(select(query.c.cases, func.count()).group_by(query.c.cases).order_by(query.c.cases))
        return {cases: buyers for cases, buyers in rows}  # noqa: C416 - rows are no pairs to the type checker


def _known_buyer(since: datetime, until: datetime) -> tuple[Any, ...]:
    return CaseRow.buyer_hash != "", CaseRow.last_at >= since, CaseRow.last_at < until


def _histories(connection: Connection, cases: Sequence[CaseSummary]) -> Iterator[History]:
    numbers = [case_number(case.id) for case in cases]
    messages = _messages(connection, numbers)
    decisions, outcomes, labels = (_rows(connection, table, numbers) for table in (DecisionRow, OutcomeRow, LabelRow))
    for case, number in zip(cases, numbers, strict=True):
        yield History(
            case,
            tuple(sorted(messages.get(number, ()), key=lambda said: (said.at, said.id))),
            tuple(map(decision_of, decisions.get(number, ()))),
            tuple(map(_outcome, outcomes.get(number, ()))),
            tuple(map(_label, labels.get(number, ()))),
        )


def _rows(connection: Connection, table: type[Base], numbers: Sequence[int]) -> dict[int, list[Any]]:
    """Return the rows of some cases, by case, oldest first."""
    columns = table.__table__.columns
    query = select(table.__table__).where(columns["case_id"].in_(numbers)).order_by(columns["case_id"], columns["id"])
    return {number: list(rows) for number, rows in groupby(connection.execute(query), key=lambda row: row.case_id)}


def _messages(connection: Connection, numbers: Sequence[int]) -> dict[int, list[Said]]:
    newest = (
        MessageRow.case_id, MessageRow.id, MessageRow.sent_at, MessageRow.direction, MessageRow.kind, MessageRow.reason_code,
        PredictionRow.made_at, PredictionRow.language, PredictionRow.claim, PredictionRow.category, PredictionRow.cues,
        PredictionRow.model, ResolutionRow.content[_COST].label("cost"), PersonalRow.payload,
    )  # fmt: skip
    query = (
        select(*newest)
        .join(PredictionRow, PredictionRow.message_id == MessageRow.id)
        .join(ResolutionRow, ResolutionRow.id == PredictionRow.id)
        .outerjoin(PersonalRow, PersonalRow.seq == MessageRow.id)
        .where(MessageRow.case_id.in_(numbers))
        .order_by(MessageRow.id, PredictionRow.id)
    )
    found: dict[int, list[Said]] = {}
    for _, judged in groupby(connection.execute(query), key=lambda row: row.id):
        first, *later = judged
        newest_row = later[-1] if later else first
        found.setdefault(first.case_id, []).append(_said(newest_row, first.sent_at or first.made_at))
    return found


def _said(row: Any, at: datetime) -> Said:  # noqa: ANN401 - a row
    told: dict[str, Any] = json.loads(row.payload) if row.payload else {}
    order = told.get("order") or {}
    return Said(
        id=row.id,
        at=at,
        direction=Direction(row.direction),
        kind=MessageKind(row.kind),
        language=row.language,
        reason_code=row.reason_code,
        text=told.get("text", ""),
        customisation=order.get("customisation", ""),
        erased=row.payload is None,
        claim=Claim(row.claim),
        category=Category(row.category),
        cues=tuple(Cue(**cue) for cue in row.cues),
        model=row.model,
        cost=Money(Decimal(row.cost["amount"]), row.cost["currency"]) if row.cost else None,
    )


def _outcome(row: Any) -> CaseOutcome:  # noqa: ANN401 - a row
    spent = money(row.amount_spent, row.currency)
    outcome = Outcome(row.by, OutcomeKind(row.kind), row.offered_share, spent, at=row.at)
    return CaseOutcome(row.id, public_id(row.case_id), outcome)


def _label(row: Any) -> CaseLabel:  # noqa: ANN401 - a row
    label = Label(row.by, Claim(row.claim), row.abuse, message_id=row.message_id)
    return CaseLabel(row.id, public_id(row.case_id), row.at, label)
