"""What people say: a lexicon of cue phrases, and where its phrases stand in a text.

The knowledge is in `data/cues/<language>.toml`, written by people who speak the language; `data/cues/README.md` explains the
notation. A phrase such as "(won't|doesn't) (turn|switch) on" stands for all its variants at once. They are not spelt out (some
lines mean ten thousand), but compiled to one regular expression over keys, which is tried only where its first two keys stand.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from itertools import accumulate, pairwise, product

from triage_ml.errors import LanguageDataError

CUE_TYPES = (
    "fault", "damage", "stopped", "differs", "missing", "own_error", "taste", "fit", "expectation", "changed_mind",
    "delivery", "service", "account", "praise", "question", "no_fault", "resolved", "threat", "review_trade",
    "extra_demand", "no_proof", "misuse", "insult", "wish_refund", "wish_replacement", "wish_return", "wish_partial",
    "wish_repair", "keep_it", "photo", "deadline",
)  # fmt: skip
# What opens a question, what makes it a reproach, what makes it a mere possibility: they count inside longer phrases too.
FRAMES = ("opener", "why", "if")
# Words around cues, never shown themselves: what turns a cue round, what sets two clauses against each other, and the frames.
HELPERS = ("negation", "contrast", *FRAMES)
SENTENCE_END = frozenset(".!?;。！？；…")

_GAP = re.compile(r"\s*(?:…|\.\.\.)\s*")

# A word of a phrase as the keys that the text would have in its place.
Keys = Callable[[str], Sequence[str]]
# A phrase: keys that stand in a row, or a choice between phrases.
Phrase = list["tuple[str, ...] | list[Phrase]"]


@dataclass(frozen=True, slots=True)
class Span:
    """A phrase found: keys `start` to `end` (exclusive) speak for `type`."""

    start: int
    end: int
    type: str


@dataclass(frozen=True)
class _Piece:
    """A part of a phrase between two gaps, and the rest of the phrase behind it."""

    type: str
    phrase: Phrase
    rest: _Piece | None

    @cached_property
    def expression(self) -> re.Pattern[str]:
        # On first use, since most lines are not needed for most texts and compiling takes longest.
        return re.compile(_expression(self.phrase))


def _chain(cue_type: str, phrases: list[Phrase]) -> _Piece:
    return _Piece(cue_type, phrases[0], _chain(cue_type, phrases[1:]) if phrases[1:] else None)


class Lexicon:
    """The cue phrases of one language, ready to be found.

    Parameters
    ----------
    language
        ISO 639-1 code, names the file.
    keys
        Turns a word of a phrase into the keys that a text would have in its place.
    reach
        How many keys a gap may span.
    glue
        Whether a group that touches a word belongs to it ("cass(é|ée)"); not where every character is a key.
    """

    def __init__(self, language: str, keys: Keys, *, reach: int, glue: bool) -> None:
        self.reach = reach
        self._by_one: dict[str, list[_Piece]] = {}
        self._by_two: dict[tuple[str, str], list[_Piece]] = {}
        for cue_type, pieces in _lines(language):
            phrases = [_Parser(text, keys, glue).phrase() for text in pieces]
            heads = [_heads(phrase) for phrase in phrases]
            if any(() in head for head in heads):
                raise LanguageDataError(f"{language}.toml, [{cue_type}], {pieces}: found a phrase that may be empty.")
            self._add(_chain(cue_type, phrases), heads[0])

    def _add(self, piece: _Piece, heads: Iterable[tuple[str, ...]]) -> None:
        for head in heads:
            if len(head) == 1:
                self._by_one.setdefault(head[0], []).append(piece)
            else:
                self._by_two.setdefault((head[0], head[1]), []).append(piece)

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
            The longest ones: what stands inside a longer phrase is left out.
        """
        text = "".join([f"{key} " for key in keys])
        starts = list(accumulate((len(key) + 1 for key in keys), initial=0))
        index_at = {start: index for index, start in enumerate(starts)}
        whole: set[Span] = set()
        joined: set[Span] = set()
        for index, pair in enumerate(pairwise([*keys, ""])):
            for piece in (*self._by_one.get(pair[0], ()), *self._by_two.get(pair, ())):
                match = piece.expression.match(text, starts[index])
                if match is None:
                    continue
                end: int | None = index_at[match.end()]
                found = joined if piece.rest else whole
                while piece.rest and end is not None:
                    piece = piece.rest
                    end = self._nearest(piece, text, starts, index_at, end, sentences)
                if end is not None:
                    found.add(Span(index, end, piece.type))
        return _longest(whole, joined)

    def _nearest(
        self,
        piece: _Piece,
        text: str,
        starts: Sequence[int],
        index_at: Mapping[int, int],
        begin: int,
        sentences: Sequence[int],
    ) -> int | None:
        """Return where the piece ends that stands first behind a gap from `begin`, within its sentence; None if nowhere."""
        for index in range(begin, min(begin + self.reach + 1, len(sentences))):
            if sentences[index] != sentences[begin - 1]:
                return None
            if match := piece.expression.match(text, starts[index]):
                return index_at[match.end()]
        return None


