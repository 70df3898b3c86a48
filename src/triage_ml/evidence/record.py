"""A case as it can be told: what was offered and came of it, what was erased, which files are still whole, what is new."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from triage_ml.cases.records import Attachment, Case, CaseDecision, CaseMessage, CaseOutcome, OutcomeKind
from triage_ml.evidence.purposes import facts, language_of, words
from triage_ml.marketplaces import DEFAULT_PLATFORM, marketplace
from triage_ml.messages import Direction, MessageKind, Money

# Remedies that are an offer to the buyer; the rest ask, explain or wait.
OFFERS = frozenset({
    "remake", "full_refund_keep", "full_refund_return", "part_refund_keep", "send_part", "accept_return", "paid_remake",
})  # fmt: skip
ASKING = "ask_evidence"
_SUFFIX = 8
# Kinds of text that are the buyer's own words to the seller.
BUYERS = (MessageKind.BUYER, MessageKind.RETURN_REQUEST)
# What came of it as far as it speaks of the order. What others opened (claims, reviews) is told by its notice or not at all.
RESULTS = (
    OutcomeKind.ACCEPTED, OutcomeKind.DECLINED, OutcomeKind.NO_ANSWER, OutcomeKind.REFUNDED, OutcomeKind.REMADE,
    OutcomeKind.RETURNED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    entry
        Number of the ledger entry it rests on.
    at
        When, in UTC.
    what
        Its key in the group "event" of `words.toml`.
    remedy
        What was offered (value of `RemedyKind`), "" where nothing was.
    amount
        Of an offer or a refund.
    new
        Whether it was recorded after the earlier pack.
    text
        What the seller wrote with an offer; "" where the buyer reads it, who has the message itself.
    """

    entry: int
    at: datetime
    what: str
    remedy: str = ""
    amount: Money | None = None
    new: bool = False
    text: str = ""

    def said(self, language: str) -> str:
        """Say it in words: "Offered: part of the price back (7.00 EUR)"."""
        amount = str(self.amount) if self.amount else ""
        offered = offer(self.remedy, self.amount, language) if self.remedy else ""
        return words(language, "event")[self.what].format(remedy=offered, amount=amount).rstrip(" :：")


def offer(remedy: str, amount: Money | None, language: str) -> str:
    """Say what was offered, with its amount where it has one."""
    return words(language, "remedy")[remedy] + (f" ({amount})" if amount else "")


