"""Mentions: the values that a message names, its spellings among them.

A spelling is what stands in quotation marks, or words in a row that are like a field of the order or a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from triage_ml.customisation.characters import TOKEN
from triage_ml.customisation.matching import Match
from triage_ml.customisation.order import Field
from triage_ml.customisation.passage import Passage, covered
from triage_ml.customisation.spelling import Likeness
from triage_ml.customisation.values import Number, Value

_LONGEST_WINDOW = 8
_SPELLING_GAP = re.compile(r"[ .'&・+-]{0,3}")
_CAPITALISED = re.compile(r"(?: |-| (?:&|and|und|et|y|e) )([^\W\d_a-z][^\W_]*)")
_WORD = re.compile(r"[^\W\d_]+")


def find_mentions(passage: Passage, fields: Sequence[Field]) -> list[Value]:
    """Return the values that a message names, in its order.

    Parameters
    ----------
    passage
        The message.
    fields
        The order, at least one field.
    """
    in_cues = covered(passage.cues)
    values = [_with_thing(value, passage, in_cues) for value in passage.typed]
    values += [*passage.quoted, *_spelt(passage, fields)]
    return _without_choices(sorted(values, key=lambda value: value.start), passage)


def _with_thing(value: Value, passage: Passage, in_cues: set[int]) -> Value:
    """Return a number with the word behind it, where that names a thing: two mugs are not held against one parcel."""
    if not isinstance(value.reading, Number) or passage.unspaced or passage.low[value.end : value.end + 1] != " ":
        return value
    behind = _WORD.match(passage.low, value.end + 1)
    known = passage.lexicon.lists["fillers"] | passage.lexicon.lists["count_words"]
    if not behind or behind[0] in known or behind.start() in in_cues:
        return value
    return replace(value, reading=replace(value.reading, thing=behind[0]))


def _without_choices(values: Sequence[Value], passage: Passage) -> list[Value]:
    """Leave out what a question puts side by side: "is it Anna or Anne?" says neither."""
    choices: set[int] = set()
    for n, (one, other) in enumerate(pairwise(values)):
        between = passage.low[one.end : other.start].strip(" ,")
        if one.sort == other.sort and between in passage.lexicon.lists["either"]:
            choices |= {n, n + 1}
    return [value for n, value in enumerate(values) if n not in choices]


# --- spellings


def _spelt(passage: Passage, fields: Sequence[Field]) -> list[Value]:
    """Return the words in a row that are like a field of the order or a part of it, none inside another."""
    hits = sorted(_candidates(passage, fields), key=lambda h: (h[1].whole, h[1].level, h[0].end - h[0].start), reverse=True)
    taken: set[int] = set()
    kept = []
    for value, match in hits:
        if value.start not in taken and value.end - 1 not in taken:
            whole = _extended(value, passage) if match.level >= Likeness.CASE else value
            taken |= covered([whole])
            kept.append(whole)
    return kept


def _candidates(passage: Passage, fields: Sequence[Field]) -> Iterator[tuple[Value, Match]]:
    """Yield the words in a row that are like a field, with how much; many lie inside others."""
    quoted = covered(passage.quoted)
    known: dict[str, Match | None] = {}
    for start, end in _windows(passage, min(_LONGEST_WINDOW, 1 + max(len(field.places) for field in fields))):
        text = passage.text[start:end]
        if text not in known:
            known[text] = _best_match(text, fields)
        if (match := known[text]) and start not in quoted:
            capital = passage.unspaced or text[0].isupper()
            sure = (capital and len(text) > 1) or (match.whole and (capital or match.level > Likeness.NEAR))
            yield Value(text, start, end, loose=not sure), match


def _windows(passage: Passage, longest: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of up to so many words in a row that begin and end with no filler, unless that has a capital."""
    tokens = [token.span() for token in TOKEN.finditer(passage.text)]
    filler = [passage.is_filler(*token) for token in tokens]
    edge = [not plain or passage.text[start].isupper() for plain, (start, _) in zip(filler, tokens, strict=True)]
    for i, (start, _) in enumerate(tokens):
        for j in range(i, min(len(tokens), i + longest)):
            if j > i and not _is_joined(passage, tokens[j - 1][1], tokens[j][0]):
                break
            if edge[i] and edge[j] and not all(filler[i : j + 1]):
                yield start, tokens[j][1]


def _is_joined(passage: Passage, end: int, start: int) -> bool:
    """Whether two words may belong to one spelling, by what stands between them."""
    return bool(_SPELLING_GAP.fullmatch(passage.text, end, start)) and passage.sentence(end)[1] >= start


def _best_match(text: str, fields: Sequence[Field]) -> Match | None:
    if not any(char.isalpha() for char in text):
        return None
    matches = [match for field in fields if (match := field.match_spelling(text)) and match.level > Likeness.NONE]
    return max(matches, key=lambda match: (match.whole, match.level), default=None)


def _extended(value: Value, passage: Passage) -> Value:
    """Return a name with the capitalised words behind it: it may be longer than in the order."""
    stop = value.end
    if not value.text.isupper():
        while (more := _CAPITALISED.match(passage.text, stop)) and not passage.is_filler(more.start(1), more.end()):
            stop = more.end()
    return replace(value, text=passage.text[value.start : stop], end=stop)
