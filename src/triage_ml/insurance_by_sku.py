"""Whether insuring its returns would have paid, for each SKU, and whether its counts are enough to say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from triage_ml.errors import PolicyError
from triage_ml.insurance import Exposure, InsuranceResult, InsuranceTerms, value
from triage_ml.intervals import clopper_pearson
from triage_ml.messages import Money


class Verdict(StrEnum):
    """What the counts of one SKU say about insuring it."""

    INSURE = "insure"
    DO_NOT = "do_not"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True)
class SkuCounts:
    """What happened to one SKU in a period; `value` is the mean price of its orders, `loss_share` as in `Exposure`."""

    sku: str
    orders: int
    returns: int
    covered_returns: int
    value: Money
    loss_share: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class SkuResult:
    """One line of the table by SKU.

    `verdict` is `too_few` while the break-even lies inside the 95 % interval of the claim rate: then `result` is luck.
    """

    sku: str
    result: InsuranceResult
    verdict: Verdict


def by_sku(rows: Iterable[SkuCounts], terms: InsuranceTerms) -> list[SkuResult]:
    """Say for every SKU what insuring it would have brought, and whether its counts are enough to decide.

    Parameters
    ----------
    rows
        n SKUs.
    terms
        The insurer's offer, the same for all.

    Returns
    -------
    list of SkuResult
        n lines, in order.

    Raises
    ------
    PolicyError
        Names the SKU whose counts cannot be.
    """
    return [_line(row, terms) for row in rows]


def _line(row: SkuCounts, terms: InsuranceTerms) -> SkuResult:
    if not 0 <= row.covered_returns <= row.returns <= row.orders or row.orders < 1:
        raise PolicyError(
            f"SKU {row.sku!r}: found {row.covered_returns} covered returns of {row.returns} returns of {row.orders} orders; "
            "expected none of them above the next, and at least one order."
        )
    exposure = Exposure(
        orders=row.orders,
        order_value=row.value,
        return_rate=Decimal(row.returns) / row.orders,
        covered_share=Decimal(row.covered_returns) / row.returns if row.returns else Decimal(0),
        loss_share=row.loss_share,
    )
    result = value(terms, exposure)
    return SkuResult(row.sku, result, _verdict(row, result.break_even))


def _verdict(row: SkuCounts, rate: Decimal | None) -> Verdict:
    """Compare the break-even with the Clopper-Pearson interval of the claim rate."""
    if rate is None:
        return Verdict.DO_NOT
    low, high = clopper_pearson(row.covered_returns, row.orders)
    if low > rate:
        return Verdict.INSURE
    return Verdict.DO_NOT if high < rate else Verdict.TOO_FEW
