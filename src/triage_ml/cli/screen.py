"""The command that opens the review screen."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from triage_ml.cli.options import DatabaseOption, ModelOption, PolicyOption, TemplatesOption, checkout_with
from triage_ml.errors import CaseError, MissingExtraError

app = typer.Typer()


@app.command()
def review(
    port: Annotated[int, typer.Option(help="Where it listens, on this machine only.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    database: DatabaseOption = None,
    model: ModelOption = None,
    policy: PolicyOption = None,
    templates: TemplatesOption = None,
) -> None:
    """Open the review screen: what is due, one case after another, replies to edit and copy."""
    if find_spec("streamlit") is None:
        raise MissingExtraError("the review screen", "screen")
    root = checkout_with("app/main.py")
    if root is None:
        raise CaseError("app/main.py", "nothing here", "a checkout of the project, where the screen is", "Run this in it.")
    chosen = {
        "TRIAGE_DATABASE_URL": database,
        "TRIAGE_MODEL": model and model.resolve(),
        "TRIAGE_POLICY": policy and policy.resolve(),
        "TRIAGE_TEMPLATES": templates and templates.resolve(),
    }
    environment = {**os.environ, **{name: str(value) for name, value in chosen.items() if value}}
    flags = ["--server.port", str(port), "--server.headless", str(not browser).lower()]
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", *flags]
    raise typer.Exit(subprocess.run(command, cwd=root, env=environment, check=False).returncode)
