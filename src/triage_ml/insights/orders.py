"""How many orders each SKU (or other group) had: read from a table, since the record only knows orders with messages."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triage_ml.errors import FormatError, ReadError
from triage_ml.insights.records import By

_ORDERS, _BEFORE = "orders", "orders_before"


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders of one group in the period, and in the one before where that is known."""

    now: int
    before: int | None = None


def load_orders(path: Path, on_reject: Callable[[ReadError], None], by: str = By.SKU) -> dict[str, Orders]:
    """Read a CSV file with the columns sku and orders, and orders_before where it is known.

    Parameters
    ----------
    path
        The file, UTF-8. Rows of the same SKU are added up.
    on_reject
        Told of each row that cannot be read; the rest counts.
    by
        What cases are put together by; names the first column.

    Raises
    ------
    FormatError
        The file is not such a table.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if absent := [name for name in (by, _ORDERS) if name not in (table.fieldnames or ())]:
                expected = f"the columns {by}, {_ORDERS} and perhaps {_BEFORE}"
                raise FormatError(path, f"no column {', '.join(absent)}", expected, "Add it.")
            found: dict[str, Orders] = {}
            for number, row in enumerate(table, 2):
                if (orders := _orders(path, number, row, on_reject)) is not None:
                    group = (row[by] or "").strip()
                    found[group] = _sum(found[group], orders) if group in found else orders
            return found
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(path, f"no table ({error})", "a CSV file in UTF-8", "Save it as UTF-8.") from error


def _orders(path: Path, number: int, row: dict[str, str | None], on_reject: Callable[[ReadError], None]) -> Orders | None:
    counts: list[int | None] = []
    for column in (_ORDERS, _BEFORE):
        text = (row.get(column) or "").strip()
        if column == _BEFORE and not text:
            counts.append(None)
        elif text.isascii() and text.isdecimal():
            counts.append(int(text))
        else:
            on_reject(ReadError(path, number, column, row.get(column), "expected a whole number such as 120"))
            return None
    return Orders(counts[0] or 0, counts[1])


def _sum(one: Orders, other: Orders) -> Orders:
    known = one.before is not None and other.before is not None
    return Orders(one.now + other.now, (one.before or 0) + (other.before or 0) if known else None)
