"""The nouns of the trade: what a buyer wrote, about which order line, and what it claims."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

# Currencies without a smaller unit, of those the served marketplaces use (ISO 4217).
_NO_MINOR_UNIT = frozenset({"JPY", "KRW", "VND", "CLP"})
_WHOLE, _HUNDREDTH = Decimal(1), Decimal("0.01")


class Claim(StrEnum):
    """What the buyer says about the goods that arrived (see the labelling guide in training/)."""

    QUALITY = "quality"
    MISMATCH = "mismatch"
    SUBJECTIVE = "subjective"
    OTHER = "other"


class Category(StrEnum):
    """What a person is shown: abuse where that is decided, else the claim, else "needs review"."""

    QUALITY = "quality"
    MISMATCH = "mismatch"
    SUBJECTIVE = "subjective"
    ABUSE = "abuse"
    OTHER = "other"
    NEEDS_REVIEW = "needs_review"


class Direction(StrEnum):
    """Who wrote it, seen from the seller: `in` from the buyer, `out` from the seller."""

    IN = "in"
    OUT = "out"


class MessageKind(StrEnum):
    """What sort of text it is. Only `buyer` texts are judged; notices are known for what they are."""

    BUYER = "buyer"
    SELLER = "seller"
    RETURN_REQUEST = "return_request"
    A_TO_Z = "a_to_z"
    REFUND = "refund"
    CANCELLATION_REQUEST = "cancellation_request"
    CHARGEBACK = "chargeback"
    OPT_OUT = "opt_out"
    BOUNCE = "bounce"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency (ISO 4217 code), exact."""

    amount: Decimal
    currency: str

    def share(self, fraction: Decimal, rounding: str = ROUND_HALF_UP) -> Money:
        """Return this fraction of the amount, rounded to what the currency can pay (`rounding` as in `decimal`)."""
        return Money.rounded(self.amount * fraction, self.currency, rounding)

    @staticmethod
    def rounded(amount: Decimal, currency: str, rounding: str = ROUND_HALF_UP) -> Money:
        """Return an amount, rounded to what the currency can pay."""
        return Money(amount.quantize(_WHOLE if currency in _NO_MINOR_UNIT else _HUNDREDTH, rounding), currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of one order.

    `personalised` belongs here and not to the SKU: the same mug may be bought with or without a name.
    None means that the export does not say. `customisation` is what the buyer typed or chose.
    """

    order_id: str = ""
    sku: str = ""
    product: str = ""
    paid: Money | None = None
    quantity: int | None = None
    marketplace: str = ""
    delivered_at: datetime | None = None
    personalised: bool | None = None
    customisation: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One text from the buyer or the seller, as every part of the product sees it.

    Parameters
    ----------
    message_id
        The id in the export, kept as it stands; where the export has none, `<file name>:<row>`.
    text
        The words of the writer alone: no headers, no quoted history. May be empty only when
        `reason_code` is there (return reports often have no comment).
    order
        What is known of the order line, or None.
    thread_id
        What holds a conversation together, "" where unknown.
    direction, kind
        Who wrote it, and whether it is a person's text or a notice.
    channel
        amazon, etsy, ebay, shop ... lower case, "" where unknown.
    language
        The language the export names (ISO 639-1), "" where it does not. Only a fallback: the text decides.
    sent_at
        Aware datetime, or None.
    subject, sender
        As in the export; `sender` is the marketplace's alias or the name in the export.
    reason_code
        The return reason as the marketplace coded it, raw.
    claim_hint
        What that code suggests. A weak hint: buyers choose codes by who pays the postage.
    attachments
        Names of attached files.
    """

    message_id: str
    text: str
    order: OrderLine | None = None
    thread_id: str = ""
    direction: Direction = Direction.IN
    kind: MessageKind = MessageKind.BUYER
    channel: str = ""
    language: str = ""
    sent_at: datetime | None = None
    subject: str = ""
    sender: str = ""
    reason_code: str = ""
    claim_hint: Claim | None = None
    attachments: tuple[str, ...] = ()
