"""Files with rows that hurt: each costs a reject, or is simply scored, and the rows beside it are scored as ever."""

import csv
import gzip
import json

import pytest

from triage_ml.batch import score
from triage_ml.classifier import FixedClassifier
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.triage import Triage

BEFORE, AFTER = {"message_id": "before", "text": "The ring snapped"}, {"message_id": "after", "text": "名前が違う"}
PLANES = "".join(chr(plane * 0x10000 + 0x1F60) for plane in range(17)) + "\U0001f600\U00020000\U000e0041\U0010ffff"


@pytest.fixture
def scored(tmp_path, policy):
    """Score a file and return the ids of the result and the reasons of the rejects."""
    triage = Triage(FixedClassifier(), policy, ReplyRanker({}, policy))

    def of(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        for ending in (".jsonl", ".parquet", ".xlsx", ".csv"):  # all of them must be able to hold it
            summary = score([path], tmp_path / f"out{ending}", triage)
        with summary.output.open(newline="", encoding="utf-8") as file:
            ids = [row["message_id"] for row in csv.DictReader(file)]
        if not summary.rejects_path:
            return ids, []
        with summary.rejects_path.open(newline="", encoding="utf-8") as file:
            return ids, [row["reason"] for row in csv.DictReader(file)]

    return of


def _lines(*middle):
    return "\n".join([json.dumps(BEFORE), *middle, json.dumps(AFTER)]).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("sign", ["a", "?", "😀", "坏", "(", "_", "&", "<", "\\n", "\\u0000", " ", "1", "\\u0301"])
def test_a_megabyte_of_one_character(scored, sign):
    times = 2**20 if sign.isascii() and len(sign) == 1 else 2**18
    ids, reasons = scored("in.jsonl", _lines('{"message_id": "bad", "text": "' + sign * times + '"}'))
    assert ids == ["before", "after"] and len(reasons) == 1


@pytest.mark.parametrize("sign", ["?", "😀", "_", "'", "?!😀"])
def test_thousands_of_signs_are_a_reject_and_a_hundred_are_anger(scored, sign):
    long, short = (
        json.dumps({"message_id": "long", "text": sign * 4000}),
        json.dumps({"message_id": "short", "text": sign * 100}),
    )
    ids, reasons = scored("in.jsonl", _lines(long, short))
    assert ids == ["before", "short", "after"] and "signs in a row" in reasons[0]


@pytest.mark.parametrize("text", [PLANES, "a\0b\0", "\x01\x1b[31m\x7f", "\ufeff\ufffe\uffff", "é" * 10_000, "e\u0301" * 9_000])
def test_what_is_odd_but_a_text_is_scored(scored, text):
    ids, reasons = scored("in.jsonl", _lines(json.dumps({"message_id": "odd", "text": f"It broke {text}"})))
    assert (ids, reasons) == (["before", "odd", "after"], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"message_id": "x", "text": "a \\ud800 b"}', "cannot be decoded"),
        ('{"message_id": "x\\udfff", "text": "a"}', "cannot be decoded"),
        ('{"text": "a", "deep": ' + "[" * 100_000 + "]" * 100_000 + "}", "too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "too deeply"),
        *[('{"text": "a", "date": ' + "[" * depth + "]" * depth + "}", "too deeply") for depth in (150, 800, 950, 970, 990)],
        ('{"text": "' + "x" * 10_000_000 + '"}', "more than 8 MB"),
        ('{"text": "a", "subject": "' + "x" * 1_000_000 + '"}', "at most 10,000"),
        ('{"message_id": "' + "1" * 1_000_000 + '", "text": "a"}', "at most 10,000"),
        ('{"text": "a", "amount": ' + "9" * 100_000 + "}", ""),
    ],
    ids=lambda value: value[:24],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_line_that_hurts_costs_itself(scored, line, reason, first):
    rest = [json.dumps(BEFORE), json.dumps(AFTER)]
    ids, reasons = scored("in.jsonl", "\n".join([line, *rest] if first else [rest[0], line, rest[1]]).encode())
    assert ids == ["before", "after"] and len(reasons) == 1 and reason in reasons[0]


def test_bytes_of_another_encoding_in_the_middle(scored):
    lines = [
        "message_id,text",
        *(f"u{n},schöne Grüße" for n in range(5)),
        "bad,schöne Grüße",
        *(f"v{n},größer" for n in range(5)),
    ]
    content = b"\n".join(line.encode("cp1252" if line.startswith("bad") else "utf-8") for line in lines)
    for name, packed in (("in.csv", content), ("in.csv.gz", gzip.compress(content))):
        ids, reasons = scored(name, packed)
        assert len(ids) == 10 and "bad" not in ids and "not in the file's encoding" in reasons[0]


def test_a_csv_cell_without_an_end(scored):
    rows = b'message_id,text\n1,It broke\n2,"' + b"x" * 3_000_000 + b"\n3,Where is it\n"
    ids, reasons = scored("in.csv", rows)
    assert ids == ["1", "3"] and len(reasons) == 1
