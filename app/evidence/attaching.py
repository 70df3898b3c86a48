"""Files of a case: what a person gives is checked and kept, what was kept is shown again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

import streamlit as st
from markupsafe import Markup
from streamlit.runtime.uploaded_file_manager import UploadedFile

import session
import telling
from file_checks import LARGEST, LARGEST_MB, PICTURES, bare_name, refusal, thumbnail
from triage_ml.cases import AttachmentKind, Case
from triage_ml.cases.records import Attachment
from triage_ml.errors import CaseError, TriageError
from triage_ml.evidence.record import Record, file_state

_IN_A_ROW = 2

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
    if case.erased:
        return [("bad", say("evidence_file.erased"))]
    known = {one.sha256: one.id for one in case.attachments if not file_state(one, Record(case).erased_at)}
    told, kept = [], 0
    for file in files:
        name = bare_name(file.name)
        data = b"" if file.size > LARGEST else file.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        ending = PurePath(name).suffix
        if wrong := "refused_large" if file.size > LARGEST else refusal(name, data):
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
    pictures = [one for one in case.attachments if not states[one.id] and Path(one.path).suffix in PICTURES]
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
        if one.sha256 in before or one.size > LARGEST:
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
