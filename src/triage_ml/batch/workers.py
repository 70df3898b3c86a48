"""Processes that judge: each gets the model once, then chunk after chunk, and answers in bytes.

They are started as programs of their own and not forked or spawned, so that nothing of the caller is run again in them, be it
a script without a main guard or a page of the screen; they end by themselves as soon as the caller is gone, killed or not.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, cast

from triage_ml.batch.judging import Judged, Judging
from triage_ml.errors import RunError
from triage_ml.messages import Message

_WORTHWHILE = 8 * 2**20  # bytes of input; starting a worker takes as long as judging some thousand messages
_MOST = 8  # by itself: one process reads for all of them, and each takes some hundred megabytes
_SERVE = "from triage_ml.batch.workers import serve; serve()"
_NEW_OBJECTS = 10_000  # between two looks of the garbage collector; at Python's 700 they take a sixth of the time
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def jobs_for(inputs: Sequence[Path]) -> int:
    """Return how many processes should judge these files: the cores that may be used, 1 where the files are small."""
    if sum(path.stat().st_size for path in inputs if path.is_file()) < _WORTHWHILE:
        return 1
    from joblib import cpu_count

    return min(int(cpu_count()), _MOST)


class Here:
    """Judges in this process, at once."""

    ahead = 0

    def __init__(self, judging: Judging) -> None:
        self._judging = judging

    def submit(self, messages: Sequence[Message]) -> Future[Judged]:
        """Judge a chunk."""
        done: Future[Judged] = Future()
        done.set_result(self._judging(messages))
        return done

    def close(self) -> None:
        """Do nothing: there is nothing to end."""


class Workers:
    """Judges in several processes.

    Parameters
    ----------
    judging
        What each of them does; it is sent to them once.
    jobs
        How many.

    Attributes
    ----------
    ahead
        How many chunks may wait for an answer: one in work and one at hand for each process.
    """

    def __init__(self, judging: Judging, jobs: int) -> None:
        self.ahead = 2 * jobs
        sent = pickle.dumps(judging, pickle.HIGHEST_PROTOCOL)
        self._workers = [_Worker(sent) for _ in range(jobs)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(jobs, "triage-worker")

    def submit(self, messages: Sequence[Message]) -> Future[Judged]:
        """Have a chunk judged as soon as a process is free.

        The result raises `RunError` where the process died.
        """
        return self._threads.submit(self._ask, messages)

    def _ask(self, messages: Sequence[Message]) -> Judged:
        worker = self._idle.get()
        try:
            return worker.ask(messages)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End all processes, whatever they are doing."""
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()


class _Worker:
    def __init__(self, sent: bytes) -> None:
        self._sent: bytes | None = sent
        path = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**dict.fromkeys(_ONE_THREAD, "1"), **os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the caller alone
        )

    def ask(self, messages: Sequence[Message]) -> Judged:
        there, back = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        try:
            if self._sent is not None:
                there.write(self._sent)
                self._sent = None
            pickle.dump(messages, there, pickle.HIGHEST_PROTOCOL)
            there.flush()
            return cast(Judged, pickle.load(back))  # noqa: S301 - from our own process
        except (OSError, EOFError, pickle.UnpicklingError):
            raise RunError(
                f"worker process {self._process.pid}",
                f"that it ended by itself ({_ending(self._process.wait())})",
                "an answer",
                "The memory was perhaps not enough: run the same command with --resume, and with fewer --jobs.",
            ) from None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what it was not yet given is of no use to anybody
                cast(IO[bytes], pipe).close()


def _ending(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def serve() -> None:
    """Be a worker: read what to do and then chunks from standard input, write an answer to each to standard output."""
    gc.set_threshold(_NEW_OBJECTS)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what any library prints must not come between the answers
    try:
        judging = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
        while True:
            pickle.dump(judging(pickle.load(sys.stdin.buffer)), answers, pickle.HIGHEST_PROTOCOL)  # noqa: S301
            answers.flush()
    except (EOFError, OSError):
        os._exit(0)  # the caller has gone, or has all it wants
