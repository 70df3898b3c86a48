"""Dates and times as exports write them, made aware, or refused with a sentence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from math import isfinite

_FIRST_YEAR, _LAST_YEAR = 1995, 2100

# The first three letters without accents, in English, German, French, Spanish and Italian.
_MONTHS = {
    letters: number
    for number, names in enumerate(
        ["jan ene gen", "feb fev", "mar mrz mae", "apr avr abr", "may mai mag", "jun giu", "jul lug",
         "aug aou ago", "sep set", "oct okt ott", "nov", "dec dez dic"], 1)
    for letters in names.split()
}  # fmt: skip

# Zones that reports name by letters; others are refused rather than guessed.
_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "BST": 1, "WEST": 1, "CET": 1, "MEZ": 1, "MET": 1, "CEST": 2, "MESZ": 2,
    "MEST": 2, "EET": 2, "EEST": 3, "JST": 9, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7,
}  # fmt: skip
_TIME = (
    r"(?:[ T,]\s*(?:um|at|à|alle ore|alle|ore|a las?)?\s*(?P<noon>[上下]午|午[前後])?\s*"
    r"(?P<hour>\d{1,2})\s?[:.h時时点]\s?(?P<minute>\d{2})(?:[:.分](?P<second>\d{2})(?:\.\d+)?)?[秒分]?(?:\s*Uhr)?"
    r"\s*(?P<half>[AaPp]\.?\s?[Mm]\.?)?\s*(?P<zone>[A-Z]{1,4}|(?:GMT|UTC)?[+-]\d{1,2}:?\d{0,2})?(?:\s*\([\w\s]+\))?)?"
)
_WEEKDAY = re.compile(r"^[^\W\d]{2,12}(?:\.?,\s*|\.?\s+(?=[^\W\d]{3,12}\.?\s+\d|\d{1,2}(?:st|nd|rd|th|er|\.|[o°])?\s+[^\W\d]))")
_ARTICLE = re.compile(r"^(?:(?:den|am|le|el|il)\s+(?=\w)|l'\s*(?=\d))", re.IGNORECASE)
_DAY_SIGN = re.compile(  # 水曜日 and the like, behind the date
    r"\s*(?:[(]\s*(?:[月火水木金土日](?:曜日?)?|(?:周|週|星期|礼拜|禮拜)[一二三四五六日天]"
    r"|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6})\s*[)]|[月火水木金土日]曜日?|(?:周|週|星期|礼拜|禮拜)[一二三四五六日天])\s*",
    re.IGNORECASE,
)
_ERAS = {"令和": 2018, "平成": 1988, "民國": 1911, "民国": 1911}
_ERA = re.compile(r"^(令和|平成|民國|民国)\s?(元|\d{1,3})(?=\s?年)")
_YEAR_LAST = re.compile(r"^([A-Z][a-z]{2}\s+\d{1,2})\s+(\d\d:\d\d:\d\d)\s+(?:([A-Z]{3,4})\s+)?(\d{4})")  # as C writes it
_BARE = re.compile(r"\d[\d\s.,:/+TZ-]*", re.ASCII)  # neither weekday nor era nor a month's name
_NUMBER = re.compile(r"\d{5}(\.\d+)?|\d{9,19}(\.\d+)?")
_YEAR_FIRST = re.compile(r"\d{4}-?\d\d-?\d\d")
_BLANK_BEFORE_ZONE = re.compile(r"\s+(?=[+-]\d)")
_NUMERIC = re.compile(r"(?P<a>\d{1,4})\s?(?P<mark>[./-]|年)\s?(?P<b>\d{1,2})\s?(?:[./-]|月)\s?(?P<c>\d{1,4})日?" + _TIME)
_DAY_NAMED = re.compile(
    r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.|[oº°])?[\s-]+(?:de\s+)?(?P<month>[^\W\d]{3,12})[\s.,-]+"
    r"(?:del?\s+)?(?P<year>\d{4}|\d{2})" + _TIME
)
_NAMED_DAY = re.compile(r"(?P<month>[^\W\d]{3,12})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})" + _TIME)
_SLASHED = re.compile(r"\s*(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})(?!\d)")


def guess_day_first(values: Iterable[object]) -> bool | None:
    """Say in which order a file writes 10/07/2026, when its dates tell; None when they do not."""
    found = [match for value in values if isinstance(value, str) and (match := _SLASHED.match(value))]
    day_first = any(int(match[1]) > 12 for match in found)
    month_first = any(int(match[2]) > 12 for match in found)
    return day_first if day_first != month_first else None


def parse_datetime(value: object, *, day_first: bool | None = None, year_first: bool = False, tz: tzinfo = UTC) -> datetime:
    """Read a date or time.

    Parameters
    ----------
    value
        ISO 8601, RFC 2822, `10-Jul-2025`, `10/07/2025 10:30`, `10.7.25`, `2025年7月10日`, epoch seconds or
        milliseconds, a spreadsheet's day number, a `datetime` ...
    day_first
        What 10/07/2025 is: the tenth of July when true or None. With dots the day is always first.
    year_first
        Whether 25/7/10 is in the year 2025, as in Japanese reports.
    tz
        The zone where the value names none.

    Raises
    ------
    ValueError
        Where it is no date between 1995 and 2100. The text is a sentence.
    """
    try:
        moment = _read(value, day_first is not False, year_first)
    except (ValueError, OverflowError, TypeError, IndexError):
        raise ValueError("expected a date that exists, such as 2026-07-10 or 10-Jul-2026") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"expected a date between {_FIRST_YEAR} and {_LAST_YEAR}")
    return moment if moment.tzinfo else moment.replace(tzinfo=tz)


def _read(value: object, day_first: bool, year_first: bool) -> datetime:
    if isinstance(value, date):
        midnight = datetime(value.year, value.month, value.day)  # noqa: DTZ001 the caller gives the zone
        return value if isinstance(value, datetime) else midnight
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _from_number(float(value))
    text = unicodedata.normalize("NFKC", str(value)[:100]).strip()  # no date is longer
    if not _BARE.fullmatch(text):
        text = _bared(text)
    if _NUMBER.fullmatch(text):
        return _from_number(float(text))
    if moment := _iso(text):
        return moment
    if match := _NUMERIC.fullmatch(text):
        return _from_numeric(match, day_first, year_first)
    if match := _DAY_NAMED.fullmatch(text) or _NAMED_DAY.fullmatch(text):
        return _with_time(int(match["year"]), _month(match["month"]), int(match["day"]), match)
    raise ValueError


def _bared(text: str) -> str:
    """Take off weekday and article, write an era's year as ours, and what C writes in the usual order."""
    text = _DAY_SIGN.sub(" ", text, count=1).strip()
    text = _ERA.sub(lambda era: str(_ERAS[era[1]] + (1 if era[2] == "元" else int(era[2]))), text)
    text = re.sub(r"(?<=\d日)(?=[\d上下午])", " ", _ARTICLE.sub("", _WEEKDAY.sub("", _ARTICLE.sub("", text))))
    return _YEAR_LAST.sub(r"\1 \4 \2 \3", text).rstrip()


