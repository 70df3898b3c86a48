"""Messages come into the record: a few hundred in one transaction, known ones passed over, new ones in the ledger."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from triage_ml.cases.ledger import Journal
from triage_ml.cases.progress import CaseValues, Deadlines, add_message, new_case
from triage_ml.cases.proposing import withdraw_proposal
from triage_ml.cases.records import CaseState, Origin, Recorded
from triage_ml.cases.results import public_id
from triage_ml.cases.schema import (
    CaseRow,
    DeadlineRow,
    MessageRow,
    PredictionRow,
    ResolutionRow,
    SecretRow,
    ThreadRow,
)
from triage_ml.cases.threads import buyer_identity, identity, normal_order, order_of, source_of, stands_alone, thread_keys
from triage_ml.cases.values import plain, storable
from triage_ml.messages import Message

if TYPE_CHECKING:
    from triage_ml.triage import Assessment

# A clock is a row of data/clocks.toml: its id and date find it again.
_BY_NAME = {"Clock": ("id", "who", "channel", "effective_from")}


@dataclass(frozen=True, slots=True)
class Identities:
    """Keyed hashes (BLAKE2b) of what names a person: the same for the same person in this database, of no use elsewhere."""

    key: bytes

    @classmethod
    def load(cls, connection: Connection) -> Identities:
        """Read the database's key."""
        return cls(connection.execute(select(SecretRow.value).where(SecretRow.name == "identity")).scalar_one())

    def hash(self, what: str, text: str) -> str:
        """Return the hash of a text; `what` keeps a buyer and a thread of the same words apart. "" stays ""."""
        said = str(plain(f"{what} {text}"))
        return hashlib.blake2b(said.encode(), key=self.key, digest_size=32).hexdigest() if text else ""

    def buyer(self, message: Message) -> str:
        """Return the buyer's hash, "" where unknown."""
        return self.hash("buyer", buyer_identity(message))


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message on its way into the record: what knows it again, and by what it finds its case."""

    assessment: Assessment
    fingerprint: str
    keys: tuple[str, ...]
    buyer_hash: str
    origin: Origin


class Arrivals:
    """Turns assessments into incoming messages, one import through.

    Parameters
    ----------
    identities
        The database's keyed hashes.
    origin
        Where a message comes from, where the caller knows.
    """

    def __init__(self, identities: Identities, origin: Callable[[Message], Origin] | None) -> None:
        self.identities, self.origin = identities, origin
        self._alone: Counter[str] = Counter()

    def __call__(self, assessments: Iterable[Assessment]) -> list[Incoming]:
        """Return them in the order given, without those that come twice."""
        incoming = (self._one(assessment) for assessment in assessments)
        return list({message.fingerprint: message for message in incoming}.values())

    def _one(self, assessment: Assessment) -> Incoming:
        message, hashed = assessment.message, self.identities.hash
        fingerprint = hashed("message", identity(message))
        if stands_alone(message):
            # Nothing but the words tells such rows apart, so the second with the same words is another message.
            self._alone[fingerprint] += 1
            fingerprint = hashed("message", f"{fingerprint} {self._alone[fingerprint]}")
        keys = tuple(hashed("thread", key) for key in thread_keys(message)) or (hashed("thread", fingerprint),)
        origin = self.origin(message) if self.origin else Origin(*source_of(message))
        return Incoming(assessment, fingerprint, keys, self.identities.buyer(message), origin)


def record_chunk(connection: Connection, incoming: Sequence[Incoming], by: str, now: datetime) -> Recorded:
    """Bring messages into the record, in one transaction that alone may write.

    Returns
    -------
    Recorded
        What was new and what was known; known messages change nothing.
    """
    query = select(MessageRow.fingerprint).where(MessageRow.fingerprint.in_([one.fingerprint for one in incoming]))
    known = set(connection.execute(query).scalars())
    fresh = [one for one in incoming if one.fingerprint not in known]
    if not fresh:
        return Recorded(known=len(incoming))
    journal = Journal(connection, now)
    desk = _Desk(connection, fresh, now)
    for one in fresh:
        case = desk.case_of(one, journal.next)
        in_review = case["state"] == CaseState.REVIEW
        add_message(case, desk.deadlines[case["id"]], one.assessment, one.buyer_hash, now)
        _enter(journal, one, case["id"], by)
        if in_review and case["state"] != CaseState.REVIEW:
            withdraw_proposal(connection, journal, case["id"], by)
    desk.write()
    journal.flush()
    return Recorded(len(fresh), len(desk.new), len(incoming) - len(fresh))


class _Desk:
    """The cases that a chunk's messages belong to, laid out to work on."""

    def __init__(self, connection: Connection, fresh: Sequence[Incoming], now: datetime) -> None:
        self.connection, self.now = connection, now
        keys = {key for one in fresh for key in one.keys}
        rows = connection.execute(select(ThreadRow.key, ThreadRow.case_id).where(ThreadRow.key.in_(keys)))
        self.case_by_key: dict[str, int] = {row.key: row.case_id for row in rows}
        self.known_keys = frozenset(self.case_by_key)
        numbers = set(self.case_by_key.values())
        self.cases: dict[int, CaseValues] = {
            row.id: dict(row._mapping) for row in connection.execute(select(CaseRow.__table__).where(CaseRow.id.in_(numbers)))
        }
        self.deadlines: dict[int, Deadlines] = {number: {} for number in numbers}
        for row in connection.execute(select(DeadlineRow.__table__).where(DeadlineRow.case_id.in_(numbers))):
            self.deadlines[row.case_id][row.clock] = (row.due_at, row.met_at)
        self.new: set[int] = set()
        self.touched: set[int] = set()

    def case_of(self, one: Incoming, number: int) -> CaseValues:
        """Return the case a message belongs to, a new one with this number where it finds none."""
        found = next((case for key in one.keys if (case := self._fits(key, order_of(one.assessment.message)))), None)
        if found is None:
            found = self.cases[number] = new_case(number, self.now)
            self.deadlines[number] = {}
            self.new.add(number)
        for key in one.keys:
            self.case_by_key.setdefault(key, found["id"])
        self.touched.add(found["id"])
        return found

    def _fits(self, key: str, order_id: str) -> CaseValues | None:
        """Return the case of a key, unless it is about another order."""
        case = self.cases.get(self.case_by_key.get(key, 0))
        other_order = case is not None and order_id and normal_order(case["order_id"]) not in ("", order_id)
        return None if other_order else case

    def write(self) -> None:
        for number in self.touched:
            case = self.cases[number]
            case["version"] += 1
            case["updated_at"] = self.now
        new = [self.cases[number] for number in sorted(self.new)]
        changed = [self.cases[number] for number in sorted(self.touched - self.new)]
        if new:
            self.connection.execute(insert(CaseRow), [storable(case) for case in new])
        update_cases(self.connection, changed)
        threads = [{"key": k, "case_id": n} for k, n in self.case_by_key.items() if k not in self.known_keys]
        if threads:
            self.connection.execute(insert(ThreadRow), threads)
        write_deadlines(self.connection, {number: self.deadlines[number] for number in self.touched}, new=self.new)


