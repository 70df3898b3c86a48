"""Tables with any columns become messages: by the user's mapping and the aliases of `data/columns.toml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from triage_ml.errors import FormatError, ReadError
from triage_ml.messages import Message
from triage_ml.readers.columns import Layout, currency_in, find_header, layouts
from triage_ml.readers.containers import open_rows
from triage_ml.readers.fields import FIELDS, Row, build, guess_day_first, is_blank, marketplace_of, parse_datetime
from triage_ml.readers.jsontext import read_objects
from triage_ml.readers.sniff import Source

_HEAD = 300  # rows that are looked at before the first message: their keys, and how they write dates
_LONGEST_NAME = 200  # characters of a column name
_DATES = ("sent_at", "delivered_at")
_HALF_DAY = re.compile(r"\s*\d{1,2}[/-]\d{1,2}[/-]\d{2,4}\D.*\d\s*[AaPp]\.?\s?[Mm]\b")
_US_DOLLARS = re.compile(r"\s*(?:USD|(?:US\s?)?\$)\s?\d.*|.*\d\s?(?:\$|USD)\s*|\s*USD\s*")
_JAPANESE = re.compile("[\u3041-\u30fa]|日付|評価|注文番号")
_WORD = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff]{2,}")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_MEAN_WORDS, _MEAN_CJK = 3, 6  # of a column that holds sentences

Mapped = Mapping[str, str]
Adjust = Callable[[int, dict[str, object]], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Table:
    """An open table.

    Parameters
    ----------
    path
        The file.
    headers
        Its column names, each once.
    head
        The first rows, for a look ahead.
    rows
        All rows in order, `head` included; those that cannot be read as errors.
    """

    path: Path
    headers: tuple[str, ...]
    head: tuple[Row, ...]
    rows: Iterator[Row | ReadError]


def open_table(source: Source, columns: Mapped) -> Table:
    """Open a table and find its header.

    Parameters
    ----------
    source
        A source with a container.
    columns
        The user's own mapping: canonical field to column name.
    """
    unknown = sorted(set(columns) - set(FIELDS))
    if unknown:
        found = f"a mapping for {', '.join(unknown)}"
        raise FormatError(source.path, found, "the fields " + ", ".join(FIELDS), "Map one of these.")

    def is_header(cells: Sequence[str], is_first: bool) -> bool:
        names = layouts()["messages"].match(cells, columns)
        # further down, a single word that is also a column name is more likely a message
        known = {"text", "reason_code"} & names.keys() and (is_first or len(names) > 1)
        return bool(known) and max(map(len, cells)) <= _LONGEST_NAME

    headers, rows = open_rows(source, is_header)
    first = list(islice(rows, _HEAD))
    head = tuple(row for row in first if isinstance(row, Row))
    headers = headers or tuple(dict.fromkeys(key for row in head for key in row.cells))
    return Table(source.path, headers, head, chain(first, rows))


def messages(
    table: Table,
    layout: Layout,
    columns: Mapped,
    *,
    adjust: Adjust | None = None,
    year_first: bool = False,
    show_rows: bool = True,
) -> Iterator[Message | ReadError]:
    """Yield the messages of an open table.

    Parameters
    ----------
    layout
        What its columns may be called.
    columns
        The user's own mapping.
    adjust
        Called with the row number and the raw values before they become a message.
    year_first
        How dates with two-digit years are written.
    show_rows
        Whether an error about a whole row may show it (it may hold a buyer's address).

    Raises
    ------
    FormatError
        Where no column can be the text, or a mapped column is not there.
    """
    _check_columns(table, layout, columns)
    naming = _Naming(layout, columns)
    day_first = _day_first(table, naming.of(table.headers))
    year_first = year_first or any(_JAPANESE.search(header) for header in table.headers)
    for row in table.rows:
        if isinstance(row, ReadError):
            yield row if show_rows else ReadError(row.path, row.row, row.column, "", row.reason)
            continue
        names = naming.of(tuple(row.cells))
        raw = {field: row.cells[header] for field, header in names.items()}
        if "amount" in names and is_blank(raw.get("currency")):
            raw["currency"] = currency_in(names["amount"])
        if adjust is not None:
            raw = adjust(row.number, raw)
        yield build(table.path, row.number, raw, names=names, day_first=day_first, year_first=year_first)


def read_order_object(source: Source) -> Message:
    """Read the one JSON object of a file as a message without words, for its order line and channel."""
    rows = list(islice(read_objects(source), 2))
    row = rows[0] if rows else None
    if not isinstance(row, Row) or len(rows) > 1:
        found = row.reason if isinstance(row, ReadError) else "several JSON values" if rows else "no value"
        expected = 'one JSON object such as {"order_id": ..., "sku": ...}'
        raise FormatError(source.path, found, expected, "Write it as one object.")
    cells = row.cells
    names = layouts()["messages"].match(cells, {})
    raw = {field: cells[header] for field, header in names.items()}
    message = build(source.path, 1, raw | {"text": "-"}, names=names)
    if isinstance(message, ReadError):
        raise message
    return message


class _Naming:
    """Which column is which field, remembered for each set of columns: JSON rows may differ."""

    def __init__(self, layout: Layout, columns: Mapped) -> None:
        self._layout, self._columns = layout, columns
        self._known: dict[tuple[str, ...], dict[str, str]] = {}

    def of(self, headers: tuple[str, ...]) -> dict[str, str]:
        if headers not in self._known:
            if len(self._known) > 1000:
                self._known.clear()
            self._known[headers] = self._layout.match(headers, self._columns)
        return self._known[headers]


def _day_first(table: Table, names: Mapped) -> bool | None:
    """Say in which order the file writes days and months; None leaves it to each row's marketplace."""

    def cells(*fields: str) -> list[str]:
        columns = [names[field] for field in fields if field in names]
        return [str(row.cells[column]) for row in table.head for column in columns if not is_blank(row.cells.get(column))]

    dates = cells(*_DATES)
    proven = guess_day_first(dates)
    if proven is not None or any(marketplace_of(place) for place in cells("marketplace", "channel")):
        return proven
    currencies = cells("currency") or [currency_in(names.get("amount", ""))]
    money = [*currencies, *cells("amount")]
    dollars = [bool(_US_DOLLARS.fullmatch(value)) for value in money if re.search(r"[^\d.,\s]", value)]
    is_american = bool(dollars) and all(dollars)
    return False if is_american or any(map(_HALF_DAY.match, dates)) else None


def _sentences(table: Table, known: Mapped) -> str:
    """Return the first column without a known name that holds sentences, else ""."""
    unnamed = (header for header in table.headers if header not in known.values())
    return next((header for header in unnamed if _holds_sentences(row.cells.get(header) for row in table.head)), "")


def _holds_sentences(values: Iterable[object]) -> bool:
    texts = [value for value in values if isinstance(value, str) and not is_blank(value)]
    written = [text for text in texts if not _is_date(text)]
    words = sum(len(_WORD.findall(text)) for text in written)
    characters = sum(len(_CJK.findall(text)) for text in written)
    return bool(texts) and (words >= _MEAN_WORDS * len(texts) or characters >= _MEAN_CJK * len(texts))


def _is_date(text: str) -> bool:
    try:
        parse_datetime(text)
    except ValueError:
        return False
    return True


def _check_columns(table: Table, layout: Layout, columns: Mapped) -> None:
    if not table.headers:
        return  # no row could be read, or there is none
    found = "the columns " + ", ".join(repr(header[:60]) for header in table.headers[:40])
    missing = sorted(name for name in columns.values() if find_header(table.headers, name) is None)
    if missing:
        raise FormatError(table.path, found, f"a column {missing[0]!r} as mapped", "Map to one of the columns found.")
    known = layout.match(table.headers, columns)
    only_a_reason = "reason_code" in known.keys() - columns.keys() and "text" not in known
    if layout.name == "messages" and only_a_reason and (likely := _sentences(table, known)):
        raise FormatError(
            table.path,
            found,
            f"a column with the buyer's text that is known by name; {likely[:60]!r} holds sentences",
            f"Read it with --columns text={likely[:60]}, "
            f"or leave it out with --columns reason_code={known['reason_code'][:60]}.",
        )
    if not {"text", "reason_code"} & known.keys():
        raise FormatError(
            table.path,
            found,
            "a column with the buyer's text (message, text, comments ...) or a return reason, named in the first line",
            "Name the column with --columns text=MyColumn; a file without a header line needs one, such as message_id,text.",
        )
