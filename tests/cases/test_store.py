import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from triage_ml.cases import (
    AttachmentKind,
    CaseState,
    CaseStore,
    Decision,
    Filter,
    Hold,
    Label,
    Order,
    Outcome,
    OutcomeKind,
    PhoneNote,
    Recorded,
)
from triage_ml.cases.database import open_engine
from triage_ml.cases.records import CaseDecision, CaseLabel, CaseMessage, CaseOutcome, CasePhoneNote, Origin
from triage_ml.errors import CaseConflictError, CaseError, CaseNotFoundError, LedgerError
from triage_ml.messages import Category, Claim, Direction, Message, MessageKind, Money, OrderLine

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORDER = OrderLine(
    "302-1234567-7654321", "FRAME-30", "Picture frame", Money(Decimal("34.90"), "EUR"), 1, "de", NOON - 72 * HOUR, True, "Für Oma Lisbeth"
)  # fmt: skip
ALIAS = "8fjq3kd0w2x@marketplace.amazon.de"
BROKEN = Message(
    "m-1", "Der Rahmen kam mit einem Sprung im Glas an.", ORDER, "t-1", channel="amazon", sent_at=NOON,
    subject="Anfrage zu Ihrer Bestellung", sender=ALIAS, claim_hint=Claim.QUALITY, attachments=("sprung.jpg",),
)  # fmt: skip
THANKS = Message(
    "m-2", "Danke, ich warte dann auf Ihre Antwort.", ORDER, "t-1", channel="amazon", sent_at=NOON + HOUR, sender=ALIAS
)
ANSWER = Message(
    "m-3", "Guten Tag, wir fertigen den Rahmen neu.", ORDER, "t-1", Direction.OUT, MessageKind.SELLER, "amazon",
    sent_at=NOON + 2 * HOUR, sender="shop@example.com",
)  # fmt: skip
REMAKE = Decision("Mia", Category.QUALITY, "remake", template_id="q_remake", final_text="Wir fertigen den Rahmen neu.")


@pytest.fixture
def case(store, assess):
    """The id of a case with one message."""
    store.record(assess(BROKEN), "import")
    return store.cases().cases[0].id


def test_what_goes_in_comes_out(store, assess):
    origin = Origin("mails.mbox", 3, "ab" * 32)
    assessment = assess(BROKEN)[0]
    assert store.record([assessment], "import", origin=lambda _: origin) == Recorded(messages=1, cases=1)
    case = store.case("c-1")
    assert case.id == "C-000001" and case.version == 1
    (one,) = case.messages
    assert one.message == BROKEN and not one.erased
    assert (one.source_file, one.source_row, one.raw_sha256) == ("mails.mbox", 3, "ab" * 32)
    judged = one.judgement
    assert judged.probabilities == assessment.prediction.probabilities and judged.claim_set == assessment.prediction.claim_set
    assert judged.reasons == assessment.reasons and judged.model == "fixed" and judged.policy == assessment.policy
    assert judged.resolution["recommended"]["kind"] == assessment.resolution.recommended.kind
    assert judged.cues[0]["type"] == assessment.prediction.cues[0].type
    summary = case.summary
    assert summary.order == replace(ORDER, quantity=None) and summary.category is Category.QUALITY and summary.sureness == 0.91
    assert summary.due_at == NOON + 24 * HOUR and summary.state is CaseState.OPEN and summary.language == "de"
    assert [entry.kind for entry in case.entries] == ["message"]


def test_importing_again_in_any_order_changes_nothing(store, assess):
    rows = [
        Message("returns.csv:2", "Too small for my wrist", OrderLine("302-1111111-1111111"), channel="amazon", sent_at=NOON),
        Message("returns.csv:3", "Too small for my wrist", OrderLine("302-2222222-2222222"), channel="amazon", sent_at=NOON),
        Message("returns.csv:4", "broken"),  # a file that has nothing but words: two rows are two messages
        Message("returns.csv:5", "broken"),
        Message("returns.csv:6", "gift box was missing"),
        BROKEN, THANKS, ANSWER,
    ]  # fmt: skip
    assert store.record(assess(*rows), "import") == Recorded(messages=8, cases=6)
    before = [store.case(case.id) for case in store.walk()]
    for seed in range(3):
        shuffled = random.Random(seed).sample(rows, len(rows))
        again = [replace(m, message_id=f"returns.csv:{n}") if ":" in m.message_id else m for n, m in enumerate(shuffled, 2)]
        assert store.record(assess(*again), "import") == Recorded(known=8)
    assert [store.case(case.id) for case in store.walk()] == before


