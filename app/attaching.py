"""Files of a case: what a person gives is checked and kept, what was kept is shown again. Nothing is passed on unlooked at."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.parser import BytesHeaderParser
from functools import partial
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

import streamlit as st
from markupsafe import Markup
from streamlit.runtime.uploaded_file_manager import UploadedFile

import session
import telling
from triage_ml.cases import AttachmentKind, Case
from triage_ml.cases.records import Attachment
from triage_ml.errors import CaseError, CaseNotFoundError, TriageError
from triage_ml.evidence import check_pack
from triage_ml.evidence.manifest import MANIFEST, Manifest, read_manifest
from triage_ml.evidence.purposes import Purpose, purpose_facts
from triage_ml.evidence.record import Record, file_state

LARGEST_MB = 25
_LARGEST = LARGEST_MB * 2**20
# A telephone's largest usual picture has 50 million; more may be made to fill the memory.
_MOST_PIXELS = 60_000_000
_THUMBNAIL = (480, 360)
_IN_A_ROW = 2
_HEADERS = 64 * 1024
# Bytes of a name; file systems hold 255.
_NAME = 180
# What a pack may come to when it is unpacked, and its list of files.
_PACK, _MANIFEST = 2**30, 32 * 2**20
_MAIL = frozenset({"from", "to", "date", "subject", "received", "message-id"})
# How programs begin, for Windows, Linux, macOS, Java, Android, and a Windows shortcut.
_PROGRAMS = (
    b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"dex\n",
    b"L\x00\x00\x00\x01\x14\x02\x00",
)  # fmt: skip
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

# --- what may be kept


def _is_text(data: bytes) -> bool:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "\0" not in data.decode("utf-16", "replace")
    return len(data.translate(None, _CONTROLS)) == len(data)


def _is_mail(data: bytes) -> bool:
    return _is_text(data) and len(_MAIL.intersection(map(str.lower, BytesHeaderParser().parsebytes(data[:_HEADERS])))) > 1


def _is_pdf(data: bytes) -> bool:
    return data[:1024].lstrip().startswith(b"%PDF-")


def _is_old_office(data: bytes, stream: str) -> bool:
    """Say whether it is a document with such a stream, and without macros."""
    return data.startswith(_OLE) and stream.encode("utf-16-le") in data and "_VBA_PROJECT".encode("utf-16-le") not in data


def _is_office(data: bytes, part: str) -> bool:
    """Say whether it is a document with such a part, and without macros."""
    names = _members(data)
    return part in names and not any("vbaproject" in name.lower() or name.startswith("Basic/") for name in names)


def _members(data: bytes) -> Collection[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as document:
            return document.namelist()
    except Exception:  # whatever a broken file makes the reader come upon
        return ()


_PICTURES: Mapping[str, str] = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".gif": "GIF", ".webp": "WEBP"}
_DOCUMENTS: Mapping[str, Callable[[bytes], bool]] = {
    ".pdf": _is_pdf,
    ".txt": _is_text,
    ".csv": _is_text,
    ".eml": _is_mail,
    ".docx": partial(_is_office, part="word/document.xml"),
    ".xlsx": partial(_is_office, part="xl/workbook.xml"),
    ".pptx": partial(_is_office, part="ppt/presentation.xml"),
    ".odt": partial(_is_office, part="content.xml"),
    ".ods": partial(_is_office, part="content.xml"),
    ".doc": partial(_is_old_office, stream="WordDocument"),
    ".xls": partial(_is_old_office, stream="Workbook"),
    ".ppt": partial(_is_old_office, stream="PowerPoint Document"),
}


def refusal(name: str, data: bytes) -> str:
    """Return why a file is not kept, as the key of a string; "" where it may be."""
    ending = PurePath(name).suffix.lower()
    if not data:
        return "refused_empty"
    if len(data) > _LARGEST:
        return "refused_large"
    if data.startswith(b"#!") or (data.startswith(_PROGRAMS) and not _is_text(data)):
        return "refused_program"
    if ending in _PICTURES:
        return _picture_refusal(data, _PICTURES[ending])
    if ending not in _DOCUMENTS:
        return "refused_ending"
    return "" if _DOCUMENTS[ending](data) else "refused_content"


def _picture_refusal(data: bytes, format: str) -> str:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=[format]) as found:
            if found.width * found.height > _MOST_PIXELS:
                return "refused_pixels"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "refused_pixels"
    except Exception:  # decoders raise whatever they come upon in a file that is not what it should be
        return "refused_content"
    return "" if thumbnail(data) else "refused_broken"


def thumbnail(data: bytes) -> bytes | None:
    """Return a small picture drawn anew, without what else the file may carry; None where it cannot be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=list(dict.fromkeys(_PICTURES.values()))) as found:
            if found.width * found.height > _MOST_PIXELS:
                return None
            found.thumbnail(_THUMBNAIL)
            upright = ImageOps.exif_transpose(found).convert("RGBA")
            drawn = io.BytesIO()
            # All of one size, so that they stand in rows; what is left over can be seen through.
            ImageOps.pad(upright, _THUMBNAIL, color=(0, 0, 0, 0)).save(drawn, "WEBP", quality=80)
    except Exception:  # as above
        return None
    return drawn.getvalue()


