"""The inbox: lists, pages, filters, search, import."""

import re
from time import sleep

import pytest
from reading import button, case_of, has_button, html_of, opened, text_of, words_of

from triage_ml.cases import CaseState, Decision, Filter, Order
from triage_ml.messages import Category

CSV = """order_id,sku,product,amount,currency,marketplace,channel,sent_at,direction,text
305-1-1,MUG,Mug,24.90,EUR,de,amazon,2026-11-20T10:00:00+01:00,in,Der Henkel ist abgebrochen.
305-1-2,MUG,Mug,24.90,EUR,de,amazon,2026-11-20T11:00:00+01:00,in,I ordered blue and got red.
305-1-3,MUG,Mug,24.90,EUR,de,amazon,not a day,in,Where is it?
"""


@pytest.fixture
def many(record, judge):
    """300 open cases: three texts over and over, each about an order of its own."""
    from dataclasses import replace
    from datetime import timedelta
    from decimal import Decimal

    from mug import MUG, NOW

    from triage_ml.messages import Message, Money

    texts = ("The handle broke off.", "I ordered blue and got red.", "Ich mag die Farbe nicht.")
    messages = [
        Message(
            f"m{n}", texts[n % 3], replace(MUG, order_id=f"305-{n}-1", sku=f"SKU-{n % 5}", paid=Money(Decimal(10 + n), "EUR")),
            channel="amazon", sent_at=NOW - timedelta(minutes=n),
        )
        for n in range(300)
    ]  # fmt: skip
    record.record(judge.assess_many(messages), "import")
    return record


def listed(at):
    return [one.label for one in at.button if (one.key or "").startswith("open-")]


def numbers(at, name):
    """Return how many cases stand on each choice of a filter."""
    return [int(re.sub(r"\D", "", choice.partition("**")[2])) for choice in at.pills(key=f"filter-{name}").options]


def test_an_empty_record_says_what_to_do(screen):
    at = screen("inbox")
    assert "drop an export below" in text_of(at) and not listed(at) and not has_button(at, "start")
    assert "把导出文件拖到下面" in text_of(screen("inbox", language="zh"))


def test_a_week_of_samples_comes_in_with_one_click(screen, record):
    at = screen("inbox")
    button(at, "sample").click().run()
    for _ in range(300):
        if listed(at):
            break
        sleep(0.1)
        at.run()
    assert len(listed(at)) == 25 and "Page 1 of" in text_of(at) and not has_button(at, "sample")
    assert {record.case(case).messages[0].source_file for case in listed(at)} == {"week.csv"}


def test_nobody_without_a_name_brings_in_the_samples(screen):
    at = screen("inbox", person="")
    assert button(at, "sample").disabled and "Write your name" in text_of(at)


def test_pages_hold_every_case_once_and_go_both_ways(screen, many):
    at, seen, first = screen("inbox"), [], None
    while True:
        page = listed(at)
        first = first or page
        seen += page
        if button(at, "next").disabled:
            break
        button(at, "next").click().run()
    assert len(seen) == len(set(seen)) == 300 and "Page 12 of 12" in text_of(at)
    button(at, "previous").click().run()
    assert listed(at) == seen[-50:-25]
    button(at, "first").click().run()
    assert listed(at) == first and button(at, "previous").disabled


@pytest.mark.parametrize("order", ["due", "sureness", "at_stake", "newest", "teaches"])
def test_the_list_is_in_the_order_asked_for(screen, many, order):
    at = screen("inbox")
    at.selectbox(key="filter-order").set_value(Order(order)).run()
    page = many.cases(Filter(state=CaseState.OPEN), Order(order), limit=25)
    assert listed(at) == [case.id for case in page.cases]


def test_another_filter_begins_at_the_first_page(screen, many):
    at = screen("inbox")
    button(at, "next").click().run()
    at.pills(key="filter-category").set_value(Category.SUBJECTIVE).run()
    assert "Page 1 of 4 · 100 in all" in text_of(at)
    assert {many.case(case).summary.category for case in listed(at)} == {Category.SUBJECTIVE}
    at.selectbox(key="filter-language").set_value("en").run()
    assert not listed(at) and "No case fits" in text_of(at)
    at.pills(key="filter-category").set_value(None).run()
    at.text_input(key="filter-sku").set_value("SKU-3").run()
    assert {many.case(case).summary.order.sku for case in listed(at)} == {"SKU-3"}


