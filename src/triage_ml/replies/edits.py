"""How much of a suggested reply a person changed before sending it."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

# A word, or one sign; Chinese and Japanese are compared sign by sign.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+|[^\w\s]")
# No reply is longer; what is pasted beyond it is not looked at.
_MOST_WORDS = 2_000


def changed_share(suggested: str, sent: str) -> float:
    """Return which share of a suggestion and of what was sent is not the same in both.

    Parameters
    ----------
    suggested, sent
        Texts in any language; blanks and line breaks do not count.

    Returns
    -------
    float
        0 where it was sent as suggested, 1 where no word is left; two empty texts are the same.
    """
    before, after = (_WORD.findall(text)[:_MOST_WORDS] for text in (suggested, sent))
    return round(1 - SequenceMatcher(None, before, after).ratio(), 4)
