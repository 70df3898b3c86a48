import random
import string
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from triage_ml import cues, text
from triage_ml.errors import LanguageDataError
from triage_ml.language import LANGUAGES


@pytest.fixture
def lexicon(monkeypatch, tmp_path):
    """A lexicon of our own, so that these tests state how phrases work and not what the shipped ones say."""

    def use(phrases, language="en"):
        (tmp_path / "data" / "cues").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "cues" / f"{language}.toml").write_text(phrases, "utf-8")
        monkeypatch.setattr(cues, "files", lambda _: tmp_path)
        text._reader.cache_clear()
        return lambda words: [
            (words[c.start : c.end], c.type + "!" * c.negated + "?" * c.asked) for c in text.read(words, language).cues
        ]

    yield use
    text._reader.cache_clear()


CUES = """
fault.phrases = ["broken", "stopped (working|charging)", "fell apart"]
differs.phrases = ["wrong size", "ordered … (but|and) (got|received)", "ordered # … got #"]
own_error.phrases = ["i ordered the wrong size"]
no_fault.phrases = ["nothing is broken"]
negation.phrases = ["not", "never"]
contrast.phrases = ["but"]
"""


@pytest.mark.parametrize(
    ("words", "cues"),
    [
        ("It is BROKEN.", [("BROKEN", "fault")]),
        ("It stops charging", [("stops charging", "fault")]),
        ("it isn't broken", [("broken", "fault!")]),
        ("it isnt really broken", [("broken", "fault!")]),
        ("Not. It is broken", [("broken", "fault")]),
        ("Will it be broken? It was broken.", [("broken", "fault?"), ("broken", "fault")]),
        ("nothing is broken", [("nothing is broken", "no_fault")]),
        ("I ordered the wrong size", [("I ordered the wrong size", "own_error")]),
        ("You sent the wrong size", [("wrong size", "differs")]),
        ("ordered blue but received red", [("ordered blue but received", "differs")]),
        ("I ordered. But later it fell apart and I received nothing", [("fell apart", "fault")]),
        ("ordered 12 of them, got 9", [("ordered 12 of them, got 9", "differs")]),
        ("It’s b r o k e n", []),
        ("", []),
    ],
)
def test_phrases(lexicon, words, cues):
    assert lexicon(CUES)(words) == cues


def test_japanese_is_matched_by_character(lexicon):
    find = lexicon('fault.phrases = ["壊れ"]\nnegation.phrases = ["ない"]\ndiffers.phrases = ["頼んだ…届い"]', "ja")
    assert find("届いたら壊れていました") == [("壊れ", "fault")]
    assert find("Lを頼んだのにMが届いた") == [("頼んだのにMが届い", "differs")]


def test_accents_and_inflection_do_not_matter(lexicon):
    find = lexicon('fault.phrases = ["est cassé"]', "fr")
    assert [kind for _, kind in find("la bague est cassee")] == ["fault"]
    assert [kind for _, kind in find("Elle est CASSÉE")] == ["fault"]


@pytest.mark.parametrize(
    "wrong",
    ['faults.phrases = ["x"]', 'fault.phrases = ["(a|b"]', 'fault.phrases = ["a)"]', "fault = ", 'fault.phrases = ["(a|)"]'],
)
def test_a_wrong_cue_file_is_named(lexicon, wrong):
    with pytest.raises(LanguageDataError):
        lexicon(wrong)("x")


@pytest.mark.parametrize(
    ("phrase", "found", "not_found"),
    [
        (
            "(won't|will not) (turn|switch) on",
            ["It won't turn on", "it will not switch on", "wont turn on!"],
            ["turn on", "won't on"],
        ),
        ("(really |)bad", ["bad", "really bad"], ["really"]),
        ("(is (so |very )(thin|light)|was cheap)", ["it is so thin", "was cheap", "is very light"], ["is thin"]),
        ("crack(ed|s|) (top|)", ["cracked top", "a crack", "cracks"], ["crackle"]),
        ("only # (came|in the box)", ["only 3 came", "only 11 in the box"], ["only three came"]),
    ],
)
def test_groups(lexicon, phrase, found, not_found):
    find = lexicon(f"fault.phrases = [{phrase!r}]")
    assert all(find(words) for words in found)
    assert not any(find(words) for words in not_found)


def test_spans_point_into_the_cleaned_text(rows):
    for reading in text.read_many([r.text for r in rows[:200]], [r.lang for r in rows[:200]]):
        for cue in reading.cues:
            assert 0 <= cue.start < cue.end <= len(reading.text)
            assert reading.text[cue.start : cue.end].strip() == reading.text[cue.start : cue.end]


@pytest.mark.parametrize("words", ["\x00", "a" * 100_000, "🏳️‍🌈" * 50, "\ud7ff\n\n\n\n?", "ﷺ" * 9, "x\u0301" * 400, "¿" * 99])
def test_any_text_can_be_read(words):
    for language in LANGUAGES:
        assert text.read(words, language).text == text.clean(words)


def test_threads_that_meet_new_words_at_one_time_read_the_same():
    drawn = random.Random(7)
    signs = string.ascii_lowercase + "'.,"
    texts = [" ".join("".join(drawn.choices(signs, k=8)) for _ in range(200)) for _ in range(16)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads come between each other's steps far more often than they would
    try:
        with ThreadPoolExecutor(16) as threads:
            together = list(threads.map(text._reader.__wrapped__("en").read, texts))
    finally:
        sys.setswitchinterval(interval)
    alone = text._reader.__wrapped__("en")
    assert together == [alone.read(one) for one in texts]


def test_every_shipped_lexicon_says_broken():
    words = {
        "en": "it is broken",
        "de": "es ist kaputt",
        "fr": "c'est cassé",
        "es": "está roto",
        "it": "è rotto",
        "ja": "壊れています",
        "zh": "坏了",
    }
    for language, phrase in words.items():
        assert {c.type for c in text.read(phrase, language).cues} & {"fault", "damage", "stopped"}, language
