"""The ledger: an append-only chain of entries, each hashed together with the hash of the one before.

    hash = SHA-256 of the canonical JSON of {seq, at, by, kind, case_id, facts, commitment, previous}

Personal data never enters it. An entry only commits to its personal payload, by SHA-256 of a random salt and the payload's
canonical JSON; payload and salt can be erased and the chain stays whole. `facts["rows"]` holds the hash of every row the entry
wrote, so that an edit behind the ledger's back is found. It proves that nothing was changed since; it is no court's proof.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import IO, Any

from sqlalchemy import Connection, Row, delete, insert, select

from triage_ml.cases.schema import RECORDED, Base, LedgerRow, PersonalRow
from triage_ml.cases.values import canonical, plain, row_digest, storable
from triage_ml.errors import LedgerError

GENESIS = "0" * 64
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the chain.

    Parameters
    ----------
    seq
        Its number, from 1.
    at
        When, ISO 8601 in UTC.
    by
        Who.
    kind
        What was recorded: message, decision, undo, proposal, withdrawal, outcome, label, phone_note, attachment, hold, release,
        erasure.
    case_id
        The case ("C-000123"), "" where it is about none.
    facts
        What was recorded, without personal data; canonical JSON. `rows` maps "table" or "table:id" to the hash of that row.
    commitment
        SHA-256 of salt and personal payload in hex, "" where there is none.
    previous
        Hash of the entry before, 64 zeros for the first.
    hash
        As above.
    """

    seq: int
    at: str
    by: str
    kind: str
    case_id: str
    facts: str
    commitment: str
    previous: str
    hash: str

    def rehash(self, *, seq: int | None = None) -> str:
        """Return what the hash must be; with `seq`, what it would be at another place."""
        return entry_hash({**self.content(), "seq": self.seq if seq is None else seq})

    def content(self) -> dict[str, Any]:
        """Return what is hashed, the facts as they stand, parsed."""
        content = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "hash"}
        return content | {"facts": json.loads(self.facts)}

    def line(self) -> bytes:
        """Return the entry as one line of an export."""
        return canonical({**self.content(), "hash": self.hash}) + b"\n"


def entry_hash(content: Mapping[str, object]) -> str:
    """Return the hash of an entry's content (facts parsed)."""
    return hashlib.sha256(canonical(content)).hexdigest()


def commit(salt: bytes, payload: str) -> str:
    """Return the commitment to a personal payload (canonical JSON)."""
    return hashlib.sha256(salt + payload.encode()).hexdigest()


