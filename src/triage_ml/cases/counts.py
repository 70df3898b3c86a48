"""Numbers over the whole record, counted by the database: how many cases fit a list's filters, how replies fared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, Text, case, column, func, literal, select, true
from sqlalchemy.orm import aliased

from triage_ml.cases.given import CaseState, OutcomeKind
from triage_ml.cases.queries import Filter, conditions
from triage_ml.cases.schema import CaseRow, DecisionRow, LedgerRow, OutcomeRow
from triage_ml.messages import Category

# Cases that wait for the seller: nothing was sent in a case that is in review.
_UNANSWERED = (CaseState.OPEN, CaseState.REVIEW)


_Condition = ColumnElement[bool]
_Query = Select[str, str, int]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cases fit a filter.

    Parameters
    ----------
    states
        For each state, with the filter's own state left out.
    categories
        For each category, with the filter's own category left out.
    overdue
        Open or in review, and the first clock has run out; the filter's own state is left out.
    total
        That fit the whole filter.
    """

    states: Mapping[CaseState, int]
    categories: Mapping[Category, int]
    overdue: int
    total: int


@dataclass(frozen=True, slots=True)
class ReplyUsage:
    """How a template fared: how often it was among the suggestions, taken, sent word for word, and what buyers answered."""

    shown: int = 0
    chosen: int = 0
    as_suggested: int = 0
    accepted: int = 0
    declined: int = 0
    no_answer: int = 0


def count_cases(connection: Connection, where: Filter, now: datetime) -> Counts:
    """Return how many cases fit; one pass over an index, unless the filter asks for what is in no index.

    Parameters
    ----------
    connection
        From `database.reading`.
    where
        Which cases.
    now
        What was due before is overdue.
    """
    overdue = func.sum(case((CaseRow.due_at < now, 1), else_=0))
    apart = conditions(replace(where, state=None, category=None))
    query = select(CaseRow.state, CaseRow.category, func.count(), overdue).where(*apart)
    states: Counter[CaseState] = Counter(dict.fromkeys(CaseState, 0))
    categories: Counter[Category] = Counter(dict.fromkeys(Category, 0))
    late = total = 0
    for state, category, cases, due in connection.execute(query.group_by(CaseRow.state, CaseRow.category)):
        in_state, in_category = where.state in (None, state), where.category in (None, category)
        states[CaseState(state)] += cases if in_category else 0
        categories[Category(category)] += cases if in_state else 0
        late += due if in_category and state in _UNANSWERED else 0
        total += cases if in_state and in_category else 0
    return Counts(dict(states), dict(categories), late, total)


def count_replies(connection: Connection, since: datetime | None = None) -> Mapping[str, ReplyUsage]:
    """Return how each template fared, by its id, from decisions that stand.

    An outcome counts for the newest decision with a text that was recorded before it.

    Parameters
    ----------
    connection
        From `database.reading`.
    since
        Of decisions made from then on.
    """
    stands: list[_Condition] = [DecisionRow.undone_at.is_(None)]
    if since is not None:
        stands.append(DecisionRow.decided_at >= since)
    found: dict[str, Counter[str]] = {}
    for query in (_shown(connection, *stands), _chosen(*stands), _answered(*stands)):
        for template, what, count in connection.execute(query):
            found.setdefault(template, Counter())[what] += count
    return {template: _usage(counted) for template, counted in sorted(found.items())}


_OUTCOMES = (OutcomeKind.ACCEPTED, OutcomeKind.DECLINED, OutcomeKind.NO_ANSWER)


def _shown(connection: Connection, *stands: _Condition) -> _Query:
    """Count in how many decisions each template was among the suggestions."""
    each = func.json_each if connection.dialect.name == "sqlite" else func.json_array_elements_text
    one = each(DecisionRow.shown).table_valued(column("value", Text), name="one_shown")
    query: _Query = select(one.c.value, literal("shown"), func.count(DecisionRow.id.distinct()))
    return query.select_from(DecisionRow).join(one, true()).where(*stands).group_by(one.c.value)


def _chosen(*stands: _Condition) -> _Query:
    """Count how many decisions took each template, and how many of them as it was suggested."""
    what = case((DecisionRow.edited == 0, "as_suggested"), else_="changed").label("what")
    taken = DecisionRow.template_id != ""
    query: _Query = select(DecisionRow.template_id, what, func.count())
    return query.where(taken, *stands).group_by(DecisionRow.template_id, "what")


def _answered(*stands: _Condition) -> _Query:
    """Count what came of each template; a text that was erased is still known by its commitment."""
    earlier = aliased(DecisionRow)
    newest = (
        select(func.max(earlier.id))
        .join(LedgerRow, LedgerRow.seq == earlier.id)
        .where(earlier.case_id == OutcomeRow.case_id, earlier.id < OutcomeRow.id, LedgerRow.commitment != "")
        .where(earlier.undone_at.is_(None))
        .scalar_subquery()
    )
    query: _Query = select(DecisionRow.template_id, OutcomeRow.kind, func.count(DecisionRow.id.distinct()))
    query = query.select_from(OutcomeRow).join(DecisionRow, DecisionRow.id == newest)
    told = OutcomeRow.kind.in_([kind.value for kind in _OUTCOMES])
    return query.where(told, DecisionRow.template_id != "", *stands).group_by(DecisionRow.template_id, OutcomeRow.kind)


def _usage(counted: Mapping[str, int]) -> ReplyUsage:
    as_suggested = counted.get("as_suggested", 0)
    return ReplyUsage(
        shown=counted.get("shown", 0),
        chosen=as_suggested + counted.get("changed", 0),
        as_suggested=as_suggested,
        accepted=counted.get("accepted", 0),
        declined=counted.get("declined", 0),
        no_answer=counted.get("no_answer", 0),
    )
