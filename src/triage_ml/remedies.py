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
    P4  a part refund stays under what the marketplace's refund screen can pay
    A1  suspected abuse: the remedy owed stays, nothing is added, everything in writing, a second person looks (from the paid
        amount on that the policy says; as shipped always)
    E1  a fault that no evidence shows yet: ask once for a photo, within the clock, without doubt in the wording
    N1  what is not owed is offered only where it is expected to pay

Among what the rules put first, the recommended remedy is the one that is expected to cost least (`triage_ml.costs`); a buyer
who asked for one of the full remedies gets that one first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from triage_ml.acceptance import Acceptance
from triage_ml.classifier import POSSIBLE_ABUSE, Prediction
from triage_ml.clocks import deadlines
from triage_ml.costs import Cost, Costs
from triage_ml.customisation import Verdict
from triage_ml.messages import Category, Claim, Message, MessageKind, OrderLine
from triage_ml.offers import part_refund
from triage_ml.policy import Policy
from triage_ml.resolution import Evidence, Findings, Remedy, RemedyKind, Resolution

_NO_REFUSAL = "R1: never say that custom goods cannot be returned"
_NO_WAIVER = "R3: never tie money to a review, a claim or a waiver of rights"
_RETURN_STANDS = "R2: never refuse the return"
_NO_COUPON = "P1: no coupon, no next-order discount"
_NO_ACCUSATION = "A1: no accusation, no threat, nothing beyond the remedy owed"
# What a marketplace's notice asks for.
_NOTICES = {
    MessageKind.RETURN_REQUEST: "a return request: authorise or answer it in the marketplace",
    MessageKind.CANCELLATION_REQUEST: "a cancellation request: answer it on the marketplace's own way",
    MessageKind.A_TO_Z: "an A-to-z claim: answer it with the evidence in the marketplace",
    MessageKind.CHARGEBACK: "a chargeback: answer it with the evidence in the marketplace",
}
_FULL = {
    RemedyKind.REMAKE: "made again and sent free of charge",
    RemedyKind.FULL_REFUND_KEEP: "all money back, the buyer keeps the goods",
    RemedyKind.SEND_PART: "what is missing is sent at once, free of charge",
}
_NO_OFFER = Remedy(RemedyKind.PART_REFUND_KEEP, "N1", "no amount is left between what is worth sending and what may be offered")
_UNUSABLE = Remedy(RemedyKind.PART_REFUND_KEEP, "R3", "the piece cannot be used, so part of the price settles nothing")
_PAID_REMAKE = Remedy(RemedyKind.PAID_REMAKE, "R1", "the remedy for a fault is free of charge")
_NO_COMPLAINT = Remedy(RemedyKind.ANSWER, "P2", "no complaint about goods: answer the question")
_NO_ORDER = OrderLine()
_TRADE = Acceptance()


