"""A decision goes into the record: the form, the keys that end the work on a case, the second person, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import streamlit as st

import roles
import session
import telling
from case.desk import Desk, Step, errors_of
from session import Last
from triage_ml.cases import Case, CaseState, Decision
from triage_ml.errors import CaseConflictError, CaseError
from triage_ml.messages import Category
from triage_ml.resolution import ALL_MONEY, RemedyKind

_T = TypeVar("_T")
_BUTTONS = {Step.DECIDE: "decide.button", Step.HAND_OVER: "decide.hand_over", Step.AGREE: "decide.agree"}


def form(desk: Desk) -> None:
    """Draw what is decided in one row: category, remedy, amount, and who else looked."""
    say, names = session.say(), telling.decidable(session.say())
    allowed = [remedy.kind.value for remedy in desk.remedies]
    others = [kind.value for kind in RemedyKind if kind.value not in allowed]
    kinds = {kind: telling.remedy_name(kind, say) for kind in allowed}
    kinds |= {kind: f"{telling.remedy_name(kind, say)} ({say('decide.other_remedy')})" for kind in others}
    # Read from the state, so that the row knows what it holds before it is drawn.
    with_amount, with_second = bool(desk.remedy and telling.is_money(desk.remedy)), names_second(desk)
    cells = iter(st.columns([5, 7] + [3] * with_amount + [4] * with_second, gap="small"))
    with next(cells):
        _choice(desk, "category", names)
    with next(cells):
        _choice(desk, "remedy", kinds)
    if with_amount:
        with next(cells):
            _amount(desk)
    if with_second:
        with next(cells):
            st.text_input(say("decide.second_person"), key=desk.key("second"), help=say("decide.second_person_help"))


def _choice(desk: Desk, name: str, options: Mapping[_T, str]) -> None:
    say, key, shown = session.say(), desk.key(name), options.__getitem__
    hint = say("came.choose")
    st.selectbox(say(f"decide.{name}"), list(options), key=key, index=None, format_func=shown, placeholder=hint, required=True)


def names_second(desk: Desk) -> bool:
    """Say whether a colleague may be named instead of handing the case over: only where nobody logs in."""
    return desk.needs_second and desk.proposed is None and roles.way() is roles.Way.ALONE


def _amount(desk: Desk) -> None:
    say, key = session.say(), desk.key(f"amount-{desk.remedy}")
    if key not in st.session_state:
        offer = next((remedy.offer for remedy in desk.remedies if remedy.kind == desk.remedy and remedy.offer), None)
        paid = desk.case.summary.order.paid if desk.remedy in ALL_MONEY else None
        st.session_state[key] = str(offer or paid or "")
    st.text_input(say("decide.amount"), key=key, help=say("decide.amount_help", example=telling.example(desk.currency)))


def buttons(desk: Desk, *, can_decide: bool) -> None:
    """Draw what ends the work on a case: decide or hand over, skip, take back."""
    say, case = session.say(), desk.case
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small"):
        if can_decide:
            name = say(_BUTTONS[desk.step])
            st.button(name, key="decide", type="primary", shortcut="Ctrl+Enter", on_click=_decide, args=(desk,))
        st.button(say("decide.skip"), key="skip", shortcut="S", on_click=go_on, args=(case.id,))
        if case.proposal:
            if may_send_back(case):
                name = say("decide.withdraw" if _is_own(case) else "decide.send_back")
                st.button(name, key="undo", shortcut="U", on_click=_undo, args=(Last(case.id, case.version),))
            return
        last: Last | None = st.session_state.get("last")
        if case.summary.state is not CaseState.OPEN and any(not made.undone_at for made in case.decisions):
            last = Last(case.id, case.version)
        if last:
            st.button(f"{say('decide.undo')} {last.case_id}", key="undo", shortcut="U", on_click=_undo, args=(last,))


# --- the second person


def _is_own(case: Case) -> bool:
    return bool(case.proposal) and _same(case.proposal.decision.by if case.proposal else "", session.person())


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def why_not(case: Case) -> str:
    """Return why this person may not decide a case that waits for a second one, as the key of a string; "" where they may."""
    if case.proposal is None:
        return ""
    if _is_own(case):
        return "second.yours"
    return "" if roles.role() >= roles.Role.REVIEWER else "second.no_reviewer"


def may_send_back(case: Case) -> bool:
    """Say whether this person may give a proposed case back: the one who proposed it, and whoever may decide it."""
    return _is_own(case) or not why_not(case)


# --- into the record


def problem(desk: Desk) -> str:
    """Return why a decision cannot be saved yet, as the key of a string; "" where it can."""
    if not session.person():
        return "decide.needs_person"
    if reason := why_not(desk.case):
        return reason
    if desk.category is None:
        return "decide.needs_category"
    if desk.remedy is None:
        return "decide.needs_remedy"
    if desk.needs_second and _same(desk.second, session.person()):
        return "decide.needs_second"
    errors = errors_of(desk.findings())
    return "decide.blocked" if errors and not st.session_state.get(desk.anyway_key(errors)) else ""


def _decide(desk: Desk) -> None:
    """Save the decision, or the proposal, at once and go on; a callback, so that it sees the text as it was last typed."""
    say, step = session.say(), desk.step
    if wrong := problem(desk):
        session.tell("bad", say(wrong))
        return
    try:
        decision = _decision(desk)
    except ValueError:
        session.tell("bad", say("decide.bad_amount", example=telling.example(desk.currency)))
        return
    save = session.store().propose if step is Step.HAND_OVER else session.store().decide
    try:
        version = save(desk.case.id, desk.case.version, decision)
    except CaseError as error:
        _refused(desk.case.id, error)
        return
    st.session_state["last"] = Last(desk.case.id, version)
    told = "decide.handed_over" if step is Step.HAND_OVER else "decide.saved"
    session.tell("good", say(told, case=desk.case.id, remedy=telling.remedy_name(decision.remedy, say)))
    go_on(desk.case.id)


def _decision(desk: Desk) -> Decision:
    """Return what the form says; ValueError where the amount cannot be read."""
    judged, text = desk.assessment or desk.case.judgement, desk.text.strip()
    return Decision(
        by=session.person(),
        category=desk.category or Category.NEEDS_REVIEW,
        remedy=desk.remedy or "",
        amount=desk.amount,
        template_id=desk.template_id if text else "",
        final_text=text,
        model=judged.model if judged else "",
        policy=judged.policy if judged else "",
        second_person=desk.second,
        shown=desk.shown,
        edited=desk.edited,
    )


def go_on(case_id: str) -> None:
    """Leave a case for the one that follows."""
    work = session.worklist()
    work.seen.add(case_id)
    session.open_case(work.following(session.store(), case_id, lambda other: session.also_open(other) is not None) or "")


def _undo(last: Last) -> None:
    """Take a decision or a proposal back and open its case again."""
    store = session.store()
    try:
        waited = store.case(last.case_id).proposal is not None
        store.undo(last.case_id, last.version, session.person())
    except CaseError as error:
        _refused(last.case_id, error)
    else:
        session.tell("good", session.say()("decide.sent_back" if waited else "decide.undone", case=last.case_id))
    st.session_state.pop("last", None)
    session.worklist().seen.discard(last.case_id)
    session.open_case(last.case_id)


def _refused(case_id: str, error: CaseError) -> None:
    """Tell in one sentence why nothing was saved; of a conflict, who was faster and when."""
    say = session.say()
    if not isinstance(error, CaseConflictError):
        session.tell("bad", say("decide.not_saved", why=say.sentence(str(error))))
        return
    case = session.store().case(case_id)
    who = case.entries[-1].by if case.entries else ""
    time = telling.at(case.summary.updated_at, session.seller_zone())
    session.tell("bad", say("decide.conflict", who=who or say("decide.somebody"), time=time))
