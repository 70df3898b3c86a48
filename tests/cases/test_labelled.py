"""What people said of messages, as rows to learn from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from triage_ml.cases import Decision, Label
from triage_ml.cases.labelled import labelled_messages, labelled_rows
from triage_ml.messages import Category, Claim, Direction, Message, MessageKind, OrderLine

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
ORDER = OrderLine("302-1234567-7654321", "MUG-2", "Name mug", None, 1, "de", None, True, "Ottilie")
CRACKED = Message(
    "m-1", "The mug for Ottilie came with a crack in the handle.", ORDER, "t-1", channel="amazon", sent_at=NOON,
    sender="Ottilie Brandl", attachments=("crack.jpg",),
)  # fmt: skip
WAITING = replace(CRACKED, message_id="m-2", text="Are you still there?", sent_at=NOON + timedelta(hours=5), attachments=())
ANSWER = replace(
    CRACKED, message_id="m-3", text="We make it again.", direction=Direction.OUT, kind=MessageKind.SELLER, sender="shop",
    sent_at=NOON + timedelta(hours=6),
)  # fmt: skip
CASE = "C-000001"
REMAKE = Decision("Mia", Category.QUALITY, "remake", template_id="q_remake", final_text="We make it again.", edited=0.1)


@pytest.fixture
def case(store, assess):
    """A store with one case of a cracked mug."""
    store.record(assess(CRACKED), "import")
    return store


def _decide(store, decision):
    return store.decide(CASE, store.case(CASE).version, decision)


def test_a_decision_labels_the_message_that_counted_without_names(case, assess):
    case.record(assess(WAITING, claim=Claim.OTHER), "import")
    case.record(assess(ANSWER), "import")
    _decide(case, REMAKE)
    (one,) = labelled_messages(case)
    assert one.decided and not one.corrected and (one.case_id, one.by) == (CASE, "Mia")
    assert one.row.text == "The mug for [NAME] came with a crack in the handle."
    assert (one.row.claim, one.row.abuse, one.row.replies) == (Claim.QUALITY, False, ("q_remake",))
    assert one.row.photo and one.row.personalised and not one.row.follow_up and "Ottilie" not in repr(one.row)
    assert one.row.group == f"en {case.case(CASE).summary.buyer_hash or CASE}"
    assert list(labelled_rows(case)) == []


def test_a_category_that_was_changed_is_a_correction(case):
    _decide(case, replace(REMAKE, category=Category.MISMATCH))
    (one,) = labelled_messages(case)
    assert one.corrected and one.row.claim is Claim.MISMATCH


def test_abuse_keeps_what_the_message_claims(case):
    _decide(case, replace(REMAKE, category=Category.ABUSE, second_person="Jan"))
    (one,) = labelled_messages(case)
    assert one.row.claim is Claim.QUALITY and one.row.abuse


@pytest.mark.parametrize(("edited", "replies"), [(None, ("q_remake",)), (0.5, ("q_remake",)), (0.8, ())])
def test_a_reply_that_was_rewritten_was_not_wanted(case, edited, replies):
    _decide(case, replace(REMAKE, edited=edited))
    (one,) = labelled_messages(case)
    assert one.row.replies == replies


def test_what_was_taken_back_or_left_open_says_nothing(case):
    _decide(case, REMAKE)
    case.undo(CASE, case.case(CASE).version, "Mia")
    assert list(labelled_messages(case)) == []
    _decide(case, replace(REMAKE, category=Category.NEEDS_REVIEW))
    assert list(labelled_messages(case)) == []


def test_a_label_beats_a_decision_and_the_newest_label_counts(case):
    case.label(CASE, Label("Jan", Claim.OTHER))
    case.label(CASE, Label("Li", Claim.SUBJECTIVE, abuse=True))
    _decide(case, REMAKE)
    (one,) = labelled_messages(case)
    assert (one.row.claim, one.row.abuse, one.by, one.decided) == (Claim.SUBJECTIVE, True, "Li", False)
    assert one.row.replies == ("q_remake",)
    (row,) = labelled_rows(case)
    assert row["claim"] == "subjective" and "[NAME]" in row["text"] and row["writer"] in one.row.group
    (written,) = labelled_rows(case, as_written=True)
    assert written["text"] == CRACKED.text and written["product"] == "Name mug"


def test_each_decision_speaks_of_what_was_known_then(case, assess):
    _decide(case, REMAKE)
    later = replace(CRACKED, message_id="m-9", text="Now the second one has the wrong name.", sent_at=NOON + timedelta(days=9))
    case.record(assess(later, claim=Claim.MISMATCH), "import")
    _decide(case, replace(REMAKE, by="Jan", category=Category.MISMATCH))
    assert [(one.row.claim, one.by) for one in labelled_messages(case)] == [(Claim.QUALITY, "Mia"), (Claim.MISMATCH, "Jan")]
