"""Batch: files in, one result out, in the background; columns that nobody knows are named by a person."""

import csv
import json
from time import sleep

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook
from reading import button, has_button, html_of, text_of

import session
from triage_ml.batch import CHUNK, COLUMNS, ENDINGS
from triage_ml.messages import Category

CSV = """order_id,sku,product,amount,currency,marketplace,channel,sent_at,direction,text
305-1-1,MUG,Mug,24.90,EUR,de,amazon,2026-11-20T10:00:00+01:00,in,Der Henkel ist abgebrochen.
305-1-2,MUG,Mug,24.90,EUR,de,amazon,2026-11-20T11:00:00+01:00,in,I ordered blue and got red.
305-1-3,MUG,Mug,24.90,EUR,de,amazon,not a day,in,Where is it?
"""
MAIL = b"""From: buyer <a1b2@marketplace.amazon.de>
To: shop@example.com
Subject: Ring
Date: Fri, 20 Nov 2026 10:00:00 +0100
Message-ID: <1@example.com>

The ring snapped on the second day. I would like a new one.
"""
UNKNOWN = "lfd,xyz,<b>abc</b>\n1,The ring snapped on the second day.,**x**\n2,Wo bleibt mein Paket denn nur?,y\n"


def drop(at, *files):
    for name, content in files:
        at.file_uploader[0].upload(name, content if isinstance(content, bytes) else content.encode())
    return at.run()


def score(at, *files):
    drop(at, *files)
    button(at, "batch-start").click().run()
    return ended(at)


def ended(at):
    """Wait, as a person does, until the stop button is gone."""
    for _ in range(600):
        if not has_button(at, "batch-stop"):
            break
        sleep(0.1)
        at.run()
    assert not at.exception, at.exception
    return at


def job_of(record):
    """Return the work on this test's record."""
    url = record.engine.url.render_as_string()
    return next(job for key, job in session.jobs()._jobs.items() if key == f"score::{url}")


def summary_of(record):
    return job_of(record).result.summary


def rows_of(path):
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    header, *rows = load_workbook(path).active.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_the_empty_page_says_what_to_do_in_both_languages(screen):
    at = screen("batch")
    assert "Drop exports and get one file back" in text_of(at) and button(at, "batch-start").disabled
    assert "200 MB" in at.file_uploader[0].help
    at = screen("batch", language="zh")
    assert "拖入导出文件" in text_of(at) and button(at, "batch-start").label == "开始评分"


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_of_several_kinds_become_one_result_in_the_format_chosen(screen, record, ending):
    at = screen("batch")
    at.selectbox(key="batch-format").set_value(ending).run()
    at = score(at, ("week.csv", CSV), ("letter.eml", MAIL))
    assert "Done. Messages scored: 3." in text_of(at)
    assert {one.label: one.value for one in at.metric} == {"Messages scored": "3", "Rows that could not be read": "1"}
    assert "German" in text_of(at) and at.get("download_button")[0].label.startswith(
        f"Download the result ({ending[1:].upper()}"
    )
    output = summary_of(record).output
    rows = rows_of(output)
    assert output.name == f"week-scored{ending}" and [row["language"] for row in rows] == ["de", "en", "en"]
    shown = at.dataframe[0].value
    assert list(shown.columns) == list(COLUMNS) and shown["message_id"].tolist() == [row["message_id"] for row in rows]
    assert set(shown["category"]) <= set(Category) and not list(record.walk())


def test_rows_that_cannot_be_read_are_a_file_that_does_not_tell_where_the_server_keeps_things(screen, record):
    at = score(screen("batch"), ("week.csv", CSV))
    assert len(at.get("download_button")) == 2
    (row,) = rows_of(summary_of(record).rejects_path)
    assert (row["file"], row["row"], row["value"]) == ("week.csv", "4", "not a day")


def test_the_messages_come_into_the_record_where_that_is_wanted(screen, record):
    at = screen("batch")
    at.checkbox(key="batch-record").check().run()
    at = score(at, ("week.csv", CSV))
    assert {one.label: one.value for one in at.metric}["New cases"] == "2"
    assert {record.case(one.id).entries[0].by for one in record.walk()} == {"Mia"}


def test_without_a_name_nothing_comes_into_the_record_and_scoring_goes_on(screen):
    at = drop(screen("batch", person=""), ("week.csv", CSV))
    assert not button(at, "batch-start").disabled
    at.checkbox(key="batch-record").check().run()
    assert button(at, "batch-start").disabled and "Write your name" in text_of(at)


def test_the_work_goes_on_while_one_looks_elsewhere_and_is_there_after_loading_the_page_anew(screen):
    at = drop(screen("batch"), ("week.csv", CSV))
    button(at, "batch-start").click().run()
    at.switch_page("replies/page.py").run()
    assert "Done" in text_of(ended(screen("batch")))
    at.switch_page("batch/page.py").run()
    assert "Done" in text_of(ended(at))
    button(at, "batch-again").click().run()
    assert has_button(at, "batch-start") and has_button(screen("batch"), "batch-start")


def test_the_files_go_with_the_work(screen, record):
    at = score(screen("batch"), ("week.csv", CSV))
    folder = job_of(record).folder
    assert (folder / "in" / "week.csv").exists()
    button(at, "batch-again").click().run()
    assert not folder.exists()