def bare_name(name: str) -> str:
    """Return a file's name without a path or signs that nobody sees, short enough to be kept."""
    bare = "".join(sign for sign in PurePath(name.replace("\\", "/")).name if sign.isprintable())
    short = bare.encode()[-_NAME:].decode("utf-8", "ignore")
    return short if short.strip(". ") else "file"


def is_erased(case: Case) -> bool:
    """Say whether personal data was taken out of a case."""
    return case.summary.pseudonymised_at is not None or any(one.erased for one in case.messages)


# --- giving files


def form(case: Case, kind: AttachmentKind) -> None:
    """Draw the place to drop files; `kind` is what is missing first."""
    say, state = session.say(), st.session_state
    given = state.setdefault("evidence-given", 0)
    for told, text in state.pop("evidence-told", ()):
        session.show_note(told, text)
    names = {one: say(f"evidence_kind.{one.value}") for one in AttachmentKind}
    key = f"evidence-kind:{case.id}:{given}:{kind.value}"
    state.setdefault(key, kind)
    chosen = st.selectbox(say("evidence_file.kind"), list(names), key=key, format_func=names.__getitem__)
    label = say("evidence_file.drop")
    files = st.file_uploader(
        label, accept_multiple_files=True, key=f"evidence-files:{case.id}:{given}", max_upload_size=LARGEST_MB,
        help=say("evidence_file.help", most=LARGEST_MB),
    )  # fmt: skip
    if files and not session.person():
        session.show_note("note", say("evidence_file.no_person"))
    if st.button(say("evidence_file.keep"), key="evidence-keep", type="primary", disabled=not files or not session.person()):
        with st.spinner(say("evidence_file.keeping")):
            state["evidence-told"] = keep(case.id, files, chosen or AttachmentKind.OTHER)
        state["evidence-given"] = given + 1
        st.rerun()


def keep(case_id: str, files: Sequence[UploadedFile], kind: AttachmentKind) -> list[tuple[str, str]]:
    """Keep files with a case, and return a sentence about each, with its kind of note.

    The case is read anew: a file needs no version, so that nobody's change is in the way of another's.
    """
    say, store = session.say(), session.store()
    case = store.case(case_id)
    if is_erased(case):
        return [("bad", say("evidence_file.erased"))]
    known = {one.sha256: one.id for one in case.attachments if not file_state(one, Record(case).erased_at)}
    told, kept = [], 0
    for file in files:
        name = bare_name(file.name)
        data = b"" if file.size > _LARGEST else file.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        ending = PurePath(name).suffix
        if wrong := "refused_large" if file.size > _LARGEST else refusal(name, data):
            told.append(("bad", say(f"evidence_file.{wrong}", name=name, ending=ending or "–", most=LARGEST_MB)))
        elif sha256 in known:
            told.append(("note", say("evidence_file.known", name=name, entry=known[sha256])))
        else:
            try:
                known[sha256] = _attach(case_id, name, data, kind)
            except TriageError as error:
                told.append(("bad", say("evidence_file.failed", name=name, why=reason(error))))
                continue
            kept += 1
            told.append(("good", say("evidence_file.kept", name=name, kind=say(f"evidence_kind.{kind.value}"))))
    _follow(case, kept)
    return told


