import csv
import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from triage_ml.cases import CaseStore
from triage_ml.cases.database import open_engine
from triage_ml.cases.ledger import erase
from triage_ml.classifier import Classifier, FixedClassifier, Parts, Thresholds
from triage_ml.cli.drifting import app
from triage_ml.drift import Drift, Measure
from triage_ml.drift.checking import Series, checks, rise
from triage_ml.drift.counting import Kept, Values, WeekCount
from triage_ml.drift.limits import KEPT
from triage_ml.errors import CaseError
from triage_ml.features import make_features
from triage_ml.messages import Category, Claim, Direction, Message, MessageKind, OrderLine
from triage_ml.model_files import save
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.resolution import Resolution
from triage_ml.text import read_many
from triage_ml.triage import Triage
from triage_ml.vocabulary import unknown_share

# --- streams drawn by chance, as a shop's weeks are: more uneven than cases that come one by one ------------------------

FIRST = date(2026, 1, 5)
WEEKS, SHIFT = 41, 38
CATEGORIES = {"quality": 0.2, "mismatch": 0.15, "subjective": 0.18, "abuse": 0.04, "other": 0.43}
FAULT = {"quality": 0.4, "mismatch": 0.11, "subjective": 0.135, "abuse": 0.03, "other": 0.325}
LANGUAGES = {"de": 0.62, "en": 0.3, "fr": 0.06, "it": 0.02}
WITH_ITALIAN = {"de": 0.5, "en": 0.25, "fr": 0.06, "it": 0.19}
UNKNOWN = {"de": 0.09, "en": 0.03, "fr": 0.05, "it": 0.05}
USUAL = {"categories": CATEGORIES, "languages": LANGUAGES, "abstention": 0.15, "confidence": 0.85, "words": 1.0}


def _mix(draw, cases, shares, evenness):
    drawn = draw.multinomial(cases, draw.dirichlet(np.array(list(shares.values())) * evenness))
    return Counter(dict(zip(shares, drawn.tolist(), strict=True)))


def _values(numbers):
    return Values(len(numbers), float(np.sum(numbers)), float(np.sum(np.square(numbers))))


def _week(draw, place, cases, evenness, shop):
    count = max(8, int(draw.poisson(cases * np.exp(draw.normal(0, 0.25)))))
    week = WeekCount(FIRST + timedelta(weeks=place), count)
    week.models["m"] = count
    week.categories["m"] = _mix(draw, count, shop["categories"], evenness)
    week.languages = _mix(draw, count, shop["languages"], evenness)
    unsure = shop["abstention"]
    week.unsure["m"] = int(draw.binomial(count, draw.beta(unsure * evenness, (1 - unsure) * evenness)))
    sure = draw.normal(shop["confidence"], 0.01)
    week.confidence["m"] = _values(np.clip(draw.normal(sure, 0.15, count), 0.25, 1))
    for language, texts in week.languages.items():
        share = min(1.0, UNKNOWN[language] * shop["words"] * draw.lognormal(0, 0.1))
        week.unknown[language] = _values(draw.binomial(20, share, texts) / 20)
    return week


def _stream(draw, cases, evenness=200, weeks=WEEKS, shop=lambda place: USUAL):  # noqa: ARG005
    return [_week(draw, place, cases, evenness, shop(place)) for place in range(weeks)]


def _alarms(stream, learned=None, looked_at=12):
    return [check for check in checks(stream, looked_at, learned or {}) if check.is_alarm]


def _season(place):
    """Six points up and down in the course of a year."""
    swing = 0.06 * np.sin(2 * np.pi * place / 52)
    categories = {**CATEGORIES, "quality": 0.2 + swing, "other": 0.43 - swing}
    languages = {**LANGUAGES, "de": 0.62 - swing, "en": 0.3 + swing}
    return {**USUAL, "categories": categories, "languages": languages, "abstention": 0.15 + swing / 3}