def test_what_is_finished_when_it_is_stopped_is_a_result(screen, record):
    lines = [f"m{n},The handle of mug number {n} broke off." for n in range(16 * CHUNK)]
    at = drop(screen("batch"), ("many.csv", "message_id,text\n" + "\n".join(lines)))
    button(at, "batch-start").click().run()
    job = job_of(record)
    for _ in range(1200):
        if job.expected and job.reached:
            break
        sleep(0.05)
    at.run()
    assert "of 8,192 messages" in at.get("progress")[0].proto.text
    button(at, "batch-stop").click().run()
    at = ended(at)
    done = job.result.summary.rows
    assert 0 < done < 16 * CHUNK and f"Stopped: {done:,} of 8,192 messages are scored" in text_of(at)
    assert [row["message_id"] for row in rows_of(job.result.summary.output)] == [f"m{n}" for n in range(done)]


# --- columns that nobody knows


def test_unknown_columns_are_named_in_a_form_and_the_file_is_read(screen, record):
    at = score(screen("batch"), ("odd.csv", UNKNOWN))
    assert "odd.csv cannot be read as it is" in text_of(at) and "--columns" not in text_of(at)
    assert at.dataframe[0].value["xyz"].tolist()[1] == "Wo bleibt mein Paket denn nur?"
    assert at.selectbox(key="column-text").value == "xyz"  # it looks like sentences
    at.selectbox(key="column-message_id").set_value("lfd")
    button(at, "columns-read").click().run()
    at = ended(at)
    assert "Done. Messages scored: 2." in text_of(at)
    assert [(row["message_id"], row["language"]) for row in rows_of(summary_of(record).output)] == [("1", "en"), ("2", "de")]


def test_a_form_without_the_buyers_words_says_what_is_missing(screen):
    at = score(screen("batch"), ("odd.csv", UNKNOWN))
    at.selectbox(key="column-text").select_index(0)
    button(at, "columns-read").click().run()
    assert "Choose the column with the buyers' words" in text_of(at) and has_button(at, "columns-read")


def test_a_column_of_sentences_beside_a_return_reason_can_be_read_or_left_out(screen, record):
    export = "order_id,reason,Anmerkung des Kunden\n305-1-1,DEFECTIVE,Der Henkel ist nach zwei Tagen abgebrochen.\n"
    at = score(screen("batch"), ("returns.csv", export))
    assert at.selectbox(key="column-reason_code").value == "reason" and "Which column holds what?" in text_of(at)
    button(at, "columns-read").click().run()
    at = ended(at)
    assert "Done. Messages scored: 1." in text_of(at) and rows_of(summary_of(record).output)[0]["language"] == "de"


def test_the_form_can_be_left_for_other_files(screen):
    at = score(screen("batch"), ("odd.csv", UNKNOWN))
    button(at, "batch-other").click().run()
    assert has_button(at, "batch-start")


def test_the_form_speaks_chinese(screen):
    at = score(screen("batch", language="zh"), ("odd.csv", UNKNOWN))
    assert "各列分别是什么？" in text_of(at) and "还无法读取" in text_of(at) and "买家留言" in text_of(at)


# --- what is wrong, and what is written


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("letter.pdf", b"%PDF-1.7 not a table", "letter.pdf: found a PDF"),
        ("empty.csv", b"", "empty.csv: found an empty file"),
        ("../../etc/passwd", b"\x7fELF\x02\x01\x01", "passwd: found"),
        ("a\x00b\n" + "长" * 300 + ".csv", b"", "csv: found an empty file"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(screen, name, content, said):
    at = score(screen("batch"), (name, content))
    assert "Nothing was scored" in text_of(at) and said in text_of(at) and "/tmp" not in text_of(at)
    assert has_button(at, "batch-start")
    at.segmented_control[0].set_value("zh").run()
    assert "没有评分任何内容" in text_of(at)


def test_a_file_larger_than_the_server_takes_is_told_with_the_limit(screen):
    from streamlit import config

    before = config.get_option("server.maxUploadSize")
    config.set_option("server.maxUploadSize", 1)
    try:
        at = drop(screen("batch"), ("big.csv", b"text\n" + b"a" * (2**20)))
        assert "big.csv is larger than 1 MB" in text_of(at) and button(at, "batch-start").disabled
    finally:
        config.set_option("server.maxUploadSize", before)


def test_without_a_model_nothing_is_scored(screen, monkeypatch, tmp_path):
    monkeypatch.setenv("TRIAGE_MODEL", str(tmp_path / "none"))
    at = score(screen("batch"), ("week.csv", CSV))
    assert "Nothing was scored." in text_of(at) and "none" in text_of(at)


def test_what_an_export_says_is_never_a_tag_or_markdown(screen):
    evil = "<script>alert(1)</script> **bold** $x$"
    at = score(screen("batch"), (f"{evil.replace('/', '')}.csv", f'message_id,order_id,text\n"{evil}","{evil}",It broke.\n'))
    assert at.dataframe[0].value["message_id"].tolist() == [evil]
    assert "<script" not in html_of(at)
    written = [one.value for kind in ("title", "markdown", "caption", "subheader") for one in getattr(at, kind)]
    assert not [text for text in (*written, *(one.label for one in at.button)) if "bold" in text]


def test_two_files_of_one_name_are_both_read(screen, record):
    at = score(screen("batch"), ("a.csv", "text\nThe ring snapped.\n"), ("a.csv", "text\nWhere is my parcel?\n"))
    assert "Messages scored: 2" in text_of(at) and len(rows_of(summary_of(record).output)) == 2
