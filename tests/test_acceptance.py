import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.acceptance import Acceptance, AcceptanceCurve, OfferMade, load_offers
from triage_ml.errors import FormatError
from triage_ml.messages import Claim

offers = st.lists(
    st.builds(OfferMade, st.sampled_from(list(Claim)), st.floats(0.01, 1.0), st.booleans()), max_size=60
)  # fmt: skip


def _shop(steepness, median, claim, seed, count):
    """Offers as a shop would have made them whose buyers accept by a known curve."""
    draw = random.Random(seed)
    shares = [draw.choice([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]) for _ in range(count)]
    return [OfferMade(claim, x, draw.random() < 1 / (1 + (median / x) ** steepness)) for x in shares]


def test_the_trade_s_figure_is_the_prior():
    curve = Acceptance().curve(Claim.QUALITY)
    assert curve.at(0.2).mean == pytest.approx(0.5, abs=0.01)
    assert 0.6 < curve.at(0.3).mean < 0.75
    assert Acceptance().source(Claim.QUALITY).startswith("the trade's figure")


@given(offers, st.sampled_from(list(Claim)))
def test_more_money_is_never_accepted_less_often_whatever_happened(made, claim):
    curve = AcceptanceCurve(made, claim)
    estimates = [curve.at(share / 100) for share in range(0, 101)]
    means = [e.mean for e in estimates]
    assert means == sorted(means)
    assert all(0 <= e.low <= e.mean + 1e-9 and e.mean <= e.high + 1e-9 <= 1 + 1e-9 for e in estimates[1:])


@pytest.mark.parametrize(("median", "steepness"), [(0.1, 3.0), (0.35, 2.0)])
def test_a_shop_s_own_offers_replace_the_trade_s_figure(median, steepness):
    curve = AcceptanceCurve(_shop(steepness, median, Claim.QUALITY, 7, 400), Claim.QUALITY)
    for share in (0.1, 0.2, 0.3):
        true, found = 1 / (1 + (median / share) ** steepness), curve.at(share)
        assert found.mean == pytest.approx(true, abs=0.06)
        assert found.low <= true <= found.high


def test_the_interval_shrinks_as_offers_are_made():
    few, many = (AcceptanceCurve(_shop(2, 0.2, Claim.QUALITY, 3, n), Claim.QUALITY).at(0.2) for n in (10, 300))
    assert many.high - many.low < (few.high - few.low) / 2


def test_offers_for_another_claim_count_less():
    made = _shop(3, 0.1, Claim.QUALITY, 5, 40)
    own, other = AcceptanceCurve(made, Claim.QUALITY).at(0.2), AcceptanceCurve(made, Claim.SUBJECTIVE).at(0.2)
    assert 0.5 < other.mean < own.mean
    assert Acceptance(made).source(Claim.SUBJECTIVE) == "0 of your offers for subjective, 40 for other claims"


@given(offers, st.decimals(0, Decimal("0.3"), places=2), st.decimals(0, Decimal("0.2"), places=2), st.decimals(0, 2, places=2))
def test_the_best_share_is_inside_the_range_and_nothing_in_it_is_cheaper(made, low, more, otherwise):
    curve, high, unit = AcceptanceCurve(made, Claim.QUALITY), low + more, Decimal("0.88")
    best = curve.best_share(low, high, unit, otherwise)

    def cost(share):
        taken = curve.at(float(share)).mean
        return taken * float(share * unit) + (1 - taken) * float(otherwise)

    assert low <= best <= high
    for percent in range(max(1, int(low * 100)), int(high * 100) + 1):
        if low <= Decimal(percent) / 100 <= high:
            assert cost(best) <= cost(Decimal(percent) / 100) + 1e-6


def test_offers_come_from_a_table_and_bad_rows_are_told(tmp_path):
    path = tmp_path / "offers.csv"
    path.write_text(
        "claim,share,accepted\nquality,0.2,yes\nquality,20,no\nquantity,0.2,no\nsubjective,0.1,maybe\nsubjective,0.1,否\n",
        "utf-8",
    )
    rejects = []
    found = load_offers(path, rejects.append)
    assert found.offers == (OfferMade(Claim.QUALITY, 0.2, True), OfferMade(Claim.SUBJECTIVE, 0.1, False))
    assert [(r.row, r.column) for r in rejects] == [(3, "share"), (4, "claim"), (5, "accepted")]


@pytest.mark.parametrize("content", [b"claim,share\nquality,0.2\n", b"", b"\xff\xfe\x00"])
def test_a_file_that_is_no_such_table_is_named(tmp_path, content):
    path = tmp_path / "offers.csv"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="offers.csv"):
        load_offers(path, print)
