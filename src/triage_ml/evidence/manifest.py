"""The list of a pack's files with their hashes, how anybody can check it, and whether a pack still is what it was."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from triage_ml.cases.checkpoints import Checkpoint
from triage_ml.cases.ledger import entry_hash
from triage_ml.cases.values import plain
from triage_ml.errors import CaseError

MANIFEST, VERIFY = "manifest.json", "verify.txt"
ENTRIES, CHECKPOINT, VERIFIER = "ledger/entries.jsonl", "ledger/checkpoint.json", "ledger/verify_chain.py"
_FORMAT = 1
_EXPECTED = "a pack as `triage-ml evidence` writes it, or its manifest.json"
# sha256sum passes over lines that begin with "#".
_HOW = """\
# How to check this pack. Nothing of the program that made it is needed.
#
# 1. The files. In this folder, on Linux, macOS or Windows (Git Bash):
#
#        sha256sum -c {verify}
#
#    On macOS without coreutils: shasum -a 256 -c {verify}
#
# 2. The ledger. {entries} holds the entries of this case as the seller's ledger has them. Each is hashed together with
#    the hash of the entry before it, so none can be changed later without changing all that follow. The hash of an entry
#    is the SHA-256 of its line without "hash", in the form it has here: keys sorted, no blanks, UTF-8.
#    {checkpoint} is signed (Ed25519) and says how far the ledger had come. The seller can export the whole ledger, which
#    holds no personal data; then
#
#        python {verifier} chain.jsonl {checkpoint}
#        grep -c -F -x -f {entries} chain.jsonl
#
#    check the chain, and that it holds all {count} lines of this case.
#
# This shows that nothing was changed since it was recorded. It is no court's proof of what was recorded.
"""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a pack holds.

    Parameters
    ----------
    case_id, purpose
        What it is about and for.
    as_of
        Time of the case's newest ledger entry.
    files
        SHA-256 in hex and size in bytes of every file but manifest and verify.txt, by its path.
    checkpoint
        The head of the ledger, signed.
    entries
        The case's entries as lines of an exported ledger.
    """

    case_id: str
    purpose: str
    as_of: datetime
    files: Mapping[str, tuple[str, int]]
    checkpoint: Checkpoint
    entries: tuple[str, ...]

    @property
    def known(self) -> frozenset[int]:
        """Numbers of the ledger entries that the pack holds."""
        return frozenset(json.loads(line)["seq"] for line in self.entries)

    def text(self) -> str:
        """Return it as the text of its file."""
        listed = {path: {"sha256": sha256, "size": size} for path, (sha256, size) in self.files.items()}
        ledger = {
            "head": {"seq": self.checkpoint.seq, "hash": self.checkpoint.hash},
            "checkpoint": asdict(self.checkpoint),
            "entries": list(self.entries),
        }
        said = {
            "format": _FORMAT, "case": self.case_id, "purpose": self.purpose, "as_of": plain(self.as_of),
            "files": listed, "ledger": ledger,
        }  # fmt: skip
        return json.dumps(said, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    def verify_text(self) -> str:
        """Return verify.txt: how to check, and a list for sha256sum that holds the manifest too."""
        own = hashlib.sha256(self.text().encode()).hexdigest()
        hashes = {MANIFEST: own, **{path: sha256 for path, (sha256, _) in self.files.items()}}
        names = {
            "verify": VERIFY,
            "entries": ENTRIES,
            "checkpoint": CHECKPOINT,
            "verifier": VERIFIER,
            "count": len(self.entries),
        }
        return _HOW.format(**names) + "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(hashes.items()))


def read_manifest(path: Path | str) -> Manifest:
    """Read the manifest of a pack, or one that was taken out of it.

    Raises
    ------
    CaseError
        Where it is none.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as pack:
                return _parsed(pack.read(MANIFEST))
        return _parsed(Path(path).read_bytes())
    except OSError as error:
        raise CaseError(path, str(error.strerror or error), _EXPECTED, "Check the name.") from error
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise CaseError(path, f"something else ({error})", _EXPECTED, "Name the earlier pack.") from error


def _parsed(data: bytes) -> Manifest:
    said = json.loads(data)
    ledger = said["ledger"]
    manifest = Manifest(
        case_id=said["case"],
        purpose=said["purpose"],
        as_of=datetime.fromisoformat(said["as_of"]),
        files={path: (file["sha256"], file["size"]) for path, file in said["files"].items()},
        checkpoint=Checkpoint(**ledger["checkpoint"]),
        entries=tuple(ledger["entries"]),
    )
    _ = manifest.known  # reads every line
    return manifest


def check_pack(path: Path | str) -> tuple[str, ...]:
    """Return what is wrong with a pack; empty where it is whole.

    Raises
    ------
    CaseError
        Where it is no pack at all.
    """
    manifest = read_manifest(path)
    try:
        with zipfile.ZipFile(path) as pack:
            return tuple(_findings(pack, manifest))
    except (OSError, zipfile.BadZipFile) as error:
        raise CaseError(
            path, f"no whole zip file ({error})", _EXPECTED, "Bring the pack back from where it was kept."
        ) from error


def _findings(pack: zipfile.ZipFile, manifest: Manifest) -> Iterator[str]:
    names = pack.namelist()
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name}: it is there more than once"
    for name in sorted(set(names) - set(manifest.files) - {MANIFEST, VERIFY}):
        yield f"{name}: the manifest does not know it"
    said = {MANIFEST: manifest.text().encode(), VERIFY: manifest.verify_text().encode()}
    expected = {name: (hashlib.sha256(data).hexdigest(), len(data)) for name, data in said.items()}
    for name, (sha256, size) in sorted({**manifest.files, **expected}.items()):
        if name not in names:
            yield f"{name}: it is gone"
        elif (found := _digest(pack, name)) != (sha256, size):
            yield f"{name}: {found[1]} bytes with SHA-256 {found[0]}, and {size} bytes with {sha256} were put in"
    yield from _ledger_findings(manifest)


def _ledger_findings(manifest: Manifest) -> Iterator[str]:
    for line in manifest.entries:
        content: dict[str, Any] = json.loads(line)
        given = content.pop("hash", "")
        if entry_hash(content) != given:
            yield f"ledger entry {content.get('seq')}: its content does not give its hash"
    if not manifest.checkpoint.is_signed():
        yield "checkpoint: the signature does not hold"


def _digest(pack: zipfile.ZipFile, name: str) -> tuple[str, int]:
    """Return hash and size of what is in a pack, "damaged" where it cannot be unpacked."""
    digest, size = hashlib.sha256(), 0
    try:
        with pack.open(name) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
                size += len(chunk)
    except (zipfile.BadZipFile, OSError, EOFError):
        return "damaged", size
    return digest.hexdigest(), size
