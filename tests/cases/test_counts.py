import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from triage_ml.cases import CaseState, Counts, Decision, Filter, Outcome, OutcomeKind, ReplyUsage
from triage_ml.cases.ledger import entries_of, erase
from triage_ml.messages import Category, Claim, Message, Money, OrderLine

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
REPLY = Decision(
    "Mia", Category.QUALITY, "remake", None, "q_remake", "We make it again.", shown=("q_remake", "q_ask_photo"), edited=0.0
)


@pytest.fixture
def filled(store, assess):
    """Sixty cases of all categories and states, some overdue."""
    chance, found = random.Random(8), []
    for number in range(60):
        order = OrderLine(
            f"{number:03}-0000000-0000000", chance.choice(["MUG-1", "FRAME-30"]), paid=Money(Decimal("20.00"), "EUR"),
            marketplace=chance.choice(["de", "fr"]),
        )  # fmt: skip
        message = Message(
            f"x-{number}", "The colour is wrong.", order, channel="amazon", sent_at=NOON + chance.randrange(48) * HOUR
        )
        found += assess(message, claim=chance.choice(list(Claim)), abuse=chance.choice([0.01, 0.01, 0.97]))
    store.record(found, "import")
    for case in list(store.walk()):
        choice = chance.randrange(4)
        decision = Decision("Mia", Category.OTHER, chance.choice(["answer", "wait"]), second_person="Tom")
        if choice == 0:
            store.decide(case.id, 1, decision)
        elif choice == 1:
            store.propose(case.id, 1, decision)
        elif choice == 2 and chance.random() < 0.3:
            store.outcome(case.id, Outcome("Mia", OutcomeKind.NO_ANSWER))
    store.now = lambda: NOON + 40 * HOUR
    return store


@pytest.mark.parametrize(
    "where",
    [
        Filter(),
        Filter(state=CaseState.OPEN),
        Filter(state=CaseState.CLOSED, category=Category.ABUSE),
        Filter(category=Category.QUALITY),
        Filter(sku="MUG-1", marketplace="fr"),
        Filter(state=CaseState.REVIEW, due_before=NOON + 50 * HOUR),
        Filter(sku="nothing"),
    ],
)
def test_counts_are_what_walking_through_finds(filled, where):
    counts = filled.counts(where)
    assert isinstance(counts, Counts)
    states = Counter(case.state for case in filled.walk(replace(where, state=None)))
    categories = Counter(case.category for case in filled.walk(replace(where, category=None)))
    assert counts.states == {state: states[state] for state in CaseState}
    assert counts.categories == {category: categories[category] for category in Category}
    assert counts.total == len(list(filled.walk(where)))
    waiting = [case for case in filled.walk(replace(where, state=None)) if case.state in (CaseState.OPEN, CaseState.REVIEW)]
    assert counts.overdue == sum(case.due_at is not None and case.due_at < NOON + 40 * HOUR for case in waiting)


def test_the_numbers_of_the_whole_record(filled):
    counts = filled.counts()
    assert counts.total == 60 == sum(counts.states.values()) == sum(counts.categories.values())
    assert (
        min(counts.states.values()) > 0 and 0 < counts.overdue < counts.states[CaseState.OPEN] + counts.states[CaseState.REVIEW]
    )


def test_an_empty_record_has_a_nought_for_everything(store):
    counts = store.counts(Filter(state=CaseState.OPEN))
    assert set(counts.states.values()) == set(counts.categories.values()) == {0} and list(counts.states) == list(CaseState)
    assert (counts.total, counts.overdue) == (0, 0) and store.reply_usage() == {}


def _case(store, assess, number):
    order = OrderLine(f"302-000000{number}-0000000", "MUG-1")
    store.record(assess(Message(f"r-{number}", "The handle came off.", order, channel="amazon", sent_at=NOON)), "import")
    return max(case.id for case in store.walk())


def test_how_replies_fared(store, assess):
    first, second, third = (_case(store, assess, number) for number in range(3))
    store.decide(first, 1, REPLY)
    store.outcome(first, Outcome("Mia", OutcomeKind.DECLINED))
    store.decide(first, 3, replace(REPLY, template_id="q_choice_partial", shown=("q_choice_partial", "q_remake"), edited=0.4))
    store.decide(first, 4, replace(REPLY, template_id="", final_text="", shown=(), edited=None))  # says nothing to the buyer
    store.outcome(first, Outcome("Mia", OutcomeKind.ACCEPTED))
    store.outcome(first, Outcome("Mia", OutcomeKind.ACCEPTED))  # noted twice is accepted once
    store.outcome(first, Outcome("Mia", OutcomeKind.REFUNDED))
    store.decide(second, 1, replace(REPLY, shown=("q_remake", "q_remake"), edited=None))
    store.outcome(second, Outcome("Mia", OutcomeKind.NO_ANSWER))
    store.outcome(third, Outcome("Mia", OutcomeKind.ACCEPTED))  # to nothing of ours
    version = store.decide(third, 2, replace(REPLY, shown=("s_explain_policy",)))
    store.outcome(third, Outcome("Mia", OutcomeKind.DECLINED))
    store.undo(third, version + 1, "Mia")
    assert store.reply_usage() == {
        "q_ask_photo": ReplyUsage(shown=1),
        "q_choice_partial": ReplyUsage(shown=1, chosen=1, accepted=1),
        "q_remake": ReplyUsage(shown=3, chosen=2, as_suggested=1, declined=1, no_answer=1),
    }


def test_replies_since_and_after_their_words_are_erased(store, assess):
    case = _case(store, assess, 1)
    store.now = lambda: NOON
    store.decide(case, 1, REPLY)
    store.now = lambda: NOON + HOUR
    store.outcome(case, Outcome("Mia", OutcomeKind.ACCEPTED))
    whole = {"q_ask_photo": ReplyUsage(shown=1), "q_remake": ReplyUsage(shown=1, chosen=1, as_suggested=1, accepted=1)}
    assert store.reply_usage() == store.reply_usage(since=NOON) == whole
    assert store.reply_usage(since=NOON + HOUR) == {}
    with store.changing(case) as change:
        erase(
            change.journal, [entry.seq for entry in entries_of(change.connection, change.id)], "night", change.id, "retention"
        )
    assert store.case(case).decisions[0].decision.final_text == "" and store.reply_usage() == whole


def test_a_decision_keeps_what_was_suggested(store, assess):
    case = _case(store, assess, 1)
    version = 1
    for edited in (0, 1, -0.0, 0.1 + 0.2, True, None):
        version = store.decide(case, version, replace(REPLY, edited=edited))
        kept = store.case(case).decisions[-1].decision
        assert kept.edited == edited and kept.shown == REPLY.shown
        assert store.verify().ok