def resolve(
    message: Message,
    prediction: Prediction,
    policy: Policy,
    acceptance: Acceptance = _TRADE,
    findings: Findings = Findings(),  # noqa: B008 - frozen
) -> Resolution:
    """Say what must and may be done about one judged message.

    Parameters
    ----------
    message
        The message, with its order line where known.
    prediction
        What it claims. The remedy follows the claim also where the category is abuse or needs_review.
    policy
        The seller's numbers.
    acceptance
        How often offers are accepted; without it the trade's figure.
    findings
        What is known beyond the words.

    Returns
    -------
    Resolution
        Never empty: where nothing is to be done, the recommended remedy says so.
    """
    order = message.order or _NO_ORDER
    numbers = policy.numbers_for(order.marketplace, order.sku)
    clocks = deadlines(message, reply_hours=numbers["time.reply_hours"], seller_zone=policy.time_zone)
    if message.kind is not MessageKind.BUYER:
        return Resolution(_notice(message.kind), deadlines=clocks)
    said = frozenset([cue.type for cue in prediction.cues if not cue.negated])
    case = _Case(message, prediction, order, Costs(numbers, order.paid), acceptance, findings, said)
    plan = case.plan()
    forbidden = list(plan.forbidden)
    if message.channel == "amazon" and prediction.claim is not Claim.OTHER:
        forbidden.append(_NO_COUPON)
    suspected = prediction.category is Category.ABUSE
    second_person = (suspected or prediction.abuse >= POSSIBLE_ABUSE) and case.needs_second_look()
    if suspected:
        plan = _with_caution(plan, second_person)
        forbidden.append(_NO_ACCUSATION)
    first, *others = plan.allowed
    price = case.costs.in_money(Cost(case.costs.make_and_send))
    return Resolution(first, tuple(others), plan.refused, tuple(forbidden), second_person, clocks, price)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one claim comes to: allowed remedies best first, those not to be done, what must not be said."""

    allowed: tuple[Remedy, ...]
    refused: tuple[Remedy, ...] = ()
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    """One judged message with all that decides about it; `said` names the cues it has, those it denies left out."""

    message: Message
    prediction: Prediction
    order: OrderLine
    costs: Costs
    acceptance: Acceptance
    findings: Findings
    said: frozenset[str]

    def plan(self) -> _Plan:
        """Return what the best claim comes to, and below it what every other claim that is possible would be owed."""
        first, *others = dict.fromkeys((self._claim(), *self.prediction.possible))
        best = self._by_claim(first)
        allowed = {remedy.kind: remedy for remedy in best.allowed}
        forbidden = dict.fromkeys(best.forbidden)
        for claim in others:
            # A person may find that it is this claim. What that would owe stands below; what it forbids holds if it is likely.
            other = self._by_claim(claim)
            for remedy in other.allowed:
                if remedy.kind not in (RemedyKind.EXPLAIN, RemedyKind.PAID_REMAKE):
                    allowed.setdefault(remedy.kind, remedy)
            if claim in self.prediction.claim_set:
                forbidden |= dict.fromkeys(other.forbidden)
        refused = tuple(remedy for remedy in best.refused if remedy.kind not in allowed)
        return _Plan(tuple(allowed.values()), refused, tuple(forbidden))

    def needs_second_look(self) -> bool:
        """Return whether so much was paid that a second person must look; an unknown amount may be any."""
        paid = self.order.paid
        return paid is None or paid.amount >= self.costs.numbers["review.second_person_from"]

    def _claim(self) -> Claim:
        """Return the claim that decides: the order data may show that what sounds like regret is the seller's error."""
        return Claim.MISMATCH if self._verdict is Verdict.OUR_ERROR else self.prediction.claim

    @property
    def _verdict(self) -> Verdict | None:
        return self.findings.comparison.verdict if self.findings.comparison else None

    def _by_claim(self, claim: Claim) -> _Plan:
        if claim is Claim.MISMATCH and self._verdict is Verdict.BUYERS_TYPO:
            return self._buyers_slip()
        if claim in (Claim.QUALITY, Claim.MISMATCH):
            return self._owed(claim)
        if claim is Claim.SUBJECTIVE:
            return self._regret()
        return _Plan((_NO_COMPLAINT,))

    # --- a fault, or something else than ordered ---------------------------------------------------------------------

    def _owed(self, claim: Claim) -> _Plan:
        """Return the full remedies and what may be offered beside them."""
        usable = self.findings.usable is not False
        missing = claim is Claim.MISMATCH and "missing" in self.said and "differs" not in self.said
        (first, first_cost), *others = sorted(self._full(claim), key=lambda full: self._standing(full[0], full[1], missing))
        offer = self._offer(claim, first_cost) if usable else None
        returned = self.costs.refund_and_return(self.order.personalised is not False)
        allowed = [
            self._may(first, "R1", _FULL[first], first_cost, self.costs.remake_pays("wish_refund" in self.said)),
            *(self._may(kind, "R1", _FULL[kind], cost) for kind, cost in others),
            *_some(offer),
            self._may(RemedyKind.FULL_REFUND_RETURN, "R1", "all money back against the goods, postage on the seller", returned),
        ]
        if not (missing or self._evident()):
            allowed = self._evidence_first(allowed, first_cost)
        refused = (
            self._may(RemedyKind.EXPLAIN, "R1", "a fault is never refused", self.costs.refuse),
            _PAID_REMAKE,
            *_some(None if offer else _NO_OFFER if usable else _UNUSABLE),
        )
        return _Plan(tuple(allowed), refused, (_NO_REFUSAL, _NO_WAIVER))

    def _full(self, claim: Claim) -> list[tuple[RemedyKind, Cost]]:
        """Return the full remedies for a claim with what each is expected to cost."""
        full = [
            (RemedyKind.REMAKE, self.costs.remake("wish_refund" in self.said)),
            (RemedyKind.FULL_REFUND_KEEP, self.costs.refund),
        ]
        # The text may tell by numbers alone that something is missing.
        return [*full, (RemedyKind.SEND_PART, self.costs.send_part)] if claim is Claim.MISMATCH else full

    def _standing(self, kind: RemedyKind, cost: Cost, missing: bool) -> tuple[bool, bool, bool, Decimal]:
        """Return what puts a full remedy behind another: beside the point, declined before, not asked for, dearer."""
        beside_the_point = kind is RemedyKind.SEND_PART and not missing
        unwished = ("wish_refund" if kind is RemedyKind.FULL_REFUND_KEEP else "wish_replacement") not in self.said
        return beside_the_point, kind in self.findings.declined, unwished, self.costs.total(cost)

    def _evident(self) -> bool:
        """Return whether something beside the claim shows it: a photo, a finding, or the order's own text."""
        shown = self.findings.evidence is not Evidence.NONE or self._verdict is Verdict.OUR_ERROR
        return shown or bool(self.message.attachments)

    def _evidence_first(self, allowed: list[Remedy], first_cost: Cost) -> list[Remedy]:
        """Put the one friendly question for a photo where it belongs: first where it saves money, else second.

        Last where the text speaks of photos and none came with it: "I can send some" and "see photo" read alike.
        """
        if self.findings.answered:
            return allowed  # one question is enough, and it was answered, with or without a photo
        if self.findings.asked:
            why = "a photo was asked for: wait for it until the time named, then settle it"
            return [self._may(RemedyKind.WAIT, "E1", why, first_cost), *allowed]
        cost, pays = self.costs.ask(first_cost), self.costs.photo_pays(first_cost)
        saves = self.order.paid is not None and self.costs.total(cost) < self.costs.total(first_cost)
        place = len(allowed) if "photo" in self.said else 0 if saves else 1
        ask = self._may(RemedyKind.ASK_EVIDENCE, "E1", "ask once for a photo, and name the remedy that follows", cost, pays)
        return [*allowed[:place], ask, *allowed[place:]]

    # --- a change of mind --------------------------------------------------------------------------------------------

    def _regret(self) -> _Plan:
        """Return what a change of mind gets: the return, or for what is personalised a kind word, and money where it pays."""
        if not self.order.personalised:
            return self._returnable()
        words = sorted(self._words(), key=lambda word: (word[0].kind in self.findings.declined, self.costs.total(word[1])))
        allowed = [remedy for remedy, _ in words]
        offer = self._offer(Claim.SUBJECTIVE, self.costs.explain)
        if offer:
            pays = offer.cost is not None and offer.cost.amount < self.costs.total(words[0][1])
            allowed.insert(0 if pays else len(allowed), offer)
        why = "not owed for a change of mind"
        refused = (
            self._may(RemedyKind.REMAKE, "N1", why, self.costs.remake(refund_wished=False)),
            self._may(RemedyKind.FULL_REFUND_KEEP, "N1", why, self.costs.refund),
            *_some(None if offer else _NO_OFFER),
        )
        return _Plan(tuple(allowed), refused, (_NO_WAIVER,))

    def _words(self) -> list[tuple[Remedy, Cost]]:
        """Return the two answers that cost no money of themselves, with what follows from them."""
        own = "own_error" in self.said or self._verdict is Verdict.BUYERS_TYPO
        explain, remake = self.costs.explain, self.costs.paid_remake(own)
        why, rule = "made for this buyer: explain kindly why it cannot come back", "R4" if own else "R2"
        return [
            (self._may(RemedyKind.EXPLAIN, "R2", why, explain), explain),
            (self._may(RemedyKind.PAID_REMAKE, rule, "a new one with the change the buyer wants, at cost", remake), remake),
        ]

    def _returnable(self) -> _Plan:
        why = "the return is accepted within the normal time"
        if self.order.personalised is None:
            why += "; the order does not say that it was personalised, so a refusal would not be safe"
        cost = self.costs.refund_and_return(personalised=False)
        refused = (Remedy(RemedyKind.EXPLAIN, "R2", "a refusal is only lawful for what is really personalised"),)
        allowed = (
            self._may(RemedyKind.ACCEPT_RETURN, "R2", why, cost),
            *_some(self._offer(Claim.SUBJECTIVE, cost)),
            self._may(
                RemedyKind.PAID_REMAKE, "N1", "a new one with the change the buyer wants, at cost, beside the return", cost
            ),
        )
        return _Plan(allowed, refused, (_RETURN_STANDS, _NO_WAIVER))

    def _buyers_slip(self) -> _Plan:
        """Return what is done where the order shows the buyer's own slip: help first, and the full remedies below.

        Telling whose slip it is may fail, so nothing is refused: a person compares both texts and the full remedies stay.
        """
        remake = "the order shows what the buyer typed: compare both, then a new one at cost"
        photo = "show what the order says and ask for a photo of the piece"
        allowed = (
            self._may(RemedyKind.PAID_REMAKE, "R4", remake, self.costs.paid_remake(own_error=True)),
            self._may(RemedyKind.ASK_EVIDENCE, "R4", photo, self.costs.ask(self.costs.explain)),
            *_some(self._offer(Claim.SUBJECTIVE, self.costs.explain)),
            *(
                self._may(kind, "R1", f"should the piece differ from the order: {_FULL[kind]}", cost)
                for kind, cost in self._full(Claim.QUALITY)
            ),
        )
        refused = (Remedy(RemedyKind.EXPLAIN, "R1", "never refused outright: the order data may mislead"),)
        return _Plan(allowed, refused, (_NO_REFUSAL, _NO_WAIVER))

    # --- money -------------------------------------------------------------------------------------------------------

    def _may(self, kind: RemedyKind, rule: str, why: str, cost: Cost, break_even: str = "") -> Remedy:
        return Remedy(kind, rule, why, self.costs.in_money(cost), break_even=break_even)

    def _offer(self, claim: Claim, otherwise: Cost) -> Remedy | None:
        declined = self.findings.declined.count(RemedyKind.PART_REFUND_KEEP)
        return part_refund(claim, otherwise, self.order, self.costs, self.acceptance, declined)


def _some(remedy: Remedy | None) -> list[Remedy]:
    return [remedy] if remedy else []


def _with_caution(plan: _Plan, second_person: bool) -> _Plan:
    """Put the calm restatement first and drop offers beyond what is owed; what is owed itself stays."""
    offers = [remedy for remedy in plan.allowed if remedy.kind is RemedyKind.PART_REFUND_KEEP]
    kept = [remedy for remedy in plan.allowed if remedy not in offers]
    why = "restate calmly what is owed, in writing" + ("; a second person looks" if second_person else "")
    restate = Remedy(RemedyKind.RESTATE, "A1", why, kept[0].cost)
    refused = [replace(offer, rule="A1", why="nothing beyond what is owed where abuse is suspected") for offer in offers]
    return replace(plan, allowed=(restate, *kept), refused=(*plan.refused, *refused))


def _notice(kind: MessageKind) -> Remedy:
    if kind in _NOTICES:
        return Remedy(RemedyKind.ANSWER, "P3", _NOTICES[kind])
    return Remedy(RemedyKind.NOTHING, "P2", f"a {kind.value.replace('_', ' ')} text, not a buyer's message")
