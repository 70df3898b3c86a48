"""What would come of other numbers: a case with another share offered, a year of such cases, an insurance. It draws nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from statistics import median

from triage_ml.acceptance import Acceptance, Estimate
from triage_ml.cases import CaseStore, Filter, Order
from triage_ml.classifier import Prediction
from triage_ml.costs import Cost, Costs
from triage_ml.insurance import Exposure, InsuranceTerms, covered_share, value
from triage_ml.marketplaces import marketplace
from triage_ml.messages import Category, Claim, Message, Money, OrderLine
from triage_ml.policy import Policy
from triage_ml.remedies import resolve
from triage_ml.resolution import Evidence, Findings, Resolution

CLAIMS = (Claim.QUALITY, Claim.MISMATCH, Claim.SUBJECTIVE)
# From the smallest share that is an offer to the largest that a policy may allow.
SHARES = tuple(Decimal(percent) / 100 for percent in range(1, 51))
_NEWEST = 200
_FALLBACK_CURRENCY = "EUR"
_LIKELY = (0.05, 0.95)
_STEPS = 40


@dataclass(frozen=True, slots=True)
class Situation:
    """One case as somebody imagines it: what is claimed, of which order, and whether a photo shows it."""

    claim: Claim
    paid: Money
    personalised: bool = True
    photo: bool = True
    marketplace: str = ""
    sku: str = ""

    def costs(self, policy: Policy) -> Costs:
        """Return the formulas with the numbers that hold for it."""
        return Costs(policy.numbers_for(self.marketplace, self.sku), self.paid)


@dataclass(frozen=True, slots=True)
class Point:
    """What offering one share is expected to cost; `best` and `worst` if acceptance lies at an end of its interval."""

    share: Decimal
    chance: Estimate
    cost: Money
    best: Money
    worst: Money


@dataclass(frozen=True, slots=True)
class Start:
    """Where the sliders stand at first; `cases` is how many cases that rests on, 0 where it is the policy's numbers."""

    paid: Money
    marketplace: str
    covered: Decimal
    cases: int


def start(store: CaseStore, policy: Policy) -> Start:
    """Return what the newest cases of the record suggest, what the policy does where there are none."""
    cases = store.cases(Filter(), Order.NEWEST, limit=_NEWEST).cases
    claims = Counter(case.claim for case in cases if case.claim in CLAIMS)
    covered = covered_share(claims) if claims else Decimal(1) / len(CLAIMS)
    paid = [case.order.paid for case in cases if case.order.paid and case.order.paid.amount > 0]
    if not paid:
        return Start(usual(policy, ""), "", covered, 0)
    currency = Counter(money.currency for money in paid).most_common(1)[0][0]
    same = [money.amount for money in paid if money.currency == currency]
    places = Counter(case.order.marketplace for case in cases if case.order.paid and case.order.paid.currency == currency)
    return Start(Money(median(same), currency).share(Decimal(1)), places.most_common(1)[0][0], covered, len(same))


def usual(policy: Policy, code: str) -> Money:
    """Return the middle of a marketplace's band of values, in its currency."""
    middle = (policy.number("value.small", code) + policy.number("value.large", code)) / 2
    return Money(middle, marketplace(code).currency or _FALLBACK_CURRENCY).share(Decimal(1))


# --- one case


def settled(policy: Policy, acceptance: Acceptance, case: Situation) -> Resolution:
    """Return what the library says of a case."""
    order = OrderLine(paid=case.paid, marketplace=case.marketplace, sku=case.sku, personalised=case.personalised)
    sure = {claim: float(claim is case.claim) for claim in Claim}
    judged = Prediction(case.claim, sure, (case.claim,), 1.0, 0.0, Category(case.claim.value), "en", "", ())
    findings = Findings(evidence=Evidence.SENT if case.photo else Evidence.NONE)
    return resolve(Message("simulated", "", order), judged, policy, acceptance, findings)


def without_offer(policy: Policy, case: Situation) -> Cost:
    """Return what is expected to be spent where no part of the price is offered, or the offer is declined."""
    costs = case.costs(policy)
    if case.claim is Claim.SUBJECTIVE:
        return costs.explain if case.personalised else costs.refund_and_return(personalised=False)
    return min((costs.remake(refund_wished=False), costs.refund), key=costs.total)


