"""What a run of benchmarks/speed.py found, as a Markdown page part and two plots."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from timing import Cost

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRODUCT = "triage-ml"
MARKS = ("<!-- speed -->", "<!-- /speed -->")


@dataclass(frozen=True, slots=True)
class Contestant:
    """How one way to sort texts did.

    Parameters
    ----------
    name
        As the plot shows it.
    megabytes
        Size on disk.
    trained
        Seconds on the clock to learn.
    macro_f1, macro_f1_fresh
        On held-out writers; on those of their texts that nobody who wrote cues has read.
    rate
        Texts in a second of processor time, one process.
    ratio
        How many times faster the product is, the median over rounds.
    median, worst
        Milliseconds for one text, p50 and p99, warm.
    """

    name: str
    megabytes: float
    trained: float
    macro_f1: float
    macro_f1_fresh: float
    rate: float
    ratio: float
    median: float
    worst: float


@dataclass(frozen=True, slots=True)
class File:
    """What one file of messages came to, from file to file.

    Parameters
    ----------
    kind
        Its ending.
    messages
        How many rows it has.
    score
        What `triage-ml score` took.
    floors
        What reading, tokenising and writing alone took, by tokeniser; empty where not measured.
    pipeline
        What the word + character pipeline took to classify as many texts, reading and writing apart.
    alone
        What `triage-ml score --jobs 1` took; None where one process judges by itself or it was not measured.
    """

    kind: str
    messages: int
    score: Cost
    floors: dict[str, Cost]
    pipeline: Cost
    alone: Cost | None = None

    @property
    def rate(self) -> float:
        """Messages a second on the clock."""
        return self.messages / self.score.wall


@dataclass(frozen=True, slots=True)
class Start:
    """What a process does first.

    `help` and `ten` are costs of `triage-ml --help` and of `score` on ten messages; the rest is one message in a fresh process:
    seconds to load, milliseconds of the first message, p50 and p99 of the later ones, and the megabytes it stays in.
    """

    help: Cost
    ten: Cost
    load: float
    first: float
    median: float
    worst: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run: what was told, what was found. `two` has the texts a second on the clock in two processes, by name."""

    command: str
    date: str
    learned: int
    tested: int
    fresh: int
    timed: int
    contestants: Sequence[Contestant]
    absent: Sequence[str]
    two: dict[str, float]
    files: Sequence[File]
    start: Start
    training: Cost | None


def as_markdown(report: Report) -> str:
    """Return everything that was found."""
    lines = [
        f"{machine()}. {report.date}, `{report.command}`.",
        "",
        *_table(("asked", "goal", "measured"), _goals(report)),
        "",
        f"Learned from {report.learned:,} texts, tested on {report.tested:,} of writers held out, {report.fresh:,} of them "
        f"unread by those who wrote cues. Speed on {report.timed:,} generated texts a round, in one process on one core.",
        "",
        *_table(
            (
                "",
                "texts/s",
                "times slower than triage-ml",
                "macro-F1",
                "unread texts",
                "one text p50 / p99 ms",
                "MB",
                "learned in s",
            ),
            (_contestant(one) for one in report.contestants),
        ),
        "",
        *(f"Not installed, so not measured: {one}.\n" for one in report.absent),
        "From file to file, `triage-ml score`, start-up included:",
        "",
        *_table(
            (
                "messages",
                "file",
                "seconds",
                "messages/s",
                "ms of processor a message",
                "peak MB",
                "reading, tokenising, writing alone",
            ),
            (_file(file) for file in report.files),
        ),
        "",
        f"One process: model and templates are loaded in {report.start.load:.1f} s, the first message takes "
        f"{report.start.first:.0f} ms, and it stays in {report.start.megabytes:,.0f} MB.",
    ]
    if report.training:
        lines.append(
            f"\n`triage-ml train` on the whole corpus: {report.training.wall:.0f} s, {report.training.megabytes:,.0f} MB."
        )
    return "\n".join(lines) + "\n"


def headline(report: Report) -> str:
    """Return the gist in a few lines."""
    product, pipeline = report.contestants[:2]
    largest = max(report.files, key=lambda file: file.messages)
    start = report.start
    return (
        f"Sorted alone, on one core: {product.rate:,.0f} texts a second at macro-F1 {product.macro_f1:.2f} ({pipeline.name}, "
        f"in the same run: {pipeline.rate:,.0f} at {pipeline.macro_f1:.2f}).\n"
        f"From file to file, remedies and replies included: {largest.messages:,} messages in {largest.score.wall / 60:.1f} "
        f"minutes and {largest.score.megabytes:,.0f} MB; one message alone {start.median:.1f} ms (p99 {start.worst:.1f} ms); "
        f"ten messages from a standing start {start.ten.wall:.1f} s.\n"
        f"({machine()}; {report.date}; `{report.command}`)\n"
    )


