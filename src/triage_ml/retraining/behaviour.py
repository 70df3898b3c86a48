"""What must hold of any model, whatever a message's wording: checks written by hand, run on a judge.

Invariance: what says nothing of the goods changes nothing. Direction: what speaks for a class moves the probability its way
(CheckList; Ribeiro et al. 2020, arXiv:2005.04118). The texts stand in training/behaviour.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage_ml.classifier import Judge, Prediction
from triage_ml.errors import TrainingDataError
from triage_ml.messages import Category, Claim

# Shouted, whispered, with emoji, without the last stop, with wide gaps.
_FORMS: tuple[Callable[[str], str], ...] = (
    str.upper, str.lower, lambda text: f"{text} 😡😡", lambda text: text.rstrip(".。!?"), lambda text: text.replace(" ", "  "),
)  # fmt: skip
# How far a question takes the probability of a fault down, and a threat that of abuse up.
_CLEARLY = 0.3
_Predictions = Mapping[str, Prediction]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold.

    Parameters
    ----------
    kind
        "read", "frames", "forms", "added", "turned" or "threat".
    language
        Of its texts, ISO 639-1.
    text
        The text it was asked of.
    passed
        Whether it holds.
    """

    kind: str
    language: str
    text: str
    passed: bool


@dataclass(frozen=True, slots=True)
class _Test:
    kind: str
    language: str
    texts: tuple[str, ...]
    holds: Callable[[_Predictions], bool]


def check_behaviour(judge: Judge, path: Path) -> list[Check]:
    """Run every check on a judge.

    Parameters
    ----------
    judge
        What is asked.
    path
        The file of checks.

    Raises
    ------
    TrainingDataError
        Where the file cannot be read.
    """
    try:
        tests = list(_tests(tomllib.loads(path.read_text("utf-8"))))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingDataError(
            f"{path}: found {error!r}; expected the checks of a checkout. Take the file from there."
        ) from error
    texts = list(dict.fromkeys(text for test in tests for text in test.texts))
    said = dict(zip(texts, judge.predict_many(texts), strict=True))
    return [Check(test.kind, test.language, test.texts[-1], test.holds(said)) for test in tests]


def _tests(checks: Mapping[str, Any]) -> Iterator[_Test]:
    for language, texts in checks["read"].items():
        for claim in Claim:
            yield from _as_it_is(language, texts[claim.value], claim, texts["frames"])
    for row in checks["added"]:
        yield _added(row["language"], row["first"], f"{row['first']} {row['then']}", Claim(row["up"]), Claim(row["down"]))
    for row in checks["turned"]:
        yield _turned(row["language"], row["stated"], row["denied"], row["asked"])
    for row in checks["threat"]:
        yield _threat(row["language"], row["fault"], f"{row['fault']} {row['threat']}")


def _as_it_is(language: str, text: str, claim: Claim, frames: list[str]) -> Iterator[_Test]:
    yield _Test("read", language, (text,), lambda said: said[text].claim is claim)
    framed, formed = [frame.format(text) for frame in frames], [form(text) for form in _FORMS]
    for kind, others in (("frames", framed), ("forms", formed)):
        for other in others:
            yield _unchanged(kind, language, text, other)


def _unchanged(kind: str, language: str, text: str, other: str) -> _Test:
    return _Test(kind, language, (text, other), lambda said: said[other].claim is said[text].claim)


def _added(language: str, first: str, both: str, up: Claim, down: Claim) -> _Test:
    def holds(said: _Predictions) -> bool:
        before, after = said[first].probabilities, said[both].probabilities
        return after[up] > before[up] and after[down] < before[down]

    return _Test("added", language, (first, both), holds)


def _turned(language: str, stated: str, denied: str, asked: str) -> _Test:
    def holds(said: _Predictions) -> bool:
        fault, question = said[stated].probabilities[Claim.QUALITY], said[asked].probabilities[Claim.QUALITY]
        claims = said[stated].claim, said[denied].claim
        return claims == (Claim.QUALITY, Claim.SUBJECTIVE) and question < fault - _CLEARLY

    return _Test("turned", language, (stated, denied, asked), holds)


def _threat(language: str, fault: str, both: str) -> _Test:
    def holds(said: _Predictions) -> bool:
        alone, threatened = said[fault], said[both]
        louder = threatened.abuse > alone.abuse + _CLEARLY
        return alone.category is not Category.ABUSE and louder and threatened.claim is Claim.QUALITY

    return _Test("threat", language, (fault, both), holds)
