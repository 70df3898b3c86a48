"""Labelling: one message after another, a key for each answer; what the model thinks is told only afterwards."""

from __future__ import annotations

from functools import partial

import streamlit as st
from markupsafe import Markup

import session
import telling
from label import labelling
from label.labelling import Given, Round
from marking import marked, marks_of
from triage_ml.cases import Case, Label
from triage_ml.cases.records import CaseMessage
from triage_ml.errors import CaseError
from triage_ml.messages import Claim, OrderLine

# The buyer's words are what one looks at; a long text has a window of its own.
_TEXT = "font-size: 1.3rem; line-height: 1.6; max-width: 56rem; max-height: 52vh; overflow-y: auto"


def page() -> None:
    """Draw the message to label now, or why there is none."""
    say, store, work = session.say(), session.store(), round_now()
    with st.container(key="page-head", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(say("label.title"), anchor=False)
        tools(work)
    told(work)
    if not session.person():
        session.show_note("note", say("label.needs_person"))
    counts(work)
    if st.session_state.get("label-guide"):
        guide()
    with st.spinner(say("label.choosing")):
        found = work.current(store, lambda case_id: session.also_open(case_id) is not None)
    if found is None:
        session.board().leave(session.session_id())
        nothing_left(work)
        return
    session.board().enter(found[0].id, session.session_id(), session.person())
    asked(*found, again=bool(work.again))
    answers(*found)


def round_now() -> Round:
    """Return what this session labels."""
    found: Round = st.session_state.setdefault("label-round", Round())
    return found


def tools(work: Round) -> None:
    """Draw what may be done beside answering."""
    say = session.say()
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        st.button(say("label.guide"), key="label-definitions", shortcut="G", on_click=_turn, args=("label-guide",))
        if work.given:
            name = f"{say('label.undo')} {work.given[-1].case_id}"
            st.button(name, key="label-undo", shortcut="U", disabled=bool(work.again), on_click=_again, args=(work,))


def told(work: Round) -> None:
    """Draw what came of the last label: what the model had said."""
    session.show_told()
    given: Given | None = st.session_state.pop("label-told", None)
    if given is None or work.again:
        return
    say = session.say()
    mine = named(given.label.claim, given.label.abuse)
    if given.judged is None:
        session.show_note("good", say("label.saved", case=given.case_id, label=mine))
        return
    facts = {"case": given.case_id, "label": mine, "sure": telling.percent(given.sureness)}
    if given.agrees:
        session.show_note("good", say("label.agrees", **facts))
    else:
        session.show_note("note", say("label.differs", **facts, model=named(given.judged, given.judged_abuse)))


def named(claim: Claim, abuse: bool) -> str:
    """Return a label in the reader's words."""
    say = session.say()
    name = say(f"claim.{claim.value}")
    return say("label.with_look", claim=name) if abuse else name


def counts(work: Round) -> None:
    """Draw how many messages were labelled today and by whom, and how often the model had said the same."""
    say, store = session.say(), session.store()
    midnight = store.now().astimezone(session.seller_zone()).replace(hour=0, minute=0, second=0, microsecond=0)
    people = labelling.labelled_since(store, midnight)
    parts = [say("label.today", n=sum(count for _, count in people))]
    parts += [say("label.by", who=who or say("decide.somebody"), n=count) for who, count in people]
    if work.given:
        parts.append(say("label.agreement", agreed=labelling.agreed(work.given), n=len(work.given)))
    st.html(Markup('<div class="quiet">{}</div>').format(" · ".join(parts)))


def guide() -> None:
    """Draw what each answer means, in the order in which the first that fits counts."""
    say = session.say()
    meanings = [(say(f"claim.{name}"), say(f"label.means_{name}")) for name in ("other", "quality", "mismatch", "subjective")]
    meanings.append((say("category.abuse"), say("label.means_abuse")))
    facts = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(*meaning) for meaning in meanings)
    with st.container(border=True, key="label-meanings"):
        st.html(Markup('<div class="quiet">{}</div><dl class="facts">{}</dl>').format(say("label.first_that_fits"), facts))


# --- one message


def asked(case: Case, message: CaseMessage, *, again: bool) -> None:
    """Draw the buyer's words, large, with the telling ones marked, and small what they are about."""
    say, judged = session.say(), message.judgement
    marks = marks_of(judged.cues) if judged else ()
    words = marked(message.message.text, marks, session.titles("cue"))
    language = judged.language if judged else message.message.language
    about = " · ".join([case.id, telling.language(language, say), *_order(case.summary.order)])
    if again:
        session.show_note("note", say("label.again", case=case.id))
    said = Markup('<div class="said" style="{}" tabindex="0" lang="{}" dir="auto">{}</div>').format(_TEXT, language, words)
    st.html(Markup('<div class="turn"><div class="head">{}</div>{}</div>').format(about, said))


def _order(order: OrderLine) -> list[str]:
    said = [order.product or order.sku, order.customisation]
    if order.paid:
        said.append(str(order.paid))
    return [part for part in said if part]


def answers(case: Case, message: CaseMessage) -> None:
    """Draw the answers, a key each; "second look" asks which claim stands under it."""
    say, looks = session.say(), bool(st.session_state.get("label-look"))
    st.html(Markup('<div class="says">{}</div>').format(say("label.which_under" if looks else "label.which")))
    blocked = not session.person()
    with st.container(horizontal=True, gap="small", key="label-answers"):
        for number, claim in enumerate(Claim, 1):
            st.button(
                say(f"claim.{claim.value}"), key=f"label-{claim.value}", shortcut=str(number), disabled=blocked,
                on_click=_label, args=(case, message, claim),
            )  # fmt: skip
        st.button(
            say("label.no_look" if looks else "category.abuse"), key="label-abuse", shortcut="5", disabled=blocked,
            type="primary" if looks else "secondary", on_click=_turn, args=("label-look",),
        )  # fmt: skip
        st.button(say("label.skip"), key="label-skip", shortcut="S", type="tertiary", on_click=_skip, args=(case.id,))


def _label(case: Case, message: CaseMessage, claim: Claim) -> None:
    """Record the answer at once and go on; a callback, so that the next message is already the one drawn."""
    abuse = bool(st.session_state.pop("label-look", False))
    try:
        given = labelling.give(session.store(), case, message, Label(session.person(), claim, abuse))
    except CaseError as error:
        session.tell("bad", session.say()("label.not_saved", why=session.say().sentence(str(error))))
        return
    round_now().add(given)
    st.session_state["label-told"] = given


def _skip(case_id: str) -> None:
    st.session_state.pop("label-look", None)
    round_now().skip(case_id)


def _again(work: Round) -> None:
    st.session_state.pop("label-look", None)
    work.again = work.given[-1].case_id


def _turn(name: str) -> None:
    st.session_state[name] = not st.session_state.get(name)


# --- nothing to label


def nothing_left(work: Round) -> None:
    """Say why there is nothing to label, and what to do."""
    say = session.say()
    if not session.store().cases(limit=1).cases:
        session.show_note("note", say("label.empty"))
        st.page_link("inbox/page.py", label=say("label.to_inbox"), icon=":material/inbox:")
        return
    session.show_note("good", say("label.all_done"))
    if work.skipped:
        name = say("label.bring_back", n=len(work.skipped))
        st.button(name, key="label-bring-back", type="primary", on_click=partial(work.bring_back))


page()
