"""What may be done: the remedies a claim is owed or may get, with the rule behind each, what it costs, and until when.

Law and platform rules are code and cannot be configured away; the seller's numbers come from the policy. The claim alone
decides what is owed. Abuse adds caution, evidence and a second look, and takes nothing away.

Rules (sources and details: docs/rules.md):

    R1  quality and mismatch always get at least one full remedy (remake or refund, at no cost to the buyer) and are never
        answered with "custom goods cannot be returned"
    R2  a change of mind is only refused for an order line that is really personalised; otherwise the return is accepted
    R3  part of the price back is, for a fault, an offer beside the full remedy; never the only one, never tied to a review
    R4  the buyer's own slip, shown by the order data, is a change of mind; the same slip by the seller is a mismatch
    P1  no coupons and no next-order discounts on Amazon: money goes back through the refund screen
    P2  a buyer's message is answered within the marketplace's clock, weekends included
    P3  a return request, a claim or a chargeback has a clock of its own, whatever its words say
    A1  suspected abuse: the remedy owed stays, nothing is added, everything in writing, a second person looks
    E1  a fault that no evidence shows yet: ask once for a photo, within the clock, without doubt in the wording
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from triage_ml.classifier import Prediction
from triage_ml.messages import Category, Claim, Message, MessageKind, Money, OrderLine
from triage_ml.policy import Policy


class RemedyKind(StrEnum):
    """Everything a seller can do about a message."""

    REMAKE = "remake"
    FULL_REFUND_KEEP = "full_refund_keep"
    PART_REFUND_KEEP = "part_refund_keep"
    SEND_PART = "send_part"
    ASK_EVIDENCE = "ask_evidence"
    ACCEPT_RETURN = "accept_return"
    PAID_REMAKE = "paid_remake"
    EXPLAIN = "explain"
    RESTATE = "restate"
    ANSWER = "answer"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing that may be done.

    Parameters
    ----------
    kind
        What is done.
    rule
        Id of the rule that allows or demands it (see the module's docstring).
    why
        The reason in words.
    cost
        What it is expected to cost the seller, None where the paid amount is unknown.
    offer_low, offer_high
        What to offer, only for part refunds.
    """

    kind: RemedyKind
    rule: str
    why: str
    cost: Money | None = None
    offer_low: Money | None = None
    offer_high: Money | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """What must and may be done about one message.

    Parameters
    ----------
    recommended
        The remedy to start with.
    alternatives
        What else is allowed, best first.
    forbidden
        Rule ids with what must not be said or done.
    needs_second_person
        True where abuse is decided or possible.
    due_at
        Until when the buyer must have an answer; None where the message has no time.
    """

    recommended: Remedy
    alternatives: tuple[Remedy, ...] = ()
    forbidden: tuple[str, ...] = ()
    needs_second_person: bool = False
    due_at: datetime | None = None

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """All allowed remedies, the recommended one first."""
        return (self.recommended, *self.alternatives)

    @property
    def offer(self) -> Remedy | None:
        """The part refund among the remedies, or None where no amount may or need be offered."""
        return next((r for r in self.remedies if r.offer_low is not None), None)


_NO_REFUSAL = "R1: never say that custom goods cannot be returned"
_NO_WAIVER = "R3: never tie money to a review, a claim or a waiver of rights"
_NO_COUPON = "P1: no coupon, no next-order discount"
_NO_ACCUSATION = "A1: no accusation, no threat, nothing beyond the remedy owed"


