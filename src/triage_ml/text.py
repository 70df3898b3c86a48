"""A text as the product reads it: cleaned, cut into tokens, its cues found. The only place that imports spaCy.

    text -> tokens (spaCy) -> keys (folded, stemmed) -> phrases (triage_ml.cues) -> cues (negated, asked)

Working on keys makes one phrase serve all its inflections ("breaks", "Breaking!", "BREAK"), and accents may be missing.
Japanese and Chinese are read character by character, so no dictionary is needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from triage_ml.cues import HELPERS, SENTENCE_END, Lexicon, Span

_BY_CHARACTER = frozenset({"ja", "zh"})
_STEMMERS = {"en": "english", "de": "german", "fr": "french", "es": "spanish", "it": "italian"}
_NEGATABLE = frozenset({"fault", "damage", "stopped", "differs", "missing", "praise", "taste", "own_error"})
_QUESTION_MARKS = frozenset("?？")
_COMMAS = frozenset(",，、")
_KEYS_REMEMBERED = 200_000
# One character for one character, so that a span found in the folded text is a span of the text itself.
_FOLD_CHARACTERS = str.maketrans("’‘´`ʼ“”„«»–—−‐‑", "'''''\"\"\"\"\"-----")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2028\u2029\ufeff]")
_REPEATS = re.compile(r"([^\W\d])\1{2,}")
_NUMBER = re.compile(r"\d[\d.,:/]*")
_NUMBER_KEY = "#"
_CHARACTERS = re.compile(r"\d[\d.,:/]*|[a-zA-ZÀ-ÿ]+|\n|\S")


@dataclass(frozen=True, slots=True, order=True)
class Cue:
    """A span of a text that speaks for something.

    `start` and `end` are character offsets into the cleaned text; `negated` says that a "not" turns it round ("not broken"),
    `asked` that it stands in a question ("will it break?").
    """

    start: int
    end: int
    type: str
    negated: bool = False
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One text after reading: what all later steps share, so that nothing is tokenised twice.

    Parameters
    ----------
    text
        The cleaned text, to which the spans of `cues` refer.
    language
        Which language's cues were applied.
    keys
        The folded and stemmed tokens (for Japanese and Chinese: characters), in order.
    cues
        In the order of the text.
    turn
        Where the last clause that begins with a "but" starts, as a character offset; -1 where there is none.
    """

    text: str
    language: str
    keys: tuple[str, ...]
    cues: tuple[Cue, ...] = ()
    turn: int = -1


def clean(text: str) -> str:
    """Return `text` in NFC, without control characters, with single blanks and at most one empty line running."""
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[^\S\n]+", " ", text)).strip()


def read(text: str, language: str) -> Reading:
    """Clean one text and find its cues; `read_many` for one."""
    return next(iter(read_many([text], [language])))


def read_many(texts: Iterable[str], languages: Sequence[str]) -> list[Reading]:
    """Clean texts, cut them into tokens and find their cues.

    Parameters
    ----------
    texts
        n texts.
    languages
        n codes of `triage_ml.language.LANGUAGES`.

    Returns
    -------
    list of Reading
        n readings, in order.
    """
    return [_reader(language).read(clean(text)) for text, language in zip(texts, languages, strict=True)]


# Words with the places where they start.
Tokens = tuple[list[str], list[int]]


