"""What came of a decision goes into the record: later offers are learned from it."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

import streamlit as st

import session
import telling
from session import Last
from triage_ml.cases import Case, CaseState, Decision, Outcome, OutcomeKind
from triage_ml.errors import CaseError
from triage_ml.readers.money import parse_money
from triage_ml.resolution import RemedyKind

# What is decided may come to something; so may a case that waits for the buyer, and one that something else happened to since.
_MAY_COME_TO = (CaseState.DECIDED, CaseState.WAITING, CaseState.CLOSED)
# With these the money of the decision was paid.
_PAID = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.REFUNDED, OutcomeKind.RETURNED})
_NOON = time(12)


def possible(case: Case) -> bool:
    """Say whether something may have come of a case yet."""
    return case.summary.state in _MAY_COME_TO


def form(case: Case) -> None:
    """Draw the form for what came of it; the rest of it follows once that is chosen."""
    say = session.say()
    st.subheader(say("came.title"))
    names = {kind: say(f"outcome.{kind.value}") for kind in OutcomeKind}
    kind = st.selectbox(
        say("came.kind"), list(names), key=_key(case, "kind"), index=None, format_func=names.__getitem__,
        placeholder=say("came.choose"), label_visibility="collapsed",
    )  # fmt: skip
    if kind is None:
        return
    _prefill(case, kind)
    share, spent, day = st.columns(3, gap="small")
    with share:
        help_ = say("came.share_help")
        st.number_input(say("came.share"), 0.0, 100.0, key=_key(case, "share"), step=1.0, format="%g", help=help_)
    with spent:
        help_ = say("decide.amount_help", example=telling.example(_currency(case)))
        st.text_input(say("came.spent"), key=_key(case, f"spent-{kind}"), help=help_)
    with day:
        st.date_input(say("came.day"), key=_key(case, "day"), max_value=_today(), format="YYYY-MM-DD")
    st.text_input(say("came.note"), key=_key(case, "note"), max_chars=500)
    st.button(say("came.save"), key="came-save", type="primary", shortcut="Ctrl+Shift+Enter", on_click=_save, args=(case, kind))


def _key(case: Case, part: str) -> str:
    return f"came-{part}:{case.id}:{case.version}"


def _currency(case: Case) -> str:
    return case.summary.order.paid.currency if case.summary.order.paid else ""


def _today() -> date:
    return session.store().now().astimezone(session.seller_zone()).date()


def _decided(case: Case) -> Decision | None:
    """Return the decision that stands, the newest of several."""
    return next((made.decision for made in reversed(case.decisions) if made.undone_at is None), None)


def _prefill(case: Case, kind: OutcomeKind) -> None:
    """Put in what the decision says: the share of an offer, and the money where it was paid."""
    state, made, paid = st.session_state, _decided(case), case.summary.order.paid
    offered = made.amount if made and made.remedy == RemedyKind.PART_REFUND_KEEP else None
    known = offered and paid and paid.amount and offered.currency == paid.currency
    share = float(round(offered.amount / paid.amount * 100, 1)) if known and offered and paid else None
    state.setdefault(_key(case, "share"), share)
    state.setdefault(_key(case, f"spent-{kind}"), str(made.amount) if made and made.amount and kind in _PAID else "")
    state.setdefault(_key(case, "day"), _today())


def _save(case: Case, kind: OutcomeKind) -> None:
    """Save it at once; a callback, so that it sees the fields as they were last typed."""
    say, store, by = session.say(), session.store(), session.person()
    if not by:
        session.tell("bad", say("decide.needs_person"))
        return
    try:
        outcome = _outcome(case, kind, by)
    except ValueError:
        session.tell("bad", say("decide.bad_amount", example=telling.example(_currency(case))))
        return
    try:
        store.outcome(case.id, outcome)
    except CaseError as error:
        session.tell("bad", say("decide.not_saved", why=say.sentence(str(error))))
        return
    last: Last | None = st.session_state.get("last")
    if last == Last(case.id, case.version):  # the decision may still be taken back
        st.session_state["last"] = Last(case.id, case.version + 1)
    session.tell("good", say("came.saved", case=case.id, kind=say(f"outcome.{kind.value}")))


def _outcome(case: Case, kind: OutcomeKind, by: str) -> Outcome:
    """Return what the form says; ValueError where the money cannot be read."""
    state = st.session_state
    written = str(state.get(_key(case, f"spent-{kind}")) or "").strip()
    share, note = state.get(_key(case, "share")), str(state.get(_key(case, "note")) or "").strip()
    return Outcome(
        by=by,
        kind=kind,
        offered_share=None if share is None else Decimal(str(share)) / 100,
        spent=parse_money(written, default=_currency(case)) if written else None,
        note=note,
        at=_moment(state.get(_key(case, "day"))),
    )


def _moment(day: date | None) -> datetime | None:
    """Return when it was: now for today, which is None, else noon of that day where the seller works."""
    return None if day is None or day == _today() else datetime.combine(day, _NOON, session.seller_zone())
