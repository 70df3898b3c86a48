from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.replies.edits import changed_share

REPLY = (
    "Hello,\n\nWe will make it again and send it to you free of charge. You do not need to send anything back.\n\nour workshop"
)


@pytest.mark.parametrize(
    ("sent", "low", "high"),
    [
        (REPLY, 0, 0),
        (REPLY.replace("\n\n", " \n"), 0, 0),  # only the line breaks differ
        (REPLY.replace("Hello", "Dear Ms Kim"), 0.05, 0.15),
        (REPLY.replace("free of charge", "on Friday"), 0.05, 0.15),
        (REPLY.partition("You do")[0], 0.2, 0.4),
        ("Bonjour, merci pour votre photo !", 0.8, 1),
        ("", 1, 1),
    ],
)
def test_the_share_follows_how_much_was_changed(sent, low, high):
    assert low <= changed_share(REPLY, sent) <= high


@pytest.mark.parametrize(
    ("suggested", "sent"),
    [
        ("您好！我们会为您免费重新制作，大约需要五个工作日。", "王女士，您好！我们会为您免费重新制作，大约需要三个工作日。"),
        ("無償で作り直し、送料も当方負担でお送りいたします。", "無償で作り直し、送料も当方負担で、金曜日にお送りいたします。"),
    ],
)
def test_signs_are_compared_where_words_are_not_parted(suggested, sent):
    assert 0 < changed_share(suggested, sent) < 0.3


@given(st.text(max_size=200), st.text(max_size=200))
def test_it_is_a_share_and_0_for_the_same(one, other):
    assert 0 <= changed_share(one, other) <= 1 and changed_share(one, one) == 0


def test_a_text_made_to_be_slow_is_not():
    started = perf_counter()
    changed_share("a b " * 50_000, "b a c " * 50_000)
    assert perf_counter() - started < 5
