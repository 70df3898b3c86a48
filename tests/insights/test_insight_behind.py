"""Behind every figure stand its cases, the newest first."""

from datetime import timedelta

import pytest
from known_shop import NOW, QUARTER

from triage_ml.insights import Insights
from triage_ml.insights.behind import cases_behind, cases_of_week
from triage_ml.insights.causes import load_causes
from triage_ml.insights.overview import entries_of_record
from triage_ml.insights.records import ALL, COMPLAINT
from triage_ml.insights.sums import KEPT, newest
from triage_ml.messages import Category, Claim


def _insights(store, **options):
    return Insights.of(store, QUARTER.since, QUARTER.until, **options)


def test_the_cases_behind_a_group_a_category_a_cause_and_a_fix(store, say):
    clasp = say("The clasp snapped the first time my daughter put it on.").id
    smashed = say("arrived smashed, glass everywhere in the box", sku="MUG-1").id
    small = say("It's too small for me, can I send it back?", Claim.SUBJECTIVE).id
    parcel = say("Where is my parcel? Tracking says nothing.", Claim.OTHER).id
    before = say("The clasp snapped.", at=QUARTER.since - timedelta(days=3)).id
    found = _insights(store)

    def behind(group=ALL, what=""):
        return cases_behind(found, group, what)

    assert behind().case_ids == (parcel, small, smashed, clasp) and behind().cases == 4
    assert behind("RING-7").case_ids == (parcel, small, clasp)
    assert (behind(what="quality").case_ids, behind(what="quality").cases) == ((smashed, clasp), 2)
    assert (
        behind("MUG-1", "quality").case_ids == (smashed,) == behind(what="damage").case_ids == behind(what="packaging").case_ids
    )
    assert (behind(what=COMPLAINT).case_ids, behind(what=COMPLAINT).cases) == ((small, smashed, clasp), 3)
    assert (behind("RING-7", COMPLAINT).case_ids, behind("RING-7", COMPLAINT).cases) == ((small, clasp), 2)
    assert behind("RING-7", "workshop").cases == 1 and not behind("MUG-1", "workshop").case_ids
    assert not behind("nothing of that name").case_ids and behind("nothing of that name").cases == 0
    assert before not in behind().case_ids


def test_the_cases_of_a_week_are_those_that_began_in_it(store, say):
    monday = NOW.date() - timedelta(days=NOW.weekday() + 14)
    first = say("The clasp snapped.", at=NOW - timedelta(days=NOW.weekday() + 14)).id
    second = say("it leaks", at=NOW - timedelta(days=NOW.weekday() + 8)).id
    say("it leaks", at=NOW - timedelta(days=NOW.weekday() + 1))
    found = _insights(store)
    assert cases_of_week(found, monday, Category.QUALITY).case_ids == (second, first)
    assert not cases_of_week(found, monday, Category.ABUSE).case_ids
    assert not cases_of_week(found, monday - timedelta(weeks=99), Category.QUALITY).case_ids


def test_of_a_large_record_the_newest_are_kept_and_figures_agree(shop):
    found = _insights(shop)
    every = cases_behind(found)
    last = [case.id for case in shop.walk()][-KEPT:]
    assert every.case_ids == tuple(reversed(last)) and every.cases == found.cases
    for line in found.categories + found.causes:
        behind = cases_behind(found, line.group, line.what)
        assert behind.cases == line.now.count and len(behind.case_ids) == min(KEPT, line.now.count)
    for fix in found.fixes:
        behind = cases_behind(found, ALL, fix.fix)
        assert behind.cases == fix.cases and len(behind.case_ids) == min(KEPT, fix.cases)
    causes = {line.what for line in found.causes}
    assert causes <= load_causes().keys() and len(causes) > 3


def test_a_theme_has_its_cases(store, say):
    known = "Where is my parcel? Tracking says nothing since Monday."
    for day in range(210):
        say(known, Claim.OTHER, QUARTER.since - timedelta(days=1 + day % 60))
    ids = [say(f"The magnet fell off the fridge tile, number {n}.").id for n in ("one", "two", "three", "four")]
    (theme,) = _insights(store).radar.themes
    assert theme.cases == 4 and theme.case_ids == tuple(reversed(ids))


def test_longer_numbers_are_newer():
    assert newest(["C-999999", "C-1000000", "C-000012", "C-999999"]) == ("C-1000000", "C-999999", "C-000012")


def test_the_walk_says_how_far_it_is_and_can_be_ended(shop):
    told = []
    found = _insights(shop, progress=lambda share, cases: told.append((share, cases)))
    assert [cases for _, cases in told] == [1_000 * n for n in range(1, len(told) + 1)] and len(told) >= 10
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and 0 < shares[0] < shares[-1] <= 1
    assert found.entries == entries_of_record(shop)

    def end(share, cases):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _insights(shop, progress=end)


def test_there_is_news_as_soon_as_something_is_recorded(store, say):
    assert entries_of_record(store) == 0 == _insights(store).entries
    say("it leaks")
    found = _insights(store)
    assert found.entries == entries_of_record(store) > 0
    say("it leaks too")
    assert entries_of_record(store) > found.entries
