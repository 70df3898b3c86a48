"""The measurement of the labelling queue, run as a person runs it, on a checkout with a tiny corpus."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from triage_ml.classifier import thresholds_to
from triage_ml.corpus import data_hash, load_corpus

ROOT = Path(__file__).parents[1]
SHOPS = {
    "electronics, copies among the waiting", "clothes and jewellery", "five European writers",
    "a new language: French", "a new language: Japanese", "English, and new to Japan",
}  # fmt: skip


@pytest.fixture(scope="module")
def checkout(fitted, tmp_path_factory):
    """Every fifteenth text of the corpus, with what the script needs around it."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "training" / "corpus").mkdir(parents=True)
    for file in (ROOT / "training" / "corpus").glob("*.jsonl"):
        lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
        (root / "training" / "corpus" / file.name).write_text("\n".join(lines[::15]) + "\n", "utf-8")
    for name in ("label_queue.py", "params.toml"):
        shutil.copy(ROOT / "training" / name, root / "training" / name)
    (root / "docs").mkdir()
    (root / "docs" / "labelling.md").write_text("# Before\n\n<!-- queue -->\nold figures\n<!-- /queue -->\n\nAfter.\n", "utf-8")
    (root / "models" / "default").mkdir(parents=True)
    about = {"thresholds": thresholds_to(fitted[0].thresholds)}
    (root / "models" / "default" / "model.json").write_text(json.dumps(about), "utf-8")
    return root


def _run(checkout, *arguments):
    return subprocess.run(
        [sys.executable, checkout / "training" / "label_queue.py", *arguments],
        cwd=checkout, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


def test_it_measures_every_shop_and_writes_what_it_says(checkout):
    done = _run(checkout, "--seeds", "1", "--write")
    assert done.returncode == 0, done.stderr[-2_000:]
    kept = json.loads((checkout / "training" / "label-queue.json").read_text("utf-8"))
    assert kept["corpus"] == data_hash(load_corpus(checkout / "training" / "corpus")) and kept["seeds"] == 1
    assert set(kept["shops"]) == SHOPS
    for strategies in kept["shops"].values():
        assert len(strategies) == 5 and "random 0" in strategies
        for steps in strategies.values():
            assert list(steps) == ["0", "25", "50", "100", "200"]
            assert all(0 <= value <= 1 for measures in steps.values() for value in measures.values())
            assert "abuse_precision" in steps["0"] and "abuse_precision" in steps["200"]
    page = (checkout / "docs" / "labelling.md").read_text("utf-8")
    told = re.search(r"<!-- queue -->\n(.*)<!-- /queue -->", page, re.DOTALL)[1]
    assert told in done.stdout and "old figures" not in page
    assert page.startswith("# Before\n") and page.endswith("\n\nAfter.\n")
    for shop in SHOPS:
        assert re.search(rf"^\| {re.escape(shop)} \| 0\.\d+ \| [+-]\d+\.\d \| [+-]\d+\.\d \|$", told, re.MULTILINE)


def test_a_page_without_the_place_for_the_table_is_left_alone(checkout):
    page = checkout / "docs" / "labelling.md"
    page.write_text("# No table here\n", "utf-8")
    done = _run(checkout, "--seeds", "1", "--write")
    assert done.returncode == 1 and "<!-- queue -->" in done.stderr and "Traceback" not in done.stderr
    assert page.read_text("utf-8") == "# No table here\n"


def test_the_page_shows_the_figures_that_were_measured_last():
    kept = json.loads((ROOT / "training" / "label-queue.json").read_text("utf-8"))
    page = (ROOT / "docs" / "labelling.md").read_text("utf-8")
    assert f"Corpus {kept['corpus'][:12]}" in page and set(kept["shops"]) == SHOPS
    for shop, figures in kept["shops"].items():
        assert f"| {shop} | {figures['unsure and rare, together']['0']['macro_f1']:.3f} |" in page
