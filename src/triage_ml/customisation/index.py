"""The index: words in a row, looked up by the token that they begin with, so that few are tried at a place of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from triage_ml.customisation.characters import CJK, is_word

Meaning = TypeVar("Meaning")

# Words begin with a token, or with a mark ("'s name is").
_BEGINNING = re.compile(rf"[^\W_{CJK}]+|\S")
# A star in a message counts as a word.
_ANY_WORD = r"(?:[^\W\d_]{1,30}|\*)"


def beginnings(low: str) -> list[tuple[int, str]]:
    """Return where words may begin in a text in its bare form, each place with what stands there up to its end."""
    return [(found.start(), found[0]) for found in _BEGINNING.finditer(low)]


class WordIndex(Generic[Meaning]):
    """Words in a row with what they mean; of those that begin at one place, the longest count.

    Parameters
    ----------
    meanings
        Words in their bare form, to what they mean; "*" is any one word, though not the first.
    """

    def __init__(self, meanings: Mapping[str, Meaning]) -> None:
        self.meanings = meanings
        # What to try behind a beginning, the longest first: words of one length in one step, each with "*" in its own.
        self._steps: dict[str, list[tuple[int, dict[str, Meaning], re.Pattern[str] | None]]] = {}
        for words in sorted(meanings, key=len, reverse=True):
            self._add(words, meanings[words])

    def _add(self, words: str, meaning: Meaning) -> None:
        steps = self._steps.setdefault(beginnings(words)[0][1], [])
        if "*" in words:
            pattern = re.compile(re.escape(words).replace(r"\*", _ANY_WORD))
            steps.append((len(words), {pattern.pattern: meaning}, pattern))
        elif steps and steps[-1][0] == len(words) and steps[-1][2] is None:
            steps[-1][1][words] = meaning
        else:
            steps.append((len(words), {words: meaning}, None))

    def find(self, low: str, places: Sequence[tuple[int, str]]) -> Iterator[tuple[int, int, Meaning]]:
        """Yield the longest words at each place of a text.

        Parameters
        ----------
        low
            A text in its bare form.
        places
            Its `beginnings`.

        Yields
        ------
        int, int, Meaning
            Begin and end of the words, and what they mean.
        """
        for at, token in places:
            for length, meanings, pattern in self._steps.get(token, ()):
                words, end = low[at : at + length], at + length
                if pattern:
                    found = pattern.match(low, at)
                    words, end = (pattern.pattern, found.end()) if found else ("", at)
                if words in meanings and is_word(low, at, end):
                    yield at, end, meanings[words]
                    break
