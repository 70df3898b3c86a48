"""Mentions: the values that a message names, its spellings among them.

A spelling is what stands in quotation marks, or words in a row that are like a field of the order or a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from triage_ml.customisation.characters import IS_CJK, TOKEN
from triage_ml.customisation.matching import Match
from triage_ml.customisation.order import Field
from triage_ml.customisation.passage import Passage, covered
from triage_ml.customisation.sieve import Outline, Sieve, joined, outline
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
    spelt = [field for field in fields if field.is_spelt and field.places]
    if not spelt:
        return
    quoted = covered(passage.quoted)
    known: dict[str, Match | None] = {}
    for start, end in _windows(passage, spelt):
        if start in quoted:
            continue
        text = passage.text[start:end]
        if text not in known:
            known[text] = _best_match(text, spelt)
        if match := known[text]:
            capital = passage.unspaced or text[0].isupper()
            sure = (capital and len(text) > 1) or (match.whole and (capital or match.level > Likeness.NEAR))
            yield Value(text, start, end, loose=not sure), match


class _Word(NamedTuple):
    """A word of a message, with all that is asked of it time and again."""

    start: int
    end: int
    outline: Outline
    is_filler: bool
    is_edge: bool  # a spelling may begin or end with it
    is_cjk: bool
    is_joined: bool  # it may belong to one spelling with the word before it


def _windows(passage: Passage, fields: Sequence[Field]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of words in a row that may be like a field, and begin and end with no filler without a capital."""
    longest = min(_LONGEST_WINDOW, 1 + max(len(field.places) for field in fields))
    sieve, words = Sieve(fields, longest), _words(passage)
    for n, first in enumerate(words):
        if not first.is_edge:
            continue
        row, plain, cjk = first.outline, first.is_filler, first.is_cjk
        if not plain and sieve.passes(row, 1, cjk=cjk):
            yield first.start, first.end
        for count, word in enumerate(words[n + 1 : n + longest], 2):
            if not word.is_joined:
                break
            row, plain, cjk = joined(row, word.outline), plain and word.is_filler, cjk or word.is_cjk
            if word.is_edge and not plain and sieve.passes(row, count, cjk=cjk):
                yield first.start, word.end


def _words(passage: Passage) -> list[_Word]:
    words: list[_Word] = []
    last = 0
    for token in TOKEN.finditer(passage.text):
        (start, end), text = token.span(), token[0]
        filler = passage.is_filler(start, end)
        edge, cjk = not filler or text[0].isupper(), bool(IS_CJK.match(text))
        words.append(_Word(start, end, outline(text), filler, edge, cjk, _is_joined(passage, last, start)))
        last = end
    return words


def _is_joined(passage: Passage, end: int, start: int) -> bool:
    """Whether two words may belong to one spelling, by what stands between them."""
    between = passage.text[end:start]
    if between in ("", " "):  # which is most often so
        return True
    return bool(_SPELLING_GAP.fullmatch(between)) and passage.sentence(end)[1] >= start


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
