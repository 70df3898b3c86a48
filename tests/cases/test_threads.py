from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.cases.threads import buyer_identity, identity, source_of, stands_alone, thread_keys
from triage_ml.messages import Direction, Message, MessageKind, OrderLine

ALIAS = "8fjq3kd0w2x@marketplace.amazon.de"
NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
MAIL = Message("20260402.ab@mail", "Der Rahmen ist verzogen.", OrderLine("302-1234567-7654321"), channel="amazon", sender=ALIAS)


@pytest.mark.parametrize(
    "other",
    [
        replace(MAIL, message_id="R-77", thread_id="RMA-5", channel="amazon"),
        replace(MAIL, message_id="9", channel="gorgias", text="And a photo of it."),  # a helpdesk names its own channel
        replace(MAIL, direction=Direction.OUT, kind=MessageKind.SELLER, sender="shop@example.com"),
    ],
)
def test_what_is_said_about_one_amazon_order_is_one_case(other):
    assert thread_keys(MAIL)[0] == thread_keys(other)[0]


def test_an_order_number_of_a_shop_counts_within_its_channel():
    etsy, ebay = (Message("1", "Hi", OrderLine("1042"), channel=channel) for channel in ("etsy", "ebay"))
    assert not set(thread_keys(etsy)) & set(thread_keys(ebay))


def test_the_case_id_behind_the_plus_parts_threads_but_not_buyers():
    first, second = (replace(MAIL, order=None, sender=ALIAS.replace("@", f"+{case}@")) for case in ("c1-aa", "c2-bb"))
    assert thread_keys(first) != thread_keys(second)
    assert buyer_identity(first) == buyer_identity(second) == buyer_identity(MAIL) == ALIAS


def test_a_conversation_counts_before_the_buyer_and_the_buyer_only_alone():
    assert thread_keys(replace(MAIL, order=None, thread_id="t-1")) == ("thread amazon t-1",)
    assert thread_keys(replace(MAIL, order=None)) == (f"buyer {ALIAS}",)
    assert thread_keys(replace(MAIL, order=None, sender="Anna Schmidt")) == ()  # there are many


def test_a_name_is_a_buyer_only_with_an_order():
    assert buyer_identity(replace(MAIL, sender="Anna  Schmidt")) == "anna schmidt 302-1234567-7654321"
    assert buyer_identity(replace(MAIL, sender="Anna Schmidt", order=None)) == ""
    assert buyer_identity(replace(MAIL, kind=MessageKind.NOTICE, sender="donotreply@amazon.de")) == ""


@given(
    st.integers(2, 10**6), st.integers(2, 10**6), st.sampled_from(["returns.csv:{}", "2026:05:{}", "302-1234567-7654321-{}"])
)
def test_a_row_number_makes_no_other_message(first, second, made_up):
    one, two = (replace(MAIL, message_id=made_up.format(row)) for row in (first, second))
    assert identity(one) == identity(two)
    assert source_of(one)[1] == first


@pytest.mark.parametrize(
    "other",
    [
        replace(MAIL, text="Der Rahmen ist verzogen!"),
        replace(MAIL, sent_at=NOON),
        replace(MAIL, message_id="20260402.ac@mail"),
        replace(MAIL, direction=Direction.OUT),
        replace(MAIL, order=OrderLine("302-1234567-7654322")),
        replace(MAIL, order=OrderLine("302-1234567-7654321", "FRAME-2")),
    ],
)
def test_what_differs_is_another_message(other):
    assert identity(MAIL) != identity(other)


def test_how_mails_hang_together_does_not_matter():
    """It is told from the mails around, which are others in another export."""
    assert identity(replace(MAIL, thread_id="a")) == identity(replace(MAIL, thread_id="b"))


def test_rows_that_only_have_words_are_told_apart_by_counting():
    assert stands_alone(Message("texts.csv:3", "Broken."))
    for known in (
        {"sent_at": NOON},
        {"order": OrderLine("1")},
        {"thread_id": "4"},
        {"sender": "a@b.de"},
        {"message_id": "m-1"},
    ):
        assert not stands_alone(replace(Message("texts.csv:3", "Broken."), **known))


def test_where_a_made_up_id_points_to():
    assert source_of(Message("texts.csv:3", "Broken.")) == ("texts.csv", 3)
    assert source_of(MAIL) == ("", None)
