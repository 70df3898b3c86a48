"""Is the ledger whole, and does the record say what the ledger says? Reads all of it once, a few thousand entries at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from triage_ml.cases.checkpoints import Checkpoint
from triage_ml.cases.ledger import GENESIS, Entry, chunks, commit, entry_at
from triage_ml.cases.schema import RECORDED, AttachmentRow, Base, LedgerRow, PersonalRow
from triage_ml.cases.values import canonical, row_digest


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was recorded.

    Parameters
    ----------
    seq
        The ledger entry it is about.
    kind
        changed, removed, reordered, inserted (the chain); payload (a personal payload); row (a row of another table);
        file (a kept file); checkpoint.
    what
        The rest, in words.
    """

    seq: int
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What looking at all of the ledger came to.

    Parameters
    ----------
    entries
        How many there are.
    head
        Hash of the newest one.
    findings
        What is wrong, nothing if all is whole.
    whole
        How many personal payloads are there as they were recorded.
    erased
        Entry to the entry that recorded the erasure of its personal payload.
    """

    entries: int
    head: str
    findings: tuple[Finding, ...]
    whole: int
    erased: Mapping[int, int]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify(
    connection: Connection, checkpoints: Sequence[Checkpoint] = (), trusted: Sequence[str] = (), files: Path | None = None
) -> Verification:
    """Check the chain, the personal payloads, the recorded rows and the kept files.

    Parameters
    ----------
    connection
        From `database.reading`: everything is seen at one moment.
    checkpoints
        Older statements about the chain. Without one, a chain that was cut or written anew by somebody who knows how is whole.
    trusted
        Public keys (hex) whose checkpoints count; empty: any whose signature holds.
    files
        The folder of the kept files; without it they are not looked at.
    """
    check = _Check(connection)
    check.read_later()
    for entries in chunks(connection):
        check.chain(entries)
        check.payloads(entries)
        check.rows(entries, files)
    check.strays()
    for checkpoint in checkpoints:
        check.checkpoint(checkpoint, trusted)
    findings = tuple(sorted(check.findings, key=lambda finding: finding.seq))
    return Verification(check.count, check.last_hash, findings, check.whole, check.erased)


@dataclass
class _Check:
    connection: Connection
    findings: list[Finding] = field(default_factory=list)
    count: int = 0
    last_seq: int = 0
    last_hash: str = GENESIS
    whole: int = 0
    erased: dict[int, int] = field(default_factory=dict)
    erasures: dict[int, int] = field(default_factory=dict)
    later: dict[str, str | None] = field(default_factory=dict)

    def find(self, seq: int, kind: str, what: str) -> None:
        self.findings.append(Finding(seq, kind, what))

    def read_later(self) -> None:
        """Read what later entries say of earlier ones: payloads that were erased, rows that were changed or taken out."""
        query = select(LedgerRow.seq, LedgerRow.facts).where(LedgerRow.kind != "message").order_by(LedgerRow.seq)
        for seq, facts in self.connection.execute(query).yield_per(1_000):
            said = _facts(facts)
            self.erasures.update(dict.fromkeys(said.get("erased", ()), seq))
            self.later.update({name: value for name, value in said.get("rows", {}).items() if ":" in name})

    def chain(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._link(entry)
            self.count += 1
            self.last_seq, self.last_hash = entry.seq, entry.hash

    def _link(self, entry: Entry) -> None:
        expected = self.last_seq + 1
        if entry.seq > expected:
            gone = f"entry {expected} is" if entry.seq == expected + 1 else f"entries {expected} to {entry.seq - 1} are"
            self.find(expected, "removed", f"{gone} not there")
        try:
            facts = canonical(json.loads(entry.facts)).decode()
            true_hash = entry.rehash()
        except (ValueError, TypeError, RecursionError):
            self.find(entry.seq, "changed", "it cannot be read")
            return
        if true_hash != entry.hash or facts != entry.facts:
            moved = self._moved(entry)
            what = f"it stood at {moved}" if moved else "its content does not give its hash"
            self.find(entry.seq, "reordered" if moved else "changed", what)
        elif entry.previous != self.last_hash and entry.seq == expected:
            what = f"it does not follow what stands at {self.last_seq}: that was put in, or changed and hashed anew"
            self.find(entry.seq, "inserted", what)

    def _moved(self, entry: Entry) -> int | None:
        """Return where an entry stood before it was moved, None where it was not."""
        row = self.connection.execute(select(LedgerRow.seq).where(LedgerRow.hash == entry.previous)).first()
        places = [1] if entry.previous == GENESIS else []
        places += [row.seq + 1] if row else []
        around = range(max(entry.seq - _NEAR, 1), entry.seq + _NEAR + 1)
        return next((seq for seq in [*places, *around] if seq != entry.seq and entry.rehash(seq=seq) == entry.hash), None)

    def payloads(self, entries: Sequence[Entry]) -> None:
        span = PersonalRow.seq.between(entries[0].seq, entries[-1].seq)
        there = {row.seq: row for row in self.connection.execute(select(PersonalRow.__table__).where(span))}
        for entry in entries:
            row = there.pop(entry.seq, None)
            if row is not None and commit(row.salt, str(row.payload)) == entry.commitment:
                self.whole += 1
            elif row is not None:
                self.find(entry.seq, "payload", "the personal payload was changed" if entry.commitment else "it had none")
            elif entry.seq in self.erasures:
                self.erased[entry.seq] = self.erasures[entry.seq]
            elif entry.commitment:
                self.find(entry.seq, "payload", "the personal payload is gone, and no entry records that it was erased")
        for seq in there:
            self.find(seq, "payload", "a personal payload without an entry")

    def rows(self, entries: Sequence[Entry], files: Path | None) -> None:
        for table in RECORDED:
            name = table.__tablename__
            found = dict(_rows(self.connection, table, entries[0].seq, entries[-1].seq))
            for entry in entries:
                row = found.pop(entry.seq, None)
                expected = self.later.get(f"{name}:{entry.seq}", _facts(entry.facts).get("rows", {}).get(name))
                if row is None and expected is not None:
                    self.find(entry.seq, "row", f"its row of {name} is gone")
                elif row is not None and _digest(row) != expected:
                    self.find(entry.seq, "row", f"its row of {name} is not the one that was recorded")
                elif row is not None and table is AttachmentRow and files is not None:
                    self._file(entry.seq, row, files)
            for seq in found:
                self.find(seq, "row", f"a row of {name} without an entry")

    def _file(self, seq: int, row: Mapping[str, Any], files: Path) -> None:
        path = files / row["path"]
        if not path.is_file():
            if seq not in self.erasures:
                self.find(seq, "file", f"the file {row['path']} is gone, and no entry records that it was erased")
            return
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != row["sha256"]:
                self.find(seq, "file", f"the file {row['path']} was changed")

    def strays(self) -> None:
        """Find rows beyond the end of the ledger: it was cut."""
        tables: tuple[type[Base], ...] = (*RECORDED, PersonalRow)
        for table in tables:
            key = table.__table__.columns["seq" if table is PersonalRow else "id"]
            first = self.connection.execute(select(func.min(key)).where(key > self.last_seq)).scalar()
            if first is not None:
                self.find(first, "removed", f"a row of {table.__tablename__}, but no entry: the ledger was cut")

    def checkpoint(self, checkpoint: Checkpoint, trusted: Sequence[str]) -> None:
        seq = checkpoint.seq
        if not checkpoint.is_signed():
            self.find(seq, "checkpoint", "the checkpoint's signature does not hold")
            return
        if trusted and checkpoint.public_key not in trusted:
            self.find(seq, "checkpoint", f"the checkpoint is signed with another key ({checkpoint.public_key[:16]}...)")
            return
        entry = entry_at(self.connection, seq)
        if entry is None:
            self.find(seq, "checkpoint", f"the checkpoint of {checkpoint.at} knows entry {seq}: the ledger was cut")
        elif entry.hash != checkpoint.hash:
            self.find(seq, "checkpoint", f"the checkpoint of {checkpoint.at} knows another entry: the ledger was written anew")


# How far an entry may have been moved together with others, so that its predecessor tells nothing.
_NEAR = 50


def _facts(text: str) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) and isinstance(facts.get("rows", {}), dict) else {}


def _rows(connection: Connection, table: type[Base], first: int, last: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a span by number; one that cannot even be read as an empty one."""
    columns = table.__table__.columns
    query = select(table.__table__)
    try:
        rows = connection.execute(query.where(columns["id"].between(first, last))).mappings().all()
        for row in rows:
            yield row["id"], dict(row)
    except (ValueError, TypeError, ArithmeticError):
        for number in connection.execute(select(columns["id"]).where(columns["id"].between(first, last))).scalars().all():
            try:
                yield number, dict(connection.execute(query.where(columns["id"] == number)).mappings().one())
            except (ValueError, TypeError, ArithmeticError):
                yield number, {}


def _digest(row: Mapping[str, Any]) -> str:
    try:
        return row_digest(row)
    except (ValueError, TypeError):
        return ""
