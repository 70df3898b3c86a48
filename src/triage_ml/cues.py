"""What people say: a lexicon of cue phrases, and where its phrases stand in a text.

The knowledge is in `data/cues/<language>.toml`, written by people who speak the language; `data/cues/README.md` explains the
notation. A phrase such as "(won't|doesn't) (turn|switch) on" stands for all its variants at once. They are not spelt out (some
lines mean ten thousand), but followed key by key through one automaton of all phrases (`triage_ml.phrases`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import product
from typing import Any

from triage_ml.errors import LanguageDataError
from triage_ml.phrases import Phrase, PhraseAutomaton, Phrases

CUE_TYPES = (
    "fault", "damage", "stopped", "differs", "missing", "own_error", "taste", "fit", "expectation", "changed_mind",
    "delivery", "service", "account", "praise", "question", "no_fault", "resolved", "threat", "review_trade",
    "extra_demand", "no_proof", "misuse", "insult", "wish_refund", "wish_replacement", "wish_return", "wish_partial",
    "wish_repair", "keep_it", "photo", "deadline",
)  # fmt: skip
# What opens a question, what makes it a reproach, what makes it a mere possibility: they count inside longer phrases too.
FRAMES = ("opener", "why", "if")
# Words around cues, never shown themselves: what turns a cue round, what sets two clauses against each other, and the frames.
HELPERS = frozenset({"negation", "contrast", *FRAMES})
SENTENCE_END = frozenset(".!?;。！？；…")

_BLANKS, _WORD, _GLUED = re.compile(r"\s+"), re.compile(r"[^\s()|]+"), re.compile(r"[^\s|)]")
_GAP = re.compile(r"\s*(?:…|\.\.\.)\s*")

# A word of a phrase as the keys that the text would have in its place.
Keys = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Span:
    """A phrase found: keys `start` to `end` (exclusive) speak for `type`."""

    start: int
    end: int
    type: str


# A line with gaps: what it speaks for, and the numbers of its pieces behind the first.
_Line = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What it means that some pieces end at a place.

    Parameters
    ----------
    types, frames
        What they speak for where they are whole lines; frames count inside longer phrases too and are apart.
    begun
        The numbers of the lines with gaps that begin with them.
    wanted
        The pieces that those lines go on with.
    behind
        Those of them that stand behind gaps.
    """

    types: tuple[str, ...]
    frames: tuple[str, ...]
    begun: tuple[int, ...]
    wanted: frozenset[int]
    behind: frozenset[int]