def test_one_export_may_hold_a_message_twice(store, assess):
    assert store.record(assess(BROKEN, BROKEN, THANKS), "import") == Recorded(messages=2, cases=1, known=1)


def test_a_thread_is_found_by_conversation_then_by_order(store, assess):
    before_the_order = replace(THANKS, message_id="m-0", text="Gibt es den Rahmen auch in Eiche?", order=None)
    by_report = replace(BROKEN, message_id="RMA-1", thread_id="", text="Glas gesprungen", sender="")
    another_order = replace(BROKEN, message_id="m-9", order=replace(ORDER, order_id="302-9999999-9999999"))
    store.record(assess(before_the_order), "import")
    assert store.record(assess(BROKEN, by_report), "import") == Recorded(messages=2)
    assert store.record(assess(another_order), "import").cases == 1  # the same conversation, but another order's problem
    assert store.case("C-000001").summary.order.order_id == ORDER.order_id


def test_a_fault_said_earlier_is_not_forgotten(store, assess):
    store.record(assess(BROKEN, probability=0.88), "import")
    store.record(assess(THANKS, claim=Claim.OTHER, probability=0.99), "import")
    summary = store.cases().cases[0]
    assert (summary.claim, summary.category, summary.sureness) == (Claim.QUALITY, Category.QUALITY, 0.88)
    assert summary.due_at == THANKS.sent_at + 24 * HOUR and summary.version == 2
    threat = replace(THANKS, message_id="m-4", text="50 % zurück oder ein Stern.", sent_at=NOON + 3 * HOUR)
    store.record(assess(threat, claim=Claim.OTHER, abuse=0.97), "import")
    summary = store.cases().cases[0]
    assert (summary.claim, summary.category, summary.abuse) == (Claim.QUALITY, Category.ABUSE, 0.97)
    other = replace(THANKS, message_id="m-5", text="Außerdem steht Lisbet statt Lisbeth drauf.", sent_at=NOON + 4 * HOUR)
    store.record(assess(other, claim=Claim.MISMATCH), "import")
    assert store.cases().cases[0].claim is Claim.MISMATCH


def test_messages_may_come_in_any_order_of_time(store, assess, tmp_path):
    store.record([*assess(ANSWER), *assess(THANKS, claim=Claim.OTHER), *assess(BROKEN)], "import")
    summary = store.cases().cases[0]
    assert (summary.claim, summary.last_at, summary.state) == (Claim.QUALITY, ANSWER.sent_at, CaseState.WAITING)
    assert summary.due_at is None
    assert [one.message.message_id for one in store.case(summary.id).messages] == ["m-1", "m-2", "m-3"]


def test_an_answer_stops_the_clock_until_the_buyer_writes_again(store, assess):
    store.record(assess(BROKEN, ANSWER), "import")
    assert store.cases().cases[0].state is CaseState.WAITING
    again = replace(THANKS, message_id="m-6", text="Wann kommt er denn?", sent_at=NOON + 30 * HOUR)
    store.record(assess(again, claim=Claim.OTHER), "import")
    summary = store.cases().cases[0]
    assert summary.state is CaseState.OPEN and summary.due_at == NOON + 54 * HOUR


def test_an_answer_that_comes_in_late_counts_from_when_it_was_sent(store, assess):
    notice = replace(ANSWER, message_id="n-1", direction=Direction.IN, kind=MessageKind.NOTICE, sent_at=NOON + 3 * HOUR)
    store.record(assess(BROKEN, notice), "import")
    assert store.cases().cases[0].state is CaseState.OPEN
    store.record(assess(ANSWER), "import")
    assert store.cases().cases[0].state is CaseState.WAITING and store.cases().cases[0].due_at is None


