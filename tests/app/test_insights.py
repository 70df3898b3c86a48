"""Insights: what is shown, what can be asked, and the way from a figure back to its cases."""

import io
import json
import sqlite3
import tomllib
import zipfile
from datetime import timedelta
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.ipc
import pytest
from mug import MUG, NOW
from reading import button, field, has_button, html_of, opened, text_of

from triage_ml.cases import Decision, Outcome, OutcomeKind
from triage_ml.insights import Insights
from triage_ml.insights.records import ALL
from triage_ml.messages import Category, Money, OrderLine

BROKEN = "The handle broke off after two days. Please send me a new one."
CRACKED = "There is a crack in the mug and it leaks. Send another one please."
WRONG = "I ordered the blue one and got red. Can you make it again?"
SMALL = "It is smaller than I expected and feels cheap for the price. Not what I hoped for."
PARCEL = "Where is my parcel? The tracking has said nothing since Monday."
TEXTS = (BROKEN, CRACKED, WRONG, SMALL, PARCEL)
EARLIER = timedelta(days=120)


def ready(at):
    """Wait until the record was read."""
    from session import jobs

    for _ in range(60):
        if not any((one.key or "") == "stop" for one in at.button):
            return at
        for job in list(jobs()._jobs.values()):
            job.wait(2)
        at.run()
    raise AssertionError("the record was not read in time")


def at_part(at, part):
    next(one for one in at.segmented_control if one.key == "insights-part").set_value(part).run()
    assert not at.exception, at.exception
    return at


@pytest.fixture
def insights(screen):
    """Open the page and wait for what it shows; `part` as in the row of parts."""

    def start(part="first", **person):
        at = ready(screen("insights", **person))
        return at_part(at, part) if part != "first" else at

    return start


def charts(at):
    """Return all that each chart on the page draws: its specification, and its tables as Streamlit sends them."""
    return [one.proto for one in at.get("arrow_vega_lite_chart") + at.get("vega_lite_chart")]


def data_of(chart):
    tables = [one.data.data for one in chart.datasets] + ([chart.data.data] if chart.HasField("data") else [])
    rows = [row for table in tables for row in pyarrow.ipc.open_stream(table).read_all().to_pylist()]
    return chart.spec + json.dumps(rows, ensure_ascii=False)


# --- what is shown


def test_what_to_put_right_first_with_its_cases_one_click_away(insights, arrive):
    broken, cracked, *_ = arrive(*TEXTS)
    at = insights()
    seen = text_of(at)
    assert "Most is at stake here: Workshop step" in seen and "Look at the ten newest of these pieces" in seen
    assert "up to" in seen and "EUR" in seen
    button(at, "fix-workshop").click().run()
    assert "Workshop step : 2 cases of the period" in " ".join(text_of(at).split())
    assert {one.key for one in at.button if "-open-" in (one.key or "")} == {f"panel-open-{broken}", f"panel-open-{cracked}"}


def test_a_case_opens_with_the_list_it_stands_in(insights, arrive):
    broken, cracked, *_ = arrive(*TEXTS)
    at = insights()
    field(at, "selectbox", "insights-what").set_value("quality").run()
    button(at, f"panel-open-{cracked}").click().run()
    assert at.session_state["case"] == cracked and at.session_state["worklist"].ids == (cracked, broken)
    assert at.session_state["worklist"].where.category is Category.QUALITY
    assert f"<h3>{cracked}" in html_of(opened(at))


def test_groups_are_chosen_by_keyboard_and_the_causes_follow(insights, arrive, record, judge):
    arrive(BROKEN, CRACKED)
    (wrong,) = arrive(WRONG, order=OrderLine("x", "RING-7", "Ring", MUG.paid, 1, "de", MUG.delivered_at, True, "Emma"))
    at = insights("origins")
    assert "most cases come from MUG-01: 2 of 3" in text_of(at)
    group = field(at, "selectbox", "insights-group")
    assert {group.format_func(one) for one in (ALL, "RING-7")} == {"all", "RING-7"}
    group.set_value("RING-7").run()
    assert "RING-7, complained about most: not what was ordered. 1 of 1" in text_of(at)
    assert has_button(at, f"panel-open-{wrong}")


