"""Dated versions: which there are, what differs, and saving one without losing what a shop wrote."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.errors import PolicyError
from triage_ml.policy import BOUNDS, load_policy, parse_policy, read_policy, shipped_policy
from triage_ml.policy_versions import (
    Difference,
    Version,
    differences,
    folder_of_versions,
    place_of,
    save_policy,
    text_of,
    today,
    versions,
)

SHIPPED = Version(shipped_policy())
# As a shop writes it: comments everywhere, an override, a group of SKUs.
OURS = """# Numbers of our workshop, agreed with Lena in spring.
name = "spring"  # the first of our own
effective_from = 2026-03-01  # after the fair

# what we offer
[offer]
high = 0.35  # 30 % was declined too often

# what it costs us, measured in February
[cost]
make = 0.22

[sku_group.rings]
skus = ["RING-*"]
[sku_group.rings.cost]
make = 0.18  # silver
# the end
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path))
    return tmp_path / "policy"


@pytest.fixture
def ours(folder):
    folder.mkdir()
    path = folder / "spring.toml"
    path.write_text(OURS, "utf-8")
    return Version(read_policy(path), path)


def changed(base, day=None, saved_by="Mia", **numbers):
    new = {key.replace("__", "."): Decimal(value) for key, value in numbers.items()}
    return replace(base.policy, effective_from=day or today(), saved_by=saved_by, numbers={**base.policy.numbers, **new})


# --- which there are


def test_without_own_files_there_are_the_shipped_numbers(folder):
    assert versions() == (SHIPPED,) and not folder.exists()


def test_versions_stand_in_the_order_of_their_days(ours, folder):
    (folder / "a.toml").write_text('name = "autumn"\neffective_from = 2026-09-01\n', "utf-8")
    (folder / "notes.txt").write_text("no version", "utf-8")
    assert [version.policy.name for version in versions()] == ["shipped", "spring", "autumn"]
    assert versions()[1] == ours


def test_a_single_file_is_one_version_and_cannot_hold_more(tmp_path, monkeypatch):
    path = tmp_path / "mine.toml"
    path.write_text(OURS, "utf-8")
    monkeypatch.setenv("TRIAGE_POLICY", str(path))
    assert [version.path for version in versions()] == [None, path]
    with pytest.raises(PolicyError, match="Make a folder, move the file into it"):
        save_policy(changed(SHIPPED), SHIPPED)
    assert path.read_text("utf-8") == OURS
    monkeypatch.setenv("TRIAGE_POLICY", str(tmp_path / "not_yet.toml"))
    with pytest.raises(PolicyError, match="expected a folder"):
        folder_of_versions()


def test_a_file_that_is_wrong_is_named(ours, folder):
    (folder / "b.toml").write_text('name = "b"\neffective_from = 2026-09-01\n[offer]\nhigh = 3\n', "utf-8")
    with pytest.raises(PolicyError, match=r"b\.toml: offer\.high is 3"):
        versions()


# --- what differs


def test_only_what_differs_is_named_with_where_it_holds(ours):
    assert differences(ours.policy, ours.policy) == ()
    assert set(differences(SHIPPED.policy, ours.policy)) == {
        Difference("", "offer.high", Decimal("0.30"), Decimal("0.35")),
        Difference("", "cost.make", Decimal("0.30"), Decimal("0.22")),
        Difference("sku_group.rings", "skus", None, "RING-*"),
        Difference("sku_group.rings", "cost.make", None, Decimal("0.18")),
    }
    moved = replace(ours.policy, shop="Atelier Nora", time_zone="Asia/Shanghai", name="x", saved_by="y")
    assert [(one.key, one.after) for one in differences(ours.policy, moved)] == [
        ("shop.name", "Atelier Nora"), ("shop.time_zone", "Asia/Shanghai"),
    ]  # fmt: skip


# --- the text of a new one


def test_the_comments_and_overrides_of_a_shop_stay(ours):
    text = text_of(changed(ours, date(2026, 12, 1), offer__high="0.32", offer__low="0.22", chance__photo_refutes="0.1"), ours)
    for line in OURS.splitlines():
        if "#" in line:
            assert line[line.index("#") :] in text
    assert "high = 0.32  # 30 % was declined too often" in text
    # what is new stands with its table, not below the comment that begins the next one
    assert text.index("low = 0.22") < text.index("# what it costs us")
    assert 'saved_by = "Mia"' in text and "the photo asked for shows" in text