def test_what_the_shop_writes_first_waits_and_what_a_machine_writes_asks_nothing(store, assess):
    store.record(assess(ANSWER), "import")
    store.record(assess(Message("n-2", "Your weekly report", kind=MessageKind.NOTICE, thread_id="n")), "import")
    assert [store.case(case).summary.state for case in ("C-000001", "C-000002")] == [CaseState.WAITING, CaseState.CLOSED]


def test_an_order_number_in_other_letters_is_the_same_order(store, assess):
    store.record(assess(replace(BROKEN, order=OrderLine("abc-77"), channel="shop", thread_id="")), "import")
    again = replace(THANKS, order=OrderLine(" ABC-77"), channel="shop", thread_id="")
    assert store.record(assess(again), "import") == Recorded(messages=1)


def test_a_claim_at_the_marketplace_is_not_answered_by_words(store, assess):
    claim = replace(BROKEN, message_id="a-1", kind=MessageKind.A_TO_Z, text="Claim received", sent_at=NOON + HOUR)
    store.record(assess(BROKEN, claim, ANSWER), "import")
    case = store.case("C-000001")
    assert case.summary.state is CaseState.OPEN and case.summary.due_at == NOON + 49 * HOUR
    assert {d.clock: d.met_at for d in case.deadlines} == {"reply": ANSWER.sent_at, "claim_answer": None}


def test_deciding(store, case):
    version = store.decide(case, 1, replace(REMAKE, amount=Money(Decimal("5.5"), "EUR")))
    decided = store.case(case)
    assert version == decided.version == 2 and decided.summary.state is CaseState.DECIDED and decided.summary.due_at is None
    (one,) = decided.decisions
    assert one.decision == replace(REMAKE, amount=Money(Decimal("5.50"), "EUR")) and one.undone_at is None
    assert [entry.kind for entry in decided.entries] == ["message", "decision"]


def test_two_people_decide_at_once(store, case, url, tmp_path):
    with CaseStore(open_engine(url), files=tmp_path / "files") as other:
        seen_here, seen_there = store.case(case).version, other.case(case).version
        store.decide(case, seen_here, REMAKE)
        with pytest.raises(CaseConflictError, match=r"found version 2.*expected version 1.*Open the case again"):
            other.decide(case, seen_there, replace(REMAKE, by="Tom", remedy="full_refund_keep"))
    assert [one.decision.by for one in store.case(case).decisions] == ["Mia"]


def test_a_message_that_comes_in_meanwhile_is_seen_first(store, case, assess):
    store.record(assess(THANKS), "import")
    with pytest.raises(CaseConflictError):
        store.decide(case, 1, REMAKE)


def test_taking_back(store, case):
    version = store.decide(case, 1, REMAKE)
    assert store.undo(case, version, "Tom") == 3
    undone = store.case(case)
    assert undone.summary.state is CaseState.OPEN and undone.summary.due_at == NOON + 24 * HOUR
    assert undone.decisions[0].undone_by == "Tom" and undone.decisions[0].undone_at
    with pytest.raises(CaseError, match="no decision that stands"):
        store.undo(case, 3, "Tom")
    assert store.case(case).version == 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"remedy": "coupon"}, "'coupon'.*remake"),
        ({"amount": Money(Decimal(5), "USD")}, "5 USD.*in EUR"),
        ({"amount": Money(Decimal(-5), "EUR")}, "-5 EUR.*0 or more"),
        ({"amount": Money(Decimal("NaN"), "EUR")}, "0 or more"),
        ({"amount": Money(Decimal("1e13"), "EUR")}, "below 1,000,000,000,000"),
        ({"category": Category.ABUSE}, "second person"),
        ({"category": Category.ABUSE, "second_person": " Mia "}, "second person"),
    ],
)
def test_what_cannot_be_decided(store, case, wrong, said):
    with pytest.raises(CaseError, match=said):
        store.decide(case, 1, replace(REMAKE, **wrong))
    assert store.case(case).version == 1


