"""Buyers who come back with complaints, and whether insuring returns would pay, SKU by SKU."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from triage_ml.cases import CaseStore, Filter, OutcomeKind
from triage_ml.cases.histories import History, buyer_counts, buyers_by_cases
from triage_ml.insights.causes import Facts
from triage_ml.insights.orders import Orders
from triage_ml.insights.records import Buyers, Period, RepeatBuyer
from triage_ml.insights.sums import Purse
from triage_ml.insurance import COVERED, InsuranceTerms
from triage_ml.insurance_by_sku import SkuCounts, SkuResult, by_sku
from triage_ml.messages import MessageKind
from triage_ml.resolution import RemedyKind

# "Three alike within twelve months": from there on a person looks (never a machine alone).
OFTEN = 3
_YEAR = timedelta(days=365)
_SHOWN, _CASES_SHOWN, _LETTERS = 20, 10, 12
_RETURNS = frozenset({RemedyKind.ACCEPT_RETURN, RemedyKind.FULL_REFUND_RETURN})


def repeat_buyers(store: CaseStore, period: Period) -> Buyers:
    """Return who had several cases in the twelve months up to the end of a period; a case counts by its newest message."""
    since = period.until - _YEAR
    counts = buyers_by_cases(store, since, period.until)
    most = []
    for buyer in buyer_counts(store, since, period.until, OFTEN, _SHOWN):
        where = Filter(buyer_hash=buyer.buyer_hash, since=since, until=period.until)
        cases = list(store.walk(where))
        categories = Counter(case.category for case in cases)
        ids = tuple(case.id for case in cases[-_CASES_SHOWN:])
        most.append(RepeatBuyer(buyer.buyer_hash[:_LETTERS], buyer.cases, ids, dict(categories.most_common())))
    repeated = sum(buyers for cases, buyers in counts.items() if cases > 1)
    often = sum(buyers for cases, buyers in counts.items() if cases >= OFTEN)
    return Buyers(sum(counts.values()), repeated, often, tuple(most))


@dataclass(slots=True)
class _Tally:
    """Returns of one SKU, and what was paid for it."""

    returns: int = 0
    covered: int = 0
    paid: Purse = field(default_factory=Purse)
    orders: Counter[str] = field(default_factory=Counter)


class Covering:
    """Counts what an insurance of returns would have covered."""

    def __init__(self, period: Period) -> None:
        self.period = period
        self._tallies: defaultdict[str, _Tally] = defaultdict(_Tally)

    def add(self, history: History, facts: Facts, sku: str) -> None:
        """Count one case."""
        if facts.at not in self.period:
            return
        tally, paid = self._tallies[sku], history.case.order.paid
        if paid and paid.amount:
            tally.paid.add(paid)
            tally.orders[paid.currency] += 1
        if _returned(history):
            tally.returns += 1
            tally.covered += facts.claim in COVERED

    def insurance(self, terms: InsuranceTerms, orders: Mapping[str, Orders]) -> tuple[tuple[SkuResult, ...], tuple[str, ...]]:
        """Return what insuring each SKU would have brought, and the SKUs whose numbers do not go together.

        A SKU counts where its orders and a price paid for it are known; its price is the mean in the currency most paid in.

        Raises
        ------
        PolicyError
            Where the terms are in another currency than the orders.
        """
        rows, odd = [], []
        for sku, tally in sorted(self._tallies.items()):
            count = orders[sku].now if sku in orders else 0
            if count < max(tally.returns, 1) and sku in orders:
                odd.append(sku)
            elif sku in orders and tally.orders:
                rows.append(_counts(sku, tally, count))
        return tuple(by_sku(rows, terms)), tuple(odd)


def _counts(sku: str, tally: _Tally, orders: int) -> SkuCounts:
    currency = min(tally.orders, key=lambda name: (-tally.orders[name], name))
    price = next(money for money in tally.paid.money(tally.orders) if money.currency == currency)
    return SkuCounts(sku, orders, tally.returns, tally.covered, price.share(Decimal(1)))


def _returned(history: History) -> bool:
    """Say whether goods came or come back: an outcome, a decision that stands, or a return report says so."""
    return (
        any(one.outcome.kind is OutcomeKind.RETURNED for one in history.outcomes)
        or any(one.decision.remedy in _RETURNS and one.undone_at is None for one in history.decisions)
        or any(said.reason_code or said.kind is MessageKind.RETURN_REQUEST for said in history.messages)
    )
