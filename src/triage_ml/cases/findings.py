"""What a case tells beyond its newest message, so that what happened before counts.

The whole thread, the files, the decisions and what came of them go into the assessment and into the check of a reply.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from triage_ml.cases.given import AttachmentKind, OutcomeKind
from triage_ml.cases.records import Case, CaseDecision, CaseMessage
from triage_ml.messages import Category, Claim, Direction, Message, MessageKind, Money, OrderLine
from triage_ml.replies.lint import Outgoing
from triage_ml.resolution import ALL_MONEY, Evidence, Findings, RemedyKind

if TYPE_CHECKING:
    from triage_ml.triage import Assessment, Triage

# Files that show the piece as the buyer has it.
_SHOWS_THE_PIECE = frozenset({AttachmentKind.BUYER_PHOTO, AttachmentKind.RETURN_INSPECTION})
_FAULTS = frozenset({Category.QUALITY, Category.MISMATCH})
# What leaves open whether there is a fault.
_SETTLES_NOTHING = frozenset({"ask_evidence", "wait", "nothing", "answer"})
_SENTENCE_END = re.compile(r"[.!?。！？\n]+")


def assess_case(triage: Triage, case: Case) -> Assessment | None:
    """Assess a case as model, policy and templates stand now, with all that its thread tells; None where it was erased."""
    message = whole_message(case)
    return None if message is None else triage.assess(message, findings_of(case))


def whole_message(case: Case) -> Message | None:
    """Return the message that a reply answers, with the order and the buyer's files that the whole thread tells of.

    None where nothing was judged, or the words were erased.
    """
    lead = case.leading
    if lead is None or lead.erased:
        return None
    message, known = lead.message, case.summary.order
    merged = replace(known, quantity=(message.order or OrderLine()).quantity)
    return replace(
        message,
        order=None if merged == OrderLine() else merged,
        channel=message.channel or case.summary.channel,
        attachments=_sent(case) if message.kind is MessageKind.BUYER else message.attachments,
    )


def _sent(case: Case) -> tuple[str, ...]:
    """Return the files that the buyer sent, each once."""
    incoming = (one.message for one in case.messages if one.message.direction is Direction.IN)
    named = [name for message in incoming for name in message.attachments]
    kept = [file.name or file.kind.value for file in case.attachments if file.kind is AttachmentKind.BUYER_PHOTO]
    return tuple(dict.fromkeys([*named, *kept]))


def findings_of(case: Case) -> Findings:
    """Return what is known of a case beyond its words.

    Returns
    -------
    Findings
        `asked`: a decision that stands asks for a photo, or a text of the seller does; `answered`: the buyer wrote after
        that. `evidence` is SENT once a file shows the
        piece: it came with a buyer's message, or is kept as the buyer's photo or as the inspection of what came back. It is
        CONFIRMED where a person then decided that it is a fault or not as ordered, and on a remedy for that: a file alone
        confirms nothing, since nobody may have looked at it. `declined`: the remedy of each decision that the buyer turned
        down. Whether the piece can be used is not recorded, so `usable` stays open.
    """
    asked_at = _asked_at(case)
    return Findings(
        evidence=_evidence(case),
        asked=asked_at is not None,
        answered=asked_at is not None and any(_at(one) > asked_at for one in _texts(case, Direction.IN)),
        declined=_declined(case),
    )


def _standing(case: Case) -> list[CaseDecision]:
    return [made for made in case.decisions if made.undone_at is None]


def _asked_at(case: Case) -> datetime | None:
    """Return when a photo was first asked for, None where nobody did."""
    decided = [made.decided_at for made in _standing(case) if made.decision.remedy == RemedyKind.ASK_EVIDENCE]
    written = [
        _at(one)
        for one in _texts(case, Direction.OUT)
        if asks_for_photo(one.message.text, one.judgement.language if one.judgement else "")
    ]
    return min([*decided, *written], default=None)


def _texts(case: Case, direction: Direction) -> list[CaseMessage]:
    return [one for one in case.messages if one.message.direction is direction]


def _at(one: CaseMessage) -> datetime:
    return one.message.sent_at or one.recorded_at


def asks_for_photo(text: str, language: str) -> bool:
    """Say whether a seller's text asks for a photo (words in `data/asking.toml`; English where the language is unknown)."""
    words = _asking().get(language) or _asking()["en"]
    plain = text.casefold().replace("’", "'")
    return any(
        all(any(word in sentence for word in words[part]) for part in ("photo", "ask"))
        for sentence in _SENTENCE_END.split(plain)
    )


@cache
def _asking() -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads((files("triage_ml") / "data" / "asking.toml").read_text("utf-8"))


def _evidence(case: Case) -> Evidence:
    """Numbers of ledger entries tell what came before what."""
    shown = [file.id for file in case.attachments if file.kind in _SHOWS_THE_PIECE]
    shown += [one.id for one in case.messages if one.message.direction is Direction.IN and one.message.attachments]
    if not shown:
        return Evidence.NONE
    decided = (made.decision for made in _standing(case) if made.id > min(shown))
    confirmed = any(one.category in _FAULTS and one.remedy not in _SETTLES_NOTHING for one in decided)
    return Evidence.CONFIRMED if confirmed else Evidence.SENT


def _declined(case: Case) -> tuple[RemedyKind, ...]:
    """Return the remedies that were turned down; a decision counts once, however often that was noted."""
    turned_down = {}
    for came in case.outcomes:
        before = [made for made in _standing(case) if made.id < came.id]
        if came.outcome.kind is OutcomeKind.DECLINED and before:
            turned_down[before[-1].id] = RemedyKind(before[-1].decision.remedy)
    return tuple(turned_down.values())


def outgoing_of(
    case: Case,
    assessment: Assessment | None = None,
    *,
    category: Category | None = None,
    remedy: str = "",
    amount: Money | None = None,
) -> Outgoing:
    """Return what the outgoing check must know of a reply in a case.

    Parameters
    ----------
    case
        The case that is answered.
    assessment
        How it is judged now; without one, what the record keeps of its judgement counts.
    category, remedy, amount
        What the person chose so far; an amount that belongs to the remedy is the most that the text may promise.
    """
    known = assessment.outgoing if assessment else _recorded(case)
    full = known.full_refund_allowed or remedy in ALL_MONEY
    claim = Claim(category.value) if category and category.value in list(Claim) else known.claim
    carries_money = remedy in ALL_MONEY or remedy == RemedyKind.PART_REFUND_KEEP
    highest = amount if amount and carries_money else case.summary.order.paid if full else known.highest
    return replace(known, claim=claim, highest=highest, full_refund_allowed=full)


def _recorded(case: Case) -> Outgoing:
    """Return what the record's own judgement allows."""
    summary, order = case.summary, case.summary.order
    resolution: Mapping[str, Any] = case.judgement.resolution if case.judgement else {}
    allowed = [one for one in (resolution.get("recommended"), *resolution.get("alternatives", ())) if one]
    full = any(one["kind"] in ALL_MONEY for one in allowed)
    offered = next((_money(one["offer_high"]) for one in allowed if one.get("offer_high")), None)
    return Outgoing(
        summary.channel,
        summary.language,
        summary.claim,
        order.order_id,
        order.paid if full else offered,
        full_refund_allowed=full,
        personalised=bool(order.personalised),
        price=_money(resolution.get("remake_price")),
    )


def _money(told: Mapping[str, Any] | None) -> Money | None:
    return Money(Decimal(told["amount"]), told["currency"]) if told else None
