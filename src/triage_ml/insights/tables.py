"""Insights for other programs: as JSON values, and as CSV tables, one file a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from triage_ml.cases.values import plain
from triage_ml.insights.overview import Insights
from triage_ml.insights.records import Excerpt, GroupCost, Phrase
from triage_ml.messages import Category, Money

# The tables, named as the fields of `Insights`; of `buyers` and `radar` their rows.
TABLES = (
    "fixes", "trends", "categories", "causes", "weeks", "expectation", "remedies", "offers", "replies", "buyers", "radar",
    "insurance",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(insights: Insights) -> dict[str, Any]:
    """Return all of it as values that JSON has: decimals as texts, times in UTC."""
    values: dict[str, Any] = plain(insights)
    return values


def write_tables(insights: Insights, folder: Path) -> list[Path]:
    """Write every table that has rows as CSV (UTF-8, as spreadsheet programs read it), and return the files.

    Parameters
    ----------
    insights
        What to write.
    folder
        Made if it is not there; tables of an earlier run are written over, or taken away where they have no rows now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"buyers": insights.buyers.most, "radar": insights.radar.themes}
    written = []
    for name in TABLES:
        path, rows = folder / f"{name}.csv", parts[name] if name in parts else getattr(insights, name)
        if rows:
            written.append(_write(path, [_flat(row) for row in rows]))
        else:
            path.unlink(missing_ok=True)
    return written


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.DictWriter(file, columns, restval="")
        table.writeheader()
        table.writerows(rows)
    return path


def _flat(row: object) -> dict[str, object]:
    """Return a record as cells: what is inside another gets its name in front."""
    cells: dict[str, object] = {}
    for field in fields(row):  # type: ignore[arg-type]
        cells |= _cells(field.name, getattr(row, field.name))
    return cells


def _cells(name: str, value: Any) -> dict[str, object]:  # noqa: ANN401 - any of a record's values
    if isinstance(value, Money):
        return {f"{name}_{value.currency}": value.amount}
    if is_dataclass(value):
        return {f"{name}_{key}": cell for key, cell in _flat(value).items()}
    if isinstance(value, tuple) and value and isinstance(value[0], Money):
        return {key: cell for money in value for key, cell in _cells(name, money).items()}
    if isinstance(value, Mapping) and set(value) == {"en", "zh"}:
        return {f"{name}_{language}": text for language, text in value.items()}
    if isinstance(value, Mapping) and all(isinstance(key, Category) for key in value):
        return {f"{name}_{category.value}": _joined(one) for category, one in value.items()}
    if isinstance(value, Mapping):
        return {name: "; ".join(f"{plain(key)}: {count}" for key, count in value.items())}
    if isinstance(value, tuple):
        return {name: _safe(_joined(value))}
    return {name: _safe(value) if isinstance(value, str) else plain(value)}


def _joined(value: Any) -> Any:  # noqa: ANN401 - several values, or one
    return "; ".join(map(_said, value)) if isinstance(value, tuple) else value


def _said(value: object) -> str:
    if isinstance(value, Phrase):
        return f"{value.words} ({value.cases})"
    if isinstance(value, Excerpt):
        return f"{value.case_id}: {value.text}"
    if isinstance(value, GroupCost):
        return " ".join([value.group, f"({value.cases})", *map(str, value.cost)])
    return str(value)


def _safe(text: str) -> str:
    """Keep a spreadsheet program from reading a buyer's words as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else plain(text)
