"""From labelled rows to a Classifier: the same rows and parameters always give the same model.

What a text claims is learned from all rows; every number that decides (temperature, prediction sets, thresholds) is found on
writers held out from learning, because a writer's habits would otherwise flatter the figures.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from triage_ml.classifier import (
    ABUSE_WITHOUT_CUE,
    CLAIMS,
    Classifier,
    Parts,
    Thresholds,
    calibrated,
    make_features,
    with_words_to_point_to,
)
from triage_ml.corpus import LabelledText
from triage_ml.errors import TrainingDataError
from triage_ml.text import Reading, read_many

if TYPE_CHECKING:
    from numpy.typing import NDArray

Progress = Callable[[str], None]


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
        Regularisation (alpha of ridge regression) of the reply head.
    cue_strength
        Inverse regularisation of the part of both heads that sees cues only.
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
    reply_alpha: float = 2.0
    cue_strength: float = 1.0
    min_word: int = 2
    min_character: int = 3
    folds: int = 5
    coverage: float = 0.9
    review_accuracy: float = 0.93
    abuse_precision: float = 0.98


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What the model said about texts of writers it had not seen: claim (n, 4) and abuse (n,) probabilities, calibrated."""

    claims: NDArray[np.float64]
    abuse: NDArray[np.float64]


