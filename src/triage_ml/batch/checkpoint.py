"""What an unfinished run has done: a folder beside the output, from which the run goes on after a kill at any moment.

    OUT.part/run.json     what the run is (inputs, options, model, policy ...) and how far it has come; replaced as a whole
             rows         the result so far (`triage_ml.batch.files`)
             rejects.csv  the rows that could not be read
             lock         held by the process that works on it

Bytes behind what run.json counts were written after the last checkpoint; they are cut off and made again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import IO, Any

from triage_ml.batch.files import Form
from triage_ml.errors import RunError

_EVERY = 1.0  # seconds between checkpoints: what a kill costs at most, beside the chunks in work
_NAMES = ("rows", "rejects.csv")


@dataclass
class Summary:
    """What a batch came to.

    `rows` counts messages scored, `rejects` rows that could not be; `categories`, `languages` count messages; `rejects_path` is
    None where nothing was rejected. Where `complete` is false the run was stopped, and `output` holds what it had done.
    """

    output: Path
    rows: int = 0
    rejects: int = 0
    rejects_path: Path | None = None
    categories: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    complete: bool = True


@dataclass
class Done:
    """How far a run has come.

    Parameters
    ----------
    source, entries
        How many inputs are read to their end, and how many messages and rejected rows of the one after them.
    rows, rejects
        How many messages are scored and how many rows rejected.
    sizes
        How many bytes of the files in the folder count, in the order of `_NAMES`.
    categories, languages
        As in `Summary`.
    complete
        Whether all inputs are read to their end.
    """

    source: int = 0
    entries: int = 0
    rows: int = 0
    rejects: int = 0
    sizes: list[int] = field(default_factory=lambda: [0, 0])
    categories: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    complete: bool = False


class Checkpoint:
    """The folder of a run, a context manager: inside, this process alone works on it.

    Parameters
    ----------
    output
        What the run is to make.
    form
        How.
    run
        JSON values that make it the run it is; another run's work is not gone on with.
    resume
        Whether to go on with what is there.

    Raises
    ------
    RunError
        Another process works on it; there is work that `resume` does not ask for; or it is another run's.
    """

    def __init__(self, output: Path, form: Form, run: Mapping[str, Any], resume: bool) -> None:
        self.output, self._form, self._run, self._resume = output, form, run, resume
        self.folder = output.with_name(output.name + ".part")
        self.done = Done()
        self._files: list[IO[bytes]] = []
        self._saved = 0.0

    def __enter__(self) -> Checkpoint:
        from filelock import FileLock, Timeout

        if self.folder.is_file():  # what an earlier version of this program left
            self.folder.unlink()
        self.folder.mkdir(exist_ok=True)
        self._lock = FileLock(self.folder / "lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            found, expected = "another run that is at work on it", "one at a time"
            raise RunError(self.output, found, expected, "Wait for its end, or choose another name after -o.") from None
        try:
            self._open()
        except BaseException:
            self._close()
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._lock.release()
        if not (self.folder / "run.json").exists():  # nothing to go on with
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- going on

    def _open(self) -> None:
        kept = self._kept()
        if kept:
            self._check(kept)
            self.done = Done(**{
                **kept["done"],
                "categories": Counter(kept["done"]["categories"]),
                "languages": Counter(kept["done"]["languages"]),
            })  # fmt: skip
        if self.done.complete:
            return
        self._files = [self._file(name, size) for name, size in zip(_NAMES, self.done.sizes, strict=True)]
        if not kept:
            self._files[0].write(self._form.begin)
            self.save()

    def _kept(self) -> dict[str, Any] | None:
        """Return what run.json says; None where there is nothing worth going on with."""
        try:
            kept: dict[str, Any] = json.loads((self.folder / "run.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        done = kept["done"]
        return kept if done["rows"] or done["rejects"] else None

    def _check(self, kept: Mapping[str, Any]) -> None:
        others = [name for name in self._run if kept["run"].get(name) != json.loads(json.dumps(self._run[name]))]
        if self._resume and not others:
            return
        what = f"an unfinished run of {kept['done']['rows']:,} messages"
        over = f"or remove the folder {self.folder} to begin anew."
        if self._resume:
            found = f"{what} that had other {', '.join(others)}"
            raise RunError(self.output, found, "the same, so that one result is not made of two", f"Go on with those, {over}")
        raise RunError(self.output, what, "none", f"Give --resume to go on with it, {over}")

    def _file(self, name: str, size: int) -> IO[bytes]:
        path = self.folder / name
        if size and (not path.exists() or path.stat().st_size < size):
            found = f"{path} shorter than the {size:,} bytes that were written"
            raise RunError(self.output, found, "the file of the unfinished run", f"Remove {self.folder} to begin anew.")
        file = path.open("r+b" if size else "w+b")
        file.truncate(size)
        file.seek(size)
        return file

    # --- going forth

    def add(self, rows: bytes, rejects: bytes) -> None:
        """Put bytes behind those that are there; they count from the next `save` on."""
        for file, more in zip(self._files, (rows, rejects), strict=True):
            file.write(more)

    def save_if_due(self) -> None:
        """Save if the last time is a while ago."""
        if monotonic() - self._saved >= _EVERY:
            self.save()

    def save(self) -> None:
        """Make all that was done so far count; it is on the disk then, even if the machine fails."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        if self._files:
            self.done.sizes = [file.tell() for file in self._files]
        with (self.folder / "run.new").open("w", encoding="utf-8") as new:
            json.dump({"run": self._run, "done": vars(self.done)}, new)
            new.flush()
            os.fsync(new.fileno())
        os.replace(self.folder / "run.new", self.folder / "run.json")
        self._saved = monotonic()

    # --- the end

    def publish(self) -> Summary:
        """Make the result of all that was done, in its place, and remove the folder.

        It may be killed at any moment and called again: run.json says until the last step that all is done.
        """
        self.done.complete = True
        self.save()
        self._close()
        summary = self._make(self.output)
        self._without_partial()
        self.discard()
        return summary

    def publish_partial(self) -> Summary:
        """Make a valid file of what was done so far, beside where the result will be; the folder stays, to go on with."""
        self.save()
        summary = self._make(self.partial)
        summary.complete = False
        return summary

    @property
    def partial(self) -> Path:
        """Where the result of a run that was stopped stands."""
        return self.output.with_name(f"{self.output.stem}.partial{self.output.suffix}")

    def discard(self) -> None:
        """Remove what the folder holds; the description of the run last."""
        self._close()
        for path in self.folder.iterdir():
            if path.name not in ("run.json", "lock"):
                path.unlink()
        (self.folder / "run.json").unlink()

    def _close(self) -> None:
        for file in self._files:
            file.close()
        self._files = []

    def _make(self, target: Path) -> Summary:
        done = self.done
        rows, rejects = (self.folder / name for name in _NAMES)
        rejects_target = _rejects_of(target)
        if done.rejects:
            _put(rejects, rejects_target)
        else:
            rejects_target.unlink(missing_ok=True)
        if self._form.finish:
            new = self.folder / "new"
            self._form.finish(rows, new)
            os.replace(new, target)
        elif not done.complete:
            _put(rows, target)
        elif rows.exists():  # else it was put there before a kill
            os.replace(rows, target)
        return Summary(
            target, done.rows, done.rejects, rejects_target if done.rejects else None, done.categories, done.languages
        )

    def _without_partial(self) -> None:
        """Remove what an earlier stop left: the result holds it now."""
        for path in (self.partial, _rejects_of(self.partial)):
            with suppress(OSError):
                path.unlink()


def _rejects_of(output: Path) -> Path:
    return output.with_name(output.name + ".rejects.csv")


def _put(source: Path, target: Path) -> None:
    """Copy a file of the folder to its place, where it appears as a whole."""
    new = source.with_name("new")
    shutil.copyfile(source, new)
    os.replace(new, target)
