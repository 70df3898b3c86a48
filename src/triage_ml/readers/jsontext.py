"""Objects of JSON Lines and of JSON arrays, one by one, flattened to one level."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TextIO

from triage_ml.errors import ReadError
from triage_ml.readers.fields import Row, printable
from triage_ml.readers.sniff import MAX_LINE, Source, array_start

_CHUNK = 2**18
_DEPTH = 4  # order.paid.amount and the like; what lies deeper is no column
_DEEPEST = 100  # of any value; showing one that is deeper would exhaust the stack
_BETWEEN = re.compile(r"[\s,]*")
_NEXT_OBJECT = re.compile(r"(?:\}\s*,|\n)\s*(?=\{)")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


# exact amounts: a float would turn 12.10 into 12.1 and worse
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)


def read_objects(source: Source) -> Iterator[Row | ReadError]:
    """Yield each object with its number: the line in JSON Lines, the position in an array."""
    with source.open_text() as text:
        start = text.read(_CHUNK).lstrip("\ufeff \t\r\n")
    whole_values = array_start(start) >= 0 or start.partition("\n")[0].strip() == "{"
    yield from _from_values(source) if whole_values else _from_lines(source)


def flatten(value: dict[str, object], prefix: str = "", depth: int = 1) -> dict[str, object]:
    """Return nested objects as `order.sku`."""
    flat: dict[str, object] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and depth < _DEPTH:
            flat.update(flatten(inner, f"{prefix}{key}.", depth + 1))
        else:
            flat[f"{prefix}{key}"] = inner
    return flat


def _row(source: Source, number: int, value: object) -> Row | ReadError:
    if _is_too_deep(value):
        return _problem(source, number, "", "JSON nested too deeply")
    if isinstance(value, dict):
        return Row(number, flatten(value))
    return _problem(source, number, str(value), 'expected a JSON object such as {"message_id": ..., "text": ...}')


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, (dict, list))]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _problem(source: Source, number: int, shown: str, reason: str) -> ReadError:
    return ReadError(source.path, number, "", printable(shown), reason)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"broken JSON at character {error.pos + 1}: {error.msg}"
    return f"a number that JSON cannot hold ({str(error)[:80]})"


def _from_lines(source: Source) -> Iterator[Row | ReadError]:
    number = 0
    with source.open_text() as text:
        while line := text.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE and not line.endswith("\n"):
                _skip_line(text)
                yield _problem(source, number, line[:200], f"a line of more than {MAX_LINE >> 20} MB")
            elif line.strip():
                yield _from_line(source, number, line.strip().lstrip("\ufeff"))


def _skip_line(text: TextIO) -> None:
    while (part := text.readline(MAX_LINE)) and not part.endswith("\n"):
        pass


def _from_line(source: Source, number: int, line: str) -> Row | ReadError:
    try:
        value, end = _DECODER.raw_decode(line)
    except (ValueError, RecursionError) as error:
        return _problem(source, number, line, _reason(error))
    if line[end:].strip(" ,"):
        return _problem(source, number, line, f"more than one value: something follows at character {end + 1}")
    return _row(source, number, value)


def _from_values(source: Source) -> Iterator[Row | ReadError]:
    """Read an array, or values that are spread over lines, without holding more than one value and a chunk."""
    with source.open_text() as text:
        window = _Window(text)
        number = 0
        while window.to_next_value():
            number += 1
            try:
                yield _row(source, number, window.decode())
            except (ValueError, RecursionError) as error:
                yield _problem(source, number, window.shown(), _reason(error))
                window.to_next_object()


class _Window:
    """The part of a JSON text that is being read."""

    def __init__(self, text: TextIO) -> None:
        self._text, self._buffer, self._at, self._ended = text, "", 0, False
        self._more()
        self._buffer = self._buffer.lstrip("\ufeff")
        self._at = max(array_start(self._buffer), 0)

    def _more(self) -> bool:
        """Read on, at least doubling what is there so that a large value is not decoded over and over."""
        rest = self._buffer[self._at :]
        chunk = self._text.read(max(_CHUNK, len(rest)))
        self._buffer, self._at, self._ended = rest + chunk, 0, not chunk
        return bool(chunk)

    def to_next_value(self) -> bool:
        """Go to the start of the next value; false at the end of the array or file."""
        while True:
            self._at = _BETWEEN.match(self._buffer, self._at).end()  # type: ignore[union-attr] # matches always
            if self._at < len(self._buffer):
                return self._buffer[self._at] != "]"
            if not self._more():
                return False

    def decode(self) -> object:
        """Return the value here and go behind it."""
        while True:
            try:
                value, self._at = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos > len(self._buffer) - 10
                if not cut or len(self._buffer) - self._at > MAX_LINE or not self._more():
                    raise
            else:
                return value

    def shown(self) -> str:
        """Return how the value here begins."""
        return self._buffer[self._at : self._at + 200]

    def to_next_object(self) -> None:
        """Leave a broken value: go to where the next object seems to begin, or to the end."""
        while not (match := _NEXT_OBJECT.search(self._buffer, self._at)):
            self._at = max(self._at, len(self._buffer) - 50)
            if not self._more():
                self._at = len(self._buffer)
                return
        self._at = match.end()
