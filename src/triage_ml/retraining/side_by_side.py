"""Two models answer the same texts, none of which either has learned from: the shop's slice, the corpus, what was kept aside.

On the corpus the answers are those of models that had not seen the writer, as each model's folder keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from triage_ml import model_files
from triage_ml.classifier import CLAIMS, Classifier
from triage_ml.corpus import LabelledText, load_corpus, load_labelled
from triage_ml.reply_model import Circumstances
from triage_ml.retraining.behaviour import check_behaviour
from triage_ml.retraining.bootstrap import Answers
from triage_ml.retraining.comparison import CORPUS, SLICE, Comparison, Margins, Pair, compare
from triage_ml.retraining.records import ShopRow

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Contender:
    """A model, and what models that had not seen the writer said of each text of the corpus when it was trained."""

    classifier: Classifier
    held_out: model_files.HeldOut

    @classmethod
    def load(cls, folder: Path) -> Contender:
        """Load a model folder after checking it, as `model_files.load` does."""
        return cls(model_files.load(folder), model_files.held_out(folder))


def side_by_side(
    champion: Contender,
    challenger: Contender,
    rows: Sequence[ShopRow],
    training: Path,
    margins: Margins = Margins(),  # noqa: B008 - frozen
) -> Comparison:
    """Compare two models on all that neither has learned from, and by the behaviour checks.

    Parameters
    ----------
    champion, challenger
        The model that counts, and the one that might.
    rows
        The shop's rows; only those set apart are answered.
    training
        A checkout's folder `training`: corpus, held-out texts, behaviour checks.
    margins
        What a proposed challenger may lose.

    Raises
    ------
    TrainingDataError
        Where corpus or checks cannot be read.
    """
    sets = {SLICE: [one.row for one in rows if one.apart]}
    sets |= {path.name: load_labelled(path) for path in sorted((training / "heldout").glob("*.jsonl"))}
    old, new = champion.classifier, challenger.classifier
    pairs = [Pair(name, texts, _answers(old, texts), _answers(new, texts)) for name, texts in sets.items() if texts]
    pairs.append(_on_corpus(load_corpus(training / "corpus"), champion.held_out, challenger.held_out))
    before, after = (check_behaviour(model, training / "behaviour.toml") for model in (old, new))
    return compare(pairs, before, after, margins)


def stored(challenger: Path, champion: str) -> Comparison | None:
    """Return how a model was compared when it was made, None where that was with another champion than this version."""
    about = model_files.facts(challenger)
    found = about.get("comparison")
    return Comparison.from_json(found) if found and about.get("champion") == champion else None


def _answers(model: Classifier, rows: Sequence[LabelledText]) -> Answers:
    known = [Circumstances(row.personalised, row.photo) for row in rows]
    return Answers.of(rows, model.predict_many([row.text for row in rows], [row.lang for row in rows], known))


def _on_corpus(corpus: Sequence[LabelledText], old: model_files.HeldOut, new: model_files.HeldOut) -> Pair:
    """Take the corpus texts that both models were cross-validated on."""
    rows = [row for row in corpus if row.id in old and row.id in new]

    def answers(said: model_files.HeldOut) -> Answers:
        values = np.array([said[row.id] for row in rows]).reshape(len(rows), len(CLAIMS) + 2)
        flagged: NDArray[np.bool_] = values[:, -1] > 0
        return Answers(values[:, : len(CLAIMS)], flagged)

    return Pair(CORPUS, rows, answers(old), answers(new))