class Record:
    """One case, read for telling it.

    Parameters
    ----------
    case
        From the store.
    known
        Numbers of the ledger entries that an earlier pack of the case holds; None where there is no earlier pack.
    """

    def __init__(self, case: Case, known: Collection[int] | None = None) -> None:
        self.case, self.known = case, known

    @property
    def as_of(self) -> datetime:
        """When the newest entry of the case was made: what the pack speaks of, and the time of its files."""
        return datetime.fromisoformat(self.case.entries[-1].at)

    @property
    def place(self) -> str:
        """The marketplace with its platform, as `triage_ml.clocks` wants it."""
        channel, country = self.case.summary.channel, self.case.summary.order.marketplace
        return country if channel in ("", DEFAULT_PLATFORM) else f"{channel}.{country}"

    @property
    def zone(self) -> ZoneInfo:
        """The marketplace's time zone."""
        return marketplace(self.place).zone

    @property
    def language(self) -> str:
        """The language that the marketplace's staff and buyers read; where it is unknown, the one this buyer writes."""
        written = [one.judgement.language for one in self.buyers if one.judgement]
        return language_of(self.case.summary.order.marketplace, written[-1] if written else self.case.summary.language)

    def is_new(self, number: int) -> bool:
        """Say whether an entry was made after the earlier pack; never, where there is none."""
        return self.known is not None and number not in self.known

    @property
    def has_news(self) -> bool:
        """Whether anything that can be told was recorded after the earlier pack."""
        told = (self.case.messages, self.case.decisions, self.case.outcomes, self.case.attachments)
        return any(self.is_new(item.id) for part in told for item in part)

    @cached_property
    def erased_at(self) -> Mapping[int, datetime]:
        """When the personal data of an entry was erased, by its number."""
        found: dict[int, datetime] = {}
        for entry in self.case.entries:
            if entry.kind == "erasure":
                at = datetime.fromisoformat(entry.at)
                found |= {number: at for number in json.loads(entry.facts).get("erased", ())}
        return found

    def entry_of(self, field: str) -> int:
        """Return the number of the oldest message that tells a field of the order as the case has it, else of the first one."""
        value = getattr(self.case.summary.order, field)
        telling = (m.id for m in self.case.messages if m.message.order and getattr(m.message.order, field) == value)
        return next(telling, self.case.messages[0].id)

    def timed(self, kinds: Collection[MessageKind]) -> list[CaseMessage]:
        """Return the messages of some kinds whose time is known, oldest first."""
        return [one for one in self.case.messages if one.message.kind in kinds and one.message.sent_at is not None]

    @property
    def buyers(self) -> list[CaseMessage]:
        """What the buyer wrote, oldest first."""
        return [one for one in self.timed(BUYERS) if is_correspondence(one)]

    @property
    def answers(self) -> list[CaseMessage]:
        """What the seller wrote, oldest first."""
        return [one for one in self.timed((MessageKind.SELLER,)) if is_correspondence(one)]

    @property
    def sent(self) -> list[CaseDecision]:
        """Decisions that stand and reached the buyer: with a text of their own, or a message of the seller's after them."""
        written = {entry.seq for entry in self.case.entries if entry.kind == "decision" and entry.commitment}
        last = max((m.message.sent_at for m in self.answers if m.message.sent_at), default=None)
        return [
            one for one in self.case.decisions
            if one.undone_at is None and (one.id in written or (last is not None and last >= one.decided_at))
        ]  # fmt: skip

    def offers(self) -> list[Event]:
        """Return what was offered or asked for and what came of it, oldest first."""
        found = [self._offer(one) for one in self.sent if one.decision.remedy in (*OFFERS, ASKING)]
        found += [self._result(one) for one in self.case.outcomes if one.outcome.kind in RESULTS]
        return sorted(found, key=lambda event: (event.at, event.entry))

    def _offer(self, one: CaseDecision) -> Event:
        decision, new = one.decision, self.is_new(one.id)
        if decision.remedy == ASKING:
            return Event(one.id, one.decided_at, "asked", new=new, text=decision.final_text)
        return Event(one.id, one.decided_at, "offered", decision.remedy, decision.amount, new, decision.final_text)

    def _result(self, one: CaseOutcome) -> Event:
        outcome = one.outcome
        # What a remake cost is the seller's own business.
        amount = outcome.spent if outcome.kind is OutcomeKind.REFUNDED else None
        return Event(one.id, outcome.at or self.as_of, outcome.kind.value, amount=amount, new=self.is_new(one.id))


def is_correspondence(one: CaseMessage) -> bool:
    """Say whether it is what buyer and seller wrote to each other; notices go to the seller alone."""
    message = one.message
    if message.kind is MessageKind.SELLER:
        return message.direction is Direction.OUT
    return message.kind in BUYERS and message.direction is Direction.IN


def is_visible(attachment: Attachment) -> bool:
    """Say whether a file may be sent to the buyer; what kind and type it is decides, since nobody has looked into it."""
    return attachment.kind in facts()["visible_kinds"] and suffix(attachment) in facts()["visible_suffixes"]


def suffix(attachment: Attachment) -> str:
    """Return how a kept file's name ends (".jpg"), "" where that is unusual."""
    found = PurePosixPath(Path(attachment.path).name).suffix.lower()
    return found if found[1:].isalnum() and found.isascii() and len(found) <= _SUFFIX else ""


def file_state(attachment: Attachment, erased_at: Mapping[int, datetime]) -> str:
    """Say whether a kept file can be given on: "" where it can, else "erased", "missing" or "changed"."""
    if attachment.id in erased_at:
        return "erased"
    try:
        with Path(attachment.path).open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == attachment.sha256
    except OSError:
        return "missing"
    return "" if same else "changed"


def clean(text: str, longest: int | None = None) -> str:
    """Return a text in one line, without control characters, cut at a blank with "…" where it is too long."""
    plain = "".join(" " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in text)
    plain = " ".join(plain.split())
    if longest is None or len(plain) <= longest:
        return plain
    kept = plain[: longest - 1]
    blank = kept.rfind(" ")
    # Japanese and Chinese put no blanks: there the cut is where it is.
    return (kept[:blank] if blank > longest // 2 else kept).rstrip() + "…"
