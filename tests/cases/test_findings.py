"""What happened before in a case, and what it changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from triage_ml.cases import AttachmentKind, Decision, Outcome, OutcomeKind
from triage_ml.cases.findings import asks_for_photo, assess_case, findings_of, outgoing_of, whole_message
from triage_ml.cases.ledger import entries_of, erase
from triage_ml.cases.store import CaseStore
from triage_ml.classifier import FixedClassifier
from triage_ml.language import LANGUAGES
from triage_ml.messages import Category, Claim, Direction, Message, MessageKind, Money, OrderLine
from triage_ml.replies.lint import check
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.resolution import Evidence, Findings, RemedyKind
from triage_ml.triage import Triage

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAID = Money(Decimal("24.90"), "EUR")
MUG = OrderLine("302-7654321-1234567", "MUG-1", "Mug", PAID, 1, "de", NOON - 72 * HOUR, True, "Emma")
BROKEN = Message("f-1", "Der Henkel ist ab.", MUG, "t", channel="amazon", sent_at=NOON)
CASE = "C-000001"


def ours(text, hours, number="f-9"):
    return Message(number, text, MUG, "t", Direction.OUT, MessageKind.SELLER, "amazon", sent_at=NOON + hours * HOUR)


def again(text, hours, attachments=()):
    return replace(BROKEN, message_id=f"f-{hours}", text=text, sent_at=NOON + hours * HOUR, attachments=attachments)


@pytest.fixture
def record(tmp_path):
    with CaseStore.open(tmp_path / "cases.db") as opened:
        yield opened


@pytest.fixture
def bring(record, assess):
    """Bring messages in, and return the case they make."""

    def recorded(*messages, **said):
        record.record(assess(*messages, **said), "import")
        return record.case(CASE)

    return recorded


@pytest.fixture
def decide(record):
    def decided(remedy, category=Category.QUALITY, **more):
        record.decide(CASE, record.case(CASE).version, Decision("Mia", category, remedy, **more))
        return record.case(CASE)

    return decided


@pytest.fixture
def triage(policy, templates):
    return Triage(FixedClassifier(Claim.QUALITY, 0.91, 0.01), policy, ReplyRanker(templates, policy))


def test_nothing_happened_before(bring):
    assert findings_of(bring(BROKEN)) == Findings()


# --- a photo was asked for


def test_a_decision_asks_for_a_photo_until_it_is_taken_back(bring, decide, record):
    bring(BROKEN)
    assert findings_of(decide("ask_evidence")).asked
    record.undo(CASE, record.case(CASE).version, "Mia")
    assert not findings_of(record.case(CASE)).asked


def test_a_text_of_ours_asks_for_a_photo(bring):
    assert findings_of(bring(BROKEN, ours("Könnten Sie uns bitte ein Foto vom Henkel schicken?", 1))).asked


def test_a_text_of_the_buyer_asks_us_for_nothing(bring):
    assert not findings_of(bring(again("Soll ich Ihnen bitte ein Foto schicken?", 1))).asked


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["q_ask_photo", "q_ask_what", "m_ask_photo_order", "a_request_proof"])
def test_our_own_questions_for_a_photo_are_known_in_every_language(templates, template, language):
    assert asks_for_photo(templates[template].render(language, {})[0], language)


# They ask for one, or ask for one too.
ASKING = {"q_ask_photo", "q_ask_what", "m_ask_photo_order", "a_request_proof", "f_no_photo_yet", "o_usage_question"}


def test_our_other_replies_ask_for_no_photo(templates):
    wrong = [
        (template.id, language)
        for template in templates.values()
        for language in LANGUAGES
        if template.id not in ASKING and asks_for_photo(template.render(language, {})[0], language)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Thank you for the photo. Please tell me which colour you prefer.", "en"),
        ("We send you a photo of the finished mug on Friday.", "en"),
        ("Danke für das Foto. Bitte schreiben Sie uns, was Ihnen lieber ist.", "de"),
        ("感谢您发来的照片。麻烦您告诉我们想要哪一种。", "zh"),
        ("お写真をありがとうございます。ご希望をお知らせください。", "ja"),
        ("", "en"),
    ],
)
def test_a_photo_that_is_only_spoken_of_is_not_asked_for(text, language):
    assert not asks_for_photo(text, language)


def test_what_is_unknown_is_read_as_english():
    assert asks_for_photo("Could you send us a photo?", "") and asks_for_photo("Could you send us a photo?", "nl")


# --- what shows the fault


def test_a_file_that_came_with_any_message_shows_it(bring):
    assert findings_of(bring(BROKEN, again("Hier ist es.", 2, ("henkel.jpg",)))).evidence is Evidence.SENT


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (AttachmentKind.BUYER_PHOTO, Evidence.SENT),
        (AttachmentKind.RETURN_INSPECTION, Evidence.SENT),
        (AttachmentKind.PRODUCTION_PHOTO, Evidence.NONE),  # it shows the piece before it left
        (AttachmentKind.POD, Evidence.NONE),
    ],
)
def test_a_kept_file_shows_it_where_it_shows_what_the_buyer_has(bring, record, tmp_path, kind, found):
    bring(BROKEN)
    (tmp_path / "kept.jpg").write_bytes(b"kept")
    record.attach(CASE, tmp_path / "kept.jpg", kind, "Mia")
    assert findings_of(record.case(CASE)).evidence is found


def test_it_is_confirmed_once_a_person_decided_on_it(bring, decide, record):
    assert findings_of(bring(replace(BROKEN, attachments=("henkel.jpg",)))).evidence is Evidence.SENT
    assert findings_of(decide("remake")).evidence is Evidence.CONFIRMED
    record.undo(CASE, record.case(CASE).version, "Mia")
    assert findings_of(record.case(CASE)).evidence is Evidence.SENT


@pytest.mark.parametrize(
    ("remedy", "category"),
    [
        ("ask_evidence", Category.QUALITY),
        ("wait", Category.QUALITY),
        ("explain", Category.SUBJECTIVE),
        ("answer", Category.OTHER),
    ],
)
def test_a_decision_that_leaves_it_open_confirms_nothing(bring, decide, remedy, category):
    bring(replace(BROKEN, attachments=("henkel.jpg",)))
    assert findings_of(decide(remedy, category)).evidence is Evidence.SENT


def test_a_decision_before_the_photo_confirms_nothing(bring, decide):
    bring(BROKEN)
    decide("remake")
    assert findings_of(bring(again("Hier ist es.", 2, ("henkel.jpg",)))).evidence is Evidence.SENT


# --- what was turned down


def test_what_was_turned_down_counts_once_for_each_decision(bring, decide, record):
    bring(BROKEN)
    decide("part_refund_keep", amount=Money(Decimal("5.00"), "EUR"))
    record.outcome(CASE, Outcome("Mia", OutcomeKind.DECLINED))
    record.outcome(CASE, Outcome("Mia", OutcomeKind.DECLINED))
    assert findings_of(record.case(CASE)).declined == (RemedyKind.PART_REFUND_KEEP,)
    decide("part_refund_keep", amount=Money(Decimal("7.00"), "EUR"))
    record.outcome(CASE, Outcome("Mia", OutcomeKind.DECLINED))
    assert findings_of(record.case(CASE)).declined == (RemedyKind.PART_REFUND_KEEP, RemedyKind.PART_REFUND_KEEP)


def test_other_outcomes_turn_nothing_down(bring, decide, record):
    bring(BROKEN)
    record.outcome(CASE, Outcome("Mia", OutcomeKind.DECLINED))  # nothing was decided
    decide("remake")
    record.outcome(CASE, Outcome("Mia", OutcomeKind.NO_ANSWER))
    assert findings_of(record.case(CASE)).declined == ()


# --- it reaches the resolution


def kinds(assessment):
    return [remedy.kind for remedy in assessment.resolution.remedies]


def test_an_answer_without_a_photo_ends_the_waiting(bring, triage):
    asking = ours("Könnten Sie uns bitte ein Foto vom Henkel schicken?", 1)
    assert assess_case(triage, bring(BROKEN, asking)).resolution.recommended.kind is RemedyKind.WAIT
    case = bring(again("Ein Foto habe ich nicht, der Henkel ist trotzdem ab.", 2))
    assert findings_of(case).answered
    assert assess_case(triage, case).resolution.recommended.kind not in (RemedyKind.WAIT, RemedyKind.ASK_EVIDENCE)


def test_nobody_is_asked_twice(bring, decide, triage):
    before = assess_case(triage, bring(BROKEN))
    assert RemedyKind.ASK_EVIDENCE in kinds(before)
    after = assess_case(triage, decide("ask_evidence"))
    assert RemedyKind.ASK_EVIDENCE not in kinds(after) and after.resolution.recommended.kind is RemedyKind.WAIT
    assert not [reply for reply in after.replies if reply.template_id == "q_ask_photo"]


def test_a_second_offer_is_higher_and_there_is_no_third(bring, decide, record, triage):
    case, offers = bring(replace(BROKEN, attachments=("henkel.jpg",))), []
    for _ in range(2):
        offers.append(assess_case(triage, case).resolution.offer.offer.amount)
        decide("part_refund_keep", amount=Money(offers[-1], "EUR"))
        record.outcome(CASE, Outcome("Mia", OutcomeKind.DECLINED))
        case = record.case(CASE)
    assert offers[0] < offers[1] and assess_case(triage, case).resolution.offer is None


def test_a_photo_that_came_later_is_not_asked_for(bring, triage):
    found = assess_case(triage, bring(BROKEN, again("Danke, hier.", 2, ("henkel.jpg",))))
    assert not {RemedyKind.ASK_EVIDENCE, RemedyKind.WAIT} & set(kinds(found))
    assert found.message.attachments == ("henkel.jpg",)


def test_the_message_knows_what_its_thread_tells(bring, record, tmp_path):
    bring(BROKEN)
    late = replace(again("Sie ist auch blau statt rot.", 2), order=None)
    bring(late)
    (tmp_path / "kept.jpg").write_bytes(b"kept")
    record.attach(CASE, tmp_path / "kept.jpg", AttachmentKind.BUYER_PHOTO, "Mia")
    message = whole_message(record.case(CASE))
    assert (message.text, message.order.sku, message.channel) == (late.text, "MUG-1", "amazon")
    assert message.attachments == ("kept.jpg",)


def test_of_an_erased_case_nothing_is_assessed(bring, record, triage):
    bring(BROKEN)
    with record.changing(CASE) as change:
        erase(
            change.journal,
            [entry.seq for entry in entries_of(change.connection, change.id)],
            "retention",
            change.id,
            "asked for",
        )
    assert whole_message(record.case(CASE)) is None and assess_case(triage, record.case(CASE)) is None


# --- what may be sent


def test_the_check_knows_the_same_with_and_without_an_assessment(bring, triage):
    case = bring(BROKEN)
    now, recorded = outgoing_of(case, triage.assess(BROKEN)), outgoing_of(case)
    assert replace(recorded, language="") == replace(now, language="")
    assert now.full_refund_allowed and now.personalised and now.highest == PAID and now.price


def test_the_amount_of_the_decision_is_the_most_that_may_be_promised(bring):
    case, four = bring(BROKEN), Money(Decimal("4.00"), "EUR")
    text = "Guten Tag,\n\nich erstatte Ihnen 9,00 EUR Ihrer Bestellung.\n\nunsere Werkstatt"

    def rules(**chosen):
        return {found.rule for found in check(text, outgoing_of(case, category=Category.QUALITY, **chosen))}

    assert "amount" not in rules() | rules(remedy="remake", amount=four)
    assert "amount" in rules(remedy="part_refund_keep", amount=four)
    assert outgoing_of(case, remedy="full_refund_keep").highest == PAID


def test_a_change_of_mind_may_be_promised_all_only_by_decision(bring):
    case = bring(replace(BROKEN, text="Sie gefällt mir nicht."), claim=Claim.SUBJECTIVE)
    assert not outgoing_of(case).full_refund_allowed
    chosen = outgoing_of(case, category=Category.QUALITY, remedy="full_refund_keep")
    assert chosen.full_refund_allowed and chosen.claim is Claim.QUALITY and chosen.highest == PAID