def update_cases(connection: Connection, cases: Sequence[CaseValues]) -> None:
    """Write rows of `cases` that are there already."""
    if cases:
        names = [column.name for column in CaseRow.__table__.columns if column.name != "id"]
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        statement = update(CaseRow).where(CaseRow.id == bindparam("number")).values(values)
        rows = [{"number": case["id"], **{f"new_{name}": case[name] for name in names}} for case in map(storable, cases)]
        connection.execute(statement, rows)


def write_deadlines(connection: Connection, deadlines: dict[int, Deadlines], *, new: Iterable[int] = ()) -> None:
    """Write the clocks of some cases, in place of those they had."""
    had = sorted(deadlines.keys() - set(new))
    if had:
        connection.execute(delete(DeadlineRow).where(DeadlineRow.case_id.in_(had)))
    rows = [
        {"case_id": number, "clock": clock, "due_at": due_at, "met_at": met_at}
        for number, clocks in deadlines.items()
        for clock, (due_at, met_at) in clocks.items()
    ]
    if rows:
        connection.execute(insert(DeadlineRow), rows)


def _enter(journal: Journal, one: Incoming, number: int, by: str) -> None:
    """Enter one message with its judgement."""
    assessment, message, origin = one.assessment, one.assessment.message, one.origin
    prediction, seq = assessment.prediction, journal.next
    row: dict[str, Any] = {
        "case_id": number, "fingerprint": one.fingerprint, "direction": message.direction.value, "kind": message.kind.value,
        "channel": message.channel, "language": message.language, "sent_at": message.sent_at,
        "reason_code": message.reason_code, "raw_sha256": origin.raw_sha256, "source_file": origin.file,
        "source_row": origin.row,
    }  # fmt: skip
    judged: dict[str, Any] = {
        "message_id": seq, "made_at": journal.at, "model": assessment.model, "policy": assessment.policy,
        "language": prediction.language, "claim": prediction.claim.value, "category": prediction.category.value,
        "probabilities": plain(prediction.probabilities), "claim_set": plain(prediction.claim_set), "abuse": prediction.abuse,
        "cues": plain(prediction.cues),
    }  # fmt: skip
    personal = {
        "message_id": message.message_id, "text": message.text, "thread_id": message.thread_id, "subject": message.subject,
        "sender": message.sender, "attachments": message.attachments, "claim_hint": message.claim_hint, "order": message.order,
        "reasons": assessment.reasons, "comparison": assessment.comparison,
    }  # fmt: skip
    content = plain(assessment.resolution, _BY_NAME)
    facts = {"message": message.kind.value, "claim": prediction.claim.value, "category": prediction.category.value}
    rows = {MessageRow: row, PredictionRow: judged, ResolutionRow: {"content": content}}
    journal.enter("message", by, public_id(number), rows, personal, facts)
