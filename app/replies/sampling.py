"""How a reply reads, filled with sample values, and when it is offered, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import streamlit as st
from markupsafe import Markup

import session
from triage_ml.replies.templates import ALWAYS_KNOWN, Template

ORDER_ID = "305-1234567-1234567"
_SAMPLE = {
    "order_id": ORDER_ID, "product": "Oak name sign, 30 cm", "customisation": "Emma & Noah", "buyer_name": "Emma",
    "offer": "9.60 EUR", "offer_low": "8.00 EUR", "offer_high": "12.00 EUR", "personalised": "yes", "remake_price": "18.00 EUR",
}  # fmt: skip
_DAYS = ("remake_days", "evidence_days", "return_days")
_CONDITIONS = ("abuse", "stage", "personalised", "photo", "value")


def conditions(template: Template) -> Iterator[str]:
    """Yield the conditions of a reply in words; what does not matter is left out."""
    say = session.say()
    for name in _CONDITIONS:
        key = f"condition.{name}_{getattr(template, name)}"
        if say.knows(key):
            yield say(key)
    for name, names in (("channels", template.channels), ("marketplaces", template.marketplaces)):
        if names:
            yield say(f"condition.{name}", names=", ".join(names))
    if template.languages:
        yield say("condition.languages", names=", ".join(say(f"languages.{code}") for code in template.languages))


def sample(template: Template, without: Collection[str] = ()) -> dict[str, str]:
    """Return a value for each field that a template uses, but for those that are taken as unknown."""
    policy = session.policy()
    days = {name: f"{policy.numbers[f'time.{name}' if name != 'remake_days' else 'shop.remake_days']:f}" for name in _DAYS}
    known = {"shop": policy.shop, **days, **_SAMPLE}
    used = (*template.required, *template.optional, *ALWAYS_KNOWN)
    return {name: known[name] for name in used if name in known and name not in without}


def reads(template: Template, language: str, values: Mapping[str, str]) -> str:
    """Draw a reply as the buyer would read it, and return it."""
    text, _ = template.render(language, values)
    said = '<div class="turn out"><div class="said" lang="{}">{}</div></div>'
    st.html(Markup(said).format(language, text))
    st.caption(session.say()("library.sample"))
    return text
