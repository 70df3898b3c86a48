"""Counting what cases teach: one walk through the record in the background, and what came of it is kept.

A result is kept for all sessions of the process by the record and the question that was asked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

import streamlit as st

import session
from jobs import Job
from triage_ml.cases.database import resolve_url
from triage_ml.insights import By, Insights, Orders

_KEPT = 6


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the record.

    Parameters
    ----------
    record
        Which record.
    first, last
        The first and the last day, where the seller works.
    up_to_now
        Whether the period is as many days up to now, not whole days.
    by
        What cases are put together by.
    orders
        Orders by group, as pairs.
    """

    record: str
    first: date
    last: date
    up_to_now: bool
    by: By
    orders: tuple[tuple[str, Orders], ...] = ()

    def period(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return from when to before when; never beyond now."""
        if self.up_to_now:
            return now - (self.last - self.first), now
        midnight = [datetime.combine(day, time(), zone) for day in (self.first, self.last + timedelta(days=1))]
        return midnight[0], min(midnight[1], now)


def question(first: date, last: date, by: By, orders: Mapping[str, Orders], *, up_to_now: bool) -> Question:
    """Return what is asked of the record that is open."""
    record = resolve_url().render_as_string(hide_password=False)
    return Question(record, first, last, up_to_now, by, tuple(sorted(orders.items())))


class Kept:
    """The last answers; the one that was not looked at for longest goes first."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Question, Insights] = OrderedDict()
        self._lock = Lock()

    def get(self, asked: Question) -> Insights | None:
        """Return what came of a question, None where it was not asked yet."""
        with self._lock:
            if asked in self._answers:
                self._answers.move_to_end(asked)
            return self._answers.get(asked)

    def put(self, asked: Question, found: Insights) -> None:
        """Keep what came of a question."""
        with self._lock:
            self._answers[asked] = found
            self._answers.move_to_end(asked)
            while len(self._answers) > _KEPT:
                self._answers.popitem(last=False)


@st.cache_resource(show_spinner=False)
def kept() -> Kept:
    """Return the answers of this process."""
    return Kept()


def start(asked: Question) -> Job:
    """Begin to count; what this session asked before and is still counted is given up."""
    say, store, zone, answers = session.say(), session.store(), session.seller_zone(), kept()

    def work(job: Job) -> Insights:
        since, until = asked.period(store.now(), zone)

        def progress(share: float, cases: int) -> None:
            job.tell(share, say("insights.so_far", cases=f"{cases:,}"))

        found = Insights.of(store, since, until, asked.by, orders=dict(asked.orders), progress=progress)
        answers.put(asked, found)
        return found

    st.session_state["insights-asked"] = asked
    return session.jobs().start(_key(), say("insights.job"), work)


def running(asked: Question) -> Job | None:
    """Return the work on a question that this session began, done or not; None where it asked another one last."""
    return session.jobs().get(_key()) if st.session_state.get("insights-asked") == asked else None


def forget() -> None:
    """Drop what this session asked last, so that it can be asked again."""
    session.jobs().forget(_key())
    st.session_state.pop("insights-asked", None)


def _key() -> str:
    return f"insights:{session.session_id()}"
