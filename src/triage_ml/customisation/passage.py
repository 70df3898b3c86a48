"""The passage: a buyer's message cut into sentences, with its quotations and the cues of the data file where they stand."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from triage_ml.customisation.characters import bare, last_place, normal
from triage_ml.customisation.comparison import Kind
from triage_ml.customisation.index import beginnings
from triage_ml.customisation.values import Value, find_values
from triage_ml.customisation.words import ASIDE, Lexicon, Phrase, load_words

_LONGEST_MESSAGE = 3_000
_CLUSTER = re.compile(r".[\u0300-\u036f\u3099\u309a\uff9e\uff9f]*", re.DOTALL)
_UNEVEN = re.compile(r"[\u0300-\u036f\u3099\u309a\uff9e\uff9f]|  |[^\S\n ]")
_QUOTES = (
    re.compile(r"(?<!\d)[“„\"«»]([^“”„\"«»\n]{1,60})[”“\"»«]"),
    re.compile(r"[「『《〈【]([^」』》〉】\n]{1,60})[」』》〉】]"),
    re.compile(r"(?<!\w)'((?:[^'\n]|'(?=\w)){1,60})'(?!\w)"),
)
_BREAK = re.compile(r"[!?。\n]|(?<!\b\w)(?<!\best)(?<!\bnr)(?<!\bno)(?<!\bmr)(?<!\bmrs)\.(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase where it stands in the message."""

    start: int
    end: int
    phrase: Phrase

    @property
    def role(self) -> str:
        """The role of its phrase."""
        return self.phrase.role


@dataclass(frozen=True, slots=True)
class Passage:
    """A buyer's message, ready to be looked through.

    Parameters
    ----------
    text, low
        The message in NFKC with single blanks, and in its bare form.
    places
        For each character of `text`, and its end, the offset in the message as it was given.
    lexicon
        The words of its language.
    unspaced
        Whether the language is written without blanks, and its names without capitals.
    typed
        The dates, numbers, sizes and colours it names.
    quoted
        What stands in quotation marks.
    cues
        The phrases found in it, in order, none inside another.
    breaks
        Where its sentences end.
    """

    text: str
    low: str
    places: Sequence[int]
    lexicon: Lexicon
    unspaced: bool
    typed: Sequence[Value]
    quoted: Sequence[Value]
    cues: Sequence[Cue]
    breaks: Sequence[int]

    def sentence(self, at: int) -> tuple[int, int]:
        """Return begin and end of the sentence at a place."""
        n = bisect_left(self.breaks, at)
        return (self.breaks[n - 1] + 1 if n else 0), (self.breaks[n] if n < len(self.breaks) else len(self.text))

    def is_flagged(self, at: int, *roles: str) -> bool:
        """Whether a cue of one of the roles stands in the sentence at a place."""
        first, last = self.sentence(at)
        return any(cue.role in roles and first <= cue.start < last for cue in self.cues)

    def is_filler(self, start: int, end: int) -> bool:
        """Whether a word is no part of a name."""
        return self.low[start:end] in self.lexicon.lists["fillers"]

    def kinds(self, start: int = 0, end: int | None = None) -> frozenset[Kind]:
        """Return the kinds of thing that the words between two places speak of: "name", "year", "ring size"."""
        part, labels = self.low[start:end], self.lexicon.labels
        named = (kind for word, kind in labels.items() if word in part and kind != ASIDE and last_place(part, word) >= 0)
        return frozenset(map(Kind, named))


def read_passage(text: str, language: str, *, letters: bool) -> Passage:
    """Cut up a buyer's message.

    Parameters
    ----------
    text
        The message.
    language
        Its language.
    letters
        Whether "M" and "large" are sizes in it.
    """
    words = load_words()
    lexicon = words.lexicons[language]
    folded, places = _folded(text[:_LONGEST_MESSAGE])
    low = bare(folded, words.variants)
    begins = beginnings(low)
    typed = find_values(folded, low, begins, [lexicon], month_first=language == "en", letters=letters)
    quoted = list(_quoted(folded, covered(typed)))
    cues = list(_find_cues(low, begins, lexicon, covered(quoted)))
    unbroken = covered([*quoted, *(value for value in typed if value.sort == "date")])
    breaks = [m.start() for m in _BREAK.finditer(low) if m.start() not in unbroken]
    return Passage(folded, low, places, lexicon, language in ("ja", "zh"), typed, quoted, cues, breaks)


def covered(spans: Iterable[Value | Cue]) -> set[int]:
    """Return the places in a message that values or cues cover."""
    return {at for span in spans for at in range(span.start, span.end)}


def _folded(text: str) -> tuple[str, Sequence[int]]:
    """Return the text in NFKC with single blanks, and for each of its characters (and its end) the place in the original."""
    if normal(text) == text and not _UNEVEN.search(text):  # nothing to do, which is most often so
        return text, range(len(text) + 1)
    chars: list[str] = []
    places: list[int] = []
    for cluster in _CLUSTER.finditer(text):
        for char in normal(cluster[0]):
            blank = char.isspace() and char != "\n"
            if not (blank and chars and chars[-1] == " "):
                chars.append(" " if blank else char)
                places.append(cluster.start())
    return "".join(chars), [*places, len(text)]


def _quoted(text: str, typed: set[int]) -> Iterator[Value]:
    """Yield what stands in quotation marks; a quoted date is only a date."""
    last = 0
    for m in sorted((m for pattern in _QUOTES for m in pattern.finditer(text)), key=re.Match.start):
        start, end = m.end(1) - len(m[1].lstrip()), m.start(1) + len(m[1].rstrip(" .,!"))
        if last <= start < end and not typed.issuperset(range(start, end)):
            yield Value(text[start:end], start, end, quoted=True)
            last = m.end()


def _find_cues(low: str, places: Sequence[tuple[int, str]], lexicon: Lexicon, quoted: set[int]) -> Iterator[Cue]:
    cues = [Cue(*found) for found in lexicon.phrases.find(low, places)]
    last = 0
    for n, cue in enumerate(cues):
        if cue.start < last or cue.start in quoted:
            continue
        if cue.role == "ignore" or cue.phrase.is_open:
            # What only excludes, or holds any word, gives way to a phrase that begins inside it and reaches further.
            if any(other.start < cue.end < other.end for other in cues[n + 1 :]):
                continue
        yield cue
        last = cue.end
