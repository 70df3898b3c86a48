import re
import time
from calendar import day_name
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage_ml.clocks import Actor, Unit, all_clocks, clock, deadlines, due
from triage_ml.errors import PolicyError
from triage_ml.marketplaces import country_codes, marketplace
from triage_ml.messages import Message, MessageKind, OrderLine

DOCS = (Path(__file__).parents[1] / "docs" / "clocks.md").read_text("utf-8")
TODAY = date(2026, 11, 23)
NEW_YORK, BERLIN, SHANGHAI = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
# The days on which the clocks are changed, in UTC.
CHANGES_IN = {
    "us": [datetime(*moment, tzinfo=UTC) for moment in [(2025, 3, 9, 7), (2025, 11, 2, 6), (2026, 3, 8, 7), (2026, 11, 1, 6)]],
    "de": [
        datetime(*moment, tzinfo=UTC) for moment in [(2025, 3, 30, 1), (2025, 10, 26, 1), (2026, 3, 29, 1), (2026, 10, 25, 1)]
    ],
}
CHANGES = [change for changes in CHANGES_IN.values() for change in changes]
EVENTS = {
    "delivered", "latest_delivery", "completed", "return_delivered", "last_scan", "claim_granted", "information_request",
    "safe_t_decided", "step_in",
}  # fmt: skip


def _where(version, country="us"):
    """A place that the version holds for."""
    country = version.marketplaces[0] if version.marketplaces else country
    return country if version.channel in ("any", "amazon") else f"{version.channel}.{country}"


PLACES = sorted({(v.id, _where(v, country)) for v in all_clocks() for country in ("us", "de")})
SOME_DAYS, SOME_HOURS = timedelta(days=4), timedelta(hours=2)


@st.composite
def starts_near_a_change(draw):
    """A start in the week or the hours of a change, or so long before it that a clock of some days or hours ends there."""
    near = draw(st.sampled_from(CHANGES)) + draw(st.timedeltas(-SOME_DAYS, SOME_DAYS) | st.timedeltas(-SOME_HOURS, SOME_HOURS))
    return near - draw(st.sampled_from([timedelta(days=days) for days in (0, 1, 2, 3, 5, 7, 14, 30, 60, 90)]))


starts = starts_near_a_change() | st.integers(1_330_000_000, 2_050_000_000).map(
    lambda second: datetime.fromtimestamp(second, UTC)
)
zones = st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"])


def _message(kind=MessageKind.BUYER, channel="amazon", sent_at=datetime(2026, 11, 20, 9, tzinfo=UTC), **order):
    return Message(
        "1", "The name is wrong.", OrderLine(**order) if order else None, channel=channel, kind=kind, sent_at=sent_at
    )


def _ids(found):
    return [deadline.clock_id for deadline in found]


# The data


@pytest.mark.parametrize("version", all_clocks(), ids=lambda v: f"{v.id} {_where(v)} {v.effective_from}")
def test_every_version_says_all_that_it_must(version):
    assert version.length > 0 and version.who in Actor and version.unit in Unit
    assert version.channel in ("amazon", "etsy", "ebay", "any")
    assert set(version.marketplaces) <= set(country_codes()) and list(version.marketplaces) == sorted(version.marketplaces)
    assert version.starts in EVENTS or version.starts in list(MessageKind)
    assert set(version.rest_days) <= set(range(1, 8)) and len(version.rest_days) < 7
    assert len(version.source) > 15 and len(version.caution) > 10
    assert date(2005, 1, 1) < version.effective_from <= TODAY and date(2026, 11, 1) <= version.verified_on <= TODAY
    assert set(version.text) == {"en", "zh"}
    assert re.fullmatch(r"[A-Z][^\n]{10,110}\.", version.text["en"])
    assert re.search(r"[\u4e00-\u9fff]", version.text["zh"]) and version.text["zh"].endswith("。")


def test_no_two_versions_hold_at_the_same_place_from_the_same_day():
    keys = [(v.id, v.channel, country, v.effective_from) for v in all_clocks() for country in v.marketplaces or ("",)]
    assert len(keys) == len(set(keys))


def test_what_a_clock_starts_from_is_the_same_in_all_versions_of_a_place():
    for id, place in PLACES:
        assert len({clock(id, place, day).starts for day in (date(2012, 1, 1), date(2020, 4, 1), TODAY)}) == 1


