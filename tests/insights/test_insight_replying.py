from dataclasses import replace
from datetime import timedelta

from known_shop import NOW, QUARTER

from triage_ml.cases import Decision
from triage_ml.insights import Insights
from triage_ml.insights.records import ALL
from triage_ml.messages import Category, Claim, Direction, MessageKind

HOUR = timedelta(hours=1)
SENT = NOW - 20 * 24 * HOUR
ANSWER = {"direction": Direction.OUT, "kind": MessageKind.SELLER}


def _times(store):
    return {times.marketplace: times for times in Insights.of(store, QUARTER.since, QUARTER.until).replies}


def _order(number):
    return f"302-0000000-555555{number}"


def test_the_next_text_of_the_seller_is_the_answer(store, say):
    say("Where is my parcel?", Claim.OTHER, SENT, order=_order(1))
    say("Hello? Anybody there?", Claim.OTHER, SENT + 4 * HOUR, order=_order(1))
    say("On its way, arrives on Friday.", Claim.OTHER, SENT + 6 * HOUR, order=_order(1), **ANSWER)
    say("The clasp snapped.", at=SENT, order=_order(2))
    say("We make a new one.", Claim.OTHER, SENT + 30 * HOUR, order=_order(2), **ANSWER)
    times = _times(store)["de"]
    assert (times.messages, times.within_day.count, times.within_clock.count) == (3, 2, 2)
    assert times.median_hours == 6
    assert replace(_times(store)[ALL], marketplace="de") == times


def test_a_decision_is_an_answer(store, say):
    case = say("The clasp snapped.", at=NOW - 5 * HOUR)
    store.decide(case.id, case.version, Decision("Mia", Category.QUALITY, "remake"))
    assert (_times(store)["de"].median_hours, _times(store)["de"].within_day.count) == (5, 1)


def test_what_can_still_be_answered_only_waits_and_what_was_forgotten_is_late(store, say):
    say("Where is my parcel?", Claim.OTHER, SENT, order=_order(1))
    say("On its way.", Claim.OTHER, SENT + HOUR, order=_order(1), **ANSWER)
    say("The clasp snapped.", at=NOW - 5 * HOUR)
    say("it leaks", at=NOW - 25 * HOUR)
    times = _times(store)["de"]
    assert (times.messages, times.waiting, times.within_day.count, times.within_day.of) == (2, 1, 1, 2)


def test_marketplaces_stand_apart_and_without_answers_nothing_is_said(store, say):
    say("Where is my parcel?", Claim.OTHER, SENT, order=_order(1))
    say("On its way.", Claim.OTHER, SENT + HOUR, order=_order(1), **ANSWER)
    say("it leaks", at=SENT, channel="etsy", marketplace="us")
    times = _times(store)
    assert set(times) == {ALL, "de", "etsy.us"}
    assert times["etsy.us"].within_day.value is None and times["etsy.us"].median_hours is None
    assert times["de"].within_day.value == 1


def test_notices_have_clocks_of_their_own_and_other_times_do_not_count(store, say):
    say("Return requested", Claim.OTHER, SENT, kind=MessageKind.RETURN_REQUEST)
    say("The clasp snapped.", at=QUARTER.since - HOUR)
    assert _times(store) == {}
