"""How likely a buyer is to accept part of the price back: the trade's figure first, then what the shop's own offers brought.

A(x), the probability that an offer of share x is accepted, is log-logistic: A(x) = 1 / (1 + (x50 / x) ** steepness). It rises
with x whatever its two parameters are, so a shop's few cases can bend it and never turn it round. The parameters are known
only as a distribution over a grid; every figure is the mean over it, with an interval that shrinks as offers are made.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

import numpy as np

from triage_ml.errors import FormatError, ReadError
from triage_ml.messages import Claim

# "20 to 30 % of the price settles most disputes" (the trade's saying, no source measures it), read as: half of the buyers
# accept 20 %, seven of ten accept 30 %. The spreads (of logarithms) let some thirty offers overrule it.
_MEDIAN, _STEEPNESS = (0.20, 0.5), (2.0, 0.4)
# From so many answered offers on, a shop's own record is asked without being told to: a first few answers should not move what
# everybody is offered. A choice, not a measurement.
ENOUGH = 10
# What an offer for another claim tells: buyers who liked the piece less than hoped take less than those whose piece broke.
_OTHER_CLAIM = 0.25
_INTERVAL = (0.05, 0.95)
_REMEMBERED = 1024  # best shares: all that is asked comes from the policy, so that the same few come for every message
_SHARES = np.round(np.arange(1, 101) / 100, 2)
# The grid: every pair of 101 medians and 41 steepnesses, four spreads to each side, flat.
_LOG_MEDIANS, _LOG_STEEPNESSES = (
    axis.ravel()
    for axis in np.meshgrid(
        np.log(_MEDIAN[0]) + np.linspace(-4, 4, 101) * _MEDIAN[1],
        np.log(_STEEPNESS[0]) + np.linspace(-4, 4, 41) * _STEEPNESS[1],
    )
)
_LOG_PRIOR = -0.5 * (
    ((_LOG_MEDIANS - np.log(_MEDIAN[0])) / _MEDIAN[1]) ** 2 + ((_LOG_STEEPNESSES - np.log(_STEEPNESS[0])) / _STEEPNESS[1]) ** 2
)
# Acceptance of every share (rows) under every pair of the grid (columns).
_ACCEPTED = 1 / (1 + np.exp(np.exp(_LOG_STEEPNESSES) * (_LOG_MEDIANS - np.log(_SHARES)[:, None])))


@dataclass(frozen=True, slots=True)
class OfferMade:
    """One offer of part of the price, and what the buyer said.

    Parameters
    ----------
    claim
        What the buyer claimed.
    share
        What was offered, a fraction of the paid amount above 0, up to 1.
    accepted
        Whether the buyer took it.
    """

    claim: Claim
    share: float
    accepted: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """A probability with the interval that holds it with 90 % probability."""

    mean: float
    low: float
    high: float


class AcceptanceCurve:
    """A(x) for one claim.

    Parameters
    ----------
    offers
        What was offered so far, of any claim.
    claim
        The claim the curve is for; offers for other claims count a quarter.
    """

    def __init__(self, offers: Iterable[OfferMade] = (), claim: Claim | None = None) -> None:
        log_posterior = _LOG_PRIOR.copy()
        # The same offer made often is counted, not looped over.
        counts = Counter((round(offer.share, 3), offer.accepted, offer.claim is claim) for offer in offers)
        self.own = sum(count for (_, _, own), count in counts.items() if own)
        for (share, accepted, own), count in counts.items():
            log_odds = np.exp(_LOG_STEEPNESSES) * (np.log(share) - _LOG_MEDIANS)
            log_posterior -= count * (1.0 if own else _OTHER_CLAIM) * np.logaddexp(0, -log_odds if accepted else log_odds)
        weights = np.exp(log_posterior - log_posterior.max())
        self._weights = weights / weights.sum()
        self._means = _ACCEPTED @ self._weights
        self._known: dict[int, Estimate] = {0: Estimate(0.0, 0.0, 0.0)}
        self._best: dict[tuple[Decimal, ...], Decimal] = {}

    def at(self, share: float) -> Estimate:
        """Return how likely an offer of this share (a fraction, read to the percent) is accepted; 0 never is."""
        percent = int(min(round(share * 100), len(_SHARES)))
        if percent not in self._known:
            accepted = _ACCEPTED[percent - 1]
            order = np.argsort(accepted, kind="stable")
            reached = np.cumsum(self._weights[order])
            low, high = accepted[order[np.minimum(np.searchsorted(reached, _INTERVAL), len(order) - 1)]].tolist()
            self._known[percent] = Estimate(float(self._means[percent - 1]), low, high)
        return self._known[percent]

    def best_share(self, low: Decimal, high: Decimal, paid_per_share: Decimal, otherwise: Decimal) -> Decimal:
        """Return the share from `low` to `high`, in whole percents, that is expected to cost least.

        Minimises A(x) * x * paid_per_share + (1 - A(x)) * otherwise, all fractions of the paid amount.

        Parameters
        ----------
        low, high
            The policy's range.
        paid_per_share
            What a share of 1 costs the seller: 1 less the fee that comes back.
        otherwise
            What happens if the buyer declines costs this much.
        """
        asked = low, high, paid_per_share, otherwise
        if asked not in self._best:
            if len(self._best) >= _REMEMBERED:
                self._best.clear()
            self._best[asked] = self._cheapest(*asked)
        return self._best[asked]

    def _cheapest(self, low: Decimal, high: Decimal, paid_per_share: Decimal, otherwise: Decimal) -> Decimal:
        inside = (_SHARES >= float(low) - 1e-9) & (_SHARES <= float(high) + 1e-9)
        if not inside.any():
            return low
        shares, accepted = _SHARES[inside], self._means[inside]
        cost = accepted * shares * float(paid_per_share) + (1 - accepted) * float(otherwise)
        return Decimal(str(shares[int(np.argmin(cost))]))


class Acceptance:
    """The curves of one shop, one for each claim, made when first asked for.

    Parameters
    ----------
    offers
        What the shop offered so far; none gives the trade's figure.
    """

    def __init__(self, offers: Iterable[OfferMade] = ()) -> None:
        self.offers = tuple(offers)
        self._curves: dict[Claim, AcceptanceCurve] = {}

    def curve(self, claim: Claim) -> AcceptanceCurve:
        """Return the curve of one claim."""
        if claim not in self._curves:
            self._curves[claim] = AcceptanceCurve(self.offers, claim) if self.offers else _prior()
        return self._curves[claim]

    def source(self, claim: Claim) -> str:
        """Return, in words, what the curve of a claim rests on."""
        own = self.curve(claim).own
        others = len(self.offers) - own
        if not self.offers:
            return "the trade's figure, no offers of yours yet"
        return f"{own} of your offers for {claim.value}" + (f", {others} for other claims" if others else "")


@cache
def _prior() -> AcceptanceCurve:
    return AcceptanceCurve()


def load_offers(path: Path, on_reject: Callable[[ReadError], None]) -> Acceptance:
    """Read what a shop offered from a CSV file with the columns claim, share and accepted (yes or no).

    Parameters
    ----------
    path
        The file, UTF-8.
    on_reject
        Told of each row that cannot be read; the rest counts.

    Raises
    ------
    FormatError
        The file is not such a table.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if absent := [name for name in ("claim", "share", "accepted") if name not in (table.fieldnames or ())]:
                raise FormatError(path, f"no column {', '.join(absent)}", "the columns claim, share, accepted", "Add it.")
            offers = []
            for number, row in enumerate(table, 2):
                try:
                    offers.append(_offer(row))
                except _BadCellError as error:
                    on_reject(ReadError(path, number, error.column, row[error.column], error.reason))
            return Acceptance(offers)
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, f"no table ({error})", "a CSV file in UTF-8", "Save it as UTF-8.") from error


class _BadCellError(Exception):
    def __init__(self, column: str, reason: str) -> None:
        self.column, self.reason = column, reason


_ANSWERS: Mapping[str, bool] = {
    "yes": True,
    "true": True,
    "1": True,
    "是": True,
    "no": False,
    "false": False,
    "0": False,
    "否": False,
}


def _offer(row: Mapping[str, str | None]) -> OfferMade:
    claim, given, accepted = ((row[name] or "").strip().lower() for name in ("claim", "share", "accepted"))
    if claim not in list(Claim):
        raise _BadCellError("claim", f"expected one of {', '.join(Claim)}")
    try:
        share = Decimal(given)
    except InvalidOperation:
        share = Decimal(0)
    if not (share.is_finite() and 0 < share <= 1):
        raise _BadCellError("share", "expected a fraction above 0 and up to 1, such as 0.25")
    if accepted not in _ANSWERS:
        raise _BadCellError("accepted", "expected yes or no")
    return OfferMade(Claim(claim), float(share), _ANSWERS[accepted])
