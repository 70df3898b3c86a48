"""What the store takes and gives: frozen results, never rows of a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage_ml.cases.given import (
    AttachmentKind,
    CaseState,
    Decision,
    Hold,
    Label,
    Origin,
    Outcome,
    OutcomeKind,
    PhoneNote,
)
from triage_ml.messages import Category, Claim, Direction, Message, OrderLine

if TYPE_CHECKING:
    from triage_ml.cases.ledger import Entry

__all__ = [
    "Attachment", "AttachmentKind", "Case", "CaseDeadline", "CaseDecision", "CaseLabel", "CaseMessage", "CaseOutcome",
    "CasePhoneNote", "CaseProposal", "CaseState", "CaseSummary", "Decision", "Hold", "Judgement", "Label", "Origin", "Outcome",
    "OutcomeKind", "PhoneNote", "Recorded",
]  # fmt: skip


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
    teaches
        What a label would teach most (`triage_ml.teaching.value`), 0 to 1; 0 where a person labelled or decided it.
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
    teaches: float = 0.0


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
class CaseDecision:
    """A recorded decision; `undone_at` and `undone_by` where it was taken back."""

    id: int
    case_id: str
    decided_at: datetime
    decision: Decision
    undone_at: datetime | None
    undone_by: str


@dataclass(frozen=True, slots=True)
class CaseProposal:
    """A proposed decision; `withdrawn_at` and `withdrawn_by` where it was withdrawn, or a new message overtook it."""

    id: int
    case_id: str
    proposed_at: datetime
    decision: Decision
    withdrawn_at: datetime | None
    withdrawn_by: str


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """A recorded outcome."""

    id: int
    case_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class CaseLabel:
    """A recorded label."""

    id: int
    case_id: str
    at: datetime
    label: Label


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
    proposals: tuple[CaseProposal, ...] = ()

    @property
    def id(self) -> str:
        """As a person names it."""
        return self.summary.id

    @property
    def erased(self) -> bool:
        """Whether personal data was taken out, of all of it or of a message."""
        return self.summary.pseudonymised_at is not None or any(one.erased for one in self.messages)

    @property
    def leading(self) -> CaseMessage | None:
        """The message that counts: the newest with a claim other than `other`, else the newest; None where none was judged."""
        judged = [one for one in self.messages if one.judgement]
        claims = (one for one in reversed(judged) if one.judgement and one.judgement.claim is not Claim.OTHER)
        return next(claims, judged[-1] if judged else None)

    @property
    def judgement(self) -> Judgement | None:
        """The one that counts, of the leading message; None without any."""
        return self.leading.judgement if self.leading else None

    @property
    def proposal(self) -> CaseProposal | None:
        """The decision that waits for a second person; None where none does."""
        return self.proposals[-1] if self.proposals and self.summary.state is CaseState.REVIEW else None

    @property
    def needs_second_person(self) -> bool:
        """Whether nobody may decide alone."""
        return self.second_person_needed()

    def second_person_needed(self, *decided: Category) -> bool:
        """Say whether a second person must look: the one home of this rule.

        So it is where the resolution of the leading message or of the buyer's newest one says so; it knows from which amount on
        the policy asks for it. Where only a person speaks of abuse, no policy has weighed it, and a second person looks.

        Parameters
        ----------
        decided
            The category of a decision that is about to be made.
        """
        standing = [made.decision.category for made in self.decisions if not made.undone_at][-1:]
        proposed = [self.proposal.decision.category] if self.proposal else []
        newest = [one.judgement for one in self.messages if one.judgement and one.message.direction is Direction.IN][-1:]
        judged = [one for one in (*newest, self.judgement) if one]
        if any(one.resolution.get("needs_second_person") for one in judged):
            return True
        weighed = any(one.category is Category.ABUSE for one in judged)
        return not weighed and Category.ABUSE in (self.summary.category, *standing, *proposed, *decided)

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
