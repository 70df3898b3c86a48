"""How often: categories and causes by group, against the period before, and how much of it is expectation against reality."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from triage_ml.insights.causes import Facts, load_causes, trade_says
from triage_ml.insights.orders import Orders
from triage_ml.insights.rates import LEAST, Basis, Change, Rate, adjusted, compare, per_order, share
from triage_ml.insights.records import ALL, COMPLAINT, Expectation, Line, Period, Trend, Verdict, Week
from triage_ml.insights.sums import Frequent, last_cases, newest
from triage_ml.messages import Category, Claim

ALARM = 0.05
# What is tested by group; `other` is what stands beside complaints, so it is no complaint that could grow.
TESTED = (COMPLAINT, *(category.value for category in Category if category is not Category.OTHER))
# Cases that are no complaint stand for what was sold where they are at least this part of the cases.
_CALM = 0.2
# Words shown must stand in so many cases: what few people said may name one of them.
LEAST_CASES = 3
_SHOWN = 5
_REMEMBERED, _REMEMBERED_OF_GROUP = 2_000, 12

# A group, what is counted in it, how often now and before.
_Test = tuple[str, str, Rate, Rate]


@dataclass(slots=True)
class _Tally:
    """What happened in one group in one period."""

    cases: int = 0
    whats: Counter[str] = field(default_factory=Counter)

    def add(self, facts: Facts) -> None:
        self.cases += 1
        self.whats.update((facts.category.value, *facts.causes))
        if facts.complains:
            self.whats[COMPLAINT] += 1


class Counting:
    """Counts cases as they come.

    Parameters
    ----------
    period
        What is counted; the one before it is counted beside it.
    orders
        Orders by group, where they are known.
    """

    def __init__(self, period: Period, orders: Mapping[str, Orders]) -> None:
        self.period, self.orders = period, orders
        self.now: defaultdict[str, _Tally] = defaultdict(_Tally)
        self.before: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._causes: set[str] = set()
        self._phrases: defaultdict[tuple[str, str], Frequent] = defaultdict(lambda: Frequent(_REMEMBERED_OF_GROUP))
        self._weeks: defaultdict[date, Counter[Category]] = defaultdict(Counter)
        self._cases_of: defaultdict[tuple[str | date, str], deque[str]] = defaultdict(last_cases)
        self._expected: Counter[tuple[str, bool | None]] = Counter()

    def add(self, facts: Facts, group: str) -> None:
        """Count one case."""
        inside = facts.at in self.period
        if not (inside or facts.at in self.period.before):
            return
        tallies = self.now if inside else self.before
        monday = _monday(facts.at)
        self._weeks[monday][facts.category] += 1
        self._cases_of[monday, facts.category].append(facts.case_id)
        for name in (ALL, group):
            tallies[name].add(facts)
        if inside:
            for name in (ALL, group):
                for what in (facts.category, *facts.causes):
                    self._cases_of[name, what].append(facts.case_id)
            self._add_words(facts, group)

    def _add_words(self, facts: Facts, group: str) -> None:
        self._causes.update(facts.causes)
        for cause, words in facts.phrases:
            self._phrases.setdefault((ALL, cause), Frequent(_REMEMBERED)).add(words)
            self._phrases[group, cause].add(words)
        if facts.complains:
            self._expected.update([(ALL, facts.expectation), (group, facts.expectation)])

    @property
    def groups(self) -> list[str]:
        """All groups, that of all first, then those with the most cases now."""
        known = self.now.keys() | self.before.keys() | self.orders.keys()
        return [ALL, *sorted(known - {ALL}, key=lambda name: (-self._cases(self.now, name), name))]

    @staticmethod
    def _cases(tallies: Mapping[str, _Tally], group: str) -> int:
        return tallies[group].cases if group in tallies else 0

    def categories(self) -> tuple[Line, ...]:
        """Return how often each category came in each group."""
        whats = [category.value for category in Category]
        return tuple(line for group in self.groups for what in whats if (line := self._line(group, what)))

    def causes(self) -> tuple[Line, ...]:
        """Return how often each cause came in each group, with the words it stands on, most first."""
        lines = (line for group in self.groups for what in sorted(self._causes) if (line := self._line(group, what)))
        places = {group: place for place, group in enumerate(self.groups)}
        return tuple(sorted(lines, key=lambda line: (places[line.group], -line.now.count, line.what)))

    def _line(self, group: str, what: str) -> Line | None:
        """Return how often something came in a group, None where it never did."""
        now, before = self._rates(group, what)
        if not now.count + before.count:
            return None
        words = self._phrases.get((group, what))
        phrases = words.most(_SHOWN, LEAST_CASES) if words else ()
        return Line(group, what, now, before, phrases, newest(self._cases_of.get((group, what), ())))

    def _rates(self, group: str, what: str) -> tuple[Rate, Rate]:
        """Return a rate now and before, both on the same basis."""
        counts = [tallies[group].whats[what] if group in tallies else 0 for tallies in (self.now, self.before)]
        orders = self._orders_of(group)
        if orders:
            return per_order(counts[0], orders.now), _before_per_order(counts[1], orders)
        return share(counts[0], self._cases(self.now, group)), share(counts[1], self._cases(self.before, group))

    def _orders_of(self, group: str) -> Orders | None:
        """Return the orders of a group; of all together only where those of each group with cases are known."""
        if group != ALL:
            return self.orders.get(group)
        if not self.orders or (self.now.keys() | self.before.keys()) - {ALL} - self.orders.keys():
            return None
        before = [orders.before for orders in self.orders.values()]
        known = [count for count in before if count is not None]
        return Orders(sum(one.now for one in self.orders.values()), sum(known) if len(known) == len(before) else None)

    def of_all_known(self) -> bool:
        """Say whether the orders of every group with cases are known."""
        return self._orders_of(ALL) is not None

    def trends(self) -> tuple[Trend, ...]:
        """Return what changed against the period before, the surest alarm first; what is too few to tell comes last."""
        by_group = _judged(self._tests(self.groups[1:], TESTED))
        of_all = _judged(self._tests([ALL], (*TESTED, *sorted(self._causes))))
        return (*of_all, *by_group)

    def _tests(self, groups: list[str], whats: tuple[str, ...]) -> Iterator[_Test]:
        for group in groups:
            orders = self._orders_of(group)
            for what in whats:
                by_order = orders is not None and orders.before is not None
                now, before = self._rates(group, what) if by_order else self._beside(group, what)
                if now.count + before.count:
                    yield group, what, now, before

    def _beside(self, group: str, what: str) -> tuple[Rate, Rate]:
        """Return a rate now and before, set against cases that stand for what was sold.

        These are the cases that are no complaint: set against all others, one cause that grows would make the others shrink.
        Where there are too few of them, all others it is.
        """
        periods = [tallies[group] if group in tallies else _Tally() for tallies in (self.now, self.before)]
        counts = [tally.whats[what] for tally in periods]
        calm = [tally.whats[Category.OTHER.value] for tally in periods]
        if _is_calm(what):
            calm = [rest - count for rest, count in zip(calm, counts, strict=True)]
        if any(rest < _CALM * tally.cases for rest, tally in zip(calm, periods, strict=True)):
            calm = [tally.cases - count for tally, count in zip(periods, counts, strict=True)]
        now, before = (share(count, count + max(rest, 0)) for count, rest in zip(counts, calm, strict=True))
        return now, before

    def expectation(self) -> tuple[Expectation, ...]:
        """Return which share of the complaints comes from expectation against reality, by group."""
        found = []
        for group in self.groups:
            yes, no, unreadable = (self._expected[group, told] for told in (True, False, None))
            if yes + no + unreadable:
                found.append(Expectation(group, share(yes, yes + no), unreadable, trade_says()))
        return tuple(found)

    def weeks(self) -> tuple[Week, ...]:
        """Return the cases of each week, from the first to the last with any."""
        if not self._weeks:
            return ()
        first, last = min(self._weeks), max(self._weeks)
        mondays = [first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1)]
        return tuple(self._week(monday) for monday in mondays)

    def _week(self, monday: date) -> Week:
        cases = dict(self._weeks.get(monday, {}))
        return Week(monday, cases, {category: newest(self._cases_of[monday, category]) for category in cases})


def _is_calm(what: str) -> bool:
    """Say whether it is a cause of cases that are no complaint."""
    cause = load_causes().get(what)
    return cause is not None and cause.claim is Claim.OTHER


def _before_per_order(count: int, orders: Orders) -> Rate:
    return Rate(count, 0, Basis.ORDERS) if orders.before is None else per_order(count, orders.before)


def _monday(at: datetime) -> date:
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def _judged(tests: Iterable[_Test]) -> list[Trend]:
    """Test each, and adjust what comes of it over all that could be tested."""
    enough: list[_Test] = []
    few: list[Trend] = []
    for test in tests:
        if _can_be_told(test):
            enough.append(test)
        else:
            few.append(Trend(*test, None, None, Verdict.TOO_FEW))
    changes = [compare(now, before) for _, _, now, before in enough]
    q = adjusted([change.p for change in changes])
    found = [Trend(*test, c, value, _verdict(c, value)) for test, c, value in zip(enough, changes, q, strict=True)]
    found.sort(key=lambda trend: (trend.adjusted, trend.change.p if trend.change else 1, trend.group, trend.what))
    return found + few


def _can_be_told(test: _Test) -> bool:
    _, _, now, before = test
    return now.count + before.count >= LEAST and bool(now.of and before.of)


def _verdict(change: Change, value: float) -> Verdict:
    if value > ALARM:
        return Verdict.NOISE
    return Verdict.MORE if change.ratio is None or change.ratio > 1 else Verdict.LESS
