"""Which message is labelled next, what was labelled in this session, and how many people labelled today; nothing here draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from triage_ml.cases import Case, CaseStore, CaseSummary, Label, Order
from triage_ml.cases.records import CaseLabel, CaseMessage
from triage_ml.classifier import POSSIBLE_ABUSE
from triage_ml.errors import TriageError
from triage_ml.messages import Category, Claim, MessageKind
from triage_ml.model_files import facts
from triage_ml.teaching import Candidate, Teaching, choose
from triage_ml.triage import find_model

# So many of those that would teach most are looked at, and so many of them chosen that differ; then it is looked again.
CONSIDERED, CHOSEN = 300, 50


@dataclass(frozen=True, slots=True)
class Given:
    """A label that was just given, beside what the model had said."""

    case_id: str
    label: Label
    judged: Claim | None
    sureness: float
    judged_abuse: bool

    @property
    def agrees(self) -> bool:
        """Whether the model had said the same."""
        return (self.judged, self.judged_abuse) == (self.label.claim, self.label.abuse)


@dataclass
class Round:
    """What one session labels.

    Parameters
    ----------
    waiting
        Cases to be labelled, the one on the screen first.
    passed
        Cases that do not come again: skipped here, or with nothing to label.
    skipped
        Those of them that this person skipped.
    given
        The labels of this session, newest last; a message labelled again is there once.
    again
        A case that is labelled once more, "" for none.
    """

    waiting: list[str] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    given: list[Given] = field(default_factory=list)
    again: str = ""

    def current(self, store: CaseStore, taken: Callable[[str], bool]) -> tuple[Case, CaseMessage] | None:
        """Return the case and the message to label now; None where nothing is left that would teach.

        Parameters
        ----------
        store
            The record.
        taken
            Says of a case that somebody else has it open.
        """
        if self.again:
            case = store.case(self.again)
            if found := message_of(case):
                return case, found
            self.again = ""
        looked_again = False
        while True:
            while self.waiting:
                case = store.case(self.waiting[0])
                found = message_of(case)
                # Somebody else may have labelled or decided it meanwhile.
                if case.summary.teaches and found and case.id not in self.passed and not taken(case.id):
                    return case, found
                self.passed.add(self.waiting.pop(0))
            if looked_again:
                return None
            self.waiting, looked_again = next_cases(store, self.passed, teaching_now()), True

    def skip(self, case_id: str) -> None:
        """Pass a case over; one that was labelled keeps its label."""
        if case_id == self.again:
            self.again = ""
            return
        self.skipped.add(case_id)
        self.passed.add(case_id)

    def bring_back(self) -> None:
        """Let what was skipped come again."""
        self.passed -= self.skipped
        self.skipped.clear()
        self.waiting.clear()

    def add(self, given: Given) -> None:
        """Note a label; the case does not come again."""
        self.given = [one for one in self.given if one.case_id != given.case_id] + [given]
        self.passed.add(given.case_id)
        self.again = ""


def next_cases(store: CaseStore, passed: Collection[str], teaching: Teaching) -> list[str]:
    """Return the cases to label next: of those that would teach most the ones that differ, best first.

    Parameters
    ----------
    store
        The record; the model is least sure of the cases that it gives first.
    passed
        Cases that are left out.
    teaching
        Says what their labels would teach the model that judges now.
    """
    found: list[CaseSummary] = []
    after = None
    while len(found) < CONSIDERED:
        page = store.cases(order=Order.TEACHES, after=after, limit=CONSIDERED)
        found += [case for case in page.cases if case.teaches and case.id not in passed]
        after = page.next
        if after is None or not page.cases[-1].teaches:
            break
    candidates = [one for case in found[:CONSIDERED] if (one := _candidate(store.case(case.id), teaching))]
    return [one.id for one in choose(candidates, CHOSEN)]


def _candidate(case: Case, teaching: Teaching) -> Candidate | None:
    message, summary = message_of(case), case.summary
    if message is None or message.judgement is None:
        return None
    product = summary.order.sku or summary.order.product
    sources = {f"buyer {summary.buyer_hash}"} if summary.buyer_hash else set()
    sources |= {f"product {product}"} if product else set()
    return Candidate(case.id, message.message.text, teaching.value(message.judgement), frozenset(sources))


def teaching_now() -> Teaching:
    """Return what a label would teach the model in force, which tells what it was trained with; by its doubts alone without."""
    try:
        return Teaching(facts(find_model()).get("counts", {}))
    except TriageError:
        return Teaching()


def message_of(case: Case) -> CaseMessage | None:
    """Return the message that is labelled: the one that counts, else the buyer's newest; None where there are no words."""
    buyers = [one for one in case.messages if one.message.kind is MessageKind.BUYER and not one.erased]
    readable = [one for one in buyers if one.message.text.strip()]
    lead = case.leading
    return lead if lead in readable else readable[-1] if readable else None


def give(store: CaseStore, case: Case, message: CaseMessage, label: Label) -> Given:
    """Record a label, and return it beside what the model had said.

    Raises
    ------
    CaseError
        Where the record refuses it.
    """
    store.label(case.id, replace(label, message_id=message.id))
    judged = message.judgement
    return Given(
        case.id,
        label,
        judged.claim if judged else None,
        judged.probabilities[judged.claim] if judged else 0.0,
        judged is not None and (judged.category is Category.ABUSE or judged.abuse >= POSSIBLE_ABUSE),
    )


def labelled_since(store: CaseStore, since: datetime) -> list[tuple[str, int]]:
    """Return who labelled how many messages since then, most first; a message labelled again counts for the last person."""
    newest: dict[tuple[str, int | None], str] = {}
    for one in store.stream(CaseLabel, since):
        newest[one.case_id, one.label.message_id] = one.label.by
    return sorted(Counter(newest.values()).items(), key=lambda who: (-who[1], who[0]))


def agreed(given: Sequence[Given]) -> int:
    """Return how often the model had said the same."""
    return sum(one.agrees for one in given)
