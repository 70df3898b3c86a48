"""Work in the background: how far it is, how it ends, and what becomes of its files."""

import subprocess
import sys
from pathlib import Path
from threading import Event
from time import sleep

import pytest

from jobs import Job, Jobs, StoppedError, new_folder
from triage_ml.errors import TriageError
from watching import how_far, time_left
from wording import wording

APP = Path(__file__).parents[2] / "app"


@pytest.fixture
def jobs():
    made = Jobs()
    yield made
    made.close()


def gone(folder):
    """Say whether a folder goes within a few seconds."""
    for _ in range(100):
        if not folder.exists():
            return True
        sleep(0.05)
    return False


def ended(job):
    job.wait(20)
    assert job.done
    return job


# --- how it ends


def test_a_result_is_found_again_under_its_key(jobs):
    jobs.start("k", "sum", lambda job: sum(range(10)))
    assert ended(jobs.get("k")).result == 45 and jobs.get("other") is None
    assert not jobs.get("k").failed and not jobs.get("k").stopped and jobs.get("k").error is None


def test_an_error_of_ours_is_kept_and_one_nobody_foresaw_is_logged(jobs, caplog):
    def refuse(_):
        raise TriageError("no such thing")

    job = ended(jobs.start("k", "one", refuse))
    assert str(job.error) == "no such thing" and not job.failed and job.result is None
    job = ended(jobs.start("k", "two", lambda _: {}["missing"]))
    assert job.failed and job.error is None and job.result is None and "two failed" in caplog.text


def test_stopping_ends_the_work_where_it_next_says_how_far_it_is(jobs):
    begun = Event()

    def work(job):
        while True:
            begun.set()
            job.tell(0.5, "half")
            sleep(0.01)

    job = jobs.start("k", "long", work)
    assert begun.wait(20)
    job.stop()
    assert ended(job).stopped and job.result is None and job.share == 0.5 and job.text == "half"


def test_work_that_wants_to_end_well_sees_that_it_should_stop(jobs):
    begun = Event()

    def work(job):
        while not job.stopping:
            begun.set()
            sleep(0.01)
        with pytest.raises(StoppedError):
            job.check()
        return "what is done so far"

    job = jobs.start("k", "long", work)
    assert begun.wait(20)
    job.stop()
    assert ended(job).result == "what is done so far" and not job.stopped


def test_of_three_pieces_of_work_one_waits_for_its_turn_and_can_be_stopped_meanwhile(jobs):
    go = Event()
    first, second = (jobs.start(key, key, lambda _: go.wait(20)) for key in "ab")
    third = jobs.start("c", "c", lambda _: "done")
    for _ in range(200):
        if not first.waits and not second.waits:
            break
        sleep(0.01)
    assert third.waits and not third.done
    fourth = jobs.start("d", "d", lambda _: "never")
    fourth.stop()
    go.set()
    assert ended(third).result == "done" and fourth.stopped


def test_nobody_who_ends_the_server_waits_for_the_work():
    code = "from jobs import Jobs; import time; Jobs().start('k', 'long', lambda _: time.sleep(600)); time.sleep(0.2)"
    assert subprocess.run([sys.executable, "-c", code], cwd=APP, timeout=60, check=False).returncode == 0


# --- its files


def test_files_go_with_the_work_and_wait_for_it_to_use_them_no_more(jobs):
    begun, go, folder = Event(), Event(), new_folder()

    def work(job):
        (folder / "out").write_text("half")
        begun.set()
        go.wait(20)
        return (folder / "out").read_text()

    job = jobs.start("k", "write", work, folder)
    assert begun.wait(20)
    jobs.forget("k")
    assert folder.exists() and jobs.get("k") is None
    go.set()
    assert ended(job).result == "half" and gone(folder)


def test_other_work_under_the_same_key_replaces_the_files_or_takes_them_over(jobs):
    first, second = new_folder(), new_folder()
    ended(jobs.start("k", "one", lambda _: None, first))
    ended(jobs.start("k", "two", lambda _: None, first))
    assert first.exists()
    ended(jobs.start("k", "three", lambda _: None, second))
    assert gone(first) and second.exists()
    jobs.close()
    assert gone(second)


def test_what_nobody_fetches_is_not_kept_for_ever():
    jobs, folder = Jobs(kept=0.1), new_folder()
    jobs.start("k", "one", lambda _: "result", folder)
    assert gone(folder) and jobs.get("k") is None


@pytest.mark.skipif(sys.platform == "win32", reason="only POSIX tells whether a process still runs")
def test_the_files_of_a_server_that_was_killed_go_with_the_next_start():
    code = "from jobs import new_folder; print(new_folder(), end='')"
    left = subprocess.run([sys.executable, "-c", code], cwd=APP, capture_output=True, text=True, check=True).stdout
    kept = new_folder()
    code = (
        f"from pathlib import Path; from jobs import Jobs; Jobs(); print(Path({left!r}).exists(), Path({str(kept)!r}).exists())"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=APP, capture_output=True, text=True, check=True).stdout
    kept.rmdir()
    assert said.split() == ["False", "True"]


def test_only_the_server_may_read_a_folder():
    folder = new_folder()
    mode = folder.stat().st_mode & 0o077
    folder.rmdir()
    assert mode == 0 or sys.platform == "win32"


# --- how far it is


def test_pace_and_time_left_come_from_the_last_steps_and_not_from_the_slow_first_one():
    job = Job("count")
    job.expect(1000)
    sleep(0.3)  # loading
    job.reach(100)
    assert job.pace is None and job.seconds_left is None and job.share == 0.1
    sleep(0.1)
    job.reach(300)
    assert 500 < job.pace <= 2000 and job.seconds_left == pytest.approx(700 / job.pace)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_how_far_it_is_is_said_in_words(language):
    say, job = wording(language), Job("count")
    job._future.set_running_or_notify_cancel()
    job.reached = 1500
    assert "1,500" in how_far(job, say)
    job.expect(20_000)
    job.reach(1000)
    sleep(0.05)
    job.reach(2000)
    said = how_far(job, say)
    assert "2,000" in said and "20,000" in said and said.count("·") == 2
    job.stop()
    assert how_far(job, say) == say("job.stopping")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "a few seconds left"), (44, "about 40 seconds left"), (95, "about 2 minutes left"), (3000, "about 50 minutes left"),
        (9000, "about 2 hours left"),
    ],
)  # fmt: skip
def test_no_time_is_told_more_exactly_than_anybody_can_know(seconds, said):
    assert time_left(seconds, wording("en")) == said
