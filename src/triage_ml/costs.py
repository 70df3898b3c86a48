"""What each remedy is expected to cost the seller: the formulas, with every number from the policy.

The goods that were sent are sunk: only what comes on top counts. With V the paid amount, per V unless said otherwise:

    refund             1 - f + k                        f fee that comes back, k the part of it the marketplace keeps
    refund and return  refund + S_r - s                 S_r return label, s what the piece still brings
    remake             a (C + S_o) + (1 - a) refund     C making, S_o sending, a chance that the buyer takes it
    part x             A x (1 - f) + (1 - A) next       A chance that the offer is taken, next what is owed otherwise
    explain            p (refund + H)                   p chance that it escalates, H a defect in the account's record
    paid remake        (1 - a) explain
    photo first        (1 - q) next + q explain         q chance that the photo shows that nothing is owed
    refuse a fault     p' (refund + H)

Every further exchange of messages costs the policy's `cost.message` on top.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, wraps
from operator import itemgetter
from typing import Any, Concatenate, ParamSpec, TypeVar

from triage_ml.acceptance import Estimate
from triage_ml.messages import Money
from triage_ml.policy import BOUNDS, Numbers

_ZERO, _ONE = Decimal(0), Decimal(1)
_POLICIES_REMEMBERED = 256  # sets of numbers; a shop has one, and one for each marketplace or group of SKUs that differs
_numbers_used = itemgetter(*(key for key in BOUNDS if key.startswith(("cost.", "chance."))))
_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Cost:
    """An expected cost: a fraction of the paid amount, and a number of further exchanges of messages."""

    share: Decimal
    messages: Decimal = _ZERO

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.share + other.share, self.messages + other.messages)

    def times(self, chance: Decimal) -> Cost:
        """Return what it costs if it comes only with this chance."""
        return Cost(self.share * chance, self.messages * chance)


_ONE_MESSAGE = Cost(_ZERO, _ONE)


def _once(formula: Callable[Concatenate[Costs, _Given], _Found]) -> Callable[Concatenate[Costs, _Given], _Found]:
    """Work a formula out once for a policy's numbers: it says a fraction of the price, whatever the price is."""
    name = formula.__name__

    @wraps(formula)
    def known(costs: Costs, /, *given: _Given.args, **named: _Given.kwargs) -> _Found:
        key = (name, *given, *named.values())
        found = costs.found.get(key)
        if found is None:
            found = costs.found[key] = formula(costs, *given, **named)
        return found

    return known


@lru_cache(maxsize=_POLICIES_REMEMBERED)
def _found_with(numbers: tuple[Decimal, ...]) -> dict[tuple[object, ...], Any]:
    """Return what was worked out with these numbers so far, to be added to."""
    return {}


