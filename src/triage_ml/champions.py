"""Which of a shop's own models counts: the champion, those before it, and the way back; no tracking server is needed for it.

    models/<version>/         one folder for each model (`triage_ml.model_files`), never changed once it is there
           promotions.json    what was promoted or rolled back, when, by whom and why; the champion follows from it

`promotions.json` is replaced in one step, so whoever reads it sees the champion before or the one after, and nothing between.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from triage_ml.errors import ModelError, ModelNotFoundError
from triage_ml.home import home

_PROMOTIONS = "promotions.json"


class Step(StrEnum):
    """What changed which model counts."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Promotion:
    """One change of the champion.

    Parameters
    ----------
    step
        Whether a model was promoted, or the one before it came back.
    version
        The champion from then on, "" for the shipped model.
    at
        When, ISO 8601 in UTC.
    by, why
        Who did it and for what reason.
    """

    step: Step
    version: str
    at: str
    by: str
    why: str


def models() -> Path:
    """Return the folder of the shop's own models."""
    return home() / "models"


def shipped() -> Path:
    """Return where the shipped model stands, whatever was promoted: models/default here, else in the checkout."""
    here = Path("models") / "default"
    checkout = Path(__file__).resolve().parents[2] / "models" / "default"
    return checkout if checkout.is_dir() and not here.is_dir() else here


def folder(version: str) -> Path:
    """Return where a model stands.

    Raises
    ------
    ModelNotFoundError
        Where there is none of that version.
    """
    found = {place.name: place for place in _folders()}
    if version not in found:
        known = ", ".join(sorted(found)) or "none yet"
        raise ModelNotFoundError(
            f"{models()}: found no model {version!r}; expected one of: {known}. Make one with `triage-ml retrain`."
        )
    return found[version]


def versions() -> list[str]:
    """Return the shop's own models, the newest first."""
    return [
        place.name for place in sorted(_folders(), key=lambda place: (place / "manifest.json").stat().st_mtime, reverse=True)
    ]


def _folders() -> list[Path]:
    return [file.parent for file in models().glob("[!.]*/manifest.json")]


def history() -> list[Promotion]:
    """Return every change of the champion, the oldest first.

    Raises
    ------
    ModelError
        Where the file that says so cannot be read.
    """
    path = models() / _PROMOTIONS
    try:
        return [Promotion(**{**entry, "step": Step(entry["step"])}) for entry in json.loads(path.read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{path}: found {error}; expected a list of promotions. Take it from a backup, or promote again."
        ) from error


def champion() -> str:
    """Return the version that counts, "" for the shipped model."""
    entries = history()
    return entries[-1].version if entries else ""


def before() -> str | None:
    """Return the version that a rollback brings back, "" for the shipped model, None where nothing can be taken back."""
    stack = [""]
    for entry in history():
        if entry.step is Step.PROMOTE:
            stack.append(entry.version)
        else:
            stack.pop()
    return stack[-2] if len(stack) > 1 else None


def promote(version: str, by: str, why: str) -> Promotion:
    """Let a model count from now on.

    Raises
    ------
    ModelNotFoundError
        Where there is none of that version.
    ModelError
        Where it counts already, or was changed since it was saved.
    """
    from triage_ml import model_files

    model_files.facts(folder(version))  # checked before anybody relies on it
    with alone("promote"):
        if version == champion():
            raise ModelError(f"model {version}: found that it is the champion; expected another one. Nothing was changed.")
        return _enter(Step.PROMOTE, version, by, why)


def rollback(by: str, why: str) -> Promotion:
    """Let the model before the champion count again.

    Raises
    ------
    ModelError
        Where nothing was promoted that could be taken back.
    """
    with alone("promote"):
        version = before()
        if version is None:
            raise ModelError(f"{models()}: found no promotion; expected one to take back. The shipped model counts already.")
        if version:
            folder(version)
        return _enter(Step.ROLLBACK, version, by, why)


def _enter(step: Step, version: str, by: str, why: str) -> Promotion:
    entry = Promotion(step, version, datetime.now(UTC).isoformat(timespec="seconds"), by, why)
    text = json.dumps([asdict(one) for one in [*history(), entry]], indent=2, ensure_ascii=False) + "\n"
    handle, name = tempfile.mkstemp(dir=models(), prefix=".promotions-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, models() / _PROMOTIONS)
    return entry


@contextmanager
def alone(work: str = "retrain") -> Iterator[None]:
    """Be the only one who does some work ("retrain" or "promote") in this home; a process that was killed blocks nobody.

    Raises
    ------
    ModelError
        Where somebody else does.
    """
    from filelock import FileLock, Timeout

    models().mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(models() / f".{work}.lock", timeout=0):
            yield
    except Timeout:
        found = f"{models()}: found that somebody else does the same ({work}) right now; expected to be alone."
        raise ModelError(f"{found} Try again when they are done.") from None
