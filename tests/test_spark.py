"""The registered model on a real Spark of two processes on this machine, held against a local run over the same files."""

import csv
import importlib.util
import json
import os
import shutil
import sys
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml import model_files, registry
from triage_ml.batch import to_row
from triage_ml.errors import FormatError, ReadError
from triage_ml.messages import Message, OrderLine
from triage_ml.policy import load_policy
from triage_ml.readers import read_messages
from triage_ml.readers.fields import build
from triage_ml.triage import Triage

HERE = importlib.util.find_spec("pyspark") and shutil.which("java")
needs_spark = pytest.mark.skipif(
    not HERE and os.environ.get("TRIAGE_SPARK") != "required",
    reason='no Spark here: it needs Java 17 and the extra "spark"',
)
pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow, Spark and what they bring warn about each other
IDS = ("message_id", "thread_id", "order_id")

# A shop's own table: headers in words, decimal commas, days first, a line break and quotes inside a cell.
SHOP = """Order No;Buyer comments;Amount (EUR);Personalised;Marketplace;Received
A-17;"The handle broke off when I washed it.
Cheap glue!";24,90;yes;Amazon.de;13/11/2026
A-18;"It says ""Omma"", I typed ""Oma"". Tom &amp; Jerry were right &lt;3";1.024,00;ja;Amazon.de;02/11/2026
A-19;;19,90;no;Amazon.de;02/11/2026
A-20;Der Ring gefällt mir doch nicht, ich möchte ihn zurückgeben.;zwanzig;no;Amazon.de;03/11/2026
A-21;Wenn ihr mir nicht sofort alles erstattet, schreibe ich überall 1 Stern!;39,00;yes;Amazon.de;04/11/2026
"""
LINES = """{"id": "j1", "Remark": "Sent back, the colour is not what the picture shows.", "order": {"sku": "MUG-1", "amount": 12.50, "currency": "USD"}}
{"id": "j2", "Remark": "届いた指輪の刻印が間違っていました。", "order": {"sku": "RING-2", "amount": 9800, "currency": "JPY", "personalised": true}}
{"id": "j3", "Remark": "no end of line
{"id": "j4", "Remark": 17, "sent_at": "2026-11-05T10:00:00+09:00"}
{"id": "j5", "Remark": "La taza llegó con el nombre de otra persona", "amount": {"a": 1}}
"""
TEXTS = ["杯子收到就碎了，包装太差。", "Je n'aime pas du tout la couleur en vrai.", "La cornice è arrivata rotta!", ""]


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """A folder as shops keep them: several kinds of files, one in an encoding of its own, and what is no export."""
    folder = tmp_path_factory.mktemp("ex ports") / "[2026] 100%"
    (folder / "asia").mkdir(parents=True)
    (folder / "shop #1.csv").write_text(SHOP, "utf-8")
    (folder / "lines.jsonl").write_text(LINES, "utf-8")
    (folder / "asia" / "日本.csv").write_bytes(
        "メッセージ本文,注文番号\nマグカップが割れて届きました,250-1234567-7654321\n".encode("cp932")
    )
    table = pa.table(
        {"text": TEXTS, "amount": [Decimal("10.00"), None, Decimal("7.25"), None], "ticket": ["t1", "t1", "t2", "t3"]}
    )
    pq.write_table(table, folder / "asia" / "part-0.parquet")
    (folder / "manual.pdf").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    (folder / "_SUCCESS").touch()
    return folder


