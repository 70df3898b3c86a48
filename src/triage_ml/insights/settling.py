"""What remedies cost and achieved, and which offers were taken."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice, pairwise
from math import inf

from triage_ml.acceptance import ENOUGH, Acceptance, OfferMade
from triage_ml.cases import CaseStore, OutcomeKind
from triage_ml.cases.histories import History, walk_histories
from triage_ml.cases.records import CaseDecision, CaseOutcome
from triage_ml.insights.causes import Facts, facts_of
from triage_ml.insights.rates import share
from triage_ml.insights.records import OfferBand, Period, RemedyResult
from triage_ml.insights.sums import Purse
from triage_ml.messages import Claim, MessageKind
from triage_ml.resolution import RemedyKind

BANDS = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 1.0)
_SETTLED = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.REFUNDED, OutcomeKind.REMADE, OutcomeKind.RETURNED})
_ESCALATED = frozenset({OutcomeKind.ESCALATED, OutcomeKind.A_TO_Z, OutcomeKind.CHARGEBACK})
_ESCALATIONS = frozenset({MessageKind.A_TO_Z, MessageKind.CHARGEBACK})
# What an outcome says to an offer; what is not here says nothing to it.
_ANSWERS = {
    OutcomeKind.ACCEPTED: True,
    OutcomeKind.REFUNDED: True,
    OutcomeKind.DECLINED: False,
    OutcomeKind.ESCALATED: False,
    OutcomeKind.A_TO_Z: False,
    OutcomeKind.CHARGEBACK: False,
}


@dataclass(slots=True)
class _Tally:
    """What came of one remedy."""

    results: Counter[str] = field(default_factory=Counter)
    bad_reviews: int = 0
    spent: Purse = field(default_factory=Purse)
    priced: Counter[str] = field(default_factory=Counter)


class Settling:
    """Follows decisions of a period to what came of them."""

    def __init__(self, period: Period) -> None:
        self.period = period
        self._tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._offers: Counter[OfferMade] = Counter()

    def add(self, history: History, facts: Facts) -> None:
        """Count what was decided on and offered in one case."""
        for decision, outcomes in _followed(history):
            if decision and decision.decided_at in self.period:
                self._count(history, decision, outcomes)
        if facts.at in self.period:
            self._offers.update(offers_of(history, facts.claim))

    def _count(self, history: History, decision: CaseDecision, outcomes: list[CaseOutcome]) -> None:
        tally = self._tallies[decision.decision.remedy]
        kinds = {one.outcome.kind for one in outcomes}
        later = _is_last(history, decision) and any(
            said.kind in _ESCALATIONS and said.at >= decision.decided_at for said in history.messages
        )
        tally.results[_result(kinds, later)] += 1
        tally.bad_reviews += OutcomeKind.NEGATIVE_REVIEW in kinds
        spent = [one.outcome.spent for one in outcomes if one.outcome.spent]
        for money in spent:
            tally.spent.add(money)
        tally.priced.update({money.currency for money in spent})

    def remedies(self) -> tuple[RemedyResult, ...]:
        """Return what each remedy achieved, those decided on most often first."""
        ordered = sorted(self._tallies.items(), key=lambda item: (-item[1].results.total(), item[0]))
        return tuple(_remedy(remedy, tally) for remedy, tally in ordered)

    def offers(self) -> tuple[OfferBand, ...]:
        """Return how often offers were taken, by claim and share offered."""
        bands: defaultdict[tuple[Claim, int], Counter[OfferMade]] = defaultdict(Counter)
        for offer, count in self._offers.items():
            bands[offer.claim, _band(offer.share)][offer] += count
        trade = Acceptance()
        ordered = sorted(bands.items(), key=lambda item: (list(Claim).index(item[0][0]), item[0][1]))
        return tuple(_offer_band(claim, band, made, trade) for (claim, band), made in ordered)


def offers(store: CaseStore) -> list[OfferMade]:
    """Return all offers of part of the price that a buyer answered; what `triage_ml.acceptance.Acceptance` learns from.

    Parameters
    ----------
    store
        The case record.

    Returns
    -------
    list of OfferMade
        One for each offer: the share noted with the outcome, else the amount decided on over the price. An offer that was never
        answered says nothing, so it is left out.
    """
    histories = ((history, facts_of(history)) for history in walk_histories(store) if history.outcomes)
    return [offer for history, facts in histories if facts for offer in offers_of(history, facts.claim)]


def learned(store: CaseStore) -> Acceptance:
    """Return how often offers are accepted by what the record's own brought; the trade's figure while too few were answered."""
    if sum(1 for _ in islice(store.stream(CaseOutcome), ENOUGH)) < ENOUGH:
        return Acceptance()  # the usual record of a new shop, known without reading all of it
    made = offers(store)
    return Acceptance(made) if len(made) >= ENOUGH else Acceptance()


def offers_of(history: History, claim: Claim) -> Iterator[OfferMade]:
    """Yield the answered offers of one case; the first answer to an offer counts."""
    for decision, outcomes in _followed(history):
        answered = set()
        for one in outcomes:
            offered = one.outcome.offered_share or _decided_share(history, decision)
            if one.outcome.kind in _ANSWERS and offered and 0 < offered <= 1 and offered not in answered:
                answered.add(offered)
                yield OfferMade(claim, float(offered), _ANSWERS[one.outcome.kind])


def _decided_share(history: History, decision: CaseDecision | None) -> Decimal | None:
    """Return the share of the price that was decided on, None where that was no part of it."""
    paid = history.case.order.paid
    if decision is None or decision.decision.remedy != RemedyKind.PART_REFUND_KEEP:
        return None
    amount = decision.decision.amount
    if not (amount and paid and paid.amount and amount.currency == paid.currency):
        return None
    return (amount.amount / paid.amount).quantize(Decimal("0.001"))


def _followed(history: History) -> Iterator[tuple[CaseDecision | None, list[CaseOutcome]]]:
    """Yield each decision that stands with what was recorded after it, up to the next; first what came before any."""
    standing = [decision for decision in history.decisions if decision.undone_at is None]
    for decision, following in pairwise([None, *standing, None]):
        start, end = decision.id if decision else 0, following.id if following else inf
        yield decision, [one for one in history.outcomes if start < one.id < end]


def _is_last(history: History, decision: CaseDecision) -> bool:
    return all(other.id <= decision.id for other in history.decisions if other.undone_at is None)


def _result(kinds: set[OutcomeKind], escalated_later: bool) -> str:
    if escalated_later or kinds & _ESCALATED:
        return "escalated"
    if kinds & _SETTLED:
        return "accepted"
    if OutcomeKind.DECLINED in kinds:
        return "declined"
    return "no_answer" if OutcomeKind.NO_ANSWER in kinds else "open"


def _remedy(remedy: str, tally: _Tally) -> RemedyResult:
    results = tally.results
    answered = results.total() - results["open"]
    return RemedyResult(
        remedy=remedy,
        decisions=results.total(),
        accepted=results["accepted"],
        declined=results["declined"],
        escalated=results["escalated"],
        no_answer=results["no_answer"],
        open=results["open"],
        bad_reviews=tally.bad_reviews,
        acceptance=share(results["accepted"], answered),
        mean_spent=tally.spent.money(tally.priced),
    )


def _band(offered: float) -> int:
    return next(band for band, up_to in enumerate(BANDS[1:]) if offered <= up_to + 1e-9)


def _offer_band(claim: Claim, band: int, made: Counter[OfferMade], trade: Acceptance) -> OfferBand:
    accepted = sum(count for offer, count in made.items() if offer.accepted)
    mean = sum(offer.share * count for offer, count in made.items()) / made.total()
    estimate = trade.curve(claim).at(mean)
    return OfferBand(claim, BANDS[band], BANDS[band + 1], mean, share(accepted, made.total()), estimate.mean)
