"""Spelling: how much two ways to write something are alike."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from enum import IntEnum
from functools import lru_cache

from triage_ml.customisation.characters import IS_CJK, normal, words_alone
from triage_ml.customisation.words import load_words

_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "œ": "oe"})
_UNACCENTED = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe"})
_LONGEST_SPELLING = 80
_ACCENTS = re.compile("[\u0300-\u036f]")
_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}


class Likeness(IntEnum):
    """How much two spellings are alike, from nothing to the same characters.

    `NEAR` is a slip of one to three letters. `WEAK` is the same but for accents, kana, umlauts spelt out, or variants of a
    Chinese character; `CASE` the same but for capitals.
    """

    NONE = 0
    NEAR = 1
    WEAK = 2
    CASE = 3
    SAME = 4


def likeness(one: str, other: str) -> Likeness:
    """Say how much two spellings are alike; full width, punctuation and blanks at the ends do not count.

    Parameters
    ----------
    one, other
        Names or short texts; beyond 80 characters they are the same (but for weak differences) or not alike.

    Returns
    -------
    Likeness
        The same whichever comes first.
    """
    (a, low_a, bare_a, spelt_a), (b, low_b, bare_b, spelt_b) = forms(one), forms(other)
    if a == b:
        return Likeness.SAME if a else Likeness.NONE
    if low_a == low_b:
        return Likeness.CASE
    if bare_a == bare_b or spelt_a == spelt_b:
        return Likeness.WEAK
    return Likeness.NEAR if _is_near(bare_a, bare_b) else Likeness.NONE


def most_slips(length: int) -> int:
    """Return how many letters a slip is at most, in a spelling of so many characters."""
    return 0 if length < 2 else 1 if length <= 5 else 2 if length <= 11 else 3


@lru_cache(maxsize=20_000)
def forms(text: str) -> tuple[str, str, str, str]:
    """Return a text's words; these without capitals; without accents; and without accents after umlauts were spelt out."""
    words = words_alone(normal(text))
    low = words.casefold()
    if low.isascii():
        return words, low, low, low
    return words, low, _without_accents(low), _without_accents(low.translate(_SPELT_OUT))


def _without_accents(text: str) -> str:
    """Drop what differs weakly: accents, hiragana against katakana, variants of a character."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFD", text.translate(_UNACCENTED)))
    return unicodedata.normalize("NFC", plain.translate(_KATAKANA)).translate(load_words().variants)


def _is_near(a: str, b: str) -> bool:
    longest = max(len(a), len(b))
    if longest > _LONGEST_SPELLING or not a or not b:
        return False
    if longest == 2:
        # Two characters are a whole name in Chinese and Japanese; two letters are hardly a word.
        return len(a) == len(b) and bool(IS_CJK.match(a)) and sum(x == y for x, y in zip(a, b, strict=True)) == 1
    allowed = most_slips(longest)
    # Counting letters costs little and refuses nearly all.
    if abs(len(a) - len(b)) > allowed or len(set(a) ^ set(b)) > 2 * allowed:
        return False
    one, other = Counter(a), Counter(b)
    return max((one - other).total(), (other - one).total()) <= allowed and _distance(a, b) <= allowed


def _distance(a: str, b: str) -> int:
    """Return the Damerau-Levenshtein distance with adjacent swaps (optimal string alignment)."""
    before: list[int] = []
    above = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]
