"""From a text to a Prediction: what it claims, how sure that is, whether the behaviour in it misuses after-sales.

Three linear heads over one set of features (`triage_ml.features`). The claim head is a multinomial logistic regression
whose logits are divided by a temperature; the abuse head is a binary one, calibrated the same way; the reply heads say which
templates people answered such texts with. Temperatures, conformal thresholds and the two decision thresholds were found on
held-out writers by `triage_ml.learning` and are part of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from triage_ml.encoders import Encoder
from triage_ml.features import cue_columns, with_vectors
from triage_ml.heads import Heads
from triage_ml.language import detect_many
from triage_ml.messages import Category, Claim
from triage_ml.reply_model import Circumstances, beside, chances
from triage_ml.text import Cue, Reading, read_many
from triage_ml.vectorising import Vectoriser

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLAIMS = tuple(Claim)
# An accusation needs words to point to: without one of these cues abuse is at most possible, whatever the words weigh.
ABUSE_CUES = frozenset({"threat", "review_trade", "extra_demand", "no_proof", "misuse", "insult"})
ABUSE_WITHOUT_CUE = 0.49
# From here on abuse is possible, and a second person looks (rule A1 of `triage_ml.remedies`).
POSSIBLE_ABUSE = 0.5
# Measured on held-out writers: with these claims too, one of the first three replies is acceptable 1.5 points more often.
_POSSIBLE = 0.1


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one text claims.

    Parameters
    ----------
    claim
        The best guess, always filled.
    probabilities
        Calibrated probability of each claim; they sum to 1.
    claim_set
        The claims that, together, hold the true one with probability `coverage` whatever its class; best first.
    coverage
        The stated coverage of `claim_set`, a fraction.
    abuse
        Calibrated probability that the behaviour in the text misuses after-sales.
    category
        What a person is shown: abuse where decided, else the claim, else needs_review.
    language
        ISO 639-1 code the text was read in.
    text
        The cleaned text, to which the spans of `cues` refer.
    cues
        Spans in `text` that speak for something.
    replies
        Template id to the probability that a person would answer a text like this with it, conditions apart.
    follow_up
        How much the text reads like a later message of a thread, 0 to 1.
    """

    claim: Claim
    probabilities: Mapping[Claim, float]
    claim_set: tuple[Claim, ...]
    coverage: float
    abuse: float
    category: Category
    language: str
    text: str
    cues: tuple[Cue, ...]
    replies: Mapping[str, float] = field(default_factory=dict)
    follow_up: float = 0.0

    @property
    def possible(self) -> tuple[Claim, ...]:
        """The claims a person may yet find: the prediction set, and any other with at least one chance in ten; best first."""
        likely = (claim for claim, p in self.probabilities.items() if p >= _POSSIBLE)
        return tuple(dict.fromkeys((self.claim, *self.claim_set, *likely)))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The numbers that turn scores into decisions, all found on held-out writers.

    Parameters
    ----------
    temperature, abuse_temperature
        What the logits are divided by.
    abuse_bias
        Added to the abuse logit before division, since the head is trained with balanced weights.
    coverage
        Stated coverage of the prediction sets, a fraction.
    conformal
        For each claim in the order of `Claim`: it is in the set when its probability is at least this.
    abuse
        Abuse is decided at or above this probability.
    review
        Below this probability of the best guess, a person decides; always so where a text holds no letter.
    """

    temperature: float = 1.0
    abuse_temperature: float = 1.0
    abuse_bias: float = 0.0
    coverage: float = 0.9
    conformal: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
    abuse: float = 0.5
    review: float = 0.5


class Judge(Protocol):
    """Whatever can judge texts: the trained `Classifier`, or a `FixedClassifier` in tests."""

    version: str

    def predict_many(
        self,
        texts: Sequence[str],
        hints: Sequence[str] | None = None,
        circumstances: Sequence[Circumstances] | None = None,
    ) -> list[Prediction]:
        """Judge n texts; `hints` are the languages an export names, `circumstances` what is known beside the words."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The fitted scikit-learn parts of a classifier; of a loaded one what they have learned (`triage_ml.model_files.Learned`).

    Parameters
    ----------
    features
        Transformer from n readings to a sparse matrix of shape (n, n_features).
    claim, abuse
        Linear classifiers with `decision_function`, shapes (n, 4) in the order of `Claim`, and (n,).
    reply_words, reply_choice
        What `triage_ml.reply_model.fit_replies` returned.
    """

    features: Any
    claim: Any
    abuse: Any
    reply_words: Any
    reply_choice: Any


class Classifier:
    """The trained judge. Made by `triage_ml.learning.fit`, kept in a folder by `triage_ml.model_files`.

    Parameters
    ----------
    parts
        The fitted scikit-learn parts.
    thresholds
        The numbers that turn scores into decisions.
    reply_ids
        The template ids that the reply head's columns stand for.
    version
        Names this model in every record: the first 12 digits of the hash over its parts.
    encoder
        What it was trained with beside words and cues, if anything.
    """

    def __init__(
        self,
        parts: Parts,
        thresholds: Thresholds,
        reply_ids: Sequence[str] = (),
        version: str = "unsaved",
        encoder: Encoder | None = None,
    ) -> None:
        self.parts, self.thresholds = parts, thresholds
        self.reply_ids, self.version, self.encoder = tuple(reply_ids), version, encoder

    @cached_property
    def _vectoriser(self) -> Vectoriser:
        return Vectoriser(self.parts.features)

    @cached_property
    def _heads(self) -> Heads:
        parts = self.parts
        return Heads(parts.claim, parts.abuse, parts.reply_words, parts.reply_choice, len(cue_columns(parts.features)))

    def predict(self, text: str, hint: str = "") -> Prediction:
        """Judge one text; `predict_many` for one."""
        return self.predict_many([text], [hint])[0]

    def predict_many(
        self,
        texts: Sequence[str],
        hints: Sequence[str] | None = None,
        circumstances: Sequence[Circumstances] | None = None,
    ) -> list[Prediction]:
        """Judge n texts.

        Parameters
        ----------
        texts
            n texts, any of the served languages, any length.
        hints
            n language codes that the export names, each possibly empty; only used where a text has nothing to go by.
        circumstances
            What is known of each message beside its words; it changes which replies fit, never what is claimed.

        Returns
        -------
        list of Prediction
            n predictions, in order.
        """
        if not texts:
            return []
        languages = detect_many(texts, hints or [""] * len(texts))
        readings = read_many(texts, languages)
        matrix = with_vectors(self._vectoriser.transform(readings), self.encoder, readings)
        claim_logits, abuse_logits, regressed, from_cues = self._heads.scores(matrix)
        claims, abuse = calibrated(claim_logits, abuse_logits, self.thresholds)
        abuse = capped(abuse, words_to_point_to(readings))
        known = beside((claims, abuse), circumstances or [Circumstances()] * len(texts))
        replies, follow_up = chances(regressed, None if from_cues is None else from_cues + known @ self._heads.known)
        inside, flagged, unsure = decided(claims, abuse, self.thresholds)
        best_first = np.argsort(-claims, axis=1, kind="stable")
        categories = [
            Category.ABUSE if bad
            else Category.NEEDS_REVIEW if open_ or not any(map(str.isalpha, reading.text))
            else Category(CLAIMS[order[0]])
            for reading, order, bad, open_ in zip(readings, best_first, flagged, unsure, strict=True)
        ]  # fmt: skip
        return [
            Prediction(
                claim=CLAIMS[order[0]],
                probabilities=dict(zip(CLAIMS, p, strict=True)),
                claim_set=tuple(CLAIMS[i] for i in order if members[i]),
                coverage=self.thresholds.coverage,
                abuse=abusive,
                category=category,
                language=reading.language,
                text=reading.text,
                cues=reading.cues,
                replies=dict(zip(self.reply_ids, fitting, strict=True)),
                follow_up=later,
            )
            for reading, order, p, members, abusive, category, fitting, later in zip(
                readings, best_first.tolist(), claims.tolist(), inside.tolist(), abuse.tolist(), categories,
                replies.tolist(), follow_up.tolist(), strict=True,
            )
        ]  # fmt: skip


class FixedClassifier:
    """A judge that always says the same: a stand-in for tests and for trying out a policy."""

    version = "fixed"

    def __init__(self, claim: Claim = Claim.QUALITY, probability: float = 0.91, abuse: float = 0.01) -> None:
        self.claim, self.probability, self.abuse = claim, probability, abuse

    def predict_many(
        self,
        texts: Sequence[str],
        hints: Sequence[str] | None = None,
        circumstances: Sequence[Circumstances] | None = None,
    ) -> list[Prediction]:
        """Return the fixed claim for each text, with its real language and cues."""
        rest = (1 - self.probability) / (len(CLAIMS) - 1)
        languages = detect_many(texts, hints or [""] * len(texts))
        return [
            Prediction(
                claim=self.claim,
                probabilities={c: self.probability if c is self.claim else rest for c in CLAIMS},
                claim_set=(self.claim,),
                coverage=0.9,
                abuse=self.abuse,
                category=Category.ABUSE if self.abuse >= 0.5 else Category(self.claim),
                language=reading.language,
                text=reading.text,
                cues=reading.cues,
            )
            for reading in read_many(texts, languages)
        ]


def calibrated(
    claim_logits: NDArray[np.float64], abuse_logits: NDArray[np.float64], thresholds: Thresholds
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn raw scores, shapes (n, 4) and (n,), into calibrated probabilities of the same shapes."""
    scaled = claim_logits / thresholds.temperature
    exp = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    abuse = 1 / (1 + np.exp(-(abuse_logits + thresholds.abuse_bias) / thresholds.abuse_temperature))
    return exp / exp.sum(axis=1, keepdims=True), abuse


