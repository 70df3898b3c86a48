"""The complaint: the differences between wish and piece that a message names, and what else it says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from triage_ml.customisation.characters import last_place
from triage_ml.customisation.comparison import Kind
from triage_ml.customisation.matching import is_same
from triage_ml.customisation.mentions import find_mentions
from triage_ml.customisation.order import Field
from triage_ml.customisation.passage import Passage, read_passage
from triage_ml.customisation.spelling import Likeness
from triage_ml.customisation.statements import ALL_SORTS, Statement, find_statements
from triage_ml.customisation.values import SORTS, Number, Value
from triage_ml.customisation.words import CLAUSE

# The cues that say nothing of any one value.
_SILENT = (CLAUSE, "differs", "admitted", "request", "ignore")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference the buyer names, or one side of it.

    Parameters
    ----------
    made, wanted
        What was made and what was wanted; None where the message does not say.
    firm
        Whether the wish is put as a correction.
    own
        Whether `made` is what the buyer says they typed themselves.
    """

    made: Value | None = None
    wanted: Value | None = None
    firm: bool = False
    own: bool = False

    @property
    def sort(self) -> str:
        """The sort of its values."""
        value = self.made or self.wanted
        return value.sort if value else ""

    @property
    def is_pair(self) -> bool:
        """Whether both sides are named."""
        return bool(self.made and self.wanted)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What one message says.

    Parameters
    ----------
    differences
        The differences it names.
    wrong
        The sorts of value it calls wrong.
    admitted
        Whether it admits a slip.
    unread
        Whether it names something made that is like nothing in the order.
    of_accents
        Whether it speaks of accents and the like, so that they count.
    kinds
        The kinds of thing it speaks of.
    places
        For each character of the message as it was read, its offset in the message as it was given.
    """

    differences: tuple[Difference, ...]
    wrong: frozenset[str]
    admitted: bool
    unread: bool
    of_accents: bool
    kinds: frozenset[Kind]
    places: Sequence[int]

    def span(self, value: Value | None) -> tuple[int, int] | None:
        """Return where a value stands in the message as it was given."""
        return (self.places[value.start], self.places[value.end]) if value else None


def read_complaint(text: str, fields: Sequence[Field], language: str) -> Complaint:
    """Read what a message says of an order.

    Parameters
    ----------
    text
        The buyer's message.
    fields
        The order, at least one field.
    language
        The language of the message.
    """
    letters = any(v.reading.letter for field in fields for v in field.values if isinstance(v.reading, Number))
    passage = read_passage(text, language, letters=letters)
    # Many messages have no cue that speaks of a value: what they name then does not matter, and need not be looked for.
    values = find_mentions(passage, fields) if any(cue.role not in _SILENT for cue in passage.cues) else []
    said, unread = find_statements(passage, values)
    wrong = frozenset(_called_wrong(passage, said))
    admitted = any(cue.role == "admitted" for cue in passage.cues)
    said += _quoted_errors(passage, values, said)
    said += list(_completed(values, said, fields, wrong, admitted))
    differences = tuple(_differences(sorted(said, key=lambda s: s.value.start), wrong, admitted))
    of_accents = any(last_place(passage.low, word) >= 0 for word in passage.lexicon.lists["accents"])
    return Complaint(differences, wrong, admitted, unread, of_accents, passage.kinds(), passage.places)


def _called_wrong(passage: Passage, said: Sequence[Statement]) -> Iterator[str]:
    """Yield the sorts of value that a message calls wrong."""
    for cue in passage.cues:
        if cue.role == "misspelt":
            yield "spelling"
        elif cue.role == "differs":
            yield from ALL_SORTS
        elif cue.role == "wrong":
            first, last = passage.sentence(cue.start)
            named = [SORTS[kind] for kind in passage.kinds(first, last)]
            yield from named or [s.value.sort for s in said if first <= s.value.start < last]


def _quoted_errors(passage: Passage, values: Sequence[Value], said: Sequence[Statement]) -> list[Statement]:
    """Return what stands quoted where the message calls something wrong: that was made, if nothing else was."""
    if any(s.role == "made" and s.value.sort == "spelling" for s in said):
        return []
    free = [value for value in values if value.quoted and not any(value is s.value for s in said)]
    return [Statement(value, "made") for value in free if passage.is_flagged(value.start, "misspelt", "wrong")]


def _completed(
    values: Sequence[Value], said: Sequence[Statement], fields: Sequence[Field], wrong: frozenset[str], admitted: bool
) -> Iterator[Statement]:
    """Yield the one other value of a sort of which the message says only what was made, or only what is wanted.

    That makes a pair of which the order shows what is wanted; the buyer is blamed so only where they admit a slip.
    """
    for sort in dict.fromkeys(s.value.sort for s in said):
        known = [s for s in said if s.value.sort == sort]
        others = [v for v in values if v.sort == sort and not v.loose and not any(_overlap(v, s.value) for s in known)]
        if others and all(is_same(others[0], value) for value in others):
            if role := _other_role(others[0], known, fields, sort in wrong, admitted):
                yield Statement(others[0], role)


def _other_role(other: Value, known: Sequence[Statement], fields: Sequence[Field], is_wrong: bool, admitted: bool) -> str:
    """Return the role of the one value that no cue stands beside, "" where it has none."""
    roles = {s.role for s in known}
    if "made" in roles and len(roles) > 1:
        return ""
    if admitted:
        return "made" if roles & {"wanted", "fact"} else "fact"
    ordered = [_is_ordered(s.value, fields) for s in known]
    if roles == {"made"}:
        return "wanted" if _is_ordered(other, fields) and not any(ordered) else ""
    # "I wrote Anna ... Annna" owns up to a slip or complains of one.
    sure = "wanted" in roles or (is_wrong and (other.sort != "spelling" or roles != {"ordered"}))
    return "made" if sure and all(ordered) else ""


def _is_ordered(value: Value, fields: Sequence[Field]) -> bool:
    return any(match.level >= Likeness.CASE for field in fields if (match := field.match(value)))


def _overlap(one: Value, other: Value) -> bool:
    """Whether two values of a sort are the same, or one spelling is a part of the other."""
    return is_same(one, other) or (one.sort == "spelling" and one.text.casefold() in other.text.casefold())


def _differences(said: Sequence[Statement], wrong: frozenset[str], admitted: bool) -> Iterator[Difference]:
    """Yield the differences: values of one sort in the order of the text, a new one where a role comes again."""
    for sort in dict.fromkeys(s.value.sort for s in said):
        roles: dict[str, Value] = {}
        for statement in (s for s in said if s.value.sort == sort):
            value, role = statement.value, statement.role
            if role in roles and not is_same(roles[role], value):
                yield from _difference(roles, sort in wrong, admitted)
                roles = {}
            roles.setdefault(role, value)
        yield from _difference(roles, sort in wrong, admitted)


def _difference(roles: Mapping[str, Value], is_wrong: bool, admitted: bool) -> Iterator[Difference]:
    """Yield the difference that values with these roles make; none where they are the same, or of different things."""
    made = roles.get("made")
    wanted = next((roles[role] for role in ("wanted", "fact", "ordered") if role in roles), None)
    own = bool(not made and wanted and "ordered" in roles and not is_same(roles["ordered"], wanted))
    if own:
        made = roles["ordered"]
    firm = is_wrong or "wanted" in roles or (admitted and "fact" in roles)
    things = {v.reading.thing[:3] for v in (made, wanted) if v and isinstance(v.reading, Number) and v.reading.thing}
    if len(things) < 2 and not (made and wanted and is_same(made, wanted, Likeness.SAME)):
        yield Difference(made, wanted, firm, own)
