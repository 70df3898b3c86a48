"""Policy and insurance: what is in force, what other numbers would bring, and a new version."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import html_of, text_of

import roles
from policy import expecting, numbering
from policy.expecting import CLAIMS, Situation, about
from triage_ml.acceptance import Acceptance
from triage_ml.cases import Decision, Outcome, OutcomeKind
from triage_ml.insurance import Base, Exposure, InsuranceTerms, value
from triage_ml.messages import Category, Claim, Money
from triage_ml.policy import BOUNDS, load_policy
from triage_ml.policy_versions import today, versions
from wording import LANGUAGES, wording

BROKEN = "The handle broke off after two days. Please send me a new one."
HAN = re.compile(r"[\u4e00-\u9fff]")
BASE = "new-shipped 2026-11-01"


def rows(at, *columns):
    """Return the rows of every table that has these columns."""
    tables = [table.value for table in at.dataframe if set(columns) <= set(table.value.columns)]
    return [row for table in tables for row in table.to_dict("records")]


def number(at, key, base=BASE):
    return at.number_input(key=f"{base}-{key}")


def write(home, name, day, text="", name_of="spring"):
    folder = home / "policy"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f'name = "{name_of}"\neffective_from = {day}\n{text}', "utf-8")
    return folder / name


# --- strings


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_has_a_meaning_a_group_and_a_unit(language):
    say = wording(language)
    for key in BOUNDS:
        assert say.knows(f"policy_number.{key}") and say.knows(f"policy_group.{key.rpartition('.')[0]}"), key
        assert numbering.label(key, say) and numbering.shown(key, Decimal("0.5"), say)


def test_no_meaning_is_left_over():
    say = wording("en")
    named = {key.removeprefix("policy_number.") for key in say.strings if key.startswith("policy_number.")}
    assert named - {"shop.name", "shop.time_zone", "skus"} == set(BOUNDS)


@given(st.sampled_from(sorted(BOUNDS)), st.decimals(0, 3, places=4))
def test_a_field_gives_back_the_number_it_was_filled_with(key, before):
    assert numbering.read(key, numbering.typed(key, before), before) == before
    assert numbering.read(key, numbering.typed(key, before), Decimal(-1)) == before


@pytest.mark.parametrize(
    ("table", "shown"),
    [
        ("", "everywhere"), ("marketplace.jp", "JP"), ("sku_group.rings", "rings"), ("sku_group.a.b", "a.b"),
        ("sku_group.rings.marketplace.etsy.de", "rings · ETSY.DE"), ("marketplace.etsy.de", "ETSY.DE"),
    ],
)  # fmt: skip
def test_an_overrides_table_is_named_as_a_shop_would(table, shown):
    assert numbering.where(table, wording("en")) == shown


# --- what is in force


def test_without_own_numbers_the_shipped_ones_are_shown_with_what_they_mean(screen):
    at = screen("policy")
    assert "Nobody has measured" in text_of(at) and "the program, as shipped" in text_of(at)
    shown = {row["key"]: row for row in rows(at, "meaning", "key")}
    assert set(shown) == set(BOUNDS) and not any(row["shipped"] for row in shown.values())
    assert (shown["offer.low"]["value"], shown["time.reply_hours"]["value"]) == ("20%", "24 hours")
    assert {(row["where"], row["value"]) for row in rows(at, "where", "otherwise")} >= {("JP", "4500")}
    assert "Only the shipped numbers are here yet" in text_of(at)


def test_a_shops_own_version_shows_what_differs_and_who_saved_it(screen, tmp_path):
    file = write(tmp_path / "home", "a.toml", "2026-03-01", 'saved_by = "Lena"\n[offer]\nhigh = 0.35\n')
    write(tmp_path / "home", "b.toml", "2026-01-01", name_of="winter")
    write(tmp_path / "home", "c.toml", "2099-01-01", name_of="far")
    at = screen("policy")
    assert str(file) in text_of(at) and "Lena" in text_of(at) and "1 of 31 numbers" in text_of(at)
    assert [row for row in rows(at, "meaning", "key") if row["shipped"]] == [
        {
            "meaning": "Largest share offered first; a second offer begins here",
            "value": "35%",
            "shipped": "30%",
            "key": "offer.high",
        }
    ]
    states = {row["name"]: row["state"] for row in rows(at, "state", "file")}
    assert states == {"shipped": "below all others", "winter": "earlier", "spring": "in force", "far": "from that day on"}


def test_two_versions_are_compared(screen, tmp_path):
    write(tmp_path / "home", "a.toml", "2026-03-01", "[offer]\nhigh = 0.35\n")
    write(tmp_path / "home", "b.toml", "2026-06-01", "[offer]\nhigh = 0.25\n", name_of="summer")
    at = screen("policy")
    (found,) = rows(at, "before_column", "after_column")
    assert (found["before_column"], found["after_column"]) == ("35%", "25%")
    at.selectbox(key="compare-before").set_value(2).run()
    assert "The two say the same." in text_of(at)


def test_a_policy_that_is_wrong_is_told_in_a_sentence(screen, tmp_path):
    write(tmp_path / "home", "a.toml", "2026-03-01", "[offer]\nhigh = 3\n")
    at = screen("policy")
    assert not at.exception and "offer.high is 3; expected a number from 0 to 0.5" in text_of(at)
    assert "shows the shipped numbers" in text_of(at)


def test_what_a_file_says_is_shown_as_text(screen, tmp_path):
    write(tmp_path / "home", "a.toml", "2026-03-01", "[shop]\nname = '<script>alert(1)</script> **us**'\n", "<b>x</b>")
    at = screen("policy")
    assert "<script>" not in html_of(at) and "&lt;script&gt;" in html_of(at) and "<b>x</b>" not in html_of(at)
    said = [one.value for kind in ("caption", "markdown", "title", "subheader") for one in getattr(at, kind)]
    assert not any("**us**" in text or "<b>x" in text for text in said)


def test_in_chinese_nothing_is_left_in_english(screen, arrive, tmp_path):
    arrive(BROKEN)
    write(tmp_path / "home", "a.toml", "2026-03-01", "[offer]\nhigh = 0.35\n")
    at = screen("policy", language="zh")
    assert all(HAN.search(row["meaning"]) for row in rows(at, "meaning"))
    for note in re.findall(r'<div class="note[^>]*>(.*?)</div>', html_of(at), re.DOTALL):
        assert HAN.search(note), note
    for remedy in re.findall(r"<small>([^<]*)</small>", html_of(at)):
        assert HAN.search(remedy) or not re.search("[a-z]{4}", remedy), remedy


# --- trying an offer


def test_the_sliders_start_from_the_record_and_the_policy(screen, arrive):
    arrive(BROKEN)
    at = screen("policy")
    assert at.slider(key="sim-paid-EUR").value == 25 and at.slider(key="sim-share-quality").value == 24
    assert at.selectbox(key="sim-marketplace").value == "de" and "your newest 1 cases" in text_of(at)
    assert at.slider(key="ins-paid-EUR").value == 25


def test_without_cases_the_sliders_start_in_the_policys_bands(screen):
    at = screen("policy")
    assert at.slider(key="sim-paid-EUR").value == 45 and "The record has no paid amounts yet" in text_of(at)
    assert "the trade's figure" in text_of(at)


def test_every_figure_follows_the_sliders(screen):
    at = screen("policy")
    policy, trade = load_policy(), Acceptance()
    for claim, share in ((Claim.QUALITY, 10), (Claim.SUBJECTIVE, 40)):
        at.selectbox(key="sim-claim").set_value(claim).run()
        at.slider(key=f"sim-share-{claim.value}").set_value(float(share)).run()
        case = Situation(claim, Money(Decimal(45), "EUR"))
        point = expecting.point(policy, trade, case, Decimal(share) / 100)
        page = text_of(at)
        assert f"≈ {point.chance.mean:.0%}" in page and f"≈ {about(point.cost.amount)} EUR" in page
        assert expecting.break_even(policy, trade, case, Decimal(share) / 100) in page
        assert f"{share}% lies outside what your policy lets be offered first" in page
    year = re.search(r"With 40% offered they are expected to cost about ([\d,]+) EUR", text_of(at))[1]
    at.select_slider(key="sim-orders").set_value(10_000).run()
    tenfold = re.search(r"With 40% offered they are expected to cost about ([\d,]+) EUR", text_of(at))[1]
    assert int(tenfold.replace(",", "")) == pytest.approx(10 * int(year.replace(",", "")), rel=0.05)


def test_what_the_shops_own_offers_brought_counts(screen, arrive, record):
    for case_id in arrive(*[BROKEN] * 3):
        amount = Money(Decimal("4.98"), "EUR")
        version = record.decide(
            case_id, record.case(case_id).version, Decision("Mia", Category.QUALITY, "part_refund_keep", amount)
        )
        assert version
        record.outcome(case_id, Outcome("Mia", OutcomeKind.ACCEPTED))
    at = screen("policy")
    assert "3 of your offers for quality" in text_of(at) and "no offers of yours yet" not in text_of(at)


def test_in_yen_amounts_are_yen(screen):
    at = screen("policy")
    at.selectbox(key="sim-marketplace").set_value("jp").run()
    assert at.slider(key="sim-paid-JPY").value == 6_800 and "JPY" in text_of(at) and not at.exception


@given(st.sampled_from(CLAIMS), st.integers(5, 900), st.booleans(), st.sampled_from(["", "de", "jp"]), st.booleans())
def test_at_the_librarys_own_share_the_curve_is_what_the_library_says(claim, paid, personalised, marketplace, photo):
    policy, trade = load_policy(), Acceptance()
    case = Situation(claim, Money(Decimal(paid), "JPY" if marketplace == "jp" else "EUR"), personalised, photo, marketplace)
    offer = expecting.settled(policy, trade, case).offer
    if offer:
        share = offer.offer.amount / case.paid.amount
        point = expecting.point(policy, trade, case, share)
        assert point.cost == offer.cost and point.chance == offer.chance
        assert expecting.break_even(policy, trade, case, share) == offer.break_even
        assert point.best.amount <= point.cost.amount <= point.worst.amount


@given(st.decimals(-10_000_000, 10_000_000, places=2))
def test_no_figure_is_more_exact_than_two_digits(amount):
    said = about(amount)
    assert len(said.replace(",", "").replace("-", "").replace(".", "").strip("0")) <= 2
    assert abs(Decimal(said.replace(",", "")) - amount) <= abs(amount) / 20


# --- insurance


def test_insurance_says_whether_it_pays_and_from_which_return_rate_on(screen):
    at = screen("policy")
    at.select_slider(key="ins-orders").set_value(100_000).run()
    at.slider(key="ins-covered").set_value(50.0).run()
    at.slider(key="ins-rate").set_value(20.0).run()
    assert "It pays on average" in text_of(at)
    # 2 % premium, 80 % of the order value, half of the returns covered: 0.02 / 0.8 / 0.5
    assert "It pays from about 5.0% of orders coming back on" in text_of(at)
    at.slider(key="ins-rate").set_value(2.0).run()
    assert "It does not pay on average" in text_of(at)
    at.slider(key="ins-covered").set_value(0.0).run()
    assert "It pays at no return rate" in text_of(at)


def test_where_luck_decides_it_says_so(screen):
    at = screen("policy")
    at.select_slider(key="ins-orders").set_value(50).run()
    at.slider(key="ins-covered").set_value(50.0).run()
    assert "chance alone decides" in text_of(at)


def test_the_loss_of_a_return_may_be_the_making_alone(screen):
    at = screen("policy")
    at.segmented_control(key="ins-base").set_value(Base.LOSS).run()
    before = rows(at, "what", "without")[1]["without"]
    at.radio(key="ins-loss").set_value("make").run()
    assert at.slider(key="ins-make").value == 45 and rows(at, "what", "without")[1]["without"] != before


@given(st.integers(1, 5_000), st.integers(1, 60), st.integers(0, 20), st.sampled_from(list(Base)))
def test_the_expected_result_is_the_librarys_and_lies_in_its_range(orders, rate, covered, base):
    terms = InsuranceTerms(Decimal("0.02"), Decimal("0.8"), base)
    exposure = Exposure(orders, Money(Decimal(40), "EUR"), Decimal(rate) / 100, Decimal(covered) / 20)
    (here,) = expecting.insured(terms, exposure, [exposure.return_rate])
    assert here.mean == pytest.approx(value(terms, exposure).profit.amount, abs=Decimal("0.02"))
    # a count is whole, so the middle may lie one claim beside the range
    assert here.low - 40 <= here.mean <= here.high + 40


# --- a new version


def test_a_new_version_is_compared_saved_and_counts(screen, tmp_path):
    at = screen("policy")
    assert "Nothing differs yet" in text_of(at)
    number(at, "offer.high").set_value(22.0).run()
    (found,) = rows(at, "until_then", "from_then")
    assert (found["meaning"], found["until_then"], found["from_then"]) == (
        "Largest share offered first; a second offer begins here", "30%", "22%",
    )  # fmt: skip
    page = text_of(at)
    assert "offer 10.80 EUR (24%)" in page and "offer 9.90 EUR (22%)" in page
    assert "4 of 6 typical cases change." in page and "a fault, 45.00 EUR, made for the buyer" in page
    at.text_input(key=f"{BASE}-name").set_value("after the fair").run()
    at.button(key="save-policy").click().run()
    assert not at.exception and "Saved: the version counts from" in text_of(at)
    file = tmp_path / "home" / "policy" / f"{today()}.toml"
    assert load_policy().number("offer.high") == Decimal("0.22") and load_policy().saved_by == "Mia"
    assert versions()[-1].path == file and "after the fair" in text_of(at) and "1 of 31 numbers" in text_of(at)


def test_a_slip_is_told_in_one_sentence_and_cannot_be_saved(screen, tmp_path):
    at = screen("policy")
    number(at, "offer.low").set_value(40.0).run()
    assert "offer.low is 0.4 and offer.high is 0.30; expected the first not above the second" in text_of(at)
    assert not any(one.key == "save-policy" for one in at.button) and not (tmp_path / "home" / "policy").exists()


def test_a_version_of_the_day_is_replaced_only_after_asking(screen, tmp_path):
    file = write(tmp_path / "home", "mine.toml", today(), "# agreed with Lena\n[offer]\nhigh = 0.35  # tried\n")
    at = screen("policy")
    number(at, "cost.make", f"new-spring {today()}").set_value(25.0).run()
    assert "is there already" in text_of(at) and at.button(key="save-policy").disabled
    at.checkbox(key=f"new-replace-{today()}").check().run()
    at.button(key="save-policy").click().run()
    text = file.read_text("utf-8")
    assert "# agreed with Lena" in text and "high = 0.35  # tried" in text and "make = 0.25" in text
    assert load_policy().number("cost.make") == Decimal("0.25")


def test_a_later_day_leaves_what_is_in_force(screen):
    at = screen("policy")
    number(at, "cost.make").set_value(25.0).run()
    at.date_input(key=f"{BASE}-day").set_value(today() + timedelta(days=40)).run()
    at.button(key="save-policy").click().run()
    assert load_policy().name == "shipped" and "from that day on" in {row["state"] for row in rows(at, "state", "file")}


def test_only_an_admin_may_save(screen, monkeypatch):
    monkeypatch.setattr(roles, "access", lambda: roles.Access(roles.Role.REVIEWER))
    at = screen("policy")
    assert "Only an admin may save a new version" in text_of(at)
    assert not at.number_input and not any(one.key == "save-policy" for one in at.button)


def test_without_a_name_nothing_is_saved(screen):
    at = screen("policy", person="")
    assert "Write your name in the side bar first" in text_of(at)


def test_a_single_file_cannot_hold_versions_and_it_says_what_to_do(screen, tmp_path, monkeypatch):
    file = write(tmp_path, "one.toml", "2026-03-01")
    monkeypatch.setenv("TRIAGE_POLICY", str(file))
    at = screen("policy")
    assert "Make a folder, move the file into it, and let TRIAGE_POLICY name the folder." in text_of(at)
    assert "spring" in text_of(at) and not any(one.key == "save-policy" for one in at.button)
