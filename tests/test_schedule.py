"""The command lines of docs/schedule.md, held against the real commands."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from triage_ml.cli import app, drifting, retraining

DOC = (Path(__file__).parents[1] / "docs" / "schedule.md").read_text("utf-8")
LINES = [line.strip() for line in DOC.splitlines() if line.startswith("    ")]
CRON = [line for line in LINES if re.match(r"[\d*]+ [\d*]+ ", line)]
TASKS = [line for line in LINES if line.startswith("schtasks")]
JOBS = {"cases import", "score", "drift", "retrain", "cases backup"}


def commands(line):
    """Return what `triage-ml` is given in a line of a shell."""
    found = re.findall(r"triage-ml (.*?)(?= 2?>|\|\||$)", re.sub(r'/TN "[^"]*"', "", line))
    return [shlex.split(one, posix=False) for one in found]


def parsed(arguments):
    """Parse a command line as the program does, without running it; returns the command's name and its values."""
    command, context, name, rest = get_command(app), None, "triage-ml", list(arguments)
    names = []
    while True:
        context = command.make_context(name, rest, parent=context)
        if not hasattr(command, "resolve_command"):
            return " ".join(names), context.params
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        names.append(name)


@pytest.mark.parametrize("line", [*CRON, *TASKS])
def test_every_line_is_one_the_program_understands(line):
    (arguments,) = commands(line)
    name, values = parsed(arguments)
    assert name in JOBS and values


def test_an_invented_option_would_be_found():
    with pytest.raises(Exception, match="nightly"):
        parsed(["cases", "import", "week.csv", "--nightly"])
    with pytest.raises(Exception, match="reimport"):
        parsed(["cases", "reimport", "week.csv"])


def test_both_schedulers_do_the_same_at_the_same_time():
    on = []
    for lines, time in ((CRON, r"(\d+) (\d+) "), (TASKS, r"/ST (\d+):(\d+)")):
        jobs = {}
        for line in lines:
            (arguments,) = commands(line)
            name, values = parsed(arguments)
            clock = sorted(map(int, re.search(time, line).groups()))
            jobs[name] = clock, {key: value for key, value in values.items() if not isinstance(value, (list, tuple, Path))}
        on.append(jobs)
    assert on[0] == on[1] and set(on[0]) == JOBS


def test_a_crontab_line_is_one():
    for line in CRON:
        times, command = line.split(None, 5)[:5], line.split(None, 5)[5]
        assert all(re.fullmatch(r"\*|\d+", one) for one in times) and "%" not in command
        assert "triage.log" in command and "ended with $?" in command


def test_a_task_is_one():
    for line in TASKS:
        runs = re.search(r'/TR "(.*)"$', line)[1]
        assert len(runs) <= 261 and '"' not in runs and "triage.log" in runs  # schtasks takes no more characters
        assert re.search(r"/SC (DAILY|WEEKLY /D MON) /ST [0-2]\d:[0-5]\d ", line)


def test_the_exit_codes_are_those_of_the_program():
    table = {int(code): (of, means) for code, of, means in re.findall(r"\| (\d) \| (.*?) \| (.*?) \|", DOC)}
    assert set(table) == {0, 1, 2, retraining._NOT_PROPOSED, drifting.ALARM_CODE} == {0, 1, 2, 3, 4}
    assert "retrain" in table[retraining._NOT_PROPOSED][0] and "not proposed" in table[retraining._NOT_PROPOSED][1]
    assert "drift" in table[drifting.ALARM_CODE][0] and "changed" in table[drifting.ALARM_CODE][1]


def test_the_locks_that_are_named_are_there(run, tmp_path):
    from triage_ml import champions

    for work in ("retrain", "promote"):
        assert f".{work}.lock" in DOC
        with champions.alone(work):
            assert (champions.models() / f".{work}.lock").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["cases", "import", "exports/*.csv", "--by", "nightly", "--json"], 1, "exports"),
        (["score", "nothing.csv", "-o", "scored.pdf"], 2, "--output"),
        (["cases", "backup", "-o", "backups", "--keep", "0"], 2, "--keep"),
        (["drift", "--weeks", "2", "--json"], 0, "New case record"),
    ],
)
def test_what_a_scheduler_sees_is_as_described(run, arguments, code, said):
    done = run(*arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_the_backup_of_the_night_is_made_without_asking(run, tmp_path):
    assert run("cases", "list").returncode == 0
    done = run("cases", "backup", "-o", tmp_path / "backups", "--keep", "14", TRIAGE_BACKUP_PASSPHRASE="four words of mine")
    assert done.returncode == 0 and list((tmp_path / "backups").iterdir())
