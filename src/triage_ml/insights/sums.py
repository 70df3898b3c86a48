"""Sums in bounded memory: money by currency, the most frequent of many texts, and the cases that came last."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from heapq import nlargest

from triage_ml.insights.records import Phrase
from triage_ml.messages import Money

_ONE = Decimal(1)
# So many cases of each kind are kept by their number, so that a person can look at them.
KEPT = 50


class Purse:
    """Money of several currencies, exact."""

    def __init__(self) -> None:
        self.amounts: dict[str, Decimal] = {}

    def add(self, money: Money, share: Decimal = _ONE) -> None:
        """Put in this share of an amount."""
        self.amounts[money.currency] = self.amounts.get(money.currency, Decimal(0)) + money.amount * share

    def money(self, counts: Mapping[str, int] | None = None) -> tuple[Money, ...]:
        """Return what is in it by currency, rounded to what that can pay; with `counts` by currency, the mean."""
        means = ((currency, amount / (counts[currency] if counts else 1)) for currency, amount in sorted(self.amounts.items()))
        return tuple(Money(amount, currency).share(_ONE) for currency, amount in means)

    def weight(self, units: Mapping[str, Decimal]) -> float:
        """Return the sum of all, each currency in its unit."""
        return float(sum((amount / units[currency] for currency, amount in self.amounts.items()), Decimal(0)))


class Frequent:
    """The most frequent of many texts (Misra and Gries 1982): a count is never too high, and at most n / `size` too low.

    Parameters
    ----------
    size
        How many texts are remembered.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.counts: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Count one text."""
        if text in self.counts or len(self.counts) < self.size:
            self.counts[text] += 1
        else:
            self.counts = Counter({known: count - 1 for known, count in self.counts.items() if count > 1})

    def most(self, limit: int, least: int) -> tuple[Phrase, ...]:
        """Return the most frequent ones that came at least so often, most first."""
        found = sorted((-count, text) for text, count in self.counts.items() if count >= least)
        return tuple(Phrase(text, -count) for count, text in found[:limit])


def last_cases() -> deque[str]:
    """Return what keeps the cases that came last."""
    return deque(maxlen=KEPT)


def newest(case_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the cases that were recorded last, each once, the newest first; "C-1000000" is newer than "C-999999"."""
    return tuple(nlargest(KEPT, set(case_ids), key=lambda case_id: (len(case_id), case_id)))
