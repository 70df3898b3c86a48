"""Which cases' personal data has had its time, and which of them stay all the same; nothing here erases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache

from sqlalchemy import ColumnElement, Connection, func, or_, select

from triage_ml.cases.database import reading
from triage_ml.cases.erasure import still_kept
from triage_ml.cases.progress import CaseValues
from triage_ml.cases.records import CaseState
from triage_ml.cases.results import public_id
from triage_ml.cases.schema import AttachmentRow, CaseRow, DeadlineRow, LedgerRow, PersonalRow
from triage_ml.cases.store import CaseStore
from triage_ml.clocks import all_clocks
from triage_ml.errors import CaseError
from triage_ml.messages import MessageKind

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Rule:
    """When personal data goes. Days are days of UTC: with 30, what was delivered on the 1st of March goes on the 31st.

    Parameters
    ----------
    days
        After the delivery. 30 is what Amazon's Data Protection Policy allows.
    quiet_days
        After the last message, where no delivery is known.
    answer_days
        So long a case stays after the buyer's last message in any case, so that somebody can answer it.
    dispute_days
        So long a case that is not closed stays after the clock of its A-to-z claim or chargeback has run out, answered or not;
        the right to file a SAFE-T claim protects until it lapses. None: disputes protect nothing.
    backup_days
        How long a backup may be kept.

    Raises
    ------
    CaseError
        For a number of days below 0.
    """

    days: int = 30
    quiet_days: int = 30
    answer_days: int = 7
    dispute_days: int | None = 90
    backup_days: int = 30

    def __post_init__(self) -> None:
        least = min(self.days, self.quiet_days, self.answer_days, self.dispute_days or 0, self.backup_days)
        if least < 0:
            raise CaseError("retention", f"{least} days", "0 or more", "Correct the rule.")


class Protection(StrEnum):
    """Why a case whose time is over stays all the same."""

    HOLD = "legal hold"
    DISPUTE = "open dispute"
    SAFE_T = "SAFE-T claim may be filed"
    RECENT = "recent message, to be answered"
    CHANGED = "changed meanwhile"


@dataclass(frozen=True, slots=True)
class Kept:
    """A case that stays: why, and until when."""

    case_id: str
    why: Protection
    until: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """A case that goes: since which day it is due, and how many texts and files go with it."""

    case_id: str
    version: int
    since: date
    texts: int
    files: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a purge would do: cases that go, cases that stay though their time is over, and cases whose hold has expired."""

    due: tuple[Due, ...]
    kept: tuple[Kept, ...]
    expired_holds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that may go: its row, its clocks (name, end, when met), and how many texts and files it has."""

    case: CaseValues
    clocks: list[tuple[str, datetime, datetime | None]]
    texts: int
    files: int

    @property
    def id(self) -> str:
        """The case, as a person names it."""
        return public_id(self.case["id"])

    @property
    def is_personal(self) -> bool:
        """Whether there is anything to erase."""
        return bool(self.texts or self.case["order_id"] or self.case["customisation"]) or not self.case["pseudonymised_at"]

    def due_on(self, now: datetime, rule: Rule) -> date:
        """Return the day on which it is due."""
        # A mail may claim to be from the year 2038.
        return due_on(self.case["delivered_at"], min(self.case["last_at"], self.case["updated_at"]), now, rule)

    def hold_expired(self, now: datetime) -> bool:
        """Say whether there is a legal hold that protects no more."""
        until: datetime | None = self.case["hold_expires_at"]
        return until is not None and until <= now

    def protection(self, now: datetime, rule: Rule) -> Kept | None:
        """Return what protects it the longest, None where nothing does."""
        running = [kept for kept in self._protections(rule) if now < kept.until]
        return max(running, key=lambda kept: kept.until, default=None)

    def _protections(self, rule: Rule) -> Iterator[Kept]:
        case = self.case
        if case["hold_expires_at"]:
            yield Kept(self.id, Protection.HOLD, case["hold_expires_at"])
        if case["lead_at"]:
            answered_on = min(case["lead_at"], case["updated_at"]).date() + timedelta(days=rule.answer_days)
            yield Kept(self.id, Protection.RECENT, datetime.combine(answered_on, time(), UTC))
        if rule.dispute_days is None:
            return
        claims, rights = _dispute_clocks()
        for clock, due_at, met_at in self.clocks:
            if clock in claims and case["state"] != CaseState.CLOSED:
                yield Kept(self.id, Protection.DISPUTE, due_at + timedelta(days=rule.dispute_days))
            elif clock in rights and met_at is None:
                yield Kept(self.id, Protection.SAFE_T, due_at)


def due_on(delivered_at: datetime | None, last_at: datetime, now: datetime, rule: Rule) -> date:
    """Return the day (UTC) on which a case is due.

    Parameters
    ----------
    delivered_at
        None where unknown; one that is still to come is no delivery.
    last_at
        When the last message was sent.
    now, rule
        The moment, and when personal data goes.
    """
    known = delivered_at is not None and delivered_at <= now
    start, days = (delivered_at, rule.days) if delivered_at and known else (last_at, rule.quiet_days)
    return start.astimezone(UTC).date() + timedelta(days=days)


def plan(store: CaseStore, today: date | None = None, rule: Rule = Rule()) -> Plan:  # noqa: B008 - frozen
    """Say what would go, and change nothing.

    Parameters
    ----------
    store
        The case record.
    today
        On which day; without it today, by the store's own clock.
    rule
        When personal data goes.
    """
    now = store.now().astimezone(UTC)
    if today:
        now = datetime.combine(today, now.timetz())
    due, kept, expired = [], [], []
    unfinished = or_(CaseRow.pseudonymised_at.is_(None), CaseRow.updated_at > CaseRow.pseudonymised_at)
    with reading(store.engine) as connection:
        for one in candidates(connection, unfinished):
            if one.hold_expired(now):
                expired.append(one.id)
            since = one.due_on(now, rule)
            if since > now.date() or not one.is_personal:
                continue
            if protected := one.protection(now, rule):
                kept.append(protected)
            else:
                due.append(Due(one.id, one.case["version"], since, one.texts, one.files))
    return Plan(tuple(due), tuple(kept), tuple(expired))


def candidates(connection: Connection, condition: ColumnElement[bool]) -> Iterator[Candidate]:
    """Yield the cases that fit a condition, by their numbers, with memory that does not grow."""
    query, last = select(CaseRow.__table__).where(condition).order_by(CaseRow.id).limit(_CHUNK), 0
    while rows := connection.execute(query.where(CaseRow.id > last)).mappings().all():
        numbers = [row["id"] for row in rows]
        clocks = defaultdict(list)
        for clock in connection.execute(select(DeadlineRow.__table__).where(DeadlineRow.case_id.in_(numbers))):
            clocks[clock.case_id].append((clock.clock, clock.due_at, clock.met_at))
        texts, files = _texts(connection, numbers), _files(connection, numbers)
        for row, number in zip(rows, numbers, strict=True):
            yield Candidate(dict(row), clocks[number], texts.get(public_id(number), 0), files.get(number, 0))
        last = numbers[-1]


def _texts(connection: Connection, numbers: list[int]) -> dict[str, int]:
    query = (
        select(LedgerRow.case_id, func.count())
        .join(PersonalRow, PersonalRow.seq == LedgerRow.seq)
        .where(LedgerRow.case_id.in_(map(public_id, numbers)))
        .group_by(LedgerRow.case_id)
    )
    return dict(connection.execute(query).all())


def _files(connection: Connection, numbers: list[int]) -> dict[int, int]:
    query = select(AttachmentRow.case_id, func.count()).where(AttachmentRow.case_id.in_(numbers), still_kept())
    return dict(connection.execute(query.group_by(AttachmentRow.case_id)).all())


@cache
def _dispute_clocks() -> tuple[frozenset[str], frozenset[str]]:
    """Return the clocks of claims that are to be answered, and of claims that the seller may file."""
    claims = {clock.id for clock in all_clocks() if clock.starts in (MessageKind.A_TO_Z, MessageKind.CHARGEBACK)}
    return frozenset(claims), frozenset(clock.id for clock in all_clocks() if clock.id.startswith("safe_t"))
