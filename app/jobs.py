"""Long work of the screen, in the background: it goes on while one looks at another page, and says how far it is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from triage_ml.errors import TriageError

_LOG = logging.getLogger(__name__)
# So many at once; the others wait for their turn.
_AT_ONCE = 2


class StoppedError(Exception):
    """The person who began a piece of work stopped it; what was finished before stays."""


@dataclass
class Job:
    """One piece of work.

    Parameters
    ----------
    name
        What it is, in the reader's language.
    share
        How much is done, 0 to 1.
    text
        How far it is, in words.
    """

    name: str
    share: float = 0.0
    text: str = ""
    _stop: bool = False
    _future: Future[Any] = field(default_factory=Future, repr=False)

    def tell(self, share: float, text: str = "") -> None:
        """Say how far the work is; called by the work itself, often.

        Raises
        ------
        StoppedError
            Where somebody wants it to end.
        """
        if self._stop:
            raise StoppedError
        self.share, self.text = min(max(share, 0.0), 1.0), text

    def stop(self) -> None:
        """Have the work end as soon as it next says how far it is."""
        self._stop = True
        self._future.cancel()

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
        from concurrent.futures import wait

        wait([self._future], seconds)


class Jobs:
    """All work that runs in this process, each under a key of whoever began it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_AT_ONCE, "job")
        self._jobs: dict[str, Job] = {}

    def start(self, key: str, name: str, work: Callable[[Job], object]) -> Job:
        """Begin a piece of work, and forget the one before it under the same key.

        Parameters
        ----------
        key
            What finds it again, such as "score:<session>".
        name
            What it is, in the reader's language.
        work
            Does it; it gets the job, calls `Job.tell` and returns the result. It must not use Streamlit's session.
        """
        if before := self._jobs.get(key):
            before.stop()
        job = self._jobs[key] = Job(name)
        job._future = self._pool.submit(_run, work, job)
        return job

    def get(self, key: str) -> Job | None:
        """Return the work under a key, None where there is none."""
        return self._jobs.get(key)

    def forget(self, key: str) -> None:
        """Drop what is under a key; work that still runs is stopped."""
        if job := self._jobs.pop(key, None):
            job.stop()


def _run(work: Callable[[Job], object], job: Job) -> object:
    try:
        return work(job)
    except (TriageError, StoppedError):
        raise
    except Exception:
        _LOG.exception("%s failed", job.name)
        raise
