"""An assessment becomes one flat row: the columns of a result, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping

from triage_ml.messages import Claim, Money
from triage_ml.triage import Assessment

Row = dict[str, object]

_REPLIES = (1, 2, 3)
# Column name to its type in Parquet; also the order of the columns everywhere.
COLUMNS: Mapping[str, type] = {
    "message_id": str,
    "thread_id": str,
    "order_id": str,
    "language": str,
    "category": str,
    "claim": str,
    "claim_set": str,
    **{f"p_{claim.value}": float for claim in Claim},
    "p_abuse": float,
    "remedy": str,
    "remedy_rule": str,
    "remedy_cost": float,
    "runner_up": str,
    "runner_up_cost": float,
    "break_even": str,
    "whose_error": str,
    "offer": float,
    "offer_low": float,
    "offer_high": float,
    "currency": str,
    "due_at": str,
    "due_buyer_time": str,
    "due_seller_time": str,
    **{f"reply_{n}": str for n in _REPLIES},
    **{f"reply_{n}_score": float for n in _REPLIES},
    "reply_1_text": str,
    "reasons": str,
    "model": str,
    "policy": str,
}
_CHANCES = {claim: f"p_{claim.value}" for claim in Claim}
_REPLY, _SCORE = [f"reply_{n}" for n in _REPLIES], [f"reply_{n}_score" for n in _REPLIES]


def to_row(assessment: Assessment) -> Row:
    """Return an assessment as one flat row, keys as in `COLUMNS`; None where there is nothing to say."""
    message, prediction, resolution = assessment.message, assessment.prediction, assessment.resolution
    offer, second, due, best = resolution.offer, resolution.runner_up, resolution.due, resolution.recommended
    order, comparison = message.order, assessment.comparison
    chances = prediction.probabilities
    row: Row = {
        "message_id": message.message_id,
        "thread_id": message.thread_id,
        "order_id": order.order_id if order else "",
        "language": prediction.language,
        "category": prediction.category.value,
        "claim": prediction.claim.value,
        "claim_set": "|".join(prediction.claim_set),
        **{name: round(chances[claim], 4) for claim, name in _CHANCES.items()},
        "p_abuse": round(prediction.abuse, 4),
        "remedy": best.kind.value,
        "remedy_rule": best.rule,
        "remedy_cost": _amount(best.cost),
        "runner_up": second.kind.value if second else "",
        "runner_up_cost": _amount(second.cost) if second else None,
        "break_even": best.break_even or (second.break_even if second else ""),
        "whose_error": comparison.verdict.value if comparison else "",
        "offer": _amount(offer.offer) if offer else None,
        "offer_low": _amount(offer.offer_low) if offer else None,
        "offer_high": _amount(offer.offer_high) if offer else None,
        "currency": order.paid.currency if order and order.paid else "",
        "due_at": due.due_at.isoformat() if due else "",
        "due_buyer_time": due.buyer_time.isoformat() if due else "",
        "due_seller_time": due.seller_time.isoformat() if due else "",
    }
    return _with_replies(row, assessment)


def _with_replies(row: Row, assessment: Assessment) -> Row:
    replies = assessment.replies[: len(_REPLIES)]
    missing = len(_REPLIES) - len(replies)
    row.update(zip(_REPLY, [*(reply.template_id for reply in replies), *[""] * missing], strict=True))
    row.update(zip(_SCORE, [*(reply.score for reply in replies), *[None] * missing], strict=True))
    row["reply_1_text"] = replies[0].text if replies else ""
    row["reasons"] = "; ".join(assessment.reasons)
    row["model"], row["policy"] = assessment.model, assessment.policy
    return row


def _amount(money: Money | None) -> float | None:
    return float(money.amount) if money else None
