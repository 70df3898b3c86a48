"""Shares and rates with exact intervals, and tests that tell a change from noise.

Counts per order are taken as Poisson, shares of cases as binomial. Both tests condition on the total of both periods, so that
they are exact for small counts; p is twice the smaller tail, which is the test that the stated interval belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, inf, log, sqrt

from triage_ml.intervals import clopper_pearson

CONFIDENCE = 0.95
# Fewer cases in both periods together, and no split of them between two equal periods would be out of the ordinary.
LEAST = 6
_TAIL = (1 - CONFIDENCE) / 2
# With so many in each of the four cells the normal interval says the same to three digits, in no time.
_MANY = 100
_FAR = 1.959963984540054


class Basis(StrEnum):
    """What a count is set against: the orders of the time, or all cases of it."""

    ORDERS = "orders"
    CASES = "cases"


@dataclass(frozen=True, slots=True)
class Rate:
    """A count set against another, with the interval that holds the true rate with 95 % confidence.

    `value`, `low` and `high` are fractions, or cases an order; None where there is nothing to set it against.
    """

    count: int
    of: int
    basis: Basis = Basis.CASES
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """How a rate differs from that of the period before.

    Parameters
    ----------
    ratio, low, high
        How many times as often, with the 95 % interval; None where that has no end. Set against cases it is the ratio of odds:
        how many times as often for each case that is not of this sort.
    p
        Probability of so large a change or a larger one where nothing changed.
    """

    ratio: float | None
    low: float
    high: float | None
    p: float


def share(count: int, of: int) -> Rate:
    """Return which share of some cases a count is, with the interval of Clopper and Pearson."""
    if not of:
        return Rate(count, of)
    return Rate(count, of, Basis.CASES, count / of, *clopper_pearson(count, of, CONFIDENCE))


def per_order(count: int, orders: int) -> Rate:
    """Return how many cases an order brings, with the interval of Garwood; an order may bring several."""
    if not orders:
        return Rate(count, orders, Basis.ORDERS)
    from scipy.stats import chi2

    low = float(chi2.ppf(_TAIL, 2 * count)) / 2 if count else 0.0
    high = float(chi2.isf(_TAIL, 2 * count + 2)) / 2
    return Rate(count, orders, Basis.ORDERS, count / orders, low / orders, high / orders)


def compare(now: Rate, before: Rate) -> Change:
    """Test whether a rate changed.

    Parameters
    ----------
    now, before
        The same thing in two periods, on the same basis, both set against more than nothing.

    Notes
    -----
    Per order: given the total, the count now is binomial (Przyborowski and Wilenski 1940). Of cases: given all four sums, it is
    hypergeometric (Fisher); the interval is that of the conditional odds ratio.
    """
    return _per_order(now, before) if now.basis is Basis.ORDERS else _of_cases(now, before)


def _per_order(now: Rate, before: Rate) -> Change:
    from scipy.stats import binom

    total, exposure = now.count + before.count, before.of / now.of
    p = _doubled(*_tails(binom, now.count, total, now.of / (now.of + before.of)))
    among = share(now.count, total)
    low, high = (_odds(value) * exposure for value in (among.low or 0.0, 1.0 if among.high is None else among.high))
    ratio = now.count / before.count * exposure if before.count else None
    return Change(ratio, low, None if high == inf else high, p)


def _of_cases(now: Rate, before: Rate) -> Change:
    from scipy.stats import hypergeom
    from scipy.stats.contingency import odds_ratio

    cells = now.count, now.of - now.count, before.count, before.of - before.count
    p = _doubled(*_tails(hypergeom, now.count, now.of + before.of, now.count + before.count, now.of))
    if min(cells) >= _MANY:
        centre, far = log(cells[0] * cells[3] / (cells[1] * cells[2])), _FAR * sqrt(sum(1 / cell for cell in cells))
        return Change(exp(centre), exp(centre - far), exp(centre + far), p)
    # Rows are the periods, so that the ratio is the sample's own; the interval is exact.
    interval = odds_ratio([cells[:2], cells[2:]]).confidence_interval(CONFIDENCE)
    ratio = cells[0] * cells[3] / (cells[1] * cells[2]) if cells[1] * cells[2] else None
    return Change(ratio, float(interval.low), None if interval.high == inf else float(interval.high), p)


def _tails(distribution: object, count: int, *parameters: float) -> tuple[float, float]:
    frozen = distribution(*parameters)  # type: ignore[operator]
    return float(frozen.cdf(count)), float(frozen.sf(count - 1))


def _doubled(below: float, above: float) -> float:
    return min(1.0, 2 * min(below, above))


def _odds(probability: float) -> float:
    return probability / (1 - probability) if probability < 1 else inf


def adjusted(p: Sequence[float]) -> list[float]:
    """Return p values as Benjamini and Hochberg adjust them: of those at or below 5 %, at most 5 % are false alarms."""
    from scipy.stats import false_discovery_control

    return [float(value) for value in false_discovery_control(p)] if p else []
