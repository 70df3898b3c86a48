"""The nouns: whose error it is, what sort of thing was compared, and the answer that holds both."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Whose error a difference between wish and piece is."""

    BUYERS_TYPO = "buyers_typo"
    OUR_ERROR = "our_error"
    CANNOT_TELL = "cannot_tell"


class Kind(StrEnum):
    """What sort of thing was compared."""

    NAME = "name"
    DATE = "date"
    SIZE = "size"
    COLOUR = "colour"
    COUNT = "count"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of holding one message against one order line.

    Parameters
    ----------
    verdict
        Whose error it is.
    ordered
        The field of the order that was compared, as the buyer typed it (in NFKC); "" where none was.
    made, wanted
        What the buyer says was made and wanted, in the buyer's words; "" where the message does not say. Where the buyer only
        says what they typed by mistake, that is `made`.
    kind
        What sort of thing it is; `text` where that is unknown.
    why
        The reason in one sentence of plain English.
    made_span, wanted_span
        Where the two stand in the message, as offsets (start, end) in characters; None where they do not.
    """

    verdict: Verdict
    ordered: str
    made: str
    wanted: str
    kind: Kind
    why: str
    made_span: tuple[int, int] | None = None
    wanted_span: tuple[int, int] | None = None
