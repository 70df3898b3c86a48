"""The library of replies: what each is for, when it is offered, and how it reads in every language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import streamlit as st
from markupsafe import Markup

import panels
import session
import telling
from triage_ml.errors import TriageError
from triage_ml.messages import Claim
from triage_ml.replies.lint import Outgoing, check
from triage_ml.replies.templates import ALWAYS_KNOWN, Template
from triage_ml.resolution import RemedyKind

# Values that show how a text reads; buyer's names are left out, since exports seldom have them.
_SAMPLE = {
    "order_id": "305-1234567-1234567", "product": "Oak name sign, 30 cm", "customisation": "Emma & Noah",
    "offer": "9.60 EUR", "offer_low": "8.00 EUR", "offer_high": "12.00 EUR", "personalised": "yes", "remake_price": "18.00 EUR",
}  # fmt: skip
_DAYS = ("remake_days", "evidence_days", "return_days")
_CONDITIONS = ("abuse", "stage", "personalised", "photo", "value")


def library() -> None:
    """Draw the library."""
    say = session.say()
    st.title(say("library.title"))
    st.caption(say("library.intro"))
    try:
        templates = session.triage().ranker.templates
    except TriageError as error:
        session.show_note("bad", say("app.no_model", why=str(error)))
        return
    shown = chosen(templates)
    st.caption(say("library.count", shown=len(shown), all=len(templates)))
    if not shown:
        session.show_note("note", say("library.none"))
        return
    left, right = st.columns([5, 7], gap="large")
    with left:
        name = st.selectbox(say("library.choose"), list(shown), key="reply", format_func=lambda name: _label(shown[name]))
        about(shown[name])
    with right:
        preview(shown[name])


def chosen(templates: Mapping[str, Template]) -> dict[str, Template]:
    """Draw what narrows the library down, and return what is left."""
    say = session.say()
    with st.container(horizontal=True):
        claim = st.selectbox(
            say("library.claim"), [None, *Claim], key="library-claim", width=220,
            format_func=lambda c: say("inbox.any") if c is None else say(f"claim.{c.value}"),
        )  # fmt: skip
        remedy = st.selectbox(
            say("library.remedy"), [None, *RemedyKind], key="library-remedy", width=260,
            format_func=lambda r: say("inbox.any") if r is None else telling.remedy_name(r.value, say),
        )  # fmt: skip
        words = st.text_input(say("library.search"), key="library-search", placeholder=say("library.search_hint"))
    wanted = words.casefold().split()
    return {
        name: template
        for name, template in sorted(templates.items())
        if (claim is None or claim in template.claims)
        and (remedy is None or remedy in template.remedies)
        and all(word in _words(template) for word in wanted)
    }


def _words(template: Template) -> str:
    return " ".join((template.id, *template.purpose.values(), *template.text.values())).casefold()


def _label(template: Template) -> str:
    return template.purpose[session.say().language]


def about(template: Template) -> None:
    """Draw what a reply is for and when it is offered."""
    say = session.say()
    kind = say("library.own" if template.own else "library.shipped")
    st.html(Markup('<p><b>{}</b> <span class="badge">{}</span></p>').format(template.id, kind))
    parts = [
        ("library.claim", [say(f"claim.{claim.value}") for claim in template.claims]),
        ("library.remedy", [telling.remedy_name(remedy.value, say) for remedy in template.remedies]),
        ("library.conditions", list(conditions(template)) or [say("condition.always")]),
        ("library.fields", [*template.required, *template.optional] or ["–"]),
    ]
    for title, lines in parts:
        st.html(Markup("<b>{}</b>{}").format(say(title), panels.bullets(lines)))


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


def preview(template: Template) -> None:
    """Draw a reply filled with sample values in one language, and what the outgoing check says of it."""
    say = session.say()
    codes = list(template.text)
    key = f"preview-{template.id}"
    language = st.segmented_control(
        say("library.preview"), codes, key=key, default=codes[0], required=True, format_func=lambda c: say(f"languages.{c}")
    )
    text, _ = template.render(language or codes[0], _sample(template))
    said = '<div class="turn out"><div class="said" lang="{}">{}</div></div>'
    st.html(Markup(said).format(language, text))
    st.caption(say("library.sample"))
    channel = (template.channels or ("amazon",))[0]
    context = Outgoing(
        channel, language or "", template.claims[0], _SAMPLE["order_id"], full_refund_allowed=True, personalised=True
    )
    errors = [f for f in check(text, context) if f.severity == "error" and f.rule != "unfilled"]
    if errors:
        st.html(panels.bullets(f"“{f.found}”: {say.sentence(f.why)} {say.sentence(f.fix)}" for f in errors))
    else:
        st.html(Markup('<div class="quiet">✓ {}</div>').format(say("library.checked", channel=channel)))


def _sample(template: Template) -> dict[str, str]:
    policy = session.triage().policy
    days = {name: f"{policy.numbers[f'time.{name}' if name != 'remake_days' else 'shop.remake_days']:f}" for name in _DAYS}
    known = {"shop": policy.shop, **days, **_SAMPLE}
    return {name: known[name] for name in (*template.required, *template.optional, *ALWAYS_KNOWN) if name in known}


library()
