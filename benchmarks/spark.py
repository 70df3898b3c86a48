"""How scoring grows from one executor to two: python benchmarks/spark.py [--messages 40000] [--write docs/scale.md].

Messages as those of benchmarks/messages.py, in eight files, are scored by `local-cluster[1,1,1024]` and by
`local-cluster[2,1,1024]` in turn: a real cluster in small, with a master and executors that are processes of their own with one
core each, where local[1] and local[2] would be threads of one. The clock runs from the call to the written folder; what starts
once for any number of messages (Java, the session) stands beside it. Says what a billion messages would take by that.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
BILLION = 1_000_000_000
CORES = (2, 64, 256)
_FILES = 8


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds for the session, for a first small folder (every process loads the model), and for all messages."""

    session: float
    first: float
    scoring: float
    rows: int
    rejects: int


def score(executors: int, small: Path, folder: Path, output: Path) -> Run:
    """Score both folders in a process of its own, since one process has one Spark."""
    command = [sys.executable, __file__, "--child", str(executors), str(small), str(folder), str(output)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def child(executors: int, small: Path, folder: Path, output: Path) -> None:
    """Score, and say on the last line of stdout how long it took."""
    from pyspark.sql import SparkSession

    from triage_ml.spark import score_on_spark

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
                "spark.log.level": "ERROR", "spark.executor.memory": "1g"}  # fmt: skip
    start = time.perf_counter()
    builder = SparkSession.builder.master(f"local-cluster[{executors},1,1024]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    begun = time.perf_counter()
    score_on_spark([small], output / "small")
    warm = time.perf_counter()
    summary = score_on_spark([folder], output / "all")
    done = time.perf_counter()
    spark.stop()
    print(json.dumps(asdict(Run(begun - start, warm - begun, done - warm, summary.rows, summary.rejects))))


def measure(messages: int, rounds: int) -> Iterator[str]:
    """Score in turn with one and two executors; yields one line for each figure."""
    from messages import rows, write

    with TemporaryDirectory() as name:
        small, folder = Path(name) / "small", Path(name) / "all"
        small.mkdir()
        folder.mkdir()
        write(rows(50, 99), small / "few.csv")
        for number in range(_FILES):
            write(rows(messages // _FILES, number), folder / f"{number}.csv")
        size = sum(path.stat().st_size for path in folder.iterdir())
        yield f"messages: {messages:,} in {_FILES} CSV files, {size / 2**20:,.1f} MB in all, {size / messages:,.0f} bytes each"
        if (busy := os.getloadavg()[0]) > 1:
            yield f"CAUTION: others use this machine (load average {busy:.1f} before the start), so no ratio below holds"
        runs: dict[int, list[Run]] = {1: [], 2: []}
        for turn in range(rounds):
            for executors in (1, 2) if turn % 2 == 0 else (2, 1):
                run = score(executors, small, folder, Path(name) / f"{turn}-{executors}")
                print(f"  round {turn + 1}, {executors}: {run.scoring:,.1f} s, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
                runs[executors].append(run)
        yield from told(runs[1], runs[2], size / messages)


def told(one: Sequence[Run], two: Sequence[Run], size: float) -> Iterator[str]:
    """Yield what the runs say: speed, ratio, and the projection."""
    for number, runs in ((1, one), (2, two)):
        seconds = statistics.median(run.scoring for run in runs)
        yield (
            f"{number} executor{'s' * (number > 1)}: {seconds:,.1f} s, {runs[0].rows / seconds:,.0f} messages a second "
            f"({runs[0].rows:,} scored, {runs[0].rejects:,} rejected)"
        )
    ratios = [first.scoring / second.scoring for first, second in zip(one, two, strict=True)]
    ratio = statistics.median(ratios)
    yield f"two executors against one: {ratio:.2f} times as fast (rounds: {', '.join(f'{each:.2f}' for each in ratios)})"
    session, first = (statistics.median(getattr(run, name) for run in two) for name in ("session", "first"))
    yield f"once for each run: {session:,.1f} s for the session, {first:,.1f} s for a first 50 messages, model loading included"
    seconds = statistics.median(run.scoring / run.rows for run in one) * BILLION
    yield f"1 billion messages: {seconds / 3600:,.0f} hours of one core; {size * BILLION / 1e12:,.2f} TB read, as much shuffled"
    for cores in CORES:
        best = seconds / cores / 3600
        yield f"on {cores} cores: {best:,.1f} hours if each core is worth one, {best * 2 / ratio:,.1f} hours at this ratio"


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path, help="page whose part between the marks `spark` is replaced by the figures")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        executors, small, folder, output = options.child
        child(int(executors), Path(small), Path(folder), Path(output))
        return
    lines = []
    for line in measure(options.messages, options.rounds):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        write_part(options.write, "spark", f"{Path(__file__).name} --messages {options.messages}", lines)


def write_part(page: Path, mark: str, command: str, lines: Sequence[str]) -> None:
    """Put figures between the marks of a page, with machine, date and command."""
    from speed_report import machine

    opening, closing = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, _, rest = page.read_text("utf-8").partition(opening)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    head = f"{machine()}; {datetime.now(UTC):%Y-%m-%d}; `python benchmarks/{command}`; load average at the end {load}."
    figures = "\n".join(f"- {line}" for line in lines)
    page.write_text(f"{before}{opening}\n{head}\n\n{figures}\n{closing}{rest.partition(closing)[2]}", "utf-8")


if __name__ == "__main__":
    main()
