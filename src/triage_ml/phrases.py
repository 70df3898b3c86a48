"""Where phrases with choices in them stand in a row of keys: all phrases at once, one step a key, however many there are.

The phrases are the positions of a Glushkov automaton; its deterministic form is built state by state as texts come to them
(Aho, Sethi, Ullman, Compilers, 1986, section 3.9), since spelt out it would have millions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from triage_ml.errors import LanguageDataError

# A phrase: keys that stand in a row, or a choice between phrases.
Phrase = list["tuple[str, ...] | list[Phrase]"]

# Texts without end come to new states without end: then all are forgotten and built again.
_MOST_STATES = 300_000


Meaning = TypeVar("Meaning")


class _State(Generic[Meaning]):
    """What may follow, as positions, and the phrases that end here; the rest is found out when somebody comes by.

    `next` holds a state for each key that was met, and the positions of one for each key that was not; `meaning` says what it
    means that the phrases `ended` end here.
    """

    __slots__ = ("ended", "meaning", "next", "positions")

    def __init__(self, positions: frozenset[int], ended: frozenset[int]) -> None:
        self.positions, self.ended = positions, ended
        self.meaning: Meaning | None = None
        self.next: dict[str, _State[Meaning] | set[int]] | None = None


class PhraseAutomaton(Generic[Meaning]):
    """Finds phrases in rows of keys.

    Parameters
    ----------
    mean
        Says what it means that the phrases of these numbers end at a place; asked once for each set of them,
        when all phrases are there.
    """

    def __init__(self, mean: Callable[[frozenset[int]], Meaning]) -> None:
        self._mean = mean
        # A position is a key in a phrase with what may come behind it; the end of phrase n is the position -1 - n.
        self._keys: list[str] = []
        self._behind: list[tuple[int, ...]] = []
        self._numbers: dict[str, int] = {}
        self._first: set[int] = set()
        self._states: dict[frozenset[int], _State[Meaning]] = {}
        self._meanings: dict[frozenset[int], Meaning] = {}
        self._start: _State[Meaning] | None = None

    def add(self, phrase: Phrase, name: str) -> int:
        """Add a phrase and return its number; one of a name that is known is not added again.

        Raises
        ------
        LanguageDataError
            A phrase that may be empty.
        """
        number = self._numbers.setdefault(name, len(self._numbers))
        if number == len(self._numbers) - 1:
            end = -1 - number
            starts = self._starts(phrase, (end,))
            if end in starts:
                raise LanguageDataError(f"cue phrase {name!r}: found a phrase that may be empty; expected a word in it.")
            self._first.update(starts)
        return number

    def _starts(self, phrase: Phrase, behind: tuple[int, ...]) -> tuple[int, ...]:
        """Write down the positions of a phrase that is followed by `behind`, and return the first ones."""
        for unit in reversed(phrase):
            if isinstance(unit, tuple):
                for key in reversed(unit):
                    self._keys.append(key)
                    self._behind.append(behind)
                    behind = (len(self._keys) - 1,)
            else:
                behind = tuple({start for one in unit for start in self._starts(one, behind)})
        return behind

    def find(self, keys: Sequence[str]) -> Iterator[tuple[int, int, Meaning]]:
        """Yield where phrases stand in n keys.

        Yields
        ------
        int, int, Meaning
            Where some phrases begin, where they end (exclusive), and what that means; by begin, then by end.
        """
        if self._start is None or len(self._states) > _MOST_STATES:
            self._states.clear()
            self._meanings.clear()
            self._start = _State(frozenset(self._first), frozenset())
        first, length = self._after(self._start), len(keys)
        for begin, key in enumerate(keys):
            following, end = first, begin + 1
            while True:
                state = following.get(key)
                if state is None:
                    break
                if isinstance(state, set):
                    state = following[key] = self._state(state)
                if state.ended:
                    yield begin, end, state.meaning or self._meaning(state)
                if end == length:
                    break
                following = state.next or self._after(state)
                key = keys[end]  # noqa: PLW2901 - from here on the one that comes next
                end += 1

    def _after(self, state: _State[Meaning]) -> dict[str, _State[Meaning] | set[int]]:
        """Return what follows on which key, found out on the first time."""
        if state.next is None:
            follow: dict[str, Any] = {}
            for position in state.positions:
                follow.setdefault(self._keys[position], set()).update(self._behind[position])
            state.next = follow
        return state.next

    def _state(self, positions: set[int]) -> _State[Meaning]:
        whole = frozenset(positions)
        found = self._states.get(whole)
        if found is None:
            ended = frozenset(-1 - one for one in whole if one < 0)
            found = self._states[whole] = _State(frozenset(one for one in whole if one >= 0), ended)
        return found

    def _meaning(self, state: _State[Meaning]) -> Meaning:
        found = self._meanings.get(state.ended)
        if found is None:
            found = self._meanings[state.ended] = self._mean(state.ended)
        state.meaning = found
        return found
