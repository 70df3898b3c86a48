import csv
import json
import subprocess
import sys
from itertools import count

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from triage_ml import batch
from triage_ml.batch import CHUNK, COLUMNS, jobs_for, score
from triage_ml.batch import run as batch_run
from triage_ml.batch.judging import Remembering
from triage_ml.errors import FormatError
from triage_ml.messages import Category, Claim
from triage_ml.reply_model import Circumstances
from triage_ml.triage import Triage

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
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": 1, "amount": 5}\n')  # a file without any text, which only reading finds
    for second in (tmp_path / "missing.csv", broken):
        with pytest.raises(FormatError):
            score([export, second], tmp_path / "out.csv", triage)
        assert (tmp_path / "out.csv").read_text() == "earlier result"
        assert not (tmp_path / "out.csv.part").exists()


def test_messages_are_taken_chunk_by_chunk(tmp_path, triage, monkeypatch):
    """Memory does not grow: no more than one chunk is read ahead of what is written."""
    read, done = count(1), []
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"it broke {n}"}) for n in range(2 * CHUNK + 10)), "utf-8")
    real = batch_run.entries

    def counted(*args):
        for entry in real(*args):
            position = next(read)
            assert position <= (done[-1][0] if done else 0) + CHUNK
            yield entry

    monkeypatch.setattr(batch_run, "entries", counted)
    summary = score([path], tmp_path / "out.jsonl", triage, progress=lambda *told: done.append(told))
    assert [rows for rows, _ in done] == [CHUNK, 2 * CHUNK, 2 * CHUNK + 10] and summary.rows == 2 * CHUNK + 10
    shares = [share for _, share in done]
    assert shares == sorted(shares) and 0 < shares[0] and shares[-1] == 1


def test_files_packed_or_not_tell_how_far_they_are_read(tmp_path, triage):
    import gzip

    lines = "".join(json.dumps({"text": f"it broke on day {n}"}) + "\n" for n in range(20))
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    told = []
    score([tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"], tmp_path / "out.csv", triage, progress=lambda *one: told.append(one))
    assert told == [(40, 1.0)]


# --- several processes


@pytest.fixture
def many(tmp_path, rows):
    """Texts of the corpus and rows that cannot be read, in two files of two kinds."""
    texts = [row.text for row in rows[: 3 * CHUNK // 2]]
    first, second = tmp_path / "first.jsonl", tmp_path / "second.csv"
    lines = [json.dumps({"message_id": f"a{n}", "text": text}) for n, text in enumerate(texts)]
    lines[40], lines[-1] = "{broken", "[1]"
    first.write_text("\n".join(lines), "utf-8")
    with second.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("id", "text", "amount"), *((f"b{n}", text, "x" * (n % 50 == 7)) for n, text in enumerate(texts))]
        )
    return [first, second]


def test_several_processes_give_the_same_bytes(many, tmp_path, triage):
    found = []
    for jobs in (1, 2):
        kept = []
        summary = score(many, tmp_path / "out.csv", triage, jobs=jobs, assessed=kept.extend)
        assert len(kept) == summary.rows > 2 * CHUNK and summary.rejects > 10
        found.append(((tmp_path / "out.csv").read_bytes(), summary.rejects_path.read_bytes(), summary, kept))
    assert found[0] == found[1]


def test_a_script_without_a_main_guard_is_not_run_again_in_the_workers(export, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from triage_ml import FixedClassifier, Triage, load_policy\n"
        "from triage_ml.batch import score\n"
        "from triage_ml.replies.ranker import ReplyRanker\n"
        "print('begun')\n"
        "policy = load_policy()\n"
        "summary = score([Path(sys.argv[1])], Path(sys.argv[2]), Triage(FixedClassifier(), policy, ReplyRanker({}, policy)), jobs=2)\n"
        "print(summary.rows)\n"
    )
    done = subprocess.run(
        [sys.executable, script, export, tmp_path / "out.csv"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout.split() == ["begun", "5"], done.stderr


def test_small_files_are_judged_by_one_process(export):
    assert jobs_for([export]) == 1


class _Failing(Triage):
    def assess_many(self, messages, findings=None):
        if any(message.message_id == "002" for message in messages):
            raise ZeroDivisionError("what nobody foresaw")
        return super().assess_many(messages, findings)


def test_a_message_that_nobody_foresaw_is_a_reject(export, tmp_path, triage):
    failing = _Failing(triage.judge, triage.policy, triage.ranker)
    summary = score([export], tmp_path / "out.csv", failing)
    assert (summary.rows, summary.rejects) == (4, 1)
    with summary.rejects_path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["row"], row["value"]) == ("3", "002") and "what nobody foresaw" in row["reason"]


# --- what comes again is judged once


class _Counting:
    version = "counting"

    def __init__(self, judge):
        self.judge, self.asked = judge, []

    def predict_many(self, texts, hints=None, circumstances=None):
        self.asked += texts
        return self.judge.predict_many(texts, hints, circumstances)


def test_equal_texts_are_judged_once_and_all_alike(triage):
    counting = _Counting(triage.judge)
    remembering = Remembering(counting)
    texts = [*TEXTS, *TEXTS, "The ring snapped"]
    circumstances = [Circumstances()] * 10 + [Circumstances(personalised=True)]
    found = remembering.predict_many(texts, [""] * 11, circumstances)
    assert counting.asked == [*TEXTS, "The ring snapped"]
    assert found[:5] == found[5:10] == remembering.predict_many(TEXTS) and len(counting.asked) == 6
    plain = triage.judge.predict_many(texts, [""] * 11, circumstances)
    assert [(one.claim, one.category, one.cues) for one in found] == [(one.claim, one.category, one.cues) for one in plain]
    assert [one.abuse for one in found] == pytest.approx([one.abuse for one in plain], abs=1e-12)


def test_only_so_many_are_remembered(triage, monkeypatch):
    monkeypatch.setattr(batch.judging, "_REMEMBERED", 3)
    counting = _Counting(triage.judge)
    remembering = Remembering(counting)
    remembering.predict_many(TEXTS)
    remembering.predict_many(TEXTS[2:])
    assert counting.asked == TEXTS
    remembering.predict_many(TEXTS[:1])
    assert counting.asked == [*TEXTS, TEXTS[0]]