def test_all_filters_are_cleared_at_once_and_the_order_stays(screen, many):
    at = screen("inbox")
    assert button(at, "clear").disabled
    everything = listed(at)
    at.selectbox(key="filter-order").set_value(Order.NEWEST).run()
    newest = listed(at)
    at.pills(key="filter-category").set_value(Category.MISMATCH).run()
    at.pills(key="filter-shown").set_value("late").run()
    at.selectbox(key="filter-language").set_value("de").run()
    at.text_input(key="search").set_value("handle").run()
    button(at, "clear").click().run()
    assert listed(at) == newest != everything and button(at, "clear").disabled
    assert at.text_input(key="search").value == "" and at.selectbox(key="filter-order").value is Order.NEWEST


def test_filters_are_kept_while_another_page_is_looked_at(screen, many):
    at = screen("inbox")
    at.pills(key="filter-category").set_value(Category.MISMATCH).run()
    at.selectbox(key="filter-language").set_value("en").run()
    kept = listed(at)
    at.switch_page("replies/page.py").run()
    at.switch_page("inbox/page.py").run()
    assert listed(at) == kept and at.pills(key="filter-category").value is Category.MISMATCH


def test_how_many_there_are_stands_on_the_filters_and_follows_the_record(screen, many):
    at = screen("inbox")
    assert numbers(at, "shown") == [300, 0, 0, 0, 0, 0, 300] and sum(numbers(at, "category")) == 300
    at.pills(key="filter-category").set_value(Category.QUALITY).run()
    assert numbers(at, "shown")[0] == 100 and sum(numbers(at, "category")) == 300
    first = listed(at)[0]
    many.decide(first, many.case(first).version, Decision("Noah", Category.QUALITY, "remake"))
    at.run()
    assert numbers(at, "shown") == [99, 0, 0, 0, 1, 0, 100] and at.pills(key="filter-category").value is Category.QUALITY
    assert first not in listed(at) and "· 99 in all" in text_of(at)


def test_what_is_late_is_counted_listed_and_said(screen, arrive):
    late, soon = arrive("The handle broke off.", hours=30) + arrive("I ordered blue and got red.", hours=6)
    at = screen("inbox")
    assert numbers(at, "shown")[:2] == [2, 1] and listed(at) == [late, soon]
    assert re.findall(r'due (late|soon|)">([^<]*)<', html_of(at)) == [("late", "6 h late"), ("soon", "in 17 h")]
    at.pills(key="filter-shown").set_value("late").run()
    assert listed(at) == [late] and "· 1 in all" in text_of(at)
    button(at, "start").click().run()
    assert case_of(at) == late


def test_a_line_says_what_it_is_about_and_text_stays_text(screen, arrive):
    arrive("<script>alert(1)</script> **bold** [link](http://x.example)\nThe handle broke off.")
    at = screen("inbox")
    seen = words_of(at)
    assert (
        "<script>alert(1)</script> **bold** [link](http://x.example) The handle broke off." in seen
        and "<script" not in html_of(at)
    )
    assert all(word in seen for word in ("Mug with name", "24.90 EUR", "DE", "English"))


def test_who_has_a_case_open_is_seen_in_the_list(screen, arrive):
    first, second = arrive("The handle broke off.", "I ordered blue and got red.")
    mia = screen("inbox")
    assert "is in it" not in words_of(mia)
    noah = screen("case", second, person="Noah")
    assert "Noah is in it" in words_of(mia.run()).partition(second)[2]
    noah.switch_page("inbox/page.py").run()
    assert "is in it" not in words_of(mia.run())


def test_when_all_is_done_it_says_so(screen, arrive, record):
    (only,) = arrive("The handle broke off.")
    record.decide(only, record.case(only).version, Decision("Noah", Category.QUALITY, "remake"))
    at = screen("inbox")
    assert "All done" in text_of(at) and not listed(at)
    at.pills(key="filter-shown").set_value("all").run()
    assert listed(at) == [only] and "decided" in words_of(at)


