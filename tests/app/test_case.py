"""One case, decided: what is shown, what may be saved, and what is not."""

import re
from datetime import timedelta
from decimal import Decimal

from mug import MUG, NOW
from PIL import Image
from reading import button, case_of, field, has_button, html_of, text_of, words_of

from triage_ml.cases import AttachmentKind, CaseState, Decision, OutcomeKind, ledger
from triage_ml.messages import Category, Direction, Message, MessageKind, Money
from triage_ml.readers.money import parse_money
from wording import wording

BROKEN = "The handle broke off after two days. Please send me a new one."
WRONG = "I ordered the blue one and got red. Can you make it again?"


def state_of(record, case_id):
    return record.case(case_id).summary.state


def test_a_suggestion_is_accepted_with_one_key_after_copying(screen, arrive, record):
    first, second = arrive(BROKEN, WRONG)
    at = screen("case", first)
    suggested = at.text_area[0].value
    button(at, "decide").click().run()
    made = record.case(first).decisions[0].decision
    assert (made.by, made.category, made.final_text) == ("Mia", Category.QUALITY, suggested)
    assert made.edited == 0 and len(made.shown) == 3 and made.shown[0] == made.template_id
    assert made.template_id and made.model == record.case(first).judgement.model and made.policy
    assert case_of(at) == second and f"{first} is saved" in text_of(at)


