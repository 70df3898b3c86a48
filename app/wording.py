"""What the screen says, in English and Chinese.

`strings/<language>/` has a file for each page, `strings/library/` what stands for the library's English sentences.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "zh": "中文"}
_FOLDER = Path(__file__).parent / "strings"
_GAP = "{}"


class WordingError(Exception):
    """The files of strings do not hold together; the text names file and key."""


class _Pattern:
    """A sentence with gaps: its longest part without one, its form, and what stands for it."""

    def __init__(self, said: str, meant: str) -> None:
        parts = said.split(_GAP)
        self.longest, self.meant = max(parts, key=len), meant
        self.form = re.compile("(.+?)".join(map(re.escape, parts)), re.DOTALL)


class Wording:
    """All strings of one language.

    Parameters
    ----------
    language
        "en" or "zh".
    strings
        "section.key" to text with {fields}.
    sentences
        What the library says in English to what the screen says.
    """

    def __init__(self, language: str, strings: Mapping[str, str], sentences: Mapping[str, str]) -> None:
        self.language, self.strings = language, strings
        self._exact = {said: meant for said, meant in sentences.items() if _GAP not in said}
        # A sentence that fits several patterns is meant by the one that says most.
        gapped = sorted((said for said in sentences if _GAP in said), key=lambda said: -len(said.replace(_GAP, "")))
        self._patterns = [_Pattern(said, sentences[said]) for said in gapped]

    def __call__(self, key: str, /, **values: object) -> str:
        """Return a string with its fields filled."""
        return self.strings[key].format(**values)

    def knows(self, key: str) -> bool:
        """Say whether there is such a string."""
        return key in self.strings

    def sentence(self, said: str) -> str:
        """Return what the library says in English in this language; as it stands where nobody translated it."""
        if said in self._exact:
            return self._exact[said]
        for pattern in self._patterns:
            # Looking for a few words is far quicker than matching, and rules nearly all patterns out.
            if pattern.longest in said and (found := pattern.form.fullmatch(said)):
                return pattern.meant.format(*(self.sentence(part) for part in found.groups()))
        for end in re.finditer(r"\. ", said):
            if meant := self._exact.get(said[: end.start() + 1]):
                return meant + self.sentence(said[end.end() :])
        return said


@cache
def wording(language: str) -> Wording:
    """Return the strings of a language.

    Raises
    ------
    WordingError
        Where the two files do not have the same keys with the same fields.
    """
    files = {name: read_strings(_FOLDER / name) for name in LANGUAGES}
    check_strings(files)
    return Wording(language, files[language], read_sentences(language))


def read_sentences(language: str) -> dict[str, str]:
    """Return the library's sentences with what stands for them in a language: in English, the few that are said otherwise."""
    files = sorted((_FOLDER / "library" / language).glob("*.toml"))
    return {said: meant for file in files for said, meant in tomllib.loads(file.read_text("utf-8")).items()}


def read_strings(folder: Path) -> dict[str, str]:
    """Return a folder of strings as "section.key" to text."""
    tables = [tomllib.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.toml"))]
    return {f"{name}.{key}": text for table in tables for name, texts in table.items() for key, text in texts.items()}


def check_strings(files: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse languages that differ in keys or fields.

    Raises
    ------
    WordingError
        Names the language and the first key that is wrong.
    """
    first, model = next(iter(files.items()))
    for language, texts in files.items():
        if odd := sorted(model.keys() ^ texts.keys()):
            lacks = language if odd[0] in model else first
            raise WordingError(f"strings/{lacks}: found no {odd[0]}; expected the same keys in every language. Add it.")
        for key, text in texts.items():
            if _fields(text) != _fields(model[key]):
                expected = ", ".join(sorted(_fields(model[key]))) or "none"
                raise WordingError(f"strings/{language}, {key}: found other fields than in {first}; expected {expected}.")


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
