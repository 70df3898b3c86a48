"""Which part of the price to offer: what is expected to cost least, inside what policy, platform and currency allow."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from triage_ml.acceptance import Acceptance, Estimate
from triage_ml.costs import Cost, Costs
from triage_ml.marketplaces import marketplace
from triage_ml.messages import Claim, Money, OrderLine
from triage_ml.policy import Policy
from triage_ml.resolution import Remedy, RemedyKind

_OWED = "R3", "the buyer keeps it and gets part of the price, if they prefer that"
_GOODWILL = "N1", "goodwill: nothing is owed, a small amount may settle it"


@dataclass(frozen=True, slots=True)
class Expectation:
    """How often an offer of one share is expected to be accepted, for one claim.

    `best` is True for the share that costs least inside the policy's range, None outside the range; `source` says what the
    figure rests on.
    """

    claim: Claim
    share: Decimal
    chance: Estimate
    best: bool | None
    source: str


def expectations(policy: Policy, acceptance: Acceptance) -> list[Expectation]:
    """Return, for every claim that may get an offer, what shares of 5 to 50 % and the best one are expected to bring.

    Parameters
    ----------
    policy
        The seller's numbers; its overrides play no part.
    acceptance
        How often offers are accepted.
    """
    costs = Costs(policy.numbers, None)
    found = []
    for claim, otherwise in (
        (Claim.QUALITY, costs.remake(refund_wished=False)),
        (Claim.MISMATCH, costs.remake(refund_wished=False)),
        (Claim.SUBJECTIVE, costs.explain),
    ):
        curve, (low, high) = acceptance.curve(claim), _range(costs, claim, 0)
        best = curve.best_share(low, high, costs.kept_of_refund, otherwise.share)
        for share in sorted({best, *(Decimal(percent) / 100 for percent in range(5, 55, 5))}):
            inside = low <= share <= high
            found.append(
                Expectation(claim, share, curve.at(float(share)), share == best if inside else None, acceptance.source(claim))
            )
    return found


def _range(costs: Costs, claim: Claim, declined: int) -> tuple[Decimal, Decimal]:
    """Return the smallest and largest share of the first or second offer."""
    prefix = "offer.subjective" if claim is Claim.SUBJECTIVE else "offer"
    steps = [costs.numbers[f"{prefix}.{end}"] for end in ("low", "high", "cap")]
    return steps[declined], min(steps[declined + 1], costs.numbers["offer.cap"])


def part_refund(
    claim: Claim, otherwise: Cost, order: OrderLine, costs: Costs, acceptance: Acceptance, declined: int = 0
) -> Remedy | None:
    """Return the part refund to offer.

    The share depends on the claim and the policy alone, so that a dearer order never gets a smaller offer.

    Parameters
    ----------
    claim
        Subjective: goodwill, with the policy's smaller numbers.
    otherwise
        What is expected to be spent if the buyer declines.
    order, costs
        The order line, and the formulas with its numbers.
    acceptance
        How often offers are accepted.
    declined
        How many offers the buyer has declined; after the first the range rises, after the second there is none.

    Returns
    -------
    Remedy or None
        Without an amount where the price is unknown; None where no amount is left between what is worth sending and the caps.
    """
    rule, why = _GOODWILL if claim is Claim.SUBJECTIVE else _OWED
    paid = order.paid
    if paid is None:
        return Remedy(RemedyKind.PART_REFUND_KEEP, rule, f"{why} (amount: the order's price is unknown)")
    if declined > 1:
        return None
    low, high = _range(costs, claim, declined)
    most = _refundable(paid.share(high, ROUND_DOWN), order.marketplace)
    least = max(paid.share(low, ROUND_UP).amount, costs.numbers["offer.smallest"])
    if least > most or most <= 0:
        return None
    curve = acceptance.curve(claim)
    best = paid.share(curve.best_share(low, high, costs.kept_of_refund, otherwise.share)).amount
    amount = min(max(best, least), most)
    share = amount / paid.amount
    chance = curve.at(float(share))
    return Remedy(
        RemedyKind.PART_REFUND_KEEP,
        rule,
        why,
        costs.in_money(costs.part(share, Decimal(str(round(chance.mean, 4))), otherwise)),
        offer=Money(amount, paid.currency),
        offer_low=Money(least, paid.currency),
        offer_high=Money(most, paid.currency),
        share=share.quantize(Decimal("0.001")),
        chance=chance,
        break_even=costs.offer_pays(share, otherwise, chance, acceptance.source(claim)),
    )


def _refundable(money: Money, code: str) -> Decimal:
    """Return the amount, or what the marketplace's refund screen can pay where that is less (P4)."""
    limits = marketplace(code).concession
    if limits is None or limits.other.currency != money.currency:
        return money.amount
    return min(money.amount, limits.other.amount)
