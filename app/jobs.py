"""Long work of the screen, in the background: it goes on while one looks at another page, and says how far it is."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from threading import Lock, Semaphore, Thread, Timer
from time import monotonic
from typing import Any

from triage_ml.errors import TriageError

_LOG = logging.getLogger(__name__)
# So many at once; the others wait for their turn.
_AT_ONCE = 2
# Seconds that an ended piece of work and its files are kept for whoever began it.
_KEPT = 12 * 3600.0
# The pace is that of so many steps: the first one also loads what the work needs.
_STEPS = 20
_FOLDER = "triage-screen-"


class StoppedError(Exception):
    """The person who began a piece of work stopped it; what was finished before stays."""


@dataclass
class Job:
    """One piece of work.

    Parameters
    ----------
    name
        What it is, in the reader's language.
    folder
        Where it keeps files; removed with it. None where it needs none.
    share
        How much is done, 0 to 1.
    text
        How far it is, in words.
    reached, expected
        How many pieces are done, and of how many; `expected` is None as long as nobody knows.
    """

    name: str
    folder: Path | None = None
    share: float = 0.0
    text: str = ""
    reached: int = 0
    expected: int | None = None
    _steps: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_STEPS), repr=False)
    _stop: bool = False
    _future: Future[Any] = field(default_factory=Future, repr=False)
    _timer: Timer | None = None

    def tell(self, share: float, text: str = "") -> None:
        """Say how far the work is; called by the work itself, often.

        Raises
        ------
        StoppedError
            Where somebody wants it to end.
        """
        self.check()
        self.share, self.text = min(max(share, 0.0), 1.0), text

    def expect(self, pieces: int) -> None:
        """Say how many pieces there are; counting them begins."""
        self.expected, self.reached = pieces, 0
        self._steps.clear()

    def reach(self, pieces: int) -> None:
        """Say how many pieces are done by now; unlike `tell` it never ends the work."""
        self.reached = pieces
        self._steps.append((monotonic(), pieces))
        if self.expected:
            self.share = min(pieces / self.expected, 1.0)

    def check(self) -> None:
        """End the work here where somebody wants it to end.

        Raises
        ------
        StoppedError
            Where that is so.
        """
        if self._stop:
            raise StoppedError

    @property
    def pace(self) -> float | None:
        """Pieces a second, of late; None as long as that cannot be said."""
        steps = tuple(self._steps)
        seconds = steps[-1][0] - steps[0][0] if steps else 0.0
        return (steps[-1][1] - steps[0][1]) / seconds if seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long it still takes at that pace; None as long as that cannot be said."""
        return (self.expected - self.reached) / self.pace if self.expected is not None and self.pace else None

    def stop(self) -> None:
        """Have the work end as soon as it next says how far it is."""
        self._stop = True
        self._future.cancel()

    @property
    def stopping(self) -> bool:
        """Whether somebody wants it to end."""
        return self._stop

    @property
    def waits(self) -> bool:
        """Whether it waits for its turn."""
        return not self._future.running() and not self._future.done()

    @property
    def done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self._future.done()

    @property
    def stopped(self) -> bool:
        """Whether it was stopped."""
        return self.done and (self._future.cancelled() or isinstance(self._future.exception(), StoppedError))

    @property
    def error(self) -> TriageError | None:
        """What went wrong, None where nothing did."""
        found = None if not self.done or self._future.cancelled() else self._future.exception()
        return found if isinstance(found, TriageError) else None

    @property
    def failed(self) -> bool:
        """Whether it ended in a way that nobody foresaw; the server's log has the details."""
        return self.done and not self.stopped and not self.error and self._future.exception() is not None

    @property
    def result(self) -> Any:  # noqa: ANN401 - whatever the work returns
        """What came of it; None where there is nothing (yet)."""
        found = self.done and not self._future.cancelled() and self._future.exception() is None
        return self._future.result() if found else None

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, at most so long."""
        wait([self._future], seconds)


class Jobs:
    """All work that runs in this process, each under a key of whoever began it.

    Parameters
    ----------
    kept
        Seconds that an ended piece of work is kept.
    """

    def __init__(self, kept: float = _KEPT) -> None:
        self._kept, self._turn, self._lock = kept, Semaphore(_AT_ONCE), Lock()
        self._jobs: dict[str, Job] = {}
        sweep()
        atexit.register(self.close)

    def start(self, key: str, name: str, work: Callable[[Job], object], folder: Path | None = None) -> Job:
        """Begin a piece of work, and forget the one before it under the same key.

        Parameters
        ----------
        key
            What finds it again, such as `watching.key("score")`.
        name
            What it is, in the reader's language.
        work
            Does it; it gets the job, calls `Job.tell` and returns the result. It must not use Streamlit's session.
        folder
            A folder of its own from `new_folder`, or the one of the work before it; removed when the work is forgotten.
        """
        job = Job(name, folder)
        with self._lock:
            before, self._jobs[key] = self._jobs.get(key), job
        if before:
            _drop(before, keep=folder)
        job._future.add_done_callback(lambda _: self._expire(key, job))
        # A daemon: whoever ends the server does not wait for hours of work.
        Thread(target=self._run, args=(work, job), name=f"job {name}", daemon=True).start()
        return job

    def _run(self, work: Callable[[Job], object], job: Job) -> None:
        with self._turn:
            if not job._future.set_running_or_notify_cancel():
                return
            try:
                job._future.set_result(work(job))
            except (TriageError, StoppedError) as error:
                job._future.set_exception(error)
            except Exception as error:  # nothing foresaw it; the page says so, the log says what
                _LOG.exception("%s failed", job.name)
                job._future.set_exception(error)

    def _expire(self, key: str, job: Job) -> None:
        if self.get(key) is job:
            job._timer = Timer(self._kept, self._forget_if, (key, job))
            job._timer.daemon = True
            job._timer.start()

    def _forget_if(self, key: str, job: Job) -> None:
        if self.get(key) is job:
            self.forget(key)

    def get(self, key: str) -> Job | None:
        """Return the work under a key, None where there is none."""
        return self._jobs.get(key)

    def forget(self, key: str) -> None:
        """Drop what is under a key, with its files; work that still runs is stopped."""
        with self._lock:
            job = self._jobs.pop(key, None)
        if job:
            _drop(job)

    def close(self) -> None:
        """Drop everything: the process ends."""
        for key in list(self._jobs):
            self.forget(key)


def new_folder() -> Path:
    """Return a new folder that nobody else on this machine may read; its name tells which process it belongs to."""
    return Path(mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))


def sweep() -> None:
    """Remove the folders of servers that were killed before they could do that themselves."""
    for folder in Path(gettempdir()).glob(f"{_FOLDER}*-*"):
        with suppress(OSError, ValueError):
            if not _runs(int(folder.name.removeprefix(_FOLDER).partition("-")[0])):
                shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    if os.name != "posix":
        return True  # asking would end it there; the system clears its own temporary folder
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _drop(job: Job, keep: Path | None = None) -> None:
    """Stop a piece of work; its files go as soon as it uses them no more."""
    job.stop()
    if job._timer:
        job._timer.cancel()
    if (folder := job.folder) and folder != keep:
        job._future.add_done_callback(lambda _: shutil.rmtree(folder, ignore_errors=True))
