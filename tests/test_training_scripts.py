import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from triage_ml.corpus import data_hash, load_corpus

TRAINING = Path(__file__).parents[1] / "training"


def _run(script, *arguments):
    return subprocess.run(
        [sys.executable, TRAINING / script, *arguments], capture_output=True, text=True, encoding="utf-8", check=False
    )


@pytest.fixture
def folder(tmp_path):
    def write(*texts):
        rows = [
            {"id": f"t{n}", "lang": "en", "text": text, "claim": "quality", "abuse": False, "writer": "w"}
            for n, text in enumerate(texts)
        ]
        (tmp_path / "en.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
        return tmp_path

    return write


def test_near_duplicates_are_named(folder):
    done = _run(
        "check_corpus.py",
        folder("The clasp of my necklace broke today", "Colour is wrong", "the clasp of my necklace broke, today!"),
    )
    assert done.returncode == 1
    assert "near-duplicates: t0 and t2" in done.stdout and "t1" not in done.stdout


def test_the_shipped_corpus_has_no_near_duplicates_and_keeps_its_size():
    done = _run("check_corpus.py")
    assert done.returncode == 0, done.stdout
    totals = {line[:2]: int(line[4:].split()[0]) for line in done.stdout.splitlines() if " texts of " in line}
    assert totals["en"] >= 2000 and sum(totals.values()) >= 6000 and min(totals.values()) >= 600


def test_the_readme_shows_the_table_that_was_measured_last():
    text = (TRAINING / "goals.md").read_text("utf-8")
    readme = (TRAINING.parent / "README.md").read_text("utf-8")
    assert text.strip() in readme
    measured = re.search(r"Corpus (\w{12})", text)[1]
    assert data_hash(load_corpus(TRAINING / "corpus")).startswith(measured), "run training/evaluate.py --write"


def test_parameters_are_compared_on_held_out_groups(tmp_path):
    done = subprocess.run(
        [sys.executable, TRAINING / "choose_parameters.py", "strenght=1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "expected NAME=VALUE,VALUE with a name of strength" in done.stderr
