"""One case, all that a person needs to decide it on one page: what was said on the left, what to do on the right."""

from __future__ import annotations

import streamlit as st

import deciding
import panels
import replying
import session
import telling
from desk import Desk, prefill
from triage_ml.cases import Case, CaseState
from triage_ml.errors import CaseNotFoundError, TriageError
from triage_ml.triage import Assessment

_TO_BE_DECIDED = (CaseState.OPEN, CaseState.WAITING)


def page() -> None:
    """Draw the case that is open, or say how to open one."""
    say, case_id = session.say(), session.open_now()
    session.show_told()
    if not case_id:
        session.board().leave(session.session_id())
        session.show_note("note", say("decide.finished" if session.worklist().seen else "case.none"))
        if st.button(say("case.to_inbox"), key="to-inbox", shortcut="N"):
            st.switch_page("views/inbox.py")
        return
    try:
        case = session.store().case(case_id)
    except CaseNotFoundError:
        session.show_note("bad", say("case.not_found", case=case_id))
        return
    session.board().enter(case.id, session.session_id(), session.person())
    panels.heading(case)
    _also_open(case)
    both_sides(case, _assessed(case))


def both_sides(case: Case, assessment: Assessment | None) -> None:
    """Draw the two sides of the page."""
    desk = Desk(case, assessment)
    to_decide = case.summary.state in _TO_BE_DECIDED and not _erased(case)
    if to_decide:
        prefill(desk)
    left, right = st.columns([6, 7], gap="large")
    with left:
        if desk.needs_second:
            panels.facts_first(case)
        panels.conversation(case)
        panels.order(case, assessment.comparison if assessment else None)
        panels.history(case)
    with right:
        keys = st.container()  # above, so that nobody scrolls for it; filled last, when all is known
        if assessment:
            panels.judged(assessment)
        panels.clocks(case, assessment.resolution if assessment else None)
        if assessment:
            panels.remedies(assessment.resolution)
        if to_decide:
            replying.replies(desk)
            deciding.form(desk)
        with keys:
            deciding.buttons(desk, can_decide=to_decide)


def _assessed(case: Case) -> Assessment | None:
    """Judge the case as it stands now, and say where that differs from the record, or is not possible."""
    say = session.say()
    if case.summary.state not in _TO_BE_DECIDED:
        session.show_note("note", say("decide.closed", state=say(f"state.{case.summary.state.value}")))
    if _erased(case):
        session.forget(case.id)
        session.show_note("note", say("case.erased"))
        return None
    try:
        found = session.assessment(case)
    except TriageError as error:
        session.show_note("bad", say("app.no_model", why=str(error)))
        return None
    judgement = case.judgement
    if found and judgement and (found.model, found.policy) != (judgement.model, judgement.policy):
        st.caption(say("case.judged_again"))
    return found


def _erased(case: Case) -> bool:
    return case.summary.pseudonymised_at is not None or any(one.erased for one in case.messages)


def _also_open(case: Case) -> None:
    other = session.board().other(case.id, session.session_id())
    if other:
        say, since = session.say(), telling.at(other.since, session.seller_zone())
        session.show_note("note", say("case.also_open", who=other.who or say("decide.somebody"), time=since))


page()