class Lexicon:
    """The cue phrases of one language, ready to be found.

    Parameters
    ----------
    compiled
        What `compile_lexicon` made.
    reach
        How many keys a gap may span.
    """

    def __init__(self, compiled: Mapping[str, Any], *, reach: int) -> None:
        self.reach = reach
        self._phrases = PhraseAutomaton(compiled["phrases"], self._mean)
        self._whole: Sequence[Sequence[str]] = compiled["whole"]
        # By the number of a line's first piece: the numbers of lines that begin with it.
        self._begun: dict[int, list[int]] = {}
        self._gapped: list[_Line] = []
        for cue_type, (first, *rest) in compiled["gapped"]:
            self._begun.setdefault(first, []).append(len(self._gapped))
            self._gapped.append((cue_type, tuple(rest)))
        self._behind = {piece for _, rest in self._gapped for piece in rest}

    def find(self, keys: Sequence[str], sentences: Sequence[int]) -> list[Span]:
        """Return the phrases in a text.

        Parameters
        ----------
        keys
            n keys of one text.
        sentences
            For each key, the number of its sentence; gaps do not reach beyond.

        Returns
        -------
        list of Span
            The longest ones: what stands inside a longer phrase is left out. A phrase with a gap silences nothing, since what
            stands in its gap is none of its words; nor does a frame.
        """
        frames: list[Span] = []
        longest: dict[int, tuple[int, tuple[str, ...]]] = {}
        begun: dict[tuple[int, int], int] = {}
        wanted: set[int] = set()
        behind: dict[int, dict[int, int]] = {}
        for begin, end, meaning in self._phrases.find(keys):
            # Of the phrases that begin at a place the longest comes last and counts.
            if meaning.types:
                longest[begin] = end, meaning.types
            if meaning.frames:
                frames += [Span(begin, end, cue_type) for cue_type in meaning.frames]
            if not wanted.isdisjoint(meaning.behind):
                for piece in wanted & meaning.behind:
                    behind.setdefault(piece, {})[begin] = end
            if meaning.begun:
                wanted |= meaning.wanted
                for line in meaning.begun:
                    begun[begin, line] = end
        whole = _outermost(longest)
        if behind:
            whole += [span for span in dict.fromkeys(self._joined(begun, behind, sentences)) if not _inside_longer(span, whole)]
        return frames + whole

    def _mean(self, ended: frozenset[int]) -> _Meaning:
        """Return what it means that these pieces end at some place."""
        pieces = sorted(ended)
        types = dict.fromkeys(cue_type for piece in pieces for cue_type in self._whole[piece])
        begun = tuple(line for piece in pieces for line in self._begun.get(piece, ()))
        return _Meaning(
            types=tuple(cue_type for cue_type in types if cue_type not in FRAMES),
            frames=tuple(cue_type for cue_type in types if cue_type in FRAMES),
            begun=begun,
            wanted=frozenset(piece for line in begun for piece in self._gapped[line][1]),
            behind=ended & self._behind,
        )

    def _joined(
        self, begun: Mapping[tuple[int, int], int], behind: Mapping[int, Mapping[int, int]], sentences: Sequence[int]
    ) -> Iterator[Span]:
        """Yield the lines with gaps whose pieces all stand there, each the nearest behind the one before."""
        for (begin, line), first in begun.items():
            cue_type, pieces = self._gapped[line]
            end = first
            for piece in pieces:
                end = self._nearest(behind[piece], end, sentences) if piece in behind else 0
                if not end:
                    break
            else:
                yield Span(begin, end, cue_type)

    def _nearest(self, ends: Mapping[int, int], begin: int, sentences: Sequence[int]) -> int:
        """Return where the piece ends that stands first behind a gap from `begin`, within its sentence; 0 if nowhere."""
        sentence = sentences[begin - 1]
        for index in range(begin, min(begin + self.reach + 1, len(sentences))):
            if sentences[index] != sentence:
                return 0
            if index in ends:
                return ends[index]
        return 0


def _outermost(longest: Mapping[int, tuple[int, tuple[str, ...]]]) -> list[Span]:
    """Return the spans, by begin, that stand inside no longer one: "not broken" is no "broken"."""
    spans: list[Span] = []
    reached = 0
    for begin, (end, types) in longest.items():
        if end > reached:
            reached = end
            spans += [Span(begin, end, cue_type) for cue_type in types]
    return spans


def _inside_longer(span: Span, others: Iterable[Span]) -> bool:
    width = span.end - span.start
    return any(o.start <= span.start and span.end <= o.end and o.end - o.start > width for o in others)


# --- the notation ----------------------------------------------------------------------------------------------------


def lexicon_file(language: str) -> Traversable:
    """Return the file with the cue phrases of a language."""
    return files("triage_ml") / "data" / "cues" / f"{language}.toml"


