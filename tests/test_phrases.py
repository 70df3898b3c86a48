"""The automaton of phrases against regular expressions, which is what it stands for."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.errors import LanguageDataError
from triage_ml.phrases import PhraseAutomaton, Phrases

KEYS = ["a", "b", "c", "not", "#"]
units = st.recursive(
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=2).map(tuple),
    lambda inner: st.lists(st.lists(inner, max_size=2), min_size=1, max_size=3),
    max_leaves=6,
)
phrases = st.lists(units, min_size=1, max_size=3)


def expression(phrase):
    """Every unit as a group; possessive nothing, so that all ends can be tried."""
    return "".join(
        "".join(f"{re.escape(key)} " for key in unit)
        if isinstance(unit, tuple)
        else f"(?:{'|'.join(expression(one) for one in unit)})"
        for unit in phrase
    )


def ends(phrase, keys, begin):
    """Where a phrase that begins here may end."""
    whole = re.compile(expression(phrase))
    return {end for end in range(begin + 1, len(keys) + 1) if whole.fullmatch("".join(f"{key} " for key in keys[begin:end]))}


@given(
    st.lists(phrases, min_size=1, max_size=4),
    st.lists(st.lists(st.sampled_from([*KEYS, "other"]), max_size=8), min_size=1, max_size=3),
)
def test_it_finds_what_regular_expressions_find(choices, texts):
    written, added = Phrases(), {}
    for number, phrase in enumerate(choices):
        try:
            written.add(phrase, number % 3, str(number))
            added.setdefault(number % 3, []).append(phrase)
        except LanguageDataError:
            assert re.fullmatch(expression(phrase), "")
    automaton = PhraseAutomaton(written.plain(), lambda numbers: numbers)
    for keys in texts * 2:  # the second time by states that are there already
        found = {(begin, end, number) for begin, end, numbers in automaton.find(keys) for number in numbers}
        meant = {
            (begin, end, number)
            for number, some in added.items()
            for phrase in some
            for begin in range(len(keys))
            for end in ends(phrase, keys, begin)
        }
        assert found == meant


def test_ends_come_in_order():
    written = Phrases()
    written.add([("it",), [[("is",)], []], ("broken",)], 0, "it (is|) broken")
    written.add([("it",)], 1, "it")
    automaton = PhraseAutomaton(written.plain(), sorted)
    assert list(automaton.find(["it", "is", "broken"])) == [(0, 1, [1]), (0, 3, [0])]
    assert list(automaton.find([])) == []


def test_phrases_of_one_number_share_their_endings():
    written = Phrases()
    for number, words in enumerate([("it", "is", "broken"), ("that", "is", "broken"), ("broken",)]):
        written.add([words], number // 2, " ".join(words))
    assert sorted(written.plain()["keys"]) == ["broken", "broken", "is", "it", "that"]


def test_a_phrase_that_may_be_empty_is_refused():
    with pytest.raises(LanguageDataError, match="may be empty"):
        Phrases().add([[[("a",)], []]], 0, "(a|)")


def test_it_forgets_and_goes_on(monkeypatch):
    monkeypatch.setattr("triage_ml.phrases._MOST_STATES", 3)
    written = Phrases()
    for number, word in enumerate("abcdefgh"):
        written.add([(word, "x", "y")], number, word)
    automaton = PhraseAutomaton(written.plain(), sorted)
    for word in "abcdefgh" * 2:
        assert [(begin, end) for begin, end, _ in automaton.find([word, "x", "y"])] == [(0, 3)]
    assert len(automaton._states) <= 6
