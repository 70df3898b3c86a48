"""What a person should look at before a model learns from labels: contradictions, and labels that are likely wrong.

Likely wrong is what confident learning says (cleanlab; Northcutt et al. 2021, arXiv:1911.00068) of probabilities that models
gave which had not seen the buyer. Only the shop's own rows are listed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from triage_ml.classifier import CLAIMS
from triage_ml.corpus import LabelledText
from triage_ml.errors import MissingExtraError
from triage_ml.evaluation import Judged
from triage_ml.messages import Claim
from triage_ml.retraining.labels import normalised
from triage_ml.retraining.records import ShopRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Above this share of common character 5-grams (Jaccard) two messages say the same thing.
_NEAR = 0.8
_AT_A_TIME = 512
_COLUMNS = ("finding", "id", "case", "by", "language", "text", "claim", "abuse", "model", "probability", "buyer")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Rows that say the same, or nearly, and do not all have one label."""

    rows: tuple[ShopRow, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row whose label is likely wrong.

    Parameters
    ----------
    row
        The row with its label.
    model
        What models that had not seen its buyer take it for.
    probability
        What they gave the label it has.
    """

    row: ShopRow
    model: Claim
    probability: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found; `not_looked_at` says in a sentence what could not be looked for, "" where all was."""

    conflicts: tuple[Conflict, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    not_looked_at: str = ""


def find_conflicts(rows: Sequence[ShopRow]) -> tuple[Conflict, ...]:
    """Return the groups of rows, in their order, that contradict each other."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = [pair for language in sorted({one.row.lang for one in rows}) for pair in _contradictions(rows, language)]
    if not pairs:
        return ()
    first, second = np.array(pairs).T
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(rows), len(rows)))
    _, part = connected_components(links, directed=False)
    groups: dict[int, list[ShopRow]] = {}
    for place in sorted({*first.tolist(), *second.tolist()}):
        groups.setdefault(int(part[place]), []).append(rows[place])
    return tuple(Conflict(tuple(group)) for group in groups.values())


def without(rows: Sequence[ShopRow], conflicts: Sequence[Conflict]) -> list[ShopRow]:
    """Return the rows that stand in no conflict."""
    left_out = {id(one) for conflict in conflicts for one in conflict.rows}
    return [one for one in rows if id(one) not in left_out]


def find_doubts(rows: Sequence[LabelledText], judged: Judged, own: Sequence[ShopRow]) -> tuple[Doubt, ...]:
    """Return the shop's rows whose claim is likely labelled wrong, the least believable first.

    Parameters
    ----------
    rows
        n rows that were learned from, the corpus with the shop's.
    judged
        What models that had not seen their writers said of them, row for row.
    own
        The shop's rows.

    Raises
    ------
    MissingExtraError
        cleanlab is not installed.
    """
    try:
        from cleanlab.filter import find_label_issues
    except ImportError as error:
        raise MissingExtraError("likely label errors", "mlflow") from error

    issues = find_label_issues(
        judged.claim, judged.probabilities, filter_by="both", return_indices_ranked_by="self_confidence", n_jobs=1
    )
    known = {id(one.row): one for one in own}
    guess = judged.guess
    return tuple(
        Doubt(known[id(rows[n])], CLAIMS[guess[n]], float(judged.probabilities[n, judged.claim[n]]))
        for n in issues
        if id(rows[n]) in known
    )


def write_findings(findings: Findings, path: Path) -> None:
    """Write what was found as CSV; corrected, it is a file of labels that `triage-ml retrain --labels` reads."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for number, conflict in enumerate(findings.conflicts, 1):
            writer.writerows(_cells(one, f"conflict {number}", "", "") for one in conflict.rows)
        for doubt in findings.doubts:
            writer.writerow(_cells(doubt.row, "likely wrong", doubt.model.value, f"{doubt.probability:.2f}"))


def _cells(one: ShopRow, finding: str, model: str, probability: str) -> tuple[str, ...]:
    row, abuse = one.row, "yes" if one.row.abuse else "no"
    buyer = row.group.partition(" ")[2]
    return (finding, row.id, one.case_id, one.by, row.lang, row.text, row.claim.value, abuse, model, probability, buyer)


def _contradictions(rows: Sequence[ShopRow], language: str) -> Iterator[tuple[int, int]]:
    """Yield pairs of positions of one language that say nearly the same and are labelled differently."""
    from sklearn.feature_extraction.text import CountVectorizer

    here = [place for place, one in enumerate(rows) if one.row.lang == language]
    texts = [normalised(rows[place].row.text).ljust(5, "_") for place in here]
    labels = np.unique([rows[place].label for place in here], return_inverse=True)[1]
    grams = CountVectorizer(analyzer="char", ngram_range=(5, 5), lowercase=False, binary=True, dtype=np.int32)
    counted = grams.fit_transform(texts)
    sizes: NDArray[np.int64] = np.asarray(counted.sum(axis=1)).ravel()
    for start in range(0, len(here), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        common = (counted[part] @ counted.T).toarray()
        near = common >= _NEAR * (sizes[part, None] + sizes[None, :] - common)
        for first, second in np.argwhere(near & (labels[part, None] != labels[None, :])):
            if start + first < second:
                yield here[start + first], here[second]
