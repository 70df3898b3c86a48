"""From labelled rows to a Classifier: the same rows and parameters always give the same model.

What a text claims is learned from all rows; every number that decides (temperature, prediction sets, thresholds) is found on
writers held out from learning, because a writer's habits would otherwise flatter the figures.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from triage_ml.classifier import (
    CLAIMS,
    Classifier,
    Parts,
    Thresholds,
    calibrated,
    capped,
    decided,
    words_to_point_to,
)
from triage_ml.corpus import LabelledText
from triage_ml.encoders import Encoder
from triage_ml.errors import TrainingDataError
from triage_ml.evaluation import Judged
from triage_ml.features import cue_columns, make_features, with_vectors
from triage_ml.reply_model import Circumstances, fit_replies, worth
from triage_ml.text import read_many
from triage_ml.thresholds import Logits, find_thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray

Progress = Callable[[str], None]
# With fewer fresh texts than this, thresholds are found on all texts.
_FRESH_ENOUGH = 500
# A template that the corpus knows nothing of, such as a shop's own, is learned from votes worth so many texts (20 takings);
# until then the ranker goes by the others that carry the same remedies.
_VOTES_ENOUGH = 40.0


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a training run is told; `training/params.toml` holds the values chosen on held-out writers.

    Parameters
    ----------
    strength
        Inverse regularisation (C of scikit-learn) of the part of the claim head that sees words and characters.
    abuse_strength
        The same for the abuse head.
    reply_alpha
        Regularisation (alpha of ridge regression) of the part of the reply head that sees words.
    cue_strength, vector_strength
        Inverse regularisation of the parts of both heads that see cues only, and vectors of an encoder only.
    min_word, min_character
        In how many texts a word or character run must occur.
    folds
        Into how many parts the writers are dealt for calibration.
    coverage
        Stated coverage of the prediction sets, a fraction.
    review_accuracy
        A person decides below the probability at which held-out accuracy above it falls under this.
    abuse_precision
        Abuse is decided only where held-out precision is at least this.
    """

    strength: float = 5.0
    abuse_strength: float = 5.0
    reply_alpha: float = 1.0
    cue_strength: float = 1.0
    vector_strength: float = 5.0
    min_word: int = 3
    min_character: int = 6
    folds: int = 5
    coverage: float = 0.9
    review_accuracy: float = 0.93
    abuse_precision: float = 0.98


