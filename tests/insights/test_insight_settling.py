from datetime import timedelta
from decimal import Decimal

import pytest
from known_shop import EUR_20, NOW, QUARTER

from triage_ml.acceptance import Acceptance, OfferMade
from triage_ml.cases import Decision, Label, Outcome, OutcomeKind
from triage_ml.insights import Insights, offers
from triage_ml.messages import Category, Claim, MessageKind, Money

FIVE = Money(Decimal("5.00"), "EUR")


@pytest.fixture
def settle(store):
    """Decide on a case and note what came of it; returns the case's id."""

    def settled(case, remedy, *kinds, amount=None, spent=None, share=None):
        version = store.case(case.id).version
        store.decide(case.id, version, Decision("Mia", Category(case.claim), remedy, amount))
        for kind in kinds:
            store.outcome(case.id, Outcome("Mia", kind, share, spent))
        return case.id

    return settled


def _remedies(store):
    # Decisions are made now, that is when the quarter ends.
    found = Insights.of(store, QUARTER.since, NOW + timedelta(days=1)).remedies
    return {remedy.remedy: remedy for remedy in found}


def test_what_came_of_each_remedy_is_counted_once(store, say, settle):
    twelve = Money(Decimal("12.00"), "EUR")
    settle(say("The clasp snapped."), "remake", OutcomeKind.ACCEPTED, OutcomeKind.REMADE, spent=twelve)
    settle(say("Handle fell off in the sink."), "remake", OutcomeKind.DECLINED)
    settle(say("it leaks from the bottom"), "remake", OutcomeKind.ACCEPTED, OutcomeKind.A_TO_Z, OutcomeKind.NEGATIVE_REVIEW)
    settle(say("Zip broke on day two"), "remake", OutcomeKind.NO_ANSWER)
    settle(say("Print already fading"), "remake")
    remake = _remedies(store)["remake"]
    assert (remake.decisions, remake.accepted, remake.declined, remake.escalated, remake.no_answer, remake.open) == (
        5,
        1,
        1,
        1,
        1,
        1,
    )
    assert remake.bad_reviews == 1 and (remake.acceptance.count, remake.acceptance.of) == (1, 4)
    assert remake.mean_spent == (Money(Decimal("24.00"), "EUR"),)


def test_an_outcome_belongs_to_the_decision_before_it(store, say, settle):
    case = say("The clasp snapped.")
    settle(case, "part_refund_keep", OutcomeKind.DECLINED, amount=FIVE)
    settle(case, "remake", OutcomeKind.REMADE)
    found = _remedies(store)
    assert (found["part_refund_keep"].declined, found["part_refund_keep"].accepted) == (1, 0)
    assert (found["remake"].declined, found["remake"].accepted) == (0, 1)


def test_a_decision_taken_back_counts_for_nothing(store, say, settle):
    case = say("The clasp snapped.")
    settle(case, "remake")
    store.undo(case.id, store.case(case.id).version, "Mia")
    assert _remedies(store) == {} and offers(store) == []


def test_a_claim_filed_afterwards_is_an_escalation(store, say, settle):
    case = say("The clasp snapped.", order="302-1111111-2222222")
    settle(case, "explain", OutcomeKind.ACCEPTED)
    say("A-to-z claim", Claim.OTHER, NOW + timedelta(hours=3), order="302-1111111-2222222", kind=MessageKind.A_TO_Z)
    assert _remedies(store)["explain"].escalated == 1


def test_offers_are_the_answered_ones_with_their_share(store, say, settle):
    settle(say("The clasp snapped."), "part_refund_keep", OutcomeKind.ACCEPTED, OutcomeKind.REFUNDED, amount=FIVE)
    settle(say("Too small for me, sadly.", Claim.SUBJECTIVE), "part_refund_keep", OutcomeKind.DECLINED, share=Decimal("0.1"))
    settle(say("it leaks from the bottom"), "part_refund_keep", OutcomeKind.NO_ANSWER, amount=FIVE)
    settle(say("Handle fell off in the sink."), "full_refund_keep", OutcomeKind.REFUNDED, amount=EUR_20)
    settle(say("Print already fading", paid=None), "part_refund_keep", OutcomeKind.ACCEPTED, amount=FIVE)
    store.outcome(say("Zip broke on day two").id, Outcome("Mia", OutcomeKind.ESCALATED, Decimal("0.3")))
    assert offers(store) == [
        OfferMade(Claim.QUALITY, 0.25, True),
        OfferMade(Claim.SUBJECTIVE, 0.1, False),
        OfferMade(Claim.QUALITY, 0.3, False),
    ]


def test_two_offers_in_one_case_are_two(store, say, settle):
    case = say("The clasp snapped.")
    settle(case, "part_refund_keep", OutcomeKind.DECLINED, amount=Money(Decimal("4.00"), "EUR"))
    settle(case, "part_refund_keep", OutcomeKind.ACCEPTED, amount=Money(Decimal("8.00"), "EUR"))
    assert offers(store) == [OfferMade(Claim.QUALITY, 0.2, False), OfferMade(Claim.QUALITY, 0.4, True)]


def test_an_offer_counts_for_the_claim_a_person_found(store, say, settle):
    case = settle(say("The clasp snapped."), "part_refund_keep", OutcomeKind.ACCEPTED, amount=FIVE)
    store.label(case, Label("Mia", Claim.MISMATCH))
    assert offers(store) == [OfferMade(Claim.MISMATCH, 0.25, True)]


def test_offers_replace_the_trade_s_figure_and_stand_in_bands(store, say, settle):
    for text in (
        "it leaks",
        "The clasp snapped.",
        "Handle came off",
        "Print peels",
        "cracked in the middle",
        "glue everywhere",
    ):
        settle(say(text), "part_refund_keep", OutcomeKind.ACCEPTED, amount=Money(Decimal("2.00"), "EUR"))
    learned = Acceptance(offers(store)).curve(Claim.QUALITY)
    assert learned.at(0.1).mean > Acceptance().curve(Claim.QUALITY).at(0.1).mean + 0.2
    (band,) = Insights.of(store, QUARTER.since, QUARTER.until).offers
    assert (band.claim, band.above, band.up_to, band.mean_share) == (Claim.QUALITY, 0.0, 0.1, pytest.approx(0.1))
    assert (band.acceptance.count, band.acceptance.of) == (6, 6) and band.trade < 0.3
