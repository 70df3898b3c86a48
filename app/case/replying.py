"""The suggested replies as tabs; the chosen one is edited, checked and copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup

import session
import telling
from case.desk import Desk, errors_of
from copying import copy_button
from triage_ml.replies.lint import Finding
from triage_ml.resolution import RemedyKind

_FOUND_SHOWN = 80


def replies(desk: Desk) -> None:
    """Draw the suggested replies as tabs, the chosen one to be edited, and what the check says of it."""
    say = session.say()
    language = telling.language(desk.language, say)
    if desk.suggestions:
        _tabs(desk)
        _about(desk)
    else:
        session.show_note("note", say("reply.none", language=language))
    drafts: dict[tuple[str, str], str] = st.session_state["drafts"]
    suggested = desk.suggestion.text if desk.suggestion else ""
    if desk.text_key not in st.session_state:
        kept = None if desk.is_proposed(desk.suggestion) else drafts.get((desk.case.id, desk.template_id))
        st.session_state[desk.text_key] = suggested if kept is None else kept
    label = say("reply.text", language=language)
    st.text_area(label, key=desk.text_key, height="content", help=say("reply.live"), on_change=_keep_draft, args=(desk,))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        copy_button(say("reply.copy"), say("reply.copied"), desk.text, desk.key("copy"))
        if suggested and desk.text != suggested:
            st.button(say("reply.restore"), key=desk.key("restore"), on_click=_restore, args=(desk,))
        findings = desk.findings()
        if desk.text.strip() and not findings:
            st.html(Markup('<div class="quiet">✓ {}</div>').format(say("reply.clean")))
    _objected(desk, findings)


def _tabs(desk: Desk) -> None:
    names = _names(desk)
    with st.container(horizontal=True, gap="xsmall", key="replies"):
        for number, suggestion in enumerate(desk.suggestions):
            chosen = suggestion is desk.suggestion or suggestion == desk.suggestion
            st.button(
                names[number], key=desk.key(f"reply-{number}"), type="primary" if chosen else "secondary",
                shortcut=str(number + 1), on_click=_choose, args=(desk, number),
            )  # fmt: skip


def _names(desk: Desk) -> list[str]:
    """Return what the replies are called: by the remedy they carry; several of one remedy are counted."""
    say, counted, names = session.say(), Counter[RemedyKind | None](), []
    for suggestion in desk.suggestions:
        kind = desk.carried(suggestion)
        counted[kind] += 1
        name = telling.short_name(kind, say) if kind else say("reply.other")
        if desk.is_proposed(suggestion):
            name = say("reply.proposed", remedy=name)
        names.append(name if counted[kind] == 1 else say("reply.again", remedy=name, n=counted[kind]))
    return names


def _about(desk: Desk) -> None:
    """Draw what the chosen reply is for, in the reader's language, and why it is proposed."""
    say, suggestion = session.say(), desk.suggestion
    if suggestion is None or desk.assessment is None:
        return
    template = session.triage().ranker.templates.get(suggestion.template_id)
    _, _, why = suggestion.reason.partition("); ")
    reasons = [say.sentence(part) for part in why.split("; ") if part and not part.startswith("to be filled in")]
    lines = [template.purpose[say.language]] if template else []
    lines += [say("reply.missing")] if suggestion.missing else []
    lines += [say("reply.waits")] if not suggestion.template_id and not suggestion.text else []
    st.html(Markup('<div class="quiet" title="{}">{}</div>').format("; ".join(reasons), Markup("<br>").join(lines)))


def _objected(desk: Desk, findings: Sequence[Finding]) -> None:
    """Draw what the outgoing check objects to, and let a person send it anyway."""
    if findings:
        st.html(Markup("").join(_finding(finding) for finding in findings))
    if errors := errors_of(findings):
        st.checkbox(session.say()("reply.anyway"), key=desk.anyway_key(errors))


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
