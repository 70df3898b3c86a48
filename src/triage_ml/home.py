"""Where a shop keeps what is its own: the case record, its policy's versions, its templates, its models."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_FOLDER = "triage-ml"


def home() -> Path:
    """Return the folder for what the product keeps: TRIAGE_HOME, else the user's data folder."""
    if os.environ.get("TRIAGE_HOME"):
        return Path(os.environ["TRIAGE_HOME"])
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / _FOLDER


def policy_place() -> Path:
    """Return the file, or the folder of dated versions, of the shop's policy: TRIAGE_POLICY, else `policy` in `home()`."""
    return _place("TRIAGE_POLICY", "policy")


def templates_place() -> Path:
    """Return the folder of the shop's own templates: TRIAGE_TEMPLATES, else `templates` in `home()`."""
    return _place("TRIAGE_TEMPLATES", "templates")


def own_policy() -> Path | None:
    """Return `policy_place()`; None where the shop goes by the shipped numbers."""
    place = policy_place()
    return place if os.environ.get("TRIAGE_POLICY") or any(place.glob("*.toml")) else None


def own_templates() -> Path | None:
    """Return `templates_place()`; None where the shop has the shipped templates only."""
    place = templates_place()
    return place if os.environ.get("TRIAGE_TEMPLATES") or any(place.glob("*.toml")) else None


def _place(variable: str, name: str) -> Path:
    return Path(os.environ[variable]) if os.environ.get(variable) else home() / name
