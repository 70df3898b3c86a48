import csv
import json
import re
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from known_shop import EUR_20, NOW, QUARTER, TEXTS

from triage_ml.cases import Decision, Outcome, OutcomeKind
from triage_ml.errors import CaseError
from triage_ml.insights import Insights, Orders, as_json, write_report, write_tables
from triage_ml.insights.charts import Interval, bars, columns, intervals
from triage_ml.insights.report import headings
from triage_ml.insights.tables import TABLES
from triage_ml.insurance import Base, InsuranceTerms
from triage_ml.messages import Category, Claim, Direction, MessageKind

_VOID = {"meta", "br", "link", "img"}


class _Balanced(HTMLParser):
    """Fails where tags do not close in the order they opened; keeps the words."""

    def __init__(self):
        super().__init__()
        self.open, self.words, self.tags = [], [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def _read(page):
    parser = _Balanced()
    parser.feed(page)
    assert parser.open == []
    return parser, " ".join(" ".join(parser.words).split())


@pytest.fixture
def busy(store, say):
    """A record in which something of everything happened."""
    for claim, texts in TEXTS.items():
        for day, text in enumerate(texts):
            case = say(text, claim, NOW - timedelta(days=10 + day), sender="w9x8y7@marketplace.amazon.de")
            say(text, claim, QUARTER.since - timedelta(days=10 + day), sku="=MUG")
            if claim in (Claim.QUALITY, Claim.SUBJECTIVE):
                remedy, amount = ("part_refund_keep", EUR_20.share(Decimal("0.25"))) if day else ("accept_return", None)
                store.decide(case.id, case.version, Decision("Mia", Category(claim), remedy, amount))
                kind = OutcomeKind.ACCEPTED if day % 2 else OutcomeKind.DECLINED
                store.outcome(case.id, Outcome("Mia", kind, spent=amount))
    say("<script>alert('x')</script> & \"quoted\" clasp snapped", sku="<b>RING</b>")
    say(
        "Coming.",
        Claim.OTHER,
        NOW - timedelta(days=9),
        order="302-0000000-0000001",
        direction=Direction.OUT,
        kind=MessageKind.SELLER,
    )
    return store


@pytest.fixture
def found(busy):
    terms = InsuranceTerms(Decimal("0.02"), Decimal("0.8"), Base.ORDER_VALUE)
    orders = {"RING-7": Orders(120, 100), "<b>RING</b>": Orders(5, 5), "=MUG": Orders(9, 90)}
    return Insights.of(busy, QUARTER.since, NOW + timedelta(hours=1), orders=orders, terms=terms)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_holds_every_part_and_needs_nothing_else(found, tmp_path, language):
    page = write_report(found, tmp_path / "out", language).read_text("utf-8")
    parser, words = _read(page)
    for key in (
        "fixes",
        "trends",
        "categories",
        "causes",
        "expectation",
        "remedies",
        "offers",
        "replies",
        "buyers",
        "radar",
        "insurance",
    ):
        assert headings(language)[key] in words, key
    assert "script" not in parser.tags and "<b>RING</b>" in words
    assert not re.search(r"(?:src|href)=", page)
    assert ("部分退款" in words) == (language == "zh") and ("60%" in words)
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(charts) >= 5
    for chart in charts:
        ElementTree.fromstring(chart)


def test_both_languages_say_the_same_things():
    english, chinese = headings("en"), headings("zh")
    assert english.keys() == chinese.keys()
    assert english["notes"].keys() == chinese["notes"].keys() and english["names"].keys() == chinese["names"].keys()
    assert all(isinstance(text, dict) or text.strip() for text in (*english.values(), *chinese.values()))


def test_another_language_is_refused(found, tmp_path):
    with pytest.raises(CaseError, match="expected en or zh"):
        write_report(found, tmp_path, "de")


def test_tables_are_written_one_a_file_and_old_ones_go(found, tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "radar.csv").write_text("old", "utf-8")
    written = {path.name: path for path in write_tables(found, folder)}
    assert set(written) == {f"{name}.csv" for name in TABLES} - {"radar.csv"} == {path.name for path in folder.iterdir()}
    for path in written.values():
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        assert rows and len(header) == len(set(header)) and all(len(row) == len(header) for row in rows)
    with written["categories.csv"].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["group"] for row in rows} >= {"(all)", "RING-7", "'=MUG"}
    assert rows[0]["now_of"] == "134"
    with written["fixes.csv"].open(encoding="utf-8-sig", newline="") as file:
        assert Decimal(next(csv.DictReader(file))["cost_EUR"]) > 0


def test_json_holds_all_of_it_as_plain_values(found, tmp_path):
    write_report(found, tmp_path)
    told = json.loads((tmp_path / "insights.json").read_text("utf-8"))
    assert told == json.loads(json.dumps(as_json(found)))
    assert told["by"] == "sku" and told["period"]["since"].startswith("2026-04-01T00:00:00")
    assert told["remedies"][0]["mean_spent"][0] == {"amount": "5.00", "currency": "EUR"}


def test_an_empty_record_says_what_to_do(store, tmp_path):
    found = Insights.of(store)
    for language, told in (("en", "Import messages into the record first"), ("zh", "请先把消息导入记录")):
        _, words = _read(write_report(found, tmp_path, language).read_text("utf-8"))
        assert told in words
    assert found.cases == 0 and found.recorded is None and write_tables(found, tmp_path) == []


# --- charts -------------------------------------------------------------------------------------------------------------


def _shapes(chart, kind):
    return list(ElementTree.fromstring(chart).iter(f"{{http://www.w3.org/2000/svg}}{kind}"))


def test_charts_show_what_they_are_given():
    widths = [float(bar.get("width")) for bar in _shapes(bars([("mug", 4.0, "4"), ("<ring>", 1.0, "1")]), "rect")]
    assert widths[0] == pytest.approx(4 * widths[1])
    (point,) = _shapes(intervals([Interval("mug", 0.5, 0.25, 1.0, "50 %", 0.6)], (0, 0.5, 1)), "circle")
    (doubled,) = _shapes(intervals([Interval("mug", 2, 0.5, 99, "2×")], (0.25, 1, 4), logarithmic=True), "circle")
    low, high = (float(line.get("x1")) for line in (_shapes(intervals([], (0, 1)), "line")))
    assert float(point.get("cx")) == pytest.approx((low + high) / 2)
    assert float(doubled.get("cx")) == pytest.approx(low + (high - low) * 0.75)
    parts = [
        bar for bar in _shapes(columns([("2026-04-06", {"quality": 3, "other": 1})], {"quality": "q", "other": "o"}), "rect")
    ][:2]
    assert float(parts[0].get("height")) == pytest.approx(3 * float(parts[1].get("height")))


def test_charts_of_nothing_are_empty_but_whole():
    for chart in (bars([]), columns([], {}), intervals([], (0, 1))):
        assert _shapes(chart, "circle") == []


def test_the_page_is_for_reading_without_a_net():
    template = Path(__file__).parents[2] / "src" / "triage_ml" / "data" / "insights" / "report.html"
    assert "http" not in template.read_text("utf-8")
