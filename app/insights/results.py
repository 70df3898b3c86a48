"""What came of cases, as a person reads it: remedies and offers, reply times, buyers who came back, new complaints, files."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st
from markupsafe import Markup

import figures
import session
from insights import charting, drilling
from insights.charting import Point
from triage_ml.cases import Filter
from triage_ml.insights import Insights, as_json, write_report
from triage_ml.insights.behind import Behind
from triage_ml.insights.rates import Rate, share
from triage_ml.insights.records import OfferBand, RemedyResult, ReplyTimes, Theme
from triage_ml.messages import Category

_PLACES = 12


# --- remedies and offers


def remedies(insights: Insights) -> None:
    """Draw what remedies cost and achieved, and which offers were taken, beside the trade's figure."""
    say = session.say()
    if not insights.remedies and not insights.offers:
        session.show_note("note", say("insights_remedies.none"))
        return
    if insights.remedies:
        _achieved(insights)
    st.subheader(figures.heading("offers"))
    if insights.offers:
        _offers(insights)
    else:
        session.show_note("note", say("insights_remedies.no_offers"))


def _achieved(insights: Insights) -> None:
    say = session.say()
    most = insights.remedies[0]
    values = {"remedy": figures.remedy(most.remedy), "decisions": f"{most.decisions:,}"}
    if most.acceptance.value is None:
        figures.sentence(say("insights_remedies.decided", **values))
    else:
        figures.sentence(say("insights_remedies.says", rate=figures.rate(most.acceptance), **values))
    points = [_achievement(one) for one in insights.remedies if one.acceptance.value is not None]
    if points:
        figures.quiet(say("insights_remedies.chart"))
        st.altair_chart(charting.intervals(points, figures.heading("acceptance")), key="chart-remedies", width="stretch")
    st.dataframe([_remedy_row(one) for one in insights.remedies], key="table-remedies", hide_index=True)


def _achievement(one: RemedyResult) -> Point:
    told = {
        figures.heading("decisions"): f"{one.decisions:,}",
        figures.heading("accepted"): figures.out_of(one.acceptance),
        figures.heading("acceptance"): figures.rate(one.acceptance),
        figures.heading("mean_spent"): figures.money(one.mean_spent),
    }
    return charting.of_rate(figures.remedy(one.remedy), one.acceptance, told)


def _remedy_row(one: RemedyResult) -> dict[str, str | int]:
    counts = {
        name: getattr(one, name)
        for name in ("decisions", "accepted", "declined", "escalated", "no_answer", "open", "bad_reviews")
    }
    return {
        figures.heading("remedy"): figures.remedy(one.remedy),
        figures.heading("acceptance"): figures.rate(one.acceptance) if one.acceptance.value is not None else "–",
        figures.heading("mean_spent"): figures.money(one.mean_spent),
        **{figures.heading(name): count for name, count in counts.items()},
    }


def _offers(insights: Insights) -> None:
    say = session.say()
    taken, made = (sum(getattr(band.acceptance, name) for band in insights.offers) for name in ("count", "of"))
    figures.sentence(say("insights_remedies.offers", **figures.counts(share(taken, made))))
    figures.quiet(say("insights_remedies.offers_chart"))
    titles = say("insights_remedies.offered"), figures.heading("acceptance")
    claims = dict.fromkeys(band.claim for band in insights.offers)
    colours = {say(f"claim.{claim.value}"): charting.COLOURS[Category(claim.value)] for claim in claims}
    drawn = charting.curve([_offer(band) for band in insights.offers], titles, figures.heading("trade"), colours)
    st.altair_chart(drawn, key="chart-offers", width="stretch")
    st.dataframe([_told_of(band) for band in insights.offers], key="table-offers", hide_index=True)


def _offer(band: OfferBand) -> Point:
    claim = session.say()(f"claim.{band.claim.value}")
    return charting.of_rate(claim, band.acceptance, _told_of(band), series=claim, mark=band.trade, at=band.mean_share)


def _told_of(band: OfferBand) -> dict[str, str]:
    return {
        figures.heading("claim"): session.say()(f"claim.{band.claim.value}"),
        figures.heading("offered"): f"{figures.percent(band.above)} – {figures.percent(band.up_to)}",
        figures.heading("mean_share"): figures.percent(band.mean_share),
        figures.heading("accepted"): figures.out_of(band.acceptance),
        figures.heading("acceptance"): figures.rate(band.acceptance),
        figures.heading("trade"): figures.percent(band.trade),
    }


# --- reply times


def replies(insights: Insights) -> None:
    """Draw how fast buyers were answered, against a day and each marketplace's clock."""
    say = session.say()
    if not insights.replies:
        session.show_note("note", figures.heading("nothing"))
        return
    every = insights.replies[0]
    if every.within_day.value is None:
        figures.sentence(say("insights_reply_times.no_answers", messages=f"{every.messages:,}", waiting=f"{every.waiting:,}"))
    else:
        median = "–" if every.median_hours is None else f"{every.median_hours:,.1f}"
        values = {"median": median, **figures.counts(every.within_day)}
        figures.sentence(say("insights_reply_times.says", **values))
    figures.quiet(figures.heading("replies_how"))
    points = [point for one in insights.replies[:_PLACES] for point in _times(one)]
    if points:
        st.altair_chart(charting.intervals(points, say("insights_reply_times.share")), key="chart-replies", width="stretch")
    st.dataframe([_times_row(one) for one in insights.replies], key="table-replies", hide_index=True)


