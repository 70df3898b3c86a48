"""Where care is needed: pressure, which accuses nobody, and texts that would run or be drawn."""

from dataclasses import replace

import pytest
from mug import MUG, NOW
from reading import button, case_of, field, has_button, html_of, text_of, words_of

import roles
from triage_ml.cases import CaseState, Decision, Outcome, OutcomeKind
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


def test_a_colleague_who_looked_too_may_be_named(screen, arrive, record):
    (only,) = arrive(PRESSURE)
    at = screen("case", only)
    field(at, "text_input", "second").set_value(" mia ").run()
    button(at, "decide").click().run()
    assert "must be somebody else" in text_of(at) and not record.case(only).decisions
    field(at, "text_input", "second").set_value("Noah").run()
    assert button(at, "decide").label == "Decide, next case"
    button(at, "decide").click().run()
    assert record.case(only).decisions[0].decision.second_person == "Noah"


def test_where_nobody_is_named_the_case_is_handed_over(screen, arrive, record):
    first, second = arrive(PRESSURE, BROKEN)
    at = screen("case", first)
    assert button(at, "decide").label == "Hand to a second person"
    suggested = at.text_area[0].value
    button(at, "decide").click().run()
    waiting = record.case(first)
    made = waiting.proposal.decision
    assert waiting.summary.state is CaseState.REVIEW and not waiting.decisions
    assert (made.by, made.final_text, made.second_person, made.edited) == ("Mia", suggested, "", 0) and len(made.shown) > 1
    assert f"{first} waits for a second person" in text_of(at) and case_of(at) == second


def test_saying_that_it_needs_a_second_look_hands_it_over_too(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    assert button(at, "decide").label == "Decide, next case"
    field(at, "selectbox", "category").set_value(Category.ABUSE).run()
    assert button(at, "decide").label == "Hand to a second person" and at.subheader[0].value == "The facts first"
    button(at, "decide").click().run()
    assert record.case(only).proposal and not record.case(only).decisions


@pytest.fixture
def proposed(screen, arrive, record):
    """A case that Mia handed over, with a text of her own."""
    (only,) = arrive(PRESSURE)
    at = screen("case", only)
    at.text_area[0].set_value(at.text_area[0].value.replace("Hello", "Dear Ms Kim")).run()
    button(at, "decide").click().run()
    assert 0 < record.case(only).proposal.decision.edited < 0.5
    return only


def test_who_handed_it_over_waits_and_may_take_it_back(screen, proposed, record):
    at = screen("case", proposed)
    assert "waits for a second person" in text_of(at) and "Dear Ms Kim" in text_of(at)
    assert not has_button(at, "decide") and not at.text_area
    assert button(at, "undo").label == "Take back"
    button(at, "undo").click().run()
    assert record.case(proposed).summary.state is CaseState.OPEN and has_button(at, "decide")
    assert "taken back by Mia" in text_of(at)


def test_the_second_person_reads_the_facts_first_and_agrees_with_one_key(screen, proposed, record):
    at = screen("case", proposed, person="Noah")
    assert at.subheader[0].value == "The facts first" and "Mia proposed on" in text_of(at)
    first = record.case(proposed).proposal.decision
    assert at.text_area[0].value == first.final_text and "Dear Ms Kim" in first.final_text
    assert field(at, "selectbox", "remedy").value == first.remedy
    assert button(at, "decide").label == "Agree, next case"
    button(at, "decide").click().run()
    made = record.case(proposed).decisions[0].decision
    assert made == replace(first, by="Noah", second_person="Mia")


def test_the_second_person_may_change_it(screen, proposed, record):
    at = screen("case", proposed, person="Noah")
    first = record.case(proposed).proposal.decision
    at.text_area[0].set_value(first.final_text + "\n\nIt will be ready on Friday.").run()
    assert button(at, "decide").label == "Decide, next case"
    button(at, "decide").click().run()
    made = record.case(proposed).decisions[0].decision
    assert (made.by, made.second_person) == ("Noah", "Mia") and "Friday" in made.final_text
    assert made.edited > first.edited and made.shown == first.shown


def test_the_second_person_may_send_it_back(screen, proposed, record):
    at = screen("case", proposed, person="Noah")
    assert button(at, "undo").label == "Send back"
    button(at, "undo").click().run()
    assert record.case(proposed).summary.state is CaseState.OPEN and not record.case(proposed).decisions
    mia = screen("case", proposed)
    assert "taken back by Noah" in text_of(mia) and has_button(mia, "decide")


def test_an_agent_is_no_second_person(screen, proposed, record, monkeypatch):
    monkeypatch.setattr(roles, "access", lambda: roles.Access(roles.Role.AGENT))
    at = screen("case", proposed, person="Noah")
    assert "role reviewer" in text_of(at) and not has_button(at, "decide") and not has_button(at, "undo")


def test_what_the_buyer_writes_meanwhile_overtakes_the_proposal(screen, proposed, record, judge):
    case = record.case(proposed)
    again = replace(case.messages[0].message, message_id="later", text="Hello? The handle broke off.", sent_at=NOW)
    noah = screen("case", proposed, person="Noah")
    record.record([judge.assess(again)], "import")
    button(noah, "decide").click().run()
    assert not record.case(proposed).decisions and "Not saved" in text_of(noah) and "The handle broke off" in words_of(noah)
    assert record.case(proposed).summary.state is CaseState.OPEN and "Mia proposed on" not in text_of(noah)


def test_a_proposal_in_chinese(screen, proposed):
    at = screen("case", proposed, person="Noah", language="zh")
    assert "Mia 于" in text_of(at) and button(at, "decide").label == "同意，下一单"
    assert not [word for word in ACCUSING if word in text_of(at).casefold()]


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
    order = replace(MUG, order_id="305-1-1", product=HOSTILE, sku=HOSTILE, customisation=HOSTILE)
    message = Message(
        "h", f"The mug broke. {HOSTILE}", order, channel="amazon", sent_at=NOW, subject=HOSTILE, sender=HOSTILE,
        reason_code=HOSTILE, attachments=(HOSTILE,),
    )  # fmt: skip
    record.record([judge.assess(message)], "<b>importer</b>")
    (only,) = (case.id for case in record.walk())
    version = record.case(only).version
    record.decide(only, version, Decision("<i>Noah</i>", Category.QUALITY, "remake", final_text=HOSTILE))
    record.outcome(only, Outcome("<i>Noah</i>", OutcomeKind.ESCALATED, note=HOSTILE))
    record.undo(only, record.case(only).version, "**Eve**")
    shown = [screen("inbox"), screen("case", only, person="<u>Mia</u>")]
    record.propose(only, record.case(only).version, Decision("<i>Noah</i>", Category.ABUSE, "remake", final_text=HOSTILE))
    shown += [screen("case", only, person="<u>Mia</u>"), screen("case", only, person="<i>Noah</i>")]
    for at in shown:
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
