"""Labels from a file and from the record; the slice that nobody learns from."""

import csv
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled_shop import shop_row

from triage_ml.cases import Decision, Label
from triage_ml.cases.store import CaseStore
from triage_ml.classifier import FixedClassifier
from triage_ml.errors import FormatError
from triage_ml.messages import Category, Claim, Message
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.retraining.labels import corrected, from_file, from_record, is_apart, learnable, normalised
from triage_ml.retraining.records import OWN_WEIGHT, Origin, counts
from triage_ml.triage import Triage

GOOD = """text,claim,language,abuse,reply,personalised,photo,buyer,id
The clasp fell off after a week. Call me on +44 7700 900123.,quality,en,no,q_remake,yes,no,bea,a1
C'est la mauvaise couleur,mismatch,,,,,,,
"""


def test_a_file_becomes_rows_without_personal_data(given_file):
    rows, rejects = from_file(given_file(GOOD))
    assert rejects.count == 0 and not rejects.path.exists()
    first, second = rows
    assert first.row.text == "The clasp fell off after a week. Call me on [PHONE]."
    assert (first.row.id, first.row.group, first.row.replies, first.row.personalised) == ("a1", "en bea", ("q_remake",), True)
    assert (first.origin, first.by, first.row.weight, first.row.fresh) == (Origin.FILE, "export.csv, row 2", OWN_WEIGHT, True)
    assert (second.row.lang, second.row.claim, second.row.abuse, second.row.personalised) == ("fr", Claim.MISMATCH, False, None)
    assert second.row.id == "export.csv:3"


BAD = [
    ({"text": "  "}, "text"),
    ({"claim": "qualty"}, "claim"),
    ({"claim": "", "category": "needs_review"}, "category"),
    ({"claim": "", "category": "abuse"}, "category"),
    ({"claim": ""}, "category"),
    ({"language": "pt"}, "language"),
    ({"abuse": "perhaps"}, "abuse"),
    ({"photo": "2"}, "photo"),
    ({"reply": "no_such_template"}, "reply"),
    ({"buyer": ["a", "b"]}, "buyer"),
]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_each_bad_row_is_named_and_the_rest_goes_on(given_file, form):
    whole = {
        "text": "It broke",
        "claim": "quality",
        "category": "",
        "language": "en",
        "abuse": "",
        "photo": "",
        "reply": "",
        "buyer": "x",
    }
    bad = [(change, column) for change, column in BAD if form == "jsonl" or column != "buyer"]
    table = [whole, *(whole | change for change, _ in bad), whole | {"claim": "", "category": "Subjective"}]
    if form == "csv":
        path = given_file("", "labels.csv")
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(whole))
            writer.writeheader()
            writer.writerows(table)
    else:
        path = given_file("\n".join(map(json.dumps, table)) + "\n{broken\n", "labels.jsonl")
    rows, rejects = from_file(path)
    assert [one.row.claim for one in rows] == [Claim.QUALITY, Claim.SUBJECTIVE]
    named = list(csv.DictReader(rejects.path.read_text("utf-8").splitlines()))
    assert [row["column"] for row in named] == [column for _, column in bad] + [""] * (form == "jsonl")
    assert all(row["reason"] for row in named)


@pytest.mark.parametrize(
    "content", ["text,rating\nIt broke,1\n", "claim,language\nquality,en\n", "From a@b.c Mon\nSubject: x\n\nhello\n"]
)
def test_a_file_without_labels_is_refused_as_a_whole(given_file, content):
    with pytest.raises(FormatError, match="text"):
        from_file(given_file(content))


def test_what_the_record_exports_can_be_read_again(given_file):
    row = {"id": "C-000001-3", "lang": "de", "text": "Der Ring ist verkratzt", "claim": "quality", "abuse": False, "writer": "4f",
           "personalised": None, "photo": True, "product": "", "voice": "message"}  # fmt: skip
    (one,), _ = from_file(given_file(json.dumps(row), "labels.jsonl"))
    assert (one.row.group, one.row.photo, one.row.lang) == ("de 4f", True, "de")


def test_a_corrected_row_keeps_its_buyer_and_its_side():
    own = [shop_row("It is too small", Claim.QUALITY, "anna", id="C-1"), shop_row("broken", buyer="ben", id="C-2")]
    said = [shop_row("It is too small", Claim.SUBJECTIVE, "else", id="C-1"), shop_row("late", Claim.OTHER, id="f:9")]
    rows = corrected(own, said)
    assert [(one.row.id, one.row.claim.value, one.row.group) for one in rows] == [
        ("C-1", "subjective", "en anna"), ("C-2", "quality", "en ben"), ("f:9", "other", "en b1"),
    ]  # fmt: skip
    assert rows[0].apart is own[0].apart


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefghij"), st.sampled_from(["It broke", "it broke!", "Too small", "😡", "🙂", "Lovely"])),
        max_size=40,
    )
)
def test_nothing_of_the_slice_is_learned_from(given_rows):
    rows = [shop_row(text, buyer=buyer, id=str(n)) for n, (buyer, text) in enumerate(given_rows)]
    learned = learnable(rows)
    apart = [one for one in rows if one.apart]
    assert not {row.group for row in learned} & {one.row.group for one in apart}
    assert not {normalised(row.text) for row in learned} & {normalised(one.row.text) for one in apart}
    words = {normalised(one.row.text) for one in apart}
    assert len(learned) == sum(not one.apart and normalised(one.row.text) not in words for one in rows)


def test_one_buyer_in_five_is_set_apart_whatever_the_language():
    share = sum(is_apart(f"en {n}") for n in range(10_000)) / 10_000
    assert 0.19 < share < 0.21
    assert all(is_apart(f"en {n}") is is_apart(f"ja {n}") for n in range(200))


def test_the_record_says_who_and_when_and_how_much_it_counts(tmp_path, policy, templates):
    triage = Triage(FixedClassifier(Claim.QUALITY), policy, ReplyRanker(templates, policy))
    texts = ["The frame is cracked.", "The box was crushed and the vase with it.", "My cousin has a nicer one."]
    messages = [Message(f"m{n}", text, sent_at=datetime(2026, 5, n + 1, tzinfo=UTC)) for n, text in enumerate(texts)]
    with CaseStore.open(str(tmp_path / "cases.db")) as store:
        store.record(triage.assess_many(messages), "import")
        agreed, changed, labelled = (case.id for case in store.walk())
        store.decide(agreed, 1, Decision("Mia", Category.QUALITY, "remake", final_text="We make it again."))
        store.decide(changed, 1, Decision("Jan", Category.MISMATCH, "remake", final_text="We make it again."))
        store.label(labelled, Label("Li", Claim.SUBJECTIVE))
        rows = {one.case_id: one for one in from_record(store)}
    weights = {case: (one.origin.value, one.by, one.row.weight, one.label) for case, one in rows.items()}
    assert weights == {
        agreed: ("decision", "Mia", OWN_WEIGHT / 2, "quality"),
        changed: ("decision", "Jan", OWN_WEIGHT, "mismatch"),
        labelled: ("label", "Li", OWN_WEIGHT, "subjective"),
    }
    assert all(one.at and one.apart is is_apart(one.row.group) for one in rows.values())
    assert counts(list(rows.values())) == {
        "rows": 3,
        "apart": sum(o.apart for o in rows.values()),
        "label": 1,
        "decision": 2,
        "file": 0,
    }
