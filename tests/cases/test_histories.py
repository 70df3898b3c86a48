from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from triage_ml.cases import Decision, Filter, Label, Outcome, OutcomeKind
from triage_ml.cases.histories import BuyerCount, buyer_counts, buyers_by_cases, walk_histories
from triage_ml.cases.ledger import erase
from triage_ml.messages import Category, Claim, Direction, Message, MessageKind, Money, OrderLine

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def _order(number, customisation=""):
    return OrderLine(
        f"302-1234567-{number:07d}", "FRAME-30", "Frame", Money(Decimal("34.90"), "EUR"), 1, "de", None, True, customisation
    )


BROKEN = Message(
    "m-1", "Der Rahmen kam mit einem Sprung im Glas an.", _order(1, "Für Oma Lisbeth"), "t-1", channel="amazon", sent_at=NOON,
    sender="8fjq3kd0w2x@marketplace.amazon.de", reason_code="CR-DEFECTIVE",
)  # fmt: skip
ANSWER = Message(
    "m-2",
    "Guten Tag, wir fertigen den Rahmen neu.",
    _order(1),
    "t-1",
    Direction.OUT,
    MessageKind.SELLER,
    "amazon",
    sent_at=NOON + DAY,
)
AGAIN = Message(
    "m-3", "Jetzt ist auch der neue schief geklebt.", _order(2), channel="amazon", sent_at=NOON + 40 * DAY, sender=BROKEN.sender
)


def test_a_history_tells_what_the_case_tells(store, assess):
    store.record(assess(ANSWER, BROKEN), "import")
    case = store.cases().cases[0]
    store.decide(case.id, case.version, Decision("Mia", Category.QUALITY, "remake", final_text="Wir fertigen ihn neu."))
    store.outcome(
        case.id, Outcome("Mia", OutcomeKind.REMADE, spent=Money(Decimal("12.30"), "EUR"), note="am Montag verschickt")
    )
    store.label(case.id, Label("Mia", Claim.QUALITY, note="sieht man im Bild"))
    whole = store.case(case.id)
    (history,) = walk_histories(store)
    assert history.case == whole.summary
    assert [(said.id, said.at, said.text) for said in history.messages] == [
        (one.id, one.message.sent_at, one.message.text) for one in whole.messages
    ]
    first, kept = history.messages[0], whole.messages[0]
    assert first.cues == tuple(assess(BROKEN)[0].prediction.cues) and first.cues
    assert (first.claim, first.category, first.model) == (Claim.QUALITY, Category.QUALITY, kept.judgement.model)
    assert (first.customisation, first.reason_code, first.language) == ("Für Oma Lisbeth", "CR-DEFECTIVE", "de")
    assert first.cost is not None and first.cost == assess(BROKEN)[0].resolution.recommended.cost
    assert history.decisions[0].decided_at == whole.decisions[0].decided_at and history.decisions[0].decision.remedy == "remake"
    assert history.decisions[0].decision.final_text == "" and history.outcomes[0].outcome.note == ""
    assert history.outcomes[0].outcome.spent == Money(Decimal("12.30"), "EUR")
    assert history.labels[0].label.claim is Claim.QUALITY


def test_an_erased_message_keeps_what_names_nobody(store, assess):
    store.record(assess(BROKEN), "import")
    case = store.cases().cases[0]
    with store.changing(case.id) as change:
        erase(change.journal, [store.case(case.id).messages[0].id], "retention", change.id, "delivered 30 days ago")
    said = next(walk_histories(store)).messages[0]
    assert said.erased and (said.text, said.customisation) == ("", "")
    assert said.claim is Claim.QUALITY and said.cues and said.reason_code == "CR-DEFECTIVE"


def test_every_case_comes_once_in_any_number(store, assess):
    texts = [Message(f"n-{n}", "Der Henkel ist abgebrochen.", _order(n), channel="amazon", sent_at=NOON) for n in range(1100)]
    store.record((a for start in range(0, 1100, 100) for a in assess(*texts[start : start + 100])), "import")
    walked = [history.case.id for history in walk_histories(store)]
    assert len(walked) == len(set(walked)) == 1100
    assert [h.case.id for h in walk_histories(store, Filter(order_id=_order(7).order_id))] == [walked[7]]


@pytest.mark.parametrize(("until", "cases"), [(NOON + 41 * DAY, {2: 1}), (NOON + 40 * DAY, {1: 1}), (NOON, {})])
def test_buyers_are_counted_by_their_hash(store, assess, until, cases):
    store.record(assess(BROKEN, AGAIN), "import")
    assert buyers_by_cases(store, NOON - DAY, until) == cases
    found = buyer_counts(store, NOON - DAY, until, 2, 10)
    assert found == ([BuyerCount(store.cases().cases[0].buyer_hash, 2)] if cases == {2: 1} else [])