def compile_lexicon(language: str, keys: Keys, *, glue: bool) -> dict[str, Any]:
    """Return the cue phrases of a language as plain lists, for `Lexicon`.

    Parameters
    ----------
    language
        ISO 639-1 code, names the file.
    keys
        Turns a word of a phrase into the keys that a text would have in its place.
    glue
        Whether a group that touches a word belongs to it ("cass(é|ée)"); not where every character is a key.

    Raises
    ------
    LanguageDataError
        A file that is not written as data/cues/README.md says.
    """
    lines = list(_lines(language))
    in_gapped = {piece for _, pieces in lines if len(pieces) > 1 for piece in pieces}
    whole: dict[str, list[str]] = {}
    for cue_type, pieces in lines:
        for piece in pieces:
            whole.setdefault(piece, []).extend([cue_type] * (len(pieces) == 1))
    phrases = Phrases()
    numbers: dict[tuple[tuple[str, ...], str], int] = {}
    number_of: dict[str, int] = {}
    for piece, types in whole.items():
        # Pieces that are nothing but whole lines of one type need not be told apart.
        meaning = tuple(types), piece if piece in in_gapped else ""
        number_of[piece] = numbers.setdefault(meaning, len(numbers))
        phrases.add(_Parser(piece, keys, glue).phrase(), number_of[piece], piece)
    gapped = [(cue_type, [number_of[piece] for piece in pieces]) for cue_type, pieces in lines if len(pieces) > 1]
    return {"phrases": phrases.plain(), "whole": [types for types, _ in numbers], "gapped": gapped}


def _lines(language: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each line as its type and its pieces between gaps."""
    path = lexicon_file(language)
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LanguageDataError(f"{path}: found {error}; expected TOML as data/cues/README.md shows.") from error
    for cue_type, content in table.items():
        if cue_type not in HELPERS.union(CUE_TYPES):
            raise LanguageDataError(f"{path}: found [{cue_type}]; expected one of {', '.join((*CUE_TYPES, *sorted(HELPERS)))}.")
        for line in content["phrases"]:
            yield cue_type, _GAP.split(line)


class _Parser:
    """Reads one piece of a phrase: words, and groups "(a|b c|)" that may hold groups."""

    def __init__(self, text: str, keys: Keys, glue: bool) -> None:
        self.text, self.keys, self.glue, self.at = text, keys, glue, 0

    def phrase(self) -> Phrase:
        phrase = self._sequence()
        if self.at < len(self.text):
            self._fail("an unmatched )")
        return phrase

    def _sequence(self) -> Phrase:
        phrase: Phrase = []
        while True:
            self.at = _matched(_BLANKS, self.text, self.at)
            if self.at == len(self.text) or self.text[self.at] in "|)":
                return phrase
            phrase.append(self._unit())

    def _unit(self) -> tuple[str, ...] | list[Phrase]:
        """Read what stands between two blanks: a word, a group, or (glued) a word with groups in it."""
        atoms = [self._atom()]
        while self.glue and _GLUED.match(self.text, self.at):
            atoms.append(self._atom())
        if len(atoms) == 1:
            text, group = atoms[0]
            return tuple(self.keys(text)) if group is None else group
        variants = product(*([text] if group is None else _choices(text) for text, group in atoms))
        return [[tuple(self.keys(word)) for word in "".join(variant).split()] for variant in variants]

    def _atom(self) -> tuple[str, list[Phrase] | None]:
        """Return a word or group as it is written, and the group as it is read."""
        start = self.at
        if self.text[start] == "(":
            group = self._group()
            return self.text[start : self.at], group
        self.at = _matched(_WORD, self.text, start)
        return self.text[start : self.at], None

    def _group(self) -> list[Phrase]:
        self.at += 1
        alternatives = [self._sequence()]
        while self.at < len(self.text) and self.text[self.at] == "|":
            self.at += 1
            alternatives.append(self._sequence())
        if self.at >= len(self.text):
            self._fail("an unmatched (")
        self.at += 1
        return alternatives

    def _fail(self, found: str) -> None:
        raise LanguageDataError(f"cue phrase {self.text!r}: found {found}; expected groups such as (a|b|c).")


def _matched(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Return where what matches here ends, `start` where nothing does."""
    match = pattern.match(text, start)
    return match.end() if match else start


def _choices(group: str) -> list[str]:
    """Return the alternatives of a group inside a word, which may hold no further group."""
    inner = group[1:-1]
    if "(" in inner:
        raise LanguageDataError(f"cue phrase {group!r}: found a group in a group inside a word; expected it to be spelt out.")
    return inner.split("|")