def _iso(text: str) -> datetime | None:
    if not _YEAR_FIRST.match(text):
        return None
    try:
        return datetime.fromisoformat(_BLANK_BEFORE_ZONE.sub("", text))
    except ValueError:  # another form may still read it, with the name of a zone for one
        return None


def _from_number(number: float) -> datetime:
    """Read a spreadsheet's day number, or epoch seconds, milli-, micro- or nanoseconds."""
    if 34_000 < number < 74_000:
        return datetime(1899, 12, 30) + timedelta(days=round(number * 86_400) / 86_400)  # noqa: DTZ001
    if not isfinite(number):
        raise ValueError
    while number > 1e11:
        number /= 1000
    return datetime.fromtimestamp(number, UTC)


def _from_numeric(match: re.Match[str], day_first: bool, year_first: bool) -> datetime:
    a, b, c = int(match["a"]), int(match["b"]), int(match["c"])
    if len(match["a"]) == 4 or match["mark"] == "年" or (year_first and len(match["c"]) <= 2):
        return _with_time(a, b, c, match)
    if len(match["a"]) > 2 or len(match["c"]) not in (2, 4):
        raise ValueError
    # 13 and more can only be a day, whatever the file's other dates look like
    day, month = (a, b) if match["mark"] == "." or a > 12 or (day_first and b <= 12) else (b, a)
    return _with_time(c, month, day, match)


def _with_time(year: int, month: int, day: int, match: re.Match[str]) -> datetime:
    hour, half = int(match["hour"] or 0), (match["half"] or "")[:1].lower()
    if match["noon"]:
        half = "p" if match["noon"] in ("下午", "午後") else "a"
    if half and not 1 <= hour <= 12:
        raise ValueError
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    full_year = year if year > 99 else 2000 + year
    minute, second = int(match["minute"] or 0), int(match["second"] or 0)
    return datetime(full_year, month, day, hour, minute, second, tzinfo=_zone(match["zone"] or ""))


def _zone(name: str) -> tzinfo | None:
    if not name:
        return None
    if name in _ZONES:
        return timezone(timedelta(hours=_ZONES[name]))
    offset = re.fullmatch(r"(?:GMT|UTC)?([+-])(\d{1,2}):?(\d{2})?", name)
    if offset is None:
        raise ValueError
    return timezone(timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0)) * (1 if offset[1] == "+" else -1))


def _month(name: str) -> int:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()
    if plain.startswith("juin"):
        return 6
    number = 7 if plain.startswith("juil") else _MONTHS.get(plain[:3])
    if number is None:
        raise ValueError
    return number
