"""A list of cases, a line each: the whole line is a button, and what buyers wrote stands in it as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup

import session
import telling
from triage_ml.cases import Case, CaseState, CaseSummary
from triage_ml.messages import Direction

# So much of a text is sent to the browser, which shows what has room.
_WORDS = 160
# Letters before a word that was found, so that it is in sight.
_BEFORE = 12
_HEADS = ("case", "due", "category", "product", "words", "paid", "marketplace", "language")


def lines(rows: Sequence[tuple[CaseSummary, str]], *, states: bool) -> str | None:
    """Draw cases, and return the one that was clicked.

    Parameters
    ----------
    rows
        Cases, each with the words to show of it; "" for the first of its newest text.
    states
        Whether each line says the case's state.
    """
    say = session.say()
    head = Markup("").join(Markup('<span class="{}">{}</span>').format(name, say(f"line.{name}")) for name in _HEADS)
    body = Markup("").join(_line(case, words, states=states) for case, words in rows)
    with st.container(key="list", gap=None):
        st.html(Markup('<div class="list"><div class="row head">{}</div>{}</div>').format(head, body))
        # The buttons lie over the lines, each over its own: one piece of HTML for all is twice as fast as one for each.
        with st.container(key="list-buttons", gap=None):
            clicked = [
                case.id for case, _ in rows if st.button(case.id, key=f"open-{case.id}", type="tertiary", width="stretch")
            ]
    return clicked[0] if clicked else None


def _line(case: CaseSummary, words: str, *, states: bool) -> Markup:
    order, say, now = case.order, session.say(), session.store().now()
    other = session.also_open(case.id)
    marks = [say("line.open_by", who=other.who or say("decide.somebody"))] if other else []
    marks += [say(f"state.{case.state.value}")] if states and case.state is not CaseState.OPEN else []
    said = Markup("").join(Markup('<span class="badge here">{}</span> ').format(mark) for mark in marks)
    language = f"languages.{case.language}"
    cells = {
        "case": case.id,
        "due": Markup('<span class="due {}">{}</span>').format(
            telling.urgency(case.due_at, now), telling.left(case.due_at, now, say)
        ),
        "category": Markup('<span class="badge {}">{}</span>').format(
            case.category.value, say(f"category.{case.category.value}")
        ),
        "product": order.product or order.sku or order.order_id or "–",
        "words": said + (words or first_words(session.store().case(case.id))),
        "paid": order.paid or "",
        "marketplace": order.marketplace.upper(),
        "language": say(language) if say.knows(language) else case.language,
    }
    return Markup('<div class="row">{}</div>').format(
        Markup("").join(Markup('<span class="{}">{}</span>').format(name, cell) for name, cell in cells.items())
    )


def words_found(excerpt: str, words: str) -> Markup:
    """Return an excerpt from shortly before the first of the words that were searched for, with that word marked."""
    found = re.search("|".join(map(re.escape, words.split())), excerpt, re.IGNORECASE)
    if not found:
        return Markup("{}").format(excerpt)
    start = excerpt.rfind(" ", 0, max(0, found.start() - _BEFORE)) + 1
    before = ("… " if start else "") + excerpt[start : found.start()]
    return Markup('{}<mark class="cue plain">{}</mark>{}').format(before, found[0], excerpt[found.end() :])


def first_words(case: Case) -> str:
    """Return how the newest text begins: the buyer's, where there is one."""
    texts = [one for one in case.messages if one.message.direction is Direction.IN] or list(case.messages)
    if not texts:
        return ""
    return session.say()("line.erased") if texts[-1].erased else " ".join(texts[-1].message.text[: 2 * _WORDS].split())[:_WORDS]
