from pathlib import Path

import pytest

from triage_ml.corpus import load_corpus
from triage_ml.european import _BREAK, _DEPTH, _walk, classify_many
from triage_ml.language import LANGUAGES, detect

CORPUS = Path(__file__).parents[1] / "training" / "corpus"


@pytest.mark.parametrize(
    ("text", "hint", "language"),
    [
        ("The ring snapped on the second day.", "", "en"),
        ("Der Ring ist am zweiten Tag gebrochen.", "", "de"),
        ("La bague s'est cassée le deuxième jour.", "", "fr"),
        ("El anillo se rompió al segundo día.", "", "es"),
        ("L'anello si è rotto il secondo giorno.", "", "it"),
        ("指輪が二日目に壊れました。", "", "ja"),
        ("戒指第二天就断了。", "", "zh"),
        ("戒指第二天就斷了，請退款", "en", "zh"),
        ("名入れ間違い", "en", "ja"),
        ("返品希望", "ja", "ja"),
        ("返品希望", "", "zh"),
        ("ok", "de-DE", "de"),
        ("👍", "fr", "fr"),
        ("", "", "en"),
        ("Kaputt :(", "klingon", "de"),
    ],
)
def test_language(text, hint, language):
    assert detect(text, hint) == language


def test_the_corpus_is_read_in_its_languages(rows):
    right = sum(detect(row.text) == row.lang for row in rows)
    assert right / len(rows) > 0.98
    assert {row.lang for row in rows} == set(LANGUAGES)


def test_all_at_once_says_what_py3langid_says_of_each():
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    library = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    library.set_languages(["en", "de", "fr", "es", "it"])
    texts = [row.text for row in load_corpus(CORPUS)[::20]]
    texts += [
        "",
        "ß",
        "MIT VERSALIEN GESCHRIEBEN, SEHR UNZUFRIEDEN",
        "\ud800 half",
        "¿Dónde está? " * 400,
        "x",
        "ab\xffcd",
        "e\u0301cran cassé",
    ]
    for said, (language, probability) in zip(classify_many(texts), map(library.classify, texts), strict=True):
        assert said[0] == language and said[1] == pytest.approx(probability, abs=1e-3)


def test_the_library_looks_back_no_farther_than_is_walked():
    walk, known, front, depth = _walk(), {0}, {0}, 0
    while (
        front := {int(one) for state in front for one in set(walk.following[int(walk.rows[state]) << 8 :][:256].tolist())}
        - known
    ):
        known |= front
        depth += 1
    assert depth == _DEPTH
    assert {int(walk.following[(int(walk.rows[state]) << 8) + _BREAK[0]]) for state in known} == {0}