def _attach(case_id: str, name: str, data: bytes, kind: AttachmentKind) -> int:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return session.store().attach(case_id, path, kind, session.person())


def _follow(before: Case, kept: int) -> None:
    """Let a person's own decision be taken back still, where nothing but the files they gave changed the case since."""
    last = st.session_state.get("last")
    now = session.store().case(before.id).version
    if last and (last.case_id, last.version) == (before.id, before.version) and now == before.version + kept:
        st.session_state["last"] = replace(last, version=now)


# --- what was kept


def kept(case: Case) -> None:
    """Draw the kept files: pictures small and drawn anew, the rest as a list, each to be downloaded."""
    say, erased_at = session.say(), Record(case).erased_at
    st.subheader(say("evidence_file.title", count=len(case.attachments)))
    if not case.attachments:
        session.show_note("note", say("evidence_file.none"))
        return
    states = {one.id: file_state(one, erased_at) for one in case.attachments}
    pictures = [one for one in case.attachments if not states[one.id] and Path(one.path).suffix in _PICTURES]
    small = _thumbnails(pictures)
    for start in range(0, len(pictures), _IN_A_ROW):
        for column, one in zip(st.columns(_IN_A_ROW), pictures[start : start + _IN_A_ROW], strict=False):
            with column:
                _picture(one, small[one.sha256])
    for one in case.attachments:
        if one not in pictures:
            _line(one, states[one.id])


def _thumbnails(pictures: Sequence[Attachment]) -> Mapping[str, bytes | None]:
    """Return the small pictures by hash; those of this case alone are remembered, so that none outlives its erasure."""
    before: Mapping[str, bytes | None] = st.session_state.get("evidence-thumbnails", {})
    found: dict[str, bytes | None] = {}
    for one in pictures:
        if one.sha256 in before or one.size > _LARGEST:
            found[one.sha256] = before.get(one.sha256)
        else:
            found[one.sha256] = thumbnail(Path(one.path).read_bytes())
    st.session_state["evidence-thumbnails"] = found
    return found


def _picture(one: Attachment, small: bytes | None) -> None:
    say = session.say()
    if small:
        st.image(small, width="stretch", alt=say(f"evidence_kind.{one.kind.value}"))
    else:
        session.show_note("bad", say("evidence_file.broken", name=one.name))
    st.html(_about(one))
    _download(one)