@pytest.mark.parametrize(
    ("unit", "length", "clocks"),
    [
        (Unit.HOURS, 24, "reply de; return_answer us; cancellation_answer us; reply etsy.de; reply; reply shop.de"),
        (Unit.HOURS, 24, "return_answer walmart.us"),
        (Unit.HOURS, 48, "claim_answer jp; chargeback_answer fr; claim_may_open uk; claim_information fr"),
        (Unit.HOURS, 48, "claim_may_open etsy.; platform_decision ebay.uk"),
        (Unit.DAYS, 7, "chargeback_limit fr; safe_t_filing ae"),
        (Unit.DAYS, 90, "claim_window it"),
        (Unit.DAYS, 3, "not_received_claim it; cancellation_answer ebay.uk"),
        (Unit.DAYS, 14, "custom_notice es"),
        (Unit.DAYS, 30, "claim_appeal de; safe_t_filing jp; proactive_message de; personal_data de"),
        (Unit.HOURS, 72, "claim_information us"),
        (Unit.BUSINESS_DAYS, 2, "refund_after_return us"),
        (Unit.DAYS, 60, "safe_t_filing de"),
        (Unit.BUSINESS_DAYS, 3, "safe_t_information ae; return_answer ebay.de"),
        (Unit.DAYS, 100, "claim_window etsy.us"),
        (Unit.BUSINESS_DAYS, 21, "step_in_end ebay."),
        (Unit.DAYS, 5, "chargeback_limit ebay.us"),
    ],
)
def test_the_lengths(unit, length, clocks):
    for written in clocks.split("; "):
        id, _, place = written.partition(" ")
        found = clock(id, place, TODAY)
        assert (found.id, found.unit, found.length) == (id, unit, length)


def test_a_version_counts_from_its_day():
    assert clock("safe_t_filing", "us", date(2026, 2, 15)).length == 60
    assert clock("safe_t_filing", "us", date(2026, 2, 16)).length == 30
    assert clock("safe_t_filing", "us", date(2015, 1, 1)).length == 60  # nothing older is known
    assert clock("return_answer", "ebay.uk", date(2020, 4, 30)).unit is Unit.DAYS
    assert clock("return_answer", "ebay.uk", date(2020, 5, 1)).unit is Unit.BUSINESS_DAYS


def test_a_clock_that_opens_a_right_is_never_the_seller_s():
    opening = {v.id: v.who for v in all_clocks() if v.opens}
    assert opening == {"claim_may_open": "buyer", "not_received_claim": "buyer", "step_in": "buyer"}


# Counting


@pytest.mark.parametrize(
    ("id", "place", "start", "end"),
    [
        # the night of the change is 23 hours long, then 25: hours are elapsed hours
        ("reply", "us", "2026-03-07T22:00-05:00", "2026-03-08T23:00-04:00"),
        ("reply", "us", "2026-10-31T22:00-04:00", "2026-11-01T21:00-05:00"),
        # days end at the same time of day
        ("custom_notice", "us", "2026-03-01T09:15-05:00", "2026-03-15T09:15-04:00"),
        ("custom_notice", "de", "2026-10-20T18:00+02:00", "2026-11-03T18:00+01:00"),
        ("claim_window", "de", "2026-01-31T08:00+01:00", "2026-05-01T08:00+02:00"),
        # 2:30 does not exist on that day, so it ends when the clocks jump
        ("custom_notice", "us", "2026-02-22T02:30-05:00", "2026-03-08T03:00-04:00"),
        ("custom_notice", "de", "2026-03-15T02:00+01:00", "2026-03-29T03:00+02:00"),
        # 1:30 comes twice on that day: the first counts
        ("custom_notice", "us", "2026-10-18T01:30-04:00", "2026-11-01T01:30-04:00"),
        # started the second time it is 1:10: not before what started at 1:50 the first time
        ("custom_notice", "us", "2026-11-01T01:50-04:00", "2026-11-15T01:50-05:00"),
        ("custom_notice", "us", "2026-11-01T01:10-05:00", "2026-11-15T02:00-05:00"),
        # business days
        ("refund_after_return", "us", "2026-11-18T10:00-05:00", "2026-11-20T10:00-05:00"),
        ("refund_after_return", "us", "2026-11-20T10:00-05:00", "2026-11-24T10:00-05:00"),
        ("refund_after_return", "us", "2026-11-21T10:00-05:00", "2026-11-24T23:59:59.999999-05:00"),
        ("refund_after_return", "us", "2026-11-22T23:00-05:00", "2026-11-24T23:59:59.999999-05:00"),
        # in New York it is still Friday
        ("refund_after_return", "us", "2026-11-21T04:00+00:00", "2026-11-24T23:00-05:00"),
        # Saturday counts there for the questions of SAFE-T, and nowhere else
        ("safe_t_information", "ae", "2026-11-19T10:00+04:00", "2026-11-23T10:00+04:00"),
        ("refund_after_return", "ae", "2026-11-19T10:00+04:00", "2026-11-23T10:00+04:00"),
        ("refund_after_return", "de", "2026-11-19T10:00+01:00", "2026-11-23T10:00+01:00"),
        ("refund_after_return", "sa", "2026-11-19T10:00+03:00", "2026-11-23T10:00+03:00"),  # off: Friday and Saturday
        ("refund_after_return", "sa", "2026-11-18T10:00+03:00", "2026-11-22T10:00+03:00"),
        # running when the shorter version came: the new time, but not ended before it came
        ("safe_t_filing", "us", "2026-02-01T12:00-05:00", "2026-03-03T12:00-05:00"),
        ("safe_t_filing", "us", "2026-01-10T12:00-05:00", "2026-02-16T00:00-05:00"),
        ("safe_t_filing", "us", "2025-12-10T12:00-05:00", "2026-02-08T12:00-05:00"),
        ("safe_t_filing", "us", "2026-02-20T12:00-05:00", "2026-03-22T12:00-04:00"),
    ],
)  # fmt: skip
def test_when_it_is_over(id, place, start, end):
    assert due(id, datetime.fromisoformat(start), place).due_at == datetime.fromisoformat(end)


