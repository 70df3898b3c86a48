"""When return insurance pays: what it brings on average, from which rate of covered returns, and what it does to a bad month.

Insurers state rates without saying of what; ask for the base, the exclusions, the cap and the deductible before using this.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from statistics import NormalDist

from triage_ml.errors import PolicyError
from triage_ml.insurance_risk import CONFIDENCE, deviation, worst_cases
from triage_ml.messages import Claim, Money

# What a known return insurance excludes: merchant error, wrong item, defect, wrong size or colour sent (Seel, merchant FAQ).
# That is every fault and every difference, so only a change of mind is left.
COVERED = frozenset({Claim.SUBJECTIVE})

_ONE = Decimal(1)
_MOST_ORDERS = 10_000_000  # up to here the normal approximation keeps its promise below, see `triage_ml.insurance_risk`


class Base(StrEnum):
    """What a rate of the insurer is a share of: the price of the order, or what a return costs."""

    ORDER_VALUE = "order_value"
    LOSS = "loss"


class Method(StrEnum):
    """How a worst case was found: counted over the exact distribution, or by the normal approximation."""

    EXACT = "exact"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class InsuranceTerms:
    """What the insurer takes and gives.

    Parameters
    ----------
    premium_rate
        Paid for every order, as a fraction of `premium_base`.
    payout_rate
        Paid for every covered return, as a fraction of `payout_base`. Insurers seldom say of what: ask.
    payout_base
        Order value or loss; there is no default, since it decides the answer.
    premium_base
        Order value as a rule.
    deductible
        What the seller bears of every claim, taken off the payout.
    cap
        The most of `payout_base` that counts in one claim.

    Raises
    ------
    PolicyError
        Where a number cannot be.
    """

    premium_rate: Decimal
    payout_rate: Decimal
    payout_base: Base
    premium_base: Base = Base.ORDER_VALUE
    deductible: Money | None = None
    cap: Money | None = None

    def __post_init__(self) -> None:
        _check_share("premium_rate", self.premium_rate)
        _check_share("payout_rate", self.payout_rate)
        for name, money in (("deductible", self.deductible), ("cap", self.cap)):
            if money is not None:
                _check_money(name, money)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a seller would insure, over one period.

    Parameters
    ----------
    orders
        Orders in the period.
    order_value
        Mean price of an order.
    return_rate
        Returns per order, whatever the cause.
    covered_share
        Share of the returns whose cause the insurance covers, see `covered_share`.
    loss
        What one return costs. None: `loss_share` of the order value.
    loss_share
        The same as a fraction of the order value: 1 for a full refund of goods that bring nothing more.
    acceptance
        Probability that the insurer accepts a covered claim.

    Raises
    ------
    PolicyError
        Where a number cannot be.
    """

    orders: int
    order_value: Money
    return_rate: Decimal
    covered_share: Decimal
    loss: Money | None = None
    loss_share: Decimal = _ONE
    acceptance: Decimal = _ONE

    def __post_init__(self) -> None:
        if type(self.orders) is not int or not 1 <= self.orders <= _MOST_ORDERS:
            raise PolicyError(f"orders: found {self.orders!r}; expected a whole number from 1 to {_MOST_ORDERS}.")
        _check_money("order_value", self.order_value)
        for name in ("return_rate", "covered_share", "acceptance"):
            _check_share(name, getattr(self, name))
        _check_share("loss_share", self.loss_share, Decimal(10))
        if self.loss is not None:
            _check_money("loss", self.loss)
            _check_currency("loss", self.loss, self.order_value)
            if self.loss_share != _ONE:
                raise PolicyError("loss and loss_share: found both; expected one. Leave out the one you do not know.")

    @property
    def claim_rate(self) -> Decimal:
        """Covered and accepted returns per order."""
        return self.return_rate * self.covered_share * self.acceptance

    @property
    def loss_per_return(self) -> Decimal:
        """What one return costs, in the order's currency."""
        return self.loss.amount if self.loss else self.order_value.amount * self.loss_share


@dataclass(frozen=True, slots=True)
class Risk:
    """What returns cost in one period, premium included: on average, how much that varies, and in a bad period.

    `worst_case` is not exceeded in 95 of 100 periods.
    """

    expected: Money
    standard_deviation: Money
    worst_case: Money


@dataclass(frozen=True, slots=True)
class InsuranceResult:
    """What insuring would do.

    Parameters
    ----------
    premium, payout
        What is paid to and expected from the insurer in a period.
    profit
        Expected payout less premium, in a period.
    profit_per_order
        The same per order, to a hundredth of what the currency can pay.
    payout_per_claim
        What one accepted claim brings.
    claim_rate
        Covered and accepted returns per order.
    break_even
        The claim rate from which insuring pays, None where no rate is enough.
    insured, uninsured
        What returns cost with and without.
    method
        How the worst cases were found.
    """

    premium: Money
    payout: Money
    profit: Money
    profit_per_order: Money
    payout_per_claim: Money
    claim_rate: Decimal
    break_even: Decimal | None
    insured: Risk
    uninsured: Risk
    method: Method

    @property
    def pays(self) -> bool:
        """Whether insuring brings more than it costs on average."""
        return self.break_even is not None and self.claim_rate > self.break_even