def _line(one: Attachment, state: str) -> None:
    say = session.say()
    if state:
        session.show_note(
            "note" if state == "erased" else "bad", say(f"evidence_file.{state}_file", name=one.name, entry=one.id)
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(_about(one))
        _download(one)


def _about(one: Attachment) -> Markup:
    say = session.say()
    when = telling.at(one.added_at, session.seller_zone())
    size = say("evidence_file.kilobytes", size=f"{max(1, round(one.size / 1024)):,}")
    line = Markup('<div class="quiet"><b>{}</b><br><span class="said">{}</span><br>{}</div>')
    return line.format(say(f"evidence_kind.{one.kind.value}"), one.name, " · ".join((size, when, one.added_by)))


def _download(one: Attachment) -> None:
    # Read when it is asked for; of a type that no browser opens by itself.
    st.download_button(
        session.say()("evidence_file.download"), Path(one.path).read_bytes, file_name=bare_name(one.name),
        mime="application/octet-stream", key=f"evidence-file-{one.id}", on_click="ignore",
    )  # fmt: skip


def reason(error: TriageError) -> str:
    """Return why something failed, without the place where a copy happened to lie."""
    say = session.say()
    if not isinstance(error, CaseError):
        return say.sentence(str(error))
    return "; ".join(map(say.sentence, (error.found, error.expected))) + f". {say.sentence(error.do)}"


# --- a pack that is given back


@dataclass(frozen=True, slots=True)
class Given:
    """A pack that was built before: its file, what is wrong with it, and whether this record's ledger and key made it."""

    id: str
    data: bytes
    manifest: Manifest
    is_pack: bool
    findings: tuple[str, ...]
    ours: bool

    @property
    def as_of(self) -> datetime:
        """The time of the newest entry it tells."""
        return self.manifest.as_of


def given_pack(case: Case | None) -> Given | None:
    """Draw the check of a pack; returns it where it is a whole one of this case, so that what is new can be marked."""
    say, state = session.say(), st.session_state
    with st.expander(say("evidence_given.title"), expanded=False):
        file = st.file_uploader(say("evidence_given.drop"), key="evidence-given-pack", help=say("evidence_given.help"))
        if file is None:
            state.pop("evidence-checked", None)
            return None
        name = bare_name(file.name)
        if state.get("evidence-checked", ("",))[0] != file.file_id:
            try:
                state["evidence-checked"] = (file.file_id, look_into(file.file_id, file.getvalue()))
            except CaseError as error:
                session.show_note("bad", say("evidence_given.no_pack", name=name, why=reason(error)))
                return None
        given: Given = state["evidence-checked"][1]
        _told(name, given)
        fits = case is not None and given.manifest.case_id == case.id
        if case is not None and not fits:
            session.show_note("note", say("evidence_given.other_case", case=given.manifest.case_id))
        return given if fits and given.ours and not given.findings else None


def look_into(id: str, data: bytes) -> Given:
    """Check a pack, or read the manifest of one.

    Raises
    ------
    CaseError
        Where it is neither, or larger than any pack.
    """
    store = session.store()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pack"
        path.write_bytes(data)
        is_pack = zipfile.is_zipfile(path)
        _check_size(path, is_pack)
        manifest = read_manifest(path)
        findings = check_pack(path) if is_pack else ()
    try:
        recorded = {entry.line().decode().rstrip("\n") for entry in store.case(manifest.case_id).entries}
    except CaseNotFoundError:
        recorded = set()
    ours = manifest.checkpoint.public_key == store.public_key and recorded.issuperset(manifest.entries)
    return Given(id, data, manifest, is_pack, findings, ours)


def _check_size(path: Path, is_pack: bool) -> None:
    """Refuse what would fill memory or time when it is unpacked."""
    manifest = total = path.stat().st_size
    if is_pack:
        with zipfile.ZipFile(path) as pack:
            sizes = {one.filename: one.file_size for one in pack.infolist()}
        manifest, total = sizes.get(MANIFEST, 0), sum(sizes.values())
    if manifest > _MANIFEST or total > _PACK:
        say = session.say()
        raise CaseError(path.name, say("evidence_given.large"), say("evidence_given.a_pack"), say("evidence_given.choose"))


def _told(name: str, given: Given) -> None:
    """Draw what came of the check."""
    say, made = session.say(), given.manifest
    named = purpose_facts(Purpose(made.purpose))[say.language] if made.purpose in list(Purpose) else made.purpose
    facts = {"name": name, "case": made.case_id, "purpose": named, "time": telling.at(made.as_of, session.seller_zone())}
    if given.findings:
        session.show_note("bad", say("evidence_given.differs", count=len(given.findings), **facts))
        lines = (Markup("<li>{}</li>").format(say.sentence(one)) for one in given.findings)
        st.html(Markup('<ul class="plain">{}</ul>').format(Markup("").join(lines)))
    else:
        key = "evidence_given.whole" if given.is_pack else "evidence_given.manifest"
        session.show_note("good", say(key, count=len(made.files), **facts))
    if not given.ours:
        session.show_note("note", say("evidence_given.not_ours"))