def test_what_is_done_is_not_in_the_way(screen, arrive, record):
    first, second = arrive("The handle broke off.", "I ordered blue and got red.")
    record.decide(first, record.case(first).version, Decision("Noah", Category.QUALITY, "remake"))
    at = screen("inbox")
    assert listed(at) == [second]
    at.pills(key="filter-shown").set_value("decided").run()
    assert listed(at) == [first] and button(at, "start").disabled


def test_words_and_numbers_are_found(screen, arrive):
    handle, blue = arrive("The handle broke off.", "I ordered **blue** and got red.")
    at = screen("inbox")
    at.text_input(key="search").set_value("handle").run()
    assert listed(at) == [handle] and "handle broke" in words_of(at) and ">handle</mark>" in html_of(at)
    at.text_input(key="search").set_value(blue).run()
    assert listed(at) == [blue]
    at.text_input(key="search").set_value("nowhere").run()
    assert not listed(at) and "No case fits" in text_of(at)
    at.text_input(key="search").set_value("x").run()
    assert not at.exception and "at least 2 letters" in text_of(at)
    at.segmented_control[0].set_value("zh").run()
    assert "太短" in text_of(at)


def test_the_first_case_opens_and_the_list_is_worked_through_in_its_order(screen, many):
    at = screen("inbox")
    order = listed(at)
    button(at, "start").click().run()
    assert case_of(at) == order[0]
    opened(at)
    for following in order[1:4]:
        button(at, "skip").click().run()
        assert case_of(at) == following


def test_a_case_opened_from_the_middle_is_followed_by_the_next_one(screen, many):
    at = screen("inbox")
    order = listed(at)
    button(at, f"open-{order[10]}").click().run()
    assert case_of(at) == order[10]
    opened(at)
    button(at, "skip").click().run()
    assert case_of(at) == order[11]


def test_the_next_case_is_of_the_kind_that_was_chosen(screen, many):
    at = screen("inbox")
    at.pills(key="filter-category").set_value(Category.MISMATCH).run()
    button(at, "start").click().run()
    opened(at)
    for _ in range(30):  # over the end of the page
        assert many.case(case_of(at)).summary.category is Category.MISMATCH
        button(at, "skip").click().run()


# --- import


def drop(at, name, content):
    at.file_uploader[0].upload(name, content).run()
    button(at, "import").click().run()
    for _ in range(600):  # it goes on in the background
        if not has_button(at, "import-stop"):
            break
        sleep(0.1)
        at.run()
    assert not at.exception
    return at


def test_an_export_is_imported_with_its_rejects_shown(screen, record):
    at = drop(screen("inbox"), "week.csv", CSV.encode())
    assert "2 new messages, 2 new cases" in text_of(at) and "1 rows could not be read" in text_of(at)
    table = at.dataframe[0].value
    assert table["row"].tolist() == [4] and "not a day" in table["value"].tolist()
    assert len(listed(at)) == 2
    one = next(record.walk())
    kept = record.case(one.id).messages[0]
    assert kept.source_file == "week.csv" and len(kept.raw_sha256) == 64
    assert record.case(one.id).entries[0].by == "Mia"


def test_importing_the_same_file_again_changes_nothing(screen, record):
    at = drop(screen("inbox"), "week.csv", CSV.encode())
    at = drop(screen("inbox"), "week.csv", CSV.encode())
    assert "0 new messages, 0 new cases, 2 known before" in text_of(at) and len(list(record.walk())) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [("letter.pdf", b"%PDF-1.7 not a table"), ("empty.csv", b""), ("../../etc/passwd", b"\x7fELF\x02\x01\x01")],
)
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(screen, record, name, content):
    at = drop(screen("inbox"), name, content)
    assert "Nothing was imported" in text_of(at) and "/tmp" not in text_of(at) and not list(record.walk())


def test_without_a_name_nothing_is_imported(screen):
    at = screen("inbox", person="")
    at.file_uploader[0].upload("week.csv", CSV.encode()).run()
    assert button(at, "import").disabled and "Write your name" in text_of(at)


def test_a_record_that_cannot_be_opened_is_told_in_a_sentence(screen, monkeypatch):
    monkeypatch.setenv("TRIAGE_DATABASE_URL", "mysql://nowhere/cases")
    assert "could not be opened" in text_of(screen())
