"""How fast the product is, beside what else one would use: python benchmarks/speed.py [--write] [--quick] [--rows 1000000].

One run, one machine: the product and its peers (benchmarks/peers.py) learn from the same texts of training/corpus, are tested
on the same held-out writers and timed on the same generated messages (benchmarks/messages.py), in turn, round after round, so
that a busy moment meets all of them. Figures are medians, ratios are medians of the rounds' ratios. `--write` puts the tables
into docs/speed.md and the plots into docs/pictures. Peers that are not installed (benchmarks/requirements.txt) are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

# One process is to mean one core, which the libraries read when they are imported; nothing is fetched, and no bars are drawn.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import messages
import speed_report
from contest import PARAMETERS, accuracy, in_two_processes, one_at_a_time, percentiles, race, say, split, train_all
from peers import PEERS, WORDS_AND_CHARACTERS, Model, Peer
from speed_report import PRODUCT, Contestant, File, Report, Start
from timing import Cost, middle, peak_megabytes, run, timed

from triage_ml.batch import jobs_for
from triage_ml.corpus import load_corpus
from triage_ml.triage import Triage

ROOT = Path(__file__).parents[1]
PAGE, PICTURES, README = ROOT / "docs" / "speed.md", ROOT / "docs" / "pictures", ROOT / "README.md"
_FLOORS_UP_TO = 100_000
_OURS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_TRIAGE_ML = (sys.executable, "-c", "from triage_ml.cli import main; main()")


@dataclass(frozen=True, slots=True)
class Setting:
    """How much is measured.

    Parameters
    ----------
    every
        Every how many-th text of the corpus is used.
    texts
        How many generated texts are classified in a round.
    rounds
        How often everything is done in turn.
    single
        How many messages come one at a time.
    sizes
        Rows of the files that are scored.
    formats
        Rows of a file of each other kind; none are scored if nought.
    peers
        What the product is compared with, the word + character pipeline first.
    minutes
        A larger file is left out when scoring it would take longer, by the speed of the one before.
    """

    every: int = 1
    texts: int = 3_000
    rounds: int = 5
    single: int = 300
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    formats: int = 10_000
    peers: tuple[Peer, ...] = PEERS
    minutes: float = 3.0


QUICK = Setting(every=6, texts=300, rounds=2, single=50, sizes=(100, 300, 1_000), formats=100, peers=PEERS[:3], minutes=1.0)


# --- from file to file


@contextmanager
def plain_environment(model: Path) -> Iterator[dict[str, str]]:
    """Yield what programs of the product run in: this model, an empty home, and no torch.

    spaCy imports torch wherever it finds it, which no plain installation has and the peers need: seconds and half a gigabyte.
    """
    with TemporaryDirectory() as name:
        (Path(name) / "torch.py").write_text('raise ImportError("a plain installation has no torch")\n', "utf-8")
        paths = [name, *filter(None, [os.environ.get("PYTHONPATH")])]
        others = {key: value for key, value in os.environ.items() if key not in _OURS}
        yield others | {"TRIAGE_MODEL": str(model), "TRIAGE_HOME": name, "PYTHONPATH": os.pathsep.join(paths)}


def score_files(
    setting: Setting, pipeline: Model, folder: Path, environment: Mapping[str, str], start_up: float = 0.0
) -> Iterator[File]:
    """Score a file of each size, then one of each other kind; `start_up` are the seconds that pass before the first message."""
    seconds = 0.0  # for one message
    for size in sorted(setting.sizes):
        if size * seconds > setting.minutes * 60:
            say(f"left out: {size:,} messages would take {size * seconds / 60:.0f} minutes; --minutes allows them")
            break
        file = score_file("csv", size, 3 if size <= 10_000 else 1, pipeline, folder, environment)
        seconds = max(file.score.wall - start_up, 0.0) / size
        yield file
    for kind in ("jsonl", "parquet") if setting.formats else ():
        yield score_file(kind, setting.formats, 1, pipeline, folder, environment)


def score_file(kind: str, size: int, rounds: int, pipeline: Model, folder: Path, environment: Mapping[str, str]) -> File:
    """Score a generated file some times, in turn with what it is held against."""
    given, result, copy = (folder / f"{name}.{kind}" for name in ("messages", "result", "copy"))
    messages.write(messages.rows(size), given)
    texts = messages.texts(min(size, 10_000))
    costs: dict[str, list[Cost]] = {}
    several = size <= _FLOORS_UP_TO and jobs_for([given]) > 1
    for number in range(1, rounds + 1):
        say(f"from file to file: {size:,} messages, {kind}, round {number} of {rounds}")
        costs.setdefault("score", []).append(run([*_TRIAGE_ML, "score", given, "-o", result], environment))
        if several:
            one_process = [*_TRIAGE_ML, "score", given, "-o", copy, "--jobs", "1"]
            costs.setdefault("one process", []).append(run(one_process, environment))
        for tokeniser in ("spacy", "pattern") if kind == "csv" and size <= _FLOORS_UP_TO else ():
            floor = [sys.executable, ROOT / "benchmarks" / "floor.py", given, result, copy, "--tokeniser", tokeniser]
            costs.setdefault(tokeniser, []).append(run(floor, environment))
        costs.setdefault("pipeline", []).append(_times(timed(lambda: pipeline.predict(texts)), size / len(texts)))
    for path in (given, result, copy):
        path.unlink(missing_ok=True)
    medians = {name: middle(some) for name, some in costs.items()}
    score, bare, alone = medians.pop("score"), medians.pop("pipeline"), medians.pop("one process", None)
    return File(kind, size, score, medians, bare, alone)


def _times(cost: Cost, factor: float) -> Cost:
    return replace(cost, wall=cost.wall * factor, cpu=cost.cpu * factor)


# --- the first seconds of a process


def start_up(setting: Setting, folder: Path, environment: Mapping[str, str]) -> Start:
    """Measure `--help`, `score` on ten messages, and one message at a time in a process of its own."""
    say("start-up")
    ten, few, found = folder / "ten.csv", folder / "few.csv", folder / "found.json"
    messages.write(messages.rows(10), ten)
    messages.write(messages.rows(setting.single * 2), few)
    costs: dict[str, list[Cost]] = {"help": [], "ten": []}
    for _ in range(setting.rounds):
        costs["help"].append(run([*_TRIAGE_ML, "--help"], environment))
        costs["ten"].append(run([*_TRIAGE_ML, "score", ten, "-o", folder / "ten-result.csv"], environment))
    run([sys.executable, __file__, "--single", few, found], environment)
    return Start(middle(costs["help"]), middle(costs["ten"]), **json.loads(found.read_text("utf-8")))


def single(path: Path, found: Path) -> None:
    """Load the product, assess the messages of a file one at a time, and write what that took; for a fresh process."""
    from triage_ml.readers import read_messages

    start = time.perf_counter()
    triage = Triage.load()
    load = time.perf_counter() - start
    some = list(read_messages(path, on_reject=lambda _: None))
    times = [timed(lambda message=message: triage.assess(message)).wall for message in some]
    # The first half meets every language for the first time.
    median, worst = percentiles(times[len(times) // 2 :])
    values = {"load": load, "first": times[0] * 1000, "median": median, "worst": worst, "megabytes": peak_megabytes()}
    found.write_text(json.dumps(values), "utf-8")


# --- all together


def measure(setting: Setting, folder: Path, command: str, training: bool = False) -> Report:
    """Do everything once."""
    learned, tested = split(load_corpus(messages.CORPUS)[:: setting.every])
    absent = [f"{peer.name} ({', '.join(peer.missing)})" for peer in setting.peers if peer.missing]
    trained = list(train_all(learned, [peer for peer in setting.peers if not peer.missing], folder))
    figures = {one.name: accuracy(one.model, tested) for one in trained}
    seconds = race(trained, setting.texts, setting.rounds)
    latency = {one.name: one_at_a_time(one.model, min(setting.single, 100)) for one in trained}
    pair = [one for one in trained if one.name in (PRODUCT, WORDS_AND_CHARACTERS)]
    two = in_two_processes(pair, setting.texts, setting.rounds)
    own = seconds[PRODUCT]
    contestants = [
        Contestant(
            one.name, one.megabytes, one.seconds, *figures[one.name], 1 / statistics.median(seconds[one.name]),
            statistics.median(peer / product for peer, product in zip(seconds[one.name], own, strict=True)), *latency[one.name],
        )
        for one in trained
    ]  # fmt: skip
    pipeline = next(one.model for one in trained if one.name == WORDS_AND_CHARACTERS)
    with plain_environment(trained[0].folder) as environment:
        start = start_up(setting, folder, environment)
        files = list(score_files(setting, pipeline, folder, environment, start.ten.wall))
        whole = [
            *_TRIAGE_ML,
            "train",
            "--corpus",
            messages.CORPUS,
            "--params",
            PARAMETERS,
            "--out",
            folder / "whole",
            "--no-track",
        ]
        cost = run(whole, environment) if training else None
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    fresh = sum(row.fresh for row in tested)
    return Report(command, date, len(learned), len(tested), fresh, setting.texts, contestants, absent, two, files, start, cost)


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small run, to see that everything works")
    parser.add_argument("--rows", type=int, help="score files ten times larger each, up to this many rows (10,000,000)")
    parser.add_argument("--minutes", type=float, help="the longest that scoring one file may take")
    parser.add_argument("--training", action="store_true", help="time `triage-ml train` on the whole corpus, too")
    parser.add_argument("--folder", type=Path, help="where the files go, for a disk with room; without it a temporary one")
    parser.add_argument("--write", action="store_true", help="put tables and plots into docs/speed.md and the README")
    parser.add_argument("--single", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.single:
        single(*given.single)
        return
    setting = QUICK if given.quick else Setting()
    if given.rows:
        sizes = [10**power for power in range(3, 8) if 10**power < given.rows]
        setting = replace(setting, sizes=(*sizes, given.rows), minutes=given.minutes or 600.0)
    elif given.minutes:
        setting = replace(setting, minutes=given.minutes)
    with TemporaryDirectory(dir=given.folder) as folder:
        report = measure(setting, Path(folder), " ".join(["python benchmarks/speed.py", *sys.argv[1:]]), given.training)
    print(speed_report.as_markdown(report))
    if given.write:
        speed_report.write(report, PAGE, README, PICTURES)


if __name__ == "__main__":
    main()