def test_nothing_is_called_a_trend_that_is_noise(insights, arrive):
    arrive(*TEXTS, *TEXTS)
    arrive(*TEXTS, PARCEL, BROKEN, hours=24 * 120)
    at = insights("changes")
    seen = text_of(at)
    assert "Nothing changed by more than chance explains" in seen and not charts(at)
    assert "They are no trends." in seen


def test_a_true_change_is_told_with_its_interval(insights, arrive):
    arrive(*[f"{BROKEN} Order {n}." for n in range(40)], *[f"{PARCEL} {n}" for n in range(40)])
    arrive(BROKEN, *[f"{PARCEL} Parcel {n}." for n in range(60)], hours=24 * 120)
    at = insights("changes")
    assert "rates changed by more than chance explains" in text_of(at)
    found = Insights.of(_store(), NOW - timedelta(days=90), NOW + timedelta(hours=1))
    change = next(t for t in found.trends if (t.group, t.what) == (ALL, "quality")).change
    drawn = data_of(charts(at)[0])
    assert f"×{change.low:.2f} – " in drawn and "a fault" in drawn and '"log"' in drawn


def _store():
    import session

    return session.store()


def test_weeks_groups_and_causes_are_drawn_with_tooltips_and_intervals(insights, arrive):
    arrive(*TEXTS)
    at = insights("origins")
    weeks, groups, causes = charts(at)
    assert "week from" in data_of(weeks) and "a fault" in data_of(weeks)
    assert "MUG-01" in data_of(groups) and '"tooltip"' in data_of(groups)
    found = Insights.of(_store())
    line = next(line for line in found.causes if line.group == ALL)
    assert f'"low": {line.now.low}' in data_of(causes) and f'"high": {line.now.high}' in data_of(causes)


def test_expectation_against_reality_stands_beside_what_the_trade_says(insights, arrive):
    arrive(*TEXTS)
    seen = text_of(insights("expectation"))
    assert "come from expectation against reality" in seen and "60%" in seen


def test_remedies_and_offers_are_told_with_what_they_achieved(insights, arrive, record):
    ids = arrive(*TEXTS[:4])
    at = insights("remedies")
    assert "Decide cases, and note on them what came of it" in text_of(at)
    for case_id, kind in zip(ids, (OutcomeKind.ACCEPTED, OutcomeKind.ACCEPTED, OutcomeKind.DECLINED, None), strict=True):
        amount = Money(Decimal("4.98"), "EUR")
        record.decide(case_id, record.case(case_id).version, Decision("Mia", Category.QUALITY, "part_refund_keep", amount))
        if kind:
            record.outcome(case_id, Outcome("Mia", kind))
    at.run()
    assert "There is news since then" in text_of(at) and "Decide cases" in text_of(at)
    button(at, "again").click().run()
    ready(at)
    seen = text_of(at)
    assert "There is news" not in seen
    assert "Refund a part, the buyer keeps it, 4 times" in seen and "Of 3 answered offers 2 were taken" in seen
    assert "the trade says" in data_of(charts(at)[1])


def test_reply_times_say_what_cannot_be_told(insights, arrive, record):
    (only,) = arrive(BROKEN)
    at = insights("replies")
    assert "The record holds no answer" in text_of(at)
    record.decide(only, record.case(only).version, Decision("Mia", Category.QUALITY, "remake"))
    at.run()
    button(at, "again").click().run()
    ready(at)
    assert "1 of 1 messages were answered within 24 hours" in text_of(at)


