"""What a bundle says: all that the platform may know, or what the buyer knows anyway.

The two share their parts, so that none of the seller's own (notes, scores, predictions, labels, names of staff, holds) has a
place in either; the platform's adds the summary, deadlines, rules and notes of telephone calls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from triage_ml import clocks
from triage_ml.cases.records import Attachment, AttachmentKind, CaseMessage, OutcomeKind
from triage_ml.errors import PolicyError
from triage_ml.evidence.drafting import Draft
from triage_ml.evidence.purposes import Purpose, facts, purpose_facts
from triage_ml.evidence.record import BUYERS, Event, Record, file_state, is_correspondence, is_visible, suffix
from triage_ml.marketplaces import DEFAULT_PLATFORM
from triage_ml.messages import MessageKind, Money

# Notices go to the seller alone; that these happened the buyer knows.
_BUYER_NOTICES = (MessageKind.CANCELLATION_REQUEST, MessageKind.REFUND)


class Audience(StrEnum):
    """Who reads a bundle; the value is its folder."""

    PLATFORM = "platform"
    BUYER = "buyer-visible"


@dataclass(frozen=True, slots=True)
class Order:
    """What was ordered; `entry` is the ledger entry that tells it. `sku` is "" in the buyer's bundle."""

    entry: int
    order_id: str
    product: str
    sku: str
    paid: Money | None
    marketplace: str
    delivered_at: datetime | None
    customisation: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What a message says was made and wanted, in the buyer's words, beside what the order says."""

    entry: int
    ordered: str
    made: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Text:
    """One message.

    `reason_code` is the return reason as the marketplace coded it, `attachments` are names as they were sent. `message_id` and
    `subject` are "" in the buyer's bundle. Hashes are SHA-256 in hex, "" where unknown.
    """

    entry: int
    at: datetime | None
    sender: str
    text: str
    text_sha256: str
    raw_sha256: str
    reason_code: str
    attachments: tuple[str, ...]
    message_id: str
    subject: str
    erased_at: datetime | None
    new: bool


@dataclass(frozen=True, slots=True)
class File:
    """One kept file. `path` is its place in the bundle, "" where it is left out; then `state` says why, else it is ""."""

    entry: int
    kind: AttachmentKind
    path: str
    name: str
    sha256: str
    size: int
    recorded_at: datetime
    state: str
    erased_at: datetime | None
    new: bool


@dataclass(frozen=True, slots=True)
class Deadline:
    """A clock that matters for the purpose; without a time where only the platform's page knows it."""

    clock: str
    text: Mapping[str, str]
    starts: str
    due_at: datetime | None
    met_at: datetime | None
    source: str
    caution: str

    def is_open(self, now: datetime) -> bool:
        """Whether there is still time to act; an unknown time counts as open."""
        return self.met_at is None and (self.due_at is None or now <= self.due_at)


