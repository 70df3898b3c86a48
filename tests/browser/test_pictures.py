"""Every page in light and dark, English and Chinese, at two widths; kept in the folder that TRIAGE_PICTURES names.

The two of the README are made again with
`TRIAGE_PICTURES=docs/pictures python -m pytest -n 0 tests/browser/test_pictures.py -k readme`.
"""

import csv
import os
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect
from visitor import ROOT, SAMPLE

from triage_ml.cases import CaseStore, Decision, Outcome, OutcomeKind
from triage_ml.cases.importing import import_export
from triage_ml.messages import Category
from triage_ml.triage import Triage

SHIPPED = ROOT / "models" / "default"
WIDTHS = (1280, 1920)
# What each page is called in each language, and what stands on it once it is drawn.
PAGES = {
    "inbox": ("Inbox", "收件箱", ".row .words"),
    "case": ("Case", "工单", "[class*='st-key-text-'] textarea"),
    "evidence": ("Evidence", "证据", ".st-key-evidence-build button"),
    "insights": ("Insights", "洞察", "[data-testid=stMetric]"),
    "replies": ("Replies", "回复库", ".st-key-reply"),
    "policy": ("Policy and insurance", "政策与保险", "h1"),
    "batch": ("Batch", "批量评分", "[data-testid=stFileUploaderDropzone]"),
}


@pytest.fixture(scope="module")
def served_model(request):
    """The shipped model where it is there, so that the pictures show what people get."""
    return SHIPPED if (SHIPPED / "manifest.json").exists() else request.getfixturevalue("model_folder")


@pytest.fixture(scope="module")
def week(own_home, served_model, tmp_path_factory):
    """A record with the bundled week as if it ended just now, some of it decided; returns a case with much on its page."""
    path = tmp_path_factory.mktemp("week") / "week.csv"
    _until_now(SAMPLE, path)
    with CaseStore.open(own_home / "cases.db") as record:
        import_export(record, Triage.load(served_model), path, "Mia", lambda error: pytest.fail(str(error)))
        cases = list(record.walk())
        for number, case in enumerate(cases[:12]):
            decision = Decision("Mia", Category.QUALITY, "remake", final_text="We make it again.", second_person="Noah")
            record.decide(case.id, case.version, decision)
            kind = OutcomeKind.ACCEPTED if number % 3 else OutcomeKind.A_TO_Z
            record.outcome(case.id, Outcome("Mia", kind))
        return next(
            case.id for case in cases[12:] if (case.language, case.category) == ("en", Category.MISMATCH) and case.order.paid
        )


def _until_now(source, target):
    """Copy the week, moved so that its last message came a moment ago."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    moved = datetime.now(UTC) - max(datetime.fromisoformat(row["sent_at"]) for row in rows if row["sent_at"])
    for row in rows:
        for column in ("sent_at", "delivered_at"):
            if row[column]:
                row[column] = (datetime.fromisoformat(row[column]) + moved).isoformat()
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def address(week, address):
    """The server, on the record that was filled before."""
    return address


@pytest.fixture
def folder(tmp_path):
    """Where pictures are kept."""
    found = Path(os.environ.get("TRIAGE_PICTURES") or tmp_path)
    found.mkdir(parents=True, exist_ok=True)
    return found


def whole(page, width):
    """Take a picture of a page down to its end, which Streamlit would scroll."""
    page.set_viewport_size({"width": width, "height": 800})
    high = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(max(high, 800), 4000)})
    return page.screenshot(animations="disabled")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_drawn(visit, week, folder, scheme, language):
    mia = visit("Mia", f"/case?case={week}", scheme)
    if language == "zh":
        mia.speaks("中文")
    for name, (english, chinese, drawn) in PAGES.items():
        mia.go(english if language == "en" else chinese)
        expect(mia.page.locator(drawn).first).to_be_visible()
        mia.settled()
        assert not mia.wrong(), name
        for width in WIDTHS:
            seen = whole(mia.page, width)
            (folder / f"{name}-{language}-{scheme}-{width}.png").write_bytes(seen)
            assert overflow(mia.page) <= 0, f"{name} at {width} is wider than the window"
            corner = Image.open(BytesIO(seen)).convert("L").getpixel((width - 30, 600))
            assert (corner > 128) == (scheme == "light"), f"{name} is not {scheme}"


def overflow(page):
    """Return by how many pixels a page is wider than its window."""
    return page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth")


def test_pictures_of_the_readme(visit, week, folder):
    mia = visit("Mia")
    expect(mia.page.locator(".row .words").first).to_be_visible()
    mia.settled()
    small(mia.page.screenshot(animations="disabled"), folder / "inbox.png")
    mia = visit("Mia", f"/case?case={week}")
    expect(mia.reply()).not_to_have_value("")
    mia.settled()
    small(mia.page.screenshot(animations="disabled"), folder / "case.png")


def small(seen, path):
    """Keep a picture with few colours, which is a third of the size and looks the same."""
    Image.open(BytesIO(seen)).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < 200_000
