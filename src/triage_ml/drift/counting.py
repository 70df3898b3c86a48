"""One walk through the case record, added up by week; a case counts once, since its messages are not independent."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from heapq import heappush, heappushpop

from triage_ml.cases import CaseStore
from triage_ml.cases.records import CaseMessage, Judgement
from triage_ml.cases.results import case_number
from triage_ml.classifier import Judge
from triage_ml.drift.limits import GAP, KEPT, READ_AT_MOST, REFERENCE
from triage_ml.drift.records import Measure
from triage_ml.errors import CaseError
from triage_ml.insights.overview import entries_of_record
from triage_ml.messages import Category, Direction, MessageKind
from triage_ml.text import read_many
from triage_ml.vocabulary import unknown_share, vocabulary_of

_WEEK = timedelta(weeks=1)
# After so many messages the walk says how far it is.
_TOLD_EVERY = 1_000
# Without words, a return reason alone says what is claimed, and the three other claims are as probable as each other.
_OTHERS = 3


@dataclass(slots=True)
class Values:
    """How many numbers, their sum, and the sum of their squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Count one number."""
        self.count, self.total, self.squares = self.count + 1, self.total + value, self.squares + value * value

    def __add__(self, other: Values) -> Values:
        return Values(self.count + other.count, self.total + other.total, self.squares + other.squares)

    def less(self, value: float) -> Values:
        """Return what it would be with this taken from each number."""
        squares = self.squares - 2 * value * self.total + self.count * value * value
        return Values(self.count, self.total - self.count * value, squares)

    @property
    def mean(self) -> float:
        """The mean, 0 of nothing."""
        return self.total / self.count if self.count else 0.0

    @property
    def spread(self) -> float:
        """Sum of the squared distances from the mean."""
        return max(self.squares - self.total * self.mean, 0.0)


class Kept:
    """The cases with the highest scores, so that a person can look at them."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []

    def add(self, score: float, case_id: str) -> None:
        """Keep a case if its score is among the highest."""
        (heappush if len(self._heap) < KEPT else heappushpop)(self._heap, (score, case_id))

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The cases, highest score first."""
        return tuple(case_id for _, case_id in sorted(self._heap, reverse=True))


@dataclass(slots=True)
class WeekCount:
    """What came in one week: the model's say by model, the rest for all cases."""

    monday: date
    cases: int = 0
    models: Counter[str] = field(default_factory=Counter)
    categories: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unsure: Counter[str] = field(default_factory=Counter)
    confidence: defaultdict[str, Values] = field(default_factory=lambda: defaultdict(Values))
    languages: Counter[str] = field(default_factory=Counter)
    unknown: defaultdict[str, Values] = field(default_factory=lambda: defaultdict(Values))
    erased: int = 0
    kept: defaultdict[tuple[Measure, str], Kept] = field(default_factory=lambda: defaultdict(Kept))

    @property
    def model(self) -> str:
        """The model that judged most of the cases, "" without any."""
        return max(self.models, key=lambda model: (self.models[model], model), default="")

    def add(self, number: int, case_id: str, judged: Judgement) -> None:
        """Count one case; `number` rises with the time it was recorded."""
        unsure, sureness = judged.category is Category.NEEDS_REVIEW, max(judged.probabilities.values())
        category = (judged.claim if unsure else judged.category).value
        self.cases += 1
        self.models[judged.model] += 1
        self.categories[judged.model][category] += 1
        self.unsure[judged.model] += unsure
        self.confidence[judged.model].add(sureness)
        self.languages[judged.language] += 1
        self.kept[Measure.CATEGORIES, category].add(number, case_id)
        self.kept[Measure.LANGUAGES, judged.language].add(number, case_id)
        self.kept[Measure.CONFIDENCE, ""].add(-sureness, case_id)
        if unsure:
            self.kept[Measure.ABSTENTION, ""].add(-sureness, case_id)


