"""Evidence of one case: what is there and what is missing, files, the text for the platform's box, the pack."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import timedelta

import streamlit as st
from markupsafe import Markup

import panels
import session
import telling
from copying import copy_button
from evidence import attaching, packing
from triage_ml.cases import AttachmentKind, Case, CaseStore, Filter, Order, OutcomeKind
from triage_ml.cases.records import CaseOutcome
from triage_ml.cases.results import public_id
from triage_ml.clocks import clock
from triage_ml.errors import CaseNotFoundError
from triage_ml.evidence import Draft, Item, Purpose, checklist, draft
from triage_ml.evidence.purposes import purpose_facts
from triage_ml.evidence.record import Record
from triage_ml.evidence.telling import Deadline, deadlines
from triage_ml.messages import Category, MessageKind

_SHOWN = 15
_TEXT_HEIGHT = 300
# For so long back an outcome puts a case on the list: a claim may come 90 days after the last day of delivery, an appeal later.
_DISPUTED = timedelta(days=180)
_CASE = re.compile(r"(?:C-)?(\d{1,15})", re.IGNORECASE)


def page() -> None:
    """Draw the evidence of the case that is open, or the cases to choose from."""
    say, case_id = session.say(), session.open_now()
    st.title(say("evidence.title"))
    session.show_told()
    stakes = at_stake(str(session.store().engine.url), session.store())
    choose(stakes)
    if not case_id:
        session.show_note("note", say("evidence.no_case"))
        lines(stakes)
        packing.given_pack(None)
        return
    try:
        case = session.store().case(case_id)
    except CaseNotFoundError:
        session.show_note("bad", say("case.not_found", case=case_id))
        return
    session.board().enter(case.id, session.session_id(), session.person())
    panels.heading(case)
    if case.erased:
        session.forget(case.id)
        st.session_state.pop("evidence-edits", None)
        session.show_note("note", say("evidence.erased"))
    both_sides(case, purpose_of(case))


def both_sides(case: Case, purpose: Purpose) -> None:
    """Draw what a purpose needs on the left, what is done about it on the right."""
    about(case, purpose)
    items = checklist(case, purpose)
    left, right = st.columns([7, 5], gap="large")
    with left:
        check(items)
        box(case, purpose)
        packing.pack(case, purpose)
    with right:
        if not case.erased:
            st.subheader(session.say()("evidence.attach"))
            attaching.form(case, _next_kind(items))
        attaching.kept(case)


# --- which case


def choose(why: Mapping[str, str]) -> None:
    """Draw the ways to another case: one of those at stake, or its number or its order's."""
    say = session.say()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            say("evidence.at_stake"), list(why), index=None, key="evidence-stake", width=340, on_change=_choose,
            disabled=not why,
            format_func=lambda case_id: f"{case_id} · {say(f'evidence_stake.{why[case_id]}')}" if case_id in why else case_id,
            placeholder=say("evidence.at_stake_hint" if why else "evidence.none_at_stake"),
        )  # fmt: skip
        st.text_input(
            say("evidence.number"), key="evidence-number", width=280, on_change=_look_up, help=say("evidence.number_help")
        )


def _choose() -> None:
    if chosen := st.session_state.get("evidence-stake"):
        session.open_case(chosen)
    st.session_state["evidence-stake"] = None


def _look_up() -> None:
    """Open the case of a number, or the newest of an order's number."""
    say, store = session.say(), session.store()
    written = unicodedata.normalize("NFKC", st.session_state.get("evidence-number", "")).strip()
    if not written:
        return
    found = _CASE.fullmatch(written)
    of_order = store.cases(Filter(order_id=written), Order.NEWEST, limit=_SHOWN).cases
    if not found and not of_order:
        session.tell("bad", say("evidence.no_such", number=written))
        return
    session.open_case(of_order[0].id if of_order else public_id(int(found[1])) if found else "")
    if len(of_order) > 1:
        session.tell("note", say("evidence.several", cases=", ".join(case.id for case in of_order)))
    st.session_state["evidence-number"] = ""


