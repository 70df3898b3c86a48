"""How bad a period of returns can be: the spread of what they cost, and the worst of twenty periods, counted exactly."""

from __future__ import annotations

from decimal import Decimal

# The worst of twenty periods is the 95th percentile.
CONFIDENCE = 0.95
_MOST_CELLS = 1_000_000  # about a second of exact counting
_TAIL = 1e-12
_ROUNDING = 1e-9  # a quantile that sums of floats miss by less than this is reached


def deviation(orders: Decimal, rate: Decimal, cost: Decimal, other_rate: Decimal, other_cost: Decimal) -> Decimal:
    """Return the standard deviation of a sum over orders that cost nothing, `cost` or `other_cost`."""
    mean = rate * cost + other_rate * other_cost
    variance = rate * cost**2 + other_rate * other_cost**2 - mean**2
    return (orders * max(variance, Decimal(0))).sqrt()


def worst_cases(
    orders: int, uncovered_rate: Decimal, loss: Decimal, claim_rate: Decimal, net: Decimal
) -> tuple[Decimal, Decimal] | None:
    """Return what returns cost in the worst of twenty periods, without insurance and with it, before the premium.

    Both are read off one joint distribution of uncovered and covered returns, in which insuring never costs more: so the
    worst case cannot grow by more than the premium. None where that is too much to count; the number of claims is then
    so large that the normal approximation keeps the same promise.

    Parameters
    ----------
    orders
        Of the period.
    uncovered_rate, claim_rate
        Returns an order that the insurer does not pay for, and that it does.
    loss, net
        What a return costs, and what is left of that where the insurer pays.
    """
    import numpy as np
    from scipy.stats import binom

    rate, covered = float(uncovered_rate), float(claim_rate)
    low, high = _likely(orders, rate)
    claims_low, claims_high = _likely(orders, covered)
    if (high - low + 1) * (claims_high - claims_low + 1) > _MOST_CELLS:
        return None
    uncovered, claims = np.arange(low, high + 1)[:, None], np.arange(claims_low, claims_high + 1)[None, :]
    among_rest = min(covered / (1 - rate), 1.0) if rate < 1 else 0.0
    weights = (binom.pmf(uncovered, orders, rate) * binom.pmf(claims, orders - uncovered, among_rest)).ravel()

    def quantile(cost: Decimal, claim_cost: Decimal) -> Decimal:
        costs = (float(cost) * uncovered + float(claim_cost) * claims).ravel()
        order = np.argsort(costs, kind="stable")
        reached = np.cumsum(weights[order]) >= CONFIDENCE - _ROUNDING
        row, column = divmod(int(order[int(np.argmax(reached))]), claims_high - claims_low + 1)
        return cost * (low + row) + claim_cost * (claims_low + column)

    return quantile(loss, loss), quantile(loss, net)


def _likely(orders: int, rate: float) -> tuple[int, int]:
    """Return the fewest and the most events worth counting."""
    from scipy.stats import binom

    return max(0, int(binom.ppf(_TAIL, orders, rate))), int(binom.isf(_TAIL, orders, rate))
