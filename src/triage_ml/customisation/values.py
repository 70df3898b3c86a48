"""Values: what a text names that can be compared. Dates, numbers, sizes and colours are found here, spellings in `mentions`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from triage_ml.customisation.characters import IS_CJK
from triage_ml.customisation.comparison import Kind
from triage_ml.customisation.dates import Date, find_dates
from triage_ml.customisation.words import Lexicon

# Without one there is no date and no number.
_DIGIT = re.compile(r"\d")
_ONE_NUMBER = r"\d{1,4}(?: 1/2|[.,]\d{1,2})?"
_LENGTH = r"mm|cm|inch(?:es)?|in\b|zoll|pouces?|pulgadas?|pollici|\""
_NUMBER = re.compile(rf"(?<![a-z\d.,/'-])({_ONE_NUMBER}(?: ?[x×*] ?{_ONE_NUMBER}){{0,2}})(?![\d]|[.,/-]\d)(?: ?({_LENGTH}))?")
_TIMES = re.compile(r" ?[x×*] ?")
_LETTER_SIZE = re.compile(r"(?<![A-Za-z\d'.&-])(\dXL|X{0,3}[SL]|M)(?![A-Za-z\d'&-]|\.\w)")
_MILLIMETRES = {"mm": Decimal(1), "cm": Decimal(10)}
_INCH = Decimal("25.4")

# The sort of value that each kind is held against.
SORTS = {
    Kind.NAME: "spelling", Kind.TEXT: "spelling", Kind.DATE: "date", Kind.SIZE: "number", Kind.COUNT: "number",
    Kind.COLOUR: "colour",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Number:
    """A measure or several ("30 x 40"), or a letter size.

    Parameters
    ----------
    numbers
        Its numbers; of lengths in mm.
    unit
        "size", "count", "mm", or "" where the text does not tell.
    letter
        "XL" and its like, "" for a number.
    thing
        The word for what is counted; it makes no difference between two numbers.
    """

    numbers: tuple[Decimal, ...]
    unit: str
    letter: str = ""
    thing: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Value:
    """Something a text names.

    Parameters
    ----------
    text
        Its words.
    start, end
        Where they stand in that text.
    reading
        What they say: a date, a number, the name of a colour; None for a spelling.
    quoted
        Whether it stands in quotation marks.
    loose
        Whether it counts only right beside a cue.
    """

    text: str
    start: int
    end: int
    reading: Date | Number | str | None = None
    quoted: bool = False
    loose: bool = False

    @property
    def sort(self) -> str:
        """Which values it can be held against: "date", "number", "colour" or "spelling"."""
        return {Date: "date", Number: "number", str: "colour"}.get(type(self.reading), "spelling")


def find_values(
    text: str, low: str, places: Sequence[tuple[int, str]], lexicons: Sequence[Lexicon], *, month_first: bool, letters: bool
) -> list[Value]:
    """Return the dates, numbers, sizes and colours of a text, in its order, none inside another.

    Parameters
    ----------
    text, low
        The text in its normal and in its bare form.
    places
        The `beginnings` of its bare form.
    lexicons
        The words of the languages it may be in.
    month_first
        Whether "3/4" may be the fourth of March.
    letters
        Whether "M" and "large" are sizes.
    """
    found: list[tuple[int, int, Date | Number | str]] = []
    if _DIGIT.search(low):
        found += find_dates(low, (lexicon.months for lexicon in lexicons), month_first=month_first)
        found += _find_numbers(low, lexicons)
    if letters:
        found += [(m.start(), m.end(), Number((), "size", m[1])) for m in _LETTER_SIZE.finditer(text)]
    for tables in (lexicon.tables for lexicon in lexicons):
        found += tables["colours"].find(low, places)
        found += [(start, end, Number((Decimal(n),), "count")) for start, end, n in tables["numbers"].find(low, places)]
        if letters:
            found += [(start, end, Number((), "size", size)) for start, end, size in tables["sizes"].find(low, places)]
    values: list[Value] = []
    for start, end, reading in sorted(found, key=lambda f: (f[0], -f[1])):
        if not values or start >= values[-1].end:
            values.append(Value(text[start:end], start, end, reading))
    return values


def _find_numbers(low: str, lexicons: Sequence[Lexicon]) -> Iterator[tuple[int, int, Number]]:
    """Yield begin, end and reading of all numbers, with the unit that the words beside them tell."""
    matches = list(_NUMBER.finditer(low))
    if not matches:
        return
    size_words, count_words = (
        tuple(word for lexicon in lexicons for word in lexicon.lists[key]) for key in ("size_words", "count_words")
    )
    # Chinese and Japanese write the unit behind the number, as a part of it.
    classifiers = [word for word in (*size_words, *count_words) if IS_CJK.match(word)]
    for found in matches:
        numbers = [Decimal(n.replace(" 1/2", ".5").replace(",", ".")) for n in _TIMES.split(found[1])]
        before = low[max(0, found.start() - 16) : found.start()].rstrip(" :.#=は")
        behind = low[found.end() : found.end() + 12].lstrip()
        end, unit = found.end(), ""
        classifier = next((word for word in classifiers if behind.startswith(word)), "")
        if found[2]:
            unit, factor = "mm", _MILLIMETRES.get(found[2], _INCH)
            numbers = [n * factor for n in numbers]
        elif classifier in size_words or before.endswith(size_words):
            unit = "size"
        elif behind.startswith(count_words):
            unit = "count"
        if classifier and not found[2]:
            end = low.find(classifier, end) + len(classifier)
        yield found.start(), end, Number(tuple(n.normalize() for n in numbers), unit)
