"""The border: raw values of an export become a `Message`, or a `ReadError` that names column and value.

Every reader comes through `build`. What stands behind it is typed, normalised and possible.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from html import unescape
from math import isfinite
from pathlib import Path
from typing import TypeVar

from triage_ml.errors import ReadError
from triage_ml.messages import Direction, Message, MessageKind, Money, OrderLine
from triage_ml.readers.choices import (
    NOTHING,
    channel_in,
    language_code,
    parse_bool,
    parse_direction,
    parse_kind,
)
from triage_ml.readers.dates import guess_day_first, parse_datetime
from triage_ml.readers.money import currency_of, marketplace_of, parse_money
from triage_ml.readers.reasons import claim_hint

__all__ = [
    "FIELDS", "MAX_TEXT", "MAX_WORDS", "Row", "as_text", "build", "clean_text", "currency_of", "find_order_id",
    "guess_day_first", "is_blank", "marketplace_of", "parse_bool", "parse_datetime", "parse_direction", "parse_money",
    "printable",
]  # fmt: skip

FIELDS = (
    "message_id", "text", "thread_id", "order_id", "sku", "product", "amount", "currency", "quantity", "marketplace",
    "delivered_at", "personalised", "customisation", "direction", "channel", "language", "sent_at", "subject",
    "sender", "reason_code", "attachments", "kind",
)  # fmt: skip
MAX_TEXT = 2**20  # characters as they stand in a file, HTML and all; more is a damaged file
MAX_WORDS = 20_000  # characters of a message once it is plain text; on Amazon a buyer may write 4,000
MAX_VALUE = 10_000  # characters of any other value
_MAX_SIGNS = 1000  # in a row without a letter or a blank; every further one costs more time than the one before

_NO_ORDER = OrderLine()
_EXACT = 10**18  # written out, JSON's 1e999999999 would fill the memory
_T = TypeVar("_T")
_ORDER_ID = re.compile(r"(?<![\w-])(?:\d{3}|P\d{2})-\d{7}-\d{7}(?![\w-])", re.ASCII)  # kanji may stand beside it
_QUANTITY = re.compile(  # "1", "2.0", "1x", "2 pcs", "1个"
    r"(?:[x×]\s*|qty\.?\s*)?(\d{1,6})(?:[.,]0+)?\s*(?:x|×|pcs?|pieces?|pi[eè]ces?|units?|items?|articles?|st[uü]ck|stk|st"
    r"|artikel|unit[eé]s?|unidad(?:es)?|uds?|piezas?|pezz[io]|pz|articol[io]|art[ií]culos?|[個个箇件点點本枚只隻套台]|セット)?\.?",
    re.IGNORECASE,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|\x85|\u2028|\u2029")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufeff]")
_SIGNS = re.compile(r"(?:[^\w\s]|_)+")
_IS_HTML = re.compile(
    r"</?(?:p|br|div|span|a|b|i|u|em|strong|ul|ol|li|table|tbody|tr|td|th|html|head|body|pre|font|img|h[1-6]|hr"
    r"|blockquote|style|script)\b[^<>]*>",
    re.IGNORECASE,
)
_HIDDEN = [
    (re.compile(opening, re.IGNORECASE), re.compile(closing, re.IGNORECASE))
    for opening, closing in [("<!--", "-->")] + [(rf"<{tag}\b", rf"</{tag}\s*>") for tag in ("head", "style", "script")]
]
_BREAK = re.compile(r"<br\b[^<>]*>\n?|</?(?:p|div|li|tr|table|ul|ol|h[1-6]|hr|blockquote|pre)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>]*>|<[!?][^<>]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:[a-z]{2,8}\d?|#\d{1,6}|#x[\da-f]{1,5});", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its number in the file as a person counts, and its cells by column name."""

    number: int
    cells: dict[str, object] = field(default_factory=dict)


def clean_text(text: str) -> str:
    r"""Return the words as plain text.

    HTML is resolved (only where the text holds real tags, so "I <3 it" stays), line breaks become \n,
    control characters go, Unicode is composed (NFC), outer blanks are stripped.
    """
    if not text.isprintable():
        text = _LINE_END.sub("\n", text)
    if "<" in text and _IS_HTML.search(text):
        text = _without_tags(text)
    elif "&" in text and _ENTITY.search(text):
        text = unescape(text)
    return _composed(text).replace("\xa0", " ").strip()


