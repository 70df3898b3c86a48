"""What an order line had engraved: the values of its customisation that say something of a person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from triage_ml.redaction.kinds import PersonalData
from triage_ml.redaction.words import Words, fold, plain

EASTERN = re.compile("[\u3041-\u30ff\u3400-\u9fff]")
_MONTH = r"[^\W\d_]{3,10}\.?"
_YEAR = r"(?:19|20)\d\d"
_FIGURES = rf"\d\d?[./-]\d\d?[./-](?:\d{{4}}|\d\d)|{_YEAR}[./-]\d\d?[./-]\d\d?|{_YEAR}年\d\d?月\d\d?日?"
_DAY_FIRST = rf"\d{{1,2}}(?:st|nd|rd|th|er|\.|º)?(?: de| di)? {_MONTH}(?: del?|,)? {_YEAR}"
_MONTH_FIRST = rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? {_YEAR}"
DATE = re.compile(rf"(?<![\d./-])(?:{_FIGURES}|{_DAY_FIRST}|{_MONTH_FIRST})(?![\d/-])")
_FIELD = re.compile(r"(?:(?P<label>[^:=;|\n]{1,40})[:=])?(?P<value>[^;|\n]+)")
_LETTERS = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_AND = re.compile("(?<=[\u4e00-\u9fff])(?:[と和](?=[\u4e00-\u9fff])|(?:より|から|へ)$)")
# Where Amazon's JSON and those like it keep what the buyer typed.
_TYPED = ("text", "value", "inputValue", "optionValue")
_LONGEST_NAME = 4  # words
_LONGEST_EASTERN_NAME = 5  # characters


@dataclass(frozen=True, slots=True)
class OrderedValue:
    """One value: as it was typed, what it is, and the names within it, folded."""

    text: str
    kind: PersonalData
    names: tuple[str, ...]


def read_ordered(customisation: str, names: Sequence[str], words: Words) -> list[OrderedValue]:
    """Return what is to be looked for in a message.

    Parameters
    ----------
    customisation
        "Name: Anna; Size: 7", lines, free text or JSON. Fields such as size and font are left out.
    names
        Names known from elsewhere.
    words
        The words of the message's language.
    """
    values = [value for value in _values(plain(customisation)[1], words) if _LETTERS.search(value) or DATE.search(value)]
    known = [plain(name.strip())[1] for name in names if name.strip()]
    return [_ordered(value, words) for value in values] + [
        OrderedValue(n, PersonalData.NAME, _folded(pieces(n))) for n in known
    ]


def pieces(text: str) -> list[str]:
    """Return the words of a text; a run of Japanese or Chinese characters counts as one, but for an "and" within it."""
    return [part for run in _LETTERS.findall(text) for part in _AND.split(run) if part]


def is_name(text: str, words: Words) -> bool:
    """Say whether a text is a name or a few, and not a sentence."""
    parts = pieces(text)
    if any(sign.isdigit() for sign in text) or not 0 < len(parts) <= _LONGEST_NAME:
        return False
    if any(EASTERN.match(part) and len(part) > _LONGEST_EASTERN_NAME for part in parts):
        return False
    return not any(words.is_common(part) for part in parts)


def _folded(parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(fold(part) for part in parts if len(part) > 1)


def _ordered(value: str, words: Words) -> OrderedValue:
    value = value.strip()
    if DATE.fullmatch(value):
        return OrderedValue(value, PersonalData.DATE, ())
    if is_name(value, words):
        return OrderedValue(value, PersonalData.NAME, _folded(pieces(value)))
    named = [part for part in pieces(value) if not words.is_common(part)]
    named = [p for p in named if p[0].isupper() or (EASTERN.match(p) and len(p) <= _LONGEST_EASTERN_NAME)]
    return OrderedValue(value, PersonalData.ENGRAVING, _folded(named))


def _values(customisation: str, words: Words) -> Iterator[str]:
    if customisation.lstrip()[:1] in ("{", "["):
        try:
            leaves = list(_leaves(json.loads(customisation)))
            yield from (value for label, value in leaves if words.is_personal_field(label))
            return
        except (json.JSONDecodeError, RecursionError):
            pass  # somebody's engraving begins with a bracket
    for field in _FIELD.finditer(customisation):
        if words.is_personal_field(field["label"] or ""):
            yield field["value"]


def _leaves(node: Any, label: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever JSON holds
    """Yield labels and texts: of {"label": "Name", "text": "Anna"} as of {"Name": "Anna"}."""
    if isinstance(node, str):
        yield label, node
    elif isinstance(node, list):
        for entry in node:
            yield from _leaves(entry, label)
    elif isinstance(node, dict):
        typed = [node[key] for key in _TYPED if key in node]
        own = str(node.get("label") or node.get("name") or label)
        for key, entry in [(own, entry) for entry in typed] or node.items():
            yield from _leaves(entry, key)