@pytest.mark.parametrize("looked_at", [12, 2])
def test_a_shop_in_which_nothing_changes_hardly_ever_fires(looked_at):
    draw = np.random.default_rng(20261123)
    shops = [(60, 150), (150, 150), (150, 400), (400, 300)]
    assert sum(bool(_alarms(_stream(draw, *shops[run % 4]), looked_at=looked_at)) for run in range(200)) <= 6


def test_a_shop_with_seasons_does_not_fire_either():
    draw = np.random.default_rng(20261124)
    assert sum(bool(_alarms(_stream(draw, 150, 150, shop=_season))) for _ in range(100)) <= 3


@pytest.mark.parametrize("weeks", [8, 14])
def test_a_short_record_does_not_fire_either(weeks):
    draw = np.random.default_rng(8)
    assert sum(bool(_alarms(_stream(draw, 150, 150, weeks))) for _ in range(100)) <= 3


@pytest.mark.parametrize(
    ("change", "measure", "what", "cases"),
    [
        ({"categories": FAULT}, Measure.CATEGORIES, "quality", 200),
        ({"languages": WITH_ITALIAN}, Measure.LANGUAGES, "it", 100),
        ({"words": 2.0}, Measure.UNKNOWN_WORDS, "", 60),
        ({"abstention": 0.3}, Measure.ABSTENTION, "", 150),
        ({"confidence": 0.75}, Measure.CONFIDENCE, "", 60),
    ],
)
def test_what_changes_is_found_within_two_weeks_in_most_runs(change, measure, what, cases):
    draw, found = np.random.default_rng(9), 0
    for _ in range(40):
        stream = _stream(draw, cases, weeks=SHIFT + 3, shop=lambda place: {**USUAL, **(change if place >= SHIFT else {})})
        found += any((check.measure, check.what) == (measure, what) for check in _alarms(stream, looked_at=2))
    assert found >= 30


def test_the_running_week_never_fires_however_wild():
    draw = np.random.default_rng(10)
    wild = {**USUAL, "categories": {**dict.fromkeys(CATEGORIES, 0.001), "abuse": 0.996}, "confidence": 0.4, "words": 5}
    assert not _alarms(_stream(draw, 200, shop=lambda place: wild if place == WEEKS - 1 else USUAL))


def test_a_certain_change_that_is_small_is_no_alarm():
    draw = np.random.default_rng(11)
    little = {**USUAL, "confidence": 0.82, "abstention": 0.18}
    found = checks(_stream(draw, 5_000, 100_000, shop=lambda place: little if place >= SHIFT else USUAL), 12, {})
    unsure = [c for c in found if c.measure is Measure.ABSTENTION and c.monday >= FIRST + timedelta(weeks=SHIFT)]
    assert min(c.adjusted for c in unsure) < 0.02 and not any(c.is_alarm for c in unsure)


def test_only_the_direction_that_hurts_fires():
    draw = np.random.default_rng(12)
    better = {**USUAL, "confidence": 0.95, "abstention": 0.02, "words": 0.3}
    assert not _alarms(_stream(draw, 200, shop=lambda place: better if place >= SHIFT else USUAL))


def test_more_of_a_language_with_long_words_is_no_new_vocabulary():
    draw = np.random.default_rng(13)
    german = {**USUAL, "languages": {"de": 0.95, "en": 0.03, "fr": 0.01, "it": 0.01}}
    english = {**USUAL, "languages": {"de": 0.30, "en": 0.65, "fr": 0.03, "it": 0.02}}
    alarms = _alarms(_stream(draw, 200, shop=lambda place: german if place >= SHIFT else english))
    assert {c.measure for c in alarms} == {Measure.LANGUAGES}


def test_words_are_held_against_the_training_data_where_those_are_known():
    draw = np.random.default_rng(14)
    stream = _stream(draw, 150)
    assert not _alarms(stream, UNKNOWN)
    alarms = _alarms(stream, {language: share / 2 for language, share in UNKNOWN.items()})
    assert {c.measure for c in alarms} == {Measure.UNKNOWN_WORDS} and all(1.5 <= c.size < 2.6 for c in alarms)


