"""All that is sent or kept of a case, in one file: two bundles, the list of hashes, and how to check it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from triage_ml.cases import checkpoints, database, ledger
from triage_ml.cases.records import AttachmentKind, Case
from triage_ml.cases.values import plain
from triage_ml.errors import CaseError, LedgerError, MissingExtraError
from triage_ml.evidence.drafting import Draft, draft
from triage_ml.evidence.items import Item, checklist
from triage_ml.evidence.manifest import CHECKPOINT, ENTRIES, MANIFEST, VERIFIER, VERIFY, Manifest, read_manifest
from triage_ml.evidence.pages import html, page_of
from triage_ml.evidence.pdf import pdf
from triage_ml.evidence.purposes import Limit, Purpose, limit, purpose_facts, purpose_named
from triage_ml.evidence.record import Record
from triage_ml.evidence.telling import Audience, Deadline, Evidence, PlatformEvidence, for_buyer, for_platform
from triage_ml.marketplaces import DEFAULT_PLATFORM

if TYPE_CHECKING:
    from triage_ml.cases.checkpoints import Checkpoint
    from triage_ml.cases.store import CaseStore

# A file's content, or where it lies.
_Contents = dict[str, bytes | Path]
# The first moment a zip file can name.
_ZIP_BEGINS = datetime(1980, 1, 1, tzinfo=UTC)
_REGULAR_FILE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class PackReport:
    """What was built, and what the person who sends it must know; none of this is in the pack.

    Parameters
    ----------
    path, sha256, size
        The file.
    case_id, purpose
        What it is about and for.
    files
        The paths in it.
    checklist
        What is there and what is missing.
    drafts
        The text for the platform's box, in the marketplace's language first, then in English.
    deadlines
        The clocks that matter, soonest first, and whether they were open when it was built.
    built_at
        When that was.
    cautions
        What to heed, in plain words.
    steps
        What to do with it, in English ("en") and Chinese ("zh").
    """

    path: Path
    sha256: str
    size: int
    case_id: str
    purpose: Purpose
    files: tuple[str, ...]
    checklist: tuple[Item, ...]
    drafts: tuple[Draft, ...]
    deadlines: tuple[Deadline, ...]
    built_at: datetime
    cautions: tuple[str, ...]
    steps: Mapping[str, tuple[str, ...]]

    @property
    def missing(self) -> tuple[Item, ...]:
        """What the purpose needs and is not there."""
        return tuple(item for item in self.checklist if item.needed and not item.is_there)

    @property
    def open_deadlines(self) -> tuple[Deadline, ...]:
        """The clocks that were running when it was built."""
        return tuple(one for one in self.deadlines if one.due_at and one.is_open(self.built_at))


def build_pack(
    store: CaseStore,
    case_id: str,
    purpose: Purpose | str,
    path: Path | str,
    *,
    since: Path | str | None = None,
    seller_zone: str = "UTC",
) -> PackReport:
    """Write a pack of evidence; the same record gives the same bytes, where the same fonts are installed.

    Parameters
    ----------
    store, case_id
        The case.
    purpose
        What it is for.
    path
        The zip file to write; one that is there is replaced.
    since
        An earlier pack of the case, or its manifest.json: what was recorded after it is marked as new and told first.
    seller_zone
        Where the seller works, an IANA name (the policy's `time_zone`).

    Raises
    ------
    CaseNotFoundError
        Where there is no such case.
    CaseError
        Where there is no such purpose, the earlier pack is of another case or does not fit the ledger, or the file cannot be
        written.
    PolicyError
        Where the seller's time zone is not known.
    """
    meant, case = purpose_named(purpose), store.case(case_id)
    earlier = _earlier(since, case) if since else None
    record = Record(case, earlier.known if earlier else None)
    drafts = tuple(draft(case, meant, language, record.known) for language in dict.fromkeys((record.language, "en")))
    told_since = earlier.as_of if earlier else None
    platform = for_platform(record, meant, drafts, seller_zone, told_since)
    bundles = {Audience.PLATFORM: platform, Audience.BUYER: for_buyer(record, record.language, told_since)}
    contents: _Contents = {}
    cautions = list(_cautions(record, platform, earlier))
    for audience, evidence in bundles.items():
        contents |= {f"{audience}/{name}": data for name, data in _bundle(evidence, case, cautions).items()}
    contents |= {f"{Audience.PLATFORM}/answer.{one.language}.txt": f"{one.text}\n".encode() for one in drafts}
    cautions += _weight(contents, meant, case.summary.channel)
    names = _write(Path(path), contents, case, meant, _checkpoint(store))
    with Path(path).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    steps = {language: tuple(lines) for language, lines in purpose_facts(meant)["steps"].items()}
    return PackReport(
        Path(path), sha256, Path(path).stat().st_size, case.id, meant, names, checklist(case, meant), drafts,
        platform.deadlines, store.now(), tuple(dict.fromkeys(cautions)), steps,
    )  # fmt: skip


def _earlier(path: Path | str, case: Case) -> Manifest:
    """Read the manifest of an earlier pack, and see that it is of this case and of this ledger."""
    manifest = read_manifest(path)
    if manifest.case_id != case.id:
        found = f"a pack of case {manifest.case_id}"
        raise CaseError(path, found, f"one of case {case.id}", "Name the earlier pack of this case.")
    if not {entry.line().decode().rstrip("\n") for entry in case.entries}.issuperset(manifest.entries):
        found = "ledger entries that are not those of this record"
        raise LedgerError(path, found, "an earlier pack of this record", "Check both: `triage-ml cases verify`.")
    return manifest


def _cautions(record: Record, platform: PlatformEvidence, earlier: Manifest | None) -> Iterator[str]:
    room = platform.drafts[0].limit
    if not room.stated:
        yield f"No length is stated for the box; the draft has at most {room.characters} characters ({room.source})."
    if platform.drafts[0].left_out:
        yield f"{len(platform.drafts[0].left_out)} sentences have no room in the box; the pack shows everything they rest on."
    channel = record.case.summary.channel
    if channel not in ("", DEFAULT_PLATFORM) and platform.purpose in (Purpose.A_TO_Z, Purpose.SAFE_T):
        yield f"The case is on {channel}, and {platform.purpose.replace('_', '-')} is {DEFAULT_PLATFORM}'s."
    if earlier and not record.has_news:
        yield "Nothing new was recorded since the earlier pack; an appeal needs new information."
    if record.case.phone_notes and not platform.calls:
        yield f"Notes of telephone calls are left out: {DEFAULT_PLATFORM} allows only its own messages."
    for file in platform.files:
        if file.state in ("missing", "changed"):
            yield f"Left out: the file of entry {file.entry} ({file.name}) is {file.state}; bring it back from a backup."
        elif file.path and file.kind is AttachmentKind.OTHER:
            yield f"Look into {Audience.PLATFORM}/{file.path} ({file.name}) before it is sent: nobody has said what it is."
    if record.case.summary.order.personalised is False:
        yield "The order line is not personalised: custom-goods rules do not hold for it (R2)."


def _bundle(evidence: Evidence, case: Case, cautions: list[str]) -> _Contents:
    """Return the files of one bundle by their path in it."""
    page = page_of(evidence)
    kept = {attachment.id: Path(attachment.path) for attachment in case.attachments}
    attached = {file.path: kept[file.entry] for file in evidence.files if file.path}
    contents: _Contents = {
        "evidence.html": html(page).encode(),
        "evidence.json": (json.dumps(plain(evidence), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode(),
        **attached,
    }
    try:
        contents["evidence.pdf"] = pdf(page, attached)
    except MissingExtraError as error:
        cautions.append(str(error))
    return contents


def _weight(contents: _Contents, purpose: Purpose, channel: str) -> Iterator[str]:
    """Yield what is too large, or too many, for the way the files go."""
    room: Limit = limit(purpose, channel)
    folder = Audience.BUYER if purpose_facts(purpose)["apart"] else Audience.PLATFORM
    sent = [data for name, data in contents.items() if name.startswith((f"{folder}/attachments/", f"{folder}/evidence.pdf"))]
    size = sum(data.stat().st_size if isinstance(data, Path) else len(data) for data in sent)
    if room.bytes and size > room.bytes:
        yield f"The files of {folder}/ have {size:,} bytes, and at most {room.bytes:,} can be sent: choose ({room.source})."
    if room.files and len(sent) > room.files:
        yield f"There are {len(sent)} files in {folder}/, and at most {room.files} can be sent: choose ({room.source})."


def _checkpoint(store: CaseStore) -> Checkpoint:
    """Sign the head of the ledger, dated by that entry, so that the same record gives the same statement."""
    with database.reading(store.engine) as connection:
        head = ledger.head(connection)
    if head is None:
        raise LedgerError("ledger", "no entry", "at least one", "Record something first.")
    return checkpoints.make_checkpoint(head, store.files, datetime.fromisoformat(head.at))


def _write(path: Path, contents: _Contents, case: Case, purpose: Purpose, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Write the zip file, all of it or nothing; returns the paths in it."""
    lines = [entry.line() for entry in case.entries]
    contents = contents | {
        ENTRIES: b"".join(lines),
        CHECKPOINT: checkpoint.text().encode(),
        VERIFIER: (files("triage_ml.cases") / "verify_chain.py").read_bytes(),
    }
    recorded = {Path(attachment.path): (attachment.sha256, attachment.size) for attachment in case.attachments}
    listed = {name: recorded[data] if isinstance(data, Path) else _digest(data) for name, data in sorted(contents.items())}
    as_of = datetime.fromisoformat(case.entries[-1].at)
    entries = tuple(line.decode().rstrip("\n") for line in lines)
    manifest = Manifest(case.id, purpose.value, as_of, listed, checkpoint, entries)
    contents = {VERIFY: manifest.verify_text().encode(), MANIFEST: manifest.text().encode(), **dict(sorted(contents.items()))}
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w") as pack:
            for name, data in contents.items():
                _put(pack, name, data, max(as_of, _ZIP_BEGINS))
        os.replace(part, path)
    except OSError as error:
        raise CaseError(
            path, str(error.strerror or error), "a place that can be written to", "Choose another place."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return tuple(contents)


def _put(pack: zipfile.ZipFile, name: str, data: bytes | Path, at: datetime) -> None:
    # Stored, not packed: packing differs between versions of zlib, and photos hardly shrink.
    info = zipfile.ZipInfo(name, at.timetuple()[:6])
    info.external_attr, info.create_system = _REGULAR_FILE, 3
    if isinstance(data, bytes):
        pack.writestr(info, data)
        return
    with data.open("rb") as source, pack.open(info, "w", force_zip64=data.stat().st_size > zipfile.ZIP64_LIMIT // 2) as target:
        shutil.copyfileobj(source, target)


def _digest(data: bytes) -> tuple[str, int]:
    return hashlib.sha256(data).hexdigest(), len(data)