def _goals(report: Report) -> Iterator[tuple[str, ...]]:
    product, pipeline = report.contestants[:2]
    yield (
        f"classification alone against {pipeline.name}, one core",
        "6 times as fast, at equal or better macro-F1",
        f"{pipeline.ratio:.1f} times, {product.macro_f1:.3f} against {pipeline.macro_f1:.3f}",
    )
    if report.two:
        yield (
            "the same, both in two processes",
            "6 times",
            f"{report.two[product.name] / report.two[pipeline.name]:.1f} times: {report.two[product.name]:,.0f} against "
            f"{report.two[pipeline.name]:,.0f} texts/s",
        )
    largest = max((file for file in report.files if file.floors), key=lambda file: file.messages)
    told = f"{largest.messages:,} messages"
    what = f"end to end against that pipeline's bare classification, {told}"
    yield what, "3 times as fast", _ratios(largest.pipeline, largest.score)
    for tokeniser, floor in largest.floors.items():
        what = f"end to end against reading, tokenising ({tokeniser}) and writing alone, {told}"
        yield what, "within 3 times", _ratios(largest.score, floor)
    if largest.alone:
        yield f"a process for each core against one process, {told}", "", _ratios(largest.alone, largest.score)
    yield from _scaling(report.files)
    start = report.start
    yield "one message, warm", "5 ms", f"p50 {start.median:.1f} ms, p99 {start.worst:.1f} ms"
    yield "`triage-ml --help`", "0.3 s", f"{start.help.wall:.2f} s"
    yield "`triage-ml score` on ten messages", "3 s", f"{start.ten.wall:.1f} s"
    yield "model on disk", "", f"{product.megabytes:.1f} MB"


def _ratios(one: Cost, other: Cost) -> str:
    return f"{one.wall / other.wall:.1f} times on the clock, {one.cpu / other.cpu:.1f} times by processor time"


def _scaling(files: Sequence[File]) -> Iterator[tuple[str, ...]]:
    """Yield what more messages cost; between two sizes, so that start-up does not count."""
    tables = sorted((file for file in files if file.kind == "csv"), key=lambda file: file.messages)
    if len(tables) > 2:
        slopes = [
            (b.score.cpu - a.score.cpu) / (b.messages - a.messages) * 1000 for a, b in zip(tables, tables[1:], strict=False)
        ]
        yield (
            f"a further message, {tables[-2].messages:,} to {tables[-1].messages:,} rows against {tables[0].messages:,} to "
            f"{tables[1].messages:,}",
            "the same",
            f"{slopes[-1]:.2f} against {slopes[0]:.2f} ms of processor time",
        )
    yield f"peak memory, {tables[-1].messages:,} messages", "1,500 MB", f"{tables[-1].score.megabytes:,.0f} MB"


def _contestant(one: Contestant) -> tuple[str, ...]:
    ratio = "" if one.name == PRODUCT else f"{one.ratio:.2f}"
    return (
        one.name, f"{one.rate:,.0f}", ratio, f"{one.macro_f1:.3f}", f"{one.macro_f1_fresh:.3f}",
        f"{one.median:.2f} / {one.worst:.2f}", f"{one.megabytes:.1f}", f"{one.trained:.0f}",
    )  # fmt: skip


def _file(file: File) -> tuple[str, ...]:
    floors = "; ".join(f"{name} {floor.wall:.1f} s" for name, floor in file.floors.items())
    cost = file.score
    return (
        f"{file.messages:,}", file.kind, f"{cost.wall:.1f}", f"{file.rate:,.0f}", f"{cost.cpu / file.messages * 1000:.2f}",
        f"{cost.megabytes:,.0f}", floors,
    )  # fmt: skip


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def machine() -> str:
    """Return what was measured on, in one line."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    processor = found[1] if found else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}"


def write(report: Report, page: Path, readme: Path, pictures: Path) -> None:
    """Put the tables between the marks of a page, their gist between those of the README, and the plots into a folder."""
    for path, text in ((page, as_markdown(report)), (readme, headline(report))):
        before, _, rest = path.read_text("utf-8").partition(MARKS[0])
        path.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{rest.partition(MARKS[1])[2]}", "utf-8")
    draw(report, pictures)


def draw(report: Report, pictures: Path) -> None:
    """Draw speed against accuracy, and cost against the number of messages."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    _draw_accuracy(figure.subplots(), report.contestants)
    figure.savefig(pictures / "speed-accuracy.png", dpi=120)
    figure = Figure(figsize=(9, 4), layout="constrained")
    tables = sorted((file for file in report.files if file.kind == "csv"), key=lambda file: file.messages)
    _draw_cost(figure.subplots(1, 2), tables)
    figure.savefig(pictures / "speed-cost.png", dpi=120)


def _draw_accuracy(axes: Axes, contestants: Sequence[Contestant]) -> None:
    for one in contestants:
        own = one.name == PRODUCT
        axes.scatter(one.rate, one.macro_f1, s=90 if own else 50, color="tab:red" if own else "tab:blue", zorder=3)
        axes.annotate(one.name, (one.rate, one.macro_f1), (0, 9), textcoords="offset points", ha="center", fontsize=9)
    axes.set(xscale="log", xlabel="texts a second, one core", ylabel="macro-F1, writers held out")
    axes.margins(x=0.18, y=0.15)
    axes.grid(alpha=0.3, which="both")


def _draw_cost(panels: Sequence[Axes], files: Sequence[File]) -> None:
    messages = [file.messages for file in files]
    panels[0].plot(messages, [file.score.wall / file.messages * 1000 for file in files], "o-", label="on the clock")
    panels[0].plot(messages, [file.score.cpu / file.messages * 1000 for file in files], "s--", label="of processor time")
    panels[0].set(ylabel="ms a message, start-up included", yscale="log")
    panels[0].legend()
    panels[1].plot(messages, [file.score.megabytes for file in files], "o-", color="tab:green")
    panels[1].set(ylabel="peak memory, MB", ylim=(0, None))
    for axes in panels:
        axes.set(xlabel="messages in the file", xscale="log")
        axes.grid(alpha=0.3)
