"""Measure a trained model on labelled texts it was not trained on.

    python training/evaluate.py FILE.jsonl [--model DIR] [--errors]

Each line: {"lang": ..., "text": ..., "claim": ..., "abuse": ...}; other keys are ignored.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score

from triage_ml import Classifier, Prediction
from triage_ml.classifier import CLAIMS
from triage_ml.messages import Category
from triage_ml.model_files import load


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Return the mean distance between stated and reached accuracy over `bins` equal steps of confidence (Guo et al. 2017)."""
    step = np.minimum((confidence * bins).astype(int), bins - 1)
    parts = [(step == b) for b in range(bins) if (step == b).any()]
    return float(sum(abs(right[part].mean() - confidence[part].mean()) * part.mean() for part in parts))


def report(rows: list[dict], predictions: list[Prediction]) -> str:
    """Return the figures of all rows, and of each language, as lines."""
    truth = np.array([CLAIMS.index(r["claim"]) for r in rows])
    guess = np.array([CLAIMS.index(p.claim) for p in predictions])
    confidence = np.array([max(p.probabilities.values()) for p in predictions])
    right = truth == guess
    surest = np.argsort(-confidence, kind="stable")[: int(0.8 * len(rows))]
    covered = np.array([CLAIMS[t] in p.claim_set for t, p in zip(truth, predictions, strict=True)])
    abuse = np.array([bool(r["abuse"]) for r in rows])
    flagged = np.array([p.category is Category.ABUSE for p in predictions])
    f1 = f1_score(truth, guess, average=None, labels=range(len(CLAIMS)), zero_division=0)
    lines = [
        f"{len(rows)} texts: macro-F1 {f1.mean():.3f}, accuracy {right.mean():.3f}, "
        f"on the surest 80 % {right[surest].mean():.3f}",
        "F1 " + ", ".join(f"{claim} {value:.2f}" for claim, value in zip(CLAIMS, f1, strict=True)),
        f"calibration error {expected_calibration_error(confidence, right):.3f}; prediction sets cover {covered.mean():.3f}, "
        f"hold {np.mean([len(p.claim_set) for p in predictions]):.2f} claims",
        f"abuse: {abuse.sum()} are, {flagged.sum()} decided, {(abuse & flagged).sum()} of them right",
        f"left to a person {np.mean([p.category is Category.NEEDS_REVIEW for p in predictions]):.3f}",
        f"rows are, columns are judged {', '.join(CLAIMS)}:",
        str(confusion_matrix(truth, guess, labels=range(len(CLAIMS)))),
    ]
    for language in sorted({r["lang"] for r in rows}):
        here = np.array([r["lang"] == language for r in rows])
        value = f1_score(truth[here], guess[here], average="macro", labels=np.unique(truth[here]), zero_division=0)
        lines.append(f"{language}: {here.sum()} texts, macro-F1 of its classes {value:.3f}, accuracy {right[here].mean():.3f}")
    return "\n".join(lines)


def errors(rows: list[dict], predictions: list[Prediction]) -> str:
    """Return every wrong claim with its cues, the surest first."""
    wrong = [(r, p) for r, p in zip(rows, predictions, strict=True) if r["claim"] != p.claim]
    wrong.sort(key=lambda pair: -max(pair[1].probabilities.values()))
    return "\n".join(
        f"{r['claim']} -> {p.claim} {max(p.probabilities.values()):.2f} | {' '.join(p.text.split())} | "
        + "; ".join(f"{c.type}{'!' * c.negated}{'?' * c.asked} “{p.text[c.start : c.end]}”" for c in p.cues)
        for r, p in wrong
    )


def main() -> None:
    """Read the arguments, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", type=Path, default=Path("models") / "default")
    parser.add_argument("--errors", action="store_true")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.file.read_text("utf-8").splitlines() if line.strip()]
    classifier: Classifier = load(given.model)
    predictions = classifier.predict_many([r["text"] for r in rows])
    print(report(rows, predictions))
    if given.errors:
        print(errors(rows, predictions))


if __name__ == "__main__":
    main()
