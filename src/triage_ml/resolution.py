"""The nouns of settling: what a seller can do, what is known of a case beyond the words, and what was resolved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from triage_ml.acceptance import Estimate
from triage_ml.clocks import Deadline
from triage_ml.customisation import Comparison
from triage_ml.messages import Money


class RemedyKind(StrEnum):
    """Everything a seller can do about a message."""

    REMAKE = "remake"
    FULL_REFUND_KEEP = "full_refund_keep"
    FULL_REFUND_RETURN = "full_refund_return"
    PART_REFUND_KEEP = "part_refund_keep"
    SEND_PART = "send_part"
    ASK_EVIDENCE = "ask_evidence"
    WAIT = "wait"
    ACCEPT_RETURN = "accept_return"
    PAID_REMAKE = "paid_remake"
    EXPLAIN = "explain"
    RESTATE = "restate"
    ANSWER = "answer"
    NOTHING = "nothing"


# With these the buyer gets all the money back.
ALL_MONEY = frozenset({RemedyKind.FULL_REFUND_KEEP, RemedyKind.FULL_REFUND_RETURN, RemedyKind.ACCEPT_RETURN})


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing that may be done, or that may not.

    Parameters
    ----------
    kind
        What is done.
    rule
        Id of the rule that allows, demands or forbids it (see `triage_ml.remedies`).
    why
        The reason in words.
    cost
        What it is expected to cost the seller, None where the paid amount is unknown.
    offer, offer_low, offer_high
        What to offer, and the range that may be; only for part refunds of a known price.
    share
        `offer` as a fraction of the paid amount.
    chance
        How likely the buyer is to accept the offer.
    break_even
        From where on it pays, or stops to pay, in words.
    """

    kind: RemedyKind
    rule: str
    why: str
    cost: Money | None = None
    offer: Money | None = None
    offer_low: Money | None = None
    offer_high: Money | None = None
    share: Decimal | None = None
    chance: Estimate | None = None
    break_even: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What must and may be done about one message.

    Parameters
    ----------
    recommended
        The remedy to start with.
    alternatives
        What else is allowed, best first.
    refused
        What is not to be done, each with the rule that says so.
    forbidden
        Rule ids with what must not be said.
    needs_second_person
        True where abuse is decided or possible.
    deadlines
        Every clock that runs, soonest first.
    remake_price
        What a new piece at cost would cost the buyer; None where the paid amount is unknown.
    """

    recommended: Remedy
    alternatives: tuple[Remedy, ...] = ()
    refused: tuple[Remedy, ...] = ()
    forbidden: tuple[str, ...] = ()
    needs_second_person: bool = False
    deadlines: tuple[Deadline, ...] = ()
    remake_price: Money | None = None

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """All allowed remedies, the recommended one first."""
        return (self.recommended, *self.alternatives)

    @property
    def runner_up(self) -> Remedy | None:
        """The best alternative, None where there is none."""
        return self.alternatives[0] if self.alternatives else None

    @property
    def offer(self) -> Remedy | None:
        """The part refund among the remedies, or None where no amount may or need be offered."""
        return next((remedy for remedy in self.remedies if remedy.offer), None)

    @property
    def due(self) -> Deadline | None:
        """The clock by which the seller must act first; None where none runs."""
        return next((deadline for deadline in self.deadlines if deadline.clock.binds_seller), None)

    @property
    def due_at(self) -> datetime | None:
        """Until when the seller must have acted; None where no clock of the seller's runs."""
        return self.due.due_at if self.due else None


class Evidence(StrEnum):
    """What shows that a fault or a difference is there."""

    NONE = "none"
    SENT = "sent"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a case beyond the message's words.

    Parameters
    ----------
    comparison
        The order's customisation held against the message, None where there is nothing to compare.
    evidence
        What shows the fault; attachments and words about photos in the message count as `sent` anyway.
    usable
        Whether the piece can be used as it is; None: unknown.
    asked
        True where the buyer was asked for a photo before.
    answered
        True where the buyer wrote again after that: then there is nothing to wait for.
    declined
        What the buyer has turned down, once for each time.
    """

    comparison: Comparison | None = None
    evidence: Evidence = Evidence.NONE
    usable: bool | None = None
    asked: bool = False
    answered: bool = False
    declined: tuple[RemedyKind, ...] = ()
