"""One training run from folder to folder: read, learn, measure, write the model and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from triage_ml import model_files
from triage_ml.classifier import CLAIMS, Thresholds
from triage_ml.corpus import LabelledText, data_hash, group_counts, load_corpus
from triage_ml.learning import HeldOut, Progress, fit, load_parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a training run came to: counts, and figures on writers held out from learning."""

    rows: int
    writers: int
    macro_f1: float
    macro_f1_by_language: Mapping[str, float]
    macro_f1_by_writer: Mapping[str, float]
    abuse_precision: float
    abuse_recall: float
    needs_review: float

    @property
    def sentence(self) -> str:
        """The report in one line."""
        return (
            f"{self.rows:,} texts of {self.writers} writers; on held-out writers macro-F1 of the claim {self.macro_f1:.2f}, "
            f"abuse precision {self.abuse_precision:.2f} at recall {self.abuse_recall:.2f}, "
            f"{self.needs_review:.0%} left to a person"
        )


def train_folder(corpus: Path, out: Path, params: Path, say: Progress = lambda _: None) -> TrainingReport:
    """Read a corpus, learn, write the model folder, and report; what `triage-ml train` does."""
    rows, parameters = load_corpus(corpus), load_parameters(params)
    classifier, held_out = fit(rows, parameters, say)
    report = measure(rows, held_out, classifier.thresholds)
    facts = {
        "parameters": asdict(parameters),
        "held_out": asdict(report),
        "data_sha256": data_hash(rows),
        "counts": group_counts(rows),
        "versions": {name: version(name) for name in ("scikit-learn", "spacy", "numpy", "skops")},
    }
    say("writing the model")
    model_files.save(classifier, out, facts, card(report, facts))
    return report


def measure(rows: Sequence[LabelledText], held_out: HeldOut, thresholds: Thresholds) -> TrainingReport:
    """Compare held-out predictions with the labels."""
    claims = np.array([CLAIMS.index(r.claim) for r in rows])
    abuse = np.array([r.abuse for r in rows])
    guess, flagged = held_out.claims.argmax(axis=1), held_out.abuse >= thresholds.abuse

    def by(names: Sequence[str]) -> dict[str, float]:
        parts = {name: np.array([n == name for n in names]) for name in sorted(set(names))}
        return {name: _macro_f1(claims[part], guess[part]) for name, part in parts.items()}

    return TrainingReport(
        rows=len(rows),
        writers=len({r.group for r in rows}),
        macro_f1=_macro_f1(claims, guess),
        macro_f1_by_language=by([r.lang for r in rows]),
        macro_f1_by_writer=by([r.group for r in rows]),
        abuse_precision=float(abuse[flagged].mean()) if flagged.any() else 0.0,
        abuse_recall=float(flagged[abuse].mean()) if abuse.any() else 0.0,
        needs_review=float((held_out.claims.max(axis=1) < thresholds.review).mean()),
    )


def _macro_f1(truth: NDArray[np.int64], guess: NDArray[np.int64]) -> float:
    """Return macro-F1 over the classes that occur."""
    from sklearn.metrics import f1_score

    return float(f1_score(truth, guess, average="macro", labels=np.unique(truth), zero_division=0))


def card(report: TrainingReport, facts: Mapping[str, Any]) -> str:
    """Return the model card (Mitchell et al. 2019, doi:10.1145/3287560.3287596) as Markdown."""
    texts = {lang: sum(counts.values()) for lang, counts in facts["counts"].items()}
    languages = "\n".join(f"| {lang} | {texts[lang]} | {f1:.2f} |" for lang, f1 in report.macro_f1_by_language.items())
    writers = "\n".join(f"| {writer} | {f1:.2f} |" for writer, f1 in report.macro_f1_by_writer.items())
    return f"""# Model card

Sorts buyers' messages into quality, mismatch, subjective and other, and flags misuse of after-sales, for a person who decides.

Trained on {report.rows} messages of {report.writers} writers (corpus SHA-256 {facts["data_sha256"][:12]}), written for
this purpose: no real buyer's text.

| measured on writers held out from learning | |
|---|---|
| macro-F1 of the claim | {report.macro_f1:.3f} |
| precision of decided abuse | {report.abuse_precision:.3f} |
| recall of decided abuse | {report.abuse_recall:.3f} |
| share left to a person | {report.needs_review:.3f} |

| language | texts | macro-F1 |
|---|---|---|
{languages}

| writer | macro-F1 |
|---|---|
{writers}

The decision thresholds were set on these same held-out predictions, so precision and the share left to a person are
slightly flattered.

Limits: written texts differ from real inboxes; short texts without a reason stay unsure; seven languages only.
Not for: refusing anybody automatically, judging buyers as persons, sharing verdicts between shops.
"""
