import json
import re
from dataclasses import replace

import numpy as np
import pytest

from triage_ml.corpus import load_labelled
from triage_ml.errors import MissingExtraError
from triage_ml.evaluation import Judged, as_json, calibration_error, errors, evaluate, f1_by_claim, figures, judged
from triage_ml.evaluation_report import Section, write_report
from triage_ml.messages import Claim


@pytest.fixture
def found():
    """Four texts: two right and sure, one right and unsure, one wrong and sure; two abusive, one of them and one fair flagged."""
    return Judged(
        claim=np.array([0, 1, 2, 3]),
        probabilities=np.array(
            [[0.9, 0.05, 0.03, 0.02], [0.1, 0.8, 0.05, 0.05], [0.2, 0.2, 0.4, 0.2], [0.95, 0.02, 0.02, 0.01]]
        ),
        inside=np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 0]], dtype=bool),
        abuse=np.array([True, True, False, False]),
        abuse_probability=np.array([0.9, 0.3, 0.95, 0.1]),
        flagged=np.array([True, False, True, False]),
        unsure=np.array([False, False, True, False]),
    )


def test_figures_are_what_one_counts_by_hand(found):
    result = figures(found)
    assert (result.texts, result.accuracy, result.coverage, result.set_size) == (4, 0.75, 0.75, 1.25)
    assert result.f1 == {"quality": pytest.approx(2 / 3), "mismatch": 1, "subjective": 1, "other": 0}
    assert result.macro_f1 == pytest.approx((2 / 3 + 2) / 4)
    assert (result.abuse, result.flagged, result.abuse_precision, result.abuse_recall) == (2, 2, 0.5, 0.5)
    assert result.accuracy_surest == pytest.approx(2 / 3)  # of 0.95 (wrong), 0.9, 0.8
    assert result.unsure == 0.25


def test_macro_f1_agrees_with_scikit_learn():
    from sklearn.metrics import f1_score

    random = np.random.default_rng(1)
    truth, guess = random.integers(0, 4, 500), random.integers(0, 4, 500)
    assert np.mean([*f1_by_claim(truth, guess).values()]) == pytest.approx(f1_score(truth, guess, average="macro"))


def test_calibration_error_is_nought_only_where_stated_is_reached():
    right = np.array([True] * 7 + [False] * 3)
    assert calibration_error(np.full(10, 0.7), right) == pytest.approx(0)
    assert calibration_error(np.full(10, 0.95), right) == pytest.approx(0.25)


def test_no_flag_and_no_abuse_is_no_share(found):
    result = figures(found.part(np.array([False, False, False, True])))
    assert np.isnan(result.abuse_precision) and np.isnan(result.abuse_recall)
    assert as_json(result)["abuse_precision"] is None


def test_a_report_shows_every_figure_and_escapes_what_a_buyer_wrote(tmp_path, fitted, rows):
    texts = [replace(rows[0], claim=Claim.OTHER if rows[0].claim != "other" else Claim.QUALITY), *rows[1:60]]
    said = fitted[0].predict_many([r.text for r in texts])
    found = judged(texts, said)
    wrong = [{**errors(texts, said)[0], "text": "<script>alert(1)</script>"}]
    page = write_report(
        tmp_path, "a <model>", [Section("sixty", evaluate(texts, found), found, wrong)], {"Curve": {"a": [(1, 0.2), (2, 0.4)]}}
    ).read_text("utf-8")
    assert "<script>" not in page and "&lt;script&gt;" in page and "a &lt;model&gt;" in page
    for picture in re.findall(r'src="([^"]+)"', page):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    assert len(re.findall(r"<img", page)) == 5
    kept = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert kept["sections"]["sixty"]["total"]["texts"] == 60


def test_without_matplotlib_the_extra_is_named(tmp_path, found, monkeypatch, rows):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r'"\.\[mlflow\]"'):
        write_report(tmp_path, "m", [Section("s", evaluate(rows[:4], found), found)])


def test_errors_name_the_cues(fitted, tmp_path):
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"lang": "en", "text": "It broke and leaks, poor quality", "claim": "other", "abuse": False}), "utf-8"
    )
    rows = load_labelled(tmp_path / "a.jsonl")
    [error] = errors(rows, fitted[0].predict_many([r.text for r in rows]))
    assert (error["is"], error["judged"]) == ("other", "quality")
    assert any(cue.startswith("fault") for cue in error["cues"])
