"""How figures of insights are written: names, shares with their intervals, money. What exports say is text, never Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st
from markupsafe import Markup

import session
import telling
from triage_ml.insights.causes import load_causes, load_fixes
from triage_ml.insights.rates import Rate
from triage_ml.insights.records import ALL, COMPLAINT, UNKNOWN
from triage_ml.insights.report import headings
from triage_ml.messages import Category, Money

_SMALL = 0.1
_SIGN = 2  # a marketplace that is a country is written in capitals


def heading(key: str) -> str:
    """Return what the report of insights calls something."""
    return str(headings(session.say().language)[key])


def what(key: str) -> str:
    """Return what a category, a cause, a place to put right or all complaints are called."""
    say = session.say()
    if say.knows(f"category.{key}"):
        return say(f"category.{key}")
    if key == COMPLAINT:
        return say("insights.complaint")
    known = load_causes().get(key) or load_fixes().get(key)
    return known.names[say.language] if known else key


def group(name: str) -> str:
    """Return what a group is called."""
    return {ALL: heading("all_groups"), UNKNOWN: heading("unknown_group")}.get(name, name)


def place(marketplace: str) -> str:
    """Return what a marketplace is called: DE, etsy.de."""
    if not marketplace:
        return heading("unknown_group")
    return marketplace.upper() if len(marketplace) == _SIGN else group(marketplace)


def remedy(kind: str) -> str:
    """Return what a remedy is called."""
    return telling.remedy_name(kind, session.say())


def categories() -> dict[Category, str]:
    """Return what categories are called, in the order they are shown in."""
    order = (Category.QUALITY, Category.MISMATCH, Category.SUBJECTIVE, Category.ABUSE, Category.NEEDS_REVIEW, Category.OTHER)
    return {category: what(category.value) for category in order}


def percent(value: float | None) -> str:
    """Return a fraction in percent, with a digit behind the point below ten; "–" for none."""
    if value is None:
        return "–"
    return f"{value:.1%}" if 0 < abs(value) < _SMALL else f"{value:.0%}"


def interval(rate: Rate) -> str:
    """Return between what the true rate lies."""
    return "–" if rate.value is None else f"{percent(rate.low)} – {percent(rate.high)}"


def rate(found: Rate) -> str:
    """Return a rate with its interval."""
    return f"{found.count:,}" if found.value is None else f"{percent(found.value)} ({interval(found)})"


def counts(found: Rate) -> dict[str, str]:
    """Return the fields of a sentence that says how many of how many, and the rate."""
    return {"count": f"{found.count:,}", "of": f"{found.of:,}", "rate": rate(found)}


def out_of(found: Rate) -> str:
    """Return how many of how many."""
    return f"{found.count:,} / {found.of:,}"


def times(value: float | None) -> str:
    """Return a ratio; ∞ where it has no upper end."""
    return "∞" if value is None else f"×{value:.2f}"


def chance(p: float | None) -> str:
    """Return a p value."""
    return "–" if p is None else "< 0.0001" if p < 0.0001 else f"{p:.4f}"  # noqa: PLR2004 - the last digit shown


def money(amounts: Sequence[Money]) -> str:
    """Return amounts of several currencies."""
    return " + ".join(f"{one.amount:,f} {one.currency}" for one in amounts) or "–"


def listed(parts: Iterable[str]) -> str:
    """Return several things in one line."""
    return (", " if session.say().language == "en" else "、").join(parts)


def sentence(text: str) -> None:
    """Draw one sentence as it is written."""
    st.html(Markup('<div class="says">{}</div>').format(text))


def quiet(text: str) -> None:
    """Draw what explains, in small."""
    st.html(Markup('<div class="quiet">{}</div>').format(text))
