"""Everything a shop learns from its cases in one period, from one walk through the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from triage_ml.cases import CaseStore
from triage_ml.cases.database import reading
from triage_ml.cases.histories import History, walk_histories
from triage_ml.cases.ledger import head
from triage_ml.cases.results import case_number
from triage_ml.errors import CaseError
from triage_ml.insights.causes import Facts, facts_of
from triage_ml.insights.counting import Counting
from triage_ml.insights.fixing import Fixing
from triage_ml.insights.orders import Orders
from triage_ml.insights.radar import Watching
from triage_ml.insights.records import (
    ALL,
    COMPLAINT,
    UNKNOWN,
    Buyers,
    By,
    Expectation,
    FixFirst,
    Line,
    OfferBand,
    Period,
    Radar,
    RemedyResult,
    ReplyTimes,
    Trend,
    Week,
)
from triage_ml.insights.replying import Replying
from triage_ml.insights.returning import Covering, repeat_buyers
from triage_ml.insights.settling import Settling
from triage_ml.insurance import InsuranceTerms
from triage_ml.insurance_by_sku import SkuResult

_USUAL = timedelta(days=90)
# A record that begins later than this part of the period before does not hold it.
_MISSING = 0.1
_NO_ORDERS: Mapping[str, Orders] = MappingProxyType({})
# After so many cases the walk says how far it is.
_TOLD_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Insights:
    """What a shop learns from the cases of one period.

    Parameters
    ----------
    period, by
        What was looked at, and what cases are put together by.
    made_at, entries
        When the record was read, and how far it went then (see `entries_of_record`).
    recorded
        When the first and the last case of the whole record began, None where it is empty.
    cases, complaints, before
        Cases of the period, those of them that claim something about goods, and cases of the period before.
    notes
        What to know before believing the figures, as ids of `data/insights/headings.toml`.
    categories, causes
        How often each came, by group, `ALL` first.
    trends
        What changed against the period before, those of all cases first.
    weeks
        Cases by week, over both periods.
    expectation
        What comes from expectation against reality, by group.
    fixes
        What to put right first.
    remedies, offers
        What remedies achieved; which offers were taken.
    buyers
        Who came back.
    replies
        Reply times by marketplace.
    radar
        New complaints.
    insurance
        Whether insuring returns pays, by SKU; empty without terms and orders.
    """

    period: Period
    by: By
    made_at: datetime
    entries: int
    recorded: tuple[datetime, datetime] | None
    cases: int
    complaints: int
    before: int
    notes: tuple[str, ...]
    categories: tuple[Line, ...]
    causes: tuple[Line, ...]
    trends: tuple[Trend, ...]
    weeks: tuple[Week, ...]
    expectation: tuple[Expectation, ...]
    fixes: tuple[FixFirst, ...]
    remedies: tuple[RemedyResult, ...]
    offers: tuple[OfferBand, ...]
    buyers: Buyers
    replies: tuple[ReplyTimes, ...]
    radar: Radar
    insurance: tuple[SkuResult, ...]

    @classmethod
    def of(
        cls,
        store: CaseStore,
        since: datetime | None = None,
        until: datetime | None = None,
        by: By | str = By.SKU,
        *,
        orders: Mapping[str, Orders] = _NO_ORDERS,
        terms: InsuranceTerms | None = None,
        progress: Callable[[float, int], None] = lambda share, cases: None,  # noqa: ARG005 - nobody asked
    ) -> Insights:
        """Read the record once and say what it teaches; memory grows with the groups, not with the messages.

        Parameters
        ----------
        store
            The case record.
        since, until
            The period, aware times; a case belongs to it by its first message. Without them the 90 days up to now.
        by
            sku, product, marketplace, channel or language.
        orders
            How many orders each group had (`load_orders`); without them rates are shares of the cases.
        terms
            An insurer's offer, for the table by SKU.
        progress
            Told now and then which share of the record was read, and how many cases; what it raises ends the walk.

        Raises
        ------
        CaseError
            Where the period cannot be.
        PolicyError
            Where the terms are in another currency than the orders.
        """
        now, entries = store.now(), entries_of_record(store)
        walk = _Walk(_period(since, until, now), By(by), orders, now, entries)
        for count, history in enumerate(walk_histories(store), 1):
            facts = facts_of(history)
            if facts:
                walk.add(history, facts)
            if count % _TOLD_EVERY == 0:
                # A case has the number of the entry that it began with.
                progress(min(case_number(history.case.id) / entries, 1.0) if entries else 1.0, count)
        return walk.insights(store, terms)


class _Walk:
    """One walk through the record, with all that is counted on the way."""

    def __init__(self, period: Period, by: By, orders: Mapping[str, Orders], now: datetime, entries: int) -> None:
        self.period, self.by, self.orders, self.now, self.entries = period, by, orders, now, entries
        self.counting, self.fixing, self.settling = Counting(period, orders), Fixing(period), Settling(period)
        self.replying, self.watching, self.covering = Replying(period, now), Watching(period), Covering(period)
        self.recorded: tuple[datetime, datetime] | None = None
        self.models: dict[bool, set[str]] = {True: set(), False: set()}

    def add(self, history: History, facts: Facts) -> None:
        group = group_of(history, self.by)
        first, last = self.recorded or (facts.at, facts.at)
        self.recorded = min(first, facts.at), max(last, facts.at)
        if facts.at in self.period or facts.at in self.period.before:
            self.models[facts.at in self.period] |= facts.models
        self.counting.add(facts, group)
        self.fixing.add(history, facts, group)
        self.settling.add(history, facts)
        self.replying.add(history)
        self.watching.add(history, facts, group)
        self.covering.add(history, facts, group)

    def insights(self, store: CaseStore, terms: InsuranceTerms | None) -> Insights:
        counting = self.counting
        insured = self.covering.insurance(terms, self.orders) if terms and self.by is By.SKU else ((), ())
        return Insights(
            period=self.period,
            by=self.by,
            made_at=self.now,
            entries=self.entries,
            recorded=self.recorded,
            cases=counting.now[ALL].cases,
            complaints=counting.now[ALL].whats[COMPLAINT],
            before=counting.before[ALL].cases,
            notes=tuple(note for note, holds in self._notes(bool(insured[1])).items() if holds),
            categories=counting.categories(),
            causes=counting.causes(),
            trends=counting.trends(),
            weeks=counting.weeks(),
            expectation=counting.expectation(),
            fixes=self.fixing.fixes(),
            remedies=self.settling.remedies(),
            offers=self.settling.offers(),
            buyers=repeat_buyers(store, self.period),
            replies=self.replying.reply_times(),
            radar=self.watching.radar(),
            insurance=insured[0],
        )

    def _notes(self, odd_orders: bool) -> dict[str, bool]:
        """Say of each note whether it holds."""
        empty, alone = not self.counting.now[ALL].cases, not self.counting.before[ALL].cases
        before = self.period.before
        begins_late = self.recorded is not None and self.recorded[0] > before.since + _MISSING * (before.until - before.since)
        covered = self.counting.of_all_known()
        return {
            "empty": empty,
            "no_before": alone and not empty,
            "before_cut": begins_late and not alone and not empty,
            "models": self.models[True] != self.models[False] and not (alone or empty),
            "no_orders": not self.orders and not empty,
            "orders_partly": bool(self.orders) and not covered and not empty,
            "odd_orders": odd_orders,
        }


def entries_of_record(store: CaseStore) -> int:
    """Return how many entries the record's ledger has: where it has more than insights were made from, there is news."""
    with reading(store.engine) as connection:
        newest = head(connection)
    return newest.seq if newest else 0


def group_of(history: History, by: By) -> str:
    """Return the group of a case, `UNKNOWN` where it does not say."""
    holder = history.case if by in (By.CHANNEL, By.LANGUAGE) else history.case.order
    return str(getattr(holder, by.value)).strip() or UNKNOWN


def _period(since: datetime | None, until: datetime | None, now: datetime) -> Period:
    until = until or now
    since = since or until - _USUAL
    if since.tzinfo is None or until.tzinfo is None or since >= until:
        found, expected = f"{since} to {until}", "two times with a zone, the earlier one first"
        raise CaseError("period", found, expected, "Give days such as 2026-04-01, the first one as since.")
    return Period(since, until)
