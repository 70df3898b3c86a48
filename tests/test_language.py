import pytest

from triage_ml.language import LANGUAGES, detect


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
