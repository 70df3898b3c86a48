"""Letters without case and accents, one for one, so that places in a text stay what they are."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=10_000)
def bare_letter(char: str) -> str:
    """Return a letter in lower case and without its accent; kana lose no mark, since theirs make other sounds."""
    low = char.lower() if len(char.lower()) == 1 else char
    decomposed = unicodedata.normalize("NFD", low)
    return decomposed[0] if is_accent(decomposed[1:2]) else low


def is_accent(char: str) -> bool:
    """Whether a character is a combining accent; "" is none."""
    return "\u0300" <= char <= "\u036f"
