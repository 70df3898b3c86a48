"""docs/money.md, computed again."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from triage_ml.classifier import FixedClassifier
from triage_ml.customisation import compare
from triage_ml.messages import Claim, Message, Money, OrderLine
from triage_ml.policy import load_policy
from triage_ml.remedies import resolve
from triage_ml.resolution import Findings

PAGE = (Path(__file__).parents[1] / "docs" / "money.md").read_text("utf-8")
SECTIONS = {number: text for number, text in re.findall(r"## (\d)\. [^\n]+\n(.*?)(?=\n## |\Z)", PAGE, re.DOTALL)}
TEXT = re.search(r"^> (.+)$", PAGE, re.MULTILINE)[1]


def _settled(ordered, paid="40.00"):
    delivered = datetime(2026, 11, 18, 10, tzinfo=UTC)
    order = OrderLine(
        "302-1234567-7654321", "RING-18", "Silver ring", Money(Decimal(paid), "EUR"), 1, "de", delivered, True, ordered
    )
    message = Message("1", TEXT, order=order, channel="amazon", sent_at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    judged = FixedClassifier(Claim.MISMATCH).predict_many([TEXT])[0]
    comparison = compare(ordered, TEXT, "en")
    return resolve(message, judged, load_policy(), findings=Findings(comparison)), comparison


def _rows(section):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| ")]


@pytest.mark.parametrize(("section", "ordered"), [("2", "Name: Anna"), ("3", "Name: Annna")])
def test_every_remedy_of_the_page_is_what_comes_out(section, ordered):
    found, _ = _settled(ordered)
    printed = [row for row in _rows(SECTIONS[section]) if row[0] != "remedy"]
    shown = found.remedies + (found.refused if section == "2" else ())
    assert [(row[0], row[1], row[3]) for row in printed] == [(r.kind.value, r.rule, str(r.cost or "")) for r in shown]
    if section == "2":
        quotes = re.findall(r"^> (.+)$", SECTIONS[section], re.MULTILINE)
        assert quotes == [found.recommended.break_even, found.offer.break_even]
        assert f"**{found.recommended.kind.value}**" in SECTIONS[section]


def test_verdicts_offer_and_clocks_are_what_comes_out():
    for ordered, says, verdict in _rows(SECTIONS["1"])[1:]:
        _, comparison = _settled(ordered)
        assert comparison.verdict.value == verdict
        assert says == f'made "{comparison.made}", wanted "{comparison.wanted}"'
    found, _ = _settled("Name: Anna")
    offer = found.offer
    assert f"here {offer.share:.0%}, {offer.offer}, inside {offer.offer_low.amount} to {offer.offer_high}" in SECTIONS["4"]
    assert _settled("Name: Anna", "2.00")[0].offer is None
    assert _rows(SECTIONS["5"])[1:] == [[d.clock_id, f"{d.due_at:%Y-%m-%d %H:%M}"] for d in found.deadlines]
