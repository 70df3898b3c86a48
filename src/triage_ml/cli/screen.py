"""The command that opens the review screen."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from triage_ml.cli.options import DatabaseOption, ModelOption, PolicyOption, TemplatesOption, checkout_with
from triage_ml.errors import CaseError, MissingExtraError

app = typer.Typer()
# Variables that name a file or folder, or the address of a database.
_PLACES = ("TRIAGE_DATABASE_URL", "TRIAGE_HOME", "TRIAGE_MODEL", "TRIAGE_POLICY", "TRIAGE_TEMPLATES", "TRIAGE_ROLES")


@app.command()
def review(
    port: Annotated[int, typer.Option(help="Where it listens, on this machine only.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    database: DatabaseOption = None,
    model: ModelOption = None,
    policy: PolicyOption = None,
    templates: TemplatesOption = None,
) -> None:
    """Open the review screen: what is due, one case after another, replies to edit and copy.

    It listens on this machine only; docs/screen.md says how a team puts a login in front, and who may do what.
    """
    if find_spec("streamlit") is None:
        raise MissingExtraError("the review screen", "screen")
    root = checkout_with("app/main.py")
    if root is None:
        raise CaseError("app/main.py", "nothing here", "a checkout of the project, where the screen is", "Run this in it.")
    chosen = {"TRIAGE_DATABASE_URL": database, "TRIAGE_MODEL": model, "TRIAGE_POLICY": policy, "TRIAGE_TEMPLATES": templates}
    named = {name: str(chosen.get(name) or os.environ.get(name, "")) for name in _PLACES}
    # The screen runs in the checkout: a path that counts from here must still be found.
    placed = {name: place if "://" in place else str(Path(place).resolve()) for name, place in named.items() if place}
    flags = ["--server.port", str(port), "--server.headless", str(not browser).lower()]
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", *flags]
    raise typer.Exit(subprocess.run(command, cwd=root, env={**os.environ, **placed}, check=False).returncode)
