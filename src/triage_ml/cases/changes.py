"""One case being changed: read under the lock, changed in memory, written with its ledger entries when the block ends."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from triage_ml.cases.database import writing
from triage_ml.cases.ledger import Journal
from triage_ml.cases.loading import case_row, public_id
from triage_ml.cases.progress import LARGEST, CaseValues, Deadlines, after_decision, met, next_due, running_again
from triage_ml.cases.recording import update_cases, write_deadlines
from triage_ml.cases.records import CaseState, Decision
from triage_ml.cases.schema import Base, DeadlineRow, DecisionRow, MessageRow, PredictionRow, ResolutionRow
from triage_ml.cases.values import row_digest
from triage_ml.classifier import POSSIBLE_ABUSE
from triage_ml.errors import CaseConflictError, CaseError
from triage_ml.messages import Category, Direction, Money

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")


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
    """Enter a decision.

    Raises
    ------
    CaseError
        Where a second person must look and none is named, or the remedy or the money cannot be.
    """
    _check_remedy(decision.remedy)
    check_money(change, decision.amount)
    _check_second_person(change, decision)
    now, amount = change.journal.at, decision.amount
    row = {
        "decided_at": now, "by": decision.by, "category": decision.category.value, "remedy": str(decision.remedy),
        "amount": amount.amount if amount else None, "currency": amount.currency if amount else "",
        "template_id": decision.template_id, "model": decision.model, "policy": decision.policy,
        "second_person": decision.second_person, "undone_at": None, "undone_by": "",
    }  # fmt: skip
    change.enter("decision", decision.by, DecisionRow, row, {"text": decision.final_text})
    change.case["state"] = after_decision(decision.remedy).value
    change.deadlines = met(change.deadlines, now)


def undo(change: Change, by: str) -> None:
    """Take the newest decision back.

    Raises
    ------
    CaseError
        Where there is none.
    """
    stands = (DecisionRow.case_id == change.case["id"], DecisionRow.undone_at.is_(None))
    query = select(DecisionRow.__table__).where(*stands).order_by(DecisionRow.id.desc()).limit(1)
    row = change.connection.execute(query).mappings().first()
    if row is None:
        raise CaseError(f"case {change.id}", "no decision that stands", "one to take back", "Open the case again.")
    undone = {"undone_at": change.journal.at, "undone_by": by}
    change.connection.execute(update(DecisionRow).where(DecisionRow.id == row["id"]).values(undone))
    rows = {f"decisions:{row['id']}": row_digest({**row, **undone})}
    change.journal.enter("undo", by, change.id, facts={"decision": row["id"], "rows": rows})
    change.case["state"] = CaseState.OPEN.value
    change.deadlines = running_again(change.deadlines, [row["decided_at"]])


def check_money(change: Change, amount: Money | None) -> None:
    """Refuse a negative amount, and another currency than the buyer paid in."""
    if amount is None:
        return
    paid_in = change.case["currency"]
    if not amount.amount.is_finite() or not 0 <= amount.amount < LARGEST:
        raise CaseError(f"case {change.id}", f"the amount {amount}", f"0 or more, below {LARGEST:,}", "Correct the amount.")
    if paid_in and amount.currency != paid_in:
        raise CaseError(f"case {change.id}", f"the amount {amount}", f"an amount in {paid_in}", "Correct the currency.")


def _check_remedy(remedy: str) -> None:
    from triage_ml.resolution import RemedyKind

    kinds = [kind.value for kind in RemedyKind]
    if remedy not in kinds:
        raise CaseError("decision", f"the remedy {remedy!r}", f"one of {', '.join(kinds)}", "Correct the remedy.")


def _check_second_person(change: Change, decision: Decision) -> None:
    query = (
        select(ResolutionRow.content)
        .join(PredictionRow, PredictionRow.id == ResolutionRow.id)
        .join(MessageRow, MessageRow.id == PredictionRow.message_id)
        .where(MessageRow.case_id == change.case["id"])
        .order_by(ResolutionRow.id.desc())
        .limit(1)
    )
    content = change.connection.execute(query).scalar() or {}
    suspected = Category.ABUSE in (change.case["category"], decision.category) or change.case["abuse"] >= POSSIBLE_ABUSE
    if not (suspected or content.get("needs_second_person")):
        return
    if decision.second_person.strip() in ("", decision.by.strip()):
        found = f"{decision.second_person!r} as the second person"
        do = "Let a colleague look at it, and name them."
        raise CaseError(f"case {change.id}", found, "somebody beside the one who decides, since abuse is possible", do)


def message_of(change: Change, message_id: int | None) -> int:
    """Return the number of one of the case's messages; None stands for the newest that came in.

    Raises
    ------
    CaseError
        Where the case has no such message.
    """
    query = select(MessageRow.id).where(MessageRow.case_id == change.case["id"])
    if message_id is None:
        newest = (MessageRow.sent_at.desc().nulls_last(), MessageRow.id.desc())
        query = query.where(MessageRow.direction == Direction.IN.value).order_by(*newest)
    else:
        query = query.where(MessageRow.id == message_id)
    found = change.connection.execute(query.limit(1)).scalar()
    if found is None:
        there_is = f"no message {message_id}" if message_id else "no message of a buyer"
        raise CaseError(f"case {change.id}", there_is, "one of its messages", "Open the case again.")
    return found


def keep_file(path: Path, folder: Path) -> tuple[str, str, int]:
    """Copy a file into the folder under its own hash.

    Returns
    -------
    tuple
        Its SHA-256 in hex, its path in the folder, and its size in bytes.

    Raises
    ------
    CaseError
        Where it cannot be read or kept.
    """
    part = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Readable by the owner alone, as all such files are.
        with path.open("rb") as source, NamedTemporaryFile(dir=folder, delete=False) as copy:
            part = Path(copy.name)
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        with part.open("rb") as copied:
            sha256 = hashlib.file_digest(copied, "sha256").hexdigest()
        size = part.stat().st_size
        kept = Path(sha256[:2]) / (sha256 + (path.suffix.lower() if _SUFFIX.fullmatch(path.suffix) else ""))
        (folder / kept).parent.mkdir(exist_ok=True)
        os.replace(part, folder / kept)
    except OSError as error:
        do = "Check the name."
        raise CaseError(path, str(error.strerror), "a file that can be read, and room to keep it", do) from error
    finally:
        if part:
            part.unlink(missing_ok=True)
    return sha256, kept.as_posix(), size
