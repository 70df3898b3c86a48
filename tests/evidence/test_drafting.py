import re
import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from string import Formatter

import pytest
from disputes import DISPUTES, HOUR, MARKETPLACES, NOON
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triage_ml.cases import AttachmentKind, Decision, Outcome, OutcomeKind
from triage_ml.clocks import all_clocks
from triage_ml.errors import CaseError
from triage_ml.evidence import Purpose, checklist, draft
from triage_ml.evidence.purposes import facts, limit, purpose_facts, words
from triage_ml.evidence.record import OFFERS, RESULTS, Record, clean
from triage_ml.language import LANGUAGES, detect
from triage_ml.messages import Category, Direction, Message, MessageKind, Money
from triage_ml.replies.lint import Outgoing, check
from triage_ml.resolution import RemedyKind

DATA = files("triage_ml") / "data" / "evidence"
WORDS = tomllib.loads((DATA / "words.toml").read_text("utf-8"))
# What no text of ours may say to a platform or a buyer about a buyer, in the seven languages.
ACCUSING = re.compile(
    r"\b(fraud|scam|liar?|lying|lie[sd]?|abus|dishonest|cheat|threat|blackmail|malicious|lawyer|legal action|the police|must immediately)"
    r"|betrug|betrüg|lüg|missbrauch|erpress|anwalt|polizei|fraude|escro|mensonge|ment[ie]ur|chantage|avocat|plainte|truff|bugiard|ricatt|avvocat"
    r"|estaf|mentir|chantaje|abogad|詐欺|嘘|悪質|脅|弁護士|警察|欺诈|骗|恶意|敲诈|律师|警方",
    re.IGNORECASE,
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_draft_tells_the_dispute_in_the_marketplace_s_language(store, record, attach, now, language):
    case = record(language)
    now.at = NOON + 31 * HOUR
    store.decide(case.id, case.version, Decision("Mia", Category.MISMATCH, "remake", final_text="..."))
    attach(case.id, "production_photo")
    found = draft(store.case(case.id), "a_to_z")
    assert found.language == language and len(found.text) <= found.limit.characters
    told = [sentence.what for sentence in found.sentences]
    assert told == ["order", "customisation", "delivered", "wrote", "answered", "offered", "exchange", "files", "request"]
    for text in (
        clean(DISPUTES[language][0]),
        DISPUTES[language][1],
        "302-1234567-7654321",
        "34.90 EUR",
        words(language, "remedy")["remake"],
    ):
        assert text in found.text
    own = " ".join(s.text for s in found.sentences if s.what in ("answered", "offered", "exchange", "files", "request"))
    assert detect(own) == language


def test_every_sentence_names_the_entries_it_rests_on(store, dispute, attach):
    photo = attach(dispute, "production_photo")
    case = store.case(dispute)
    found = draft(case, Purpose.A_TO_Z, "en")
    kinds = {entry.seq: entry.kind for entry in case.entries}
    rests_on = {s.what: {kinds[entry] for entry in s.entries} for s in found.sentences}
    assert rests_on == {
        "order": {"message"}, "customisation": {"message"}, "delivered": {"message"}, "wrote": {"message"}, "answered": {"message"},
        "exchange": {"message"}, "request": {"message"}, "offered": {"decision"}, "declined": {"outcome"}, "files": {"attachment"},
    }  # fmt: skip
    assert f"Attached in Buyer-Seller Messages: production photo. [{photo}]" in found.footnoted
    assert "[" not in found.text


def test_only_what_reached_the_buyer_was_offered(store, record, now):
    case_id = record("en").id
    now.at = NOON + 31 * HOUR
    silent = Decision("Mia", Category.MISMATCH, "remake")
    store.decide(case_id, store.case(case_id).version, silent)
    assert "offered" not in draft(store.case(case_id), "a_to_z").text
    store.undo(case_id, store.case(case_id).version, "Mia")
    written = replace(silent, remedy="full_refund_keep", final_text="We have refunded you in full.")
    store.decide(case_id, store.case(case_id).version, written)
    assert "we offered: full refund, the buyer keeps the item." in draft(store.case(case_id), "a_to_z").text
    store.undo(case_id, store.case(case_id).version, "Mia")
    assert "offered" not in draft(store.case(case_id), "a_to_z").text


def test_an_offer_without_a_text_counts_once_the_seller_wrote(store, record, assess, now):
    case = record("en")
    now.at = NOON + 31 * HOUR
    store.decide(case.id, case.version, Decision("Mia", Category.MISMATCH, "remake"))
    copy = Message(
        "m-9", "We will engrave a new bowl for you.", case.summary.order, "t-1", Direction.OUT, MessageKind.SELLER, "amazon",
        sent_at=NOON + 32 * HOUR,
    )  # fmt: skip
    store.record(assess(copy), "import")
    assert "On 2026-04-03 20:00 BST we offered: make it again free of charge." in draft(store.case(case.id), "a_to_z").text


def test_refunds_are_told_with_or_without_their_amount_and_reviews_never(store, record, now):
    case_id = record("en").id
    store.outcome(case_id, Outcome("Mia", OutcomeKind.REFUNDED, spent=Money(Decimal("7.00"), "EUR"), at=NOON + 40 * HOUR))
    store.outcome(case_id, Outcome("Mia", OutcomeKind.REFUNDED, at=NOON + 41 * HOUR))
    store.outcome(case_id, Outcome("Mia", OutcomeKind.REMADE, spent=Money(Decimal("11.50"), "EUR"), at=NOON + 42 * HOUR))
    store.outcome(case_id, Outcome("Mia", OutcomeKind.NEGATIVE_REVIEW, note="one star"))
    text = draft(store.case(case_id), "safe_t").text
    assert "7.00 EUR was refunded on 2026-04-04 05:00 BST. A refund was made on 2026-04-04 06:00 BST." in text
    assert "made again on" in text and "11.50" not in text and "review" not in text


def test_without_the_notice_nothing_is_asked_for(store, record):
    case = store.case(record("en").id)
    assert "request" in [s.what for s in draft(case, "a_to_z").sentences]
    assert "request" not in [s.what for s in draft(case, "chargeback").sentences]
    assert (
        draft(case, "abuse_report").sentences[-1].text
        == "We ask you to look at the messages of this order up to 2026-04-02 13:00 BST."
    )


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=3000)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(TEXT, min_size=5, max_size=5),
    st.sampled_from(LANGUAGES),
    st.sampled_from(list(Purpose)),
    st.integers(0, 40),
    st.booleans(),
)
def test_the_draft_never_outgrows_the_box(store, record, now, texts, language, purpose, offers, appeal):
    if not store.cases().cases:
        now.at = NOON
        record("de")
        store.decide("C-000001", 3, Decision("Mia", Category.MISMATCH, "remake", final_text="..."))
    case = store.case("C-000001")
    order = replace(case.summary.order, order_id=texts[0], product=texts[1], customisation=texts[2])
    written = [replace(m, message=replace(m.message, text=text)) for m, text in zip(case.messages, texts[2:], strict=True)]
    many = tuple(replace(case.decisions[0], decided_at=NOON + n * HOUR) for n in range(offers))
    told = replace(case, summary=replace(case.summary, order=order), messages=tuple(written), decisions=many)
    found = draft(told, purpose, language, known={1} if appeal else None)
    assert len(found.text) <= limit(purpose, "amazon").characters
    assert all(sentence.entries for sentence in found.sentences)
    assert {entry for s in found.sentences for entry in s.entries} <= {entry.seq for entry in case.entries}
    assert "\n" not in found.text
    if order.order_id.strip() and len(found.sentences) > 1:
        assert found.sentences[0].what == "order"


