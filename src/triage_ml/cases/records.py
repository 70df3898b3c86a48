"""What the store takes and gives: frozen results, never rows of a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from triage_ml.messages import Category, Claim, Message, Money, OrderLine

if TYPE_CHECKING:
    from triage_ml.cases.ledger import Entry


class CaseState(StrEnum):
    """Whose move it is."""

    OPEN = "open"
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
class CaseSummary:
    """One line of a list of cases.

    Parameters
    ----------
    id
        As a person names it: "C-000123".
    version
        Rises with every change; what one decides with.
    state
        Whose move it is.
    order
        What the messages say of the order line.
    claim, sureness
        Of the newest message with a claim other than `other`, else of the newest: a fault said earlier is not forgotten.
    category, abuse
        Of the same message; a later one that is decided as abuse makes the category.
    due_at
        The first clock that runs, None where none does.
    buyer_hash
        The same for the same buyer in this database, "" where unknown.
    last_at
        Time of the newest message.
    hold
        The legal hold, None where there is none.
    pseudonymised_at
        When personal data was taken out.
    """

    id: str
    version: int
    state: CaseState
    created_at: datetime
    updated_at: datetime
    last_at: datetime
    order: OrderLine
    channel: str
    language: str
    category: Category
    claim: Claim
    sureness: float
    abuse: float
    due_at: datetime | None
    buyer_hash: str
    hold: Hold | None
    pseudonymised_at: datetime | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a message was judged to claim, and what must and may be done.

    `resolution` and `comparison` are the assessment's as plain JSON; the latter is None where there was none or it was erased.
    """

    id: int
    made_at: datetime
    model: str
    policy: str
    language: str
    claim: Claim
    category: Category
    probabilities: Mapping[Claim, float]
    claim_set: tuple[Claim, ...]
    abuse: float
    cues: tuple[Mapping[str, Any], ...]
    reasons: tuple[str, ...]
    resolution: Mapping[str, Any]
    comparison: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class CaseMessage:
    """One recorded message.

    Parameters
    ----------
    id
        Number of the ledger entry that recorded it.
    case_id
        Its case.
    message
        As it was read; where `erased`, without what names or quotes a person.
    recorded_at
        When it came into the record.
    raw_sha256
        Hash of the original bytes, "" where unknown.
    source_file, source_row
        Where it stood, "" and None where unknown.
    judgement
        The newest one.
    erased
        Whether its personal data was erased.
    """

    id: int
    case_id: str
    message: Message
    recorded_at: datetime
    raw_sha256: str
    source_file: str
    source_row: int | None
    judgement: Judgement | None
    erased: bool


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
        Who else looked; needed where the resolution says so.
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


@dataclass(frozen=True, slots=True)
class CaseDecision:
    """A recorded decision; `undone_at` and `undone_by` where it was taken back."""

    id: int
    case_id: str
    decided_at: datetime
    decision: Decision
    undone_at: datetime | None
    undone_by: str


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
class CaseOutcome:
    """A recorded outcome."""

    id: int
    case_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Label:
    """What a person says a message claims; `message_id` is its number in the record, None for the case's newest."""

    by: str
    claim: Claim
    abuse: bool = False
    note: str = ""
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class CaseLabel:
    """A recorded label."""

    id: int
    case_id: str
    at: datetime
    label: Label


@dataclass(frozen=True, slots=True)
class PhoneNote:
    """What was said on the telephone: weak evidence, so the text that confirms it on the platform belongs to it."""

    by: str
    said: str
    confirmation: str = ""


@dataclass(frozen=True, slots=True)
class CasePhoneNote:
    """A recorded phone note."""

    id: int
    case_id: str
    at: datetime
    note: PhoneNote


@dataclass(frozen=True, slots=True)
class Attachment:
    """A kept file: `path` is where it is, `size` in bytes, `name` as it was called ("" where erased)."""

    id: int
    case_id: str
    message_id: int | None
    kind: AttachmentKind
    name: str
    sha256: str
    size: int
    path: str
    added_at: datetime
    added_by: str


@dataclass(frozen=True, slots=True)
class CaseDeadline:
    """One of a case's clocks (`triage_ml.clocks`), and when it was met."""

    clock: str
    due_at: datetime
    met_at: datetime | None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that is known of a case, each part oldest first; messages by the time they were sent."""

    summary: CaseSummary
    messages: tuple[CaseMessage, ...] = ()
    decisions: tuple[CaseDecision, ...] = ()
    outcomes: tuple[CaseOutcome, ...] = ()
    labels: tuple[CaseLabel, ...] = ()
    phone_notes: tuple[CasePhoneNote, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    deadlines: tuple[CaseDeadline, ...] = ()
    entries: tuple[Entry, ...] = field(default=(), repr=False)

    @property
    def id(self) -> str:
        """As a person names it."""
        return self.summary.id

    @property
    def judgement(self) -> Judgement | None:
        """The one that counts: of the newest message with a claim other than `other`, else of the newest; None without any."""
        judged = [one.judgement for one in self.messages if one.judgement]
        return next((one for one in reversed(judged) if one.claim is not Claim.OTHER), judged[-1] if judged else None)

    @property
    def version(self) -> int:
        """What one decides with."""
        return self.summary.version


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording came to: messages and cases that are new, and messages that were known."""

    messages: int = 0
    cases: int = 0
    known: int = 0

    def __add__(self, other: Recorded) -> Recorded:
        return Recorded(self.messages + other.messages, self.cases + other.cases, self.known + other.known)
