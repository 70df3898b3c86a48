"""One case, all that a person needs to decide it on one page: what was said on the left, what to do on the right."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

import panels
import session
import telling
from case import deciding, outcomes, replying, thread
from case.desk import Desk, prefill
from triage_ml.cases import Case, CaseState
from triage_ml.cases.findings import findings_of
from triage_ml.errors import CaseNotFoundError, TriageError
from triage_ml.triage import Assessment

_TO_BE_DECIDED = (CaseState.OPEN, CaseState.REVIEW, CaseState.WAITING)


def page() -> None:
    """Draw the case that is open, or say how to open one."""
    say, case_id = session.say(), session.open_now()
    st.html(Path(__file__).parent / "case.css")
    session.show_told()
    if not case_id:
        session.board().leave(session.session_id())
        session.show_note("note", say("decide.finished" if session.worklist().seen else "case.none"))
        if st.button(say("case.to_inbox"), key="to-inbox", shortcut="N"):
            st.switch_page("inbox/page.py")
        return
    try:
        case = session.store().case(case_id)
    except CaseNotFoundError:
        session.show_note("bad", say("case.not_found", case=case_id))
        return
    session.board().enter(case.id, session.session_id(), session.person())
    head, keys = st.columns([1, 1], vertical_alignment="center", gap="small")
    with head:
        panels.heading(case)
    _also_open(case)
    desk = Desk(case, _assessed(case))
    if case.summary.state in _TO_BE_DECIDED and not case.erased and not deciding.why_not(case):
        prefill(desk)
        both_sides(desk)
        can_decide = True
    else:
        looked_at(desk)
        can_decide = False
    with keys:  # above, so that nobody scrolls for it; filled last, when all is known
        deciding.buttons(desk, can_decide=can_decide)


def both_sides(desk: Desk) -> None:
    """Draw a case that is to be decided."""
    left, right = st.columns([6, 7], gap="medium")
    with left:
        said(desk)
    with right:
        if desk.case.proposal:
            panels.proposed(desk.case.proposal, to_decide=True)
        with st.container(border=True, gap="xsmall", key="choice"):
            if desk.assessment:
                panels.judged(desk.assessment)
                panels.before(findings_of(desk.case))
            deciding.form(desk)
            if desk.assessment:
                panels.remedies(desk.assessment.resolution, desk.remedy)
        replying.replies(desk)
        if outcomes.possible(desk.case):
            outcomes.form(desk.case)


def looked_at(desk: Desk) -> None:
    """Draw a case that this person does not decide now: it is decided, erased, or waits for somebody else."""
    left, right = st.columns([6, 7], gap="medium")
    with left:
        said(desk)
    with right:
        if desk.case.proposal:
            panels.proposed(desk.case.proposal, to_decide=False)
            panels.proposed_text(desk.case.proposal)
        elif not desk.case.erased:
            outcomes.form(desk.case)
        if desk.assessment:
            with st.container(border=True, gap="xsmall", key="choice"):
                panels.judged(desk.assessment)
                panels.before(findings_of(desk.case))
                panels.remedies(desk.assessment.resolution, None)


def said(desk: Desk) -> None:
    """Draw what was said and what is known; where a second person must look, the facts come first."""
    if desk.needs_second:
        panels.facts_first(desk.case)
    thread.conversation(desk.case)
    panels.photos(desk.case)
    panels.order(desk.case, desk.assessment.comparison if desk.assessment else None)
    panels.clocks(desk.case, desk.assessment.resolution if desk.assessment else None)
    panels.history(desk.case)


def _assessed(case: Case) -> Assessment | None:
    """Judge the case as it stands now, and say where that differs from the record, or is not possible."""
    say = session.say()
    if case.summary.state not in _TO_BE_DECIDED:
        session.show_note("note", say("decide.closed", state=say(f"state.{case.summary.state.value}")))
    if reason := deciding.why_not(case):
        session.show_note("note", say(reason))
    if case.erased:
        session.forget(case.id)
        session.show_note("note", say("case.erased"))
        return None
    try:
        with st.spinner(say("case.judging")):
            found = session.assessment(case)
    except TriageError as error:
        session.show_note("bad", say("app.no_model", why=say.sentence(str(error))))
        return None
    judgement = case.judgement
    if found and judgement and (found.model, found.policy) != (judgement.model, judgement.policy):
        st.caption(say("case.judged_again"))
    return found


def _also_open(case: Case) -> None:
    if other := session.also_open(case.id):
        say, since = session.say(), telling.at(other.since, session.seller_zone())
        session.show_note("note", say("case.also_open", who=other.who or say("decide.somebody"), time=since))


page()
