"""What keeps the house in order: floors, names, light imports, documentation that runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import triage_ml
from triage_ml.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
HEAVY = ("sklearn", "spacy", "mlflow", "pandas", "streamlit", "pyarrow", "scipy", "skops", "sqlalchemy")


def test_an_upper_floor_imports_lower_ones_never_the_reverse():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_public_names_are_sorted_and_there():
    assert triage_ml.__all__ == sorted(triage_ml.__all__, key=lambda name: (name.islower(), name))
    for name in triage_ml.__all__:
        assert getattr(triage_ml, name).__doc__
    with pytest.raises(AttributeError, match="nonsense"):
        _ = triage_ml.nonsense


@pytest.mark.parametrize(
    "code",
    [
        "import triage_ml",
        "import sys; sys.argv = ['triage-ml', '--help']; from triage_ml.cli import app; app(standalone_mode=False)",
    ],
)
def test_importing_and_help_stay_light(code):
    check = f"{code}\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_importing_writes_nothing(tmp_path):
    subprocess.run(
        [sys.executable, "-B", "-c", "import triage_ml, triage_ml.triage, triage_ml.batch"], cwd=tmp_path, check=True
    )
    assert list(tmp_path.iterdir()) == []


def _commands(command, name=""):
    children = getattr(command, "commands", {})
    if not children:
        yield name
    for child_name, child in children.items():
        yield from _commands(child, f"{name} {child_name}".strip())


def test_every_command_is_documented():
    for name in _commands(get_command(app)):
        assert f"triage-ml {name}" in README, name


def test_the_two_commands_stand_before_line_25():
    lines = [
        n for n, line in enumerate(README.splitlines(), 1) if line.startswith("    python -m pip install") and "&&" in line
    ]
    assert len(lines) == 2 and max(lines) < 25


def test_the_readme_s_code_runs(model_folder, monkeypatch, capsys):
    monkeypatch.setenv("TRIAGE_MODEL", str(model_folder))
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 1
    assert len([line for line in blocks[0].splitlines() if line.strip()]) <= 8
    exec(compile(blocks[0], "README.md", "exec"), {})  # noqa: S102 - our own documentation
    assert "Name mug" in capsys.readouterr().out


def test_style_and_types():
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_committed_names_a_host_or_a_machine():
    names = re.compile("py" + "pi.org|python" + "hosted|/wo" + "rk/|deb." + "debian")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, files):
        assert not names.search((ROOT / name).read_bytes().decode("utf-8", "replace")), name
