"""The whole work on a case in a real browser, by mouse and keyboard: from the dropped export to the downloaded pack."""

import csv
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from html import escape

import pytest
from playwright.sync_api import expect
from visitor import SAMPLE

from triage_ml.cases import CaseState, CaseStore
from triage_ml.evidence import check_pack
from triage_ml.messages import Category

# A buyer who writes what a page could take for HTML or Markdown. In the export it is escaped: bare tags are taken out on reading.
HOSTILE = (
    'The clasp broke. <script>window.ran=1</script><img src=x onerror="window.ran=2"> '
    "**bold** [link](https://evil.example) $x^2$ :smile: &amp;"
)
HOSTILE_SKU = "<b>RING</b> **9** [a](https://evil.example) :smile:"
HOSTILE_PRODUCT = '<img src=y onerror="window.ran=3"> _Ring_ $y$'
HOSTILE_FILE = "<img src=z onerror=window.ran=4> **week**.csv"


@pytest.fixture(scope="module")
def record(own_home, address):
    """The record that the server works on."""
    with CaseStore.open(own_home / "cases.db") as opened:
        yield opened


@pytest.fixture
def mia(visit, record):
    """A visitor of a screen whose record holds the bundled week, dropped on the inbox by the first who comes."""
    if not record.cases(limit=1).cases:
        visitor = visit("Mia")
        expect(visitor.note("Nothing is in yet")).to_be_visible()
        visitor.drop("week.csv", SAMPLE.read_text("utf-8"))
        expect(visitor.note(re.compile(r"week\.csv: [1-9]\d+ new messages"))).to_be_visible(timeout=180_000)
        visitor.keyed("import-close").get_by_role("button").click()
        expect(visitor.note("new messages")).to_have_count(0)
        visitor.settled()
    return visit("Mia")


def test_from_the_inbox_to_the_next_case_and_back_by_keyboard(mia, record):
    page = mia.page
    narrow(mia, "English")
    mia.starts()
    first, suggested = mia.case_id(), mia.reply().input_value()

    mia.writes(suggested + "\n\nPlease leave us a five-star review.")
    mia.presses("Control+Enter")
    expect(mia.note("Not saved: the check found something")).to_be_visible()
    expect(page.locator(".finding.error", has_text="five-star").first).to_be_visible()
    assert not record.case(first).decisions

    mended = suggested + "\n\nIt leaves our workshop on Friday."
    mia.writes(mended)
    mia.presses("Control+Enter")
    expect(mia.note(f"{first} is saved")).to_be_visible()
    expect(mia.case()).not_to_contain_text(first)
    expect(mia.reply()).not_to_have_value(mended)
    made = record.case(first).decisions[-1].decision
    assert (made.by, made.final_text) == ("Mia", mended) and 0 < made.edited < 1

    mia.presses("u")
    expect(mia.note(f"{first} is open again")).to_be_visible()
    expect(mia.case()).to_contain_text(first)
    expect(mia.reply()).to_have_value(mended)
    assert record.case(first).decisions[-1].undone_by == "Mia"

    mia.presses("y")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == mended


def test_keys_choose_another_reply_and_skip_and_letters_in_a_field_do_neither(mia, record):
    narrow(mia, "French")
    mia.starts()
    first, suggested = mia.case_id(), mia.reply().input_value()
    mia.presses("2")
    expect(mia.reply()).not_to_have_value(suggested)
    other = mia.reply().input_value()
    mia.settled()
    mia.reply().press("Control+End")
    mia.reply().press_sequentially(" suny 123")
    expect(mia.reply()).to_have_value(other + " suny 123")
    expect(mia.case()).to_contain_text(first)
    mia.presses("Escape")
    mia.case().click()
    mia.presses("s")
    expect(mia.case()).not_to_contain_text(first)
    assert record.case(first).summary.state is CaseState.OPEN and not record.case(first).decisions


def test_the_pack_is_built_downloaded_and_whole(mia, tmp_path):
    page = mia.page
    narrow(mia, "German")
    mia.starts()
    case_id = mia.case_id()
    page.get_by_test_id("stMain").get_by_role("link", name="Evidence").first.click()
    expect(mia.case()).to_contain_text(case_id)
    mia.keyed("evidence-build").get_by_role("button").click()
    with page.expect_download() as coming:
        mia.keyed("evidence-download").get_by_role("button").click()
    pack = tmp_path / coming.value.suggested_filename
    coming.value.save_as(pack)
    assert pack.name.startswith(case_id) and check_pack(pack) == ()
    with zipfile.ZipFile(pack) as opened:
        assert opened.testzip() is None and "manifest.json" in opened.namelist()


def test_in_chinese_the_screen_changes_and_the_buyers_words_and_the_reply_do_not(mia, record):
    page = mia.page
    mia.speaks("中文")
    expect(page.get_by_role("heading", name="收件箱")).to_be_visible()
    mia.speaks("English")
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    expect(page.locator(".row")).not_to_have_count(0)
    narrow(mia, "Italian")
    mia.starts()
    first, said, reply = mia.case_id(), page.locator(".said").first.inner_text(), mia.reply().input_value()
    for language, thread in (("中文", "对话"), ("English", "Conversation"), ("中文", "对话")):
        mia.speaks(language)
        expect(page.get_by_role("heading", name=thread)).to_be_visible()
        expect(page.locator(".said").first).to_have_text(said)
        expect(mia.reply()).to_have_value(reply)
    expect(mia.keyed("remedy").get_by_role("combobox")).to_have_value(re.compile("^[^A-Za-z]+$"))
    mia.keyed("decide").get_by_role("button").click()
    expect(mia.case()).not_to_contain_text(first)
    case = record.case(first)
    made = (*case.decisions, *case.proposals)[-1].decision  # the latter where a second person must look
    assert made.category in Category and made.by == "Mia"