def point(policy: Policy, acceptance: Acceptance, case: Situation, share: Decimal) -> Point:
    """Return what offering a share is expected to cost."""
    costs, otherwise = case.costs(policy), without_offer(policy, case)
    chance = acceptance.curve(case.claim).at(float(share))

    def cost(accepted: float) -> Money:
        found = costs.in_money(costs.part(share, Decimal(str(round(accepted, 4))), otherwise))
        return found or case.paid

    ends = sorted((cost(chance.low), cost(chance.high)), key=lambda money: money.amount)
    return Point(share, chance, cost(chance.mean), *ends)


def points(policy: Policy, acceptance: Acceptance, case: Situation) -> list[Point]:
    """Return what every whole percent up to a half is expected to cost."""
    return [point(policy, acceptance, case, share) for share in SHARES]


def allowed_range(policy: Policy, case: Situation) -> tuple[Decimal, Decimal]:
    """Return the shares that the policy lets be offered first."""
    numbers = policy.numbers_for(case.marketplace, case.sku)
    prefix = "offer.subjective" if case.claim is Claim.SUBJECTIVE else "offer"
    return numbers[f"{prefix}.low"], min(numbers[f"{prefix}.high"], numbers["offer.cap"])


def break_even(policy: Policy, acceptance: Acceptance, case: Situation, share: Decimal) -> str:
    """Return the library's sentence on when offering a share pays."""
    costs, chance = case.costs(policy), acceptance.curve(case.claim).at(float(share))
    return costs.offer_pays(share, without_offer(policy, case), chance, acceptance.source(case.claim))


def typical(policy: Policy, currency: str = _FALLBACK_CURRENCY) -> list[Situation]:
    """Return a few cases that a change of numbers is tried on: each claim, small and large, made for the buyer and not."""
    small, large = policy.numbers["value.small"], policy.numbers["value.large"]
    middle = Money((small + large) / 2, currency).share(Decimal(1))
    fault = Situation(Claim.QUALITY, middle)
    return [
        fault,
        replace(fault, photo=False),
        replace(fault, paid=Money(large * 2, currency).share(Decimal(1))),
        replace(fault, claim=Claim.MISMATCH, paid=Money(small / 2, currency).share(Decimal(1))),
        replace(fault, claim=Claim.SUBJECTIVE),
        replace(fault, claim=Claim.SUBJECTIVE, personalised=False),
    ]


def in_a_year(money: Money, orders: int, rate: Decimal) -> Money:
    """Return what a year of such cases comes to."""
    return Money(money.amount * orders * rate, money.currency)


def about(amount: Decimal, digits: int = 2) -> str:
    """Return an amount with its leading digits: what is estimated is not said more exactly."""
    if not amount:
        return "0"
    unit = Decimal(1).scaleb(amount.adjusted() - digits + 1)
    rounded = amount.quantize(unit, ROUND_HALF_EVEN)
    return f"{rounded:,.0f}" if unit >= 1 else f"{rounded:,f}"


# --- insurance


@dataclass(frozen=True, slots=True)
class Expected:
    """What an insurance brings in a year at one return rate, and the range that nine of ten years lie in."""

    return_rate: Decimal
    mean: Decimal
    low: Decimal
    high: Decimal


def loss_share(policy: Policy) -> Decimal:
    """Return what a return costs of the price where all money goes back and a piece made for one buyer comes home."""
    return Costs(policy.numbers, None).refund_and_return(personalised=True).share


def needed_rate(break_even: Decimal | None, covered: Decimal) -> Decimal | None:
    """Return from which share of orders returned, for whatever reason, insuring pays; None where no rate is enough."""
    if break_even is None or not covered or break_even > covered:
        return None
    return break_even / covered


def rates_around(rate: Decimal) -> list[Decimal]:
    """Return the return rates worth looking at: up to twice the one given, at least up to a tenth."""
    most = min(max(rate * 2, Decimal("0.1")), Decimal(1))
    return [most * step / _STEPS for step in range(_STEPS + 1)]


def insured(terms: InsuranceTerms, exposure: Exposure, rates: Sequence[Decimal]) -> list[Expected]:
    """Return what insuring brings in a year at each return rate; by chance alone, claims are binomial."""
    from scipy.stats import binom

    fixed = value(terms, replace(exposure, return_rate=Decimal(0)))  # neither depends on how many come back
    premium, per_claim = fixed.premium.amount, fixed.payout_per_claim.amount
    found = []
    for rate in rates:
        claims = replace(exposure, return_rate=rate).claim_rate
        low, high = (int(binom.ppf(end, exposure.orders, float(claims))) for end in _LIKELY)
        mean, least, most = (count * per_claim - premium for count in (exposure.orders * claims, low, high))
        found.append(Expected(rate, mean, least, most))
    return found
