"""How two values stand to each other: dates, numbers, colours, and a spelling against all or a part of a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from triage_ml.customisation.characters import IS_CJK, TOKEN
from triage_ml.customisation.dates import Date
from triage_ml.customisation.spelling import Likeness, likeness
from triage_ml.customisation.values import Number, Value
from triage_ml.customisation.words import load_words

# A hand-made piece that is this much off what was ordered is as ordered (our own choice, no source).
_TOLERANCE = Decimal("0.03")


@dataclass(frozen=True, slots=True)
class Match:
    """How a value stands to a field of the order.

    Parameters
    ----------
    level
        How much they are alike.
    whole
        Whether the value is all that the field says.
    """

    level: Likeness
    whole: bool = True


def is_same(one: Value, other: Value, level: Likeness = Likeness.CASE) -> bool:
    """Whether two values of one sort say the same; of spellings, whether they are alike at least at this level."""
    return one.reading == other.reading if one.reading is not None else likeness(one.text, other.text) >= level


def match_readings(value: object, other: object) -> Match | None:
    """Say how the reading of a value stands to that of a field; None where the two cannot be compared."""
    if isinstance(value, Date) and isinstance(other, Date):
        return _match_dates(value, other)
    if isinstance(value, Number) and isinstance(other, Number):
        return _match_numbers(value, other)
    if isinstance(value, str) and isinstance(other, str):
        shades = load_words().shades
        related = shades.get(value, value) == shades.get(other, other)
        return Match(Likeness.SAME if value == other else Likeness.WEAK if related else Likeness.NONE)
    return None


def _match_dates(value: Date, other: Date) -> Match | None:
    if value == other:
        return Match(Likeness.SAME)
    pairs = [[(x, y) for x, y in zip(one, two, strict=True) if x and y] for one, two in product(value.days, other.days)]
    if not any(pairs):
        return None
    if not any(pair and all(x == y for x, y in pair) for pair in pairs):
        return Match(Likeness.NONE)
    certain = len(value.days) == len(other.days) == 1
    said = [sum(map(bool, next(iter(date.days)))) for date in (value, other)]
    return Match(Likeness.SAME if certain else Likeness.CASE, whole=said[0] >= said[1])


def _match_numbers(value: Number, other: Number) -> Match | None:
    if bool(value.letter) != bool(other.letter) or {value.unit, other.unit} in ({"size", "count"}, {"mm", "count"}):
        return None
    if value.letter:
        return Match(Likeness.SAME if value.letter == other.letter else Likeness.NONE)
    if value.numbers == other.numbers:
        return Match(Likeness.SAME)
    measured = value.unit == other.unit == "mm" and len(value.numbers) == len(other.numbers)
    close = measured and all(abs(x - y) <= _TOLERANCE * y for x, y in zip(value.numbers, other.numbers, strict=True))
    return Match(Likeness.SAME if close else Likeness.NONE)


def match_spelling(value: str, written: str, places: Sequence[tuple[int, int]]) -> Match:
    """Hold a spelling against a text: all of it, or words that stand in it in a row.

    Parameters
    ----------
    value
        The spelling.
    written
        The text.
    places
        Begin and end of each of its tokens.
    """
    length = len(TOKEN.findall(value))
    whole = likeness(value, written) if abs(length - len(places)) <= 1 else Likeness.NONE
    if whole >= Likeness.WEAK or not 1 <= length < len(places) or len(value) < 2:
        return Match(whole)
    pieces = (written[start:end] for (start, _), (_, end) in zip(places, places[length - 1 :], strict=False))
    if IS_CJK.search(value):
        # A few characters of a longer text are near a few others too easily: they must be the same.
        pieces = (piece for piece in pieces if piece == value)
    part = max((likeness(value, piece) for piece in pieces), default=Likeness.NONE)
    return Match(part, whole=False) if part > whole else Match(whole)
