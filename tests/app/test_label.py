"""The labelling page: one message after another, a key each, the model's opinion only afterwards."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from conftest import APP
from mug import NOW
from reading import button, has_button, html_of, text_of, words_of

from label import labelling
from label.labelling import Given, Round
from triage_ml.cases import Decision, Filter, Label, Order
from triage_ml.cases.records import CaseLabel
from triage_ml.messages import Category, Claim
from triage_ml.teaching import Teaching

TEXTS = (
    "The handle broke off after two days. Please send me a new one.",
    "I ordered the blue one and got red. Can you make it again?",
    "It is nice enough but a bit smaller than I had pictured it.",
    "Where is my parcel? It says delivered since Monday.",
)
MEANT = {TEXTS[0]: Claim.QUALITY, TEXTS[1]: Claim.MISMATCH, TEXTS[2]: Claim.SUBJECTIVE, TEXTS[3]: Claim.OTHER}


def shown(at):
    """Return which of the texts is on the screen."""
    return next((text for text in TEXTS if text in words_of(at)), "")


def labels(record):
    return list(record.stream(CaseLabel))


def press(at, name):
    return button(at, f"label-{name}").click().run()


def shortcuts(at):
    return {one.key: one.proto.shortcut for one in at.button if (one.key or "").startswith("label-")}


def test_every_message_is_labelled_once_and_then_the_page_says_that_all_is_done(screen, arrive, record):
    arrive(*TEXTS)
    at = screen("label")
    seen = []
    for _ in TEXTS:
        seen.append(shown(at))
        press(at, MEANT[seen[-1]].value)
    assert sorted(seen) == sorted(TEXTS) and "labelled or decided" in text_of(at)
    said = {record.case(one.case_id).messages[0].message.text: one.label for one in labels(record)}
    assert {text: label.claim for text, label in said.items()} == MEANT
    assert all(label.by == "Mia" and not label.abuse for label in said.values())


def test_each_answer_has_its_key(screen, arrive):
    arrive(*TEXTS)
    keys = shortcuts(screen("label"))
    answers = ["label-quality", "label-mismatch", "label-subjective", "label-other", "label-abuse"]
    assert [keys[name] for name in answers] == list("12345")
    assert (keys["label-skip"], keys["label-definitions"]) == ("s", "g")


def test_five_asks_for_the_claim_under_it_and_both_are_saved(screen, arrive, record):
    arrive("Give me half back or I write one star everywhere. The mug is cracked.")
    at = screen("label")
    press(at, "abuse")
    assert not labels(record) and "what does the buyer say about the goods" in text_of(at)
    press(at, "quality")
    (given,) = labels(record)
    assert (given.label.claim, given.label.abuse) == (Claim.QUALITY, True)


def test_five_twice_is_no_second_look(screen, arrive, record):
    arrive(*TEXTS[:2])
    at = screen("label")
    press(press(press(at, "abuse"), "abuse"), "quality")
    assert [one.label.abuse for one in labels(record)] == [False]


def test_a_second_look_does_not_stay_for_the_next_message(screen, arrive, record):
    arrive(*TEXTS[:2])
    at = screen("label")
    press(press(press(at, "abuse"), "skip"), "other")
    assert [one.label.abuse for one in labels(record)] == [False]


def test_what_the_model_says_is_hidden_until_labelled_and_then_told_once(screen, arrive, record):
    arrive(*TEXTS[:2])
    at = screen("label")
    assert "The model" not in text_of(at) and "%" not in words_of(at) and 'class="badge' not in html_of(at)
    judged = record.cases(order=Order.TEACHES).cases[0].claim
    press(at, judged.value)
    assert "The model had said the same" in text_of(at) and "same 1 of 1 times" in text_of(at)
    at.run()
    assert "The model had said" not in text_of(at)
    other = next(claim for claim in Claim if claim is not record.case(current(at)).judgement.claim)
    press(at, other.value)
    assert "The model had said:" in text_of(at) and "same 1 of 2 times" in text_of(at)


def current(at):
    return at.session_state["label-round"].waiting[0]


def test_change_brings_the_last_message_back_and_the_newest_label_counts(screen, arrive, record):
    arrive(*TEXTS)
    at = screen("label")
    assert not has_button(at, "label-undo")
    first = shown(at)
    press(at, "other")
    assert shown(at) != first
    press(at, "undo")
    assert shown(at) == first and "the newest label counts" in text_of(at)
    press(at, "quality")
    assert shown(at) != first and "Labelled today: 1" in text_of(at)
    (case_id,) = {one.case_id for one in labels(record)}
    assert [given.label.claim for given in record.case(case_id).labels] == [Claim.OTHER, Claim.QUALITY]


def test_skip_after_change_leaves_the_label(screen, arrive, record):
    arrive(*TEXTS[:2])
    at = screen("label")
    first = shown(at)
    press(press(press(at, "other"), "undo"), "skip")
    assert len(labels(record)) == 1 and shown(at) not in ("", first)


def test_skipped_ones_do_not_come_again_until_they_are_asked_for(screen, arrive, record):
    arrive(*TEXTS[:2])
    at = screen("label")
    press(press(at, "skip"), "skip")
    assert shown(at) == "" and not labels(record)
    press(at, "bring-back")
    assert shown(at)


def test_the_count_names_who_labelled_today(screen, arrive, record):
    first, second, third, _ = arrive(*TEXTS)
    record.label(first, Label("Noah <b>", Claim.QUALITY))
    record.label(second, Label("Noah <b>", Claim.OTHER))
    record.label(third, Label("Mia", Claim.OTHER))
    at = screen("label")
    assert "Labelled today: 3 · Noah <b> 2 · Mia 1" in text_of(at) and "Noah <b>" not in html_of(at)


def test_what_was_decided_or_labelled_meanwhile_does_not_come(screen, arrive, record):
    ids = arrive(*TEXTS)
    at = screen("label")
    for case_id in ids[:-1]:
        record.decide(case_id, record.case(case_id).version, Decision("Noah", Category.OTHER, "nothing"))
    at.run()
    assert shown(at) == TEXTS[-1]


def test_two_people_get_different_messages(screen, arrive):
    arrive(*TEXTS)
    assert shown(screen("label", person="Mia")) != shown(screen("label", person="Noah"))


def test_without_a_name_nothing_can_be_labelled(screen, arrive):
    arrive(TEXTS[0])
    at = screen("label", person="")
    assert "Enter your name" in text_of(at) and button(at, "label-quality").disabled


def test_without_messages_the_page_says_where_they_come_from(screen):
    assert "Bring in an export" in text_of(screen("label"))


def test_the_meanings_are_one_key_away(screen, arrive):
    arrive(TEXTS[0])
    at = screen("label")
    assert "Not about goods that arrived" not in text_of(at)
    press(at, "definitions")
    assert "Not about goods that arrived" in text_of(at) and "own mistake in ordering" in text_of(at)


def test_the_order_stands_small_above_the_words(screen, arrive):
    arrive(TEXTS[0])
    assert "Mug with name · Emma & Noah" in text_of(screen("label"))


def test_what_a_buyer_writes_is_text(screen, arrive):
    arrive("<script>alert(1)</script> The **handle** [broke](http://x.y) off")
    at = screen("label")
    assert "&lt;script&gt;" in html_of(at) and "<script>" not in html_of(at)
    assert "**" in words_of(at) and "[" in words_of(at)
    assert not any("script" in one.label for one in at.button)


def test_chinese(screen, arrive, record):
    arrive(TEXTS[0])
    at = screen("label", language="zh")
    assert "买家说的是什么" in text_of(at)
    press(at, record.cases().cases[0].claim.value)
    assert "模型的判断相同" in text_of(at) and "都已标注或决定" in text_of(at)


def test_a_label_that_the_record_refuses_is_told_in_a_sentence(screen, arrive, record):
    arrive(TEXTS[0])
    at = screen("label")
    with closing(sqlite3.connect(record.engine.url.database)) as connection, connection:
        connection.execute("DELETE FROM messages")
    press(at, "quality")
    assert "The label was not saved." in text_of(at) and not labels(record)


# --- without the screen


def test_near_copies_and_one_buyer_do_not_fill_the_list(arrive, record):
    copies = [f"The handle broke off after two days, order {n}. Please send me a new one." for n in range(30)]
    arrive(*copies, *TEXTS[1:])
    first = [record.case(case_id).messages[0].message.text for case_id in labelling.next_cases(record, (), Teaching())[:4]]
    assert sum("handle" in text for text in first) <= 2


def test_the_model_in_force_tells_what_it_knows_little_of(monkeypatch):
    monkeypatch.setenv("TRIAGE_MODEL", str(APP.parent / "models" / "default"))
    assert labelling.teaching_now().counts["en"]["quality"] > 0
    monkeypatch.setenv("TRIAGE_MODEL", "/nowhere")
    assert labelling.teaching_now().counts == {}


def test_passed_cases_are_left_out_and_the_rest_still_found(arrive, record):
    ids = arrive(*TEXTS)
    assert set(labelling.next_cases(record, ids[:3], Teaching())) == {ids[3]}
    assert labelling.next_cases(record, ids, Teaching()) == []


def test_only_labels_of_the_day_count(arrive, record):
    (case_id,) = arrive(TEXTS[0])
    record.label(case_id, Label("Mia", Claim.QUALITY))
    assert labelling.labelled_since(record, NOW - timedelta(hours=1)) == [("Mia", 1)]
    assert labelling.labelled_since(record, record.now() + timedelta(hours=1)) == []


@pytest.mark.parametrize(
    ("claim", "abuse", "agrees"), [("quality", False, True), ("quality", True, False), ("other", False, False)]
)
def test_agreement_takes_both_answers(claim, abuse, agrees):
    assert Given("C-1", Label("Mia", Claim(claim), abuse), Claim.QUALITY, 0.8, False).agrees is agrees


def test_a_case_labelled_twice_counts_once():
    work = Round(again="C-1")
    work.add(Given("C-1", Label("Mia", Claim.OTHER), Claim.OTHER, 0.8, False))
    work.add(Given("C-1", Label("Mia", Claim.QUALITY), Claim.OTHER, 0.8, False))
    assert len(work.given) == 1 and labelling.agreed(work.given) == 0 and work.again == ""


def test_open_cases_all_wait_to_be_labelled(arrive, record):
    arrive(*TEXTS)
    assert len(labelling.next_cases(record, (), Teaching())) == len(record.cases(Filter()).cases)