class Counting:
    """Weeks, oldest first: those that may be compared with, those looked at, and the running one.

    Parameters
    ----------
    now
        When it is.
    weeks
        How many complete weeks are looked at.
    judge
        Whose vocabulary it is that words may be unknown to.
    """

    def __init__(self, now: datetime, weeks: int, judge: Judge) -> None:
        if weeks < 1:
            raise CaseError("drift", f"{weeks} weeks to look at", "at least 1", "Give --weeks 12, or leave it out.")
        running = _monday(now)
        self.looked_at, self.model = weeks, judge.version
        self.vocabulary: Container[str] | None = vocabulary_of(judge)
        count = REFERENCE + GAP + weeks
        self.weeks = [WeekCount(running - _WEEK * n) for n in range(count, -1, -1)]
        self._places = {week.monday: place for place, week in enumerate(self.weeks)}
        self._texts: list[list[tuple[str, str, str]]] = [[] for _ in self.weeks]
        self._met = [0] * len(self.weeks)
        self._not_yet: set[int] = set()
        # Which texts are read is drawn, always alike: the first of a week may all be of one marketplace's export.
        self._draw = random.Random(count)

    @classmethod
    def of(cls, store: CaseStore, judge: Judge, weeks: int, progress: Callable[[float, int], None]) -> Counting:
        """Walk through what was recorded since the first of the weeks: what was sent in them cannot have come earlier."""
        counting, entries = cls(store.now(), weeks, judge), entries_of_record(store)
        since = datetime.combine(counting.weeks[0].monday, time.min, UTC)
        for count, one in enumerate(store.stream(CaseMessage, since), 1):
            counting.add(one)
            if count % _TOLD_EVERY == 0:
                progress(min(one.id / entries, 1.0), count)
        counting.read()
        return counting

    def add(self, one: CaseMessage) -> None:
        """Count a message where it is the first that counts of its case.

        A case has the number of its first message. So only those whose first one does not count need be remembered.
        """
        number = case_number(one.case_id)
        if one.id != number and number not in self._not_yet:
            return
        if not _counts(one) or one.judgement is None:
            self._not_yet.add(number)
            return
        self._not_yet.discard(number)
        place = self._places.get(_monday(one.message.sent_at or one.recorded_at))
        if place is not None:
            self.weeks[place].add(number, one.case_id, one.judgement)
            self._keep_text(place, one, one.judgement.language)

    def _keep_text(self, place: int, one: CaseMessage, language: str) -> None:
        """Keep a sample of the week's texts (reservoir sampling, Vitter 1985)."""
        if one.erased or self.vocabulary is None:
            self.weeks[place].erased += one.erased
            return
        texts, text = self._texts[place], (one.case_id, language, one.message.text)
        self._met[place] += 1
        if len(texts) < READ_AT_MOST:
            texts.append(text)
        elif (drawn := self._draw.randrange(self._met[place])) < READ_AT_MOST:
            texts[drawn] = text

    def read(self) -> None:
        """Read the kept texts for words that the model does not know, and let go of them."""
        for week, texts in zip(self.weeks, self._texts, strict=True):
            for case_id, language, share in self._shares(texts):
                week.unknown[language].add(share)
                week.kept[Measure.UNKNOWN_WORDS, ""].add(share, case_id)
            texts.clear()

    def _shares(self, texts: list[tuple[str, str, str]]) -> Iterator[tuple[str, str, float]]:
        readings = read_many([text for _, _, text in texts], [language for _, language, _ in texts])
        for (case_id, language, _), reading in zip(texts, readings, strict=True):
            share = None if self.vocabulary is None else unknown_share(reading, self.vocabulary)
            if share is not None:
                yield case_id, language, share


def _counts(one: CaseMessage) -> bool:
    """Say whether it is a buyer's message with words, which the model judged."""
    message = one.message
    if message.direction is not Direction.IN or message.kind is not MessageKind.BUYER:
        return False
    if one.erased:
        return not (message.reason_code and one.judgement and _by_reason_alone(one.judgement))
    return bool(message.text.strip())


def _by_reason_alone(judged: Judgement) -> bool:
    """Say of erased words whether there were none: a return reason leaves the three other claims equally probable."""
    others = sorted(judged.probabilities.values())[:_OTHERS]
    return len(set(others)) == 1


def _monday(at: datetime) -> date:
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())