def test_weeks_of_another_model_are_no_yardstick():
    draw = np.random.default_rng(15)
    stream = _stream(draw, 200, shop=lambda place: {**USUAL, "confidence": 0.6, "abstention": 0.5} if place >= SHIFT else USUAL)
    for week in stream[SHIFT:]:
        for counts in (week.models, week.categories, week.unsure, week.confidence):
            counts["new"] = counts.pop("m")
    found = checks(stream, 12, {})
    since = {c.measure for c in found if c.monday >= FIRST + timedelta(weeks=SHIFT)}
    assert since == {Measure.LANGUAGES, Measure.UNKNOWN_WORDS} and not any(c.is_alarm for c in found)


# --- the parts -------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.lists(st.floats(-1, 1), max_size=30), st.floats(-1, 1))
def test_values_add_up_as_the_numbers_do(first, second, less):
    one, other = Values(), Values()
    for number in first:
        one.add(number)
    for number in second:
        other.add(number)
    both, numbers = (one + other).less(less), np.array([*first, *second]) - less
    assert both.count == len(numbers)
    assert both.mean == pytest.approx(numbers.mean(), abs=1e-9)
    assert both.spread == pytest.approx(((numbers - numbers.mean()) ** 2).sum(), abs=1e-6)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(20, 500)), min_size=4, max_size=26),
    st.floats(0, 1), st.floats(0, 1), st.integers(20, 500),
)  # fmt: skip
def test_a_higher_mean_is_never_more_probable(before, low, high, count):
    reference = Series(*(np.array(column, float) for column in zip(*before, strict=True)))
    p = [rise(Series(np.array([value]), np.array([float(count)])), reference, 0.25) for value in sorted((low, high))]
    assert 0 <= p[1] <= p[0] <= 1


def test_uneven_weeks_make_the_same_jump_less_sure():
    sizes, now = np.full(10, 100.0), Series(np.array([0.7]), np.array([100.0]))
    even = Series(np.full(10, 0.5), sizes)
    uneven = Series(np.tile([0.35, 0.65], 5), sizes)
    assert rise(now, even, 0.25) < 0.01 < rise(now, uneven, 0.25)


def test_the_highest_are_kept():
    kept = Kept()
    for number in (*range(50), *range(100, 60, -1)):
        kept.add(number, f"C-{number:06d}")
    assert kept.case_ids == tuple(f"C-{number:06d}" for number in range(100, 100 - KEPT, -1))


# --- with a real record ----------------------------------------------------------------------------------------------

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
MONDAY = datetime(2026, 6, 29, tzinfo=UTC)
WORDS = (
    "The ring is scratched and the clasp is broken.",
    "The mug arrived with a crack in the handle.",
    "Where is my parcel? Nothing since Monday.",
    "The colour of the ring is not like the picture.",
)
KAYAK = "The kayak paddle ferrule wobbles and the carbon layup delaminated."


@pytest.fixture
def store(tmp_path):
    with CaseStore(open_engine(tmp_path / "cases.db"), files=tmp_path / "files", now=lambda: NOW) as opened:
        yield opened


@pytest.fixture(scope="session")
def small():
    """A classifier whose features were fitted on a few texts; nothing here asks it to judge."""
    features = make_features(1, 1).fit(read_many(WORDS, ["en"] * len(WORDS)))
    return Classifier(Parts(features, None, None, None, None), Thresholds(), version="fixed")


@pytest.fixture(scope="session")
def assessed(policy, templates):
    """Assess a text once for real; what differs from message to message is filled in."""
    triage = Triage(FixedClassifier(), policy, ReplyRanker(templates, policy))
    known = {}

    def one(message, claim=Claim.QUALITY, unsure=False, model="fixed"):
        key = message.text, message.direction, message.kind
        if key not in known:
            found = triage.assess(message)
            known[key] = replace(found, resolution=Resolution(found.resolution.recommended), replies=())
        p = {c: 0.5 if c is claim and unsure else 0.9 if c is claim else 0.05 for c in Claim}
        category = Category.NEEDS_REVIEW if unsure else Category(claim)
        prediction = replace(known[key].prediction, claim=claim, category=category, probabilities=p)
        return replace(known[key], message=message, prediction=prediction, model=model)

    return one