class _Reader:
    """Reads texts of one language."""

    def __init__(self, language: str, tokenise: Callable[[str], Tokens], stem: Callable[[str], str]) -> None:
        self.language, self.tokenise, self.stem = language, tokenise, stem
        by_character = language in _BY_CHARACTER
        self.remembered: dict[str, str] = {}
        self.phrase_words: dict[str, tuple[str, ...]] = {}
        # Gaps and negations reach about one short clause: in tokens, or in characters.
        self.negation_reach = 4 if by_character else 3
        self.lexicon = Lexicon(language, self.phrase_keys, reach=14 if by_character else 7, glue=not by_character)

    def read(self, text: str) -> Reading:
        words, starts = self.tokenise(text.translate(_FOLD_CHARACTERS))
        keys = [self.key(word) for word in words]
        sentences = _sentences(keys)
        spans = self.lexicon.find(keys, sentences)
        cues = sorted(self._cues(text, spans, keys, starts, sentences))
        turns = [starts[s.start] for s in spans if s.type == "contrast" and s.end < len(keys) - 1]
        return Reading(text, self.language, tuple(keys), tuple(cues), max(turns, default=-1))

    def key(self, word: str) -> str:
        key = self.remembered.get(word)
        if key is None:
            key = self._key(word)
            # Bounded, since a stream of messages brings new misspellings for ever.
            if len(self.remembered) < _KEYS_REMEMBERED:
                self.remembered[word] = key
        return key

    def _key(self, word: str) -> str:
        if _NUMBER.fullmatch(word):
            return _NUMBER_KEY
        word = _REPEATS.sub(r"\1\1", unicodedata.normalize("NFKC", word).casefold())
        if self.language in _BY_CHARACTER:
            return word.replace(" ", "_") or "_"
        key = _without_accents(self.stem(word))
        if self.language != "en":
            # Once more, so that "cassée" and "cassee" meet: the stemmers know endings only with their accents.
            key = self.stem(key)
        key = key or word
        return key.replace(" ", "_") or "_"

    def phrase_keys(self, word: str) -> tuple[str, ...]:
        keys = self.phrase_words.get(word)  # the same words stand in thousands of phrases
        if keys is None:
            parts, _ = self.tokenise(word.translate(_FOLD_CHARACTERS))
            keys = self.phrase_words[word] = tuple(self.key(part) for part in parts)
        return keys

    def _cues(self, text: str, spans: list[Span], keys: list[str], starts: list[int], sentences: list[int]) -> Iterator[Cue]:
        asked = self._asked(spans, keys, sentences)
        taken = {i for s in spans if s.type not in HELPERS for i in range(s.start, s.end)}
        negations = [s for s in spans if s.type == "negation" and s.start not in taken]
        ends = [*starts[1:], len(text)]
        for span in spans:
            if span.type in HELPERS:
                continue
            sentence = sentences[span.start]
            negated = span.type in _NEGATABLE and any(
                0 <= span.start - n.end < self.negation_reach and sentences[n.start] == sentence for n in negations
            )
            start = starts[span.start]
            end = start + len(text[start : ends[span.end - 1]].rstrip())
            yield Cue(start, end, span.type, negated, span.type != "question" and asked(span.start))

    def _asked(self, spans: list[Span], keys: list[str], sentences: list[int]) -> Callable[[int], bool]:
        """Return what says whether the key at a position is asked for and not stated.

        "It leaks, can you help?" states the leak and "why does it leak?" complains of it, but "does it leak?" and "what if it
        leaks?" ask.
        """
        marks = [i for i, key in enumerate(keys) if key in _QUESTION_MARKS]
        end = {sentences[i]: i for i in marks}
        helpers = {
            kind: [s.start for s in spans if s.type == kind and sentences[s.start] in end] for kind in ("opener", "why", "if")
        }

        def asked(position: int) -> bool:
            sentence = sentences[position]
            if sentence not in end:
                return False
            here = {kind: [i for i in starts if sentences[i] == sentence] for kind, starts in helpers.items()}
            if any(i <= position for i in here["if"]):
                return True
            if any(i <= position for i in here["why"]):
                return False
            if self.language in _BY_CHARACTER:
                return not any(key in _COMMAS for key in keys[position : end[sentence]])
            return not here["opener"] or here["opener"][0] <= position

        return asked


def _sentences(keys: Sequence[str]) -> list[int]:
    """Return the number of the sentence that each key belongs to."""
    numbers, number = [], 0
    for key in keys:
        numbers.append(number)
        number += key in SENTENCE_END or key.startswith("\n")
    return numbers


def _characters(text: str) -> Tokens:
    """Cut a Japanese or Chinese text into characters; Latin words and numbers in it stay whole."""
    found = [(m.group(), m.start()) for m in _CHARACTERS.finditer(text)]
    return [word for word, _ in found], [start for _, start in found]


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)).replace("ß", "ss")


@cache
def _reader(language: str) -> _Reader:
    if language in _BY_CHARACTER:
        return _Reader(language, _characters, lambda word: word)
    import spacy
    from Stemmer import Stemmer

    tokenizer = spacy.blank(language).tokenizer
    # The norm undoes contractions: "n't", "nt" and "not" are one word.
    return _Reader(
        language,
        lambda text: _words(tokenizer(text)),
        Stemmer(_STEMMERS[language]).stemWord,
    )


def _words(doc: Iterable[Any]) -> Tokens:
    words, starts = [], []
    for token in doc:
        words.append(token.norm_)
        starts.append(token.idx)
    return words, starts
