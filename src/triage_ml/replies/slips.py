"""What can be wrong in a template's file, each slip with its place; and the few signs that a template's text may hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from triage_ml.replies.templates import ALWAYS_KNOWN, FIELDS, compiled

# The only template syntax allowed: a field, or a part that is left out where an optional field is unknown.
_SYNTAX = re.compile(r"\{\{\s*(?P<field>\w+)\s*\}\}|\{%\s*(?:if\s+(?P<test>\w+)|(?P<word>else|endif))\s*%\}")
_LONGEST_SHOWN = 40


class Kind(StrEnum):
    """What is wrong."""

    NO_TOML = "no_toml"
    UNKNOWN_KEY = "unknown_key"
    ABSENT = "absent"
    ID = "id"
    CHOICE = "choice"
    NO_LIST = "no_list"
    ENTRY = "entry"
    UNKNOWN_FIELD = "unknown_field"
    NO_TEXTS = "no_texts"
    LANGUAGE_ABSENT = "language_absent"
    LANGUAGE_EXTRA = "language_extra"
    UNLISTED = "unlisted"
    BRACES = "braces"
    UNUSED = "unused"
    OPEN = "open"
    STRAY = "stray"


@dataclass(frozen=True, slots=True)
class Slip:
    """One thing that is wrong in a template's file.

    Parameters
    ----------
    kind
        What it is.
    key
        The key of the file that it is about.
    value
        The name or the signs at fault.
    found, expected
        Both in words.
    language
        The language of the text it stands in, "" where it is in no text.
    row
        The line of that text, from 1; 0 where it is about the whole.
    line
        The line of the file, from 1; 0 where that is not known.
    """

    kind: Kind
    key: str
    value: str
    found: str
    expected: str
    language: str = ""
    row: int = 0
    line: int = 0

    def said(self, file: str) -> str:
        """Return it as a sentence that names the file."""
        where = f"{file}, line {self.line}" if self.line else file
        return f"{where}: found {self.found}; expected {self.expected}."


def text_slips(language: str, text: str, required: Collection[str], listed: Collection[str]) -> Iterator[Slip]:
    """Yield what is wrong in one text.

    Parameters
    ----------
    language
        The language it is for.
    text
        The text with its fields.
    required
        Fields that it must use.
    listed
        Fields that it may use.
    """
    slips = [
        *_fields(language, text, listed),
        *_braces(language, text),
        *_unused(language, text, required),
        *_unbalanced(language, text),
    ]
    yield from slips
    if not slips:
        try:
            compiled(text)
        except Exception as error:  # Jinja2 has a tree of its own; here it is only a slip
            yield _slip(Kind.OPEN, language, str(error), f"{error} in the {language} text", "plain fields and parts")


def gaps(text: str, optional: Collection[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each optional field that stands outside its `{% if %}`: unknown, it leaves a gap."""
    within: list[str] = []
    for match in _SYNTAX.finditer(text):
        if match["test"]:
            within.append(match["test"])
        elif match["word"] and within:
            name = within.pop()
            within += ["not " + name] if match["word"] == "else" else []
        elif match["field"] in set(optional) - ALWAYS_KNOWN - set(within):
            yield _row(text, match), match["field"]


def fields_of(texts: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields that texts use: those printed in all of them whatever is known, and those they can do without."""
    printed = [{match["field"] for match in _SYNTAX.finditer(text) if match["field"]} for text in texts]
    used = {name for text in texts for match in _SYNTAX.finditer(text) for name in (match["field"], match["test"]) if name}
    needed = {name for text in texts for _, name in gaps(text, FIELDS)}
    required = needed.intersection(*printed) if printed else set()
    return (
        tuple(name for name in FIELDS if name in required),
        tuple(name for name in FIELDS if name in used - required - ALWAYS_KNOWN),
    )


def has_choices(text: str) -> bool:
    """Say whether a text has parts inside parts, or parts for what is not known."""
    words = [match["word"] or "if" for match in _SYNTAX.finditer(text) if not match["field"]]
    return "else" in words or ("if", "if") in zip(words, words[1:], strict=False)


def _slip(kind: Kind, language: str, value: str, found: str, expected: str, row: int = 0) -> Slip:
    return Slip(kind, "text", value, found, expected, language, row)


def _row(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _fields(language: str, text: str, listed: Collection[str]) -> Iterator[Slip]:
    named = set(listed)
    for match in _SYNTAX.finditer(text):
        name = match["field"] or match["test"]
        if name and name not in named:
            named.add(name)
            found = f"field {name!r} in the {language} text"
            if name in FIELDS:
                yield _slip(
                    Kind.UNLISTED, language, name, found, "it to be listed under required or optional", _row(text, match)
                )
            else:
                expected = f"one of {', '.join(FIELDS)}"
                yield Slip(Kind.UNKNOWN_FIELD, "text", name, found, expected, language, _row(text, match))


def _braces(language: str, text: str) -> Iterator[Slip]:
    plain = _SYNTAX.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for number, line in enumerate(plain.split("\n"), 1):
        if found := re.search(r"[{}].*", line):
            shown = found[0].strip()[:_LONGEST_SHOWN]
            allowed = "only {{ field }}, {% if field %}, {% else %}, {% endif %}"
            yield _slip(Kind.BRACES, language, shown, f"braces in the {language} text", allowed, number)


def _unused(language: str, text: str, required: Collection[str]) -> Iterator[Slip]:
    used = {match["field"] for match in _SYNTAX.finditer(text)}
    for name in required:
        if name not in used:
            found = f"required field {name!r} not used in the {language} text"
            yield _slip(Kind.UNUSED, language, name, found, "it to be used, or optional")


def _unbalanced(language: str, text: str) -> Iterator[Slip]:
    opened: list[re.Match[str]] = []
    turned: list[bool] = []
    for match in _SYNTAX.finditer(text):
        if match["test"]:
            opened.append(match)
            turned.append(False)
        elif match["word"] and (not opened or (match["word"] == "else" and turned[-1])):
            found = f"{match[0]} without its {{% if %}} in the {language} text"
            yield _slip(Kind.STRAY, language, match[0], found, "an {% if %} before it", _row(text, match))
        elif match["word"] == "else":
            turned[-1] = True
        elif match["word"]:
            opened.pop()
            turned.pop()
    for match in opened:
        found = f"{match[0]} without its {{% endif %}} in the {language} text"
        yield _slip(Kind.OPEN, language, match[0], found, "every {% if %} to have its {% endif %}", _row(text, match))
