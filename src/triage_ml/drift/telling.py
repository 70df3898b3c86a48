"""What is found of drift, as sentences: what changed, from what to what, how sure that is, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from triage_ml.drift.checking import alarming, checks
from triage_ml.drift.counting import Counting, Values, WeekCount
from triage_ml.drift.limits import GAP, LEAST_CASES, LEAST_WEEKS
from triage_ml.drift.records import Alarm, Check, Drift, Measure, Week

_ADVICE = {
    Measure.CATEGORIES: "Look at these cases. Where the goods changed (a batch, a product, a season), mend that; where they "
    "are judged wrong, label some and retrain.",
    Measure.LANGUAGES: "See that somebody can answer in this language and that there are replies in it; label some of these "
    "cases and retrain.",
    Measure.CONFIDENCE: "Look at these cases, label them, since they teach most, and retrain.",
    Measure.ABSTENTION: "Look at these cases, label them, since they teach most, and retrain.",
    Measure.UNKNOWN_WORDS: "Look at these cases: new products, or a language that is not served? Label some and retrain.",
}
# Below this, more digits say nothing.
_LEAST_P = 0.0001


def told(counted: Counting, learned: Mapping[str, float]) -> Drift:
    """Return what the counted weeks tell; `learned` as in `Drift.of`."""
    found = checks(counted.weeks, counted.looked_at, learned)
    shown = counted.weeks[-counted.looked_at - 1 :]
    weeks = {week.monday: place for place, week in enumerate(counted.weeks)}
    alarms = [_alarm(check, counted.weeks[: weeks[check.monday] + 1]) for check in alarming(found)]
    return Drift(
        weeks=tuple(_week(week, running=week is counted.weeks[-1]) for week in shown),
        measures=found,
        alarms=tuple(alarms),
        notes=tuple(_notes(counted, found)),
        model=counted.model,
    )


def _week(week: WeekCount, *, running: bool) -> Week:
    model = week.model
    judged = week.models[model]
    words = sum(week.unknown.values(), Values())
    return Week(
        monday=week.monday,
        running=running,
        cases=week.cases,
        models=dict(week.models),
        model=model,
        categories=_shares(week.categories[model]),
        languages=_shares(week.languages),
        confidence=week.confidence[model].mean if judged else None,
        abstention=week.unsure[model] / judged if judged else None,
        unknown_words=words.mean if words.count else None,
        texts=words.count,
    )


def _shares(counts: Counter[str]) -> dict[str, float]:
    return {part: count / counts.total() for part, count in counts.most_common()}


def _alarm(check: Check, weeks: Sequence[WeekCount]) -> Alarm:
    cases = (case_id for week in reversed(weeks[-check.weeks :]) for case_id in week.kept[check.measure, check.what].case_ids)
    return Alarm(check, _sentence(check), _ADVICE[check.measure], tuple(dict.fromkeys(cases)))


def _sentence(check: Check) -> str:
    when = f"Week of {check.monday}" if check.weeks == 1 else f"The two weeks up to that of {check.monday}"
    chance = f"{max(check.adjusted, _LEAST_P):.2%}"
    sure = f"chance alone: {'less than ' if check.adjusted < _LEAST_P else ''}{chance}"
    return f"{when}: {_change(check)}, against {check.reference} weeks before; {sure}."


def _change(check: Check) -> str:
    now, before, cases = f"{check.now:.1%}", f"{check.before:.1%}", f"{check.cases:,}"
    match check.measure:
        case Measure.CATEGORIES:
            what = check.what.replace("_", " ")
            return f"{what} rose from {before} to {now} of {cases} cases, and {check.size:.0%} of the mix is another"
        case Measure.LANGUAGES:
            return (
                f"{check.what} rose from {before} to {now} of {cases} cases, and {check.size:.0%} of the languages are others"
            )
        case Measure.CONFIDENCE:
            return f"the mean probability of the best guess fell from {before} to {now} over {cases} cases"
        case Measure.ABSTENTION:
            return f"what is left to a person rose from {before} to {now} of {cases} cases"
        case Measure.UNKNOWN_WORDS:
            return f"words the model never learned rose from {before} to {now} of {cases} texts' words"


def _notes(counted: Counting, found: Sequence[Check]) -> Iterator[str]:
    weeks, looked_at = counted.weeks, counted.weeks[-counted.looked_at - 1 : -1]
    yield from _notes_on_models(weeks, counted.model)
    cases = sum(week.cases for week in looked_at)
    if not cases:
        yield "No cases in these weeks. Bring messages in: triage-ml cases import YOUR-EXPORT"
    elif not found:
        yield (
            f"Nothing could be tested: that needs {LEAST_CASES} cases in a week, and {LEAST_WEEKS} such weeks by the same "
            f"model that ended at least {GAP} weeks before it."
        )
    few = sum(0 < week.cases < LEAST_CASES for week in looked_at)
    if few:
        yield f"{few} of the weeks have fewer than {LEAST_CASES} cases and are not tested."
    erased = sum(week.erased for week in looked_at)
    if erased:
        yield f"The texts of {erased:,} cases were erased: they count for all but unknown words."
    if counted.vocabulary is None:
        yield "This model has no vocabulary, so unknown words were not looked at."


def _notes_on_models(weeks: Sequence[WeekCount], model: str) -> Iterator[str]:
    """Say where another model judged: that is no drift."""
    filled = [week for week in weeks if week.cases]
    for before, after in pairwise(filled):
        if before.model != after.model:
            yield (
                f"From the week of {after.monday} on model {after.model} judged, before it {before.model}. Categories, "
                "confidence and abstention are only compared within one model, so for some weeks they are not tested. "
                "`triage-ml score` judges an earlier export with the model of today."
            )
    mixed = [week for week in filled if len(week.models) > 1]
    if filled and filled[-1].model != model:
        yield f"The newest cases were judged by model {filled[-1].model}; unknown words are those of model {model}."
    if mixed:
        yield f"{len(mixed)} weeks were judged by several models; of each the one with most cases is shown and compared."