@dataclass(frozen=True, slots=True)
class Call:
    """The seller's note of a telephone call: weak evidence."""

    entry: int
    at: datetime
    said: str
    confirmation: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What both may know.

    Parameters
    ----------
    language
        Of the words around the facts.
    as_of
        Time of the case's newest ledger entry.
    zone
        The marketplace's, an IANA name.
    since
        Time of the earlier pack, None where there is none.
    order, events, texts, files
        The facts, oldest first.
    """

    language: str
    as_of: datetime
    zone: str
    since: datetime | None
    order: Order
    events: tuple[Event, ...]
    texts: tuple[Text, ...]
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class PlatformEvidence(Evidence):
    """What the platform may know besides.

    Parameters
    ----------
    case_id, purpose
        As in the record.
    seller_zone
        An IANA name.
    differences
        The order's text held against the buyer's words.
    drafts
        The answers, the one in `language` first.
    deadlines
        Soonest first.
    policies, rules
        The versions of the seller's policy that were applied, and the rules behind the remedies offered.
    calls
        Notes of telephone calls; none on Amazon, where calls are not allowed.
    """

    case_id: str
    purpose: Purpose
    seller_zone: str
    differences: tuple[Difference, ...]
    drafts: tuple[Draft, ...]
    deadlines: tuple[Deadline, ...]
    policies: tuple[str, ...]
    rules: Mapping[str, str]
    calls: tuple[Call, ...]


def for_buyer(record: Record, language: str, since: datetime | None = None) -> Evidence:
    """Return what may be attached to a message that the buyer sees."""
    return Evidence(**_shared(record, Audience.BUYER, language, since))


def for_platform(
    record: Record, purpose: Purpose, drafts: tuple[Draft, ...], seller_zone: str, since: datetime | None = None
) -> PlatformEvidence:
    """Return what the platform may know, in English.

    Raises
    ------
    PolicyError
        Where the seller's time zone is not known.
    """
    case = record.case
    allowed = case.summary.channel not in ("", DEFAULT_PLATFORM)
    judged = [message.judgement for message in case.messages if message.judgement]
    return PlatformEvidence(
        **_shared(record, Audience.PLATFORM, "en", since),
        case_id=case.id,
        purpose=purpose,
        seller_zone=seller_zone,
        differences=tuple(_differences(record)),
        drafts=drafts,
        deadlines=deadlines(record, purpose, seller_zone),
        policies=tuple(sorted({one.policy for one in judged} | {one.decision.policy for one in record.sent} - {""})),
        rules=_rules(record),
        calls=tuple(Call(n.id, n.at, n.note.said, n.note.confirmation) for n in case.phone_notes if allowed),
    )


def _shared(record: Record, audience: Audience, language: str, since: datetime | None) -> dict[str, Any]:
    buyer = audience is Audience.BUYER
    texts = [one for one in record.case.messages if is_correspondence(one) or not buyer]
    return {
        "language": language,
        "as_of": record.as_of,
        "zone": record.zone.key,
        "since": since,
        "order": _order(record, audience),
        "events": tuple(sorted(_events(record, audience), key=lambda event: (event.at, event.entry))),
        "texts": tuple(_text(record, message, audience) for message in texts),
        "files": tuple(_file(record, file, audience) for file in record.case.attachments if is_visible(file) or not buyer),
    }


def _order(record: Record, audience: Audience) -> Order:
    order = record.case.summary.order
    return Order(
        entry=record.entry_of("order_id"),
        order_id=order.order_id,
        product=order.product,
        sku="" if audience is Audience.BUYER else order.sku,
        paid=order.paid,
        marketplace=order.marketplace,
        delivered_at=order.delivered_at,
        customisation=order.customisation,
    )


def _events(record: Record, audience: Audience) -> Iterator[Event]:
    buyer = audience is Audience.BUYER
    if delivered_at := record.case.summary.order.delivered_at:
        yield Event(record.entry_of("delivered_at"), delivered_at, "delivered")
    for one in record.timed(tuple(MessageKind)):
        sent_at, known = one.message.sent_at, is_correspondence(one) or one.message.kind in _BUYER_NOTICES
        if sent_at is not None and (known or not buyer):
            yield Event(one.id, sent_at, one.message.kind.value, new=record.is_new(one.id))
    for event in record.offers():
        if not buyer:
            yield event
        elif event.what != OutcomeKind.NO_ANSWER:
            yield replace(event, text="")


def _text(record: Record, one: CaseMessage, audience: Audience) -> Text:
    message, own = one.message, audience is Audience.PLATFORM
    senders = {MessageKind.SELLER: "seller", **dict.fromkeys(BUYERS, "buyer")}
    return Text(
        entry=one.id,
        at=message.sent_at,
        sender=senders.get(message.kind, "platform"),
        text=message.text,
        text_sha256="" if one.erased else hashlib.sha256(message.text.encode()).hexdigest(),
        raw_sha256=one.raw_sha256,
        reason_code=message.reason_code,
        attachments=message.attachments,
        message_id=message.message_id if own else "",
        subject=message.subject if own else "",
        erased_at=record.erased_at.get(one.id) if one.erased else None,
        new=record.is_new(one.id),
    )


def _file(record: Record, file: Attachment, audience: Audience) -> File:
    state = file_state(file, record.erased_at)
    # Its own name may say more than it should.
    path = f"attachments/{file.id:06d}-{file.kind}{suffix(file)}"
    return File(
        entry=file.id,
        kind=file.kind,
        path="" if state else path,
        name=file.name if audience is Audience.PLATFORM else "",
        sha256=file.sha256,
        size=file.size,
        recorded_at=file.added_at,
        state=state,
        erased_at=record.erased_at.get(file.id),
        new=record.is_new(file.id),
    )


def _differences(record: Record) -> Iterator[Difference]:
    for one in record.case.messages:
        found = (one.judgement.comparison if one.judgement else None) or {}
        if found.get("made") or found.get("wanted"):
            ordered = found.get("ordered") or record.case.summary.order.customisation
            yield Difference(one.id, ordered, found.get("made", ""), found.get("wanted", ""))


def _rules(record: Record) -> Mapping[str, str]:
    """Return the rules behind the remedies that were sent, as far as they may be named."""
    sent = {one.decision.remedy for one in record.sent}
    resolutions = [message.judgement.resolution for message in record.case.messages if message.judgement]
    remedies = [
        r for resolution in resolutions for r in (resolution.get("recommended"), *resolution.get("alternatives", ())) if r
    ]
    named = {remedy.get("rule") for remedy in remedies if remedy.get("kind") in sent}
    return {rule: text for rule, text in facts()["rule"].items() if rule in named}


def deadlines(record: Record, purpose: Purpose, seller_zone: str = "UTC") -> tuple[Deadline, ...]:
    """Return the clocks that matter for a purpose, soonest first, those whose start the record does not know last.

    Raises
    ------
    PolicyError
        Where the seller's time zone is not known.
    """
    wanted: Collection[str] = purpose_facts(purpose)["clocks"]
    met = {one.clock: one.met_at for one in record.case.deadlines}
    found: dict[str, Deadline] = {}
    for one in record.case.messages:
        message = replace(one.message, order=record.case.summary.order, channel=record.case.summary.channel)
        for due in clocks.deadlines(message, seller_zone=seller_zone):
            if due.clock_id in wanted and due.clock.starts == message.kind:
                found[due.clock_id] = _deadline(due.clock, due.due_at, met.get(due.clock_id))
    unknown = [one for id in wanted if id not in found for one in _undated(id, record)]
    return (*sorted(found.values(), key=lambda one: one.due_at or record.as_of), *unknown)


def _undated(id: str, record: Record) -> Iterator[Deadline]:
    try:
        yield _deadline(clocks.clock(id, record.place, record.as_of.date()), None, None)
    except PolicyError:
        return  # there is no such clock at this place


def _deadline(clock: clocks.Clock, due_at: datetime | None, met_at: datetime | None) -> Deadline:
    return Deadline(clock.id, clock.text, clock.starts, due_at, met_at, clock.source, clock.caution)
