import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skops.io

from triage_ml import model_files
from triage_ml.errors import ModelError, ModelNotFoundError, UntrustedModelError

CORPUS = Path(__file__).parents[1] / "training" / "corpus"


@pytest.fixture
def copy(model_folder, tmp_path):
    return shutil.copytree(model_folder, tmp_path / "model")


def _sign(folder):
    """Make the manifest agree, as an attacker would."""
    hashes = {name: model_files._sha256((folder / name).read_bytes()) for name in model_files._FILES}
    (folder / "manifest.json").write_text(json.dumps({"sha256": hashes}), "utf-8")


def test_saved_and_loaded_it_says_the_same(fitted, model_folder):
    texts = ["The ring snapped", "falscher Name", "太小了", "où est mon colis"]
    assert model_files.load(model_folder).predict_many(texts) == fitted[0].predict_many(texts)


def test_what_is_built_has_learned_what_skops_would_build(model_folder):
    path = model_folder / "model.skops"
    theirs = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    ours = model_files.load(model_folder).parts
    for name in ("claim", "abuse", "reply_words", "reply_choice"):
        mine, other = getattr(ours, name), theirs[name]
        assert np.array_equal(mine.coef_, other.coef_) and np.array_equal(mine.intercept_, other.intercept_)
        assert mine.n_features_in_ == other.n_features_in_
    mine, other = ours.features.named_transformers, theirs["features"].named_transformers
    for name in ("words", "characters"):
        assert mine[name].vocabulary_ == other[name].vocabulary_ and mine[name].min_df == other[name].min_df
        assert np.array_equal(mine[name].idf_, other[name].idf_) and mine[name].idf_.dtype == other[name].idf_.dtype
    assert mine["cues"]["columns"].vocabulary_ == other["cues"]["columns"].vocabulary_
    assert mine["cues"]["columns"].feature_names_ == other["cues"]["columns"].feature_names_


def test_a_loaded_model_may_be_handed_to_another_process(model_folder):
    loaded = model_files.load(model_folder)
    assert pickle.loads(pickle.dumps(loaded)).predict("The ring snapped") == loaded.predict("The ring snapped")


def test_loading_imports_neither_scikit_learn_nor_skops(model_folder):
    code = (
        "import sys; from pathlib import Path; from triage_ml.model_files import load; load(Path(sys.argv[1])); "
        "print(*{'sklearn', 'skops', 'pandas', 'mlflow'} & sys.modules.keys())"
    )
    assert subprocess.check_output([sys.executable, "-c", code, model_folder], text=True).split() == []


@pytest.mark.parametrize("name", model_files._FILES)
def test_a_changed_file_is_refused(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(UntrustedModelError, match="changed after saving"):
        model_files.load(copy)


def test_a_pickle_is_refused_even_with_a_valid_manifest(copy):
    (copy / "model.skops").write_bytes(pickle.dumps({"features": 1}))
    _sign(copy)
    with pytest.raises(UntrustedModelError, match="cannot be read as a skops file"):
        model_files.load(copy)


def test_a_type_that_could_run_code_is_refused_before_anything_is_built(copy):
    skops.io.dump({"features": shutil.rmtree}, copy / "model.skops")
    _sign(copy)
    with pytest.raises(UntrustedModelError, match="shutil.rmtree"):
        model_files.load(copy)


def test_no_model_says_how_to_make_one(tmp_path):
    with pytest.raises(ModelNotFoundError, match="triage-ml train"):
        model_files.load(tmp_path / "nowhere")
    with pytest.raises(ModelNotFoundError, match="an empty folder"):
        model_files.load(tmp_path)


def test_another_format_is_refused(copy):
    about = json.loads((copy / "model.json").read_text("utf-8")) | {"format": 99}
    (copy / "model.json").write_text(json.dumps(about), "utf-8")
    _sign(copy)
    with pytest.raises(ModelError, match="format 99"):
        model_files.load(copy)


def test_saving_over_a_model_replaces_it_whole(fitted, copy):
    (copy / "leftover").touch()
    model_files.save(fitted[0], copy, {"again": True}, "# Card\n")
    assert sorted(p.name for p in copy.iterdir()) == ["card.md", "held_out.json", "manifest.json", "model.json", "model.skops"]
    assert model_files.facts(copy)["again"] is True
    assert [p.name for p in copy.parent.iterdir()] == [copy.name]


def test_answers_held_out_are_kept(fitted, copy):
    model_files.save(fitted[0], copy, {}, "", {"a": [0.1, 0.2, 0.30004, 0.4, 0.5, 1.0], "b é": [1, 0, 0, 0, 0, 0]})
    assert model_files.held_out(copy) == {"a": [0.1, 0.2, 0.3, 0.4, 0.5, 1.0], "b é": [1, 0, 0, 0, 0, 0]}
    assert model_files.version(copy) == model_files.load(copy).version


def test_a_model_of_an_older_version_is_refused_as_such(copy):
    (copy / "held_out.json").unlink()
    hashes = json.loads((copy / "manifest.json").read_text("utf-8"))["sha256"]
    (copy / "manifest.json").write_text(
        json.dumps({"sha256": {k: v for k, v in hashes.items() if k != "held_out.json"}}), "utf-8"
    )
    with pytest.raises(ModelError, match="another version"):
        model_files.load(copy)


def test_the_same_texts_give_the_same_files_in_every_process(tmp_path):
    code = (
        "import sys; from pathlib import Path; from triage_ml.corpus import load_corpus; from triage_ml.learning import *; "
        "from triage_ml.model_files import save; rows = load_corpus(Path(sys.argv[1]))[::40]; "
        "save(fit(rows, Parameters(folds=3))[0], Path(sys.argv[2]), {}, '')"
    )
    for seed in "12":
        subprocess.run(
            [sys.executable, "-c", code, CORPUS, tmp_path / seed], env={**os.environ, "PYTHONHASHSEED": seed}, check=True
        )
    assert (tmp_path / "1" / "manifest.json").read_bytes() == (tmp_path / "2" / "manifest.json").read_bytes()
