"""Values as JSON, exactly: what is stored, hashed and signed must give the same bytes on every machine."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any

# PostgreSQL cannot hold the first, UTF-8 cannot say the others; both come from broken exports only.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_AS_IS = frozenset({int, float, bool, type(None)})
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def plain(value: object, only: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> Any:  # noqa: ANN401 - JSON's own type
    """Turn a value of ours into what JSON has.

    Dataclasses become objects with a key for each field, amounts and other decimals text, times ISO 8601 in UTC. What a
    database cannot hold in a text (NUL, half a surrogate pair) becomes U+FFFD.

    Parameters
    ----------
    value
        What to turn.
    only
        Name of a dataclass to the fields that stand for the whole of it.

    Raises
    ------
    TypeError
        For a type that has no such form.
    ValueError
        For a time without a time zone.
    """
    kind: Any = type(value)
    if kind in _AS_IS:
        return value
    if isinstance(value, str):
        return value.value if isinstance(value, Enum) else _UNSTORABLE.sub("\ufffd", value)
    if kind is tuple or kind is list:
        return [plain(item, only) for item in value]  # type: ignore[attr-defined]
    if names := _names(kind):
        return {name: plain(getattr(value, name), only) for name in only.get(kind.__name__, names)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item, only) for key, item in value.items()}
    return _plain_of_few(value)


def _plain_of_few(value: object) -> Any:  # noqa: ANN401 - as `plain`
    """Turn what is rare."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return _iso(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, bool | int | float | list | tuple):  # and what is made from them
        return [plain(item) for item in value] if isinstance(value, list | tuple) else value
    raise TypeError(f"{type(value).__name__} has no JSON form")


@cache
def _names(kind: type) -> tuple[str, ...]:
    """Return the fields of a dataclass, none for another type."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def _iso(value: date) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value.astimezone(UTC).isoformat()


def canonical(value: object) -> bytes:
    """Return the one JSON form of a plain value: sorted keys, no blanks, UTF-8, letters as they are (no normalisation)."""
    return _encode(value).encode()


def digest(value: object) -> str:
    """Return the SHA-256 of a plain value's canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def storable(row: Mapping[str, object]) -> dict[str, object]:
    """Return a table's row with its texts as a database can hold them."""
    return {name: plain(value) if isinstance(value, str) else value for name, value in row.items()}


# Columns that tables got later, with what stands in them where nothing was said. A row that says nothing there hashes as it did
# before there was such a column, so that what an older version recorded is still what the ledger says.
_LATER: Mapping[str, object] = MappingProxyType({"shown": [], "edited": None})


def row_digest(row: Mapping[str, object]) -> str:
    """Return the SHA-256 of a table's row (JSON columns plain), the same for 12.5 and 12.50, which databases take for one.

    Columns that came after the table was made are left out where they hold their default.
    """
    said = {name: value for name, value in row.items() if name not in _LATER or value != _LATER[name]}
    return digest({name: _exact(value) for name, value in said.items()})


def _exact(value: object) -> object:
    if isinstance(value, Decimal):
        return format((value + 0).normalize(), "f")
    return _iso(value) if isinstance(value, date) else value
