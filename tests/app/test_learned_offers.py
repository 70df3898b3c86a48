"""Offers follow what the record's own brought: on the screen and where an import assesses for the record."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from triage_ml.acceptance import ENOUGH
from triage_ml.cases import Decision, Outcome, OutcomeKind
from triage_ml.cases.database import resolve_url
from triage_ml.insights import learned
from triage_ml.messages import Category, Claim, Money
from triage_ml.resolution import RemedyKind

BROKEN = "The handle of the mug broke off while I was washing it. The glue simply gave way."


@pytest.fixture
def answered(arrive, record):
    """Let some buyers answer an offer of about a quarter of the price."""

    def happen(count, kind=OutcomeKind.DECLINED):
        for case_id in arrive(*[f"{BROKEN} That was cup {number}." for number in range(count)]):
            offer = Decision("Noah", Category.QUALITY, "part_refund_keep", Money(Decimal("6.00"), "EUR"))
            record.decide(case_id, record.case(case_id).version, offer)
            record.outcome(case_id, Outcome("Noah", kind, Decimal("0.241"), None))

    return happen


def known():
    """What the screen of this process knows of the record's offers."""
    import session

    return session._answers(resolve_url().render_as_string(hide_password=False))


def settled():
    """Wait until the screen's work in the background is done."""
    import session

    session.jobs().get(f"acceptance:{resolve_url().render_as_string(hide_password=False)}").wait(30)
    return known().acceptance


def offer_of(at):
    """The part refund that the open case allows."""
    resolution = at.session_state["assessed"][1].resolution
    return next(one for one in resolution.remedies if one.kind is RemedyKind.PART_REFUND_KEEP)


def test_a_few_answers_change_nothing_and_enough_do(answered, record):
    assert learned(record).offers == ()
    answered(ENOUGH - 1)
    assert learned(record).offers == ()
    answered(1, OutcomeKind.NO_ANSWER)  # says nothing to an offer
    assert learned(record).offers == ()
    answered(1, OutcomeKind.ACCEPTED)
    found = learned(record)
    assert [one.accepted for one in found.offers].count(True) == 1 and len(found.offers) == ENOUGH
    assert found.curve(Claim.QUALITY).at(0.24).mean < 0.4  # nine of ten declined; the trade says about 0.58


def test_the_screen_offers_as_its_own_buyers_answered(screen, answered, arrive, monkeypatch):
    import session

    answered(12)
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    assert len(settled().offers) == 12
    at.run()
    first = offer_of(at)
    assert "12 of your offers for quality" in first.break_even and first.chance.mean < 0.4

    answered(3, OutcomeKind.ACCEPTED)
    asked_at = known().asked_at
    at.run()
    at.run()
    assert known().asked_at == asked_at and len(settled().offers) == 12  # not read again with every click
    assert at.session_state["assessed"][0][2].acceptance is known().acceptance

    monkeypatch.setattr(session, "_FRESH", timedelta(0))
    at.run()
    assert known().asked_at > asked_at and len(settled().offers) == 15
    monkeypatch.setattr(session, "_FRESH", timedelta(minutes=10))
    at.run()
    second = offer_of(at)
    assert "15 of your offers for quality" in second.break_even and second.chance.mean > first.chance.mean


def test_reading_the_same_answers_again_judges_no_case_again(screen, answered, arrive, monkeypatch):
    import session

    answered(10)
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    settled()
    at.run()
    triage = at.session_state["assessed"][0][2]
    monkeypatch.setattr(session, "_FRESH", timedelta(0))
    at.run()
    settled()
    at.run()
    assert at.session_state["assessed"][0][2] is triage


def test_a_new_shop_has_the_trades_figure(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    assert settled().offers == () and "no offers of yours yet" in offer_of(at).break_even


def test_an_import_offers_as_the_record_says_unless_told_otherwise(run, answered, record, given_file):
    answered(11)
    columns = "message_id,order_id,amount,currency,marketplace,channel,delivered_at,personalised,text"
    rows = [f"{name},306-{name},24.90,EUR,de,shop,2026-11-20,yes,{BROKEN}" for name in ("a", "b", "c")]
    own = given_file("claim,share,accepted\nquality,0.3,yes\n", "offers.csv")
    for row, more in zip(rows, ([], ["--offers", "record"], ["--offers", own]), strict=True):
        path = given_file(f"{columns}\n{row}\n", f"{row[0]}.csv")
        # --database says which record, whatever stands in the surroundings.
        done = run("cases", "import", path, *more, "--database", resolve_url().database, TRIAGE_DATABASE_URL="")
        assert done.returncode == 0, done.stderr
    told = {}
    for case in record.walk():
        if case.order.order_id.startswith("306-"):
            shown = run("cases", "show", case.id, "--database", resolve_url().database, "--json")
            told[case.order.order_id] = json.dumps(json.loads(shown.stdout))
    assert "11 of your offers for quality" in told["306-a"] and "11 of your offers for quality" in told["306-b"]
    assert "1 of your offers for quality" in told["306-c"] and "11 of your offers" not in told["306-c"]