def narrow(visitor, language):
    """List the cases of buyers who write one language only, so that tests do not work on the same ones."""
    expect(visitor.keyed("start").get_by_role("button")).to_be_enabled()
    visitor.chooses("filter-language", language)
    expect(visitor.page.locator(".row:not(.head) .language").filter(has_not_text=language)).to_have_count(0)


# --- two people


def test_two_people_see_each_other_and_the_slower_decision_is_refused(mia, visit, record):
    narrow(mia, "Spanish")
    mia.starts()
    case_id = mia.case_id()
    noah = visit("<i>Noah</i> **N**", f"/case?case={case_id}")
    expect(noah.case()).to_contain_text(case_id)
    expect(noah.note("Mia has this case open too")).to_be_visible()
    expect(noah.reply()).not_to_have_value("")
    mia.presses("2")
    expect(mia.note("<i>Noah</i> **N** has this case open too")).to_be_visible()
    mia.settled()
    text = mia.reply().input_value() + "\n\nIt leaves our workshop on Friday."

    noah.presses("Control+Enter")
    expect(noah.note(f"{case_id} is saved")).to_be_visible()
    mia.writes(text)
    mia.presses("Control+Enter")
    expect(mia.note("Not saved: <i>Noah</i> **N** changed this case")).to_be_visible()
    assert [made.decision.by for made in record.case(case_id).decisions] == ["<i>Noah</i> **N**"]


# --- what a buyer writes is text


@pytest.fixture
def hostile(mia, record):
    """The number of a case whose buyer, product, SKU and file name are written like code."""
    if not record.search("clasp broke bold"):
        file, sent_at = io.StringIO(), datetime.now(UTC) - timedelta(hours=3)
        columns = "message_id order_id sku product amount currency marketplace channel sent_at personalised customisation subject text"
        writer = csv.writer(file)
        writer.writerow(columns.split())
        writer.writerow(
            ["h1", "305-1111111-2222222", HOSTILE_SKU, escape(HOSTILE_PRODUCT), "24.90", "EUR", "de", "amazon", sent_at.isoformat(),
             "yes", *map(escape, (HOSTILE, HOSTILE, HOSTILE))]
        )  # fmt: skip
        mia.drop(HOSTILE_FILE, file.getvalue())
        expect(mia.note("1 new messages")).to_contain_text(HOSTILE_FILE)
        mia.settled()
        nothing_ran(mia)
    (found,) = record.search("clasp broke bold")
    return found.case.id


def nothing_ran(visitor):
    """Nothing of the buyer's text became a part of the page."""
    page = visitor.page
    expect(page.locator("img[src=x], img[src=y], img[src=z], a[href*='evil.example'], .katex")).to_have_count(0)
    expect(page.locator("strong, em, b").filter(has_text="bold")).to_have_count(0)
    expect(page.get_by_text("😄")).to_have_count(0)
    assert not visitor.wrong()


def test_a_text_like_code_is_shown_as_it_is_written_on_every_page(mia, hostile, record):
    page = mia.page
    page.get_by_label("Search").fill("clasp broke bold")
    page.get_by_label("Search").press("Enter")
    row = page.locator(".row", has_text=hostile)
    expect(row.locator(".words")).to_contain_text(HOSTILE)
    expect(row.locator(".product")).to_have_text(HOSTILE_PRODUCT)
    mia.settled()
    nothing_ran(mia)

    mia.keyed(f"open-{hostile}").get_by_role("button").click()
    expect(mia.case()).to_contain_text(hostile)
    assert page.locator(".turn .said").first.text_content() == HOSTILE
    for shown in (HOSTILE_SKU, HOSTILE_PRODUCT):
        expect(page.locator(".cells")).to_contain_text(shown)
    mia.writes(HOSTILE)
    mia.presses("Control+Enter")
    expect(mia.note("Not saved")).to_be_visible()
    nothing_ran(mia)

    page.get_by_test_id("stMain").get_by_role("link", name="Evidence").first.click()
    expect(mia.case()).to_contain_text(hostile)
    expect(page.get_by_test_id("stMain")).to_contain_text(HOSTILE)
    nothing_ran(mia)

    mia.go("Insights")
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    mia.chooses("insights-group", HOSTILE_SKU)
    for shown in (HOSTILE_SKU, HOSTILE_PRODUCT):
        expect(page.get_by_test_id("stMain")).to_contain_text(shown)
    for part in page.locator(".st-key-insights-part").get_by_role("radio").all():
        part.click()
        mia.settled()
        nothing_ran(mia)

    mia.go("Replies")
    page.get_by_label("Search").fill(HOSTILE)
    page.get_by_label("Search").press("Enter")
    expect(mia.note("No reply fits")).to_be_visible()
    nothing_ran(mia)