class Journal:
    """Appends entries, with the rows they record, in one transaction that alone may write.

    Parameters
    ----------
    connection
        From `database.writing`.
    at
        When all of this happens.
    """

    def __init__(self, connection: Connection, at: datetime) -> None:
        self.connection, self.at = connection, at
        last = head(connection)
        self._seq, self._hash = (last.seq, last.hash) if last else (0, GENESIS)
        self._tables: dict[type[Base], list[dict[str, object]]] = {LedgerRow: [], PersonalRow: [], **{t: [] for t in RECORDED}}

    @property
    def next(self) -> int:
        """The number of the next entry, and the id of the rows it records."""
        return self._seq + 1

    def enter(
        self,
        kind: str,
        by: str,
        case_id: str,
        rows: Mapping[type[Base], Mapping[str, object]] | None = None,
        personal: Mapping[str, object] | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> int:
        """Append one entry, written when `flush` is called.

        Parameters
        ----------
        kind, by, case_id
            As in `Entry`.
        rows
            The new rows it records, by table, all columns but the id; they get the entry's number as id. What goes into a JSON
            column must be plain already.
        personal
            What names or quotes a person. Empty values are left out.
        facts
            What else the entry says; no personal data.

        Returns
        -------
        int
            The entry's number.

        Raises
        ------
        LedgerError
            Where nobody is named.
        """
        if not by.strip():
            raise LedgerError("ledger", "nobody named", "who does this", "Give a name.")
        seq = self.next
        stored = {table: {"id": seq, **storable(row)} for table, row in (rows or {}).items()}
        for table, row in stored.items():
            self._tables[table].append(row)
        said: dict[str, Any] = plain(facts or {})
        if stored:
            said = {"rows": {table.__tablename__: row_digest(row) for table, row in stored.items()}} | said
        entry = {
            "seq": seq, "at": plain(self.at), "by": plain(by), "kind": kind, "case_id": case_id, "facts": said,
            "commitment": self._commit(seq, personal or {}), "previous": self._hash,
        }  # fmt: skip
        self._seq, self._hash = seq, entry_hash(entry)
        self._tables[LedgerRow].append({**entry, "facts": canonical(said).decode(), "hash": self._hash})
        return seq

    def _commit(self, seq: int, personal: Mapping[str, object]) -> str:
        told = {key: value for key, value in plain(personal).items() if value not in ("", None, [], {})}
        if not told:
            return ""
        salt, payload = secrets.token_bytes(32), canonical(told).decode()
        self._tables[PersonalRow].append({"seq": seq, "salt": salt, "payload": payload})
        return commit(salt, payload)

    def flush(self) -> None:
        """Write what was entered."""
        for table, rows in self._tables.items():
            if rows:
                self.connection.execute(insert(table), rows)
                rows.clear()


def erase(journal: Journal, seqs: list[int], by: str, case_id: str, reason: str) -> int:
    """Erase personal payloads for ever, and record that.

    Parameters
    ----------
    journal
        The transaction; a `Journal` writes at `flush`, so earlier entries of it must be flushed first.
    seqs
        The entries whose payloads go. Those that have none, or none any more, are passed over.
    by, case_id, reason
        For the record.

    Returns
    -------
    int
        How many were erased; 0 records nothing.
    """
    found: list[int] = []
    for start in range(0, len(seqs), _CHUNK):
        these = PersonalRow.seq.in_(seqs[start : start + _CHUNK])
        found += journal.connection.execute(select(PersonalRow.seq).where(these)).scalars()
        journal.connection.execute(delete(PersonalRow).where(these))
    if found:
        found.sort()
        journal.enter("erasure", by, case_id, facts={"erased": found, "reason": reason})
    return len(found)


def head(connection: Connection) -> Entry | None:
    """Return the newest entry, None for an empty ledger."""
    row = connection.execute(select(LedgerRow.__table__).order_by(LedgerRow.seq.desc()).limit(1)).first()
    return _entry(row) if row else None


def entry_at(connection: Connection, seq: int) -> Entry | None:
    """Return one entry, None where there is none with this number."""
    row = connection.execute(select(LedgerRow.__table__).where(LedgerRow.seq == seq)).first()
    return _entry(row) if row else None


def chunks(connection: Connection) -> Iterator[list[Entry]]:
    """Yield all entries by their numbers, a few thousand at a time."""
    last = None
    while True:
        query = select(LedgerRow.__table__).order_by(LedgerRow.seq).limit(_CHUNK)
        rows = connection.execute(query if last is None else query.where(LedgerRow.seq > last)).all()
        if not rows:
            return
        yield [_entry(row) for row in rows]
        last = rows[-1].seq


def entries_of(connection: Connection, case_id: str) -> list[Entry]:
    """Return a case's entries, oldest first."""
    query = select(LedgerRow.__table__).where(LedgerRow.case_id == case_id).order_by(LedgerRow.seq)
    return [_entry(row) for row in connection.execute(query)]


def export(connection: Connection, file: IO[bytes]) -> int:
    """Write the chain, one entry a line, for `verify_chain.py` and other eyes; it holds no personal data.

    Returns
    -------
    int
        How many entries.
    """
    count = 0
    for chunk in chunks(connection):
        file.writelines(entry.line() for entry in chunk)
        count += len(chunk)
    return count


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._mapping)
