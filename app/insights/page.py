"""What the cases teach: choose a period, read what comes of it, follow every figure to its cases, take it along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

import figures
import session
import telling
from insights import counting, findings, results
from insights.counting import Question
from triage_ml.errors import FormatError, ReadError
from triage_ml.insights import By, Insights, Orders, load_orders
from triage_ml.insights.overview import entries_of_record

_PERIODS = {"30": 30, "90": 90, "365": 365, "dates": 0}
_QUICK = 0.6
_REJECTS_SHOWN = 100
_MEGABYTES = 20
_PARTS: Mapping[str, Callable[[Insights], None]] = {
    "first": findings.first,
    "changes": findings.changes,
    "origins": findings.origins,
    "expectation": findings.expectation,
    "remedies": results.remedies,
    "replies": results.replies,
    "buyers": results.buyers,
    "radar": results.radar,
    "download": results.download,
}


@dataclass(frozen=True, slots=True)
class Sold:
    """Orders by group as a file told them, for what they are grouped by, and the rows that could not be read."""

    name: str
    by: By
    orders: Mapping[str, Orders]
    rejects: tuple[tuple[int, str, str, str], ...]


def page() -> None:
    """Draw the page."""
    say = session.say()
    st.title(say("insights.title"))
    session.show_told()
    session.board().leave(session.session_id())
    if not session.store().cases(limit=1).cases:
        session.show_note("note", say("insights.empty"))
        if st.button(say("case.to_inbox"), key="to-inbox", shortcut="N"):
            st.switch_page("inbox/page.py")
        return
    asked = question()
    if asked is None:
        session.show_note("note", say("insights.choose_dates"))
        return
    found = counted(asked)
    if found:
        shown(found)


# --- what is asked


def question() -> Question | None:
    """Draw what is asked of the record, and return it; None while the last day is missing."""
    say, today = session.say(), datetime.now(session.seller_zone()).date()
    with st.container(horizontal=True, vertical_alignment="top"):
        st.session_state.setdefault("insights-period", "90")
        period = st.segmented_control(
            say("insights.period"), list(_PERIODS), key="insights-period", required=True, persist_state="session",
            format_func=lambda key: say(f"insights.last_{key}"),
        )  # fmt: skip
        days = _PERIODS[period or "90"]
        first, last = (today - timedelta(days=days), today) if days else _dates(today)
        names = {by: figures.heading(by.value) for by in By}
        chosen = st.selectbox(
            say("insights.by"), list(names), key="insights-by", format_func=names.__getitem__, width=200,
            persist_state="session",
        )  # fmt: skip
    by = By(chosen or By.SKU)
    sold = _orders(by)
    if first is None or last is None:
        return None
    return counting.question(first, last, by, sold, up_to_now=bool(days))


def _dates(today: date) -> tuple[date | None, date | None]:
    st.session_state.setdefault("insights-dates", (today - timedelta(days=90), today))
    chosen = st.date_input(
        session.say()("insights.dates"), key="insights-dates", max_value=today, format="YYYY-MM-DD", width=260,
        persist_state="session",
    )  # fmt: skip
    both = chosen if isinstance(chosen, tuple) else (chosen,)
    return (both[0], both[1]) if len(both) == 2 else (None, None)  # noqa: PLR2004 - the first and the last


def _orders(by: By) -> Mapping[str, Orders]:
    """Draw the place for a table of orders, and return what it told; a table by something else does not count."""
    say = session.say()
    sold: Sold | None = st.session_state.get("insights-orders")
    with st.expander(say("insights_orders.title", by=figures.heading(by.value)), expanded=bool(sold and sold.rejects)):
        figures.quiet(say("insights_orders.help", by=by.value))
        st.file_uploader(
            say("insights_orders.drop"), type="csv", key="insights-orders-file", max_upload_size=_MEGABYTES,
            on_change=_read_orders, args=(by,),
        )  # fmt: skip
        if error := st.session_state.get("insights-orders-error"):
            session.show_note("bad", error)
        if sold is None:
            return {}
        _told(sold, by)
    return sold.orders if sold.by is by else {}


def _told(sold: Sold, by: By) -> None:
    say = session.say()
    if sold.by is not by:
        session.show_note("note", f"{sold.name}: " + say("insights_orders.other", by=figures.heading(sold.by.value)))
    else:
        session.show_note("good", f"{sold.name}: " + say("insights_orders.read", count=f"{len(sold.orders):,}"))
    if sold.rejects:
        session.show_note("note", say("import.rejects", count=len(sold.rejects)))
        names = [say(f"import.{column}") for column in ("row", "column", "value", "reason")]
        st.dataframe([dict(zip(names, row, strict=True)) for row in sold.rejects[:_REJECTS_SHOWN]], hide_index=True)
    st.button(say("insights_orders.drop_it"), key="orders-drop", on_click=_forget_orders)


def _forget_orders() -> None:
    st.session_state.pop("insights-orders", None)


def _read_orders(by: By) -> None:
    """Read the table that was just dropped; taking the file away takes its numbers away."""
    file: BytesIO | None = st.session_state.get("insights-orders-file")
    for key in ("insights-orders", "insights-orders-error"):
        st.session_state.pop(key, None)
    if file is None:
        return
    rejects: list[tuple[int, str, str, str]] = []

    def reject(error: ReadError) -> None:
        rejects.append((error.row, error.column, error.value, error.reason))

    with TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        path.write_bytes(file.getvalue())
        try:
            orders = load_orders(path, reject, by)
        except FormatError as error:  # without the place where the copy lay
            why = f"{error.found}; {error.expected}. {error.do}"
            st.session_state["insights-orders-error"] = session.say()("insights_orders.failed", why=why)
            return
    st.session_state["insights-orders"] = Sold(str(getattr(file, "name", "")), by, orders, tuple(rejects))


# --- what came of it


def counted(asked: Question) -> Insights | None:
    """Return what came of a question, drawing how far it is while it is counted; begin where nobody asked it yet."""
    say, found, job = session.say(), counting.kept().get(asked), counting.running(asked)
    if found is None and job is None:
        job = counting.start(asked)
        job.wait(_QUICK)
        found = counting.kept().get(asked)
    if job is not None and not job.done:
        progress(asked)
    elif job is not None and (job.stopped or job.error or job.failed):
        reason = say.sentence(str(job.error)) if job.error else say("insights.unforeseen")
        why = say("insights.stopped") if job.stopped else say("insights.failed", why=reason)
        session.show_note("note" if job.stopped else "bad", why)
        st.button(say("insights.again"), key="again", on_click=_again, args=(asked,))
    elif found is not None and entries_of_record(session.store()) != found.entries:
        session.show_note("note", say("insights.news", time=telling.at(found.made_at, session.seller_zone())))
        st.button(say("insights.again"), key="again", on_click=_again, args=(asked,))
    return found


def _again(asked: Question) -> None:
    counting.forget()
    counting.start(asked).wait(_QUICK)


@st.fragment(run_every=1.0)
def progress(asked: Question) -> None:
    """Draw how far the counting is; once it has ended, the page is drawn anew."""
    say, job = session.say(), counting.running(asked)
    if job is None or job.done:
        st.rerun()
    figures.quiet(say("insights.counting"))
    st.progress(job.share, text=job.text or say("insights.job"))
    st.button(say("insights.stop"), key="stop", on_click=job.stop)


def shown(insights: Insights) -> None:
    """Draw what was found, one part at a time."""
    say, zone = session.say(), session.seller_zone()
    values = {"since": telling.at(insights.period.since, zone), "until": telling.at(insights.period.until, zone)}
    figures.quiet(say("insights.read", time=telling.at(insights.made_at, zone), **values))
    with st.container(horizontal=True):
        for name, count in (("cases", insights.cases), ("complaints", insights.complaints), ("before", insights.before)):
            st.metric(figures.heading(name), f"{count:,}", border=True, width="content")
    for note in insights.notes:
        session.show_note("note", say(f"insights_limits.{note}", by=figures.heading(insights.by.value)))
    parts = list(_PARTS)
    st.session_state.setdefault("insights-part", parts[0])
    part = st.segmented_control(
        say("insights.part"), parts, key="insights-part", required=True, label_visibility="collapsed", persist_state="session",
        format_func=lambda key: say(f"insights_part.{key}"), wrap=True,
    )  # fmt: skip
    _PARTS[part or parts[0]](insights)


page()
