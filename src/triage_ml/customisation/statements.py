"""Statements: the role that the cue beside a value gives it, such as made, wanted or ordered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from triage_ml.customisation.characters import TOKEN
from triage_ml.customisation.passage import Cue, Passage
from triage_ml.customisation.values import SORTS, Value
from triage_ml.customisation.words import CLAUSE, CONTRASTS, FLAGS

ALL_SORTS = frozenset(SORTS.values())
# "Not" is everywhere: it counts only with a value close behind.
_REJECTED_REACH = 25
_NEXT_WORD = re.compile(r"[ :\"']*([^\W\d_]+)")
_OPPOSITE = {"made": "wanted", "wanted": "made", "ordered": "made", "fact": "made"}
# What stands before and behind a contrast, where nothing else says so.
_CONTRAST_ROLES = {"instead": ("made", "wanted"), "correcting": ("made", "wanted"), "rejecting": ("wanted", "made")}
# Some phrases stand beside other things too: "arrived on Friday", "my son is 7".
_GIVEN_ROLES = {"received": "made", "called": "fact"}
_FITTING_SORTS = {"received": ALL_SORTS - {"date"}, "called": frozenset({"spelling"})}


@dataclass(frozen=True, slots=True)
class Statement:
    """A value with its role: "made", "wanted", "ordered", "fact", or "" for none."""

    value: Value
    role: str


@dataclass(frozen=True, slots=True)
class _Scope:
    """A cue with the part of the message that is its own, from the cue before it to the cue behind it."""

    cue: Cue
    begin: int
    end: int
    after_contrast: bool


def find_statements(passage: Passage, values: Sequence[Value]) -> tuple[list[Statement], bool]:
    """Give the values of a message their roles.

    Parameters
    ----------
    passage
        The message.
    values
        The values it names.

    Returns
    -------
    list of Statement, bool
        The values that have a role; whether the message names something made that is like nothing in the order.
    """
    marks = [announced or cue for cue in passage.cues if (announced := _announced(cue, passage)) or cue.role not in FLAGS]
    ends = [0, *(cue.end for cue in marks)]
    starts = [*(cue.start for cue in marks[1:]), len(passage.text)]
    contrasts = [cue.role in CONTRASTS for cue in marks]
    scopes = [_Scope(*parts) for parts in zip(marks, ends, starts, [False, *contrasts], strict=False)]
    giver = _Giver(passage, values)
    for scope in scopes:
        if scope.cue.role not in (*CONTRASTS, CLAUSE):
            giver.give(scope)
    for scope in scopes:
        if scope.cue.role in CONTRASTS:
            giver.contrast(scope)
    return giver.given, giver.unread


def _announced(cue: Cue, passage: Passage) -> Cue | None:
    """Return "is wrong:" as a cue for what was made, None for what is no such announcement."""
    if cue.role not in ("misspelt", "wrong") or passage.low[cue.end : cue.end + 2].strip() not in (":", "->"):
        return None
    return replace(cue, phrase=replace(cue.phrase, role="made", right=True))


class _Giver:
    """Goes through the cues of one message and gives roles to the values beside them."""

    def __init__(self, passage: Passage, values: Sequence[Value]) -> None:
        self.passage, self.values = passage, values
        self.reach, self.close_reach = (32, 3) if passage.unspaced else (90, 12)
        self.given: list[Statement] = []
        self.unread = False

    # --- a cue beside a value: "it says Annna"

    def give(self, scope: _Scope) -> None:
        """Give a cue's role to the values on one side of it."""
        cue = scope.cue
        role = _GIVEN_ROLES.get(cue.role, cue.role)
        if self._is_served(scope, role):
            return
        # "Her name is misspelt, it says Annna" tells no fact, "the mug is broken, Anna cried" nothing of what was made.
        close = role == "fact" or cue.phrase.is_open
        left = self._before(scope.begin, cue.start, close=close) if cue.phrase.left else []
        right = self._behind(cue.end, scope.end, close=close) if cue.phrase.right else []
        self.unread |= role == "made" and not (left or right) and self._is_name_next(cue.end)
        beside = right if self._is_right(scope, left, right) else left
        fitting = ALL_SORTS - {"spelling"} if cue.phrase.is_open else _FITTING_SORTS.get(cue.role, ALL_SORTS)
        fit = [value for value in beside if value.sort in fitting]
        if fit and beside is right and role in ("made", "wanted"):
            self._add(self._turned(scope, right), _OPPOSITE[role])
        self._add(fit, role)

    def _is_served(self, scope: _Scope, role: str) -> bool:
        """Whether a cue only repeats the one before: "you put _" and "_ on it" say the same of "you put Annna on it"."""
        before = [s.role for s in self.given if scope.begin <= s.value.start and s.value.end <= scope.cue.start]
        return scope.cue.phrase.left and any((known == "made") == (role == "made") for known in before)

    def _is_right(self, scope: _Scope, left: Sequence[Value], right: Sequence[Value]) -> bool:
        """Whether a cue speaks of what stands behind it, not of what stands before it."""
        if not left or not right:
            return not left
        low, cue = self.passage.low, scope.cue
        at_once = cue.role == "made" and not low[cue.end : right[0].start].strip(" :\"'")  # "Anna was spelt Annna"
        return at_once or scope.after_contrast or any("," in low[value.end : cue.start] for value in left)

    def _is_name_next(self, at: int) -> bool:
        """Whether a word with a capital follows, as in "says Peter", even if nothing in the order is like it."""
        word = _NEXT_WORD.match(self.passage.text, at)
        return bool(word and word[1][0].isupper() and not self.passage.is_filler(*word.span(1)))

    def _turned(self, scope: _Scope, right: Sequence[Value]) -> list[Value]:
        """Return the values close before "should be" and its like: they are the opposite of what follows ("7 should be 6")."""
        sorts = {value.sort for value in right}
        close = self._before(max(scope.begin, scope.cue.start - self.close_reach), scope.cue.start)
        return [value for value in close if value.sort in sorts]

    # --- a contrast: "Annna instead of Anna"

    def contrast(self, scope: _Scope) -> None:
        """Give roles by "instead of" and its like: what stands on one side is the opposite of what stands on the other."""
        kind = scope.cue.role
        before, behind = _CONTRAST_ROLES[kind]
        for after in self._contrasted(scope):
            partner = self._partner(scope, after.value.sort)
            known = partner.role if partner else ""
            # "Not 7 but 6" may state the wish or the piece; a name is put right that way, nothing else surely is.
            sure = kind == "instead" or (kind == "correcting" and after.value.sort == "spelling")
            certain = known or after.role or (sure and not self.passage.is_flagged(after.value.start, "request"))
            if not certain or (kind == "correcting" and not partner):
                continue
            if partner and not known:
                self._add([partner.value], _OPPOSITE.get(after.role, before))
            if not after.role:
                # "I ordered 7 instead of 8" speaks of the buyer's own slip.
                slip = known == "ordered" and kind == "instead"
                self._add([after.value], "wanted" if slip else _OPPOSITE.get(known, behind))

    def _contrasted(self, scope: _Scope) -> list[Statement]:
        """Return the values behind a contrast, with the roles they have already."""
        cue, end = scope.cue, scope.end
        last = min(end, self.passage.sentence(cue.start)[1])
        known = [s for s in self.given if cue.end <= s.value.start < last]
        if known:
            return known
        if cue.role == "rejecting":
            end = min(end, cue.end + _REJECTED_REACH)
        return [Statement(value, "") for value in self._behind(cue.end, end)]

    def _partner(self, scope: _Scope, sort: str) -> Statement | None:
        """Return the last value of a sort before a contrast, one that has a role if there is one."""
        first, last = self.passage.sentence(scope.cue.start)[0], scope.cue.start
        said = [s for s in self.given if first <= s.value.start < last and s.value.sort == sort]
        if said:
            return max(said, key=lambda s: s.value.start)
        unsaid = self._before(scope.begin, last)
        return next((Statement(value, "") for value in unsaid if value.sort == sort), None)

    # --- the values beside a place

    def _before(self, begin: int, end: int, *, close: bool = False) -> list[Value]:
        """Return the values before a place, of each sort the last one, within its sentence."""
        taken = [s.value.end for s in self.given if s.value.end <= end]
        begin = max(begin, self.passage.sentence(max(0, end - 1))[0], end - self.reach, *taken)
        inside = [value for value in reversed(self.values) if begin <= value.start and value.end <= end]
        return _first_of_each_sort(value for value in inside if self._is_beside(value, value.end, end, close))

    def _behind(self, begin: int, end: int, *, close: bool = False) -> list[Value]:
        """Return the values behind a place, of each sort the first one, within its sentence."""
        while begin < end and self.passage.text[begin] in " \n:>=-":
            begin += 1
        taken = [s.value.start for s in self.given if s.value.start >= begin]
        end = min(end, self.passage.sentence(begin)[1], begin + self.reach, *taken)
        inside = [value for value in self.values if begin <= value.start and value.end <= end]
        return _first_of_each_sort(value for value in inside if self._is_beside(value, begin, value.start, close))

    def _is_beside(self, value: Value, begin: int, end: int, close: bool) -> bool:
        """Whether a value counts: a loose one, and with `close` every one, only with nothing but fillers in between."""
        between = TOKEN.finditer(self.passage.text, begin, end)
        return not (close or value.loose) or all(self.passage.is_filler(*token.span()) for token in between)

    def _add(self, values: Sequence[Value], role: str) -> None:
        self.given += [Statement(value, role) for value in values]


def _first_of_each_sort(values: Iterable[Value]) -> list[Value]:
    found: dict[str, Value] = {}
    for value in values:
        found.setdefault(value.sort, value)
    return list(found.values())