def test_buyers_who_came_back_are_shown_without_blame_and_with_short_hashes(insights, arrive, record):
    ids = arrive(BROKEN, WRONG, SMALL, sender="w9x8y7@marketplace.amazon.de")
    at = insights("buyers")
    whole = record.case(ids[0]).summary.buyer_hash
    seen = text_of(at)
    assert "1 buyers 1 had two cases or more" in seen and "A number accuses nobody" in seen
    assert whole not in seen and whole[:12] in seen
    assert all(has_button(at, f"buyer-open-{case_id}") for case_id in ids)
    assert not any(word in seen.lower() for word in ("abuse", "fraud", "suspic", "malicious"))


def test_what_is_new_is_put_together_and_leads_to_its_cases(insights, arrive, record, judge):
    arrive(*[f"{PARCEL} It is parcel {n}." for n in range(210)], hours=24 * 100)
    ids = arrive(*(f"The little magnet fell off the fridge tile, {n} time." for n in ("first", "second", "third", "fourth")))
    at = insights("radar")
    assert "Themes that stand out: " in text_of(at) and "magnet" in text_of(at)
    next(one for one in at.toggle if one.key == "theme-0").set_value(True).run()
    assert all(has_button(at, f"theme-0-open-{case_id}") for case_id in ids)


def test_the_report_and_the_figures_can_be_taken_along(insights, arrive):
    arrive(*TEXTS)
    at = insights("download")
    assert {one.proto.id.rpartition("-")[2] for one in at.get("download_button")} >= {"report", "json"}
    from insights.results import as_text, report

    found = Insights.of(_store())
    with zipfile.ZipFile(io.BytesIO(report(found, "zh"))) as packed:
        assert {"report.html", "insights.json", "fixes.csv", "causes.csv"} <= set(packed.namelist())
        page = packed.read("report.html").decode()
    assert "售后案例分析" in page and "<svg" in page
    assert json.loads(as_text(found))["cases"] == 5


# --- what is asked


def test_an_empty_record_says_what_to_do(screen):
    at = screen("insights")
    assert "Import messages in the inbox" in text_of(at) and not at.metric
    button(at, "to-inbox").click().run()
    assert not at.exception


def test_a_period_without_cases_says_so(insights, arrive):
    arrive(*TEXTS, hours=24 * 200)
    at = insights()
    assert "No case begins in this period" in text_of(at) and at.metric[0].value == "0"
    next(one for one in at.segmented_control if one.key == "insights-period").set_value("365").run()
    ready(at)
    assert at.metric[0].value == "5"


def test_days_can_be_chosen_and_what_they_are_put_together_by(insights, arrive):
    arrive(BROKEN, hours=24 * 10)
    arrive(WRONG, hours=24 * 40)
    at = insights()
    next(one for one in at.segmented_control if one.key == "insights-period").set_value("dates").run()
    day = (NOW - timedelta(days=40)).date()
    at.date_input[0].set_value((day - timedelta(days=2), day + timedelta(days=2))).run()
    field(at, "selectbox", "insights-by").set_value("marketplace").run()
    ready(at)
    assert at.metric[0].value == "1"
    assert field(at, "selectbox", "insights-group").label == "marketplace"


def test_what_was_counted_is_kept_for_the_next_one_who_asks(insights, arrive, monkeypatch):
    arrive(*TEXTS)
    insights()
    monkeypatch.setattr("insights.counting.start", None)  # whoever counts again fails
    assert insights(person="Noah").metric[0].value == "5"


def test_orders_make_rates_cases_per_order_and_rejects_are_told(insights, arrive):
    arrive(*TEXTS)
    at = insights("origins")
    assert "Without the number of orders" in text_of(at)
    table = b"sku,orders,orders_before\nMUG-01,200,180\nMUG-02,many,\n"
    at.file_uploader[0].upload("sold.csv", table).run()
    ready(at)
    seen = text_of(at)
    assert "sold.csv: groups whose orders are known: 1" in seen and "1 rows could not be read" in seen
    assert "Without the number of orders" not in seen
    assert [list(one.value["value"]) for one in at.dataframe if "value" in one.value][0] == ["many"]
    assert "of 200" in seen
    button(at, "orders-drop").click().run()
    ready(at)
    assert "Without the number of orders" in text_of(at)


