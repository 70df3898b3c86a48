"""Days counted by what the clock on the wall shows, right over weekends and over changes of the clocks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

_ONE_DAY = timedelta(days=1)

# Times with the same zone are added to and compared by what the clock on the wall shows, which is what days are counted by.


def business_days_later(local: datetime, days: int, rest_days: Sequence[int]) -> datetime:
    """Return a local time so many business days later; what starts on a rest day (1 is Monday) counts from the one before."""
    if local.isoweekday() in rest_days:
        while local.isoweekday() in rest_days:
            local -= _ONE_DAY
        local = datetime.combine(local, time.max, local.tzinfo)
    while days:
        local += _ONE_DAY
        days -= local.isoweekday() not in rest_days
    return local


def wall_time(moment: datetime, zone: tzinfo) -> datetime:
    """Return the local time of a moment as it only ever goes on.

    In an hour that the clocks show twice it stands still the second time: else of two starts the later one could end first.
    """
    local = moment.astimezone(zone)
    if not local.fold:
        return local
    first_time = local.replace(fold=0).astimezone(UTC)
    return _change(first_time, moment, zone).astimezone(zone) + (moment - first_time)


def moment_of(local: datetime) -> datetime:
    """Return a local time in UTC: of two such moments the first, and where the clocks leave it out, the moment they do."""
    moment = local.astimezone(UTC)
    if moment.astimezone(local.tzinfo) == local:
        return moment
    return _change(local.replace(fold=1).astimezone(UTC), moment, local.tzinfo)


def _change(before: datetime, after: datetime, zone: tzinfo | None) -> datetime:
    """Return the moment in between, in UTC, at which the clocks are changed."""
    seconds = range(int(before.timestamp()), int(after.timestamp()) + 1)
    offset = before.astimezone(zone).utcoffset()
    found = bisect_left(seconds, True, key=lambda second: datetime.fromtimestamp(second, zone).utcoffset() != offset)
    return datetime.fromtimestamp(seconds[found], UTC)
