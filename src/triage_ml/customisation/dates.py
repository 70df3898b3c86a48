"""Dates as people write them: in numbers, with the month in words, in Chinese characters, or only a part of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_NUMERIC = re.compile(r"(?<![\d.,/-])(\d{1,4})([./-]) ?(\d{1,2})\2 ?(\d{2,4})(?![\d/-])")
_SHORT = re.compile(r"(?<![\d.,/-])(\d{1,2})(?:\. ?(\d{1,2})\.|/(\d{1,2})|\.(0\d))(?![\d/-])")
_HAN = re.compile(r"(?<!\d)(?:(\d{4}) ?年)? ?(?:(\d{1,2}) ?月(?: ?(\d{1,2}) ?[日号號])?)?")
_YEAR = re.compile(r"(?<![\d.,/-])((?:19|20)\d\d)(?![\d]|[.,/-]\d)")
_ORDINAL = re.compile(r"(?<!\w)(\d{1,2})(?:st|nd|rd|th)\b")
_MONTH_WORD = re.compile(r"[^\W\d_]+")
_DAY_BEFORE = re.compile(r"(?<!\d)(\d{1,2})(?:\.|st|nd|rd|th|er|º|°)? ?(?:of |de |del )?$")
_DAY_AND_YEAR = re.compile(r"\.? ?(\d{1,2})(?:st|nd|rd|th)?(?:,? ?((?:19|20)\d\d))?(?!\d)")
_YEAR_BEHIND = re.compile(r",?\.?(?: de| del)? ?((?:19|20)\d\d)(?!\d)")

# Begin, end, day, month, year; 0 for what is not said.
_Parts = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Date:
    """A day as it may be read.

    Parameters
    ----------
    written
        Its numbers in the order of the text.
    days
        Every (day, month, year) it may be, 0 for what is not said; empty where no calendar has such a day.
    """

    written: tuple[int, ...]
    days: frozenset[tuple[int, int, int]]


def find_dates(low: str, months: Iterable[Mapping[str, int]], *, month_first: bool) -> Iterator[tuple[int, int, Date]]:
    """Yield begin, end and reading of all dates; some lie inside others.

    Parameters
    ----------
    low
        A text in its bare form.
    months
        The words for the months, one mapping for each language.
    month_first
        Whether "3/4" may be the fourth of March.
    """
    for found in _NUMERIC.finditer(low):
        if date := _numeric_date(found, month_first):
            yield found.start(), found.end(), date
    for found in _SHORT.finditer(low):
        a, b = int(found[1]), int(found[2] or found[3] or found[4])
        if days := _days(a, b, 0) | (_days(b, a, 0) if month_first and found[3] else frozenset()):
            yield found.start(), found.end(), Date((a, b), days)
    words = list(_MONTH_WORD.finditer(low))
    worded = [date for numbers in months for date in _worded_dates(low, words, numbers)]
    for start, end, *parts in (*_han_dates(low), *worded, *_part_dates(low)):
        yield start, end, Date(tuple(parts), _days(*parts))


def _days(day: int, month: int, year: int) -> frozenset[tuple[int, int, int]]:
    year += 2000 if 0 < year < 40 else 1900 if 40 <= year < 100 else 0
    return frozenset({(day, month, year)} if day <= 31 and month <= 12 else ())


def _numeric_date(found: re.Match[str], month_first: bool) -> Date | None:
    a, b, c = int(found[1]), int(found[3]), int(found[4])
    if len(found[1]) == 4:
        days = _days(c, b, a)
    elif len(found[1]) == 3:
        return None
    else:
        # Dots are day first everywhere; slashes and hyphens are either in English.
        days = _days(a, b, c) | (_days(b, a, c) if month_first and found[2] != "." else frozenset())
    return Date((a, b, c), days) if days else None


def _han_dates(low: str) -> Iterator[_Parts]:
    """Yield dates such as 2024年5月12日."""
    if "年" not in low and "月" not in low:  # the pattern also stands for nothing, and so everywhere
        return
    for found in _HAN.finditer(low):
        if found[0].strip():
            year, month, day = (int(part or 0) for part in found.groups())
            yield found.start(), found.end(), day, month, year


def _worded_dates(low: str, words: Iterable[re.Match[str]], months: Mapping[str, int]) -> Iterator[_Parts]:
    """Yield dates such as "4 June 2024" and "June 4th, 2024"; a month alone is none."""
    for found in words:
        month = months.get(found[0])
        if month is None:
            continue
        year = _YEAR_BEHIND.match(low, found.end())
        if before := _DAY_BEFORE.search(low, max(0, found.start() - 9), found.start()):
            yield before.start(), (year or found).end(), int(before[1]), month, int(year[1]) if year else 0
        elif year:
            yield found.start(), year.end(), 0, month, int(year[1])
        elif behind := _DAY_AND_YEAR.match(low, found.end()):
            yield found.start(), behind.end(), int(behind[1]), month, int(behind[2] or 0)


def _part_dates(low: str) -> Iterator[_Parts]:
    """Yield what names only a year, or only a day ("the 13th")."""
    for found in _YEAR.finditer(low):
        yield found.start(), found.end(), 0, 0, int(found[1])
    for found in _ORDINAL.finditer(low):
        yield found.start(), found.end(), int(found[1]), 0, 0