def _times(one: ReplyTimes) -> list[Point]:
    place, told = figures.place(one.marketplace), _times_row(one)
    rates = {"within_day": one.within_day, "within_clock": one.within_clock}
    return [
        charting.of_rate(place, rate, {title: str(value) for title, value in told.items()}, series=figures.heading(name))
        for name, rate in rates.items()
        if rate.value is not None
    ]


def _times_row(one: ReplyTimes) -> dict[str, str | int]:
    def told(rate: Rate) -> str:
        return figures.rate(rate) if rate.value is not None else "–"

    return {
        figures.heading("marketplace"): figures.place(one.marketplace),
        figures.heading("messages"): one.messages,
        figures.heading("within_day"): told(one.within_day),
        figures.heading("within_clock"): told(one.within_clock),
        figures.heading("median_hours"): "–" if one.median_hours is None else f"{one.median_hours:,.1f}",
        figures.heading("waiting"): one.waiting,
    }


# --- buyers who came back


def buyers(insights: Insights) -> None:
    """Draw how many came back, and the cases of those who did most often."""
    say, found = session.say(), insights.buyers
    if found.known:
        figures.sentence(say("insights_buyers.says", **figures.counts(share(found.repeated, found.known))))
    figures.quiet(figures.heading("buyers_how"))
    with st.container(horizontal=True):
        for name, count in (("buyers_known", found.known), ("buyers_repeated", found.repeated), ("buyers_often", found.often)):
            st.metric(figures.heading(name), f"{count:,}", border=True, width="content")
    if not found.most:
        session.show_note("note", say("insights_buyers.none"))
        return
    rows = [
        {
            figures.heading("buyer"): one.buyer,
            figures.heading("cases"): one.cases,
            figures.heading("what"): figures.listed(f"{figures.what(c.value)} ({n:,})" for c, n in one.categories.items()),
        }
        for one in found.most
    ]
    st.dataframe(rows, key="table-buyers", hide_index=True)
    hashes = [one.buyer for one in found.most]
    chosen = st.selectbox(say("insights_buyers.choose"), hashes, key="insights-buyer", width=320)
    one = next(one for one in found.most if one.buyer == chosen)
    where = Filter(since=insights.period.since, until=insights.period.until)
    drilling.listed(Behind(tuple(reversed(one.case_ids)), one.cases), one.buyer, where, "buyer", "insights_buyers")


# --- new complaints


def radar(insights: Insights) -> None:
    """Draw what nothing known explains, put together by what it says."""
    say, found = session.say(), insights.radar
    values = {"abstained": f"{found.abstained:,}", "cases": f"{found.cases:,}", "known": f"{found.known:,}"}
    key = "insights_radar.says" if found.themes else "insights_radar.none"
    figures.sentence(say(key, themes=len(found.themes), **values))
    figures.quiet(figures.heading("radar_how"))
    for number, theme in enumerate(found.themes):
        with st.container(border=True):
            st.html(_theme(theme))
            if st.toggle(say("insights_radar.cases", cases=f"{theme.cases:,}"), key=f"theme-{number}"):
                where = Filter(language=theme.language, since=insights.period.since, until=insights.period.until)
                drilling.listed(Behind(theme.case_ids, theme.cases), " ".join(theme.words), where, f"theme-{number}")


def _theme(theme: Theme) -> Markup:
    say, known = session.say(), set(theme.standing_out)
    words = Markup(" ").join(Markup("<b>{}</b>" if word in known else "{}").format(word) for word in theme.words)
    language = say(f"languages.{theme.language}") if say.knows(f"languages.{theme.language}") else theme.language
    groups = figures.listed(f"{figures.group(group)} ({cases:,})" for group, cases in theme.groups.items())
    head = say(
        "insights_radar.theme", language=language, cases=f"{theme.cases:,}", abstained=f"{theme.abstained:,}", groups=groups
    )
    quoted = Markup("").join(
        Markup('<div class="turn in"><div class="head">{}</div><div class="said" lang="{}" dir="auto">{}</div></div>').format(
            one.case_id, theme.language, one.text
        )
        for one in theme.excerpts
    )
    return Markup('<div class="says" lang="{}">{}</div><p>{}</p>{}').format(theme.language, words, head, quoted)


# --- files


def download(insights: Insights) -> None:
    """Draw the ways to take it all along."""
    say, language = session.say(), session.say().language
    name = f"insights-{insights.period.since:%Y-%m-%d}-{insights.period.until:%Y-%m-%d}"
    figures.sentence(say("insights_download.says"))
    with st.container(horizontal=True):
        st.download_button(
            say("insights_download.report"), lambda: report(insights, language), f"{name}.zip", "application/zip", key="report",
            type="primary", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            say("insights_download.json"),
            lambda: as_text(insights),
            f"{name}.json",
            "application/json",
            key="json",
            on_click="ignore",
        )
    figures.quiet(say("insights_download.private"))


def report(insights: Insights, language: str) -> bytes:
    """Return the page to read with its tables and figures, as one zip."""
    packed = io.BytesIO()
    with TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        write_report(insights, Path(folder), language)
        for file in sorted(Path(folder).iterdir()):
            archive.write(file, file.name)
    return packed.getvalue()


def as_text(insights: Insights) -> bytes:
    """Return the figures for programs."""
    return json.dumps(as_json(insights), indent=2, ensure_ascii=False).encode()