def test_where_abuse_is_possible_a_second_person_looks(store, assess):
    store.record(assess(BROKEN, abuse=0.6), "import")
    with pytest.raises(CaseError, match="beside the one who decides"):
        store.decide("C-000001", 1, REMAKE)
    store.decide("C-000001", 1, replace(REMAKE, second_person="Tom"))
    assert store.case("C-000001").decisions[0].decision.second_person == "Tom"


@pytest.mark.parametrize(
    ("remedy", "state"), [("remake", CaseState.DECIDED), ("ask_evidence", CaseState.WAITING), ("nothing", CaseState.CLOSED)]
)
def test_whose_move_it_is_after_a_decision(store, case, remedy, state):
    store.decide(case, 1, replace(REMAKE, remedy=remedy))
    assert store.case(case).summary.state is state


def test_outcomes(store, case):
    store.decide(case, 1, REMAKE)
    spent = Money(Decimal("11.2"), "EUR")
    first = Outcome("Mia", OutcomeKind.DECLINED, Decimal("0.15"), spent, "She wants all of it back", NOON + 5 * HOUR)
    store.outcome(case, first)
    assert store.case(case).summary.state is CaseState.OPEN
    store.outcome(case, Outcome("Mia", OutcomeKind.REFUNDED))
    opened = store.case(case)
    assert opened.summary.state is CaseState.CLOSED
    assert opened.outcomes[0].outcome == replace(first, spent=Money(Decimal("11.20"), "EUR"))
    assert opened.outcomes[1].outcome.at is not None
    with pytest.raises(CaseError, match="in EUR"):
        store.outcome(case, Outcome("Mia", OutcomeKind.REFUNDED, spent=Money(Decimal(1), "GBP")))


def test_somebody_is_always_named(store, case):
    with pytest.raises(LedgerError, match="nobody named"):
        store.release(case, " ")
    assert store.case(case).version == 1


def test_a_label_without_a_number_is_for_the_newest_even_where_one_has_no_time(store, case, assess):
    store.record(assess(replace(THANKS, sent_at=None)), "import")
    store.label(case, Label("Mia", Claim.QUALITY))
    assert store.case(case).labels[0].label.message_id == 1


def test_labels(store, case, assess):
    store.record(assess(THANKS, ANSWER), "import")
    store.label(case, Label("Mia", Claim.OTHER))
    store.label(case, Label("Mia", Claim.QUALITY, note="crack in the glass", message_id=1))
    newest, first = store.case(case).labels
    assert (newest.label.message_id, first.label.message_id) == (2, 1)
    assert first.label.note == "crack in the glass" and first.label.claim is Claim.QUALITY
    with pytest.raises(CaseError, match="no message 77"):
        store.label(case, Label("Mia", Claim.OTHER, message_id=77))


def test_phone_notes_files_and_holds(store, case, tmp_path):
    store.note_phone(case, PhoneNote("Mia", "He agrees to a new one.", "As agreed on the phone, we make it again."))
    photo = tmp_path / "Sprung von Lisbeth.JPG"
    photo.write_bytes(b"\xff\xd8 not much of a photo")
    store.attach(case, photo, AttachmentKind.BUYER_PHOTO, "Mia", message_id=1)
    store.hold(case, Hold("A-to-z", "Ms Li", NOON + 90 * 24 * HOUR), "Mia")
    opened = store.case(case)
    assert opened.phone_notes[0].note.confirmation.startswith("As agreed")
    (kept,) = opened.attachments
    assert kept.name == photo.name and Path(kept.path).read_bytes() == photo.read_bytes() and kept.size == 22
    assert kept.path.endswith(f"{kept.sha256}.jpg")
    assert opened.summary.hold == Hold("A-to-z", "Ms Li", NOON + 90 * 24 * HOUR)
    assert [c.id for c in store.cases(Filter(on_hold=True)).cases] == [case]
    store.release(case, "Mia")
    assert store.case(case).summary.hold is None
    assert [entry.kind for entry in opened.entries] == ["message", "phone_note", "attachment", "hold"]
    with pytest.raises(CaseError, match=r"gone\.jpg.*No such file"):
        store.attach(case, tmp_path / "gone.jpg", AttachmentKind.LABEL, "Mia")
    with pytest.raises(CaseError, match="no message 5"):
        store.attach(case, photo, AttachmentKind.LABEL, "Mia", message_id=5)
    assert store.verify().ok


