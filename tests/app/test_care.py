"""Where care is needed: pressure, which accuses nobody, and texts that would run or be drawn."""

import pytest
from reading import button, field, html_of, text_of, words_of

from triage_ml.cases import Decision
from triage_ml.messages import Category, Message

BROKEN = "The handle broke off after two days. Please send me a new one."
PRESSURE = "Refund everything plus 50 euro on top or I leave a one star review, and I am not sending any photos."
ACCUSING = (
    "abuse",
    "abusive",
    "fraud",
    "scam",
    "cheat",
    "liar",
    "suspect",
    "dishonest",
    "滥用",
    "欺诈",
    "诈骗",
    "恶意",
    "骗",
    "可疑",
)


# --- where a second person looks


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pressure_is_shown_as_facts_first_and_nobody_is_accused(screen, arrive, record, language):
    (only,) = arrive(PRESSURE)
    assert record.case(only).judgement.resolution["needs_second_person"]
    at = screen("case", only, language=language)
    first = at.subheader[0].value
    assert first == {"en": "The facts first", "zh": "先看事实"}[language]
    ours = text_of(at).casefold()
    assert not [word for word in ACCUSING if word in ours]
    assert PRESSURE in words_of(at)


def test_pressure_is_only_decided_with_a_colleague(screen, arrive, record):
    (only,) = arrive(PRESSURE)
    at = screen("case", only)
    button(at, "decide").click().run()
    assert "name the colleague" in text_of(at)
    field(at, "text_input", "second").set_value("Mia").run()
    button(at, "decide").click().run()
    assert not record.case(only).decisions
    field(at, "text_input", "second").set_value("Noah").run()
    button(at, "decide").click().run()
    assert record.case(only).decisions[0].decision.second_person == "Noah"


def test_saying_that_it_needs_a_second_look_asks_for_a_colleague_too(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    field(at, "selectbox", "category").set_value(Category.ABUSE).run()
    button(at, "decide").click().run()
    assert not record.case(only).decisions and "name the colleague" in text_of(at)


def test_other_cases_of_the_buyer_are_told(screen, record, judge, arrive):
    one = Message("a", PRESSURE, channel="amazon", sender="kim@marketplace.example", thread_id="t1")
    other = Message("b", BROKEN, channel="amazon", sender="kim@marketplace.example", thread_id="t2")
    record.record(judge.assess_many([one, other]), "import")
    first, second = (case.id for case in record.walk())
    assert record.case(first).summary.buyer_hash == record.case(second).summary.buyer_hash != ""
    assert second in text_of(screen("case", first))


# --- what a buyer writes is text


HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)> **bold** [link](javascript:alert(1)) $x^2$ :red[red] :smile:'


def test_script_and_markdown_are_shown_as_text_everywhere(screen, record, judge):
    from dataclasses import replace

    from mug import MUG, NOW

    order = replace(MUG, order_id="305-1-1", product=HOSTILE, sku=HOSTILE, customisation=HOSTILE)
    message = Message(
        "h", f"The mug broke. {HOSTILE}", order, channel="amazon", sent_at=NOW, subject=HOSTILE, sender=HOSTILE,
        reason_code=HOSTILE, attachments=(HOSTILE,),
    )  # fmt: skip
    record.record([judge.assess(message)], "<b>importer</b>")
    (only,) = (case.id for case in record.walk())
    version = record.case(only).version
    record.decide(only, version, Decision("<i>Noah</i>", Category.QUALITY, "remake", final_text=HOSTILE))
    record.undo(only, record.case(only).version, "**Eve**")
    for at in (screen("inbox"), screen("case", only, person="<u>Mia</u>")):
        page = html_of(at)
        assert "&lt;script&gt;" in page or "&lt;img" in page
        for raw in ("<script", "<img", "<i>Noah", "<u>Mia", "<b>importer"):
            assert raw not in page
        marked = [one.value for one in (*at.markdown, *at.caption, *at.title, *at.subheader, *at.header)]
        labels = [
            one.label for kind in ("button", "selectbox", "text_input", "text_area", "expander") for one in getattr(at, kind)
        ]
        assert not [text for text in (*marked, *labels) if "alert(" in text or "bold" in text]
        assert not (at.error or at.warning or at.success or at.info)  # those would read Markdown