@given(TEXT, st.integers(10, 400))
def test_a_cut_text_is_the_beginning_of_the_whole(text, longest):
    whole, cut = clean(text), clean(text, longest)
    assert len(cut) <= longest and whole.startswith(cut.removesuffix("…").rstrip())
    assert cut == whole if len(whole) <= longest else cut.endswith("…")


# The checklist


def test_the_checklist_says_what_is_there_and_how_to_get_the_rest(store, dispute, attach):
    photo = attach(dispute, "production_photo", "ring.jpg")
    items = {item.id: item for item in checklist(store.case(dispute), "a_to_z")}
    assert items["order"].found == ("302-1234567-7654321, Personalised piece [1]",)
    assert items["customisation"].found == ("Für Oma Lisbeth [1]",)
    assert items["production_photo"].found == (f"ring.jpg [{photo}]",) and items["production_photo"].needed
    assert items["messages"].found == ("1 in, 1 out",) and items["a_to_z_notice"].found == ("Notice of an A-to-z claim [3]",)
    assert items["offers"].found == ("Offered: part of the price back, the buyer keeps the item (7.00 EUR) [4]",)
    assert items["originals"].found == ("3 of 3 messages",)
    missing = {item.id for item in items.values() if not item.is_there}
    assert missing == {
        "listing_snapshot", "pod", "design_approval", "packing_photo", "label", "buyer_photo", "refunds", "acknowledgement", "return_inspection",
    }  # fmt: skip
    assert all(items[name].get["en"] and items[name].get["zh"] and items[name].source for name in missing)
    needed = [item.needed for item in items.values()]
    assert needed == sorted(needed, reverse=True)