def test_the_version_that_decides_is_the_one_shown():
    start = datetime(2026, 2, 1, 12, tzinfo=NEW_YORK)
    assert due("safe_t_filing", start, "us").clock.length == 30
    assert due("safe_t_filing", start - timedelta(days=60), "us").clock.length == 60


@given(st.sampled_from(PLACES), starts, zones)
def test_it_ends_after_it_starts_and_both_zones_show_the_same_moment(where, start, zone):
    id, place = where
    found = due(id, start, place, zone)
    assert found.due_at > start and found.due_at.tzinfo is UTC
    assert found.buyer_time.astimezone(UTC) == found.seller_time.astimezone(UTC) == found.due_at
    assert found.buyer_time.tzinfo is marketplace(place).zone and str(found.seller_time.tzinfo) == zone


@settings(max_examples=1_000)
@given(st.sampled_from(PLACES), starts, st.timedeltas(timedelta(0), SOME_HOURS) | st.timedeltas(timedelta(0), SOME_DAYS))
def test_what_starts_later_never_ends_earlier(where, start, later):
    id, place = where
    assert due(id, start, place).due_at <= due(id, start + later, place).due_at


@given(
    st.sampled_from(["custom_notice", "refund_after_return"]),
    st.sampled_from([(place, change) for place, changes in CHANGES_IN.items() for change in changes]),
    st.sampled_from([0, 2, 14]),
    st.lists(st.integers(-120, 120), min_size=2),
)
def test_nor_in_the_hours_in_which_the_clocks_are_changed(id, where, days, minutes):
    place, change = where
    ends = [due(id, change - timedelta(days=days) + timedelta(minutes=minute), place).due_at for minute in sorted(minutes)]
    assert ends == sorted(ends)


@given(st.lists(st.timedeltas(timedelta(days=-70), timedelta(days=10)), min_size=2))
def test_nor_when_a_new_version_comes(distances):
    change = datetime(2026, 2, 16, tzinfo=NEW_YORK)
    found = [due("safe_t_filing", change.astimezone(UTC) + distance, "us") for distance in sorted(distances)]
    assert [d.due_at for d in found] == sorted(d.due_at for d in found)
    assert all(d.due_at >= change for d in found if d.clock.length == 30)


@given(st.sampled_from(PLACES), starts)
def test_the_zone_in_which_the_start_is_written_does_not_matter(where, start):
    id, place = where
    assert due(id, start, place) == due(id, start.astimezone(SHANGHAI), place)


@given(st.sampled_from([p for p in PLACES if clock(*p, TODAY).unit is Unit.HOURS]), starts)
def test_hours_are_elapsed_hours(where, start):
    found = due(where[0], start, where[1])
    assert found.due_at - start == timedelta(hours=found.clock.length)


@given(
    st.sampled_from([("custom_notice", "us"), ("claim_window", "de"), ("personal_data", "uk"), ("claim_appeal", "ebay.de")]),
    starts,
)
def test_days_end_at_the_same_time_of_day_unless_the_clocks_leave_it_out_or_show_it_twice(where, start):
    found = due(where[0], start, where[1])
    began = start.astimezone(found.buyer_time.tzinfo)
    assert found.buyer_time.date() == began.date() + timedelta(days=found.clock.length)
    if found.buyer_time.time() != began.time():
        expected = datetime.combine(found.buyer_time.date(), began.time(), found.buyer_time.tzinfo)
        assert began.fold or timedelta(0) < found.buyer_time - expected <= timedelta(hours=1)


