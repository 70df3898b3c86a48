from datetime import date
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
    assert mine.number("cost.make") == policy.number("cost.make")
    assert mine.number("offer.smallest", "jp") == policy.number("offer.smallest", "jp")


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
        ("[sku_group.rings.cost]\nmake = 0.2", "sku_group.rings.skus is None; expected a list"),
        ('[sku_group.rings]\nskus = ["RING-*"]\n[sku_group.rings.cost]\nmkae = 0.2', "unknown key 'sku_group.rings.cost.mkae'"),
        (
            '[sku_group.rings]\nskus = ["RING-*"]\n[sku_group.rings.marketplace.jp.offer]\nlow = 0.4',
            "sku_group.rings.marketplace.jp.offer.low",
        ),
        ('marketplace = "jp"', "marketplace is 'jp'; expected a table"),
        ('[shop]\ntime_zone = "Shanghai"', "shop.time_zone is 'Shanghai'; expected an IANA name"),
        ('[shop]\nname = ""', "shop.name is ''; expected a text in one line"),
        ('shop = "Nora\'s workshop"', "unknown key 'shop'"),
        ('saved_by = "Mia\\nNoah"', "saved_by is 'Mia\\nNoah'; expected a text in one line"),
        ("[review]\nsecond_person_from = -1", "review.second_person_from is -1; expected a number from 0"),
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


def test_a_group_of_skus_has_its_own_numbers_and_a_marketplace_s_group_comes_first(tmp_path):
    mine = load_policy(
        _file(
            tmp_path,
            """
[marketplace.jp.offer]
smallest = 90
[sku_group.rings]
skus = ["ring-*", "BAND"]
[sku_group.rings.cost]
make = 0.2
[sku_group.rings.offer]
smallest = 3
[sku_group.rings.marketplace.jp.offer]
smallest = 300
""",
        )
    )
    assert mine.number("cost.make", "de", "RING-18") == mine.number("cost.make", "", "band") == Decimal("0.2")
    assert mine.number("cost.make", "de", "MUG") == mine.numbers["cost.make"]
    assert [
        mine.number("offer.smallest", m, s) for m, s in (("jp", "MUG"), ("de", "RING-1"), ("jp", "RING-1"), ("jp", ""))
    ] == [90, 3, 300, 90]


def test_of_a_folder_the_newest_version_in_force_counts(tmp_path):
    for name, day, high in (("a", "2026-01-01", "0.31"), ("b", "2026-06-01", "0.32"), ("c", "2099-01-01", "0.33")):
        (tmp_path / f"{name}.toml").write_text(f'name = "{name}"\neffective_from = {day}\n[offer]\nhigh = {high}\n', "utf-8")
    assert load_policy(tmp_path, date(2026, 11, 23)).name == "b"
    assert load_policy(tmp_path, date(2026, 5, 31)).number("offer.high") == Decimal("0.31")
    with pytest.raises(PolicyError, match="no policy in force on 2025-12-31"):
        load_policy(tmp_path, date(2025, 12, 31))


def test_a_home_with_future_versions_only_goes_by_the_shipped_numbers(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path))
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "2099-01-01.toml").write_text('name = "later"\neffective_from = 2099-01-01\n', "utf-8")
    assert load_policy().name == "shipped"
    assert load_policy(on=date(2099, 1, 2)).name == "later"
    with pytest.raises(PolicyError, match="no policy in force"):
        load_policy(tmp_path / "policy")
    monkeypatch.setenv("TRIAGE_POLICY", str(tmp_path / "policy"))
    with pytest.raises(PolicyError, match="no policy in force"):
        load_policy()


def test_a_file_may_say_who_saved_it(tmp_path, policy):
    assert policy.saved_by == "" and load_policy(_file(tmp_path, 'saved_by = "Mia Tanaka"\n')).saved_by == "Mia Tanaka"