def _message(number, at, text, **fields):
    return Message(f"m-{number}", text, OrderLine(f"302-0000000-{number:07d}"), channel="amazon", sent_at=at, **fields)


def _record(store, assessed, weeks, of_week, cases=40):
    """Record `cases` a week; `of_week(week, n)` gives text, claim and whatever else `assessed` takes."""
    found = []
    for week in range(weeks):
        for n in range(cases):
            text, options = of_week(week, n)
            at = MONDAY - timedelta(weeks=weeks - week) + timedelta(hours=4 * n)
            found.append(assessed(_message(week * 1_000 + n, at, text), **options))
    store.record(found, "import")


def test_a_doubled_fault_is_told_with_its_cases(store, assessed, small):
    def of_week(week, n):
        often = 32 if week == 9 else 8
        return WORDS[n % 4], {"claim": Claim.QUALITY if n < often else Claim.OTHER}

    _record(store, assessed, 10, of_week)
    heard = []
    found = Drift.of(store, small, weeks=3, progress=lambda share, messages: heard.append((share, messages)))
    (alarm,) = found.alarms
    assert (alarm.check.measure, alarm.check.what, alarm.check.monday) == (Measure.CATEGORIES, "quality", date(2026, 6, 22))
    assert (alarm.check.now, alarm.check.before) == (0.8, 0.2)
    assert "quality rose from 20.0% to 80.0% of 40 cases" in alarm.sentence and "chance alone" in alarm.sentence
    assert "retrain" in alarm.advice and len(alarm.case_ids) == KEPT
    for case_id in alarm.case_ids:
        case = store.case(case_id)
        assert case.summary.claim is Claim.QUALITY and case.messages[0].message.sent_at.date() >= date(2026, 6, 22)
    assert [week.cases for week in found.weeks] == [40, 40, 40, 0] and found.weeks[-1].running


def test_the_same_record_without_a_change_is_quiet(store, assessed, small):
    _record(
        store,
        assessed,
        10,
        lambda week, n: (WORDS[(n + week) % 4], {"claim": list(Claim)[(n + week) % 4], "unsure": n % 7 == 0}),
    )
    found = Drift.of(store, small, weeks=3)
    assert not found.alarms and len(found.measures) == 15 and found.notes == ()
    assert found.weeks[0].abstention == 6 / 40 and found.weeks[0].confidence == pytest.approx(0.9 - 0.4 * 6 / 40)
    assert found.weeks[0].unknown_words == 0 and found.weeks[0].texts == 40


def test_new_words_are_found_and_their_cases_named(store, assessed, small):
    _record(store, assessed, 9, lambda week, n: (KAYAK if week == 8 and n % 2 else WORDS[n % 4], {}))
    (alarm,) = Drift.of(store, small, weeks=2).alarms
    assert alarm.check.measure is Measure.UNKNOWN_WORDS and alarm.check.before == 0 and 0.2 < alarm.check.now < 0.5
    assert all(store.case(case_id).messages[0].message.text == KAYAK for case_id in alarm.case_ids)


def test_a_new_model_is_said_and_is_no_drift(store, assessed, small):
    _record(store, assessed, 9, lambda week, n: (WORDS[n % 4], {"unsure": week >= 7, "model": "new" if week >= 7 else "old"}))
    found = Drift.of(store, small, weeks=3)
    assert not found.alarms
    assert any("on model new judged, before it old" in note and "triage-ml score" in note for note in found.notes)
    assert any("unknown words are those of model fixed" in note for note in found.notes)
    assert [week.model for week in found.weeks] == ["old", "new", "new", ""]