@given(st.sampled_from([p for p in PLACES if clock(*p, TODAY).unit is Unit.BUSINESS_DAYS]), starts)
def test_business_days_never_end_on_a_weekend(where, start):
    found = due(where[0], start, where[1])
    if found.clock.unit is Unit.BUSINESS_DAYS:  # not yet for the UK in 2012
        rest = found.clock.rest_days or marketplace(where[1]).weekend
        assert found.buyer_time.isoweekday() not in rest
        assert found.due_at - start >= timedelta(days=found.clock.length) - timedelta(hours=1)


# What follows from a message


def test_a_buyer_s_message_and_the_delivery_start_their_clocks():
    delivered = datetime(2026, 11, 10, 12, tzinfo=UTC)
    found = deadlines(_message(marketplace="us", delivered_at=delivered, personalised=True), seller_zone="Asia/Shanghai")
    assert _ids(found) == ["reply", "claim_may_open", "custom_notice", "personal_data", "claim_window"]
    assert [d.due_at - datetime(2026, 11, 20, 9, tzinfo=UTC) for d in found[:2]] == [timedelta(hours=24), timedelta(hours=48)]
    assert [(d.due_at - delivered).days for d in found[2:]] == [14, 30, 90]
    assert found[0].buyer_time.isoformat() == "2026-11-21T04:00:00-05:00"
    assert found[0].seller_time.isoformat() == "2026-11-21T17:00:00+08:00"
    assert found[0].text == {"en": "Answer the buyer.", "zh": "回复买家。"}


@pytest.mark.parametrize("personalised", [False, None])
def test_the_notice_for_custom_goods_only_where_they_are_known_to_be_personalised(personalised):
    found = deadlines(_message(marketplace="de", delivered_at=datetime(2026, 11, 10, tzinfo=UTC), personalised=personalised))
    assert _ids(found) == ["reply", "claim_may_open", "personal_data", "claim_window"]


@pytest.mark.parametrize(
    ("own", "counts"),
    [(None, 24), (12, 12), (Decimal(8), 8), (0.5, 0.5), (24, 24), (48, 24), (Decimal(36), 24)],
)
def test_of_the_seller_s_hours_and_the_platform_s_the_smaller_number_counts(own, counts):
    message = _message(marketplace="us")
    reply = next(d for d in deadlines(message, reply_hours=own) if d.clock_id == "reply")
    assert reply.due_at - message.sent_at == timedelta(hours=counts)


def test_the_seller_s_hours_change_no_other_clock():
    message = _message(MessageKind.RETURN_REQUEST, marketplace="us")
    assert deadlines(message, reply_hours=2) == deadlines(message)


@pytest.mark.parametrize(
    ("kind", "hours"), [("return_request", 24), ("cancellation_request", 24), ("a_to_z", 48), ("chargeback", 48)]
)
@pytest.mark.parametrize("channel", ["amazon", "", "shop"])
def test_a_notice_has_its_own_clock(kind, hours, channel):
    message = _message(MessageKind(kind), channel, marketplace="us")
    first = deadlines(message)[0]
    assert first.due_at - message.sent_at == timedelta(hours=hours) and first.clock.who is Actor.SELLER


@pytest.mark.parametrize(
    ("kind", "channel", "country", "ids"),
    [
        (MessageKind.REFUND, "amazon", "us", ["safe_t_filing"]),
        (MessageKind.REFUND, "amazon", "uk", ["safe_t_filing"]),
        (MessageKind.REFUND, "amazon", "ae", []),  # there it starts from the return
        (MessageKind.REFUND, "amazon", "ca", []),  # not found
        (MessageKind.REFUND, "etsy", "us", []),
        (MessageKind.CHARGEBACK, "amazon", "de", ["chargeback_answer", "chargeback_limit"]),
        (MessageKind.CHARGEBACK, "etsy", "de", ["chargeback_answer"]),
        (MessageKind.BUYER, "etsy", "", ["reply", "claim_may_open"]),
        (MessageKind.BUYER, "ebay", "", ["reply"]),
        (MessageKind.RETURN_REQUEST, "ebay", "uk", ["return_answer", "step_in", "step_in_end"]),
        (MessageKind.SELLER, "amazon", "us", []),
        (MessageKind.BOUNCE, "amazon", "us", []),
    ],
)
def test_the_platform_decides_which_clocks_there_are(kind, channel, country, ids):
    assert _ids(deadlines(_message(kind, channel, marketplace=country, sku="MUG"))) == ids


