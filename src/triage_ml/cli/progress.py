"""How far a long run is, and how it is ended in order.

On a terminal a bar with rate and time left; elsewhere (cron, a log) nothing for a minute and then one line a minute.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from types import FrameType

import typer

from triage_ml.cli.pages import console

_EVERY = 60.0  # seconds between lines where there is no terminal
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def shown(what: str) -> Iterator[Callable[[int, float], None]]:
    """Show how far a run is; what is yielded takes how many messages are done, and which share of the inputs (0: unknown)."""
    if not console(stderr=True).is_terminal:
        yield _Lines(what)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task, pace = bar.add_task("", total=None), Pace()

        def tell(done: int, share: float) -> None:
            bar.update(task, description=pace.tell(done, share), total=1 if share else None, completed=share)

        yield tell


class _Lines:
    """Tells by lines."""

    def __init__(self, what: str) -> None:
        self._what, self._pace, self._told = what, Pace(), monotonic()

    def __call__(self, done: int, share: float) -> None:
        said = self._pace.tell(done, share)
        if monotonic() - self._told >= _EVERY:
            self._told = monotonic()
            typer.echo(f"{self._what}: {said}", err=True)


class Pace:
    """Says how fast a run is: counted from its first chunk on, since what came before it also loads what the work needs.

    Parameters
    ----------
    clock
        Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, int, float] | None = None

    def tell(self, done: int, share: float) -> str:
        """Return how far it is in words."""
        now = self._clock()
        said = f"{done:,} messages" + (f", {share:.0%}" if share else "")
        if self._first is None:
            self._first = (now, done, share)
        begun, done_then, share_then = self._first
        if now <= begun:
            return said
        said += f", {(done - done_then) / (now - begun):,.0f} a second"
        if share > share_then:
            left = (1 - share) * (now - begun) / (share - share_then)
            said += f", {timedelta(seconds=round(left))} left"
        return said


@contextmanager
def stopping() -> Iterator[list[int]]:
    """Take Ctrl-C and SIGTERM as a wish to end in order; what is yielded holds their number then. A second one ends at once."""
    got: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if got:
            raise KeyboardInterrupt
        got.append(number)

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield got
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