class Costs:
    """The formulas above for one order line.

    Parameters
    ----------
    numbers
        The policy's numbers for it.
    paid
        The paid amount, None where unknown. Two remedies are then compared as for an order of `value.small`.
    """

    __slots__ = ("found", "numbers", "paid", "_message", "_value")

    def __init__(self, numbers: Numbers, paid: Money | None) -> None:
        self.numbers, self.paid = numbers, paid
        self.found = _found_with(_numbers_used(numbers))
        self._value, self._message = paid.amount if paid else numbers["value.small"], numbers["cost.message"]

    def in_money(self, cost: Cost) -> Money | None:
        """Return an expected cost in the order's currency, None where the paid amount is unknown; never negative."""
        if self.paid is None:
            return None
        return Money.rounded(max(self.total(cost), _ZERO), self.paid.currency)

    def total(self, cost: Cost) -> Decimal:
        """Return an expected cost as an amount, to compare."""
        return cost.share * self._value + cost.messages * self._message

    @property
    @_once
    def kept_of_refund(self) -> Decimal:
        """What a refunded unit of money costs: 1 less the fee that comes back."""
        return _ONE - self.numbers["cost.fee_credit"]

    @property
    @_once
    def refund(self) -> Cost:
        """All money back, the buyer keeps the goods."""
        return Cost(self.kept_of_refund + self.numbers["cost.fee_credit"] * self.numbers["cost.fee_kept"])

    @_once
    def refund_and_return(self, personalised: bool) -> Cost:
        """All money back against the goods, the label on the seller."""
        salvage = self.numbers["cost.salvage_personalised" if personalised else "cost.salvage_other"]
        return self.refund + Cost(self.numbers["cost.return_label"] - salvage)

    @property
    @_once
    def make_and_send(self) -> Decimal:
        """What one more piece costs."""
        return self.numbers["cost.make"] + self.numbers["cost.send"]

    def remake_taken(self, refund_wished: bool) -> Decimal:
        """Return the chance that a buyer takes a remake."""
        return self.numbers["chance.remake_taken_refund_wished" if refund_wished else "chance.remake_taken"]

    @_once
    def remake(self, refund_wished: bool) -> Cost:
        """Made again and sent; who declines is refunded after one more exchange."""
        taken = self.remake_taken(refund_wished)
        return Cost(self.make_and_send).times(taken) + (self.refund + _ONE_MESSAGE).times(_ONE - taken)

    @property
    @_once
    def send_part(self) -> Cost:
        """What is missing, made and sent."""
        return Cost(self.numbers["cost.send_part"])

    def part(self, share: Decimal, accepted: Decimal, otherwise: Cost) -> Cost:
        """Part of the price, or what is owed otherwise if the buyer declines; one more exchange either way."""
        return Cost(share * self.kept_of_refund).times(accepted) + otherwise.times(_ONE - accepted) + _ONE_MESSAGE

    @property
    @_once
    def explain(self) -> Cost:
        """A change of mind explained kindly, some of which escalate."""
        return self._escalated.times(self.numbers["chance.explanation_escalates"])

    @property
    @_once
    def refuse(self) -> Cost:
        """A fault refused. No remedy: only to show what it would cost."""
        return self._escalated.times(self.numbers["chance.refusal_escalates"])

    @property
    def _escalated(self) -> Cost:
        return self.refund + Cost(self.numbers["cost.escalation"])

    @_once
    def paid_remake(self, own_error: bool) -> Cost:
        """Offered at cost; one more exchange to quote it, and one more if it is taken."""
        taken = self.numbers["chance.paid_remake_taken_own_error" if own_error else "chance.paid_remake_taken"]
        return self.explain.times(_ONE - taken) + Cost(_ZERO, _ONE + taken)

    def ask(self, otherwise: Cost) -> Cost:
        """Ask for a photo first; one more exchange."""
        refuted = self.numbers["chance.photo_refutes"]
        return otherwise.times(_ONE - refuted) + self.explain.times(refuted) + _ONE_MESSAGE

    # --- from where on something pays, in words ----------------------------------------------------------------------

    def remake_pays(self, refund_wished: bool) -> str:
        """Say up to which cost a remake is cheaper than the refund; "" where the paid amount is unknown."""
        taken = self.remake_taken(refund_wished)
        if self.paid is None or not taken:
            return ""
        # Who declines costs one more exchange before the refund.
        limit = self.total(self.refund) - (_ONE / taken - 1) * self._message
        now = self.total(Cost(self.make_and_send))
        verb = "pays" if now < limit else "would pay"
        return (
            f"A remake {verb} against the refund as long as making and sending it costs less than {self._money(limit)} "
            f"(now {self._money(now)})."
        )

    def offer_pays(self, share: Decimal, otherwise: Cost, chance: Estimate, source: str) -> str:
        """Say from which chance of acceptance on an offer pays."""
        needed = self._needed(self.total(otherwise) - self.total(Cost(share * self.kept_of_refund)))
        known = f"expected: {chance.mean:.0%}, between {chance.low:.0%} and {chance.high:.0%} ({source})"
        if needed is None:
            return f"The offer costs more than it can save, however many accept it; {known}."
        return f"The offer pays where more than {needed:.0%} accept it; {known}."

    def photo_pays(self, otherwise: Cost) -> str:
        """Say how many photos must show that nothing is owed for the question to pay; "" where that is not known, or never."""
        needed = self._needed(self.total(otherwise) - self.total(self.explain))
        if self.paid is None or needed is None:
            return ""
        now = self.numbers["chance.photo_refutes"]
        return f"Asking first pays where more than {needed:.0%} of the photos show that nothing is owed (expected: {now:.0%})."

    def _needed(self, saved: Decimal) -> Decimal | None:
        """Return from which chance on one more exchange of messages is worth what it saves, None where it never is."""
        return self._message / saved if saved > self._message else None

    def _money(self, amount: Decimal) -> str:
        return str(Money.rounded(amount, self.paid.currency)) if self.paid else ""