def covered_share(returns: Mapping[Claim, int], covered: Collection[Claim] = COVERED) -> Decimal:
    """Return which share of the returns an insurance covers.

    Custom sellers may refuse a change of mind for what is personalised; such pieces are never returned, so do not count them.

    Parameters
    ----------
    returns
        Claim to the number of returns.
    covered
        The claims the insurance covers.

    Returns
    -------
    Decimal
        From 0 to 1; 0 where there are no returns.
    """
    total = sum(returns.values())
    return Decimal(sum(returns.get(claim, 0) for claim in covered)) / total if total else Decimal(0)


def break_even(terms: InsuranceTerms, exposure: Exposure) -> Decimal | None:
    """Return the covered and accepted returns per order from which insuring pays on average.

    premium / (payout_rate * min(base, cap) - deductible), both per order.

    Parameters
    ----------
    terms
        The insurer's offer.
    exposure
        What would be insured; its rates play no part.

    Returns
    -------
    Decimal or None
        From 0 to 1, or None where not even a return of every order would pay.
    """
    premium, payout = _per_order(terms, exposure)
    return premium / payout if 0 < payout >= premium else None


def value(terms: InsuranceTerms, exposure: Exposure) -> InsuranceResult:
    """Say what insuring is expected to bring, and what it does to a bad period.

    Orders are taken as independent, each returned at most once; an insurer who raises the premium after claims makes every
    figure an upper bound. Standard deviations are the binomial's. The worst cases are counted over the exact distribution
    (scipy.stats.binom), and by the normal approximation only where that is more than a million cases; `method` says which.

    Parameters
    ----------
    terms
        The insurer's offer.
    exposure
        What would be insured.

    Raises
    ------
    PolicyError
        Where the two speak of different currencies.
    """
    premium, payout = _per_order(terms, exposure)
    orders, loss, claim_rate = Decimal(exposure.orders), exposure.loss_per_return, exposure.claim_rate
    uncovered_rate = exposure.return_rate - claim_rate
    premiums = orders * premium
    net = loss - payout
    mean = orders * exposure.return_rate * loss
    mean_insured = premiums + orders * (uncovered_rate * loss + claim_rate * net)
    spread = deviation(orders, uncovered_rate, loss, claim_rate, loss)
    spread_insured = deviation(orders, uncovered_rate, loss, claim_rate, net)
    worst = worst_cases(exposure.orders, uncovered_rate, loss, claim_rate, net)
    method = Method.EXACT if worst else Method.NORMAL
    if worst is None:
        far = Decimal(str(NormalDist().inv_cdf(CONFIDENCE)))
        worst = mean + far * spread, mean_insured - premiums + far * spread_insured
    currency = exposure.order_value.currency

    def payable(amount: Decimal) -> Money:
        return Money(amount, currency).share(_ONE)

    profit = orders * (claim_rate * payout - premium)
    finer = payable(_ONE).amount / 100
    return InsuranceResult(
        premium=payable(premiums),
        payout=payable(orders * claim_rate * payout),
        profit=payable(profit),
        profit_per_order=Money((profit / orders).quantize(finer), currency),
        payout_per_claim=payable(payout),
        claim_rate=claim_rate,
        break_even=break_even(terms, exposure),
        insured=Risk(payable(mean_insured), payable(spread_insured), payable(premiums + worst[1])),
        uninsured=Risk(payable(mean), payable(spread), payable(worst[0])),
        method=method,
    )


def _per_order(terms: InsuranceTerms, exposure: Exposure) -> tuple[Decimal, Decimal]:
    """Return the premium of one order and the payout of one claim; a claim that would bring nothing is not made."""
    for name, money in (("deductible", terms.deductible), ("cap", terms.cap)):
        if money is not None:
            _check_currency(name, money, exposure.order_value)
    amounts = {Base.ORDER_VALUE: exposure.order_value.amount, Base.LOSS: exposure.loss_per_return}
    counted = amounts[terms.payout_base]
    if terms.cap is not None:
        counted = min(counted, terms.cap.amount)
    deductible = terms.deductible.amount if terms.deductible else Decimal(0)
    return terms.premium_rate * amounts[terms.premium_base], max(terms.payout_rate * counted - deductible, Decimal(0))


def _check_share(name: str, share: Decimal, most: Decimal = _ONE) -> None:
    if not isinstance(share, Decimal) or not share.is_finite() or not 0 <= share <= most:
        raise PolicyError(f'{name}: found {share!r}; expected a fraction from 0 to {most}, such as Decimal("0.02") for 2 %.')


def _check_money(name: str, money: Money) -> None:
    if not isinstance(money.amount, Decimal) or not money.amount.is_finite() or money.amount < 0:
        raise PolicyError(f"{name}: found {money.amount!r}; expected an amount of nought or more, as a Decimal.")


def _check_currency(name: str, money: Money, other: Money) -> None:
    if money.currency != other.currency:
        raise PolicyError(
            f"{name}: found {money.currency}; expected {other.currency}, the currency of the orders. Convert it first."
        )