def test_each_purpose_has_a_list_of_its_own(store, record):
    case = store.case(record("de").id)
    needed = {purpose: {item.id for item in checklist(case, purpose) if item.needed} for purpose in Purpose}
    assert "return_inspection" in needed[Purpose.SAFE_T] and "return_inspection" not in needed[Purpose.A_TO_Z]
    assert "pod" in needed[Purpose.CHARGEBACK] and "chargeback_notice" in needed[Purpose.CHARGEBACK]
    assert all({"order", "messages"} <= names for names in needed.values())
    with pytest.raises(CaseError, match="found 'a-to-z'"):
        checklist(case, "a-to-z")


def test_what_is_not_personalised_needs_no_personalisation(store, record):
    case = store.case(record("de", personalised=False, customisation="").id)
    assert not {"customisation", "design_approval"} & {item.id for item in checklist(case, "a_to_z")}
    unknown = replace(case, summary=replace(case.summary, order=replace(case.summary.order, personalised=None)))
    assert "customisation" in {item.id for item in checklist(unknown, "a_to_z")}


# The data


def test_every_name_in_the_data_is_known():
    data, ids = facts(), [clock.id for clock in all_clocks()]
    assert set(data["purpose"]) == set(Purpose)
    for purpose in Purpose:
        told = purpose_facts(purpose)
        assert set(told["clocks"]) <= set(ids)
        assert {*told["tells"], "new", "refunded_some", "files_apart"} - {"request"} | set(Purpose) == set(WORDS["en"]["tell"])
        assert len(told["steps"]["en"]) == len(told["steps"]["zh"]) > 0 and told["en"] and told["zh"]
    assert set(data["visible_kinds"]) | {"invoice", "other"} == set(AttachmentKind)
    for item in data["item"]:
        assert set(item.get("attachments", ())) <= set(AttachmentKind) and set(item.get("notices", ())) <= set(MessageKind)
        assert set(item.get("outcomes", ())) <= set(RESULTS)
        levels = [*item.get("needed", ()), *item.get("helpful", ())]
        assert levels and set(levels) <= set(Purpose) and len(levels) == len(set(levels))
        assert all(item[key] for key in ("en", "zh", "get_en", "get_zh", "source"))


def test_every_limit_is_dated_and_an_unstated_one_is_the_shortest_known():
    rows = facts()["limit"]
    shortest = min(row["characters"] for row in rows if row["stated"])
    for row in rows:
        assert row["source"] and date(2020, 1, 1) < row["effective_from"] <= row["verified_on"]
        assert row["stated"] or row["characters"] == shortest
    assert limit(Purpose.CHARGEBACK, "ebay").stated and not limit(Purpose.CHARGEBACK, "amazon").stated
    assert {row["purpose"] for row in rows if row["channel"] == "any"} == set(Purpose)


# What only the platform's bundle shows is English.
ENGLISH_ALONE = {
    "platform_title", "sku", "made_says", "wanted_says", "at_utc", "at_seller", "summary", "sentence", "sources", "deadlines", "clock", "due",
    "state", "met", "open", "over", "depends", "rules", "rule", "phone", "said", "confirmation",
}  # fmt: skip
ENGLISH_EVENTS = {"a_to_z", "chargeback", "opt_out", "bounce", "notice", "no_answer"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_what_the_buyer_may_read_with_the_same_fields(language):
    english, own = WORDS["en"], WORDS[language]
    for group, left_out in (
        ("page", ENGLISH_ALONE),
        ("event", ENGLISH_EVENTS),
        ("remedy", set()),
        ("file", set()),
        ("tell", set()),
    ):
        assert set(own[group]) >= set(english[group]) - left_out and set(own[group]) <= set(english[group])
        for name, text in own[group].items():
            assert _fields(text) == _fields(english[group][name]), (group, name)
    assert set(own["remedy"]) == OFFERS <= set(RemedyKind) and set(own["file"]) == set(AttachmentKind)
    assert {*MessageKind, *RESULTS, "delivered", "offered", "asked"} == set(english["event"])


def _fields(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_of_ours_accuses_threatens_or_asks_for_what_is_forbidden(language):
    own = WORDS[language]
    said = {
        f"{group}.{name}": text for group in ("page", "event", "remedy", "file", "tell") for name, text in own[group].items()
    }
    for name, text in said.items():
        assert not ACCUSING.search(text), name
        if name.split(".")[0] != "page":
            found = check(text, Outgoing("", language))
            assert not [
                f for f in found if f.rule in ("blame", "waiver", "review_reward", "review_change", "review_steer", "coupon")
            ], name


def test_the_accusing_words_would_be_found():
    for text in ("This buyer is a liar", "Der Käufer lügt", "une fraude", "una truffa", "una estafa", "詐欺です", "买家欺诈"):
        assert ACCUSING.search(text)


def test_where_a_marketplace_is_unknown_the_buyer_s_language_counts(store, record):
    case = store.case(record("zh").id)
    assert MARKETPLACES["zh"] == case.summary.order.marketplace == ""
    assert Record(case).language == "zh" and Record(case).zone.key == "UTC"