def test_without_times_nothing_is_due():
    assert deadlines(_message(sent_at=None)) == ()
    assert deadlines(_message(sent_at=None, marketplace="us")) == ()


def test_without_an_order_the_message_still_starts_its_clocks():
    found = deadlines(_message())
    assert _ids(found) == ["reply", "claim_may_open"] and str(found[0].buyer_time.tzinfo) == "UTC"


@given(
    st.sampled_from(MessageKind),
    st.sampled_from(["amazon", "etsy", "ebay", "shop", ""]),
    st.sampled_from(["", "xx", *country_codes()]),
    st.none() | starts,
    st.none() | starts,
    st.none() | st.booleans(),
    st.none() | st.integers(1, 48),
)
def test_each_deadline_is_that_of_its_clock_soonest_first(kind, channel, country, sent, delivered, personalised, hours):
    message = _message(kind, channel, sent, marketplace=country, delivered_at=delivered, personalised=personalised)
    found = deadlines(message, reply_hours=hours, seller_zone="Asia/Tokyo")
    place = f"{channel}.{country}" if channel else country
    for deadline in found:
        start = delivered if deadline.clock.starts == "delivered" else sent
        alone = due(deadline.clock_id, start, place, "Asia/Tokyo")
        if deadline.clock_id == "reply" and hours is not None:
            assert deadline.due_at == min(alone.due_at, start + timedelta(hours=hours))
        else:
            assert deadline == alone
    assert all(one.due_at <= other.due_at for one, other in pairwise(found))
    assert len(set(_ids(found))) == len(found)


def test_a_batch_does_not_read_the_data_again_and_again():
    message = _message(marketplace="us", delivered_at=datetime(2026, 11, 10, tzinfo=UTC), personalised=True)
    deadlines(message)
    began = time.perf_counter()
    for _ in range(5_000):
        deadlines(message, reply_hours=24, seller_zone="Asia/Shanghai")
    assert (time.perf_counter() - began) / 5_000 < 300e-6  # seconds; some 15e-6 on an idle machine


# What is not known


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: clock("lunch", "us", TODAY), "clock: found 'lunch'; expected one of cancellation_answer, chargeback_answer"),
        (lambda: clock("safe_t_filing", "ca", TODAY), "'safe_t_filing': found none for marketplace 'ca'; it is known for amazon (ae, sa)"),
        (lambda: clock("step_in", "de", TODAY), "known for ebay (all)"),
        (lambda: due("reply", datetime(2026, 11, 20, 9), "us"), "started_at: found 2026-11-20 09:00:00, a time without a zone"),  # noqa: DTZ001
        (lambda: due("reply", CHANGES[0], "us", "Mars/Olympus"), "seller_zone: found 'Mars/Olympus'; expected an IANA name"),
        (lambda: due("reply", CHANGES[0], "us", ""), "seller_zone: found ''"),
        (lambda: due("reply", CHANGES[0], "us", "Europe"), "seller_zone: found 'Europe'"),
        (lambda: due("reply", CHANGES[0], "us", "../etc/passwd"), "seller_zone: found '../etc/passwd'"),
        (lambda: deadlines(_message(), seller_zone="Shanghai"), "seller_zone: found 'Shanghai'"),
        (lambda: deadlines(_message(), reply_hours=0), "reply_hours: found 0; expected more than 0 hours"),
        (lambda: deadlines(_message(), reply_hours=float("nan")), "reply_hours: found nan"),
        (lambda: deadlines(_message(sent_at=datetime(2026, 11, 20, 9))), "a time without a zone"),  # noqa: DTZ001
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_named(call, says):
    with pytest.raises(PolicyError) as error:
        call()
    assert says in str(error.value)


# The page


def table():
    """The clocks as docs/clocks.md lists them."""
    rows = ["| clock | where | who | starts from | length | since | what | caution | source, last read |", "|---" * 9 + "|"]
    for v in all_clocks():
        where = f"{v.channel}: {' '.join(v.marketplaces)}" if v.marketplaces else v.channel
        rest = f" (off: {', '.join(day_name[day - 1] for day in v.rest_days)})" if v.rest_days else ""
        length = f"{'after' if v.opens else 'within'} {v.length} {v.unit.replace('_', ' ')}{rest}"
        what = v.text["en"] + (" Personalised lines only." if v.personalised else "")
        rows.append(
            f"| {v.id} | {where} | {v.who} | {v.starts.replace('_', ' ')} | {length} | {v.effective_from} | {what} "
            f"| {v.caution} | {v.source}, {v.verified_on} |"
        )
    return "\n".join(rows)


def test_the_page_lists_the_clocks_as_they_are():
    assert table() in DOCS
