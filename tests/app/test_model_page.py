"""The Model page: which model counts, promote and roll back, contradictions settled, work in the background, and its limits."""

import json
import shutil
import time
from hashlib import sha256
from io import BytesIO

import pytest
from reading import button, field, has_button, html_of, text_of

import roles
from model import retraining
from triage_ml import champions
from triage_ml.cases import Label
from triage_ml.messages import Claim

SAME = "The handle broke off on day one. <script>alert(1)</script> **Really**"
COMPARISON = {
    "differences": [
        {
            "where": "the corpus", "what": "macro-F1", "texts": 900, "champion": 0.88, "challenger": 0.89, "better": 0.01,
            "low": -0.01, "high": 0.03, "margin": 0.02, "verdict": "holds",
        }
    ],
    "promote": True,
    "reasons": ["1 figures are surely within their margins; the nearest is macro-F1 on the corpus (900 texts): 0.880 to 0.890, "
                "better by +0.010 [-0.010 to +0.030]."],
}  # fmt: skip


@pytest.fixture
def own(model_folder, tmp_path, monkeypatch):
    """A shop without TRIAGE_MODEL, with the small model as the shipped one and another beside it; returns its version."""
    shutil.copytree(model_folder, tmp_path / "models" / "default")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIAGE_MODEL")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = champions.models() / "aaaabbbbcccc"
    shutil.copytree(model_folder, folder)
    about = json.loads((folder / "model.json").read_text("utf-8"))
    about |= {"comparison": COMPARISON, "champion": "ffff", "shop": {"learned": 60}}
    (folder / "model.json").write_text(json.dumps(about), "utf-8")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["sha256"]["model.json"] = sha256((folder / "model.json").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder.name


@pytest.fixture
def opened(screen):
    """Open a part of the page, and wait for what it begins."""

    def start(part="counts", **more):
        at = screen("model", **more)
        return settled(at.segmented_control(key="model-part").set_value(part).run())

    return start


def settled(at):
    for _ in range(100):
        if not any((one.key or "").startswith("model-stop-") for one in at.button):
            assert not at.exception
            return at
        time.sleep(0.1)
        at.run()
    raise AssertionError("the work did not end")


def test_a_challenger_is_promoted_with_a_reason_and_taken_back(opened, own, record):
    at = opened()
    assert "shipped with the program" in text_of(at) and "Proposed: better or equal" in text_of(at)
    assert "It was compared with ffff" in text_of(at)
    button(at, "model-promote").click().run()
    assert "Write the reason" in text_of(at) and champions.champion() == ""
    field(at, "text_input", "model-why-promote").set_value("better for <b>us</b>").run()
    button(at, "model-promote").click().run()
    assert champions.champion() == own and f"The model that counts is now: {own}" in text_of(at)
    assert "<b>us</b>" not in html_of(at) and "your shop's own" in text_of(at)
    field(at, "text_input", "model-why-rollback").set_value("flags too much").run()
    button(at, "model-rollback").click().run()
    assert champions.champion() == "" and [one.by for one in champions.history()] == ["Mia", "Mia"]
    file = BytesIO()
    record.export_ledger(file)
    kinds = [json.loads(line).get("kind") for line in file.getvalue().splitlines()]
    assert kinds.count("promotion") == 2


def test_a_model_that_was_changed_is_told_in_a_sentence_and_does_not_count(opened, own):
    (champions.models() / own / "model.json").write_text("{}", "utf-8")
    at = opened()
    assert "changed after saving" in text_of(at) and champions.champion() == ""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_contradictions_are_shown_as_text_and_settled(opened, arrive, record, language):
    first, second = arrive(SAME, SAME)
    record.label(first, Label("Noah", Claim.QUALITY))
    record.label(second, Label("Lena", Claim.MISMATCH))
    at = opened("train", language=language)
    assert "<script>" not in html_of(at) and "&lt;script&gt;" in html_of(at) and "Noah" in text_of(at)
    assert not any("**Really**" in one.value for kind in ("markdown", "caption") for one in getattr(at, kind))
    assert button(at, "model-retrain").disabled
    next(one for one in at.selectbox if one.value is Claim.MISMATCH).set_value(Claim.QUALITY).run()
    saves = [one for one in at.button if (one.key or "").startswith("settle-")]
    saves[-1].click().run()
    settled(at)
    assert record.case(second).labels[-1].label.claim is Claim.QUALITY
    assert "&lt;script&gt;" not in html_of(at) and not button(at, "model-retrain").disabled


def test_without_labels_and_without_the_corpus_it_says_what_to_do(opened, arrive, record, monkeypatch):
    assert "nobody has labelled or decided a case" in text_of(opened("train"))
    record.label(arrive("The handle broke off.")[0], Label("Noah", Claim.QUALITY))
    monkeypatch.setattr(retraining, "training_folder", lambda: None)
    at = opened("train")
    assert "checkout of the project" in text_of(at) and not has_button(at, "model-retrain")


def test_a_retraining_that_cannot_be_done_is_one_sentence(opened, arrive, record, monkeypatch, tmp_path):
    record.label(arrive("The handle broke off.")[0], Label("Noah", Claim.QUALITY))
    monkeypatch.setattr(retraining, "training_folder", lambda: tmp_path / "nowhere")
    at = opened("train")
    button(at, "model-look").click().run()
    settled(at)
    assert 'class="note bad"' in html_of(at) and "Traceback" not in text_of(at)


def test_drift_of_a_small_record_says_that_nothing_could_be_tested(opened, arrive):
    arrive("The handle broke off.")
    at = opened("drift", language="zh")
    button(at, "model-drift").click().run()
    settled(at)
    assert "没有工单" in text_of(at) or "还无法检验" in text_of(at)
    assert len(at.dataframe[0].value) == 13


def test_without_a_store_the_runs_are_a_sentence(opened, own):
    assert "mlflow" in text_of(opened("runs")) or "No run is kept yet" in text_of(opened("runs"))


def test_only_an_admin_may_open_it(screen, monkeypatch):
    monkeypatch.setattr(roles, "access", lambda: roles.Access(roles.Role.REVIEWER))
    assert not has_button(screen("model"), "model-promote")
