"""Which case comes next: the page a person opened a case from, in its order, then the list anew from its head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from triage_ml.cases import CaseState, CaseStore, CaseSummary, Filter, Order

_PAGE = 50
# States in which a case can still be worked on.
_UNDECIDED = (CaseState.OPEN, CaseState.REVIEW, CaseState.WAITING)


@dataclass
class Worklist:
    """A list that is worked through.

    Parameters
    ----------
    where, order
        Which cases, and in what order.
    ids
        Those of the page it was begun from.
    seen
        What was decided or skipped in this session; it does not come again.
    """

    where: Filter = field(default_factory=lambda: Filter(state=CaseState.OPEN))
    order: Order = Order.DUE
    ids: Sequence[str] = ()
    seen: set[str] = field(default_factory=set)

    @property
    def state(self) -> CaseState:
        """The state whose cases are worked through: the chosen one, and what is open where decided ones or all are listed."""
        return self.where.state if self.where.state in _UNDECIDED else CaseState.OPEN

    def following(self, store: CaseStore, current: str, taken: Callable[[str], bool] = lambda _: False) -> str | None:
        """Return the case that comes after the current one, None where all are done.

        Parameters
        ----------
        store
            The record.
        current
            The case that is left, "" at the beginning.
        taken
            Says of a case that somebody else has it open: it is passed over while there are others.
        """
        rest = self.ids[self.ids.index(current) + 1 :] if current in self.ids else self.ids
        passed = ""
        for case_id in rest:
            if case_id in self.seen or case_id == current or not self._is_left(store, case_id):
                continue
            if not taken(case_id):
                return case_id
            passed = passed or case_id
        return self._from_head(store, current, taken) or passed or None

    def _is_left(self, store: CaseStore, case_id: str) -> bool:
        return store.case(case_id).summary.state is self.state

    def _from_head(self, store: CaseStore, current: str, taken: Callable[[str], bool]) -> str | None:
        """Begin the list again, so that what became urgent meanwhile comes first."""
        where, after, passed = replace(self.where, state=self.state), None, None
        while True:
            page = store.cases(where, self.order, after, _PAGE)
            for case in page.cases:
                if case.id not in self.seen and case.id != current:
                    if not taken(case.id):
                        self.ids = ids_of(page.cases)
                        return case.id
                    passed = passed or case.id
            if page.next is None:
                return passed
            after = page.next


def ids_of(cases: Sequence[CaseSummary]) -> tuple[str, ...]:
    """Return the numbers of cases as a person names them."""
    return tuple(case.id for case in cases)
