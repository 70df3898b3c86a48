"""Exact intervals of what was counted."""

from __future__ import annotations


def clopper_pearson(count: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson (1934, doi:10.1093/biomet/26.4.404) for a share.

    Parameters
    ----------
    count, of
        How many of how many, `of` at least 1.
    confidence
        How often such an interval holds the true share, at least.

    Returns
    -------
    tuple of float
        Its two ends, fractions.
    """
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, count, of - count + 1)) if count else 0.0
    high = float(beta.isf(tail, count + 1, of - count)) if count < of else 1.0
    return low, high