def _composed(text: str) -> str:
    """Return a text in NFC without control characters; what is printable has none, and most texts are."""
    return unicodedata.normalize("NFC", text if text.isprintable() else _CONTROL.sub("", text))


def _without_tags(page: str) -> str:
    """Return what a reader of the page would see.

    Not by html.parser: it needs minutes for a page of nothing but "<a <a <a", and buyers write these texts.
    """
    for opening, closing in _HIDDEN:
        page = _without_span(page, opening, closing)
    page = _TAG.sub("", _BREAK.sub("\n", page.replace("\xa0", " ")))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]*+\n[ \t]*", "\n", unescape(page)))


def _without_span(page: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    kept, at = [], 0
    while (begin := opening.search(page, at)) and (end := closing.search(page, begin.end())):
        kept.append(page[at : begin.start()])
        at = end.end()
    return "".join(kept) + page[at:]


def is_blank(value: object) -> bool:
    """Say whether a cell holds nothing (Amazon's reports write a single space, tables of numbers NaN)."""
    if isinstance(value, str):
        return not value.strip("\x00 \t\r\n\xa0\u3000\ufeff")
    return value is None or (isinstance(value, (float, Decimal)) and value != value)


def as_text(value: object) -> str:
    """Return a cell as text: ids stay as they stand, whole numbers lose a spreadsheet's ".0".

    Raises
    ------
    ValueError
        Where the cell is no single value, or its bytes are not in the file's encoding.
    """
    text = value if isinstance(value, str) else _written(value)
    if not text.isprintable() and _SURROGATE.search(text):
        raise ValueError("cannot be decoded: some bytes are not in the file's encoding")
    return _composed(text).strip()


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (float, Decimal)):
        value = _whole(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if isinstance(value, (dict, list, tuple, set)):
        raise ValueError("expected one value, not a list or an object")
    return str(value)


def _whole(number: float | Decimal) -> object:
    is_whole = isfinite(number) and -_EXACT < number < _EXACT and number == int(number)
    return int(number) if is_whole else number


def printable(value: object) -> str:
    """Return the start of a value as an error can show it: undecodable characters become U+FFFD."""
    shown = value[:200] if isinstance(value, str) else "" if value is None else str(value)[:200]
    return _SURROGATE.sub("\ufffd", shown.strip())


def find_order_id(text: str) -> str:
    """Return the first Amazon order id (3-7-7 digits, or Amazon Pay's P03-7-7) in a text, else ""."""
    match = _ORDER_ID.search(unicodedata.normalize("NFKC", text))
    return match[0] if match else ""


def build(
    path: Path | str,
    row: int,
    raw: Mapping[str, object],
    *,
    names: Mapping[str, str] | None = None,
    day_first: bool | None = None,
    year_first: bool = False,
) -> Message | ReadError:
    """Make a message of one row.

    Parameters
    ----------
    path, row
        Where it stands, for the error and for a missing message id.
    raw
        Values by canonical name (`FIELDS`); what is missing or blank is unknown.
    names
        The file's own column for a canonical name, for the error.
    day_first, year_first
        How the file writes its dates, see `parse_datetime`.

    Returns
    -------
    Message or ReadError
        The error tells the first problem of the row.
    """
    values = _Values(raw, day_first, year_first)
    try:
        return values.message(path, row)
    except _BadValue as problem:
        column = printable((names or {}).get(problem.column, problem.column))
        return ReadError(path, row, column, printable(problem.value), problem.reason)


class _BadValue(Exception):
    def __init__(self, column: str, value: object, reason: str) -> None:
        self.column, self.value, self.reason = column, value, reason


@dataclass(frozen=True, slots=True)
class _Values:
    """The raw values of one row, read one by one; each is checked where it is read."""

    raw: Mapping[str, object]
    day_first: bool | None
    year_first: bool

    def message(self, path: Path | str, row: int) -> Message:
        text, reason_code = self._body(), self._text("reason_code")
        if not text and not reason_code:
            raise _BadValue("text", self.raw.get("text"), "no text")
        subject, channel_name = self._text("subject"), self._text("channel")
        order = self._order(f"{subject}\n{text}", channel_name)
        direction = self._read("direction", parse_direction, Direction.IN, must_be_known=False)
        kind = MessageKind.BUYER if direction is Direction.IN else MessageKind.SELLER
        return Message(
            message_id=self._text("message_id") or f"{Path(path).name}:{row}",
            text=text,
            order=order,
            thread_id=self._text("thread_id"),
            direction=direction,
            kind=self._read("kind", parse_kind, kind),
            channel=_channel(channel_name, self._text("marketplace"), order),
            language=language_code(self._text("language")),
            sent_at=self._date("sent_at", order.marketplace if order else ""),
            subject=clean_text(subject),
            sender=self._text("sender"),
            reason_code=reason_code,
            claim_hint=claim_hint(reason_code),
            attachments=self._attachments(),
        )

    def _order(self, written: str, channel_name: str) -> OrderLine | None:
        stated = self._text("marketplace")
        marketplace = marketplace_of(stated) or marketplace_of(channel_name)
        order = OrderLine(
            order_id=self._text("order_id") or find_order_id(written),
            sku=self._text("sku"),
            product=clean_text(self._text("product")),
            paid=self._paid(currency_of(marketplace)),
            quantity=self._read("quantity", _quantity, None, must_be_known=False),
            marketplace=marketplace,
            delivered_at=self._date("delivered_at", marketplace),
            personalised=self._read("personalised", parse_bool, None, must_be_known=False),
            customisation=self._body("customisation"),
        )
        return None if order == _NO_ORDER else order

    def _attachments(self) -> tuple[str, ...]:
        nothing: tuple[str, ...] = ()
        return self._read("attachments", _attachments, nothing)

    def _text(self, column: str, most: int = MAX_VALUE) -> str:
        value = self.raw.get(column)
        if value is None:
            return ""
        if isinstance(value, str) and len(value) > most:
            raise _BadValue(column, value, f"{len(value):,} characters; expected at most {most:,}")
        try:
            return as_text(value) if isinstance(value, str) or not is_blank(value) else ""
        except ValueError as error:
            raise _BadValue(column, value, str(error)) from None

    def _body(self, column: str = "text") -> str:
        value = self.raw.get(column)
        if not isinstance(value, str) or len(value) > MAX_TEXT or _SURROGATE.search(value):
            value = self._text(column, MAX_TEXT)  # which refuses what is no text
        text = clean_text(value)
        if len(text) > MAX_WORDS:
            raise _BadValue(column, value, f"{len(text):,} characters, more than a message has (at most {MAX_WORDS:,})")
        if len(text) > _MAX_SIGNS and max(map(len, _SIGNS.findall(text)), default=0) > _MAX_SIGNS:
            raise _BadValue(column, value, f"more than {_MAX_SIGNS:,} signs in a row without a letter or a blank")
        return text

    def _read(self, column: str, parse: Callable[[object], _T], unknown: _T, *, must_be_known: bool = True) -> _T:
        value = self.raw.get(column)
        if is_blank(value) or (isinstance(value, str) and value.strip().casefold() in NOTHING):
            return unknown
        try:
            return parse(value)
        except ValueError as error:
            if not must_be_known:  # the message is worth more than this value
                return unknown
            raise _BadValue(column, value, str(error)) from None

    def _paid(self, default_currency: str) -> Money | None:
        currency = self._text("currency")
        if currency.casefold() in NOTHING:
            currency = ""
        return self._read("amount", lambda value: parse_money(value, currency, default=default_currency), None)

    def _date(self, column: str, marketplace: str) -> datetime | None:
        # where the file does not tell, only the United States write the month first
        day_first = marketplace != "us" if self.day_first is None else self.day_first
        return self._read(column, lambda value: parse_datetime(value, day_first=day_first, year_first=self.year_first), None)


def _quantity(value: object) -> int:
    digits = _QUANTITY.fullmatch(unicodedata.normalize("NFKC", as_text(value)))
    if digits is None:
        raise ValueError("expected a whole number of pieces")
    return int(digits[1])


def _channel(stated: str, marketplace: str, order: OrderLine | None) -> str:
    known = channel_in(stated) or stated.casefold() or channel_in(marketplace)
    # only Amazon numbers orders like this
    return known or ("amazon" if order and _ORDER_ID.fullmatch(order.order_id) else "")


def _attachments(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        entries: Iterable[object] = re.split(r"[;,|\n]", as_text(value))
    else:
        entries = value if isinstance(value, (list, tuple)) else [value]
    named = (_file_name(entry) for entry in entries)
    return tuple(name for name in named if name)


def _file_name(entry: object) -> str:
    if isinstance(entry, dict):
        keys = ("file_name", "filename", "name", "content_url", "url")
        entry = next((entry[key] for key in keys if isinstance(entry.get(key), str)), "")
    return as_text(entry)
