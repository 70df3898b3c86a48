"""What is added to a case beside decisions: outcomes, labels, phone notes, files, legal holds."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import select

from triage_ml.cases.changes import Change, check_money, withdraw
from triage_ml.cases.progress import after_outcome
from triage_ml.cases.records import AttachmentKind, CaseState, Hold, Label, Outcome, PhoneNote
from triage_ml.cases.schema import AttachmentRow, LabelRow, MessageRow, OutcomeRow, PhoneNoteRow
from triage_ml.errors import CaseError
from triage_ml.messages import Direction

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")


def add_outcome(change: Change, outcome: Outcome) -> int:
    """Enter what came of it; where that closes the case, the proposal that stands has nothing left to settle."""
    check_money(change, outcome.spent)
    spent = outcome.spent
    row = {
        "at": outcome.at or change.journal.at, "by": outcome.by, "kind": outcome.kind.value,
        "offered_share": outcome.offered_share, "amount_spent": spent.amount if spent else None,
        "currency": spent.currency if spent else "",
    }  # fmt: skip
    seq = change.enter("outcome", outcome.by, OutcomeRow, row, {"note": outcome.note})
    state = after_outcome(outcome.kind, CaseState(change.case["state"]))
    if change.case["state"] == CaseState.REVIEW and state is not CaseState.REVIEW:
        withdraw(change, outcome.by)
    change.case["state"] = state.value
    return seq


def add_label(change: Change, label: Label) -> int:
    """Enter what a person says a message claims; the case has taught that.

    Raises
    ------
    CaseError
        Where the case has no such message.
    """
    row = {
        "message_id": message_of(change, label.message_id), "claim": label.claim.value, "abuse": label.abuse,
        "by": label.by, "at": change.journal.at,
    }  # fmt: skip
    change.case["teaches"] = 0.0
    return change.enter("label", label.by, LabelRow, row, {"note": label.note})


def add_phone_note(change: Change, note: PhoneNote) -> int:
    """Enter what was said on the telephone."""
    row = {"at": change.journal.at, "by": note.by}
    return change.enter("phone_note", note.by, PhoneNoteRow, row, {"text": note.said, "confirmation": note.confirmation})


def add_file(change: Change, path: Path, kind: AttachmentKind, by: str, message_id: int | None, folder: Path) -> int:
    """Keep a copy of a file in `folder`, and enter that.

    Raises
    ------
    CaseError
        Where the file cannot be read, or the case has no such message.
    """
    about = None if message_id is None else message_of(change, message_id)
    sha256, kept, size = keep_file(path, folder)
    row = {
        "message_id": about, "kind": kind.value, "sha256": sha256, "path": kept, "size": size,
        "added_at": change.journal.at, "added_by": by,
    }  # fmt: skip
    return change.enter("attachment", by, AttachmentRow, row, {"name": path.name})


def add_hold(change: Change, hold: Hold, by: str) -> None:
    """Put a legal hold on the case."""
    change.case |= {
        "hold_reason": hold.reason, "hold_approved_by": hold.approved_by, "hold_expires_at": hold.expires_at,
    }  # fmt: skip
    facts = {"approved_by": hold.approved_by, "expires_at": hold.expires_at}
    change.journal.enter("hold", by, change.id, personal={"reason": hold.reason}, facts=facts)


def release_hold(change: Change, by: str) -> None:
    """Take the legal hold off."""
    change.case |= {"hold_reason": "", "hold_approved_by": "", "hold_expires_at": None}
    change.journal.enter("release", by, change.id)


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