def resolve(message: Message, prediction: Prediction, policy: Policy) -> Resolution:
    """Say what must and may be done about one judged message.

    Parameters
    ----------
    message
        The message, with its order line where known.
    prediction
        What it claims. The remedy follows the claim also where the category is abuse or needs_review.
    policy
        The seller's numbers.

    Returns
    -------
    Resolution
        Never empty: where nothing is to be done, the recommended remedy says so.
    """
    due_at = _due(message, policy)
    if message.kind is not MessageKind.BUYER:
        return _notice(message)
    order = message.order or OrderLine()
    numbers = _Numbers(policy, order)
    remedies, forbidden = _by_claim(prediction.claim, prediction, order, numbers)
    for claim in prediction.claim_set:
        # A person may find that it is another claim of the set, so what that would owe stands below, and what it forbids holds.
        more, also = _by_claim(claim, prediction, order, numbers)
        known = {remedy.kind for remedy in remedies}
        remedies += [r for r in more if r.kind not in known and r.kind not in (RemedyKind.EXPLAIN, RemedyKind.PAID_REMAKE)]
        forbidden += [rule for rule in also if rule not in forbidden]
    if message.channel == "amazon" and prediction.claim is not Claim.OTHER:
        forbidden.append(_NO_COUPON)
    suspected = prediction.category is Category.ABUSE
    if suspected:
        remedies = _with_caution(remedies)
        forbidden.append(_NO_ACCUSATION)
    return Resolution(remedies[0], tuple(remedies[1:]), tuple(forbidden), suspected or prediction.abuse >= 0.5, due_at)


def _by_claim(claim: Claim, prediction: Prediction, order: OrderLine, numbers: _Numbers) -> tuple[list[Remedy], list[str]]:
    """Return what may be done if this is the claim, best first, and what must not be said."""
    if claim in (Claim.QUALITY, Claim.MISMATCH):
        return _owed(claim, prediction, numbers), [_NO_REFUSAL, _NO_WAIVER]
    if claim is Claim.SUBJECTIVE:
        forbidden = [_NO_WAIVER] if order.personalised else ["R2: never refuse the return", _NO_WAIVER]
        return _change_of_mind(prediction, order, numbers), forbidden
    return [Remedy(RemedyKind.ANSWER, "P2", "no complaint about goods: answer the question")], []


# What a marketplace's notice asks for, and within how many hours.
_NOTICES = {
    MessageKind.RETURN_REQUEST: (24, "a return request: authorise or answer it in the marketplace"),
    MessageKind.CANCELLATION_REQUEST: (24, "a cancellation request: answer it on the marketplace's own way"),
    MessageKind.A_TO_Z: (48, "an A-to-z claim: answer it with the evidence in the marketplace"),
    MessageKind.CHARGEBACK: (48, "a chargeback: answer it with the evidence in the marketplace"),
}


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The policy's numbers applied to one order line."""

    policy: Policy
    order: OrderLine

    def __call__(self, key: str) -> Decimal:
        return self.policy.number(key, self.order.marketplace)

    def money(self, fraction: Decimal) -> Money | None:
        return self.order.paid.share(fraction) if self.order.paid else None

    def part_refund(self, prefix: str, rule: str, why: str) -> Remedy | None:
        """Return the part refund of the policy's range, None where no amount may be offered."""
        paid = self.order.paid
        if paid is None:
            return Remedy(RemedyKind.PART_REFUND_KEEP, rule, f"{why} (amount: the order's price is unknown)")
        cap = paid.share(self("offer.cap")).amount
        low, high = (paid.share(self(f"{prefix}.{end}")) for end in ("low", "high"))
        smallest = self("offer.smallest")
        # An offer lives only between what is worth sending and what may be given.
        top = Money(min(high.amount, cap), paid.currency)
        bottom = Money(max(low.amount, smallest), paid.currency)
        if bottom.amount > top.amount or top.amount <= 0:
            return None
        middle = Money((bottom.amount + top.amount) / 2, paid.currency).share(Decimal(1))
        return Remedy(RemedyKind.PART_REFUND_KEEP, rule, why, middle.share(1 - self("cost.fee_credit")), bottom, top)