@pytest.mark.parametrize("wrong", ["C-000099", "nonsense", "", "99", "C--1"])
def test_a_case_that_is_not_there(store, case, wrong):
    with pytest.raises(CaseNotFoundError, match="the number of a case"):
        store.case(wrong)
    with pytest.raises(CaseNotFoundError):
        store.decide(wrong, 1, REMAKE)


def test_streams(store, case, assess):
    store.record(assess(THANKS), "import")
    version = store.case(case).version
    store.decide(case, version, REMAKE)
    store.outcome(case, Outcome("Mia", OutcomeKind.ACCEPTED))
    store.label(case, Label("Mia", Claim.QUALITY, message_id=1))
    store.note_phone(case, PhoneNote("Mia", "She is happy."))
    assert [one.message.message_id for one in store.stream(CaseMessage)] == ["m-1", "m-2"]
    for kind in (CaseDecision, CaseOutcome, CaseLabel, CasePhoneNote):
        (one,) = store.stream(kind)
        assert one.case_id == case
        assert list(store.stream(kind, since=NOON)) == [one]
        assert list(store.stream(kind, since=datetime.now(UTC) + HOUR)) == []


def test_texts_that_a_database_cannot_hold(store, assess):
    broken = replace(BROKEN, text="Glas \x00 gesprungen \ud83d", subject="\udfff?", sender="x\x00@example.com")
    assessments = [replace(assess(BROKEN)[0], message=broken)]
    store.record(assessments, "import\x00")
    assert store.case("C-000001").messages[0].message.text == "Glas \ufffd gesprungen \ufffd"
    assert store.record(assessments, "import").known == 1
    assert store.verify().ok


def test_columns_that_are_shifted_in_an_export(store, assess):
    story = "I ordered it for my mother and then " * 200
    order = OrderLine("\x00" + story, story, "Mug\x00", Money(Decimal("1e25"), "EUR"))
    shifted = [
        replace(a, message=replace(a.message, order=order, channel="shop"))
        for a in assess(BROKEN, replace(THANKS, sent_at=None))
    ]
    assert store.record(shifted, "import") == Recorded(messages=2, cases=1)
    case = store.cases(order=Order.AT_STAKE).cases[0]
    assert case.order.paid is None and case.order.product == "Mug\ufffd" and len(case.order.sku) == 200
    assert store.case(case.id).messages[0].message.order.paid == order.paid
    assert store.record(shifted, "import").known == 2 and store.verify().ok


def _many(assess):
    """Forty cases that differ in all that lists are ordered and filtered by."""
    chance, found = random.Random(3), []
    for number in range(40):
        paid = Money(Decimal(chance.choice([5, 20, 20, 80])), chance.choice(["EUR", "JPY"])) if number % 7 else None
        order = OrderLine(f"{number:03}-0000000-0000000", chance.choice(["MUG-1", "FRAME-30"]), paid=paid, marketplace="de")
        sent_at = NOON + chance.randrange(9) * HOUR if number % 5 else None
        message = Message(f"x-{number}", "Die Farbe ist falsch.", order, channel="amazon", sent_at=sent_at)
        found += assess(message, claim=chance.choice(list(Claim)), probability=chance.choice([0.5, 0.7, 0.9]))
    return found


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize(
    "where", [Filter(), Filter(sku="MUG-1"), Filter(state=CaseState.OPEN, currency="EUR", until=NOON + 8 * HOUR)]
)
def test_pages_hold_every_case_once_and_in_order(store, assess, order, where):
    store.record(_many(assess), "import")
    everything = store.cases(where, order, limit=500).cases
    paged, after = [], None
    while True:
        page = store.cases(where, order, after, limit=3)
        paged += page.cases
        after = page.next
        if after is None:
            break
    assert tuple(paged) == everything and len({case.id for case in paged}) == len(paged)
    assert {case.id for case in paged} == {case.id for case in store.walk(where)}
    keys = {
        Order.DUE: lambda case: (case.due_at is None, case.due_at or NOON),
        Order.SURENESS: lambda case: case.sureness,
        Order.AT_STAKE: lambda case: (case.order.paid is None, -case.order.paid.amount if case.order.paid else 0),
        Order.NEWEST: lambda case: -case.last_at.timestamp(),
        Order.TEACHES: lambda case: -case.teaches,
    }
    assert [keys[order](case) for case in paged] == sorted(keys[order](case) for case in paged)