def test_of_the_shipped_numbers_nothing_is_repeated():
    text = text_of(changed(SHIPPED, offer__high="0.32"), SHIPPED)
    assert "high = 0.32" in text and "low" not in text and "marketplace" not in text


_WRITTEN = ('offer.high = 0.35', "[offer]\nhigh=0.35", "offer = {high = 0.35}", "[offer.subjective]\nhigh = 0.16\n[cost]\nmake = 0.1\n[offer]\nhigh = 0.31", "")  # fmt: skip


@given(
    st.sampled_from(_WRITTEN),
    st.dictionaries(st.sampled_from(sorted(BOUNDS)), st.floats(0, 1)),
    st.text("aé文 \"\\'#=[]\t\n", max_size=12),
    st.booleans(),
)
def test_what_is_written_reads_back_as_what_was_meant_or_is_refused(tmp_path_factory, written, shares, name, windows):
    path = tmp_path_factory.getbasetemp() / "base.toml"
    base_text = f'name = "b"\neffective_from = 2026-01-01\n{written}\n'
    path.write_bytes(base_text.replace("\n", "\r\n" if windows else "\n").encode())
    base = Version(read_policy(path), path)
    numbers = {
        key: (low + (high - low) * Decimal(str(shares[key]))).quantize(Decimal("0.0001")) if key in shares else number
        for key, number in base.policy.numbers.items()
        for low, high in [BOUNDS[key]]
    }
    meant = replace(base.policy, name=name, effective_from=date(2026, 12, 1), numbers=numbers, saved_by="Mia")
    try:
        text = text_of(meant, base)
    except PolicyError as error:
        wrong = not name.strip() or not name.isprintable()
        assert wrong or "expected the first not above the second" in str(error)
    else:
        assert parse_policy("x", text) == meant


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"offer__high": "3"}, "offer.high is Decimal('3'); expected a number from 0 to 0.5"),
        ({"offer__low": "0.4"}, "offer.low is 0.4 and offer.high is 0.30"),
        ({"time__return_days": "2"}, "time.return_days is 2; expected a number from 14 to 365"),
    ],
)
def test_a_slip_is_told_as_the_library_tells_it_and_nothing_is_saved(folder, numbers, says):
    with pytest.raises(PolicyError) as error:
        save_policy(changed(SHIPPED, **numbers), SHIPPED)
    assert says.replace("Decimal('3')", "3") in str(error.value) and not folder.exists()


# --- saving it


def test_a_saved_version_is_in_force_from_its_day_on(folder):
    tomorrow = today() + timedelta(days=1)
    path = save_policy(changed(SHIPPED, tomorrow, offer__high="0.32"), SHIPPED)
    assert path == folder / f"{tomorrow}.toml" and [file.name for file in folder.iterdir()] == [path.name]
    assert load_policy().name == "shipped" and load_policy().number("offer.high") == Decimal("0.30")
    counting = load_policy(on=tomorrow)
    assert counting.number("offer.high") == Decimal("0.32") and counting.saved_by == "Mia"
    assert counting.number("offer.smallest", "jp") == 100


def test_a_day_that_is_over_is_refused(folder):
    with pytest.raises(PolicyError, match="or a later day"):
        save_policy(changed(SHIPPED, today() - timedelta(days=1), offer__high="0.32"), SHIPPED)
    assert not folder.exists()


def test_a_version_of_the_day_is_replaced_only_with_leave(folder):
    first = save_policy(changed(SHIPPED, offer__high="0.32"), SHIPPED)
    before = first.read_text("utf-8")
    with pytest.raises(PolicyError, match="found a version that counts from that day on"):
        save_policy(changed(SHIPPED, offer__high="0.33"), SHIPPED)
    assert first.read_text("utf-8") == before
    assert save_policy(changed(SHIPPED, offer__high="0.33"), SHIPPED, replace=True) == first
    assert load_policy().number("offer.high") == Decimal("0.33")


def test_a_version_of_the_day_under_another_name_is_the_one_that_is_replaced(folder):
    folder.mkdir()
    (folder / "mine.toml").write_text(f'name = "mine"\neffective_from = {today()}\n', "utf-8")
    assert place_of(today()) == folder / "mine.toml"
    save_policy(changed(SHIPPED, offer__high="0.33"), SHIPPED, replace=True)
    assert [file.name for file in folder.iterdir()] == ["mine.toml"]


def test_a_file_where_the_folder_should_be_is_told(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("no folder", "utf-8")
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "home"))
    with pytest.raises(PolicyError, match="expected a folder"):
        save_policy(changed(SHIPPED, offer__high="0.32"), SHIPPED)
