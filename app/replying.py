"""The suggested replies as tabs; the chosen one is edited, checked and copied."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

import session
import telling
from copying import copy_button
from desk import Desk, errors_of
from triage_ml.replies.lint import Finding

_TEXT_HEIGHT = 330
_FOUND_SHOWN = 80


def replies(desk: Desk) -> None:
    """Draw the suggested replies as tabs, the chosen one to be edited, and what the check says of it."""
    say = session.say()
    st.subheader(say("reply.title"))
    language = _language(desk)
    if desk.suggestions:
        _tabs(desk)
        _about(desk)
    else:
        session.show_note("note", say("reply.none", language=language))
    drafts: dict[tuple[str, str], str] = st.session_state.setdefault("drafts", {})
    suggested = desk.suggestion.text if desk.suggestion else ""
    if desk.text_key not in st.session_state:
        st.session_state[desk.text_key] = drafts.get((desk.case.id, desk.template_id), suggested)
    label = say("reply.text", language=language)
    st.text_area(label, key=desk.text_key, height=_TEXT_HEIGHT, help=say("reply.live"), on_change=_keep_draft, args=(desk,))
    _checked(desk)
    with st.container(horizontal=True):
        copy_button(say("reply.copy"), say("reply.copied"), desk.text, desk.key("copy"))
        if suggested and desk.text != suggested:
            st.button(say("reply.restore"), key=desk.key("restore"), on_click=_restore, args=(desk,))


def _language(desk: Desk) -> str:
    say, code = session.say(), desk.assessment.prediction.language if desk.assessment else desk.case.summary.language
    return say(f"languages.{code}") if say.knows(f"languages.{code}") else code


def _tabs(desk: Desk) -> None:
    say = session.say()
    with st.container(horizontal=True):
        for number, suggestion in enumerate(desk.suggestions):
            kind = desk.carried(suggestion)
            name = say("reply.tab", n=number + 1, remedy=telling.remedy_name(kind, say)) if kind else str(number + 1)
            chosen = suggestion is desk.suggestion
            st.button(
                name, key=desk.key(f"reply-{number}"), type="primary" if chosen else "secondary", shortcut=str(number + 1),
                on_click=_choose, args=(desk, number),
            )  # fmt: skip


def _about(desk: Desk) -> None:
    """Draw what the chosen reply is for, in the reader's language, and why it is proposed."""
    say, suggestion = session.say(), desk.suggestion
    if suggestion is None:
        return
    purpose = session.triage().ranker.templates[suggestion.template_id].purpose[say.language]
    _, _, why = suggestion.reason.partition("); ")
    lines = [purpose, *(say.sentence(part) for part in why.split("; ") if part and not part.startswith("to be filled in"))]
    lines += [say("reply.missing")] if suggestion.missing else []
    st.html(Markup('<div class="quiet">{}</div>').format(Markup("<br>").join(lines)))


def _checked(desk: Desk) -> None:
    """Draw what the outgoing check objects to, and let a person send it anyway."""
    say, findings = session.say(), desk.findings()
    if not findings:
        if desk.text.strip():
            st.html(Markup('<div class="quiet">✓ {}</div>').format(say("reply.clean")))
        return
    st.html(Markup("").join(_finding(finding) for finding in findings))
    if errors := errors_of(findings):
        st.checkbox(say("reply.anyway"), key=desk.anyway_key(errors))


def _finding(finding: Finding) -> Markup:
    say = session.say()
    head = say("reply.error" if finding.severity == "error" else "reply.warning")
    line = '<div class="finding {}"><b>{}: “{}”</b><br>{} {}</div>'
    found = finding.found if len(finding.found) <= _FOUND_SHOWN else finding.found[:_FOUND_SHOWN] + "…"
    return Markup(line).format(finding.severity, head, found, say.sentence(finding.why), say.sentence(finding.fix))


def _choose(desk: Desk, number: int) -> None:
    """Take another reply; what is done follows it."""
    st.session_state[desk.key("chosen")] = number
    kind = desk.carried(desk.suggestions[number])
    if kind:
        st.session_state[desk.key("remedy")] = kind.value


def _keep_draft(desk: Desk) -> None:
    st.session_state["drafts"][desk.case.id, desk.template_id] = desk.text


def _restore(desk: Desk) -> None:
    st.session_state["drafts"].pop((desk.case.id, desk.template_id), None)
    st.session_state[desk.text_key] = desk.suggestion.text if desk.suggestion else ""
