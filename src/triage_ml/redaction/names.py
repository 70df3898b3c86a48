"""Names and what was engraved: behind phrases, in greetings, at the end of a message, and wherever the order's values stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from triage_ml.redaction.kinds import PersonalData, Span
from triage_ml.redaction.ordered import DATE, EASTERN, OrderedValue, is_name
from triage_ml.redaction.words import Words, fold

# A number with a full stop is a day ("17. Mai"), not the end of a sentence.
_SENTENCE = re.compile(r"(?:[^.!?。\n]|[.!?](?!\s|$)|(?:(?<=\W\d)|(?<= \d\d))\. (?=[^\W\d_]))+[.!?。\n]*")
_PIECE = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_MARKS = " \t\n\"'「」『』‚.,;:!?"
_ALIKE = 0.8  # "Katelyn" and "Kaitlyn" are 0.86 alike, "Anna" and "Hanna" 0.89


def find_names(text: str, words: Words, ordered: Sequence[OrderedValue]) -> Iterator[Span]:
    """Yield names, engraved texts and personal dates; `text` in its plain form."""
    found = [*_known(text, words, ordered), *_announced(text, words), *_given(text, words), *_dates(text, words, ordered)]
    found = [_without_possessive(text, span) for span in found]
    yield from found
    # A name that was given away once is one wherever it stands.
    for name in {text[span.start : span.end] for span in found if span.kind is PersonalData.NAME}:
        if len(name) > (1 if EASTERN.match(name) else 2):
            yield from _places(re.escape(name), text, PersonalData.NAME)


def _without_possessive(text: str, span: Span) -> Span:
    return Span(span.start, span.end - 2, span.kind) if text[span.start : span.end].endswith("'s") else span


def _announced(text: str, words: Words) -> Iterator[Span]:
    """Yield what phrases, greetings and signatures give away, and quotes in sentences about engraving."""
    matches = [(match, 0) for pattern in words.says for match in pattern.finditer(text)]
    for sentence in _SENTENCE.finditer(text):
        if words.engraving.search(sentence[0]):
            patterns = (*words.hints, words.quoted)
            matches += [(match, sentence.start()) for pattern in patterns for match in pattern.finditer(sentence[0])]
    for match, offset in matches:
        start, end = match.span("name")
        yield from _judged(text, offset + start, offset + end, words)


def _given(text: str, words: Words) -> Iterator[Span]:
    """Yield frequent given names, with the family name where one follows."""
    for match in words.given.finditer(text):
        given = fold(match["given"])
        if (given in words.given_names or given.removesuffix("s") in words.given_names) and not words.is_other(match["given"]):
            family = match["family"] if not words.is_other(match["family"].strip()) else ""
            yield Span(match.start(), match.end() - len(match["family"]) + len(family), PersonalData.NAME)


def _judged(text: str, start: int, end: int, words: Words) -> Iterator[Span]:
    """Cut off quotes, and words that are no names at either end; yield what is left, if anything is."""
    quoted = text[start] in _MARKS
    while start < end and text[start] in _MARKS:
        start += 1
    while start < end and text[end - 1] in _MARKS:
        end -= 1
    value = text[start:end]
    if quoted:
        if value and value.lower() not in words.other:
            yield Span(start, end, PersonalData.NAME if is_name(value, words) else PersonalData.ENGRAVING)
        return
    if EASTERN.search(value):
        if not words.is_other(value):
            yield Span(start, end, PersonalData.NAME)
        return
    parts = [match.span() for match in _PIECE.finditer(value)]
    others = [words.is_other(value[slice(*part)]) for part in parts]
    # "Rosa" is a colour, but not in Rosa María Gil.
    while others and others[0] and (len(others) < 3 or others[1]):
        parts, others = parts[1:], others[1:]
    while others and others[-1]:
        parts, others = parts[:-1], others[:-1]
    shouted = value.isupper() and text[max(0, start - 20) : start].isupper()
    if parts and parts[-1][1] - parts[0][0] > 1 and not shouted:
        yield Span(start + parts[0][0], start + parts[-1][1], PersonalData.NAME)


def _known(text: str, words: Words, ordered: Sequence[OrderedValue]) -> Iterator[Span]:
    """Yield what the order says was engraved: all of it, its names, and what was probably meant to be one of them."""
    folded = fold(text)
    for value in ordered:
        yield from _places(r"\s+".join(map(re.escape, fold(value.text).split())), folded, value.kind)
        for name in value.names:
            initial = "" if EASTERN.match(name) else r"(?:\b[a-z]\. ?)?"
            yield from _places(initial + re.escape(name), folded, PersonalData.NAME)
    whole = [fold(value.text) for value in ordered]
    for match in words.quoted.finditer(text) if whole else ():
        quote = fold(match[0].strip(_MARKS))
        if len(quote) > 2 and any(quote in value or _alike(quote, value) for value in whole):
            yield Span(match.start() + 1, match.end() - 1, PersonalData.ENGRAVING)
    names = {name for value in ordered for name in value.names}
    for match in _PIECE.finditer(text) if names else ():
        if match[0][0].isupper() and not words.is_other(match[0]) and any(_alike(fold(match[0]), name) for name in names):
            yield Span(*match.span(), PersonalData.NAME)


def _alike(one: str, other: str) -> bool:
    return min(len(one), len(other)) > 2 and SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE


def _dates(text: str, words: Words, ordered: Sequence[OrderedValue]) -> Iterator[Span]:
    """Yield dates of the order, also with figures swapped, and dates in a sentence about a wedding, a birth or an engraving."""
    known = {_figures(match[0]) for value in ordered for match in DATE.finditer(value.text)}
    for sentence in _SENTENCE.finditer(text):
        about_people = words.occasion.search(sentence[0])
        for match in DATE.finditer(sentence[0]):
            if about_people or _figures(match[0]) in known:
                yield Span(sentence.start() + match.start(), sentence.start() + match.end(), PersonalData.DATE)


def _figures(date: str) -> str:
    """Return the figures of a date in order of size, the same for 04.07.1974, 4/7/74 and 4/7/47."""
    return "".join(sorted("".join(str(int(number[-2:])) for number in re.findall(r"\d+", date))))


def _places(pattern: str, text: str, kind: PersonalData) -> Iterator[Span]:
    """Yield where whole words match, also before the s of a possessive."""
    edges = ("", "") if EASTERN.search(pattern) else (r"(?<!\w)", r"(?=s?(?!\w))")
    return (Span(*match.span(), kind) for match in re.finditer(edges[0] + pattern + edges[1], text))
