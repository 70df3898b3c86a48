"""What is found of drift: frozen results, ready for tables, JSON and the screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triage_ml.cases import CaseStore
    from triage_ml.classifier import Judge

_NOTHING: Mapping[str, float] = MappingProxyType({})


class Measure(StrEnum):
    """What is watched. An alarm is only for the direction that hurts; whatever changes in a mix, something in it grows."""

    CATEGORIES = "categories"
    LANGUAGES = "languages"
    CONFIDENCE = "confidence"
    ABSTENTION = "abstention"
    UNKNOWN_WORDS = "unknown_words"

    @property
    def of_model(self) -> bool:
        """Whether it is the model's say, so that weeks of two models cannot be compared."""
        return self in (Measure.CATEGORIES, Measure.CONFIDENCE, Measure.ABSTENTION)


@dataclass(frozen=True, slots=True)
class Week:
    """One week, from its Monday in UTC; each case counts once, with the first of the buyer's messages that was recorded.

    Parameters
    ----------
    monday
        Its first day.
    running
        Whether it is not over; such a week is shown and never tested.
    cases
        Cases that began in it.
    models
        Cases by the model that judged them. What follows on categories, confidence and abstention is that of `model` alone.
    model
        The one that judged most of them, "" without cases.
    categories
        Shares of the cases: abuse where decided, else the best guess, also where a person must decide.
    languages
        Shares of the cases, by ISO 639-1 code.
    confidence
        Mean probability of the best guess, None without cases.
    abstention
        Share left to a person, None without cases.
    unknown_words
        Mean share of a text's words that the model never learned, None where none could be read.
    texts
        How many texts that is from; erased ones cannot be read.
    """

    monday: date
    running: bool
    cases: int
    models: Mapping[str, int]
    model: str
    categories: Mapping[str, float]
    languages: Mapping[str, float]
    confidence: float | None
    abstention: float | None
    unknown_words: float | None
    texts: int


@dataclass(frozen=True, slots=True)
class Check:
    """One measure in one week, against the weeks before.

    Parameters
    ----------
    measure, monday
        What, and in which week.
    weeks
        Over how many weeks up to this one: 1, or 2 where both together tell more.
    cases
        Cases, or texts, in these.
    what
        Of a mix, what grew most surely; else "".
    now, before
        Its share, or the measure itself. Of unknown words, `before` is what was to be expected of these languages.
    size
        Of a mix, how much of it is another than before (total variation distance, 0 to 1); of unknown words how many times as
        many as expected, or as one in a hundred where fewer are expected; else how far it went in the direction that hurts.
    reference
        How many weeks it is compared with.
    p, adjusted
        Probability of such a change or a larger one where nothing changed; the same over all checks (Benjamini and Hochberg).
    is_alarm
        Whether it is no chance, and large enough to matter.
    """

    measure: Measure
    monday: date
    weeks: int
    cases: int
    what: str
    now: float
    before: float
    size: float
    reference: int
    p: float
    adjusted: float
    is_alarm: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """A check that fired: what changed and how sure that is, what to do, and cases to look at."""

    check: Check
    sentence: str
    advice: str
    case_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether buyers' messages, and how surely they are judged, changed.

    Parameters
    ----------
    weeks
        The weeks looked at, the running one last.
    measures
        All checks that could be made, by week.
    alarms
        Those that fired, the newest week first.
    notes
        What to know before believing it: a change of model, too few weeks, texts that cannot be read.
    model
        The model whose words were looked at.
    """

    weeks: tuple[Week, ...]
    measures: tuple[Check, ...]
    alarms: tuple[Alarm, ...]
    notes: tuple[str, ...]
    model: str

    @classmethod
    def of(
        cls,
        store: CaseStore,
        classifier: Judge,
        weeks: int = 12,
        *,
        learned: Mapping[str, float] = _NOTHING,
        progress: Callable[[float, int], None] = lambda share, messages: None,  # noqa: ARG005 - nobody asked
    ) -> Drift:
        """Read the weeks once and say what changed; memory grows with the weeks, not with the messages.

        Parameters
        ----------
        store
            The case record.
        classifier
            The model of today; its vocabulary says which words are unknown.
        weeks
            How many weeks to look at, at least 1, beside the running one.
        learned
            Share of unknown words in texts like the training data, by language (`unknown_words` of the model's facts). For a
            language that is not named, the weeks before are the yardstick.
        progress
            Told now and then which share of the record was read, and how many messages; what it raises ends the walk.

        Raises
        ------
        CaseError
            Where there is no week to look at.
        """
        from triage_ml.drift.counting import Counting
        from triage_ml.drift.telling import told

        return told(Counting.of(store, classifier, weeks, progress), learned)
