"""One case being changed: read under the lock, changed in memory, written with its ledger entries when the block ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from triage_ml.cases.database import writing
from triage_ml.cases.ledger import Journal
from triage_ml.cases.loading import case_row, load_case
from triage_ml.cases.progress import LARGEST, CaseValues, Deadlines, after_decision, lesson, met, next_due, running_again
from triage_ml.cases.proposing import withdraw_proposal
from triage_ml.cases.recording import update_cases, write_deadlines
from triage_ml.cases.records import Case, CaseProposal, CaseState, Decision
from triage_ml.cases.results import public_id
from triage_ml.cases.schema import Base, DeadlineRow, DecisionRow, ProposalRow
from triage_ml.cases.values import plain, row_digest, storable
from triage_ml.errors import CaseConflictError, CaseError
from triage_ml.messages import Money


@dataclass
class Change:
    """A case on the desk of the one who alone may write now.

    Parameters
    ----------
    connection
        For reading and writing in the same transaction.
    journal
        Takes the ledger entries.
    case
        The row of `cases`, to be changed in place.
    deadlines
        Its clocks, to be changed in place or replaced.
    """

    connection: Connection
    journal: Journal
    case: CaseValues
    deadlines: Deadlines

    @property
    def id(self) -> str:
        """The case, as a person names it."""
        return public_id(self.case["id"])

    def enter(self, kind: str, by: str, table: type[Base], row: dict[str, Any], personal: dict[str, Any] | None = None) -> int:
        """Enter one new row of this case; returns its number."""
        return self.journal.enter(kind, by, self.id, {table: {"case_id": self.case["id"], **row}}, personal)

    def load(self) -> Case:
        """Return the whole case as it stood before this change; where its files are is left out."""
        return load_case(self.connection, self.id, Path())


@contextmanager
def changing(engine: Engine, case_id: str, now: datetime, version: int | None = None) -> Iterator[Change]:
    """Give a case to change; all of it counts when the block ends without an error, or nothing.

    Parameters
    ----------
    engine
        The database.
    case_id
        Which case.
    now
        When it happens.
    version
        What the person has seen; None where that does not matter.

    Raises
    ------
    CaseNotFoundError
        Where there is no such case.
    CaseConflictError
        Where somebody changed it since.
    """
    with writing(engine) as connection:
        case = case_row(connection, case_id)
        if version is not None and case["version"] != version:
            found = f"version {case['version']}, changed at {case['updated_at']:%Y-%m-%d %H:%M} UTC"
            do = "Open the case again: something new may have come in."
            raise CaseConflictError(f"case {public_id(case['id'])}", found, f"version {version}, which you have seen", do)
        clocks = connection.execute(select(DeadlineRow.__table__).where(DeadlineRow.case_id == case["id"]))
        change = Change(connection, Journal(connection, now), case, {row.clock: (row.due_at, row.met_at) for row in clocks})
        yield change
        case |= {"version": case["version"] + 1, "updated_at": now, "due_at": next_due(change.deadlines)}
        update_cases(connection, [case])
        write_deadlines(connection, {case["id"]: change.deadlines})
        change.journal.flush()


def decide(change: Change, decision: Decision) -> None:
    """Enter a decision; who proposed one is the second person, unless another one is named.

    Raises
    ------
    CaseError
        Where a second person must look and none is named, or the remedy, the money or the changed share cannot be.
    """
    case = change.load()
    decision = _with_proposer(decision, case.proposal)
    row = _chosen(change, decision)
    if case.second_person_needed(decision.category):
        _check_second_person(change, decision, "abuse is possible")
    elif case.proposal:
        _check_second_person(change, decision, "a second look was asked for")
    now = change.journal.at
    row |= {"decided_at": now, "undone_at": None, "undone_by": ""}
    change.enter("decision", decision.by, DecisionRow, row, {"text": decision.final_text})
    change.case |= {"state": after_decision(decision.remedy).value, "teaches": 0.0}
    change.deadlines = met(change.deadlines, now)


def propose(change: Change, decision: Decision) -> None:
    """Enter a decision that a second person must look at; nothing was sent, so the clocks run on. A new one replaces the last.

    Raises
    ------
    CaseError
        Where the remedy, the money or the changed share cannot be.
    """
    row = _chosen(change, decision)
    if change.case["state"] == CaseState.REVIEW:
        withdraw(change, decision.by)
    row |= {"proposed_at": change.journal.at, "withdrawn_at": None, "withdrawn_by": ""}
    change.enter("proposal", decision.by, ProposalRow, row, {"text": decision.final_text})
    change.case["state"] = CaseState.REVIEW.value


def withdraw(change: Change, by: str) -> None:
    """Withdraw the proposal that stands; the case is open again."""
    withdraw_proposal(change.connection, change.journal, change.case["id"], by)
    change.case["state"] = CaseState.OPEN.value


def undo(change: Change, by: str) -> None:
    """Withdraw the proposal that stands; without one, take the newest decision back.

    Raises
    ------
    CaseError
        Where there is neither.
    """
    if change.case["state"] == CaseState.REVIEW:
        withdraw(change, by)
        return
    stands = (DecisionRow.case_id == change.case["id"], DecisionRow.undone_at.is_(None))
    query = select(DecisionRow.__table__).where(*stands).order_by(DecisionRow.id.desc()).limit(1)
    row = change.connection.execute(query).mappings().first()
    if row is None:
        raise CaseError(f"case {change.id}", "no decision that stands", "one to take back", "Open the case again.")
    undone = storable({"undone_at": change.journal.at, "undone_by": by})
    change.connection.execute(update(DecisionRow).where(DecisionRow.id == row["id"]).values(undone))
    rows = {f"decisions:{row['id']}": row_digest({**row, **undone})}
    change.journal.enter("undo", by, change.id, facts={"decision": row["id"], "rows": rows})
    change.case |= {"state": CaseState.OPEN.value, "teaches": _lesson(change.load())}
    change.deadlines = running_again(change.deadlines, [row["decided_at"]])


def _chosen(change: Change, decision: Decision) -> dict[str, Any]:
    """Return what the rows of decisions and proposals share, checked."""
    _check_remedy(decision.remedy)
    check_money(change, decision.amount)
    amount, edited = decision.amount, decision.edited
    if edited is not None and not 0 <= edited <= 1:
        raise CaseError("decision", f"{edited} of the text changed", "a share from 0 to 1", "Correct the share.")
    return {
        "by": decision.by, "category": decision.category.value, "remedy": str(decision.remedy),
        "amount": amount.amount if amount else None, "currency": amount.currency if amount else "",
        "template_id": decision.template_id, "model": decision.model, "policy": decision.policy,
        "second_person": decision.second_person, "shown": plain(decision.shown),
        "edited": None if edited is None else abs(float(edited)),  # a database knows no -0.0
    }  # fmt: skip


def check_money(change: Change, amount: Money | None) -> None:
    """Refuse a negative amount, and another currency than the buyer paid in."""
    if amount is None:
        return
    paid_in = change.case["currency"]
    if not amount.amount.is_finite() or not 0 <= amount.amount < LARGEST:
        raise CaseError(f"case {change.id}", f"the amount {amount}", f"0 or more, below {LARGEST:,}", "Correct the amount.")
    if paid_in and amount.currency != paid_in:
        raise CaseError(f"case {change.id}", f"the amount {amount}", f"an amount in {paid_in}", "Correct the currency.")


def _lesson(case: Case) -> float:
    """Return what a label would teach now: nothing where a person labelled or decided since the message that counts."""
    leading = case.leading
    said = max([given.id for given in case.labels] + [made.id for made in case.decisions if not made.undone_at], default=0)
    if leading is None or leading.judgement is None or said > leading.id:
        return 0.0
    return lesson(leading.judgement, leading.message.text)


def _check_remedy(remedy: str) -> None:
    from triage_ml.resolution import RemedyKind

    kinds = [kind.value for kind in RemedyKind]
    if remedy not in kinds:
        raise CaseError("decision", f"the remedy {remedy!r}", f"one of {', '.join(kinds)}", "Correct the remedy.")


def _with_proposer(decision: Decision, proposal: CaseProposal | None) -> Decision:
    """Name who proposed it as the second person, where somebody else decides and names nobody."""
    if proposal is None or decision.second_person.strip() or _same(decision.by, proposal.decision.by):
        return decision
    return replace(decision, second_person=proposal.decision.by)


def _check_second_person(change: Change, decision: Decision, why: str) -> None:
    if not decision.second_person.strip() or _same(decision.second_person, decision.by):
        found = f"{decision.second_person!r} as the second person"
        do = "Let a colleague look at it, and name them."
        raise CaseError(f"case {change.id}", found, f"somebody beside the one who decides, since {why}", do)


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
