"""A text as the product reads it: cleaned, cut into tokens, its cues found. The only place that imports spaCy.

    text -> tokens (spaCy) -> keys (folded, stemmed) -> phrases (triage_ml.cues) -> cues (negated, asked)

Working on keys makes one phrase serve all its inflections ("breaks", "Breaking!", "BREAK"), and accents may be missing.
Japanese and Chinese are read character by character, so no dictionary is needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from itertools import accumulate
from operator import attrgetter
from threading import Lock
from typing import Any

from triage_ml.cues import HELPERS, SENTENCE_END, Lexicon, Span, compile_lexicon, lexicon_file
from triage_ml.kept import kept

_BY_CHARACTER = frozenset({"ja", "zh"})
_STEMMERS = {"en": "english", "de": "german", "fr": "french", "es": "spanish", "it": "italian"}
_NEGATABLE = frozenset({"fault", "damage", "stopped", "differs", "missing", "praise", "taste", "own_error"})
_QUESTION_MARKS = frozenset("?？")
_COMMAS = frozenset(",，、")
_PIECES_REMEMBERED, _LONGEST_REMEMBERED = 50_000, 40
# One character for one character, so that a span found in the folded text is a span of the text itself.
_FOLD_CHARACTERS = str.maketrans("’‘´`ʼ“”„«»–—−‐‑", "'''''\"\"\"\"\"-----")
_TO_FOLD = re.compile(f"[{''.join(map(chr, _FOLD_CHARACTERS))}]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2028\u2029\ufeff]")
# A single blank is left as it is: nearly all are.
_BLANKS = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
_LINE_ENDS = re.compile(r" ?\n ?")
_EMPTY_LINES = re.compile(r"\n{3,}")
_REPEATS = re.compile(r"([^\W\d])\1{2,}")
_NUMBER = re.compile(r"\d[\d.,:/]*")
_NUMBER_KEY = "#"
# In Japanese and Chinese a character; Latin words and numbers stay whole.
_CHARACTERS = re.compile(r"\d[\d.,:/]*|[a-zA-ZÀ-ÿ]+|\S|\s")


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
    """Return `text` in NFC, without control characters, with single blanks, none around a line, and at most one empty line."""
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    return _EMPTY_LINES.sub("\n\n", _LINE_ENDS.sub("\n", _BLANKS.sub(" ", text))).strip()


def read(text: str, language: str) -> Reading:
    """Clean one text and find its cues; `read_many` for one."""
    return next(iter(read_many([text], [language])))


def read_many(texts: Sequence[str], languages: Sequence[str]) -> list[Reading]:
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
    found: list[Reading | None] = [None] * len(texts)
    # One language after another: a lexicon stays in the processor's cache as long as it is needed.
    for row in sorted(range(len(texts)), key=languages.__getitem__):
        found[row] = _reader(languages[row]).read(clean(texts[row]))
    return [reading for reading in found if reading]


# The keys of a piece of text, and where in it they start.
_Piece = tuple[tuple[str, ...], tuple[int, ...]]


class _Reader:
    """Reads texts of one language.

    Parameters
    ----------
    language
        ISO 639-1 code.
    split
        Cuts a piece into words with the places where they start; None where every piece is one word.
    stem
        Takes the ending off a word.
    """

    def __init__(self, language: str, split: Callable[[str], list[tuple[str, int]]] | None, stem: Callable[[str], str]) -> None:
        self.language, self.split, self.stem = language, split, stem
        by_character = split is None
        # Neither spaCy's memory zones nor the stemmers may be shared by threads at one time.
        self.new_pieces = Lock()
        # Pieces are what stands between two blanks, which spaCy reads each by itself; or else characters.
        self.known: dict[str, _Piece] = {}
        self.between = 0 if by_character else 1
        # Keys that end a sentence; those of empty lines join them as they come.
        self.breaks = set(SENTENCE_END)
        # Gaps and negations reach about one short clause: in tokens, or in characters.
        self.negation_reach = 4 if by_character else 3
        compiled = kept(
            f"cues-{language}", _made_of(language), lambda: compile_lexicon(language, self.phrase_keys, glue=not by_character)
        )
        self.lexicon = Lexicon(compiled, reach=14 if by_character else 7)

    def read(self, text: str) -> Reading:
        keys, starts = self.cut(text)
        sentences = self._sentences(keys)
        spans = self.lexicon.find(keys, sentences)
        shown = [span for span in spans if span.type not in HELPERS]
        cues = sorted(self._cues(text, shown, spans, keys, starts, sentences), key=attrgetter("start", "end", "type"))
        turns = [starts[s.start] for s in spans if s.type == "contrast" and s.end < len(keys) - 1]
        return Reading(text, self.language, tuple(keys), tuple(cues), max(turns, default=-1))

    def cut(self, text: str) -> tuple[list[str], list[int]]:
        """Return the keys of a text and where they start."""
        folded = text.translate(_FOLD_CHARACTERS) if _TO_FOLD.search(text) else text
        pieces = _CHARACTERS.findall(folded) if self.split is None else folded.split(" ")
        known = self.known
        found = [known.get(piece) or self._remember(piece) for piece in pieces]
        begins = accumulate((len(piece) + self.between for piece in pieces), initial=0)
        keys = [key for piece in found for key in piece[0]]
        return keys, [begin + offset for begin, piece in zip(begins, found, strict=False) for offset in piece[1]]

    def _remember(self, piece: str) -> _Piece:
        with self.new_pieces:
            words = self.split(piece) if self.split else [(piece, 0)] * (piece == "\n" or not piece.isspace())
            found = tuple(self._key(word) for word, _ in words), tuple(start for _, start in words)
        self.breaks.update(key for key in found[0] if key.startswith("\n"))
        # Bounded, since a stream of messages brings new misspellings for ever, and some of them are a whole page.
        if len(self.known) < _PIECES_REMEMBERED and len(piece) <= _LONGEST_REMEMBERED:
            self.known[piece] = found
        return found

    def phrase_keys(self, word: str) -> tuple[str, ...]:
        return tuple(self.cut(word)[0])

    def _sentences(self, keys: Sequence[str]) -> list[int]:
        """Return the number of the sentence that each key belongs to."""
        if self.breaks.isdisjoint(keys):
            return [0] * len(keys)
        return list(accumulate(map(self.breaks.__contains__, keys[:-1]), initial=0))

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

    def _cues(
        self, text: str, shown: list[Span], spans: list[Span], keys: list[str], starts: list[int], sentences: list[int]
    ) -> Iterator[Cue]:
        """Yield the spans to be shown as cues; the helpers among all spans say which are negated or asked."""
        asked = self._asked(spans, keys, sentences)
        negations = [span for span in spans if span.type == "negation" and not any(_holds(one, span) for one in shown)]
        last = len(starts)
        for span in shown:
            negated = False
            if negations and span.type in _NEGATABLE:
                sentence = sentences[span.start]
                negated = any(
                    0 <= span.start - n.end < self.negation_reach and sentences[n.start] == sentence for n in negations
                )
            start = starts[span.start]
            words = text[start : starts[span.end]] if span.end < last else text[start:]
            yield Cue(start, start + len(words.rstrip()), span.type, negated, span.type != "question" and asked(span.start))

    def _asked(self, spans: list[Span], keys: list[str], sentences: list[int]) -> Callable[[int], bool]:
        """Return what says whether the key at a position is asked for and not stated.

        "It leaks, can you help?" states the leak and "why does it leak?" complains of it, but "does it leak?" and "what if it
        leaks?" ask.
        """
        if _QUESTION_MARKS.isdisjoint(keys):
            return lambda _: False
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


def _made_of(language: str) -> list[bytes]:
    """Return all that the keys of a language's cue phrases depend on: its file, and what cuts and stems, ours and others'."""
    ours = [files("triage_ml") / f"{name}.py" for name in ("text", "cues", "phrases")]
    others = [version(name).encode() for name in ("spacy", "PyStemmer")]
    return [lexicon_file(language).read_bytes(), *(one.read_bytes() for one in ours), *others]


def _holds(span: Span, other: Span) -> bool:
    return span.start <= other.start < span.end


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)).replace("ß", "ss")


@cache
def _reader(language: str) -> _Reader:
    if language in _BY_CHARACTER:
        return _Reader(language, None, lambda word: word)
    import spacy
    from spacy.attrs import NORM
    from Stemmer import Stemmer

    tokenizer: Any = spacy.blank(language).tokenizer
    # A word's shape, prefix and a dozen other things that spaCy works out for each new word are of no use here.
    getters = tokenizer.vocab.lex_attr_getters
    tokenizer.vocab.lex_attr_getters = {NORM: getters[NORM]}

    def split(piece: str) -> list[tuple[str, int]]:
        # In a memory zone, so that spaCy does not keep every word it has ever met.
        # The norm undoes contractions: "n't", "nt" and "not" are one word.
        with tokenizer.vocab.memory_zone():
            return [(token.norm_, token.idx) for token in tokenizer(piece)]

    return _Reader(language, split, Stemmer(_STEMMERS[language]).stemWord)
