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

from dataclasses import dataclass
from decimal import Decimal

from triage_ml.acceptance import Estimate
from triage_ml.messages import Money
from triage_ml.policy import Numbers

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Cost:
    """An expected cost: a fraction of the paid amount, and a number of further exchanges of messages."""

    share: Decimal
    messages: Decimal = Decimal(0)

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.share + other.share, self.messages + other.messages)

    def times(self, chance: Decimal) -> Cost:
        """Return what it costs if it comes only with this chance."""
        return Cost(self.share * chance, self.messages * chance)


@dataclass(frozen=True, slots=True)
class Costs:
    """The formulas above for one order line.

    Parameters
    ----------
    numbers
        The policy's numbers for it.
    paid
        The paid amount, None where unknown. Two remedies are then compared as for an order of `value.small`.
    """

    numbers: Numbers
    paid: Money | None

    def in_money(self, cost: Cost) -> Money | None:
        """Return an expected cost in the order's currency, None where the paid amount is unknown; never negative."""
        if self.paid is None:
            return None
        return Money(max(self.total(cost), Decimal(0)), self.paid.currency).share(_ONE)

    def total(self, cost: Cost) -> Decimal:
        """Return an expected cost as an amount, to compare."""
        value = self.paid.amount if self.paid else self.numbers["value.small"]
        return cost.share * value + cost.messages * self.numbers["cost.message"]

    @property
    def kept_of_refund(self) -> Decimal:
        """What a refunded unit of money costs: 1 less the fee that comes back."""
        return _ONE - self.numbers["cost.fee_credit"]

    @property
    def refund(self) -> Cost:
        """All money back, the buyer keeps the goods."""
        return Cost(self.kept_of_refund + self.numbers["cost.fee_credit"] * self.numbers["cost.fee_kept"])

    def refund_and_return(self, personalised: bool) -> Cost:
        """All money back against the goods, the label on the seller."""
        salvage = self.numbers["cost.salvage_personalised" if personalised else "cost.salvage_other"]
        return self.refund + Cost(self.numbers["cost.return_label"] - salvage)

    @property
    def make_and_send(self) -> Decimal:
        """What one more piece costs."""
        return self.numbers["cost.make"] + self.numbers["cost.send"]

    def remake_taken(self, refund_wished: bool) -> Decimal:
        """Return the chance that a buyer takes a remake."""
        return self.numbers["chance.remake_taken_refund_wished" if refund_wished else "chance.remake_taken"]

    def remake(self, refund_wished: bool) -> Cost:
        """Made again and sent; who declines is refunded after one more exchange."""
        taken = self.remake_taken(refund_wished)
        return Cost(self.make_and_send).times(taken) + (self.refund + Cost(Decimal(0), _ONE)).times(_ONE - taken)

    @property
    def send_part(self) -> Cost:
        """What is missing, made and sent."""
        return Cost(self.numbers["cost.send_part"])

    def part(self, share: Decimal, accepted: Decimal, otherwise: Cost) -> Cost:
        """Part of the price, or what is owed otherwise if the buyer declines; one more exchange either way."""
        return Cost(share * self.kept_of_refund).times(accepted) + otherwise.times(_ONE - accepted) + Cost(Decimal(0), _ONE)

    @property
    def explain(self) -> Cost:
        """A change of mind explained kindly, some of which escalate."""
        return self._escalated.times(self.numbers["chance.explanation_escalates"])

    @property
    def refuse(self) -> Cost:
        """A fault refused. No remedy: only to show what it would cost."""
        return self._escalated.times(self.numbers["chance.refusal_escalates"])

    @property
    def _escalated(self) -> Cost:
        return self.refund + Cost(self.numbers["cost.escalation"])

    def paid_remake(self, own_error: bool) -> Cost:
        """Offered at cost; one more exchange to quote it, and one more if it is taken."""
        taken = self.numbers["chance.paid_remake_taken_own_error" if own_error else "chance.paid_remake_taken"]
        return self.explain.times(_ONE - taken) + Cost(Decimal(0), _ONE + taken)

    def ask(self, otherwise: Cost) -> Cost:
        """Ask for a photo first; one more exchange."""
        refuted = self.numbers["chance.photo_refutes"]
        return otherwise.times(_ONE - refuted) + self.explain.times(refuted) + Cost(Decimal(0), _ONE)

    # --- from where on something pays, in words ----------------------------------------------------------------------

    def remake_pays(self, refund_wished: bool) -> str:
        """Say up to which cost a remake is cheaper than the refund; "" where the paid amount is unknown."""
        taken = self.remake_taken(refund_wished)
        if self.paid is None or not taken:
            return ""
        # Who declines costs one more exchange before the refund.
        limit = self.total(self.refund) - (_ONE / taken - 1) * self.numbers["cost.message"]
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
        message = self.numbers["cost.message"]
        return message / saved if saved > message else None

    def _money(self, amount: Decimal) -> str:
        return str(Money(amount, self.paid.currency).share(_ONE)) if self.paid else ""