@st.cache_resource(ttl=60, show_spinner=False)
def at_stake(url: str, _store: CaseStore) -> Mapping[str, str]:  # noqa: ARG001 - one list for each record
    """Return the cases that evidence may be needed for, those with the newest claims first, each with the reason."""
    disputes = (OutcomeKind.A_TO_Z, OutcomeKind.CHARGEBACK)
    came = [one for one in _store.stream(CaseOutcome, _store.now() - _DISPUTED) if one.outcome.kind in disputes]
    found = {one.case_id: one.outcome.kind.value for one in reversed(came[-_SHOWN:])}
    for why, where in (("hold", Filter(on_hold=True)), ("care", Filter(category=Category.ABUSE))):
        for case in _store.cases(where, Order.NEWEST, limit=_SHOWN).cases:
            found.setdefault(case.id, why)
    return found


def lines(stakes: Mapping[str, str]) -> None:
    """Draw the cases at stake, each with a button that opens it."""
    say, store = session.say(), session.store()
    for case_id, why in stakes.items():
        case = store.case(case_id).summary
        order = case.order
        badge = Markup('<span class="badge">{}</span>').format(say(f"evidence_stake.{why}"))
        parts = (order.product or order.sku, order.order_id, order.marketplace.upper(), str(order.paid or ""))
        number, line = st.columns([1, 8], vertical_alignment="center")
        key = f"evidence-open-{case_id}"
        number.button(case_id, key=key, type="tertiary", on_click=session.open_case, args=(case_id,))
        about = " · ".join(filter(None, parts))
        line.html(Markup("<div>{} {} {}</div>").format(badge, panels.due(case.due_at), about))


# --- what for, and by when


def purpose_of(case: Case) -> Purpose:
    """Draw what the evidence is for, and return it; at first what the case's notices and outcomes tell."""
    say, key = session.say(), f"evidence-purpose:{case.id}"
    st.session_state.setdefault(key, likely_purpose(case))
    chosen: Purpose | None = st.segmented_control(
        say("evidence.purpose"), list(Purpose), key=key, required=True, persist_state="session",
        format_func=lambda purpose: purpose_facts(purpose)[say.language],
    )  # fmt: skip
    return chosen or Purpose.A_TO_Z


def likely_purpose(case: Case) -> Purpose:
    """Return what evidence of a case is most likely needed for."""
    kinds = {one.message.kind for one in case.messages}
    came = {one.outcome.kind for one in case.outcomes}
    if MessageKind.CHARGEBACK in kinds or OutcomeKind.CHARGEBACK in came:
        return Purpose.CHARGEBACK
    if MessageKind.A_TO_Z in kinds or OutcomeKind.A_TO_Z in came:
        return Purpose.A_TO_Z
    if case.summary.category is Category.ABUSE:
        return Purpose.ABUSE_REPORT
    return Purpose.SAFE_T if MessageKind.REFUND in kinds else Purpose.A_TO_Z


def about(case: Case, purpose: Purpose) -> None:
    """Draw what a purpose is, and its clocks."""
    say = session.say()
    found = deadlines(Record(case), purpose, str(session.seller_zone()))
    clocks = panels.bullets(_deadline(one, case) for one in found) if found else ""
    st.html(Markup("<div>{}</div>{}").format(say(f"evidence_purpose.{purpose.value}"), clocks))


def _deadline(one: Deadline, case: Case) -> Markup:
    """Say by when; of a clock whose start the record does not know, how long it runs from what."""
    say, zone, record = session.say(), session.seller_zone(), Record(case)
    text = one.text[say.language]
    if one.met_at:
        return Markup("{} {}").format(text, say("clocks.met", time=telling.at(one.met_at, zone)))
    if one.due_at:
        return Markup("{} {} ({})").format(text, telling.at(one.due_at, zone), panels.due(one.due_at))
    version = clock(one.clock, record.place, record.as_of.date())
    length = say(f"evidence_unit.{version.unit.value}", n=version.length)
    return Markup("{} {}").format(text, say("evidence.runs", length=length, start=say(f"evidence_start.{one.starts}")))


# --- what is there, what is missing