def test_filters(store, assess):
    store.record(_many(assess), "import")
    everything = list(store.walk())
    assert len(everything) == 40
    for where, fits in [
        (Filter(claim=Claim.MISMATCH), lambda case: case.claim is Claim.MISMATCH),
        (
            Filter(category=Category.QUALITY, sku="MUG-1"),
            lambda case: case.category is Category.QUALITY and case.order.sku == "MUG-1",
        ),
        (Filter(due_before=NOON + 27 * HOUR), lambda case: case.due_at and case.due_at < NOON + 27 * HOUR),
        (Filter(since=NOON + 4 * HOUR), lambda case: case.last_at >= NOON + 4 * HOUR),
        (Filter(order_id="007-0000000-0000000"), lambda case: case.order.order_id == "007-0000000-0000000"),
    ]:
        expected = [case for case in everything if fits(case)]
        assert expected and list(store.walk(where)) == expected


def test_a_page_mark_of_another_list_is_refused(store, assess):
    store.record(_many(assess), "import")
    mark = store.cases(order=Order.DUE, limit=2).next
    for wrong in (mark[:-5], "???", "W10="):
        with pytest.raises(CaseError, match="page mark"):
            store.cases(order=Order.DUE, after=wrong)
    with pytest.raises(CaseError, match="page mark"):
        store.cases(order=Order.SURENESS, after=mark)


TEXTS = {
    "de": "Leider war der Bilderrahmen beim Öffnen schon zerbrochen.",
    "en": "The mug says 100% Anna_Bell but I ordered \"Annabel\".",
    "ja": "届いた時計のガラスが割れていました。",
    "zh": "杯子收到的时候已经破损",
    "fr": "La gravure n'est pas droite, l'année est fausse.",
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("zerbrochen", "de"), ("ZERBROCHEN", "de"), ("rahmen öffnen", "de"), ("割れ", "ja"), ("時計の", "ja"), ("破损", "zh"),
        ("杯子", "zh"), ("100%", "en"), ("Anna_B", "en"), ('"Annabel"', "en"), ("gravure année", "fr"), ("302-0000000-0000003", "ja"),
        ("C-000002", "en"), ("gravure zerbrochen", None), ("Anna%Bell", None), ("AND", None), ("破碎", None), ("损杯", None),
    ],
)  # fmt: skip
def test_searching(store, assess, words, found):
    for number, (language, text) in enumerate(TEXTS.items(), 1):
        order = OrderLine(f"302-0000000-000000{number}")
        store.record(assess(Message(f"s-{language}", text, order, channel="amazon")), "import")
    texts = [store.case(hit.case.id).messages[0].message.text for hit in store.search(words)]
    assert texts == ([TEXTS[found]] if found else [])


def test_searching_finds_what_we_wrote_and_pages(store, assess):
    for number in range(12):
        order = OrderLine(f"302-0000000-00000{number:02}")
        store.record(assess(Message(f"s-{number}", "Der Henkel wackelt.", order, channel="amazon")), "import")
    store.note_phone("C-000003", PhoneNote("Mia", "Kunde schickt noch ein Foto vom Henkel"))
    first = store.search("henkel", limit=5)
    second = store.search("henkel", limit=50, before=first[-1].seq)
    assert [hit.case.id for hit in first] == ["C-000003", "C-000012", "C-000011", "C-000010", "C-000009"]
    assert [hit.case.id for hit in second] == [f"C-{number:06}" for number in range(8, 0, -1)]
    assert first[0].excerpt == "Kunde schickt noch ein Foto vom Henkel"
    with pytest.raises(CaseError, match="at least 2"):
        store.search("a henkel")
    with pytest.raises(CaseError, match="at least 2"):
        store.search("  ")
