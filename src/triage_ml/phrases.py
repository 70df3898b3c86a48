"""Where phrases with choices in them stand in a row of keys: all phrases at once, one step a key, however many there are.

The phrases are the positions of a Glushkov automaton; its deterministic form is built state by state as texts come to them
(Aho, Sethi, Ullman, Compilers, 1986, section 3.9), since spelt out it would have millions.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from sys import intern
from typing import Any, Generic, TypeVar

from triage_ml.errors import LanguageDataError

# A phrase: keys that stand in a row, or a choice between phrases.
Phrase = list["tuple[str, ...] | list[Phrase]"]

# Texts without end come to new states without end: then all are forgotten and built again.
_MOST_STATES = 20_000

Meaning = TypeVar("Meaning")


class Phrases:
    """Writes phrases down as positions and rests.

    A position is a key in a phrase, with the number of the rest behind it. A rest is what may come next: positions, and -1 - n
    for the end of phrases of number n. All the choices in "(it|this|that) broke" have one rest, and phrases of one number
    share the positions and rests of all endings that they have in common.
    """

    def __init__(self) -> None:
        self._positions: dict[tuple[str, int], int] = {}
        self._rests: dict[tuple[int, ...], int] = {}
        self._first: set[int] = set()

    def plain(self) -> dict[str, list[Any]]:
        """Return everything as plain lists, which can be kept as JSON.

        Returns
        -------
        dict of str to list
            `keys` and `behind`, of each position its key and its rest; `rests`, one after another, and `bounds`, where each
            begins and the last ends; `first`, the positions that phrases begin with.
        """
        return {
            "keys": [key for key, _ in self._positions],
            "behind": [behind for _, behind in self._positions],
            "rests": list(chain.from_iterable(self._rests)),
            "bounds": list(accumulate(map(len, self._rests), initial=0)),
            "first": sorted(self._first),
        }

    def add(self, phrase: Phrase, number: int, text: str) -> None:
        """Add a phrase that counts as this number, and was written as this text.

        Raises
        ------
        LanguageDataError
            A phrase that may be empty.
        """
        end = -1 - number
        starts = self._starts(phrase, (end,))
        if end in starts:
            raise LanguageDataError(f"cue phrase {text!r}: found a phrase that may be empty; expected a word in it.")
        self._first.update(starts)

    def _starts(self, phrase: Phrase, behind: tuple[int, ...]) -> tuple[int, ...]:
        """Write down the positions of a phrase that is followed by a rest, and return the first ones."""
        for unit in reversed(phrase):
            if isinstance(unit, tuple):
                for key in reversed(unit):
                    behind = (self._position(key, behind),)
            else:
                behind = tuple(sorted({start for one in unit for start in self._starts(one, behind)}))
        return behind

    def _position(self, key: str, behind: tuple[int, ...]) -> int:
        rest = self._rests.setdefault(behind, len(self._rests))
        return self._positions.setdefault((key, rest), len(self._positions))


class _State(Generic[Meaning]):
    """What may follow, as numbers of rests, and the phrases that end here; all else is found out when somebody comes by.

    `next` holds a state for each key that was met, and for each key that was not the rests of one: a number where it is one, as
    it mostly is, else a set. `meaning` says what it means that the phrases `ended` end here.
    """

    __slots__ = ("ended", "meaning", "next", "rests")

    def __init__(self, rests: frozenset[int], ended: frozenset[int]) -> None:
        self.rests, self.ended = rests, ended
        self.meaning: Meaning | None = None
        self.next: dict[str, _State[Meaning] | int | set[int]] | None = None


class PhraseAutomaton(Generic[Meaning]):
    """Finds phrases in rows of keys.

    Parameters
    ----------
    phrases
        What is to be found, as `Phrases.plain` gives it.
    mean
        Says what it means that phrases of these numbers end at a place; asked once for each set of them.
    """

    def __init__(self, phrases: Mapping[str, Sequence[Any]], mean: Callable[[frozenset[int]], Meaning]) -> None:
        self._mean = mean
        # Arrays and strings that are there once: in lists every number and every key would be an object of its own.
        self._keys = [intern(key) for key in phrases["keys"]]
        self._behind, self._rests, self._bounds, self._first = (
            array("i", phrases[name]) for name in ("behind", "rests", "bounds", "first")
        )
        self._states: dict[frozenset[int], _State[Meaning]] = {}
        self._meanings: dict[frozenset[int], Meaning] = {}
        self._start: _State[Meaning] | None = None

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
            start: _State[Meaning] = _State(frozenset(), frozenset())
            start.next = self._follow([self._first])
            self._start = start  # only now, since other threads may read, too
        first, length = self._start.next or {}, len(keys)
        for begin, key in enumerate(keys):
            following, end = first, begin + 1
            while True:
                state = following.get(key)
                if state is None:
                    break
                if not isinstance(state, _State):
                    state = following[key] = self._state(state)
                if state.ended:
                    yield begin, end, state.meaning or self._meaning(state)
                if end == length:
                    break
                following = state.next or self._after(state)
                key = keys[end]  # noqa: PLW2901 - from here on the one that comes next
                end += 1

    def _after(self, state: _State[Meaning]) -> dict[str, _State[Meaning] | int | set[int]]:
        """Return what follows on which key, found out on the first time."""
        if state.next is None:
            state.next = self._follow([self._rest(rest) for rest in state.rests])
        return state.next

    def _follow(self, rests: Sequence[Sequence[int]]) -> dict[str, Any]:
        keys, behind = self._keys, self._behind
        follow: dict[str, Any] = {}
        for rest in rests:
            for position in rest:
                if position < 0:
                    continue
                key, one = keys[position], behind[position]
                known = follow.setdefault(key, one)
                if isinstance(known, set):
                    known.add(one)
                elif known != one:
                    follow[key] = {known, one}
        return follow

    def _rest(self, number: int) -> array[int]:
        return self._rests[self._bounds[number] : self._bounds[number + 1]]

    def _state(self, rests: int | set[int]) -> _State[Meaning]:
        whole = frozenset(rests if isinstance(rests, set) else (rests,))
        found = self._states.get(whole)
        if found is None:
            ended = frozenset(-1 - follow for rest in whole for follow in self._rest(rest) if follow < 0)
            found = self._states[whole] = _State(whole, ended)
        return found

    def _meaning(self, state: _State[Meaning]) -> Meaning:
        found = self._meanings.get(state.ended)
        if found is None:
            found = self._meanings[state.ended] = self._mean(state.ended)
        state.meaning = found
        return found
