"""Characters: one form for all ways to type the same, and where a word begins and ends.

Chinese and Japanese are written without blanks: there each character is a token, and words have no edges.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from triage_ml.letters import bare_letter

# Han, kana and their marks; the middle dot separates words and is none of them.
CJK = r"\u3005\u3041-\u3096\u309d-\u30fa\u30fc-\u30ff\u3400-\u9fff\uf900-\ufaff"
IS_CJK = re.compile(rf"[{CJK}]")
TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")
_RUN = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
_FRACTIONS = str.maketrans({"½": ".5", "¼": ".25", "¾": ".75"})
_PLAIN_MARKS = str.maketrans("’‘´`ʼ′–—‐‑−\u00a0", "''''''----- ")


def normal(text: str) -> str:
    """Return the text in NFKC, with plain apostrophes, dashes and fractions."""
    if text.isascii() and "`" not in text:  # nothing to do, which is most often so
        return text
    return unicodedata.normalize("NFKC", text.translate(_FRACTIONS)).translate(_PLAIN_MARKS)


def bare(text: str, variants: Mapping[int, str]) -> str:
    """Return the text in lower case without accents and variants, one character for one, so that offsets stay.

    Parameters
    ----------
    text
        A text in its normal form.
    variants
        Code point to the character that stands for it, as in `Words.variants`.
    """
    if text.isascii():
        return text.lower()
    return "".join(map(bare_letter, text)).translate(variants)


def words_alone(text: str) -> str:
    """Return the words without punctuation, with single blanks."""
    return " ".join(_RUN.findall(text))


def is_word(low: str, start: int, end: int) -> bool:
    """Whether a span begins and ends at the edge of a word; a digit beside it belongs to the word."""
    first, last = low[max(0, start - 1) : start + 1], low[end - 1 : end + 1]
    return not any(len(pair) == 2 and pair.isalnum() and not IS_CJK.search(pair) for pair in (first, last))


def last_place(low: str, word: str) -> int:
    """Return where a word stands last, -1 where that is inside another; a digit beside it does not matter ("size7")."""
    at = low.rfind(word)
    if at < 0 or IS_CJK.search(word):
        return at
    edges = (low[at - 1 : at], low[at + len(word) : at + len(word) + 1])
    return -1 if any(edge.isalpha() and not IS_CJK.match(edge) for edge in edges) else at
