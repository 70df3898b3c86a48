"""What takes seconds to work out of the shipped data and is the same every time: worked out once, kept as JSON on the disk.

The folder may be removed at any time; nothing in it belongs to a shop.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_FOLDER = "triage-ml"


def cache_folder() -> Path:
    """Return the folder of what can be worked out again: TRIAGE_CACHE, else the user's folder for such things."""
    if os.environ.get("TRIAGE_CACHE"):
        return Path(os.environ["TRIAGE_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / _FOLDER / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / _FOLDER
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / _FOLDER


def kept(name: str, made_of: Sequence[bytes], make: Callable[[], Any]) -> Any:  # noqa: ANN401 - JSON
    """Return what `make` returns, from the disk where it was made of the same before.

    Parameters
    ----------
    name
        Names the file; what was kept under it and made of something else is removed.
    made_of
        All that the result depends on.
    make
        Works it out; the result must be what JSON can say.
    """
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in made_of)).hexdigest()[:16]
    path = cache_folder() / f"{name}-{digest}.json"
    with suppress(OSError, ValueError):  # not there, not readable, or damaged: it is made again
        return json.loads(path.read_bytes())
    made = make()
    with suppress(OSError):  # a folder that cannot be written costs time and nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        older = set(path.parent.glob(f"{name}-*.json")) - {path}
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".new", delete=False) as file:
            json.dump(made, file, separators=(",", ":"))
        os.replace(file.name, path)
        for one in older:
            one.unlink(missing_ok=True)
    return made