@pytest.fixture(scope="module")
def spark(exports):
    """Two processes that judge; nothing of it listens beyond this machine."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.log.level": "ERROR",
        # an address that is no path, as on object stores: the same folder by another name
        "spark.hadoop.fs.viewfs.mounttable.shop.link./exports": exports.as_uri(),
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def local(exports, model_folder):
    """What a run on this machine alone says of each message, and which rows it refuses."""
    messages, rejects = [], []
    for path in sorted(p for p in exports.rglob("*") if p.is_file() and p.suffix != ".pdf" and not p.name.startswith("_")):
        messages += read_messages(path, on_reject=rejects.append)
    return [to_row(a) for a in Triage.load(model_folder).assess_many(messages)], rejects


@pytest.fixture(scope="module")
def scored(spark, exports, model_folder, tmp_path_factory):
    from triage_ml.spark import score_on_spark

    output = tmp_path_factory.mktemp("out") / "scored"
    return score_on_spark([exports], output, model_folder)


def rows_of(folder):
    return pq.read_table(folder).to_pylist()


@needs_spark
def test_every_column_is_that_of_a_local_run(scored, local):
    from triage_ml.served import RESULT

    found = {row["message_id"]: row for row in rows_of(scored.output)}
    assert len(found) == scored.rows == len(local[0]) == 11
    assert list(next(iter(found.values()))) == [*IDS, *RESULT]
    for expected in local[0]:
        row = found[expected["message_id"]]
        shared = [name for name in row if name in expected]
        assert len(shared) >= len(RESULT) - 3
        assert {name: row[name] for name in shared} == {name: expected[name] for name in shared}
        assert row["error"] == ""


@needs_spark
def test_what_cannot_be_read_is_kept_with_its_reason_and_stops_nothing(scored, exports, local):
    found = set()
    for part in scored.rejects_path.glob("part-*.csv"):
        with part.open(newline="", encoding="utf-8") as file:
            found |= {
                (row["file"].removeprefix("file:"), row["row"], row["column"], row["value"], row["reason"])
                for row in csv.DictReader(file)
            }
    expected = {(str(one.path), str(one.row), one.column, one.value, one.reason) for one in local[1]}
    assert expected < found and scored.rejects == len(found) == 5
    ((name, row, _, _, reason),) = found - expected
    assert (name, row) == (str(exports / "manual.pdf"), "0") and "PDF" in reason


@needs_spark
def test_what_is_counted_is_what_was_written(scored):
    rows = rows_of(scored.output)
    assert scored.categories == Counter(row["category"] for row in rows)
    assert scored.languages == Counter(row["language"] for row in rows)


@needs_spark
def test_csv_from_an_address_that_is_no_path(spark, scored, model_folder, tmp_path):
    from triage_ml.spark import score_on_spark

    again = score_on_spark([Path("viewfs://shop/exports")], tmp_path / "scored.csv", model_folder)
    found = []
    for part in again.output.glob("part-*.csv"):
        with part.open(newline="", encoding="utf-8") as file:
            found += csv.DictReader(file)
    texts = {
        row["message_id"]: {name: "" if value is None else value for name, value in row.items()}
        for row in rows_of(scored.output)
    }
    assert (again.rows, again.rejects) == (scored.rows, scored.rejects) == (len(found), 5)
    for row in found:
        assert {name: type(texts[row["message_id"]][name])(value) for name, value in row.items()} == texts[row["message_id"]]


@needs_spark
def test_the_registered_version_judges_by_the_policy_that_is_given(spark, exports, model_folder, tmp_path, monkeypatch):
    from triage_ml.spark import _judge, score_on_spark

    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run = registry.track("train", {}, {})
    registry.register(model_folder, run)
    assert _judge(spark, model_folder, tmp_path, {}).metadata.run_id == run
    policy = tmp_path / "mine.toml"
    policy.write_text('name = "mine"\neffective_from = 2026-01-01\n', "utf-8")
    summary = score_on_spark([exports / "asia"], tmp_path / "scored.jsonl", model_folder, policy=policy)
    lines = [json.loads(line) for part in summary.output.glob("part-*") for line in part.read_text("utf-8").splitlines()]
    assert len(lines) == summary.rows == 4
    assert {line["policy"] for line in lines} == {load_policy(policy).version} != {load_policy().version}
    assert {line["model"] for line in lines} == {model_files.version(model_folder)}


@needs_spark
def test_a_place_that_cannot_be_used_is_one_sentence(spark, scored, exports, model_folder, tmp_path):
    from triage_ml.spark import score_on_spark

    before = sorted(path.name for path in scored.output.iterdir())
    with pytest.raises(FormatError, match="there already"):
        score_on_spark([exports], scored.output, model_folder)
    assert sorted(path.name for path in scored.output.iterdir()) == before
    with pytest.raises(FormatError, match="nowhere"):
        score_on_spark([tmp_path / "nowhere"], tmp_path / "out", model_folder)
    with pytest.raises(FormatError, match=r"\.xlsx"):
        score_on_spark([exports], tmp_path / "out.xlsx", model_folder)
    assert not list(tmp_path.iterdir())


@needs_spark
def test_the_command_scores_a_folder(run, exports, scored, tmp_path):
    done = run("score", "--engine", "spark", "--master", "local[2]", exports / "asia", "-o", "out.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 4
    lines = [
        json.loads(line) for part in (tmp_path / "out.jsonl").glob("part-*") for line in part.read_text("utf-8").splitlines()
    ]
    expected = {row["message_id"]: row for row in rows_of(scored.output)}
    assert len(lines) == 4 and all(line == expected[line["message_id"]] for line in lines)


@pytest.mark.parametrize("option", [["--jobs", "2"], ["--record"], ["--resume"], ["--offers", "record"]])
def test_what_a_cluster_cannot_do_is_refused(run, option):
    done = run("score", "--engine", "spark", "in", "-o", "out", *option)
    assert done.returncode == 2 and option[0] in done.stderr


def same_for_the_result(message):
    """Leave away what no result depends on."""
    order = message.order and replace(message.order, quantity=None)
    return replace(
        message,
        message_id="",
        thread_id="",
        subject="",
        sender="",
        attachments=bool(message.attachments),
        order=order if order != OrderLine() else None,
    )


def test_a_message_that_was_read_is_sent_as_it_is():
    from triage_ml.served import INPUT, as_input

    raw = {
        "text": "&amp;lt;b&gt; 3 &lt; 4 &amp; <p>tags</p> &copy; \u00a0end", "subject": "Order 250-1234567-7654321", "marketplace": "Amazon.co.jp",
        "amount": "￥1,234", "personalised": "名入れあり", "customisation": "For &quot;Ella&quot;", "sent_at": "2026/11/02 10:05", "kind": "a-to-z",
        "attachments": ["a.jpg", "b.png"], "language": "Japanese", "reason_code": "DEFECTIVE", "quantity": 2, "product": "Tom & Jerry <3",
    }  # fmt: skip
    message = build("x.csv", 1, raw)
    sent = as_input(message)
    assert set(sent) == set(INPUT)
    assert same_for_the_result(build("x.csv", 1, sent)) == same_for_the_result(message)


CELLS = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.sampled_from(
        [
            "yes",
            "nein",
            "24,90 €",
            "$1,234.50",
            "3/4/2026",
            "2026-11-01T10:00:00+09:00",
            "Amazon.de",
            "&lt;b&gt;",
            "&amp;amp;",
            "out",
            "etsy",
        ]
    ),
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "language",
                "channel",
                "marketplace",
                "order_id",
                "sku",
                "product",
                "currency",
                "personalised",
                "customisation",
                "sent_at",
                "delivered_at",
                "reason_code",
                "direction",
                "kind",
                "subject",
            ]
        ),
        CELLS,
    ),
    st.text(min_size=1),
    st.one_of(st.none(), st.decimals(0, 10**8, allow_nan=False, places=3), st.floats(0, 10**8), st.integers(0, 10**8)),
)
def test_whatever_was_read_is_sent_as_it_is(cells, text, amount):
    from triage_ml.served import as_input

    message = build("x.csv", 1, {**cells, "text": text, "amount": amount})
    if isinstance(message, Message):
        again = build("x.csv", 1, as_input(message))
        assert not isinstance(again, ReadError), again
        assert same_for_the_result(again) == same_for_the_result(message)
