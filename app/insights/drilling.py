"""From a figure to its cases: what was chosen in a chart, a table or a list, and the cases behind it, each one click away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import streamlit as st
from markupsafe import Markup

import figures
import panels
import session
from insights.charting import CHOSEN
from triage_ml.cases import CaseSummary, Filter, Order
from triage_ml.errors import CaseNotFoundError
from triage_ml.insights import By, Insights
from triage_ml.insights.behind import ANY, Behind, cases_behind, cases_of_week
from triage_ml.insights.causes import load_causes
from triage_ml.insights.records import ALL, COMPLAINT, UNKNOWN
from triage_ml.messages import Category
from worklist import Worklist

_SHOWN = 10
_GROUP, _WHAT, _WEEK = "insights-group", "insights-what", "insights-week"


# --- what was chosen


def choose(group: str, what: str) -> None:
    """Let these cases be the ones that are listed."""
    st.session_state[_GROUP], st.session_state[_WHAT] = group, what
    st.session_state.pop(_WEEK, None)
    st.toast(session.say()("insights_behind.below"))


def choose_week(monday: str, category: str) -> None:
    """Let the cases that began in one week be the ones that are listed."""
    st.session_state[_WEEK] = monday, category
    st.toast(session.say()("insights_behind.below"))


def chosen_group(insights: Insights) -> str:
    """Return the group that is looked at, all of them where that one is not there."""
    group = str(st.session_state.get(_GROUP, ALL))
    return group if any(line.group == group for line in insights.categories) else ALL


def chart(drawn: Any, key: str, take: Callable[[str, str], None] = choose) -> None:  # noqa: ANN401 - a chart of Altair
    """Draw a chart; what is chosen in it is what is listed."""

    def on_choice() -> None:
        marks = st.session_state[key].selection.get(CHOSEN) or []
        if marks:
            take(marks[0]["group"], marks[0]["what"])

    st.altair_chart(drawn, key=key, on_select=on_choice, width="stretch")


def table(rows: Sequence[Mapping[str, Any]], targets: Sequence[tuple[str, str]], key: str, **columns: Any) -> None:  # noqa: ANN401
    """Draw a table; the cases of a row that is chosen are listed. Cells show text as text."""

    def on_choice() -> None:
        chosen = st.session_state[key].selection.rows
        if chosen and chosen[0] < len(targets):
            choose(*targets[chosen[0]])

    st.dataframe(
        list(rows), key=key, hide_index=True, on_select=on_choice, selection_mode="single-row", column_config=columns or None
    )


# --- the cases


def panel(insights: Insights) -> None:
    """Draw what cases are listed, to be chosen by keyboard too, and the cases."""
    say = session.say()
    with st.container(border=True):
        st.subheader(say("insights_behind.title"))
        group, what = _choices(insights)
        week = st.session_state.get(_WEEK)
        if week:
            monday, category = date.fromisoformat(week[0]), Category(week[1])
            behind, about = cases_of_week(insights, monday, category), say("insights_behind.week", week=week[0])
            about = f"{about} · {figures.what(category.value)}"
            where = Filter(category=category)
        else:
            behind, about = cases_behind(insights, group, what), _about(group, what)
            where = filter_of(insights, group, what)
        listed(behind, about, where, "panel")


def _choices(insights: Insights) -> tuple[str, str]:
    say = session.say()
    groups = list(dict.fromkeys([ALL, *(line.group for line in insights.categories)]))
    causes = dict.fromkeys(line.what for line in insights.causes if line.group == ALL)
    categories = [category.value for category in figures.categories()]
    whats = [ANY, COMPLAINT, *categories, *causes, *(fix.fix for fix in insights.fixes)]
    for key, options in ((_GROUP, groups), (_WHAT, whats)):
        if st.session_state.get(key) not in options:
            st.session_state[key] = options[0]
    groups_named = {group: figures.group(group) for group in groups}
    named = {key: figures.what(key) for key in whats} | {ANY: say("insights_behind.any")}
    named |= {fix.fix: say("insights_behind.fix", place=named[fix.fix]) for fix in insights.fixes}
    named |= {cause: say("insights_behind.cause", cause=named[cause]) for cause in causes}
    with st.container(horizontal=True):
        group = st.selectbox(
            figures.heading(insights.by.value), groups, key=_GROUP, format_func=groups_named.__getitem__, on_change=_no_week,
            width=320, persist_state="session",
        )  # fmt: skip
        what = st.selectbox(
            say("insights_behind.what"), whats, key=_WHAT, format_func=named.__getitem__, on_change=_no_week, width=420,
            persist_state="session",
        )  # fmt: skip
    return group, what


def _no_week() -> None:
    st.session_state.pop(_WEEK, None)


def _about(group: str, what: str) -> str:
    parts = [] if group == ALL else [figures.group(group)]
    parts += [] if what == ANY else [figures.what(what)]
    return " · ".join(parts) or session.say()("insights_behind.any")


def filter_of(insights: Insights, group: str, what: str) -> Filter:
    """Return what comes nearest among the filters: after the listed cases the list goes on with these."""
    causes, categories = load_causes(), {category.value for category in Category}
    named: dict[str, Any] = (
        {} if group == ALL or insights.by is By.PRODUCT else {insights.by.value: "" if group == UNKNOWN else group}
    )
    return Filter(
        category=Category(what) if what in categories else None,
        claim=causes[what].claim if what in causes else None,
        since=insights.period.since,
        until=insights.period.until,
        **named,
    )


def listed(behind: Behind, about: str, where: Filter, key: str, section: str = "insights_behind") -> None:
    """Draw cases, each with a button that opens it; the list is worked through next. `section` says of what time they are."""
    say = session.say()
    if not behind.case_ids:
        session.show_note("note", say("insights_behind.none", about=about))
        return
    cases = "?" if behind.cases is None else f"{behind.cases:,}"
    some = behind.cases is None or behind.cases > len(behind.case_ids)
    told = say(f"{section}.newest", shown=len(behind.case_ids), cases=cases) if some else say(f"{section}.all", cases=cases)
    st.html(Markup("<p><b>{}</b>: {}</p>").format(about, told))
    shown_key = f"insights-shown-{key}"
    state = (about, behind.case_ids)
    if st.session_state.get(shown_key, (None, 0))[0] != state:
        st.session_state[shown_key] = (state, _SHOWN)
    count = st.session_state[shown_key][1]
    for case in _summaries(behind.case_ids[:count]):
        opens, line = st.columns([1, 8], vertical_alignment="center", gap="small")
        with opens:
            if st.button(case.id, key=f"{key}-open-{case.id}", type="tertiary"):
                go(case.id, behind.case_ids, where)
        with line:
            st.html(_line(case))
    if count < len(behind.case_ids):
        st.button(say("insights_behind.more"), key=f"{key}-more", on_click=_more, args=(shown_key, len(behind.case_ids)))


def _line(case: CaseSummary) -> Markup:
    say, order = session.say(), case.order
    about = " · ".join(part for part in (order.product or order.sku, order.order_id) if part) or "–"
    when = case.last_at.astimezone(session.seller_zone()).date()
    state, paid = say(f"state.{case.state.value}"), order.paid or ""
    line = (
        '<div class="line" style="grid-template-columns: 6rem 11.5rem minmax(6rem, 1fr) 6rem 8rem"><span>{}</span>'
        '<span>{}</span><span class="cut" title="{}">{}</span><span class="number">{}</span><span class="cut">{}</span></div>'
    )
    return Markup(line).format(when, panels.badge(case.category.value), about, about, paid, state)


def _more(key: str, count: int) -> None:
    st.session_state[key] = (st.session_state[key][0], count)


def _summaries(case_ids: Sequence[str]) -> list[CaseSummary]:
    """Return the cases as they stand now; one that is gone since is left out."""
    found = []
    for case_id in case_ids:
        try:
            found.append(session.store().case(case_id).summary)
        except CaseNotFoundError:
            continue
    return found


def go(case_id: str, ids: Sequence[str], where: Filter) -> None:
    """Open a case; the list it was opened from is worked through next."""
    st.session_state["worklist"] = Worklist(where, Order.NEWEST, ids)
    st.session_state["case"] = case_id
    st.switch_page("case/page.py", query_params={"case": case_id})