def test_a_table_that_is_none_is_told_in_a_sentence_without_where_it_lay(insights, arrive):
    arrive(BROKEN)
    at = insights()
    at.file_uploader[0].upload("sold.csv", b"article;number\n1;2\n").run()
    seen = text_of(at)
    assert "The table of orders was not read. no column sku, orders" in seen and "/tmp" not in seen


def test_a_failure_is_one_sentence_and_can_be_tried_again(insights, arrive, tmp_path):
    arrive(*TEXTS)
    at = insights()
    with sqlite3.connect(tmp_path / "cases.db") as database:
        database.execute("ALTER TABLE outcomes RENAME TO mislaid")
    field(at, "selectbox", "insights-by").set_value("channel").run()
    ready(at)
    assert "It could not be counted. Something went wrong that nobody foresaw" in text_of(at) and "mislaid" not in text_of(at)
    with sqlite3.connect(tmp_path / "cases.db") as database:
        database.execute("ALTER TABLE mislaid RENAME TO outcomes")
    button(at, "again").click().run()
    assert ready(at).metric[0].value == "5"


# --- text is text, in both languages


def test_names_from_exports_are_text_everywhere(insights, arrive):
    evil = "**MUG** <script>alert(1)</script> [x](http://a.example)"
    arrive(*TEXTS, order=OrderLine("x", evil, evil, MUG.paid, 1, "de", MUG.delivered_at, True, "Emma"))
    at = insights()
    for part in ("first", "changes", "origins", "expectation", "remedies", "replies", "buyers", "radar", "download"):
        at_part(at, part)
        assert "<script>alert" not in html_of(at)
        shown = [one.value for kind in ("markdown", "caption", "subheader", "title") for one in getattr(at, kind)]
        shown += [one.label for kind in ("button", "selectbox", "checkbox", "toggle") for one in getattr(at, kind)]
        assert not any("MUG" in text for text in shown), part
    at_part(at, "origins")
    assert "&lt;script&gt;" in html_of(at) and evil in data_of(charts(at)[1]).replace('\\"', '"')


def test_it_all_stands_in_chinese(insights, arrive):
    arrive(*TEXTS)
    at = insights(language="zh")
    assert "损失最集中的地方：生产工序" in text_of(at)
    for part in ("changes", "origins", "expectation", "remedies", "replies", "buyers", "radar", "download"):
        at_part(at, part)
        words = [word for word in text_of(at).split() if word.isascii() and word.isalpha() and len(word) > 4]
        assert not set(words) & {"cases", "complaints", "Most", "nothing", "period", "rates", "share", "buyers", "record"}, part
    assert "恶意" not in text_of(at)


# --- colours


def _linear(colour):
    parts = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def _contrast(one, other):
    high, low = sorted((float(_linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# Machado, Oliveira and Fernandes 2009, severity 1.
EYES = {
    "usual": np.eye(3),
    "protan": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deutan": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritan": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}


def _lab(colour, eyes):
    seen = np.clip(EYES[eyes] @ _linear(colour), 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_colours_can_be_told_apart_on_both_pages_by_all_eyes():
    from insights.charting import BESIDE, COLOURS, MAIN

    theme = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
    for colour in (*COLOURS.values(), MAIN, BESIDE):
        for page in ("light", "dark"):
            assert _contrast(colour, theme[page]["backgroundColor"]) >= 2.6, (colour, page)
    assert set(COLOURS) == set(Category)
    for eyes in EYES:
        for one, other in combinations(COLOURS.values(), 2):
            assert np.linalg.norm(_lab(one, eyes) - _lab(other, eyes)) >= 20, (eyes, one, other)
        assert np.linalg.norm(_lab(MAIN, eyes) - _lab(BESIDE, eyes)) >= 20