def test_the_last_case_ends_the_list(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    button(at, "decide").click().run()
    assert "The list is done" in text_of(at) and not case_of(at)


def test_what_the_reply_carries_is_what_is_done(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    names = [one.label for one in at.button if (one.key or "").startswith("reply-")]
    assert len(names) == len(set(names)) == 3
    texts = []
    for number, name in enumerate(names):
        button(at, f"reply-{number}").click().run()
        assert name.startswith(wording("en")(f"short.{field(at, 'selectbox', 'remedy').value}"))
        texts.append(at.text_area[0].value)
    assert len(set(texts)) == 3


def test_an_edited_reply_is_kept_while_others_are_looked_at_and_is_what_is_saved(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    edited = at.text_area[0].value + "\n\nWe will send it on Friday."
    at.text_area[0].set_value(edited).run()
    button(at, "reply-1").click().run()
    button(at, "reply-0").click().run()
    assert at.text_area[0].value == edited
    button(at, "decide").click().run()
    made = record.case(only).decisions[0].decision
    assert made.final_text == edited and 0 < made.edited < 0.3


def test_an_edit_can_be_given_up(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    suggested = at.text_area[0].value
    at.text_area[0].set_value("Hello").run()
    button(at, "restore").click().run()
    assert at.text_area[0].value == suggested and not has_button(at, "restore")


def test_what_may_not_be_sent_is_not_saved_until_a_person_says_so(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    at.text_area[0].set_value(at.text_area[0].value + "\nWrite to me at mia@example.org").run()
    assert "Change this before sending" in text_of(at) and "mia@example.org" in html_of(at)
    button(at, "decide").click().run()
    assert not record.case(only).decisions and "the check found something" in text_of(at)
    at.checkbox[0].check().run()
    button(at, "decide").click().run()
    assert record.case(only).decisions


def test_leave_given_for_one_objection_is_not_leave_for_another(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    suggested = at.text_area[0].value
    at.text_area[0].set_value(suggested + "\nWrite to me at mia@example.org").run()
    at.checkbox[0].check().run()
    at.text_area[0].set_value(suggested + "\nWrite to me at noah@example.net").run()
    button(at, "decide").click().run()
    assert not record.case(only).decisions


def test_skipping_saves_nothing_and_the_case_does_not_come_again(screen, arrive, record):
    first, second = arrive(BROKEN, WRONG)
    at = screen("case", first)
    button(at, "skip").click().run()
    assert case_of(at) == second
    button(at, "skip").click().run()
    assert "The list is done" in text_of(at)
    assert {state_of(record, first), state_of(record, second)} == {CaseState.OPEN}


def test_undo_opens_the_case_again_with_the_text_as_it_was(screen, arrive, record):
    first, _ = arrive(BROKEN, WRONG)
    at = screen("case", first)
    edited = at.text_area[0].value + "\n\nIt leaves on Friday."
    at.text_area[0].set_value(edited).run()
    button(at, "decide").click().run()
    assert button(at, "undo").label.endswith(first)
    button(at, "undo").click().run()
    assert case_of(at) == first and state_of(record, first) is CaseState.OPEN and at.text_area[0].value == edited
    assert record.case(first).decisions[0].undone_by == "Mia" and "taken back by Mia" in text_of(at)


def test_a_decided_case_shows_what_was_done_and_can_be_taken_back(screen, arrive, record):
    (only,) = arrive(BROKEN)
    version = record.case(only).version
    record.decide(only, version, Decision("Noah", Category.QUALITY, "remake", final_text="We make it again."))
    at = screen("case", only)
    assert "This case is decided" in text_of(at) and "Noah: a fault, Make it again" in text_of(at)
    assert "We make it again." in text_of(at) and not has_button(at, "decide") and not at.text_area
    button(at, "undo").click().run()
    assert state_of(record, only) is CaseState.OPEN and has_button(at, "decide")


def test_who_was_slower_is_told_in_one_sentence_and_keeps_the_text(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    edited = at.text_area[0].value + "\n\nIt leaves on Friday."
    at.text_area[0].set_value(edited).run()
    version = record.case(only).version
    record.decide(only, version, Decision("Noah", Category.QUALITY, "ask_evidence"))
    button(at, "decide").click().run()
    assert [made.decision.by for made in record.case(only).decisions] == ["Noah"]
    assert "Not saved: Noah changed this case" in text_of(at) and case_of(at) == only
    assert at.text_area[0].value == edited


def test_undoing_what_somebody_changed_since_is_refused(screen, arrive, record):
    first, _ = arrive(BROKEN, WRONG)
    at = screen("case", first)
    button(at, "decide").click().run()
    record.undo(first, record.case(first).version, "Noah")
    button(at, "undo").click().run()
    assert "Not saved: Noah changed this case" in text_of(at)


def test_two_people_see_each_other_and_the_list_passes_over_what_is_taken(screen, arrive):
    first, second, third = arrive(BROKEN, WRONG, "The lid is missing from the parcel.")
    noah = screen("case", second, person="Noah")
    mia = screen("case", second)
    assert "Noah has this case open too" in text_of(mia)
    mia = screen("case", third)
    button(mia, "skip").click().run()
    assert case_of(mia) == first
    assert case_of(noah) == second


# --- other states


def test_the_address_names_the_case_and_follows_the_work(screen, arrive):
    first, second = arrive(BROKEN, WRONG)
    at = screen("inbox")
    at.query_params["case"] = second
    at.switch_page("case/page.py").run()
    assert case_of(at) == second
    button(at, "skip").click().run()
    assert case_of(at) == first and at.query_params["case"] == first


def test_no_case_and_a_case_that_is_not_there(screen, arrive):
    assert "No case is open" in text_of(screen("case"))
    arrive(BROKEN)
    assert "There is no case C-999999" in text_of(screen("case", "C-999999"))


def test_an_erased_case_says_so_and_keeps_what_was_decided(screen, arrive, record):
    (only,) = arrive(BROKEN)
    version = record.case(only).version
    record.decide(only, version, Decision("Noah", Category.QUALITY, "remake", final_text="Dear Ms Kim"))
    with record.changing(only) as change:
        seqs = [entry.seq for entry in ledger.entries_of(change.connection, change.id)]
        ledger.erase(change.journal, seqs, "retention", change.id, "30 days after delivery")
    at = screen("case", only)
    seen = text_of(at)
    assert "was erased" in seen and "(erased)" in seen and "Noah: a fault, Make it again" in seen
    assert "handle" not in seen and "Kim" not in seen and not has_button(at, "decide")


def test_drafts_go_with_the_data(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    at.text_area[0].set_value("Dear Ms Kim").run()
    with record.changing(only) as change:
        seqs = [entry.seq for entry in ledger.entries_of(change.connection, change.id)]
        ledger.erase(change.journal, seqs, "retention", change.id, "asked for")
    at.run()
    assert not at.session_state["drafts"] and "assessed" not in at.session_state


def test_a_notice_of_the_marketplace_needs_no_reply(screen, record, judge):
    notice = Message("n", "An A-to-z claim was opened for order 305-1-1.", kind=MessageKind.A_TO_Z, channel="amazon")
    record.record([judge.assess(notice)], "import")
    (only,) = (case.id for case in record.walk())
    at = screen("case", only)
    assert "No reply fits" in text_of(at) and at.text_area[0].value == ""
    button(at, "decide").click().run()
    made = record.case(only).decisions[0].decision
    assert (made.remedy, made.final_text, made.template_id, made.edited) == ("answer", "", "", None)


def test_a_thread_is_read_as_one(screen, record, judge):
    from datetime import timedelta

    from mug import MUG, NOW

    said = [
        Message("1", BROKEN, MUG, "t", channel="amazon", sent_at=NOW - timedelta(hours=5)),
        Message("2", "Could you send a photo?", MUG, "t", Direction.OUT, MessageKind.SELLER, "amazon", sent_at=NOW - timedelta(hours=4)),
        Message("3", "Here it is.", None, "t", channel="amazon", sent_at=NOW - timedelta(hours=3), attachments=("handle.jpg",)),
    ]  # fmt: skip
    record.record(judge.assess_many(said), "import")
    (only,) = (case.id for case in record.walk())
    at = screen("case", only)
    seen = words_of(at)
    assert seen.index(BROKEN) < seen.index("Could you send a photo?") < seen.index("Here it is.") < seen.index("handle.jpg")
    assert "ask_evidence" not in field(at, "selectbox", "remedy").value
    assert not [one.label for one in at.button if "Ask for a photo" in one.label]  # it came with a later message


def test_without_a_name_nothing_is_saved(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("case", only, person="")
    button(at, "decide").click().run()
    assert "write your name" in text_of(at) and not record.case(only).decisions


def test_an_amount_that_cannot_be_read_or_paid_is_told(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    field(at, "selectbox", "remedy").set_value("part_refund_keep").run()
    amount = field(at, "text_input", "amount-part_refund_keep")
    assert amount.value.endswith("EUR")
    amount.set_value("plenty").run()
    button(at, "decide").click().run()
    assert "Write the amount as" in text_of(at) and not record.case(only).decisions
    field(at, "text_input", "amount-part_refund_keep").set_value("5 USD").run()
    button(at, "decide").click().run()
    assert "Not saved." in text_of(at) and not record.case(only).decisions
    field(at, "text_input", "amount-part_refund_keep").set_value("5,50").run()
    button(at, "decide").click().run()
    amount = record.case(only).decisions[0].decision.amount
    assert (amount.amount, amount.currency) == (Decimal("5.50"), "EUR")


def test_a_text_that_promises_more_than_the_amount_is_objected_to(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    field(at, "selectbox", "remedy").set_value("part_refund_keep").run()
    field(at, "text_input", "amount-part_refund_keep").set_value("5.00 EUR").run()
    at.text_area[0].set_value("Hello,\n\nI will refund 9.00 EUR of your order.\n\nour workshop").run()
    assert "9.00 EUR" in html_of(at) and "amount above what may be promised" in text_of(at)


def test_without_a_model_the_thread_is_there_and_a_person_can_still_decide(screen, arrive, record, monkeypatch, tmp_path):
    (only,) = arrive(BROKEN)
    monkeypatch.setenv("TRIAGE_MODEL", str(tmp_path / "none"))
    at = screen("case", only)
    assert "There are no suggestions" in text_of(at) and "The handle" in text_of(at)
    field(at, "selectbox", "remedy").set_value("remake").run()
    at.text_area[0].set_value("Hello, we make it again, free of charge. It will be ready in five days.").run()
    button(at, "decide").click().run()
    assert record.case(only).decisions[0].decision.remedy == "remake"


def test_the_screen_changes_language_and_the_buyers_words_and_the_reply_do_not(screen, arrive):
    (only,) = arrive("Die Tasse ist nach zwei Tagen zerbrochen. Bitte schicken Sie mir eine neue.")
    at = screen("case", only)
    reply = at.text_area[0].value
    assert "Guten Tag" in reply and "German" in at.text_area[0].label
    at.segmented_control[0].set_value("zh").run()
    assert not at.exception and at.text_area[0].value == reply and "德语" in at.text_area[0].label
    assert "不要做、不要说的" in text_of(at) and "Tasse" in text_of(at) and "What is done" not in text_of(at)


# --- what happened before, and what came of it


def test_while_we_wait_for_a_photo_nothing_is_sent(screen, arrive, record):
    (only,) = arrive(BROKEN)
    record.decide(
        only, record.case(only).version, Decision("Noah", Category.QUALITY, "ask_evidence", final_text="A photo, please.")
    )
    at = screen("case", only)
    assert "A photo was asked for before" in text_of(at) and "Nothing is sent" in text_of(at)
    assert at.text_area[0].value == "" and field(at, "selectbox", "remedy").value == "wait"
    assert not [one.label for one in at.button if "Ask for a photo" in one.label]
    button(at, "decide").click().run()
    made = record.case(only).decisions[-1].decision
    assert (made.remedy, made.final_text, made.template_id, made.edited) == ("wait", "", "", None)


def declined(at):
    field(at, "selectbox", "came-kind").set_value(OutcomeKind.DECLINED).run()


def offered(record, case_id, amount="6.00"):
    money = Money(Decimal(amount), "EUR")
    record.decide(case_id, record.case(case_id).version, Decision("Noah", Category.QUALITY, "part_refund_keep", money))


def test_an_offer_that_was_turned_down_is_noted_and_makes_the_next_one_higher(screen, arrive, record):
    (only,) = arrive(BROKEN)
    offered(record, only)
    at = screen("case", only)
    assert "What came of it" in text_of(at) and not has_button(at, "came-save")  # the rest follows the choice
    declined(at)
    assert field(at, "number_input", "came-share").value == 24.1  # of 24.90
    assert field(at, "text_input", "came-spent-declined").value == ""  # it was not paid
    field(at, "text_input", "came-note").set_value("wants it new").run()
    button(at, "came-save").click().run()
    outcome = record.case(only).outcomes[0].outcome
    assert (outcome.by, outcome.kind, outcome.offered_share, outcome.spent) == (
        "Mia",
        OutcomeKind.DECLINED,
        Decimal("0.241"),
        None,
    )
    seen = text_of(at)
    assert f"{only}: declined, saved." in seen and "24% offered" in seen and "wants it new" in seen
    assert state_of(record, only) is CaseState.OPEN and "turned this down: Refund a part" in seen
    field(at, "selectbox", "remedy").set_value("part_refund_keep").run()
    assert parse_money(field(at, "text_input", "amount-part_refund_keep").value).amount > 6


def test_an_accepted_offer_was_paid_on_the_day_that_is_named(screen, arrive, record):
    (only,) = arrive(BROKEN)
    offered(record, only)
    at = screen("case", only)
    field(at, "selectbox", "came-kind").set_value(OutcomeKind.ACCEPTED).run()
    assert field(at, "text_input", "came-spent-accepted").value == "6.00 EUR"
    yesterday = at.date_input[0].value - timedelta(days=1)
    at.date_input[0].set_value(yesterday).run()
    button(at, "came-save").click().run()
    outcome = record.case(only).outcomes[0].outcome
    assert str(outcome.spent) == "6.00 EUR" and outcome.at.date() == yesterday
    assert state_of(record, only) is CaseState.CLOSED and "6.00 EUR spent" in text_of(at)


def test_money_that_cannot_be_read_or_was_not_paid_in_is_told(screen, arrive, record):
    (only,) = arrive(BROKEN)
    offered(record, only)
    at = screen("case", only)
    field(at, "selectbox", "came-kind").set_value(OutcomeKind.ACCEPTED).run()
    for written, told in (("plenty", "Write the amount as"), ("5 USD", "Not saved.")):
        field(at, "text_input", "came-spent-accepted").set_value(written).run()
        button(at, "came-save").click().run()
        assert told in text_of(at) and not record.case(only).outcomes


def test_a_decision_can_be_taken_back_after_its_outcome_was_noted(screen, arrive, record):
    first, _ = arrive(BROKEN, WRONG)
    at = screen("case", first)
    button(at, "decide").click().run()
    at = opened_case(at, first)
    field(at, "selectbox", "came-kind").set_value(OutcomeKind.ESCALATED).run()
    button(at, "came-save").click().run()
    button(at, "undo").click().run()
    assert record.case(first).decisions[0].undone_by == "Mia"


def opened_case(at, case_id):
    at.query_params["case"] = case_id
    return at.switch_page("case/page.py").run()


def test_an_open_case_came_to_nothing_yet(screen, arrive):
    (only,) = arrive(BROKEN)
    assert "What came of it" not in text_of(screen("case", only))


# --- long ones


def test_of_a_long_thread_the_newest_and_the_one_to_answer_are_open(screen, record, judge):
    said = [
        Message(
            str(n), f"Message number {n}." if n else BROKEN, MUG, "t", channel="amazon", sent_at=NOW - timedelta(hours=40 - n)
        )
        for n in range(30)
    ]
    record.record(judge.assess_many(said), "import")
    (only,) = (case.id for case in record.walk())
    page = html_of(screen("case", only))
    folded = "".join(re.findall("<details.*?</details>", page, re.DOTALL))
    assert "the reply answers this" in page and "more messages" in folded
    for number in (27, 28, 29):
        assert f"Message number {number}." in page and f"Message number {number}." not in folded
    assert "Message number 11." in folded and page.count('class="turn in') == 30


def test_a_very_long_text_is_whole_and_says_what_is_marked_in_it(screen, arrive):
    text = "I waited for it. " * 600 + BROKEN
    (only,) = arrive(text)
    at = screen("case", only)
    assert text in words_of(at) and f"{len(text):,} characters" in text_of(at)
    assert '<div class="said long" tabindex="0"' in html_of(at)


def test_the_buyers_photo_is_drawn_small_and_a_broken_one_is_left_out(screen, arrive, record, tmp_path):
    (only,) = arrive(BROKEN)
    Image.new("RGB", (2000, 1500), "red").save(tmp_path / "mug.png")
    (tmp_path / "no.png").write_bytes(b"\x89PNG nothing")
    for name in ("mug.png", "no.png"):
        record.attach(only, tmp_path / name, AttachmentKind.BUYER_PHOTO, "Noah")
    at = screen("case", only)
    assert len(at.get("image")) == 1 and "The buyer sent a photo" in text_of(at)


def test_the_way_to_the_evidence_names_the_case(screen, arrive):
    (only,) = arrive(BROKEN)
    (link,) = screen("case", only).get("page_link")
    assert link.proto.label == "Evidence" and link.proto.query_string == f"case={only}"


def test_ones_own_other_window_is_nobody_else(screen, arrive):
    (only,) = arrive(BROKEN)
    screen("case", only)
    assert "has this case open too" not in text_of(screen("case", only))
