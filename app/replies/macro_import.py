"""A helpdesk's macros become own replies: each one is looked at, then kept, edited first, or left out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st
from markupsafe import Markup

import panels
import roles
import session
import telling
from jobs import Job
from replies import drafting, editing
from replies.sampling import conditions, reads, sample
from triage_ml.errors import TemplateError
from triage_ml.home import templates_place
from triage_ml.replies.macros import import_macros
from triage_ml.replies.templates import Template
from triage_ml.replies.writing import Checked, check_text, own_text, save_template
from uploads import bare_name, reason

_KINDS = ["csv", "tsv", "xlsx"]
_LARGEST = 10  # megabytes
_DONE = "macros-done"
# Row, name of the macro, reason.
_Reject = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a macro would become: a template and its file, what the check says of it, and what else a person should look at."""

    template: Template
    text: str
    checked: Checked
    notes: tuple[str, ...]

    @property
    def id(self) -> str:
        """The id it would have."""
        return self.template.id


@dataclass(frozen=True, slots=True)
class Proposals:
    """What came of an export of macros."""

    file: str
    all: tuple[Proposal, ...]
    rejects: tuple[_Reject, ...]


def read(name: str, content: bytes) -> Proposals:
    """Turn an export of macros into proposals.

    Raises
    ------
    TriageError
        Where it cannot be read.
    """
    with TemporaryDirectory() as folder:
        path, written = Path(folder) / bare_name(name), Path(folder) / "made"
        path.write_bytes(content)
        found = import_macros(path, written)
        proposals = []
        for template in found.written:
            text, start = (written / f"{template.id}.toml").read_text("utf-8"), f"{template.id}.toml: "
            notes = tuple(line.removeprefix(start) for line in found.warnings if line.startswith(start))
            proposals.append(Proposal(template, text, check_text(template.id, text), notes))
        rejects = tuple((error.row, error.value, error.reason) for error in found.rejects)
    return Proposals(path.name, tuple(proposals), rejects)


# --- the page


def panel() -> None:
    """Draw the place to drop an export of macros, and what is proposed."""
    say = session.say()
    st.html(Markup("<p>{}</p>").format(say("macro.intro")))
    job = session.jobs().get(_key())
    if job and not job.done:
        _watch(job)
        return
    dropped = st.file_uploader(
        say("macro.drop"), type=_KINDS, key="macros-file", max_upload_size=_LARGEST, help=say("macro.help", most=_LARGEST)
    )
    too_large = dropped is not None and dropped.size > _LARGEST * 2**20
    if too_large:
        session.show_note("bad", say("macro.too_large", most=_LARGEST))
    if st.button(say("macro.read"), key="macros-read", disabled=dropped is None or too_large) and dropped is not None:
        name, content = dropped.name, dropped.getvalue()
        st.session_state.pop(_DONE, None)
        session.jobs().start(_key(), say("macro.read"), lambda _: read(name, content))
        st.rerun()
    if job:
        _result(job)


def _key() -> str:
    return f"macros:{session.session_id()}"


@st.fragment(run_every=0.5)
def _watch(job: Job) -> None:
    if job.done:
        st.rerun()
    st.html(Markup('<div class="quiet" role="status">{}</div>').format(session.say()("macro.reading")))


def _result(job: Job) -> None:
    say = session.say()
    if job.error:
        session.show_note("bad", say("macro.failed", why=reason(job.error)))
        return
    found: Proposals | None = job.result
    if found is None:
        session.show_note("bad", say("macro.broke"))
        return
    done: Collection[str] = st.session_state.get(_DONE, set())
    left = {one.id: one for one in found.all if one.id not in done}
    session.show_note("note", say("macro.found", file=found.file, left=len(left), all=len(found.all)))
    if found.rejects:
        with st.expander(say("macro.rejects", count=len(found.rejects))):
            names = [say(f"macro.{column}") for column in ("row", "name", "why")]
            rows = [(row, name, say.sentence(why)) for row, name, why in found.rejects]
            st.dataframe([dict(zip(names, row, strict=True)) for row in rows], hide_index=True)
    if left:
        _proposal(left)


def _proposal(left: dict[str, Proposal]) -> None:
    """Draw one proposal with what must be checked, and what can be done with it."""
    say = session.say()
    if st.session_state.get("macro") not in left:
        st.session_state["macro"] = next(iter(left))
    name = st.selectbox(
        say("macro.choose"), list(left), key="macro", format_func=lambda name: left[name].template.purpose["en"]
    )
    one = left[name or next(iter(left))]
    taken = own_text(templates_place(), one.id) is not None
    with st.container(horizontal=True):
        ready = one.checked.ok and not taken
        st.button(say("macro.keep"), key="macro-keep", type="primary", disabled=not ready, on_click=_keep, args=(one,))
        st.button(say("macro.edit"), key="macro-edit", on_click=drafting.take_over, args=(one.text, one.id))
        st.button(say("macro.leave_out"), key="macro-leave", on_click=_mark_done, args=(one.id,))
    left_side, right = st.columns([5, 7], gap="large")
    with left_side:
        _to_check(one, taken=taken)
    with right:
        language = next(iter(one.template.text))
        st.html(Markup('<div class="quiet">{}</div>').format(say(f"languages.{language}")))
        reads(one.template, language, sample(one.template))


def _to_check(one: Proposal, *, taken: bool) -> None:
    """Draw the conditions that were guessed, and what else a person must look at."""
    say, template = session.say(), one.template
    lines = [say("macro.taken", name=one.id)] if taken else []
    lines += [editing.objection_line(objection) for objection in one.checked.errors]
    editing.show_findings(lines, "error")
    editing.show_findings(map(say.sentence, one.notes), "warning")
    st.html(Markup('<div class="quiet">{}</div>').format(say("macro.guessed")))
    for title, names in (
        ("library.claim", [say(f"claim.{claim.value}") for claim in template.claims]),
        ("library.remedy", [telling.remedy_name(remedy.value, say) for remedy in template.remedies]),
        ("library.conditions", list(conditions(template)) or [say("condition.always")]),
    ):
        st.html(Markup("<b>{}</b>{}").format(say(title), panels.bullets(names)))


def _keep(one: Proposal) -> None:
    """Save a proposal as it is."""
    say = session.say()
    if roles.role() < roles.Role.ADMIN:
        session.tell("bad", say("edit.admins_only"))
        return
    try:
        save_template(templates_place(), one.id, one.text, over=None)
    except TemplateError as error:
        session.tell("bad", say("edit.not_saved", why=say.sentence(str(error))))
    else:
        session.tell("good", say("edit.saved", name=one.id))
        _mark_done(one.id)


def _mark_done(name: str) -> None:
    st.session_state.setdefault(_DONE, set()).add(name)