def _owed(claim: Claim, prediction: Prediction, numbers: _Numbers) -> list[Remedy]:
    """Return the full remedies owed for a fault or a difference, cheapest first, then what may be offered beside them."""
    says = {cue.type for cue in prediction.cues if not cue.negated}
    remake = Remedy(RemedyKind.REMAKE, "R1", "made again and sent free of charge", numbers.money(numbers("cost.remake")))
    refund = Remedy(
        RemedyKind.FULL_REFUND_KEEP,
        "R1",
        "all money back, the buyer keeps the goods",
        numbers.money(1 - numbers("cost.fee_credit")),
    )
    remake_first = numbers("cost.remake") < 1 - numbers("cost.fee_credit") and "wish_refund" not in says
    full = [remake, refund] if remake_first else [refund, remake]
    part = Remedy(
        RemedyKind.SEND_PART, "R1", "what is missing is sent at once, free of charge", numbers.money(numbers("cost.send_part"))
    )
    missing = claim is Claim.MISMATCH and "missing" in says and "differs" not in says
    if missing:
        full.insert(0, part)
    elif claim is Claim.MISMATCH:
        full.append(part)  # the text may tell by numbers alone that something is missing
    # Where the text only claims, one friendly question for a photo comes first; the remedy is named in the same letter.
    ask = Remedy(RemedyKind.ASK_EVIDENCE, "E1", "ask once for a photo, and name the remedy that follows")
    offer = numbers.part_refund("offer", "R3", "the buyer keeps it and gets part of the price, if he prefers that")
    if "photo" in says or missing:
        return [*full, *([offer] if offer else []), ask]
    return [full[0], ask, *full[1:], *([offer] if offer else [])]


def _change_of_mind(prediction: Prediction, order: OrderLine, numbers: _Numbers) -> list[Remedy]:
    if not order.personalised:
        salvage = numbers("cost.return_label") + 1 - numbers("cost.fee_credit") - numbers("cost.salvage_other")
        why = "the return is accepted within the normal time"
        if order.personalised is None:
            why += "; the order does not say that it was personalised, so a refusal would not be safe"
        accept = Remedy(RemedyKind.ACCEPT_RETURN, "R2", why, numbers.money(max(salvage, Decimal(0))))
        goodwill = numbers.part_refund("offer.subjective", "R2", "part of the price back saves the return")
        return [accept, *([goodwill] if goodwill else [])]
    goodwill = numbers.part_refund("offer.subjective", "R2", "goodwill: nothing is owed, a small amount often settles it")
    explain = Remedy(RemedyKind.EXPLAIN, "R2", "made for this buyer: explain kindly why it cannot come back")
    paid = Remedy(RemedyKind.PAID_REMAKE, "R4", "a new one with the change the buyer wants, at cost")
    own_error = any(cue.type == "own_error" and not cue.negated for cue in prediction.cues)
    return [*([paid, explain] if own_error else [explain, paid]), *([goodwill] if goodwill else [])]


def _with_caution(remedies: Iterable[Remedy]) -> list[Remedy]:
    """Put the calm restatement first and drop offers beyond what is owed; what is owed itself stays."""
    kept = [r for r in remedies if r.kind is not RemedyKind.PART_REFUND_KEEP]
    return [Remedy(RemedyKind.RESTATE, "A1", "restate calmly what is owed, in writing; a second person looks"), *kept]


def _notice(message: Message) -> Resolution:
    hours, what = _NOTICES.get(message.kind, (None, ""))
    if hours is None:
        why = f"a {message.kind.value.replace('_', ' ')} text, not a buyer's message"
        return Resolution(Remedy(RemedyKind.NOTHING, "P2", why))
    due_at = message.sent_at + timedelta(hours=hours) if message.sent_at else None
    return Resolution(Remedy(RemedyKind.ANSWER, "P3", what), due_at=due_at)


def _due(message: Message, policy: Policy) -> datetime | None:
    if message.sent_at is None:
        return None
    marketplace = message.order.marketplace if message.order else ""
    return message.sent_at + timedelta(hours=float(policy.number("time.reply_hours", marketplace)))
