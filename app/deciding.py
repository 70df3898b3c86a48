"""A decision goes into the record: the form, the keys that end the work on a case, and the way back."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

import session
import telling
from desk import Desk, errors_of
from session import Last
from triage_ml.cases import CaseState, Decision
from triage_ml.errors import CaseConflictError, CaseError
from triage_ml.messages import Category, Money
from triage_ml.resolution import ALL_MONEY, RemedyKind


def form(desk: Desk) -> None:
    """Draw what is decided: category, remedy, amount, and who else looked."""
    say = session.say()
    st.subheader(say("decide.title"))
    left, right = st.columns(2)
    names = telling.decidable(say)
    with left:
        st.selectbox(say("decide.category"), list(names), key=desk.key("category"), index=None, format_func=names.__getitem__)
    allowed = [remedy.kind.value for remedy in desk.remedies]
    others = [kind.value for kind in RemedyKind if kind.value not in allowed]
    kinds = {kind: telling.remedy_name(kind, say) for kind in allowed}
    kinds |= {kind: f"{telling.remedy_name(kind, say)} ({say('decide.other_remedy')})" for kind in others}
    with right:
        st.selectbox(say("decide.remedy"), list(kinds), key=desk.key("remedy"), index=None, format_func=kinds.__getitem__)
    if desk.remedy and telling.is_money(desk.remedy):
        _amount(desk)
    if desk.needs_second:
        st.text_input(say("decide.second_person"), key=desk.key("second"), help=say("decide.second_person_help"))


def _amount(desk: Desk) -> None:
    say, key = session.say(), desk.key(f"amount-{desk.remedy}")
    if key not in st.session_state:
        offer = next((remedy.offer for remedy in desk.remedies if remedy.kind == desk.remedy and remedy.offer), None)
        paid = desk.case.summary.order.paid if desk.remedy in ALL_MONEY else None
        st.session_state[key] = str(offer or paid or "")
    st.text_input(say("decide.amount"), key=key, help=say("decide.amount_help", example=_example(desk)))


def _example(desk: Desk) -> str:
    return str(Money(Decimal("9.60"), desk.currency or "EUR").share(Decimal(1)))


def buttons(desk: Desk, *, can_decide: bool) -> None:
    """Draw what ends the work on a case: decide, skip, take back."""
    say = session.say()
    last: Last | None = st.session_state.get("last")
    with st.container(horizontal=True):
        if can_decide:
            st.button(say("decide.button"), key="decide", type="primary", shortcut="Ctrl+Enter", on_click=_decide, args=(desk,))
        st.button(say("decide.skip"), key="skip", shortcut="S", on_click=go_on, args=(desk.case.id,))
        if desk.case.summary.state is not CaseState.OPEN and any(not made.undone_at for made in desk.case.decisions):
            last = Last(desk.case.id, desk.case.version)
        if last:
            st.button(f"{say('decide.undo')} {last.case_id}", key="undo", shortcut="U", on_click=_undo, args=(last,))


def problem(desk: Desk) -> str:
    """Return why a decision cannot be saved yet, as the key of a string; "" where it can."""
    second = str(st.session_state.get(desk.key("second")) or "").strip()
    if not session.person():
        return "decide.needs_person"
    if desk.category is None:
        return "decide.needs_category"
    if desk.remedy is None:
        return "decide.needs_remedy"
    if desk.needs_second and second in ("", session.person()):
        return "decide.needs_second"
    errors = errors_of(desk.findings())
    return "decide.blocked" if errors and not st.session_state.get(desk.anyway_key(errors)) else ""


def _decide(desk: Desk) -> None:
    """Save the decision at once and go on; a callback, so that it sees the text as it was last typed."""
    say, state = session.say(), st.session_state
    if wrong := problem(desk):
        session.tell("bad", say(wrong))
        return
    try:
        amount = desk.amount
    except ValueError:
        session.tell("bad", say("decide.bad_amount", example=_example(desk)))
        return
    judged, text = desk.assessment or desk.case.judgement, desk.text.strip()
    decision = Decision(
        session.person(), desk.category or Category.NEEDS_REVIEW, desk.remedy or "", amount,
        desk.template_id if text else "", text, judged.model if judged else "", judged.policy if judged else "",
        str(state.get(desk.key("second")) or "").strip(),
    )  # fmt: skip
    try:
        version = session.store().decide(desk.case.id, desk.case.version, decision)
    except CaseError as error:
        _refused(desk.case.id, error)
        return
    state["last"] = Last(desk.case.id, version)
    session.tell("good", say("decide.saved", case=desk.case.id, remedy=telling.remedy_name(decision.remedy, say)))
    go_on(desk.case.id)


def go_on(case_id: str) -> None:
    """Leave a case for the one that follows."""
    work, session_id = session.worklist(), session.session_id()
    work.seen.add(case_id)
    board = session.board()
    session.open_case(work.following(session.store(), case_id, lambda other: board.other(other, session_id) is not None) or "")


def _undo(last: Last) -> None:
    """Take a decision back and open its case again."""
    try:
        session.store().undo(last.case_id, last.version, session.person())
    except CaseError as error:
        _refused(last.case_id, error)
    else:
        session.tell("good", session.say()("decide.undone", case=last.case_id))
    st.session_state.pop("last", None)
    session.worklist().seen.discard(last.case_id)
    session.open_case(last.case_id)


def _refused(case_id: str, error: CaseError) -> None:
    """Tell in one sentence why nothing was saved; of a conflict, who was faster and when."""
    say = session.say()
    if not isinstance(error, CaseConflictError):
        session.tell("bad", say("decide.not_saved", why=str(error)))
        return
    case = session.store().case(case_id)
    who = case.entries[-1].by if case.entries else ""
    time = telling.at(case.summary.updated_at, session.seller_zone())
    session.tell("bad", say("decide.conflict", who=who or say("decide.somebody"), time=time))