def _longest(whole: Collection[Span], joined: Iterable[Span]) -> list[Span]:
    """Drop what stands inside a longer span: "not broken" is no "broken", "I ordered the wrong size" no "wrong size".

    A phrase with a gap silences nothing, since what stands in its gap is none of its words; nor does a frame.
    """
    kept: list[Span] = []
    frames = sorted((span for span in whole if span.type in FRAMES), key=lambda s: (s.start, s.end, s.type))
    whole = [span for span in whole if span.type not in FRAMES]
    for span in sorted(whole, key=lambda s: (s.start - s.end, s.start, s.type)):
        if not _inside_longer(span, kept):
            kept.append(span)
    return (
        frames
        + kept
        + [span for span in sorted(joined, key=lambda s: (s.start, s.end, s.type)) if not _inside_longer(span, kept)]
    )


def _inside_longer(span: Span, others: Iterable[Span]) -> bool:
    width = span.end - span.start
    return any(o.start <= span.start and span.end <= o.end and o.end - o.start > width for o in others)


# --- the notation ----------------------------------------------------------------------------------------------------


def _lines(language: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each line as its type and its pieces between gaps."""
    path = files("triage_ml") / "data" / "cues" / f"{language}.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LanguageDataError(f"{path}: found {error}; expected TOML as data/cues/README.md shows.") from error
    for cue_type, content in table.items():
        if cue_type not in CUE_TYPES + HELPERS:
            raise LanguageDataError(f"{path}: found [{cue_type}]; expected one of {', '.join(CUE_TYPES + HELPERS)}.")
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
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            if self.text[self.at].isspace():
                self.at += 1
            else:
                phrase.append(self._unit())
        return phrase

    def _unit(self) -> tuple[str, ...] | list[Phrase]:
        """Read what stands between two blanks: a word, a group, or (glued) a word with groups in it."""
        atoms = [self._atom()]
        while self.glue and self.at < len(self.text) and not (self.text[self.at].isspace() or self.text[self.at] in "|)"):
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
        while self.at < len(self.text) and not (self.text[self.at].isspace() or self.text[self.at] in "(|)"):
            self.at += 1
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


def _choices(group: str) -> list[str]:
    """Return the alternatives of a group inside a word, which may hold no further group."""
    inner = group[1:-1]
    if "(" in inner:
        raise LanguageDataError(f"cue phrase {group!r}: found a group in a group inside a word; expected it to be spelt out.")
    return inner.split("|")


def _expression(phrase: Phrase) -> str:
    """Return the regular expression over a text of keys, each followed by a blank."""
    parts = []
    for unit in phrase:
        if isinstance(unit, tuple):
            parts.append("".join(f"{re.escape(key)} " for key in unit))
        else:
            # Longest first, so that the longest variant is the one found.
            alternatives = sorted((_expression(one) for one in unit), key=len, reverse=True)
            parts.append(f"(?:{'|'.join(alternatives)})")
    return "".join(parts)


def _heads(phrase: Phrase) -> set[tuple[str, ...]]:
    """Return the first two keys of every variant; fewer where the phrase may end before."""
    heads: set[tuple[str, ...]] = {()}
    for unit in phrase:
        if all(len(head) >= 2 for head in heads):
            break
        tails = {unit[:2]} if isinstance(unit, tuple) else {head for one in unit for head in _heads(one)}
        heads = {(head + tail)[:2] for head in heads for tail in tails}
    return heads
