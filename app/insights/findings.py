"""What cases say, as a person reads it: what to put right first, what changed, what comes how often and from where."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup

import figures
import session
from insights import charting, drilling
from insights.charting import Bar, Point
from triage_ml.insights import Insights
from triage_ml.insights.causes import COMPLAINTS, load_causes
from triage_ml.insights.rates import Basis, Rate, share
from triage_ml.insights.records import ALL, COMPLAINT, UNKNOWN, FixFirst, Line, Trend, Verdict

_FIRST, _GROUPS, _CAUSES, _TRENDS = 3, 12, 12, 20
# Part of the trade: nothing to put right.
_NOTHING = "nothing"


# --- what to put right first


def first(insights: Insights) -> None:
    """Draw where most is at stake, what to look at there, and what stands behind it."""
    say = session.say()
    places = [fix for fix in insights.fixes if fix.fix != _NOTHING]
    if not places:
        session.show_note("note", figures.heading("nothing"))
        return
    top, language = places[0], say.language
    values = {"place": top.names[language], "cases": f"{top.cases:,}", "cost": figures.money(top.cost)}
    figures.sentence(say("insights_first.says", share=figures.percent(top.share), **values))
    figures.quiet(figures.heading("fixes_how"))
    for column, fix in zip(st.columns(_FIRST), places[:_FIRST], strict=False):
        with column.container(border=True, height="stretch"):
            st.html(_card(fix))
            st.button(say("insights_behind.show"), key=f"fix-{fix.fix}", on_click=drilling.choose, args=(ALL, fix.fix))
    if any(fix.weight for fix in insights.fixes):
        figures.quiet(say("insights_first.chart"))
        drilling.chart(
            charting.bars([_fix_bar(fix) for fix in insights.fixes], say("insights_first.of_all"), share=True), "chart-fixes"
        )
    drilling.panel(insights)
    with st.expander(say("insights.table")):
        drilling.table([_fix_row(fix) for fix in insights.fixes], [(ALL, fix.fix) for fix in insights.fixes], "table-fixes")


def _card(fix: FixFirst) -> Markup:
    say, language = session.say(), session.say().language
    cases = say("insights_first.from", cases=f"{fix.cases:,}", share=figures.percent(fix.share))
    lines = [
        cases + (say("insights_first.unpriced", cases=f"{fix.unpriced:,}") if fix.unpriced else ""),
        say("insights_first.behind", causes=_counted(fix)),
        say(
            "insights_first.groups",
            groups=figures.listed(f"{figures.group(one.group)} ({one.cases:,})" for one in fix.groups[:3]),
        ),
    ]
    small = Markup("").join(Markup("<p>{}</p>").format(line) for line in lines)
    told = (
        fix.names[language],
        say("insights_first.saves", cost=figures.money(fix.cost)),
        small,
        say("insights_first.step"),
        fix.advice[language],
    )
    return Markup('<b>{}</b><div class="says">{}</div>{}<p><b>{}</b> {}</p>').format(*told)


def _counted(fix: FixFirst) -> str:
    return figures.listed(f"{figures.what(cause)} ({cases:,})" for cause, cases in fix.causes.items())


def _fix_bar(fix: FixFirst) -> Bar:
    told = {
        figures.heading("cases"): f"{fix.cases:,}",
        figures.heading("cost"): figures.money(fix.cost),
        figures.heading("share"): figures.percent(fix.share),
    }
    return Bar(figures.what(fix.fix), fix.share, told, group=ALL, what=fix.fix)


def _fix_row(fix: FixFirst) -> dict[str, str | int]:
    groups = (" ".join([figures.group(one.group), f"({one.cases:,})", figures.money(one.cost)]) for one in fix.groups)
    return {
        figures.heading("fix"): figures.what(fix.fix),
        figures.heading("cases"): fix.cases,
        figures.heading("cost"): figures.money(fix.cost),
        figures.heading("share"): figures.percent(fix.share),
        figures.heading("behind"): _counted(fix),
        figures.heading("most_by"): figures.listed(groups),
        figures.heading("unpriced"): fix.unpriced,
    }


# --- what changed


def changes(insights: Insights) -> None:
    """Draw what changed by more than chance explains; the rest only where somebody asks, and never as a trend."""
    say = session.say()
    alarms = [trend for trend in insights.trends if trend.verdict in (Verdict.MORE, Verdict.LESS)]
    tested = sum(trend.change is not None for trend in insights.trends)
    if alarms:
        figures.sentence(say("insights_changes.says", changed=len(alarms), tested=f"{tested:,}"))
    elif tested:
        figures.sentence(say("insights_changes.none", tested=f"{tested:,}"))
    else:
        figures.sentence(say("insights_changes.too_few"))
    figures.quiet(figures.heading("trends_how"))
    if alarms:
        figures.quiet(say("insights_changes.chart"))
        drawn = charting.intervals([_change(trend) for trend in alarms[:_TRENDS]], figures.heading("ratio"), ratios=True)
        drilling.chart(drawn, "chart-trends")
        drilling.panel(insights)
        with st.expander(say("insights.table"), expanded=True):
            _trend_table(insights, alarms, "table-trends")
    rest = [trend for trend in insights.trends if trend not in alarms]
    if rest:
        with st.expander(say("insights_changes.rest", count=f"{len(rest):,}")):
            figures.quiet(say("insights_changes.rest_how"))
            _trend_table(insights, rest, "table-noise")
            if not alarms:
                drilling.panel(insights)


def _change(trend: Trend) -> Point:
    change = trend.change
    if change is None:  # an alarm has one
        raise ValueError
    ratio = float("inf") if change.ratio is None else change.ratio
    high = float("inf") if change.high is None else change.high
    told = {
        figures.heading("verdict"): _verdict(trend),
        figures.heading("now"): figures.out_of(trend.now),
        figures.heading("was"): figures.out_of(trend.before),
        figures.heading("ratio"): figures.times(change.ratio),
        figures.heading("interval"): f"{figures.times(change.low)} – {figures.times(change.high)}",
        figures.heading("adjusted"): figures.chance(trend.adjusted),
    }
    label = f"{figures.group(trend.group)}: {figures.what(trend.what)}"
    return Point(label, ratio, change.low, high, told, group=trend.group, what=trend.what)


def _verdict(trend: Trend) -> str:
    return session.say()(f"insights_verdict.{trend.verdict.value}")


def _trend_table(insights: Insights, trends: Sequence[Trend], key: str) -> None:
    rows = [
        {
            figures.heading(insights.by.value): figures.group(trend.group),
            figures.heading("what"): figures.what(trend.what),
            figures.heading("verdict"): _verdict(trend),
            figures.heading("now"): figures.out_of(trend.now),
            figures.heading("was"): figures.out_of(trend.before),
            figures.heading("ratio"): figures.times(trend.change.ratio) if trend.change else "–",
            figures.heading("interval"): f"{figures.times(trend.change.low)} – {figures.times(trend.change.high)}"
            if trend.change
            else "–",
            figures.heading("adjusted"): figures.chance(trend.adjusted),
        }
        for trend in trends
    ]
    drilling.table(rows, [(trend.group, trend.what) for trend in trends], key)


# --- what comes how often, and from where


def origins(insights: Insights) -> None:
    """Draw the cases of each week, the groups they come from, and the causes of the group that is looked at."""
    say = session.say()
    if not insights.categories:
        session.show_note("note", figures.heading("nothing"))
        return
    _weeks(insights)
    left, right = st.columns(2, gap="large")
    with left:
        _groups(insights)
    with right:
        _causes(insights)
    drilling.panel(insights)
    with st.expander(say("insights_origins.categories")):
        _line_table(insights, insights.categories, "table-categories")
    with st.expander(say("insights_origins.causes")):
        _line_table(insights, insights.causes, "table-causes")


def _weeks(insights: Insights) -> None:
    say, names = session.say(), figures.categories()
    totals = {week.monday: sum(week.cases.values()) for week in insights.weeks}
    fullest = max(totals, key=lambda monday: totals[monday])
    mean = sum(totals.values()) / len(totals)
    figures.sentence(
        say("insights_origins.weeks", monday=fullest, cases=f"{totals[fullest]:,}", weeks=len(totals), mean=f"{mean:,.1f}")
    )
    titles = say("insights_origins.week"), figures.heading("cases")
    rows = [
        Bar(
            week.monday.isoformat(), week.cases.get(category, 0),
            {titles[0]: week.monday.isoformat(), figures.heading("what"): name, titles[1]: f"{week.cases.get(category, 0):,}"},
            name, charting.COLOURS[category], week.monday.isoformat(), category.value,
        )
        for category, name in names.items() if any(week.cases.get(category) for week in insights.weeks)
        for week in insights.weeks
    ]  # fmt: skip
    begin = insights.period.since.date()
    edge = next((monday.isoformat() for monday in totals if monday >= begin), None) if min(totals) < begin else None
    told = say("insights_origins.begins", date=begin)
    drawn = charting.columns(rows, titles, (edge, told) if edge else None)
    drilling.chart(drawn, "chart-weeks", drilling.choose_week)


def _groups(insights: Insights) -> None:
    say, names = session.say(), figures.categories()
    counts: dict[str, dict[str, Line]] = {}
    for line in insights.categories:
        if line.group != ALL and line.now.count:
            counts.setdefault(line.group, {})[line.what] = line
    if not counts:
        figures.sentence(figures.heading("nothing"))
        return
    totals = {group: sum(line.now.count for line in lines.values()) for group, lines in counts.items()}
    most = max(totals, key=lambda group: (group != UNKNOWN, totals[group]))
    part = figures.counts(share(totals[most], insights.cases))
    figures.sentence(say("insights_origins.groups", group=figures.group(most), **part))
    by = figures.heading(insights.by.value)
    rows = [
        Bar(
            figures.group(group), lines[category].now.count,
            {by: figures.group(group), figures.heading("what"): name, **_rate_told(lines[category].now)},
            name, charting.COLOURS[category], group, category.value,
        )
        for group, lines in list(counts.items())[:_GROUPS]
        for category, name in names.items() if category in lines
    ]  # fmt: skip
    order = list(names.values())
    used = sorted(rows, key=lambda row: order.index(row.name))
    labels = list(dict.fromkeys(row.label for row in rows))
    drilling.chart(charting.bars(used, figures.heading("cases"), order=labels), "chart-groups")
    if len(counts) > _GROUPS:
        figures.quiet(say("insights.first_of", shown=_GROUPS, count=f"{len(counts):,}"))


def _causes(insights: Insights) -> None:
    say, group = session.say(), drilling.chosen_group(insights)
    known = load_causes()
    lines = [
        line for line in insights.causes if line.group == group and line.now.count and known[line.what].claim in COMPLAINTS
    ]
    if not lines:
        figures.sentence(say("insights_origins.no_causes", group=figures.group(group)))
        return
    top = lines[0]
    named = {"cause": figures.what(top.what), **figures.counts(top.now)}
    if group == ALL:
        figures.sentence(say("insights_origins.cause", **named))
    else:
        figures.sentence(say("insights_origins.cause_of", group=figures.group(group), **named))
    points = [_cause(line) for line in lines[:_CAUSES] if line.now.value is not None]
    if points:
        drilling.chart(charting.intervals(points, _basis(top.now)), "chart-causes")


def _cause(line: Line) -> Point:
    told = {
        figures.heading("cause"): figures.what(line.what),
        **_rate_told(line.now),
        figures.heading("was"): figures.rate(line.before),
        figures.heading("phrases"): _phrases(line),
    }
    return charting.of_rate(figures.what(line.what), line.now, told, group=line.group, what=line.what)


def _phrases(line: Line) -> str:
    return figures.listed(f"“{phrase.words}” ({phrase.cases:,})" for phrase in line.phrases) or "–"


def _basis(rate: Rate) -> str:
    return figures.heading("per_order" if rate.basis is Basis.ORDERS else "per_case")


def _rate_told(rate: Rate) -> dict[str, str]:
    return {figures.heading("cases"): figures.out_of(rate), _basis(rate): figures.rate(rate)}


def _line_table(insights: Insights, lines: Sequence[Line], key: str) -> None:
    say = session.say()
    rows = [
        {
            figures.heading(insights.by.value): figures.group(line.group),
            figures.heading("what"): figures.what(line.what),
            figures.heading("cases"): line.now.count,
            say("insights_origins.of"): line.now.of,
            say("insights_origins.rate"): figures.percent(line.now.value),
            figures.heading("interval"): figures.interval(line.now),
            figures.heading("was"): figures.rate(line.before),
            **({figures.heading("phrases"): _phrases(line)} if lines is insights.causes else {}),
        }
        for line in lines
    ]
    drilling.table(rows, [(line.group, line.what) for line in lines], key)


# --- expectation against reality


def expectation(insights: Insights) -> None:
    """Draw which share of the complaints comes from expectation against reality, beside what the trade says."""
    say = session.say()
    told = [one for one in insights.expectation if one.share.value is not None]
    if not told:
        session.show_note("note", figures.heading("nothing"))
        return
    every = told[0].share
    low, high = every.low or 0.0, every.high or 1.0
    verdict = "fits" if low <= told[0].trade <= high else "less" if high < told[0].trade else "more"
    values = {"trade": figures.percent(told[0].trade), **figures.counts(every)}
    figures.sentence(say(f"insights_expectation.{verdict}", **values))
    figures.quiet(figures.heading("expectation_how"))
    points = [
        charting.of_rate(
            figures.group(one.group), one.share,
            {
                figures.heading("complaints"): figures.out_of(one.share),
                figures.heading("share"): figures.rate(one.share),
                figures.heading("trade"): figures.percent(one.trade),
                figures.heading("unreadable"): f"{one.unreadable:,}",
            },
            mark=one.trade, group=one.group, what=COMPLAINT,
        )
        for one in told[:_GROUPS]
    ]  # fmt: skip
    drawn = charting.intervals(points, figures.heading("share"), mark=figures.heading("trade"))
    drilling.chart(drawn, "chart-expectation")
    if len(told) > _GROUPS:
        figures.quiet(say("insights.first_of", shown=_GROUPS, count=f"{len(told):,}"))
    drilling.panel(insights)
