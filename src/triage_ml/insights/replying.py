"""How fast buyers' messages were answered, against 24 hours and each marketplace's own clock.

Every message counts, as the platforms count them: its answer is the next text of the seller or the next decision. One that
needed no answer counts as late unless somebody decided so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triage_ml.cases.histories import History
from triage_ml.clocks import REPLY, due
from triage_ml.insights.rates import Rate, share
from triage_ml.insights.records import ALL, Period, ReplyTimes
from triage_ml.marketplaces import DEFAULT_PLATFORM
from triage_ml.messages import Direction, MessageKind

_DAY = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)
_MOST_MINUTES = 60 * 24 * 60


@dataclass(slots=True)
class _Tally:
    """Reply times of one marketplace: how many messages were answered after so many minutes."""

    minutes: Counter[int] = field(default_factory=Counter)
    messages: int = 0
    waiting: int = 0
    within_day: int = 0
    within_clock: int = 0

    def add(self, sent_at: datetime, answered_at: datetime | None, due_at: datetime, now: datetime) -> None:
        """Count one message; while it can still be answered in time, it only waits."""
        if answered_at is None and now < max(due_at, sent_at + _DAY):
            self.waiting += 1
            return
        self.messages += 1
        if answered_at is not None:
            self.minutes[min((answered_at - sent_at) // _MINUTE, _MOST_MINUTES)] += 1
            self.within_day += answered_at <= sent_at + _DAY
            self.within_clock += answered_at <= due_at


class Replying:
    """Follows messages to their answers.

    Parameters
    ----------
    period
        Messages sent in it count.
    now
        When the record was read.
    """

    def __init__(self, period: Period, now: datetime) -> None:
        self.period, self.now = period, now
        self._tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._answering: set[str] = set()

    def add(self, history: History) -> None:
        """Count the messages of one case."""
        place = place_of(history)
        written = [said.at for said in history.messages if said.direction is Direction.OUT]
        answers = sorted([*written, *(decision.decided_at for decision in history.decisions)])
        if answers:
            self._answering |= {place, ALL}
        for said in history.messages:
            if said.kind is MessageKind.BUYER and said.direction is Direction.IN and said.at in self.period:
                answer = bisect_left(answers, said.at)
                answered_at = answers[answer] if answer < len(answers) else None
                due_at = due(REPLY, said.at, place).due_at
                for name in (ALL, place):
                    self._tallies[name].add(said.at, answered_at, due_at, self.now)

    def reply_times(self) -> tuple[ReplyTimes, ...]:
        """Return the reply times, of all first, then where most was written."""
        ordered = sorted(self._tallies.items(), key=lambda item: (item[0] != ALL, -item[1].messages, item[0]))
        return tuple(_times(place, tally, place in self._answering) for place, tally in ordered)


def place_of(history: History) -> str:
    """Return the marketplace of a case, with the platform's name in front unless it is Amazon's: "de", "etsy.de"."""
    channel, country = history.case.channel, history.case.order.marketplace
    return country if channel in ("", DEFAULT_PLATFORM) else f"{channel}.{country}"


def _times(place: str, tally: _Tally, answering: bool) -> ReplyTimes:
    rates = [
        share(count, tally.messages) if answering else Rate(count, tally.messages)
        for count in (tally.within_day, tally.within_clock)
    ]
    return ReplyTimes(place, tally.messages, tally.waiting, rates[0], rates[1], _median_hours(tally.minutes))


def _median_hours(minutes: Counter[int]) -> float | None:
    """Return the median, to the minute, in hours; from sixty days on all count as sixty."""
    half, reached = (minutes.total() + 1) // 2, 0
    for minute, count in sorted(minutes.items()):
        reached += count
        if reached >= half:
            return minute / 60
    return None