def test_a_case_counts_once_with_the_first_words_of_its_buyer(store, assessed, small):
    at = MONDAY - timedelta(days=3)
    sellers = _message(1, at, "Thank you for your order!", direction=Direction.OUT, kind=MessageKind.SELLER)
    again = replace(_message(1, at, WORDS[0]), message_id="m-1b", sent_at=at + timedelta(hours=1))
    third = replace(again, message_id="m-1c", text=WORDS[1], sent_at=at + timedelta(hours=2))
    wordless = _message(2, at, "", reason_code="CR-DEFECTIVE")
    notice = _message(3, at, "A-to-z claim received", kind=MessageKind.A_TO_Z)
    long_ago = _message(4, MONDAY - timedelta(weeks=90), WORDS[2])
    to_come = _message(5, MONDAY + timedelta(weeks=3), WORDS[2])
    today = _message(6, NOW - timedelta(hours=1), WORDS[3])
    store.record([assessed(one) for one in (sellers, again, third, wordless, notice, long_ago, to_come, today)], "import")
    found = Drift.of(store, small, weeks=1)
    assert [(week.cases, week.texts, week.running) for week in found.weeks] == [(1, 1, False), (1, 1, True)]
    assert any("Nothing could be tested" in note for note in found.notes) and any("fewer than" in note for note in found.notes)


def test_erased_texts_count_for_all_but_words(store, assessed, small):
    _record(store, assessed, 1, lambda week, n: (WORDS[0], {}), cases=30)
    for case in list(store.walk())[:10]:
        with store.changing(case.id) as change:
            erase(change.journal, [store.case(case.id).messages[0].id], "Mia", change.id, "asked for")
    found = Drift.of(store, small, weeks=1)
    assert (found.weeks[0].cases, found.weeks[0].texts) == (30, 20)
    assert any("10 cases were erased" in note for note in found.notes)


def test_an_erased_return_without_words_still_does_not_count(store, policy, templates, small):
    triage = Triage(FixedClassifier(), policy, ReplyRanker(templates, policy))
    back = replace(_message(1, MONDAY - timedelta(days=1), "", reason_code="DEFECTIVE"), claim_hint=Claim.QUALITY)
    store.record([triage.assess(back)], "import")
    (case,) = store.walk()
    with store.changing(case.id) as change:
        erase(change.journal, [store.case(case.id).messages[0].id], "Mia", change.id, "asked for")
    assert store.case(case.id).messages[0].erased
    assert Drift.of(store, small, weeks=1).weeks[0].cases == 0


def test_an_empty_record_a_judge_without_words_and_no_week(store):
    found = Drift.of(store, FixedClassifier(), weeks=2)
    assert not found.alarms and len(found.weeks) == 3
    assert any("cases import" in note for note in found.notes) and any("no vocabulary" in note for note in found.notes)
    with pytest.raises(CaseError, match="expected at least 1"):
        Drift.of(store, FixedClassifier(), weeks=0)


def test_of_a_large_week_some_texts_are_read(store, assessed, small):
    _record(store, assessed, 1, lambda week, n: (WORDS[n % 4] if n < 20 else KAYAK, {}), cases=40)
    from triage_ml.drift import counting

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "READ_AT_MOST", 20)
        week = Drift.of(store, small, weeks=1).weeks[0]
    assert (week.cases, week.texts) == (40, 20) and 0 < week.unknown_words < 0.7  # not the first twenty alone