def load_parameters(path: Path) -> Parameters:
    """Read a params.toml; a key that is no parameter is an error."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
        return Parameters(**values)
    except (tomllib.TOMLDecodeError, TypeError) as error:
        known = ", ".join(f.name for f in fields(Parameters))
        raise TrainingDataError(f"{path}: found {error}; expected TOML with some of {known}.") from error


@dataclass(frozen=True, slots=True)
class Table:
    """n labelled texts, read once, as numbers to learn from.

    Parameters
    ----------
    matrix
        Sparse, shape (n, n_features): words and characters, then the cues, then the vectors of an encoder if there is one.
    widths
        How many columns each of these has, in that order.
    claims, abuse
        Labels, shape (n,); claims as positions in `CLAIMS`.
    replies
        Shape (n, number of template ids + 1): how well each template answers a text; the last column is "is a follow-up".
    known
        Of the same shape: how much each of these counts, 0 where it is not known.
    pointed
        Shape (n,): whether a cue of abuse stands in the text.
    weights
        Shape (n,): how much each row counts.
    fresh
        Shape (n,): no author of cues has read the text.
    """

    matrix: Any
    widths: tuple[int, ...]
    claims: NDArray[np.int64]
    abuse: NDArray[np.bool_]
    replies: NDArray[np.float32]
    known: NDArray[np.float32]
    pointed: NDArray[np.bool_]
    weights: NDArray[np.float64]
    fresh: NDArray[np.bool_]

    def __getitem__(self, rows: NDArray[np.generic]) -> Table:
        """Return the rows that a mask or positions name."""
        whole = ("widths",)
        return Table(
            **{f.name: getattr(self, f.name) if f.name in whole else getattr(self, f.name)[rows] for f in fields(self)}
        )


def fit(
    rows: Sequence[LabelledText],
    parameters: Parameters,
    say: Progress = lambda _: None,
    encoder: Encoder | None = None,
    heed: Callable[[Judged], None] = lambda _: None,
) -> tuple[Classifier, Judged]:
    """Learn a classifier and measure it on held-out writers.

    Parameters
    ----------
    rows
        n labelled texts, at least `parameters.folds` groups and every claim among them.
    parameters
        See `Parameters`.
    say
        Told what is being done, a few words at a time.
    encoder
        A third expert beside words and cues.
    heed
        Told what models that had not seen its writer say of each row, before anything is learned from all rows; what it raises
        ends the training.

    Returns
    -------
    Classifier, Judged
        The classifier learned from all rows, and what models that had not seen its writer say of each row. Their thresholds
        were found without that writer too, so that the figures flatter nobody.
    """
    _check(rows, parameters)
    say(f"reading {len(rows):,} texts")
    table, features, reply_ids = tabulate(rows, parameters, encoder)
    say(f"measuring on held-out writers, {parameters.folds} rounds")
    fold = deal([r.group for r in rows], parameters.folds)
    logits = _held_out_logits(table, fold, parameters)
    judged = _judge_held_out(table, logits, fold, parameters)
    heed(judged)
    say("learning from all texts")
    beside = [Circumstances(r.personalised, r.photo) for r in rows]
    said = (judged.probabilities, judged.abuse_probability)
    experts = fit_replies(table.matrix, table.widths, table.replies, table.known, said, beside, parameters.reply_alpha)
    parts = Parts(features, *fit_heads(table, parameters), *experts)
    return Classifier(parts, _thresholds(table, logits, parameters), reply_ids, encoder=encoder), judged


def tabulate(
    rows: Sequence[LabelledText], parameters: Parameters, encoder: Encoder | None = None
) -> tuple[Table, Any, list[str]]:
    """Read n labelled texts; return the table, the fitted features, and the template ids that `replies` stands for."""
    readings = read_many([r.text for r in rows], [r.lang for r in rows])
    # What words there are and how common they are is learned from all texts; it needs no label and so tells none.
    features = make_features(parameters.min_word, parameters.min_character)
    known = features.fit_transform(readings).tocsr()
    matrix = with_vectors(known, encoder, readings)
    cues = len(cue_columns(features))
    reply_ids = _reply_ids(rows)
    replies, told = zip(*(worth(r.replies, r.votes, reply_ids) for r in rows), strict=True)
    follow_ups = [r.follow_up for r in rows]
    table = Table(
        matrix=matrix,
        widths=(known.shape[1] - cues, cues, matrix.shape[1] - known.shape[1]),
        claims=np.array([CLAIMS.index(r.claim) for r in rows]),
        abuse=np.array([r.abuse for r in rows]),
        replies=np.column_stack([replies, follow_ups]).astype(np.float32),
        known=np.column_stack([told, np.ones(len(rows))]).astype(np.float32),
        pointed=words_to_point_to(readings),
        weights=np.array([r.weight for r in rows]),
        fresh=np.array([r.fresh for r in rows]),
    )
    return table, features, reply_ids


def _reply_ids(rows: Sequence[LabelledText]) -> list[str]:
    """Return the templates that the corpus answers with, and others that enough decisions speak for."""
    said: Counter[str] = Counter()
    for row in rows:
        votes = dict.fromkeys(row.replies, _VOTES_ENOUGH) if row.votes is None else dict(row.votes)
        said.update({name: vote for name, vote in votes.items() if vote > 0})
    return sorted(name for name, vote in said.items() if vote >= _VOTES_ENOUGH)


def held_out(table: Table, fold: NDArray[np.int64], parameters: Parameters) -> Judged:
    """Judge each fold, shape (n,), with heads and thresholds learned from the other folds."""
    return _judge_held_out(table, _held_out_logits(table, fold, parameters), fold, parameters)


def _check(rows: Sequence[LabelledText], parameters: Parameters) -> None:
    groups, claims = {r.group for r in rows}, {r.claim for r in rows}
    missing = [c for c in CLAIMS if c not in claims]
    if missing or len(groups) < parameters.folds or len({r.abuse for r in rows}) < 2:
        raise TrainingDataError(
            f"found {len(rows)} rows of {len(groups)} writers, claims missing: {', '.join(missing) or 'none'}; expected every "
            f"claim, abuse true and false, and at least {parameters.folds} writers. Add rows, or train with the shipped corpus."
        )


def fit_heads(table: Table, parameters: Parameters) -> tuple[Any, Any]:
    """Fit the claim and the abuse head."""
    rest = (parameters.cue_strength, parameters.vector_strength)
    return (
        fit_experts(table.matrix, table.claims, table.widths, (parameters.strength, *rest), table.weights),
        fit_experts(table.matrix, table.abuse, table.widths, (parameters.abuse_strength, *rest), table.weights),
    )


def fit_experts(
    matrix: Any,  # noqa: ANN401 - scipy
    target: NDArray[np.generic],
    widths: Sequence[int],
    strengths: Sequence[float],
    weights: NDArray[np.float64] | None = None,
) -> Any:  # noqa: ANN401 - scikit-learn
    """Fit one expert on words, one on cues, one on vectors, and add their scores (a log-linear pool; Genest & Zidek 1986).

    Fitted together, words that only tell the writer take the place of cues that hold everywhere. Fitted apart, each has to
    explain the labels alone, and the sum is still one linear classifier.

    Parameters
    ----------
    matrix
        Sparse, shape (n, n_features).
    target
        Labels, shape (n,).
    widths
        How many columns each expert sees, in their order; an expert without columns is left out.
    strengths
        Inverse regularisation of each expert.
    weights
        How much each row counts, shape (n,); all alike if not given.
    """
    from sklearn.linear_model import LogisticRegression

    ends = np.cumsum(widths)
    experts = [
        # Balanced, since what a shop's inbox holds differs from the corpus; the temperature puts the level right again.
        # Without an intercept of its own, the expert on vectors (the third) says nothing where a text has no vector.
        LogisticRegression(C=strength, fit_intercept=place < 2, class_weight="balanced", max_iter=400, tol=1e-3).fit(
            matrix[:, end - width : end], target, weights
        )
        for place, (width, end, strength) in enumerate(zip(widths, ends, strengths, strict=True))
        if width
    ]
    pool = experts[0]
    pool.coef_ = np.hstack([expert.coef_ for expert in experts])
    pool.intercept_ = np.sum([np.broadcast_to(expert.intercept_, pool.intercept_.shape) for expert in experts], axis=0)
    pool.n_features_in_ = matrix.shape[1]
    return pool


def _held_out_logits(table: Table, fold: NDArray[np.int64], parameters: Parameters) -> Logits:
    from joblib import Parallel, delayed

    parts = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]
    rounds = Parallel(n_jobs=2)(delayed(_one_round)(table[train], table.matrix[test], parameters) for train, test in parts)
    claim_logits, abuse_logits = np.zeros((len(fold), len(CLAIMS))), np.zeros(len(fold))
    for (_, test), (claim_part, abuse_part) in zip(parts, rounds, strict=True):
        claim_logits[test], abuse_logits[test] = claim_part, abuse_part
    return claim_logits, abuse_logits


def _one_round(train: Table, test: Any, parameters: Parameters) -> Logits:  # noqa: ANN401 - scipy
    claim, abuse = fit_heads(train, parameters)
    return claim.decision_function(test), abuse.decision_function(test)


def _judge_held_out(table: Table, logits: Logits, fold: NDArray[np.int64], parameters: Parameters) -> Judged:
    """Decide each fold with the thresholds of the other folds."""
    claim_logits, abuse_logits = logits
    claims, abuse = np.zeros_like(claim_logits), np.zeros_like(abuse_logits)
    inside = np.zeros(claims.shape, dtype=bool)
    flagged, unsure = np.zeros(len(fold), dtype=bool), np.zeros(len(fold), dtype=bool)
    for k in np.unique(fold):
        here, others = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        found = _thresholds(table[others], (claim_logits[others], abuse_logits[others]), parameters)
        claims[here], p_abuse = calibrated(claim_logits[here], abuse_logits[here], found)
        abuse[here] = capped(p_abuse, table.pointed[here])
        inside[here], flagged[here], unsure[here] = decided(claims[here], abuse[here], found)
    return Judged(table.claims, claims, inside, table.abuse, abuse, flagged, unsure)


def deal(groups: Sequence[str], folds: int) -> NDArray[np.int64]:
    """Deal groups into folds, so that no language loses all its writers at once.

    Parameters
    ----------
    groups
        n names such as "de w4"; what stands before the blank is the language.
    folds
        How many folds at the most.

    Returns
    -------
    array of shape (n,)
        The fold of each row: the writers of a language, the one with most texts first, are dealt in turn.
    """
    sizes = Counter(groups)
    by_language: dict[str, list[str]] = {}
    for group in sorted(sizes, key=lambda g: (-sizes[g], g)):
        by_language.setdefault(group.split()[0], []).append(group)
    fold = {group: n % folds for writers in by_language.values() for n, group in enumerate(writers)}
    return np.array([fold[group] for group in groups])


def _thresholds(table: Table, logits: Logits, parameters: Parameters) -> Thresholds:
    """Find the thresholds on texts that no author of cues has read, where there are enough of them."""
    claim_logits, abuse_logits = logits
    if table.fresh.sum() >= _FRESH_ENOUGH:
        # The cues fit the texts their authors looked at better than any text to come, so these would make the model too sure.
        table, claim_logits, abuse_logits = table[table.fresh], claim_logits[table.fresh], abuse_logits[table.fresh]
    return find_thresholds(
        (claim_logits, abuse_logits),
        (table.claims, table.abuse),
        table.pointed,
        coverage=parameters.coverage,
        review_accuracy=parameters.review_accuracy,
        abuse_precision=parameters.abuse_precision,
    )