def decided(
    claims: NDArray[np.float64], abuse: NDArray[np.float64], thresholds: Thresholds
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Say what calibrated probabilities, shapes (n, 4) and (n,), decide.

    Returns
    -------
    arrays of shape (n, 4), (n,), (n,)
        Which claims are in the prediction set; what is abuse; where the claim is left to a person.
    """
    inside = claims >= np.array(thresholds.conformal)
    # The guess belongs to its own set even where no class passes its threshold.
    nothing = ~inside.any(axis=1)
    inside[nothing, claims[nothing].argmax(axis=1)] = True
    return inside, abuse >= thresholds.abuse, claims.max(axis=1) < thresholds.review


def words_to_point_to(readings: Sequence[Reading]) -> NDArray[np.bool_]:
    """Say, shape (n,), which readings hold a cue of abuse."""
    return np.array([any(c.type in ABUSE_CUES and not c.negated for c in r.cues) for r in readings], dtype=bool)


def capped(abuse: NDArray[np.float64], pointed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Cap the abuse probability where there are no words to point to; all of shape (n,)."""
    return np.where(pointed, abuse, np.minimum(abuse, ABUSE_WITHOUT_CUE))


def thresholds_from(values: Mapping[str, Any]) -> Thresholds:
    """Build Thresholds from what `thresholds_to` wrote."""
    return Thresholds(**{**values, "conformal": tuple(values["conformal"])})


def thresholds_to(thresholds: Thresholds) -> dict[str, Any]:
    """Return Thresholds as plain JSON values."""
    return asdict(thresholds)
