"""Runs that are killed, stopped or refused, and gone on with."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from triage_ml.batch import CHUNK, ENDINGS, score
from triage_ml.batch import checkpoint as checkpoints
from triage_ml.classifier import FixedClassifier
from triage_ml.errors import RunError
from triage_ml.messages import Claim
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.triage import Triage

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills with signals")
# A run in a process of its own that makes a checkpoint after each chunk, and says when.
RUN = """
import sys
from pathlib import Path
from triage_ml import FixedClassifier, Triage, load_policy
from triage_ml.batch import checkpoint, score
from triage_ml.replies.ranker import ReplyRanker
checkpoint._EVERY = 0
policy = load_policy()
triage = Triage(FixedClassifier(), policy, ReplyRanker({}, policy))
inputs, output, jobs = sys.argv[1].split(","), Path(sys.argv[2]), int(sys.argv[3])
score([Path(one) for one in inputs], output, triage, jobs=jobs, resume=True, progress=lambda *told: print(*told, flush=True))
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Some thousand short texts in two files, with rows between them that cannot be read."""
    folder = tmp_path_factory.mktemp("inputs")
    first, second = folder / "first.jsonl", folder / "second.csv"
    with first.open("w", encoding="utf-8") as file:
        for n in range(4 * CHUNK + 100):
            file.write("{broken\n" if n % 200 == 150 else json.dumps({"message_id": f"a{n}", "text": f"It broke, {n}"}) + "\n")
    with second.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([
            ("id", "text", "amount"),
            *((f"b{n}", f"Wo ist mein Paket {n}?\nDanke, \"X\"", "many" if n % 300 == 7 else "5") for n in range(3 * CHUNK)),
        ])  # fmt: skip
    return [first, second]


@pytest.fixture(scope="module")
def triage(policy):
    return Triage(FixedClassifier(), policy, ReplyRanker({}, policy))


@pytest.fixture(scope="module")
def undisturbed(inputs, triage, tmp_path_factory):
    """By ending the bytes of the result and of its rejects."""
    folder, found = tmp_path_factory.mktemp("undisturbed"), {}
    for ending in ENDINGS:
        summary = score(inputs, folder / f"out{ending}", triage)
        found[ending] = summary.output.read_bytes(), summary.rejects_path.read_bytes()
    return found


def _begin(inputs, output, jobs=1, code=RUN):
    return subprocess.Popen(
        [sys.executable, "-c", code, ",".join(map(str, inputs)), output, str(jobs)], stdout=subprocess.PIPE, text=True
    )


def _is_as_undisturbed(output, undisturbed):
    rejects = output.with_name(output.name + ".rejects.csv")
    assert (output.read_bytes(), rejects.read_bytes()) == undisturbed[output.suffix]
    assert sorted(path.name for path in output.parent.iterdir()) == [output.name, rejects.name]


@pytest.mark.parametrize(("ending", "jobs"), [(".csv", 1), (".csv", 2), (".jsonl", 1), (".parquet", 1), (".xlsx", 1)])
def test_after_kills_at_any_moment_the_result_is_the_same_byte_for_byte(inputs, tmp_path, triage, undisturbed, ending, jobs):
    """Killed some chunks later each time, plus a random moment: while reading, judging, writing, or making the file at the end."""
    output, chance, kills = tmp_path / f"out{ending}", random.Random(ending), 0
    for chunks in (1, 2, 2, 8) if ending == ".csv" else (2, 8):
        process = _begin(inputs, output, jobs)
        for _ in range(chunks):
            if not process.stdout.readline():
                break
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        process.stdout.close()
    assert kills >= 1  # the last may come too late
    score(inputs, output, triage, resume=True)
    _is_as_undisturbed(output, undisturbed)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_kill_between_any_two_steps_of_the_end_loses_nothing(inputs, tmp_path, triage, undisturbed, ending, monkeypatch):
    output = tmp_path / f"out{ending}"

    class Killed(BaseException):
        pass

    def kill_at(step):
        steps = iter(range(1000))

        def counted(real):
            def call(*args, **kwargs):
                if next(steps) == step:
                    raise Killed
                return real(*args, **kwargs)

            return call

        monkeypatch.setattr(checkpoints.os, "replace", counted(os.replace))
        monkeypatch.setattr(checkpoints.Checkpoint, "_without_partial", counted(real_without))
        monkeypatch.setattr(checkpoints.Checkpoint, "discard", counted(real_discard))

    real_without, real_discard = checkpoints.Checkpoint._without_partial, checkpoints.Checkpoint.discard
    monkeypatch.setattr(checkpoints, "_EVERY", 1e9)  # the first save, that of the end, then the steps behind it
    survived = 0
    for step in range(8):
        with monkeypatch.context() as patched:
            monkeypatch, kept = patched, monkeypatch
            kill_at(step)
            try:
                score(inputs, output, triage, resume=True)
            except Killed:
                survived += 1
        monkeypatch = kept
    assert survived >= 4
    score(inputs, output, triage, resume=True)
    _is_as_undisturbed(output, undisturbed)


@pytest.mark.parametrize("ending", ENDINGS)
def test_who_stops_has_a_valid_file_and_goes_on_from_there(inputs, tmp_path, triage, undisturbed, ending):
    output, told = tmp_path / f"out{ending}", []
    stopped = score(inputs, output, triage, progress=lambda *one: told.append(one), stop=lambda: len(told) == 3)
    assert not stopped.complete and stopped.output == tmp_path / f"out.partial{ending}" and not output.exists()
    whole = undisturbed[ending][0]
    if ending in (".csv", ".jsonl"):
        assert whole.startswith(stopped.output.read_bytes()) and stopped.output.read_bytes().endswith(b"\n")
    assert _ids(stopped.output) == [f"a{n}" for n in range(3 * CHUNK) if n % 200 != 150]
    assert stopped.rows == told[-1][0] == len(_ids(stopped.output)) and 0 < stopped.rejects < 20
    done = score(inputs, output, triage, resume=True, jobs=2)
    assert done.complete and done.rows + done.rejects == 7 * CHUNK + 100
    assert sum(done.categories.values()) == sum(done.languages.values()) == done.rows
    _is_as_undisturbed(output, undisturbed)


def _ids(path):
    import pyarrow.parquet as pq
    from openpyxl import load_workbook

    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [row["message_id"] for row in csv.DictReader(file)]
    if path.suffix == ".jsonl":
        return [json.loads(line)["message_id"] for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".parquet":
        return pq.read_table(path)["message_id"].to_pylist()
    return [row[0] for row in load_workbook(path).active.iter_rows(min_row=2, values_only=True)]


def _stopped(inputs, output, triage):
    return score(inputs, output, triage, stop=lambda: True)


def test_another_run_is_not_gone_on_with(inputs, tmp_path, triage, policy):
    output = tmp_path / "out.csv"
    _stopped(inputs, output, triage)
    before = {path: path.read_bytes() for path in (tmp_path / "out.csv.part").iterdir()}

    def refused(says, judge=triage, given=inputs, **options):
        with pytest.raises(RunError, match=says):
            score(given, output, judge, **options)
        assert {path: path.read_bytes() for path in (tmp_path / "out.csv.part").iterdir()} == before

    refused("unfinished run of .* Give --resume", resume=False)
    refused("other inputs", given=inputs[:1], resume=True)
    refused("other options", columns={"text": "text"}, resume=True)
    other = FixedClassifier(Claim.OTHER)
    other.version = "another"
    refused("other model", judge=Triage(other, policy, ReplyRanker({}, policy)), resume=True)
    changed = tmp_path / "first.jsonl"
    changed.write_bytes(inputs[0].read_bytes().replace(b"It broke, 3", b"It leaks, 3"))
    refused("other inputs", given=[changed, inputs[1]], resume=True)


def test_a_run_with_nothing_done_yet_is_begun_anew(inputs, tmp_path, triage, undisturbed):
    process = _begin(inputs, tmp_path / "out.csv", code=RUN.replace("checkpoint._EVERY = 0", "checkpoint._EVERY = 1e9"))
    process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    assert (tmp_path / "out.csv.part").is_dir()
    score(inputs, tmp_path / "out.csv", triage)
    _is_as_undisturbed(tmp_path / "out.csv", undisturbed)


def test_a_folder_that_lost_bytes_is_refused(inputs, tmp_path, triage):
    _stopped(inputs, tmp_path / "out.csv", triage)
    os.truncate(tmp_path / "out.csv.part" / "rows", 100)
    with pytest.raises(RunError, match="begin anew"):
        score(inputs, tmp_path / "out.csv", triage, resume=True)


def test_two_runs_do_not_work_on_one_result(inputs, tmp_path, triage):
    process = _begin(inputs, tmp_path / "out.csv")
    process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(RunError, match="another run"):
            score(inputs, tmp_path / "out.csv", triage, resume=True)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _children(process):
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False)
    return [int(number) for number in done.stdout.split()]


def _runs(process):
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip()) and not done.stdout.startswith("Z")


def _gone(processes):
    for _ in range(600):
        if not any(map(_runs, processes)):
            return True
        time.sleep(0.1)
    return False


def test_a_worker_that_dies_is_a_clear_error_and_the_run_goes_on_after(inputs, tmp_path, triage, undisturbed):
    dying = RUN.replace("print(*told, flush=True)", "print(*told, flush=True) or sys.stdin.readline()")
    process = subprocess.Popen(
        [sys.executable, "-c", dying, ",".join(map(str, inputs)), tmp_path / "out.csv", "2"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.readline()
    workers = _children(process)
    assert len(workers) == 2
    for worker in workers:
        os.kill(worker, signal.SIGKILL)  # as a system does that has no memory left
    _, said = process.communicate("\n" * 100)
    assert process.returncode == 1 and "RunError" in said and "killed by signal 9" in said and "--resume" in said
    score(inputs, tmp_path / "out.csv", triage, resume=True)
    _is_as_undisturbed(tmp_path / "out.csv", undisturbed)


def test_workers_end_with_whoever_was_killed(inputs, tmp_path):
    process = _begin(inputs, tmp_path / "out.csv", jobs=2)
    process.stdout.readline()
    workers = _children(process)
    process.kill()
    process.wait()
    process.stdout.close()
    assert len(workers) == 2 and _gone(workers)


# --- the command


@pytest.fixture
def command(model_folder, tmp_path):
    def begin(*arguments):
        environment = {**os.environ, "TRIAGE_MODEL": str(model_folder), "TRIAGE_HOME": str(tmp_path / "home")}
        code = "from triage_ml.batch import checkpoint; checkpoint._EVERY = 0\nfrom triage_ml.cli import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    return begin


@pytest.mark.parametrize(("number", "jobs", "code"), [(signal.SIGINT, 1, 130), (signal.SIGTERM, 2, 143)])
def test_ctrl_c_leaves_a_valid_partial_file_and_says_how_to_go_on(inputs, tmp_path, command, number, jobs, code):
    process = command("score", *inputs, "-o", "out.csv", "--jobs", jobs)
    for _ in range(1200):
        state = tmp_path / "out.csv.part" / "run.json"
        if state.exists() and json.loads(state.read_text("utf-8"))["done"]["rows"]:
            break
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == code, said
    assert said.count("\n") == 1 and "--resume goes on from there" in said and "out.partial.csv" in said
    ids = _ids(tmp_path / "out.partial.csv")
    assert 0 < len(ids) < 7 * CHUNK and f"{len(ids):,} messages" in said
    again = command("score", *inputs, "-o", "out.csv", "--jobs", 1)
    assert "--resume" in again.communicate()[1] and again.returncode == 1
    done = command("score", *inputs, "-o", "out.csv", "--jobs", 1, "--resume", "--json")
    summary = json.loads(done.communicate()[0])
    assert summary["rows"] == len(_ids(tmp_path / "out.csv")) and _ids(tmp_path / "out.csv")[: len(ids)] == ids
    assert not (tmp_path / "out.partial.csv").exists() and not (tmp_path / "out.csv.part").exists()