def check(items: Sequence[Item]) -> None:
    """Draw the checklist: the next missing thing, the other missing ones, what is there."""
    say = session.say()
    missing, there = [one for one in items if not one.is_there], [one for one in items if one.is_there]
    needed = [one for one in items if one.needed]
    st.subheader(say("evidence.checklist"))
    count = say("evidence.count", there=sum(one.is_there for one in needed), needed=len(needed), all=len(there))
    st.html(Markup('<div class="quiet">{}</div>').format(count))
    if not any(one.needed for one in missing):
        session.show_note("good", say("evidence.complete"))
    cards = [_missing(one, first=number == 0) for number, one in enumerate(missing)]
    first = max(1, sum(one.needed for one in missing))  # what is needed comes first in the list
    st.html(Markup("").join(cards[:first]))
    if rest := cards[first:]:
        with st.expander(say("evidence.more", count=len(rest))):
            st.html(Markup("").join(rest))
    if there:
        st.html(Markup("<b>{}</b>{}").format(say("evidence.there"), Markup("").join(map(_there, there))))


def _missing(item: Item, *, first: bool) -> Markup:
    say = session.say()
    badges = [say("evidence.next")] * first + [say("evidence.needed" if item.needed else "evidence.helpful")]
    marks = Markup(" ").join(Markup('<span class="badge">{}</span>').format(badge) for badge in badges)
    why = say(f"evidence_why.{item.id}") if say.knows(f"evidence_why.{item.id}") else ""
    lines = Markup("").join(Markup("<small>{}</small>").format(line) for line in (why, f"→ {item.get[say.language]}") if line)
    return Markup('<div class="remedy {}"><b>{}</b> {}{}</div>').format("first" * first, item.text[say.language], marks, lines)


def _there(item: Item) -> Markup:
    say = session.say()
    found = " · ".join(say.sentence(one) for one in item.found)
    return Markup('<div>✓ {}</div><div class="quiet said">{}</div>').format(item.text[say.language], found)


def _next_kind(items: Sequence[Item]) -> AttachmentKind:
    """Return the kind of file that is missing first."""
    kinds = list(AttachmentKind)
    return next((AttachmentKind(one.id) for one in items if one.id in kinds and not one.is_there), AttachmentKind.OTHER)


# --- the text for the platform's box


def box(case: Case, purpose: Purpose) -> None:
    """Draw the draft, to be edited and copied, with its length against what the box holds."""
    say, edits = session.say(), st.session_state.setdefault("evidence-edits", {})
    st.subheader(say("evidence.draft"))
    languages = list(dict.fromkeys((Record(case).language, "en")))
    spoken = st.segmented_control(
        say("evidence.draft_language"), languages, key=f"evidence-language:{case.id}", default=languages[0], required=True,
        format_func=lambda code: say(f"languages.{code}"),
    )  # fmt: skip
    made = draft(case, purpose, spoken or languages[0])
    key = f"evidence-text:{case.id}:{purpose.value}:{made.language}"
    base, text = edits.get(key, (made.text, made.text))
    st.session_state[key] = text
    st.text_area(say("evidence.draft_label"), key=key, height=_TEXT_HEIGHT, on_change=_keep_edit, args=(key, made.text))
    _length(text, made)
    if base != made.text:
        session.show_note("note", say("evidence.draft_new"))
    with st.container(horizontal=True):
        copy_button(say("evidence.copy"), say("reply.copied"), text, f"evidence-copy:{key}")
        if text != made.text:
            st.button(say("evidence.restore"), key="evidence-restore", on_click=edits.pop, args=(key, None))
    with st.expander(say("evidence.rests_on")):
        st.html(panels.bullets(f"{one.text} [{', '.join(map(str, one.entries))}]" for one in made.sentences))
        if made.left_out:
            st.html(Markup("<b>{}</b>{}").format(say("evidence.left_out"), panels.bullets(one.text for one in made.left_out)))


def _keep_edit(key: str, base: str) -> None:
    st.session_state["evidence-edits"][key] = (base, st.session_state[key])


def _length(text: str, made: Draft) -> None:
    say, room = session.say(), made.limit
    if len(text) > room.characters:
        session.show_note("bad", say("evidence.too_long", n=len(text), most=room.characters))
        return
    stated = say("evidence.length", n=len(text), most=room.characters)
    st.html(Markup('<div class="quiet">{}</div>').format(stated if room.stated else f"{stated} {say('evidence.unstated')}"))


page()
