from decimal import Decimal

import pytest

from triage_ml.errors import PolicyError
from triage_ml.policy import load_policy


def _file(tmp_path, text):
    path = tmp_path / "policy.toml"
    path.write_text('name = "mine"\neffective_from = 2026-11-01\n' + text, "utf-8")
    return path


def test_the_shipped_policy_holds_the_trade_s_numbers(policy):
    assert (policy.number("offer.low"), policy.number("offer.high")) == (Decimal("0.20"), Decimal("0.30"))
    assert policy.version == "shipped 2026-11-01"


def test_a_marketplace_has_its_own_numbers(policy):
    assert policy.number("offer.smallest", "jp") == 100
    assert policy.number("offer.smallest", "de") == 1
    assert policy.number("offer.low", "jp") == policy.number("offer.low")


def test_a_file_states_only_what_differs(tmp_path, policy):
    mine = load_policy(_file(tmp_path, "[offer]\nhigh = 0.35\n"))
    assert mine.number("offer.high") == Decimal("0.35")
    assert mine.number("cost.remake") == policy.number("cost.remake")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[offer]\nhigh = 3", "offer.high is 3; expected a number from 0 to 0.5"),
        ("[offer]\nhigh = true", "offer.high is True"),
        ("[offer]\nhigh = nan", "offer.high is"),
        ("[offer]\nhihg = 0.3", "unknown key 'offer.hihg'"),
        ("[offer]\nlow = 0.4", "offer.low is 0.4 and offer.high is 0.30"),
        ("[marketplace.jp.offer]\nlow = 0.4", "marketplace.jp.offer.low is 0.4"),
        ("[marketplace.jp]\nx = 0.4", "unknown key 'marketplace.jp.x'"),
        ("offer = ", "expected a TOML file"),
    ],
)
def test_a_slip_is_named(tmp_path, text, says):
    with pytest.raises(PolicyError) as error:
        load_policy(_file(tmp_path, text))
    assert says in str(error.value)


def test_the_date_is_a_date(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('name = "x"\neffective_from = "soon"\n', "utf-8")
    with pytest.raises(PolicyError, match="effective_from is 'soon'"):
        load_policy(path)
    with pytest.raises(PolicyError, match="p2"):
        load_policy(tmp_path / "p2.toml")


def test_the_environment_names_a_policy(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAGE_POLICY", str(_file(tmp_path, "")))
    assert load_policy().name == "mine"