def load_parameters(path: Path) -> Parameters:
    """Read a params.toml; a key that is no parameter is an error."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
        return Parameters(**values)
    except (tomllib.TOMLDecodeError, TypeError) as error:
        known = ", ".join(f.name for f in fields(Parameters))
        raise TrainingDataError(f"{path}: found {error}; expected TOML with some of {known}.") from error


def fit(rows: Sequence[LabelledText], parameters: Parameters, say: Progress = lambda _: None) -> tuple[Classifier, HeldOut]:
    """Learn a classifier and measure it on held-out writers.

    Parameters
    ----------
    rows
        n labelled texts, at least `parameters.folds` groups and every claim among them.
    parameters
        See `Parameters`.
    say
        Told what is being done, a few words at a time.

    Returns
    -------
    Classifier, HeldOut
        The classifier learned from all rows, and its held-out predictions, row for row.
    """
    _check(rows, parameters)
    say(f"reading {len(rows):,} texts")
    readings = read_many([r.text for r in rows], [r.lang for r in rows])
    reply_ids = sorted({reply for row in rows for reply in row.replies})
    labels = _Labels(
        claims=np.array([CLAIMS.index(r.claim) for r in rows]),
        abuse=np.array([r.abuse for r in rows]),
        replies=np.array([[*(_fits(reply, row) for reply in reply_ids), row.follow_up] for row in rows], dtype=np.float32),
    )
    # What words there are and how common they are is learned from all texts; it needs no label and so tells none.
    features = make_features(parameters.min_word, parameters.min_character)
    matrix = features.fit_transform(readings).tocsr()
    say(f"measuring on held-out writers, {parameters.folds} rounds")
    cues = len(features.named_transformers["cues"]["columns"].feature_names_)
    claim_logits, abuse_logits = _held_out_logits(matrix, labels, cues, [r.group for r in rows], parameters)
    thresholds = _thresholds(claim_logits, abuse_logits, readings, labels, parameters)
    say("learning from all texts")
    parts = Parts(features, *_fit_heads(matrix, labels, cues, parameters), _fit_reply(matrix, labels, parameters))
    p, p_abuse = calibrated(claim_logits, abuse_logits, thresholds)
    return Classifier(parts, thresholds, reply_ids), HeldOut(p, with_words_to_point_to(readings, p_abuse))


@dataclass(frozen=True, slots=True)
class _Labels:
    """What n rows are labelled with: claims (n,), abuse (n,), replies (n, number of template ids + 1 for "is a follow-up")."""

    claims: NDArray[np.int64]
    abuse: NDArray[np.bool_]
    replies: NDArray[np.float32]

    def __getitem__(self, rows: NDArray[np.intp]) -> _Labels:
        return _Labels(self.claims[rows], self.abuse[rows], self.replies[rows])


def _fits(reply: str, row: LabelledText) -> float:
    """Say how well a template answers a row: 1 for the first named, less for the later ones, 0 for the others."""
    return 1 / (1 + 0.4 * row.replies.index(reply)) if reply in row.replies else 0.0


def _check(rows: Sequence[LabelledText], parameters: Parameters) -> None:
    groups, claims = {r.group for r in rows}, {r.claim for r in rows}
    missing = [c for c in CLAIMS if c not in claims]
    if missing or len(groups) < parameters.folds or len({r.abuse for r in rows}) < 2:
        raise TrainingDataError(
            f"found {len(rows)} rows of {len(groups)} writers, claims missing: {', '.join(missing) or 'none'}; expected every "
            f"claim, abuse true and false, and at least {parameters.folds} writers. Add rows, or train with the shipped corpus."
        )


def _fit_heads(matrix: Any, labels: _Labels, cues: int, parameters: Parameters) -> tuple[Any, Any]:  # noqa: ANN401 - scipy
    """Fit the claim and the abuse head; the last `cues` columns of the matrix are cues."""
    return (
        _fit_two_experts(matrix, labels.claims, cues, parameters.strength, parameters.cue_strength),
        _fit_two_experts(matrix, labels.abuse, cues, parameters.abuse_strength, parameters.cue_strength),
    )


def _fit_two_experts(matrix: Any, target: NDArray[np.generic], cues: int, words: float, strength: float) -> Any:  # noqa: ANN401
    """Fit one expert on words and one on cues, and add their scores (a log-linear pool; Genest & Zidek 1986).

    Fitted together, words that only tell the writer take the place of cues that hold everywhere. Fitted apart, each has to
    explain the labels alone, and the sum is still one linear classifier.
    """
    from sklearn.linear_model import LogisticRegression

    # Balanced, since what a shop's inbox holds differs from the corpus; the temperature puts the level right again.
    head: dict[str, Any] = {"class_weight": "balanced", "max_iter": 400, "tol": 1e-3}
    both = LogisticRegression(C=words, **head).fit(matrix[:, :-cues], target)
    other = LogisticRegression(C=strength, **head).fit(matrix[:, -cues:], target)
    both.coef_ = np.hstack([both.coef_, other.coef_])
    both.intercept_ = both.intercept_ + other.intercept_
    both.n_features_in_ = matrix.shape[1]
    return both


def _fit_reply(matrix: Any, labels: _Labels, parameters: Parameters) -> Any:  # noqa: ANN401 - scipy, scikit-learn
    from sklearn.linear_model import Ridge

    return Ridge(alpha=parameters.reply_alpha, solver="sparse_cg", tol=1e-3).fit(matrix, labels.replies)


def _held_out_logits(
    matrix: Any,  # noqa: ANN401 - scipy
    labels: _Labels,
    cues: int,
    groups: Sequence[str],
    parameters: Parameters,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from joblib import Parallel, delayed

    fold = deal(groups, parameters.folds)
    parts = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]
    rounds = Parallel(n_jobs=2)(
        delayed(_one_round)(matrix[train], labels[train], matrix[test], cues, parameters) for train, test in parts
    )
    claim_logits, abuse_logits = np.zeros((len(groups), len(CLAIMS))), np.zeros(len(groups))
    for (_, test), (claim_part, abuse_part) in zip(parts, rounds, strict=True):
        claim_logits[test], abuse_logits[test] = claim_part, abuse_part
    return claim_logits, abuse_logits


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


def _one_round(
    train: Any,  # noqa: ANN401 - scipy
    labels: _Labels,
    test: Any,  # noqa: ANN401 - scipy
    cues: int,
    parameters: Parameters,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    claim, abuse = _fit_heads(train, labels, cues, parameters)
    return claim.decision_function(test), abuse.decision_function(test)


def _thresholds(
    claim_logits: NDArray[np.float64],
    abuse_logits: NDArray[np.float64],
    readings: Sequence[Reading],
    labels: _Labels,
    parameters: Parameters,
) -> Thresholds:
    from scipy.optimize import minimize, minimize_scalar

    claims, abuse, rows = labels.claims, labels.abuse, np.arange(len(labels.claims))

    def claim_loss(temperature: float) -> float:
        p, _ = calibrated(claim_logits, abuse_logits, Thresholds(temperature=temperature))
        return float(-np.log(p[rows, claims] + 1e-12).mean())

    def abuse_loss(values: NDArray[np.float64]) -> float:
        found = Thresholds(abuse_temperature=float(np.exp(values[0])), abuse_bias=float(values[1]))
        _, p = calibrated(claim_logits, abuse_logits, found)
        return float(-np.log(np.where(abuse, p, 1 - p) + 1e-12).mean())

    log_temperature, bias = minimize(abuse_loss, np.zeros(2), method="Nelder-Mead").x
    found = Thresholds(
        temperature=float(minimize_scalar(claim_loss, bounds=(0.05, 20), method="bounded").x),
        abuse_temperature=float(np.exp(log_temperature)),
        abuse_bias=float(bias),
        coverage=parameters.coverage,
    )
    p, p_abuse = calibrated(claim_logits, abuse_logits, found)
    p_abuse = with_words_to_point_to(readings, p_abuse)
    decidable = p_abuse > ABUSE_WITHOUT_CUE
    return replace(
        found,
        conformal=_conformal(p, claims, parameters.coverage),
        review=_lowest_threshold(p.max(axis=1), p.argmax(axis=1) == claims, parameters.review_accuracy, at_least=0),
        abuse=_lowest_threshold(p_abuse[decidable], abuse[decidable], parameters.abuse_precision, at_least=10),
    )


def _conformal(p: NDArray[np.float64], claims: NDArray[np.generic], coverage: float) -> tuple[float, ...]:
    """Return, for each class, the probability that all but 1 - coverage of its members reach.

    Class-conditional split conformal prediction (Vovk 2012, doi:10.1007/s10994-013-5355-6), with the finite-sample correction.
    """
    thresholds = []
    for index in range(len(CLAIMS)):
        scores = np.sort(p[claims == index, index])
        thresholds.append(float(scores[max(int(np.floor((1 - coverage) * (len(scores) + 1))) - 1, 0)]))
    return tuple(thresholds)


def _lowest_threshold(scores: NDArray[np.float64], right: NDArray[np.generic], wanted: float, at_least: int) -> float:
    """Return the lowest score such that, among all scores at or above it, the share that is right is at least `wanted`."""
    order = np.argsort(-scores, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(scores) + 1)
    good = np.flatnonzero((share >= wanted) & (np.arange(1, len(scores) + 1) >= at_least))
    return float(scores[order[good[-1]]]) if len(good) else 0.99
