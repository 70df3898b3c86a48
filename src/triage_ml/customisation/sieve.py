"""The sieve: nearly all words of a message are like nothing in the order, and that shows in their letters and lengths alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce
from itertools import accumulate

from triage_ml.customisation.order import Field
from triage_ml.customisation.spelling import forms, most_slips

_LETTER_BITS = 61

# What shows of words in a row: their letters as a set of bits, several letters to a bit; and how many characters they have at
# least, without blanks and umlauts spelt out, and at most, with them.
Outline = tuple[int, int, int]


@lru_cache(maxsize=20_000)
def outline(word: str) -> Outline:
    """Return the outline of one word."""
    _, _, plain, spelt = forms(word)
    letters = 0
    for char in plain:
        letters |= 1 << ord(char) % _LETTER_BITS
    return letters, min(len(plain), len(spelt)), max(len(plain), len(spelt))


def joined(one: Outline, other: Outline) -> Outline:
    """Return the outline of words in a row."""
    return one[0] | other[0], one[1] + other[1], one[2] + 1 + other[2]


class Sieve:
    """Lets through what may be like a field or a part of it: never less than `matching.match_spelling` finds, and little more.

    Parameters
    ----------
    fields
        The fields that spellings are held against; each has a word.
    longest
        The most words in a row that are asked for.
    """

    def __init__(self, fields: Sequence[Field], longest: int) -> None:
        # By the number of words that may be like them.
        self._parts: list[set[Outline]] = [set() for _ in range(longest + 1)]
        wholes: list[set[Outline]] = [set() for _ in range(longest + 1)]
        for field in fields:
            words = [outline(field.text[start:end]) for start, end in field.places]
            for first in range(len(words)):
                for count, part in enumerate(accumulate(words[first : first + longest], joined), 1):
                    self._parts[count].add(part)
            for count in range(max(1, len(words) - 1), min(longest, len(words) + 1) + 1):
                wholes[count].add(reduce(joined, words))
        self._wholes = [_with_slips(outlines) for outlines in wholes]
        self._all = [_with_slips(outlines | parts) for outlines, parts in zip(wholes, self._parts, strict=True)]

    def passes(self, words: Outline, count: int, *, cjk: bool) -> bool:
        """Whether so many words may be like something ordered; Chinese and Japanese ones must be the same as a part."""
        if cjk and words in self._parts[count]:
            return True
        letters, least, most = words
        slips = most_slips(most)
        for other_slips, other_letters, other_least, other_most in (self._wholes if cjk else self._all)[count]:
            # The longer of the two says how many slips there may be; each is one letter for another, or one more or less.
            allowed = slips if slips > other_slips else other_slips
            if least - other_most <= allowed >= other_least - most and (letters ^ other_letters).bit_count() <= 2 * allowed:
                return True
        return False


def _with_slips(outlines: set[Outline]) -> list[tuple[int, int, int, int]]:
    return [(most_slips(most), letters, least, most) for letters, least, most in outlines]
