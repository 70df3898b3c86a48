"""What counts as personal data, and where it was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PersonalData(StrEnum):
    """The kinds; the placeholder in the text is the name in capitals: [PHONE].

    `DATE` is a date that belongs to a person (engraved, a wedding, a birth), not when something was ordered.
    `ENGRAVING` is an engraved text that is more than a name.
    """

    PHONE = "phone"
    EMAIL = "email"
    URL = "url"
    ORDER = "order"
    CARD = "card"
    IBAN = "iban"
    ADDRESS = "address"
    NAME = "name"
    DATE = "date"
    ENGRAVING = "engraving"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the text before redaction, as character offsets in Unicode form NFC; never what stands there."""

    start: int
    end: int
    kind: PersonalData


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without the personal data that was found, and where that stood in the text before."""

    text: str
    spans: tuple[Span, ...]
