"""The personal data of a case is erased for ever, and what was erased is recorded without a name.

What goes    every personal payload (texts, senders, orders, notes, replies, names of files, reasons that quote); the kept files
             that no other case holds; the case's order number and customisation; a hold that expired. Of a message the name of
             its export (single mails are named after their subject), the hash of its bytes, and a return reason that is no code
What stays   claim, category, probabilities, types and places of cues (no words), resolutions, decisions, outcomes, labels,
             clocks, money, product, SKU, marketplace and times: by these problems and remedies are counted. Proposals,
             without their words. Who of the shop did it. Keyed hashes: of the buyer (who wrote before), of the thread (a late
             message finds its case), of each message (importing an old export again brings nothing back)

The key of the hashes stands in the same database, and times and amounts can be held against the marketplace's list of orders:
what stays is pseudonymous, not anonymous. On a person's own request the hashes of buyer and thread go too. The case is closed,
since nobody can answer words that are gone; a new message opens it again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, update
from sqlalchemy.exc import OperationalError

from triage_ml.cases import database, ledger
from triage_ml.cases.changes import Change, withdraw
from triage_ml.cases.records import CaseState
from triage_ml.cases.schema import PERSONAL_CASE_FIELDS, AttachmentRow, Base, LedgerRow, MessageRow, ThreadRow
from triage_ml.cases.store import CaseStore
from triage_ml.cases.values import row_digest
from triage_ml.errors import CaseConflictError, CaseError

RETENTION = "retention"
_KIND = "pseudonymisation"
# Where no file is ever kept: the hash stays, to say which file it was.
_ERASED = "erased"
# A marketplace's code; all else may be words that somebody typed.
_CODE = re.compile(r"[A-Z]+(?:[_-][A-Z]+)*")
_STALE_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Gone:
    """A case that was erased: when, by whom, why, and how many texts and files went."""

    case_id: str
    at: datetime
    by: str
    reason: str
    texts: int
    files: int


def erase_cases(store: CaseStore, versions: Mapping[str, int], by: str, reason: str, *, forget: bool = False) -> Iterator[str]:
    """Erase cases, each in a transaction of its own, and yield those that changed since: they must be judged again.

    Parameters
    ----------
    store
        The case record.
    versions
        Case to the version that was judged.
    by, reason
        For the record; no personal data.
    forget
        Whether the hashes of buyer and thread go as well.

    Raises
    ------
    CaseError
        Where a file cannot be deleted; its case stays whole, those before are gone.
    """
    for case_id, version in versions.items():
        try:
            with store.changing(case_id, version) as change:
                _erase(change, store.files, by, reason, forget)
        except CaseConflictError:
            yield case_id


def _erase(change: Change, files: Path, by: str, reason: str, forget: bool) -> None:
    connection, number = change.connection, change.case["id"]
    if change.case["state"] == CaseState.REVIEW:
        withdraw(change, by)
    seqs = [entry.seq for entry in ledger.entries_of(connection, change.id)]
    texts = ledger.erase(change.journal, seqs, by, change.id, reason)
    kept = select(AttachmentRow.path).where(AttachmentRow.case_id == number, still_kept())
    paths = set(connection.execute(kept).scalars())
    rows = {**_blank(change, MessageRow, _without_source), **_blank(change, AttachmentRow, _without_file)}
    paths -= set(connection.execute(select(AttachmentRow.path).where(AttachmentRow.path.in_(paths))).scalars())
    _blank_case(change, forget)
    if forget:
        connection.execute(delete(ThreadRow).where(ThreadRow.case_id == number))
    facts = {"reason": reason, "texts": texts, "files": len(paths), "rows": rows}
    change.journal.enter(_KIND, by, change.id, facts=facts)
    # Last, but before the transaction ends: a file that stayed behind would stay for ever, one that is gone too soon is only
    # found missing until the next purge.
    for path in paths:
        _delete(files, path)


def _blank_case(change: Change, forget: bool) -> None:
    for name in PERSONAL_CASE_FIELDS:
        if forget or name != "buyer_hash":
            change.case[name] = ""
    change.case |= {
        "teaches": 0.0, "hold_reason": "", "hold_approved_by": "", "hold_expires_at": None, "state": CaseState.CLOSED.value,
        "pseudonymised_at": change.journal.at,
    }  # fmt: skip


def _blank(change: Change, table: type[Base], without: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, str]:
    """Take out of a case's rows what names a person; returns the hashes of the rows that changed, for the ledger."""
    columns, digests = table.__table__.columns, {}
    query = select(table.__table__).where(columns["case_id"] == change.case["id"])
    for row in map(dict, change.connection.execute(query).mappings().all()):
        blank = row | without(row)
        if blank != row:
            change.connection.execute(update(table).where(columns["id"] == row["id"]).values(without(row)))
            digests[f"{table.__tablename__}:{row['id']}"] = row_digest(blank)
    return digests


def _without_source(message: Mapping[str, Any]) -> dict[str, Any]:
    code = message["reason_code"] if _CODE.fullmatch(message["reason_code"]) else ""
    return {"source_file": "", "source_row": None, "raw_sha256": "", "reason_code": code}


def _without_file(attachment: Mapping[str, Any]) -> dict[str, Any]:
    return {"path": f"{_ERASED}/{attachment['sha256']}"}


def still_kept() -> ColumnElement[bool]:
    """Return the condition under which an attachment's file was not erased."""
    return ~AttachmentRow.path.startswith(f"{_ERASED}/")


def _delete(files: Path, name: str) -> None:
    path = files / name
    try:
        if path.resolve().is_relative_to(files.resolve()):
            path.unlink(missing_ok=True)
    except OSError as error:
        do = "Close it where it is open, and purge again."
        raise CaseError(path, str(error.strerror), "a file that can be deleted", do) from error


def unreported(connection: Connection, since: int) -> tuple[tuple[Gone, ...], int]:
    """Return the cases erased after a ledger entry, and the number of the last of these entries (`since` where none is)."""
    query = select(LedgerRow.__table__).where(LedgerRow.kind == _KIND, LedgerRow.seq > since).order_by(LedgerRow.seq)
    gone = []
    for row in connection.execute(query):
        facts, since = json.loads(row.facts), row.seq
        at = datetime.fromisoformat(row.at)
        gone.append(Gone(row.case_id, at, row.by, facts["reason"], facts["texts"], facts["files"]))
    return tuple(gone), since


def clean_up(store: CaseStore) -> bool:
    """Take what was erased out of free pages and the search index, and delete copies of files that were never finished.

    Returns
    -------
    bool
        False where another program that reads or writes was in the way, so that it must be done again.
    """
    for part in store.files.glob("part.*"):
        if store.now().timestamp() - part.stat().st_mtime > _STALE_SECONDS:
            _delete(store.files, part.name)
    try:
        database.scrub(store.engine)
    except OperationalError:
        return False
    log = Path(f"{store.engine.url.database}-wal")
    return store.engine.dialect.name != "sqlite" or not log.exists() or log.stat().st_size == 0
