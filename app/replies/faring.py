"""How replies fared: how often each was shown, taken, sent as suggested, and what buyers answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import altair as alt
import streamlit as st

import session
from triage_ml.cases.counts import ReplyUsage
from triage_ml.insights.rates import Rate, share
from triage_ml.replies.templates import Template

_DAYS = (30, 90, 365)
# With fewer answers a share says hardly anything: then only the counts are shown.
ENOUGH = 10
_COLUMNS = ("shown", "chosen", "as_suggested", "accepted", "declined", "no_answer")
_LONGEST_LABEL = 60
_COLOUR = "#14968c"  # seen on light and on dark
NEVER = ReplyUsage()


def usage(days: int | None = None) -> Mapping[str, ReplyUsage]:
    """Return how each reply fared, in decisions of the last days, or in all."""
    store = session.store()
    return store.reply_usage(store.now() - timedelta(days=days) if days else None)


def answers(one: ReplyUsage) -> Rate:
    """Return how many buyers accepted, of those whose case says what they did."""
    return share(one.accepted, one.accepted + one.declined + one.no_answer)


def accepted(one: ReplyUsage) -> str:
    """Return it in words: counts, and from some answers on the share between which it truly lies."""
    say, rate = session.say(), answers(one)
    if not rate.of:
        return ""
    text = say("usage.of", count=rate.count, of=rate.of)
    if rate.of < ENOUGH or rate.low is None or rate.high is None:
        return text
    return f"{text} ({say('usage.between', low=f'{rate.low:.0%}', high=f'{rate.high:.0%}')})"


def line(one: ReplyUsage) -> str:
    """Return how one reply fared, in a sentence."""
    say = session.say()
    if not one.shown and not one.chosen:
        return say("usage.never")
    parts = [say("usage.chosen_of", count=one.chosen, of=max(one.shown, one.chosen))]
    if one.chosen:
        parts.append(say("usage.as_suggested_of", count=one.as_suggested, of=one.chosen))
    if told := accepted(one):
        parts.append(say("usage.accepted_of", share=told))
    return " · ".join(parts)


def table(templates: Mapping[str, Template]) -> None:
    """Draw all replies with how they fared, the most used first; a click on a column's head sorts by it."""
    say = session.say()
    days = st.selectbox(
        say("usage.since"), [None, *_DAYS], key="usage-days", width=220, persist_state="session",
        format_func=lambda days: say("usage.ever") if days is None else say("usage.days", days=days),
    )  # fmt: skip
    found = usage(days)
    if not any(one.shown or one.chosen for one in found.values()):
        session.show_note("note", say("usage.empty"))
        return
    st.caption(say("usage.intro", least=ENOUGH))
    used = [name for name in templates if _of(found, name) != NEVER]
    everything = st.checkbox(say("usage.all", count=len(templates) - len(used)), key="usage-all", persist_state="session")
    order = sorted(
        templates if everything else used, key=lambda name: (-_of(found, name).chosen, -_of(found, name).shown, name)
    )
    gone = [name for name in found if name and name not in templates]
    rows = [_row(name, templates[name].purpose[say.language], _of(found, name)) for name in order]
    rows += [_row(name, say("usage.gone"), found[name]) for name in gone]
    st.dataframe(rows, hide_index=True, height=min(40 + 35 * len(rows), 680), column_config=_config())
    _chart({name: templates[name].purpose[say.language] for name in used}, found)


def _of(found: Mapping[str, ReplyUsage], name: str) -> ReplyUsage:
    return found.get(name, NEVER)


def _row(name: str, purpose: str, one: ReplyUsage) -> dict[str, object]:
    say = session.say()
    counts = {say(f"usage.{column}"): getattr(one, column) for column in _COLUMNS}
    return {say("usage.reply"): purpose, **counts, say("usage.share"): accepted(one), say("usage.name"): name}


def _config() -> dict[str, Any]:
    say = session.say()
    return {
        say("usage.reply"): st.column_config.TextColumn(width=265),
        **{say(f"usage.{name}"): st.column_config.NumberColumn(width=84, help=say(f"usage.{name}_help")) for name in _COLUMNS},
        say("usage.share"): st.column_config.TextColumn(width=205, help=say("usage.share_help", least=ENOUGH)),
    }


def _chart(purposes: Mapping[str, str], found: Mapping[str, ReplyUsage]) -> None:
    """Draw between which shares acceptance truly lies, where there are two replies at least to be compared."""
    say = session.say()
    rates = {name: answers(_of(found, name)) for name in purposes}
    rows = [
        {"reply": _short(purposes[name]), "name": name, "value": rate.value, "low": rate.low, "high": rate.high}
        for name, rate in rates.items()
        if rate.of >= ENOUGH
    ]
    if len(rows) < 2:
        return
    st.subheader(say("usage.chart"))
    order, axis = alt.EncodingSortField("value", order="descending"), alt.Axis(format="%", tickCount=5)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("reply:N", sort=order, title=None, axis=alt.Axis(labelLimit=420)),
        tooltip=[
            alt.Tooltip("reply:N", title=say("usage.reply")),
            alt.Tooltip("value:Q", title=say("usage.share"), format=".0%"),
        ],
    )
    between = base.mark_rule(strokeWidth=3, opacity=0.5, color=_COLOUR).encode(
        x=alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), title=say("usage.share"), axis=axis), x2="high:Q"
    )
    point = base.mark_point(filled=True, size=90, opacity=1, color=_COLOUR).encode(x="value:Q")
    st.altair_chart((between + point).properties(height=80 + 34 * len(rows)))
    st.caption(say("usage.chart_note"))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1].rstrip() + "…"
