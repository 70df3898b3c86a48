"""What something costs: time on the clock, time of the processor, memory; of a call, or of a program with its children."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event, Thread

_LOOK_EVERY = 0.25  # seconds; a look reads the kernel's list of pages, which takes some milliseconds


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took: `wall` and `cpu` in seconds, `megabytes` at the peak (nought where it was not looked at)."""

    wall: float
    cpu: float
    megabytes: float = 0.0


def timed(call: Callable[[], object]) -> Cost:
    """Call, and return what this process spent on it, all threads together."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def run(command: Sequence[object], environment: Mapping[str, str]) -> Cost:
    """Run a program to its end, and return what it and its children cost; a program that fails ends the benchmark.

    The memory is the most that the program and its children have at one time, as far as one look a quarter of a second tells;
    pages that they share count once.
    """
    with TemporaryFile() as said:
        start = time.perf_counter()
        child = subprocess.Popen([str(word) for word in command], env=dict(environment), stdout=subprocess.DEVNULL, stderr=said)
        ended, peak = Event(), [0.0]
        watcher = Thread(target=_watch, args=(child.pid, ended, peak))
        watcher.start()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        ended.set()
        watcher.join()
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(map(str, command))} failed:\n{said.read().decode(errors='replace')[-2000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak[0])


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the medians of the times, and the largest memory."""
    return Cost(
        statistics.median(c.wall for c in costs), statistics.median(c.cpu for c in costs), max(c.megabytes for c in costs)
    )


def _watch(pid: int, ended: Event, peak: list[float]) -> None:
    while not ended.wait(_LOOK_EVERY):
        peak[0] = max(peak[0], sum(_megabytes(f"/proc/{one}/smaps_rollup", "Pss") for one in _family(pid)))


def _family(pid: int) -> list[int]:
    """Return a process with its children and theirs; Linux only, elsewhere it stands alone."""
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def peak_megabytes(pid: int | str = "self") -> float:
    """Return the largest resident size a process has had; nought where the system does not tell.

    Not `getrusage`: there a program inherits the size of the process that started it.
    """
    return _megabytes(f"/proc/{pid}/status", "VmHWM")


def _megabytes(path: str, name: str) -> float:
    try:
        found = re.search(rf"^{name}:\s*(\d+) kB", Path(path).read_text(), re.MULTILINE)
    except OSError:
        found = None
    return int(found[1]) / 1024 if found else 0.0
