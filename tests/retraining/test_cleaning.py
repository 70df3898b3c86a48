"""What a person should look at in labels."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from labelled_shop import shop_row

from triage_ml.messages import Claim
from triage_ml.retraining.cleaning import Doubt, Findings, find_conflicts, find_doubts, without, write_findings
from triage_ml.retraining.labels import from_file
from triage_ml.retraining.records import Origin, ShopRow

SAID = "The strap broke when I put the watch on for the first time"
AGREEING = [shop_row(SAID, buyer="a"), shop_row(SAID + "!!", buyer="b"), shop_row("Too small for me", Claim.SUBJECTIVE, "c")]


def test_rows_that_agree_are_no_conflict():
    assert find_conflicts(AGREEING) == () and find_conflicts([]) == ()


@pytest.mark.parametrize(
    "other",
    [
        shop_row(SAID.upper(), Claim.SUBJECTIVE, "d"),
        shop_row(SAID.replace("the watch", "this watch"), Claim.OTHER, "d"),
        shop_row(SAID, Claim.QUALITY, "d", abuse=True),
    ],
)
def test_the_same_words_labelled_differently_are_one(other):
    (conflict,) = find_conflicts([*AGREEING, other])
    assert {one.row.group for one in conflict.rows} == {"en a", "en b", "en d"}
    assert without([*AGREEING, other], (conflict,)) == [AGREEING[2]]


def test_other_words_or_another_language_are_none():
    rows = [shop_row("It is broken", buyer="a"), shop_row("It is not broken", Claim.SUBJECTIVE, "b")]
    rows += [shop_row("Super!", Claim.OTHER, "c", "de"), shop_row("Super!", Claim.SUBJECTIVE, "d", "fr")]
    rows += [shop_row("😡", Claim.QUALITY, "e"), shop_row("🙂", Claim.OTHER, "f")]
    assert find_conflicts(rows) == ()


def test_conflicts_are_found_among_many(rows):
    many = [ShopRow(row, Origin.FILE) for row in rows]
    turned = shop_row(rows[700].text, next(c for c in Claim if c is not rows[700].claim), language=rows[700].lang)
    assert [one.row.text for conflict in find_conflicts([*many, turned]) for one in conflict.rows] == [rows[700].text] * 2


def test_turned_labels_are_doubted_and_most_right_ones_are_not(learned):
    rows, _, judged = learned
    chosen = np.random.default_rng(0).choice(len(rows), 200, replace=False)
    own = [ShopRow(rows[n], Origin.FILE) for n in chosen]
    turned = {id(rows[n]) for n in chosen[:20]}
    claims = np.array([(claim + (id(row) in turned)) % 4 for row, claim in zip(rows, judged.claim, strict=True)])
    doubted = {id(doubt.row.row) for doubt in find_doubts(rows, replace(judged, claim=claims), own)}
    assert doubted <= {id(one.row) for one in own}  # the corpus's own labels are nobody's task here
    hit = len(turned & doubted)
    assert hit >= 10 and hit >= 0.2 * len(doubted), (hit, len(doubted))  # a tenth is turned


def test_a_list_that_was_corrected_can_be_learned_from(tmp_path):
    other = shop_row(SAID, Claim.SUBJECTIVE, "d", id="C-000004-9")
    findings = Findings(find_conflicts([*AGREEING, other]), (Doubt(AGREEING[2], Claim.QUALITY, 0.04),))
    write_findings(findings, tmp_path / "labels.csv")
    listed = list(csv.DictReader((tmp_path / "labels.csv").read_text("utf-8-sig").splitlines()))
    assert [row["finding"] for row in listed] == ["conflict 1"] * 3 + ["likely wrong"]
    assert listed[3]["model"] == "quality" and listed[3]["probability"] == "0.04" and listed[0]["by"] == "Mia"
    rows, rejects = from_file(tmp_path / "labels.csv")
    assert rejects.count == 0 and [one.row.id for one in rows] == [row["id"] for row in listed]
    assert rows[2].row.group == other.row.group and rows[2].row.claim is Claim.SUBJECTIVE
