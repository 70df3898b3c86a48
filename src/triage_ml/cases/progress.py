"""What a case's row says after one more message, decision or outcome: rules without a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from triage_ml.cases.records import CaseState, OutcomeKind
from triage_ml.cases.threads import LONGEST
from triage_ml.messages import Category, Claim, Direction, Message, MessageKind, OrderLine
from triage_ml.teaching import value as teaching_value

if TYPE_CHECKING:
    from triage_ml.classifier import Prediction
    from triage_ml.teaching import Judged
    from triage_ml.triage import Assessment

# A working copy of a row of `cases`, and of a case's deadlines: clock to (due_at, met_at).
CaseValues = dict[str, Any]
Deadlines = dict[str, tuple[datetime, datetime | None]]

# Texts that ask the seller for something.
_ASKING = frozenset({
    MessageKind.BUYER, MessageKind.RETURN_REQUEST, MessageKind.A_TO_Z, MessageKind.CANCELLATION_REQUEST, MessageKind.CHARGEBACK,
})  # fmt: skip
_REPLY = "reply"
# No amount is as large, and no number of an order or product as long; a broken export's stays with the message alone.
LARGEST = Decimal(10) ** 12
_AFTER_OUTCOME = {
    OutcomeKind.ACCEPTED: CaseState.CLOSED,
    OutcomeKind.NO_ANSWER: CaseState.CLOSED,
    OutcomeKind.REFUNDED: CaseState.CLOSED,
    OutcomeKind.REMADE: CaseState.CLOSED,
    OutcomeKind.RETURNED: CaseState.CLOSED,
    OutcomeKind.DECLINED: CaseState.OPEN,
    OutcomeKind.ESCALATED: CaseState.OPEN,
    OutcomeKind.A_TO_Z: CaseState.OPEN,
    OutcomeKind.CHARGEBACK: CaseState.OPEN,
}
_WAITS_FOR_BUYER = frozenset({"ask_evidence", "wait"})
_SETTLES = frozenset({"nothing"})


def new_case(number: int, now: datetime) -> CaseValues:
    """Return the row of a case that no message has told anything of yet."""
    texts = "order_id sku product currency marketplace channel language customisation buyer_hash".split()
    times = "lead_at claim_at answered_at delivered_at due_at hold_expires_at pseudonymised_at paid_amount personalised".split()
    return {
        "id": number, "state": CaseState.CLOSED.value, "version": 0, "created_at": now, "updated_at": now, "last_at": None,
        "category": Category.OTHER.value, "claim": Claim.OTHER.value, "abuse": 0.0, "sureness": 0.0, "teaches": 0.0,
        **dict.fromkeys([*texts, "hold_reason", "hold_approved_by"], ""), **dict.fromkeys(times),
    }  # fmt: skip


def add_message(case: CaseValues, deadlines: Deadlines, assessment: Assessment, buyer_hash: str, now: datetime) -> None:
    """Bring one more message into a case; older ones may come after newer ones."""
    message = assessment.message
    at = message.sent_at or now
    newest = case["last_at"] is None or at >= case["last_at"]
    if newest:
        case["last_at"] = at
    _tell_order(case, message, newest)
    if message.kind in _ASKING and message.direction is Direction.IN:
        case["buyer_hash"] = buyer_hash or case["buyer_hash"]
        _lead(case, assessment.prediction, message.text, at)
        _start_clocks(deadlines, assessment, at, case["answered_at"])
        if newest or next_due(deadlines):
            case["state"] = CaseState.OPEN.value
    elif message.direction is Direction.OUT:
        _answered(case, deadlines, at)
    case["due_at"] = next_due(deadlines)


def _tell_order(case: CaseValues, message: Message, newest: bool) -> None:
    """Fill what the case does not know yet; what the newest message says wins."""
    order = message.order or OrderLine()
    told: Mapping[str, Any] = {
        "order_id": order.order_id[:LONGEST], "sku": order.sku[:LONGEST], "product": order.product,
        "marketplace": order.marketplace, "delivered_at": order.delivered_at, "personalised": order.personalised,
        "customisation": order.customisation, "channel": message.channel,
    }  # fmt: skip
    for name, value in told.items():
        if value not in ("", None) and (newest or case[name] in ("", None)):
            case[name] = value
    if order.paid and abs(order.paid.amount) < LARGEST and (newest or case["paid_amount"] is None):
        case["paid_amount"], case["currency"] = order.paid.amount, order.paid.currency


def _lead(case: CaseValues, prediction: Prediction, text: str, at: datetime) -> None:
    """Let the newest message of the buyer lead; a claim stays until a newer message makes another."""
    leads = case["lead_at"] is None or at >= case["lead_at"]
    claims = prediction.claim is not Claim.OTHER and (case["claim_at"] is None or at >= case["claim_at"])
    if leads:
        case["lead_at"], case["language"] = at, prediction.language
    if claims or (leads and case["claim_at"] is None):
        case["claim"], case["category"] = prediction.claim.value, prediction.category.value
        case["sureness"], case["abuse"] = max(prediction.probabilities.values()), prediction.abuse
        case["teaches"] = lesson(prediction, text)
    elif leads and prediction.category is Category.ABUSE:
        case["category"], case["abuse"] = Category.ABUSE.value, prediction.abuse
    if claims:
        case["claim_at"] = at


def lesson(judged: Judged, text: str) -> float:
    """Return what a label of a message would teach, 0 to 1; nothing where there are no words to learn from."""
    return teaching_value(judged) if text.strip() else 0.0


def _start_clocks(deadlines: Deadlines, assessment: Assessment, at: datetime, answered_at: datetime | None) -> None:
    """Start the seller's clocks that this message starts; a newer message of its sort starts them again."""
    for deadline in assessment.resolution.deadlines:
        clock = deadline.clock
        if not clock.binds_seller or clock.starts != assessment.message.kind:
            continue
        due_at, met_at = deadlines.get(clock.id, (deadline.due_at, None))
        if deadline.due_at >= due_at:
            met_at = met_at if met_at and met_at >= at else None
            if clock.id == _REPLY and answered_at and answered_at >= at:
                met_at = answered_at
            deadlines[clock.id] = (deadline.due_at, met_at)


