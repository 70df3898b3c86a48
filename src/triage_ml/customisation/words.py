"""The words by which buyers say what was made and wanted: `data/customisation.toml`, loaded and checked."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

from triage_ml.customisation.characters import bare, normal
from triage_ml.customisation.comparison import Kind
from triage_ml.customisation.index import WordIndex
from triage_ml.errors import LanguageDataError
from triage_ml.language import LANGUAGES

ROLES = ("made", "received", "wanted", "ordered", "fact", "called")
CONTRASTS = ("instead", "correcting", "rejecting")
CLAUSE = "clause"
FLAGS = ("misspelt", "wrong", "differs", "admitted", "request", "ignore")
ASIDE = "aside"
_PHRASES = (*ROLES, *CONTRASTS, CLAUSE, *FLAGS)
_LISTS = ("fillers", "either", "accents", "size_words", "count_words")
_TABLES = ("colours", "numbers", "sizes")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in a row that give the value beside them a role, or say something of the message.

    Parameters
    ----------
    text
        The words in their bare form; "*" is any one word.
    role
        The list of the data file that it stands in.
    left, right
        On which sides the value may stand.
    """

    text: str
    role: str
    left: bool = False
    right: bool = False

    @property
    def is_open(self) -> bool:
        """Whether any word may stand inside it, as in "the * is _": it hits more than it means."""
        return "* " in self.text


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language, all in their bare form.

    Parameters
    ----------
    phrases
        What gives values a role.
    lists
        "fillers", "either", "accents", "size_words", "count_words".
    labels
        Word to kind, or "aside" for what is never compared.
    tables
        "colours", "numbers", "sizes": what they mean.
    months
        Word to number, January is 1.
    """

    phrases: WordIndex[Phrase]
    lists: Mapping[str, frozenset[str]]
    labels: Mapping[str, str]
    tables: Mapping[str, WordIndex[str]]
    months: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Words:
    """All that the data file says.

    Parameters
    ----------
    lexicons
        Language to its words.
    labels
        The labels of all languages together: word to kind, or "aside" for what is never compared.
    variants
        Code point of a character to the form that stands for it.
    shades
        Colour to the plainer name that some call it by.
    """

    lexicons: Mapping[str, Lexicon]
    labels: Mapping[str, str]
    variants: Mapping[int, str]
    shades: Mapping[str, str]


def load_words(path: Path | None = None) -> Words:
    """Load and check the words.

    Parameters
    ----------
    path
        A TOML file; without one the shipped file, which is read once.

    Raises
    ------
    LanguageDataError
        Names the file, the key, what was found and what was expected.
    """
    if path is None:
        return _shipped_words()
    try:
        return _parse(path.name, path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LanguageDataError(f"{path}: found {error}; expected TOML as in the shipped file.") from error


@cache
def _shipped_words() -> Words:
    source = files("triage_ml") / "data" / "customisation.toml"
    return _parse("customisation.toml", source.read_text("utf-8"))


def _parse(name: str, source: str) -> Words:
    try:
        data = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise LanguageDataError(f"{name}: found {error}; expected TOML as in the shipped file.") from error
    _check_keys(name, data, ("variants", "shades", *LANGUAGES))
    variants = _variants(f"{name}, variants", data["variants"])
    lexicons = {language: _lexicon(f"{name}, [{language}]", data[language], variants) for language in LANGUAGES}
    shades = _check_table(f"{name}, [shades]", data["shades"])
    colours = {colour for lexicon in lexicons.values() for colour in lexicon.tables["colours"].meanings.values()}
    if unknown := {*shades, *map(str, shades.values())} - colours:
        raise LanguageDataError(f"{name}, [shades]: found {sorted(unknown)}; expected colours that a language has words for.")
    labels = {word: kind for lexicon in lexicons.values() for word, kind in lexicon.labels.items()}
    return Words(lexicons, labels, variants, shades)


def _variants(where: str, entries: object) -> dict[int, str]:
    groups = list(_spelt_out(where, entries))
    if twice := [char for char, count in Counter("".join(groups)).items() if count > 1]:
        raise LanguageDataError(f"{where}: found {''.join(twice)!r} twice; expected each character in one group.")
    return {ord(char): group[0] for group in groups for char in group[1:]}


def _lexicon(where: str, data: Any, variants: Mapping[int, str]) -> Lexicon:  # noqa: ANN401 - read from a file, checked here
    _check_keys(where, data, (*_PHRASES, *_LISTS, "labels", *_TABLES, "months"))
    _check_keys(f"{where} labels", data["labels"], (*Kind, ASIDE))
    if not isinstance(data["months"], list) or len(data["months"]) not in (0, 12):
        raise LanguageDataError(f"{where} months: found {data['months']!r}; expected twelve lists, January first, or none.")

    def entries(key: str, value: object) -> list[str]:
        return [bare(normal(text), variants) for text in _spelt_out(f"{where} {key}", value)]

    tables = {
        key: {
            word: meaning
            for meaning, value in _check_table(f"{where} {key}", data[key]).items()
            for word in entries(f"{key}.{meaning}", value)
        }
        for key in ("labels", *_TABLES)
    }
    if wrong := [number for number in data["numbers"] if not number.isdecimal()]:
        raise LanguageDataError(f"{where} numbers: found {wrong}; expected digits.")
    return Lexicon(
        phrases=WordIndex(_phrases(where, {role: entries(role, data[role]) for role in _PHRASES})),
        lists={key: frozenset(entries(key, data[key])) for key in _LISTS},
        labels=tables["labels"],
        tables={key: WordIndex(tables[key]) for key in _TABLES},
        months={word: number for number, names in enumerate(data["months"], 1) for word in entries("months", names)},
    )


def _phrases(where: str, entries: Mapping[str, Sequence[str]]) -> dict[str, Phrase]:
    """Return the phrases by their texts."""
    phrases: dict[str, Phrase] = {}
    for role, written in ((role, written) for role, texts in entries.items() for written in texts):
        left, right = written.startswith("_"), written.endswith("_")
        text = written.strip("_ ")
        if (left != right) != (role in ROLES) or not text or "_" in text:
            expected = '"_" before or behind the words' if role in ROLES else 'words without "_"'
            raise LanguageDataError(f"{where} {role}: found {written!r}; expected {expected}.")
        known = phrases.get(text, Phrase(text, role))
        if known.role != role:
            raise LanguageDataError(f"{where} {role}: found {text!r}, which stands in {known.role!r} too; expected one.")
        phrases[text] = Phrase(text, role, known.left or left, known.right or right)
    return phrases


def _check_keys(where: str, data: Any, expected: Sequence[str]) -> None:  # noqa: ANN401 - as above
    if not isinstance(data, dict) or set(data) != set(expected):
        found = sorted(map(str, set(data) ^ set(expected))) if isinstance(data, dict) else data
        raise LanguageDataError(f"{where}: found {found} missing or unknown; expected exactly {', '.join(expected)}.")


def _check_table(where: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    if not isinstance(value, dict):
        raise LanguageDataError(f"{where}: found {value!r}; expected a table.")
    return value


def _spelt_out(where: str, entries: object) -> Iterator[str]:
    """Yield what each entry stands for: "it (says|reads) _" is two phrases."""
    if not isinstance(entries, list):
        raise LanguageDataError(f"{where}: found {entries!r}; expected a list of texts.")
    for entry in entries:
        if not isinstance(entry, str) or not entry.strip():
            raise LanguageDataError(f"{where}: found {entry!r}; expected a text.")
        parts = re.split(r"\(([^()]*)\)", entry)
        if any(mark in part for part in parts for mark in "()"):
            raise LanguageDataError(f"{where}: found {entry!r}; expected groups such as (a|b|c), none inside another.")
        for choice in product(*(part.split("|") if n % 2 else [part] for n, part in enumerate(parts))):
            words = " ".join("".join(choice).split())
            if not words:
                raise LanguageDataError(f"{where}: found {entry!r}, which may be empty; expected a word in it.")
            yield words
