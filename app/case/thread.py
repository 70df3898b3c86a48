"""What was said: the messages as a conversation. What nobody must read now is folded away; telling words are marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import streamlit as st
from markupsafe import Markup

import session
import telling
from marking import Mark, marked, marks_of, quotes
from triage_ml.cases import Case
from triage_ml.cases.records import CaseMessage
from triage_ml.messages import Direction, MessageKind

# The newest ones, and the one that a reply answers, are always open.
_NEWEST = 3
# From so many characters on a text has a window of its own, with what was marked in it above.
_LONG = 1_500
_QUOTES = 6


def conversation(case: Case) -> None:
    """Draw the thread, oldest first, with the telling words marked, and the legend of the marks."""
    st.subheader(session.say()("case.thread"))
    # Only what came in is marked: what we wrote tells nothing of the claim.
    incoming = [one for one in case.messages if one.message.direction is Direction.IN and not one.erased]
    marks = {one.id: marks_of(one.judgement.cues) for one in incoming if one.judgement}
    lead = case.leading.id if case.leading else None
    several = len(case.messages) > 1
    read = {one.id for one in case.messages[-_NEWEST:]} | {lead}
    parts = []
    for opened, group in groupby(case.messages, key=lambda one: one.id in read):
        turns = [_turn(one, marks.get(one.id, ()), leads=several and one.id == lead) for one in group]
        # A fold that hides one message is no shorter than the message.
        parts += turns if opened or len(turns) == 1 else [_folded(turns)]
    st.html(Markup("").join(parts))
    _legend([mark for found in marks.values() for mark in found])


def _folded(turns: Sequence[Markup]) -> Markup:
    fold = '<details class="more"><summary>{}</summary>{}</details>'
    return Markup(fold).format(session.say()("case.folded", n=len(turns)), Markup("").join(turns))


def _turn(one: CaseMessage, marks: Sequence[Mark], *, leads: bool) -> Markup:
    message, say = one.message, session.say()
    who, kind = ("seller", "out") if message.direction is Direction.OUT else ("buyer", "in")
    if message.kind not in (MessageKind.BUYER, MessageKind.SELLER):
        who, kind = "notice", "notice"
    when = telling.at(message.sent_at or one.recorded_at, session.seller_zone())
    head = [say(f"case.{who}"), when, message.subject, say("case.leads") if leads else ""]
    foot = [say("case.return_reason", reason=message.reason_code)] if message.reason_code else []
    foot += [say("case.attached", names=", ".join(message.attachments))] if message.attachments else []
    turn = '<div class="turn {}{}"><div class="head">{}</div>{}{}</div>'
    feet = Markup("").join(Markup('<div class="head">{}</div>').format(line) for line in foot)
    return Markup(turn).format(kind, " leads" if leads else "", " · ".join(filter(None, head)), _said(one, marks), feet)


def _said(one: CaseMessage, marks: Sequence[Mark]) -> Markup:
    """Return the words, as they were written; a long text in a window that keys can scroll."""
    say, text = session.say(), one.message.text
    if one.erased or not text.strip():
        return Markup("<em>{}</em>").format(say("case.erased_text" if one.erased else "case.empty_text"))
    language = one.judgement.language if one.judgement else one.message.language
    words = marked(text, marks, session.titles("cue"))
    if len(text) <= _LONG:
        return Markup('<div class="said" lang="{}" dir="auto">{}</div>').format(language, words)
    found = quotes(text, marks, {mark.cue for mark in marks})[:_QUOTES]
    short = say("case.long", n=f"{len(text):,}") + " " + " ".join(f"“{quote}”" for quote in found)
    window = '<div class="head">{}</div><div class="said long" tabindex="0" lang="{}" dir="auto">{}</div>'
    return Markup(window).format(short, language, words)


def _legend(marks: Iterable[Mark]) -> None:
    say, names = session.say(), {}
    for mark in marks:
        name = say(f"cue.{mark.cue}") if say.knows(f"cue.{mark.cue}") else mark.cue
        name = say("cue.negated", cue=name) if mark.negated else say("cue.asked", cue=name) if mark.asked else name
        names[name] = mark.group
    if not names:
        st.html(Markup('<div class="legend">{}</div>').format(say("case.no_marks")))
        return
    chips = Markup(" ").join(Markup('<mark class="cue {}">{}</mark>').format(group, name) for name, group in names.items())
    st.html(Markup('<div class="legend">{} {}</div>').format(say("case.legend"), chips))
