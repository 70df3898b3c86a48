import csv
import json
from itertools import count

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from triage_ml.batch import CHUNK, COLUMNS, score
from triage_ml.errors import FormatError
from triage_ml.messages import Category, Claim

TEXTS = ["The ring snapped", "Wo ist mein Paket?", "=1+1 wrong name", "我不喜欢这个颜色", "名前が違う"]


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(json.dumps({"message_id": f"00{n}", "text": text}) for n, text in enumerate(TEXTS)), "utf-8")
    return path


def _rows(path):
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [
                {k: (float(v) if COLUMNS[k] is float and v else v or None) for k, v in r.items()} for r in csv.DictReader(file)
            ]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    header, *rows = load_workbook(path).active.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_all_four_outputs_hold_the_same_rows(export, tmp_path, triage):
    found = []
    for ending in (".csv", ".jsonl", ".parquet", ".xlsx"):
        summary = score([export], tmp_path / f"out{ending}", triage)
        assert (summary.rows, summary.rejects) == (len(TEXTS), 0)
        rows = _rows(tmp_path / f"out{ending}")
        assert [list(row) for row in rows] == [list(COLUMNS)] * len(TEXTS)
        found.append([{k: v or None for k, v in row.items()} for row in rows])
    assert found[0] == found[1] == found[2] == found[3]
    assert [row["message_id"] for row in found[0]] == ["000", "001", "002", "003", "004"]


def test_a_row_says_what_the_issue_asks(export, tmp_path, triage):
    score([export], tmp_path / "out.jsonl", triage)
    for row in _rows(tmp_path / "out.jsonl"):
        assert row["category"] in list(Category) and row["claim"] in list(Claim)
        assert row["claim"] in row["claim_set"].split("|")
        assert sum(row[f"p_{claim}"] for claim in Claim) == pytest.approx(1, abs=0.001)
        assert row["reply_1"] and row["reply_1_score"] is not None


def test_bad_rows_go_to_the_rejects_and_the_rest_goes_on(tmp_path, triage):
    path = tmp_path / "in.csv"
    path.write_text("id,message,amount\n1,It broke,12.50\n2,,3\n3,Wrong name,-4\n4,Where is it,9\n", "utf-8")
    summary = score([path], tmp_path / "out.csv", triage)
    assert (summary.rows, summary.rejects) == (2, 2)
    with summary.rejects_path.open(newline="", encoding="utf-8") as file:
        rejects = list(csv.DictReader(file))
    assert list(rejects[0]) == ["file", "row", "column", "value", "reason"]
    assert [(r["row"], r["value"]) for r in rejects] == [("3", ""), ("4", "-4")]
    assert summary.rejects_path.name == "out.csv.rejects.csv"
    clean = score([tmp_path / "out.csv.rejects.csv"], tmp_path / "out2.csv", triage, columns={"text": "reason"})
    assert clean.rows == 2


def test_rejects_of_an_earlier_run_do_not_stay(export, tmp_path, triage):
    (tmp_path / "out.csv.rejects.csv").write_text("old")
    score([export], tmp_path / "out.csv", triage)
    assert not (tmp_path / "out.csv.rejects.csv").exists()


@pytest.mark.parametrize("output", ["out.pdf", "out", "nowhere/out.csv", "in.jsonl"])
def test_a_wrong_output_is_one_sentence(export, tmp_path, triage, output):
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(FormatError):
        score([export], tmp_path / output, triage)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_failed_run_leaves_no_half_result(export, tmp_path, triage):
    (tmp_path / "out.csv").write_text("earlier result")
    with pytest.raises(FormatError):
        score([export, tmp_path / "missing.csv"], tmp_path / "out.csv", triage)
    assert (tmp_path / "out.csv").read_text() == "earlier result"
    assert not (tmp_path / "out.csv.part").exists()


def test_messages_are_taken_chunk_by_chunk(tmp_path, triage, monkeypatch):
    """Memory does not grow: no more than one chunk is read ahead of what is written."""
    read, done = count(1), []
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"it broke {n}"}) for n in range(2 * CHUNK + 10)), "utf-8")
    import triage_ml.batch as batch

    real = batch.read_messages

    def counted(*args, **kwargs):
        for message in real(*args, **kwargs):
            position = next(read)
            assert position <= (done[-1] if done else 0) + CHUNK
            yield message

    monkeypatch.setattr(batch, "read_messages", counted)
    summary = score([path], tmp_path / "out.jsonl", triage, progress=done.append)
    assert done == [CHUNK, 2 * CHUNK, 2 * CHUNK + 10] and summary.rows == 2 * CHUNK + 10