def _answered(case: CaseValues, deadlines: Deadlines, at: datetime) -> None:
    """Note that the seller wrote: an answer meets that clock, the others ask for more than words."""
    case["answered_at"] = max(at, case["answered_at"] or at)
    if case["lead_at"] is None:
        case["state"] = CaseState.WAITING.value if case["version"] == 0 else case["state"]
    elif at >= case["lead_at"]:
        if _REPLY in deadlines and deadlines[_REPLY][1] is None:
            deadlines[_REPLY] = (deadlines[_REPLY][0], at)
        if case["state"] == CaseState.OPEN and next_due(deadlines) is None:
            case["state"] = CaseState.WAITING.value


def next_due(deadlines: Deadlines) -> datetime | None:
    """Return the first clock that runs."""
    return min((due_at for due_at, met_at in deadlines.values() if met_at is None), default=None)


def after_decision(remedy: str) -> CaseState:
    """Return the state once a person decided on a remedy."""
    if remedy in _WAITS_FOR_BUYER:
        return CaseState.WAITING
    return CaseState.CLOSED if remedy in _SETTLES else CaseState.DECIDED


def after_outcome(kind: OutcomeKind, state: CaseState) -> CaseState:
    """Return the state once this came of it; a bad review alone asks for nothing, and what is in review stays in it."""
    after = _AFTER_OUTCOME.get(kind, state)
    return state if state is CaseState.REVIEW and after is CaseState.OPEN else after


def met(deadlines: Deadlines, at: datetime) -> Deadlines:
    """Return the clocks with all that run met now."""
    return {clock: (due_at, met_at or at) for clock, (due_at, met_at) in deadlines.items()}


def running_again(deadlines: Deadlines, met_at: Iterable[datetime]) -> Deadlines:
    """Return the clocks with those that were met at these times running."""
    undone = set(met_at)
    return {clock: (due, None if met_at in undone else met_at) for clock, (due, met_at) in deadlines.items()}
