"""The order: what the buyer typed or chose becomes fields. Lines, labels, JSON and free text are read alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from triage_ml.customisation.characters import TOKEN, bare, last_place, normal
from triage_ml.customisation.comparison import Kind
from triage_ml.customisation.index import beginnings
from triage_ml.customisation.matching import Match, match_readings, match_spelling
from triage_ml.customisation.values import SORTS, Number, Value, find_values
from triage_ml.customisation.words import ASIDE, load_words

# More than that is no customisation; the words count where they can be held against the message's.
_LONGEST_ORDER = 20_000
_MOST_FIELDS = 40
_MOST_WORDS = 150
_SEPARATOR = re.compile(r"[\n;|]| [/-] ")
_COMMA_LABEL = re.compile(r"[,、]\s*(?=[^,:、\n]{1,30}:)")
_LABEL = re.compile(r"([^:=\n]{1,40}?) *[:=]\s*(.*)$")
_JSON_MARKS = re.compile(r"""['"](\s*:\s*)['"]|['"](,)\s*['"]|[{}\[\]]""")
# How Amazon's customisation JSON and others call a choice and the label above it; a plain {"name": "Anna"} is neither.
_JSON_CHOICES = {
    "label": ("text", "optionValue", "inputValue", "displayValue", "value"),
    "name": ("inputValue", "displayValue", "value"),
}
_UNITS = {Kind.SIZE: "size", Kind.COUNT: "count"}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing the buyer typed or chose.

    Parameters
    ----------
    kind
        What its label says it is; None where that is unknown.
    text
        What the buyer typed, in NFKC.
    values
        The dates, numbers, sizes and colours read from it.
    places
        Begin and end of each token of the text.
    """

    kind: Kind | None
    text: str
    values: tuple[Value, ...]
    places: tuple[tuple[int, int], ...]

    @property
    def is_spelt(self) -> bool:
        """Whether spellings can be held against it; not where it is a size or the like."""
        return not self.values or self.kind in (None, Kind.TEXT)

    def match(self, value: Value) -> Match | None:
        """Say how a value stands to this field; None where the two are not of a sort."""
        if value.reading is None:
            return self.match_spelling(value.text)
        found = [match for own in self.values if (match := match_readings(value.reading, own.reading))]
        return max(found, key=lambda m: (m.level, m.whole), default=None)

    def match_spelling(self, text: str) -> Match | None:
        """Say how a spelling stands to this field; None where the field is a size or the like."""
        return match_spelling(text, self.text, self.places) if self.is_spelt else None


def read_order(customisation: str, language: str) -> list[Field]:
    """Return the fields of an order, without font, telephone and what else is never compared.

    Parameters
    ----------
    customisation
        What the buyer typed when ordering.
    language
        The language of the buyer's message.
    """
    fields: list[Field] = []
    room = _MOST_WORDS
    for label, value in _pairs(normal(customisation[:_LONGEST_ORDER])):
        kind = _label_kind(label, language)
        end = next((m.start() for n, m in enumerate(TOKEN.finditer(value)) if n == room), len(value))
        if kind != ASIDE and value[:end].strip():
            fields.append(_field(Kind(kind) if kind else None, value[:end].strip(), language))
            room -= len(fields[-1].places)
        if len(fields) == _MOST_FIELDS or room <= 0:
            break
    return fields


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield label and text of each field, "" for no label."""
    if text.lstrip().startswith(("{", "[")):
        try:
            yield from _json_pairs(json.loads(text), "")
            return
        except (ValueError, RecursionError):
            # What is nearly JSON is read as lines.
            text = _JSON_MARKS.sub(lambda m: m[1] or (m[2] and ";") or "", text).strip("\"' ")
    for line in _SEPARATOR.split(_COMMA_LABEL.sub("\n", text)) if re.search("[:=]", text) else text.split("\n"):
        labelled = _LABEL.match(line.strip())
        yield (labelled[1], labelled[2]) if labelled else ("", line)


def _json_pairs(node: object, label: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for child in node:
            yield from _json_pairs(child, label)
    elif isinstance(node, dict):
        named = ((node.get(name), node.get(key)) for name, keys in _JSON_CHOICES.items() for key in keys)
        choices = [(name, text) for name, text in named if name and text and isinstance(name, str) and isinstance(text, str)]
        yield from choices[:1]
        nested = any(isinstance(child, (dict, list)) for child in node.values())
        for key, child in node.items():
            # The name of a group of choices is no choice.
            if isinstance(child, (dict, list)) or not (choices or (nested and key in _JSON_CHOICES)):
                yield from _json_pairs(child, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key))
    elif isinstance(node, (str, int, float)) and not isinstance(node, bool):
        yield label, str(node)


@lru_cache(maxsize=1_000)  # a shop has few labels
def _label_kind(label: str, language: str) -> str:
    """Return what a label speaks of, "" where that is unknown; the last known word decides ("ring size", "name colour")."""
    words = load_words()
    low = bare(label, words.variants)
    for labels in (words.lexicons[language].labels, words.labels):
        found = [(at + len(word), len(word), kind) for word, kind in labels.items() if (at := last_place(low, word)) >= 0]
        if found:
            return max(found)[2]
    return ""


def _field(kind: Kind | None, text: str, language: str) -> Field:
    words = load_words()
    # Where the label says that it is a colour or a date, the order's language may be another than the message's.
    lexicons = list(words.lexicons.values()) if kind else [words.lexicons[language]]
    letters = kind in (None, Kind.SIZE)
    low = bare(text, words.variants)
    values = find_values(text, low, beginnings(low), lexicons, month_first=language == "en", letters=letters)
    if kind not in (None, Kind.TEXT):
        values = [_with_unit(value, _UNITS.get(kind, "")) for value in values if value.sort == SORTS[kind]]
    return Field(kind, text, tuple(values), tuple(token.span() for token in TOKEN.finditer(text)))


def _with_unit(value: Value, unit: str) -> Value:
    """Return a number with the unit that the label tells, where its text tells none."""
    if not isinstance(value.reading, Number) or value.reading.unit:
        return value
    return replace(value, reading=replace(value.reading, unit=unit))
