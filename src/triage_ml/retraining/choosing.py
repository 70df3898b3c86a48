"""What people did with suggested replies, as votes for and against templates: graded by editing, corrected for position.

The first suggestion is taken more often because it stands first. So each taking counts by the inverse of how likely its place
is looked at (Joachims, Swaminathan & Schnabel 2017, doi:10.1145/3018661.3018699). The weights are clipped and sum up to the
number of takings (Swaminathan & Joachims 2015, "The self-normalized estimator for counterfactual learning").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from triage_ml.cases.records import Case, CaseDecision, Decision
from triage_ml.cases.store import CaseStore
from triage_ml.messages import MessageKind
from triage_ml.reply_model import Circumstances
from triage_ml.retraining.records import Choice, ShopRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from triage_ml.classifier import Judge

# Up to a quarter changed, a suggestion was taken (a name, a missing field, a sentence more); at a half it says nothing; from
# three quarters on it was rejected, the text is the person's own. In between in proportion.
_EVEN, _RAMP = 0.5, 0.25
# Before a shop's decisions say more, place k is looked at 1/k as often as the first, as in search results (Joachims et al.
# 2017); this weighs as much as so many takings that were to be expected there.
_PRIOR_TAKINGS = 20.0
# No taking counts more than this many takings of the first suggestion.
_MOST = 4.0
# A taking counts as much as so many texts of the corpus; chosen in a simulated shop (training/reply_learning.py), where 5 lost
# 0.004 of the first replies if the shop answers as the corpus does.
_VOTE = 2.0
_ROUNDS = 100


def choices(store: CaseStore) -> dict[str, Choice]:
    """Return what was done with the suggestions, by the id of the message's row: the newest decision that stands counts."""
    decided = dict.fromkeys(made.case_id for made in store.stream(CaseDecision) if not made.undone_at)
    return {row_id: choice for case_id in decided for row_id, choice in _of_case(store.case(case_id))}


def choice_of(decision: Decision) -> Choice:
    """Return what a decision says of the suggestions."""
    return Choice(decision.shown, decision.template_id, decision.edited, bool(decision.template_id or decision.final_text))


def expectations(rows: Sequence[ShopRow], judge: Judge) -> list[Mapping[str, float]]:
    """Return how well each template fits each row, as the model says whose suggestions were shown."""
    texts = [one.row for one in rows]
    known = [Circumstances(row.personalised, row.photo) for row in texts]
    return [said.replies for said in judge.predict_many([row.text for row in texts], [row.lang for row in texts], known)]


def voted(rows: Sequence[ShopRow], expected: Sequence[Mapping[str, float]] = ()) -> list[ShopRow]:
    """Return rows with what their choices say for and against templates; what else a row may say of replies is replaced.

    Parameters
    ----------
    rows
        A shop's rows; those without a choice are returned as they are.
    expected
        Of each row what `expectations` says: it tells how much the place did. Without it, the prior alone counts.
    """
    chosen = [one.choice for one in rows if one.choice]
    places = max([1, *(len(choice.shown) for choice in chosen)])
    looked_at = propensities(*_takings(rows, expected, places))
    weights = np.minimum(1 / looked_at, _MOST)
    taken = [place for place in map(_place, chosen) if place is not None]
    # Which takings count more is corrected, not how much they count beside everything else.
    weights /= weights[taken].mean() if taken else 1.0
    return [_with_votes(one, votes(one.choice, looked_at, weights)) if one.choice else one for one in rows]


def propensities(expected: NDArray[np.float64], taken: NDArray[np.int64]) -> NDArray[np.float64]:
    """Estimate how likely each place is looked at, the first being 1.

    Which of the shown templates is taken goes by how well it fits and by its place, P(k) ~ p_k * q_k. The p_k are those of
    highest posterior probability under gamma priors, found by Hunter's iteration for Bradley-Terry models (2004,
    doi:10.1214/aos/1079120141); they never rise from a place to the next.

    Parameters
    ----------
    expected
        Shape (n, places), at least one place: how well the model says each shown template fits, 0 where none was shown; only
        the ratios in a row count.
    taken
        Shape (n,): the place of the taken one, from 0.

    Returns
    -------
    array of shape (places,)
        Above 0, at most 1.
    """
    prior = 1 / np.arange(1.0, expected.shape[1] + 1)
    counts = np.bincount(taken, minlength=len(prior)) + _PRIOR_TAKINGS * prior
    found = prior
    for _ in range(_ROUNDS):
        share = expected / (expected @ found)[:, None]
        found = counts / (share.sum(axis=0) + _PRIOR_TAKINGS)
        found = found * (prior.sum() / found.sum())  # the data leave the scale open, the prior does not
    return np.asarray(np.minimum.accumulate(found / found[0]))


def votes(choice: Choice, looked_at: NDArray[np.float64], weights: NDArray[np.float64]) -> dict[str, float]:
    """Return what a choice says for (above 0) and against (below 0) templates; nothing of those it does not tell about.

    Parameters
    ----------
    choice
        What was shown, and what was done.
    looked_at
        Shape (places,): how likely each place is looked at. What was passed over counts as much.
    weights
        Shape (places,): how much a taking counts.
    """
    place, kept = _place(choice), _kept(choice)
    if not choice.answered or kept == 0:
        return {}
    if kept > 0:
        passed_over = dict(zip(choice.shown[:place], -looked_at, strict=False)) if place else {}
        return {**passed_over, choice.taken: kept * (1.0 if place is None else weights[place])}
    rejected = dict(zip(choice.shown, kept * looked_at, strict=False))
    return {**rejected, choice.taken: kept} if choice.taken else rejected


def _of_case(case: Case) -> Iterator[tuple[str, Choice]]:
    for made in case.decisions:
        earlier = tuple(one for one in case.messages if one.id < made.id and one.message.kind is MessageKind.BUYER)
        answered = replace(case, messages=earlier).leading
        if answered and not made.undone_at:
            yield f"{case.id}-{answered.id}", choice_of(made.decision)


def _takings(
    rows: Sequence[ShopRow], expected: Sequence[Mapping[str, float]], places: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return what was expected where a suggestion was taken, and its place, as `propensities` takes them."""
    lines, taken = [], []
    # Without what is expected, there is nothing to compare with.
    for one, said in zip(rows, expected, strict=False):
        place = _place(one.choice) if one.choice and not one.apart else None
        # What was never learned, such as a shop's new template, is not expected at all.
        if one.choice and place is not None and one.choice.taken in said:
            fits = [said.get(name, 0.0) for name in one.choice.shown]
            lines.append(fits + [0.0] * (places - len(fits)))
            taken.append(place)
    return np.array(lines, dtype=np.float64).reshape(len(lines), places), np.array(taken, dtype=np.int64)


def _place(choice: Choice) -> int | None:
    """Return the place, from 0, of the suggestion that was taken; None where none was, or none that was shown."""
    return choice.shown.index(choice.taken) if choice.taken in choice.shown and _kept(choice) > 0 else None


def _kept(choice: Choice) -> float:
    """Return how far the taken suggestion was kept: 1 as it was, 0 undecided, -1 not at all."""
    if not choice.taken:
        return -1.0
    return 1.0 if choice.edited is None else min(1.0, max(-1.0, (_EVEN - choice.edited) / _RAMP))


def _with_votes(one: ShopRow, said: Mapping[str, float]) -> ShopRow:
    counted = tuple((name, _VOTE * float(vote)) for name, vote in said.items())
    return replace(one, row=replace(one.row, replies=(), votes=counted))