def test_words_are_letters_and_one_at_a_time(small):
    vocabulary = small.parts.features.named_transformers["words"].vocabulary_
    known, new, signs = read_many([WORDS[0], "Zebra!", "?! 123"], ["en"] * 3)
    assert [unknown_share(one, vocabulary) for one in (known, new, signs)] == [0, 1, None]


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_says_it_with_its_exit_code(small, assessed, tmp_path):
    model_folder = tmp_path / "small"
    save(small, model_folder, {}, "# Model card\n")
    database = tmp_path / "shop.db"
    now = datetime.now(UTC)
    monday = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    with CaseStore(open_engine(database), files=tmp_path / "files") as store:
        numbers = [(week, n) for week in range(10) for n in range(30)]
        store.record(
            [
                assessed(
                    _message(week * 100 + n, monday - timedelta(weeks=10 - week) + timedelta(hours=4 * n), WORDS[n % 4]),
                    unsure=n < (24 if week == 9 else 3),
                )
                for week, n in numbers
            ],
            "import",
        )

    def command(*arguments):
        return CliRunner().invoke(app, ["--database", str(database), "--model", str(model_folder), *arguments])

    told = command("--json", "--weeks", "2")
    assert told.exit_code == 4
    values = json.loads(told.stdout)
    assert {alarm["check"]["measure"] for alarm in values["alarms"]} == {"abstention", "confidence"}
    page = command("--weeks", "2")
    assert page.exit_code == 4 and "Alarm" in page.stdout and "C-000" in page.stdout
    quiet = command("--database", str(tmp_path / "none.db"))
    assert quiet.exit_code == 0 and "No alarm" in quiet.stdout


# --- from an export to the exit code, as a scheduler runs it ----------------------------------------------------------

COLUMNS = (
    "message_id",
    "order_id",
    "sku",
    "product",
    "amount",
    "currency",
    "marketplace",
    "channel",
    "sent_at",
    "language",
    "text",
)


def _export(path, messages):
    """Write (when, language, text) as an export that a shop would drop; one order each."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for number, (at, language, text) in enumerate(messages):
            name = f"{path.stem}-{number}"
            table.writerow((name, f"O-{name}", "RING-1", "Ring", "24.90", "EUR", "de", "shop", at.isoformat(), language, text))
    return path


def test_from_exports_of_real_texts_to_the_exit_code(run, rows, model_folder, tmp_path):
    """Ten weeks as they always were are quiet; a wave of French complaints in the last week is an alarm; no model is an error."""
    said = [(row.lang, row.text) for row in rows if row.lang in ("de", "en") and not row.abuse]
    faults = [("fr", row.text) for row in rows if row.lang == "fr" and row.claim is Claim.QUALITY and not row.abuse]
    draw = np.random.default_rng(20261125)
    now = datetime.now(UTC)
    monday = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    order = draw.permutation(len(said))[:400]
    usual = [
        (monday - timedelta(weeks=10 - n // 40) + timedelta(hours=4 * (n % 40)), *said[place]) for n, place in enumerate(order)
    ]
    wave = [(monday - timedelta(days=6) + timedelta(hours=2 * n), *text) for n, text in enumerate(faults[:50])]
    assert len(usual) == 400 and len(wave) == 50
    database = tmp_path / "shop.db"

    def command(*arguments, **surroundings):
        return run(*arguments, "--database", database, "--json", **surroundings)

    came = command("cases", "import", _export(tmp_path / "usual.csv", usual))
    assert (came.returncode, json.loads(came.stdout)["cases"]) == (0, 400), came.stderr
    stable = command("drift", "--weeks", "3")
    told = json.loads(stable.stdout)
    assert (stable.returncode, told["alarms"]) == (0, [])
    assert [week["cases"] for week in told["weeks"]] == [40, 40, 40, 0] and len(told["measures"]) == 15

    assert command("cases", "import", _export(tmp_path / "wave.csv", wave)).returncode == 0
    shifted = command("drift", "--weeks", "1")
    alarms = {alarm["check"]["measure"]: alarm for alarm in json.loads(shifted.stdout)["alarms"]}
    assert shifted.returncode == 4 and {"categories", "languages"} <= set(alarms)
    assert alarms["languages"]["check"]["what"] == "fr" and alarms["categories"]["check"]["what"] == "quality"
    with CaseStore.open(database) as store:
        for case_id in alarms["languages"]["case_ids"]:
            assert store.case(case_id).messages[0].message.text in {text for _, text in faults}

    changed = shutil.copytree(model_folder, tmp_path / "changed")
    (changed / "card.md").write_text("# Mine\n", "utf-8")
    failed = command("drift", model=changed)
    assert failed.returncode == 1 and not failed.stdout and "changed after saving" in failed.stderr
