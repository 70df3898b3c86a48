"""What to put right first: the cost of the cases behind each cause, where it is put right, and for which groups."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from triage_ml.cases.histories import History
from triage_ml.insights.causes import Facts, load_causes, load_fixes
from triage_ml.insights.records import FixFirst, GroupCost, Period
from triage_ml.insights.sums import Purse
from triage_ml.messages import Money

_GROUPS = 5
_ONE = Decimal(1)


@dataclass(slots=True)
class _Tally:
    """Cases and their cost."""

    cases: int = 0
    unpriced: int = 0
    cost: Purse = field(default_factory=Purse)
    causes: Counter[str] = field(default_factory=Counter)

    def add(self, causes: list[str], cost: Money | None, part: Decimal) -> None:
        self.cases += 1
        self.causes.update(causes)
        if cost is None:
            self.unpriced += 1
        else:
            self.cost.add(cost, part)


class Fixing:
    """Adds up what cases cost, by where their causes are put right."""

    def __init__(self, period: Period) -> None:
        self.period = period
        self._fixes: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._groups: defaultdict[str, defaultdict[str, _Tally]] = defaultdict(lambda: defaultdict(_Tally))
        self._paid, self._orders = Purse(), Counter[str]()

    def add(self, history: History, facts: Facts, group: str) -> None:
        """Add one case; one with several causes goes to each with its part of the cost."""
        if facts.at not in self.period:
            return
        paid = history.case.order.paid
        if paid and paid.amount:
            self._paid.add(paid)
            self._orders[paid.currency] += 1
        by_fix: defaultdict[str, list[str]] = defaultdict(list)
        for cause in facts.causes:
            if fix := load_causes()[cause].fix:
                by_fix[fix].append(cause)
        for place, causes in by_fix.items():
            part = Decimal(len(causes)) / len(facts.causes)
            self._fixes[place].add(causes, facts.cost, part)
            self._groups[place][group].add(causes, facts.cost, part)

    def fixes(self) -> tuple[FixFirst, ...]:
        """Return where something is put right, what costs most first."""
        units = self._mean_orders()
        weights = {fix: tally.cost.weight(units) for fix, tally in self._fixes.items()}
        total = sum(weights.values())
        ordered = sorted(self._fixes, key=lambda fix: (-weights[fix], -self._fixes[fix].cases, fix))
        return tuple(self._fix(fix, weights[fix], weights[fix] / total if total else 0.0, units) for fix in ordered)

    def _mean_orders(self) -> Mapping[str, Decimal]:
        """Return the mean price paid in each currency: the unit that makes currencies comparable without exchange rates."""
        units = {currency: amount / self._orders[currency] for currency, amount in self._paid.amounts.items()}
        return defaultdict(lambda: _ONE, units)

    def _fix(self, fix: str, weight: float, share: float, units: Mapping[str, Decimal]) -> FixFirst:
        tally, known = self._fixes[fix], load_fixes()[fix]
        ordered = sorted(self._groups[fix].items(), key=lambda item: (-item[1].cost.weight(units), -item[1].cases, item[0]))
        return FixFirst(
            fix=fix,
            names=known.names,
            advice=known.advice,
            cases=tally.cases,
            unpriced=tally.unpriced,
            cost=tally.cost.money(),
            weight=weight,
            share=share,
            causes=dict(tally.causes.most_common()),
            groups=tuple(GroupCost(name, one.cases, one.cost.money()) for name, one in ordered[:_GROUPS]),
        )
