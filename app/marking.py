"""Texts as HTML: whatever a buyer or an export says is escaped, so that it is seen as it was written and never runs.

`Markup` (MarkupSafe, which Jinja2 brings) escapes what is filled into it; no other HTML reaches the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from triage_ml.text import clean

# Cues of one colour. Those that ask for care are a colour of their own, not a louder one: they accuse nobody.
_GROUPS = {
    "fault": ("fault", "damage", "stopped"),
    "differs": ("differs", "missing"),
    "own": ("own_error", "taste", "fit", "expectation", "changed_mind"),
    "wish": ("wish_refund", "wish_replacement", "wish_return", "wish_partial", "wish_repair", "keep_it"),
    "care": ("threat", "review_trade", "extra_demand", "no_proof", "misuse", "insult"),
}
_GROUP_OF = {cue: group for group, cues in _GROUPS.items() for cue in cues}
CARE = frozenset(_GROUPS["care"])


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked part of a text: characters `start` to `end` (exclusive) of the cleaned text, and the cue it stands for."""

    start: int
    end: int
    cue: str
    negated: bool = False
    asked: bool = False

    @property
    def group(self) -> str:
        """Its colour; what is turned round or only asked stands back."""
        return "plain" if self.negated or self.asked else _GROUP_OF.get(self.cue, "plain")


def marks_of(cues: Iterable[Mapping[str, Any]]) -> tuple[Mark, ...]:
    """Return the marks of a judgement's cues; of those that overlap the longest, in the order of the text."""
    marks = [Mark(c["start"], c["end"], c["type"], bool(c.get("negated")), bool(c.get("asked"))) for c in cues]
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda m: (m.start - m.end, m.start)):
        if mark.start < mark.end and all(mark.end <= other.start or other.end <= mark.start for other in kept):
            kept.append(mark)
    return tuple(sorted(kept, key=lambda m: m.start))


def marked(text: str, marks: Sequence[Mark], titles: Mapping[str, str]) -> Markup:
    """Return a text, cleaned as the cues' spans count it, with its marks as HTML.

    Parameters
    ----------
    text
        As it was written.
    marks
        Those of `marks_of`.
    titles
        Cue to what is shown when the pointer rests on it.
    """
    return Markup("").join(_parts(clean(text), marks, titles))


def _parts(text: str, marks: Sequence[Mark], titles: Mapping[str, str]) -> Iterator[Markup]:
    at = 0
    for mark in marks:
        yield escape(text[at : mark.start])
        part = '<mark class="cue {}" title="{}">{}</mark>'
        yield Markup(part).format(mark.group, titles.get(mark.cue, mark.cue), text[mark.start : mark.end])
        at = mark.end
    yield escape(text[at:])


def quotes(text: str, marks: Iterable[Mark], cues: Iterable[str]) -> list[str]:
    """Return the words under the marks of some cues, each once."""
    wanted, whole = frozenset(cues), clean(text)
    found = (" ".join(whole[m.start : m.end].split()) for m in marks if m.cue in wanted and not m.negated)
    return list(dict.fromkeys(found))
