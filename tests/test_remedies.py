from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from triage_ml.classifier import FixedClassifier
from triage_ml.messages import Category, Claim, Message, MessageKind, Money, OrderLine
from triage_ml.policy import load_policy
from triage_ml.remedies import RemedyKind, resolve

POLICY = load_policy()
FULL = {RemedyKind.REMAKE, RemedyKind.FULL_REFUND_KEEP}


def _judged(claim, text="It is as it is.", abuse=0.0):
    return FixedClassifier(claim, abuse=abuse).predict_many([text])[0]


def _resolve(claim, text="It is as it is.", abuse=0.0, **order):
    message = Message("1", text, order=OrderLine(**order), channel="amazon")
    return resolve(message, _judged(claim, text, abuse), POLICY)


def _kinds(resolution):
    return [r.kind for r in resolution.remedies]


orders = st.fixed_dictionaries({
    "paid": st.none() | st.builds(Money, st.decimals(0, 5_000, places=2), st.sampled_from(["EUR", "USD"])) | st.builds(Money, st.integers(0, 90_000).map(Decimal), st.just("JPY")),
    "marketplace": st.sampled_from(["", "de", "us", "jp"]),
    "personalised": st.sampled_from([True, False, None]),
})  # fmt: skip
texts = st.sampled_from(["It broke.", "One is missing", "See photo. Refund please", "壊れています", "我要退款，附图", ""])


@given(st.sampled_from([Claim.QUALITY, Claim.MISMATCH]), orders, texts, st.sampled_from([0.0, 0.99]))
def test_r1_a_fault_or_difference_always_gets_a_full_remedy_and_is_never_refused(claim, order, text, abuse):
    resolution = _resolve(claim, text, abuse, **order)
    assert FULL & set(_kinds(resolution))
    assert not {RemedyKind.EXPLAIN, RemedyKind.PAID_REMAKE} & set(_kinds(resolution))
    assert any(rule.startswith("R1") for rule in resolution.forbidden)


@given(orders, texts)
def test_r2_only_what_is_personalised_may_be_refused(order, text):
    kinds = _kinds(_resolve(Claim.SUBJECTIVE, text, **order))
    assert (RemedyKind.EXPLAIN in kinds) == (order["personalised"] is True)
    assert (RemedyKind.ACCEPT_RETURN in kinds) == (order["personalised"] is not True)


@given(st.sampled_from([Claim.QUALITY, Claim.MISMATCH]), orders, texts)
def test_r3_part_of_the_price_stands_beside_a_full_remedy_and_never_first(claim, order, text):
    kinds = _kinds(_resolve(claim, text, **order))
    assert kinds[0] is not RemedyKind.PART_REFUND_KEEP
    assert RemedyKind.PART_REFUND_KEEP not in kinds or FULL & set(kinds)


@given(st.sampled_from(list(Claim)), orders, texts)
def test_amounts_stay_inside_the_policy_and_under_what_was_paid(claim, order, text):
    resolution = _resolve(claim, text, **order)
    for remedy in resolution.remedies:
        assert remedy.rule and remedy.why
        assert remedy.cost is None or remedy.cost.amount >= 0
    offer = resolution.offer
    if offer:
        paid = order["paid"]
        assert 0 < offer.offer_low.amount <= offer.offer_high.amount <= paid.amount
        assert offer.offer_high.amount <= paid.share(POLICY.number("offer.cap")).amount
        assert offer.offer_low.amount >= POLICY.number("offer.smallest", order["marketplace"])
        if paid.currency == "JPY":
            assert offer.offer_low.amount == int(offer.offer_low.amount)


@given(st.sampled_from(list(Claim)), orders, texts)
def test_a1_abuse_takes_nothing_that_is_owed_and_adds_no_offer(claim, order, text):
    fair, suspected = set(_kinds(_resolve(claim, text, **order))), _resolve(claim, text, 0.99, **order)
    assert fair - set(_kinds(suspected)) <= {RemedyKind.PART_REFUND_KEEP}
    assert set(_kinds(suspected)) - fair == {RemedyKind.RESTATE}
    assert suspected.needs_second_person and suspected.offer is None
    assert any(rule.startswith("A1") for rule in suspected.forbidden)


def test_the_trade_s_share_of_a_known_price():
    offer = _resolve(Claim.QUALITY, paid=Money(Decimal("40.00"), "EUR")).offer
    assert (str(offer.offer_low), str(offer.offer_high)) == ("8.00 EUR", "12.00 EUR")


def test_an_offer_too_small_to_send_is_no_offer():
    assert _resolve(Claim.QUALITY, paid=Money(Decimal("2.00"), "EUR")).offer is None


def test_without_a_price_no_amount_is_made_up():
    resolution = _resolve(Claim.QUALITY)
    assert resolution.offer is None
    assert all(r.cost is None for r in resolution.remedies)


def test_what_is_missing_is_sent_first():
    assert _kinds(_resolve(Claim.MISMATCH, "One of the four cups is missing"))[0] is RemedyKind.SEND_PART


def test_a_photo_makes_asking_for_one_needless():
    assert _kinds(_resolve(Claim.QUALITY, "It broke"))[1] is RemedyKind.ASK_EVIDENCE
    assert _kinds(_resolve(Claim.QUALITY, "It broke, see attached photo"))[1] is not RemedyKind.ASK_EVIDENCE


def test_no_coupons_on_amazon():
    assert any(rule.startswith("P1") for rule in _resolve(Claim.SUBJECTIVE).forbidden)


def test_the_clock_runs_from_the_message():
    message = Message("1", "It broke", sent_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    assert resolve(message, _judged(Claim.QUALITY), POLICY).due_at == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_p3_a_notice_has_its_own_clock():
    sent = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    for kind, day in ((MessageKind.RETURN_REQUEST, 22), (MessageKind.A_TO_Z, 23)):
        found = resolve(Message("1", "Claim received", kind=kind, sent_at=sent), _judged(Claim.QUALITY), POLICY)
        assert _kinds(found) == [RemedyKind.ANSWER] and found.due_at.day == day


def test_a_notice_needs_nothing():
    message = Message("1", "Refund initiated", kind=MessageKind.REFUND)
    assert _kinds(resolve(message, _judged(Claim.QUALITY), POLICY)) == [RemedyKind.NOTHING]


def test_the_remedy_follows_the_claim_even_where_a_person_must_decide():
    unsure = replace(_judged(Claim.QUALITY), category=Category.NEEDS_REVIEW)
    assert FULL & set(_kinds(resolve(Message("1", "hm"), unsure, POLICY)))


@given(st.permutations(list(Claim)), orders)
def test_what_other_claims_of_the_set_would_owe_stands_below_and_no_refusal_joins(claims, order):
    best, second = claims[:2]
    judged = replace(_judged(best), claim_set=(best, second))
    alone = resolve(Message("1", "x", order=OrderLine(**order)), _judged(best), POLICY)
    both = resolve(Message("1", "x", order=OrderLine(**order)), judged, POLICY)
    assert _kinds(both)[: len(_kinds(alone))] == _kinds(alone)
    assert not {RemedyKind.EXPLAIN, RemedyKind.PAID_REMAKE} & set(_kinds(both)[len(_kinds(alone)) :])
    if second in (Claim.QUALITY, Claim.MISMATCH):
        assert FULL & set(_kinds(both)) and any(rule.startswith("R1") for rule in both.forbidden)
