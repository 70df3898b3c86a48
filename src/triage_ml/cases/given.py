"""What people and programs give the record: decisions, outcomes, labels, notes; and the words for states and kinds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from triage_ml.messages import Category, Claim, Money


class CaseState(StrEnum):
    """Whose move it is."""

    OPEN = "open"
    REVIEW = "review"  # a decision is proposed; nothing was sent, a second person must look
    WAITING = "waiting"
    DECIDED = "decided"
    CLOSED = "closed"


class OutcomeKind(StrEnum):
    """What came of a decision."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    ESCALATED = "escalated"
    A_TO_Z = "a_to_z"
    CHARGEBACK = "chargeback"
    NEGATIVE_REVIEW = "negative_review"
    REFUNDED = "refunded"
    REMADE = "remade"
    RETURNED = "returned"


class AttachmentKind(StrEnum):
    """What a file shows."""

    BUYER_PHOTO = "buyer_photo"
    PRODUCTION_PHOTO = "production_photo"
    PACKING_PHOTO = "packing_photo"
    LABEL = "label"
    POD = "pod"
    LISTING_SNAPSHOT = "listing_snapshot"
    INVOICE = "invoice"
    RETURN_INSPECTION = "return_inspection"
    DESIGN_APPROVAL = "design_approval"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a case's data must not be erased, who said so, and until when."""

    reason: str
    approved_by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message comes from: file, row, and the hash of the original bytes."""

    file: str = ""
    row: int | None = None
    raw_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person chose.

    Parameters
    ----------
    by
        Who.
    category
        What the person says it is.
    remedy
        Value of `RemedyKind`.
    amount
        What is offered or refunded, None where nothing is.
    template_id, final_text
        The reply: the template it came from, and the text as it is sent.
    model, policy
        The versions that had judged.
    second_person
        Who else looked; needed where `Case.needs_second_person` says so.
    shown
        The templates of the suggestions as they were shown, best first.
    edited
        Share of the suggested text that was changed, 0 to 1: 0 is sent as suggested, None where no suggestion was taken.
    """

    by: str
    category: Category
    remedy: str
    amount: Money | None = None
    template_id: str = ""
    final_text: str = ""
    model: str = ""
    policy: str = ""
    second_person: str = ""
    shown: tuple[str, ...] = ()
    edited: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `offered_share` is a fraction of the price; `spent` what it cost in the end; `at` None means now."""

    by: str
    kind: OutcomeKind
    offered_share: Decimal | None = None
    spent: Money | None = None
    note: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """What a person says a message claims; `message_id` is its number in the record, None for the case's newest."""

    by: str
    claim: Claim
    abuse: bool = False
    note: str = ""
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class PhoneNote:
    """What was said on the telephone: weak evidence, so the text that confirms it on the platform belongs to it."""

    by: str
    said: str
    confirmation: str = ""
