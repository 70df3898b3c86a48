"""One training run from folder to folder: read, learn, measure, write the model and its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from triage_ml import model_files
from triage_ml.classifier import Classifier
from triage_ml.corpus import LabelledText, data_hash, group_counts, load_corpus
from triage_ml.encoders import Encoder
from triage_ml.evaluation import Evaluation, Judged, as_json, evaluate
from triage_ml.learning import Parameters, Progress, fit, load_parameters
from triage_ml.vocabulary import unknown_words


def train_folder(
    corpus: Path, out: Path, params: Path, say: Progress = lambda _: None, encoder: Encoder | None = None
) -> Evaluation:
    """Read a corpus, learn, write the model folder, and report on held-out writers; what `triage-ml train` does."""
    rows, parameters = load_corpus(corpus), load_parameters(params)
    classifier, held_out = fit(rows, parameters, say, encoder)
    found = evaluate(rows, held_out)
    facts = facts_of(rows, parameters, found, classifier)
    say("writing the model")
    model_files.save(classifier, out, facts, card(found, facts, goals_beside(params)), by_id(rows, held_out))
    return found


def facts_of(rows: Sequence[LabelledText], parameters: Parameters, found: Evaluation, classifier: Classifier) -> dict[str, Any]:
    """Return what model.json says of a training run.

    That is: parameters, figures on held-out writers, hash and counts of the rows, how many unknown words are to be expected by
    language (what `triage-ml drift` holds a shop's messages against), versions.
    """
    return {
        "parameters": asdict(parameters),
        "held_out": as_json(found),
        "data_sha256": data_hash(rows),
        "counts": group_counts(rows),
        "unknown_words": unknown_words(rows, classifier),
        "versions": {name: version(name) for name in ("scikit-learn", "spacy", "numpy", "skops")},
    }


def by_id(rows: Sequence[LabelledText], held_out: Judged) -> dict[str, list[float]]:
    """Return what was said of each row held out, as `model_files.HeldOut`; rows whose id is not theirs alone are left out."""
    times = Counter(row.id for row in rows)
    said = np.column_stack([held_out.probabilities, held_out.abuse_probability, held_out.flagged])
    return {row.id: values for row, values in zip(rows, said.tolist(), strict=True) if times[row.id] == 1}


def goals_beside(params: Path) -> str:
    """Return the table that `training/evaluate.py` wrote last beside the parameters, "" without any."""
    goals = params.with_name("goals.md")
    return goals.read_text("utf-8") if goals.exists() else ""


def in_one_line(found: Evaluation) -> str:
    """Return what a training run came to as one sentence."""
    total = found.total
    return (
        f"{total.texts:,} texts of {len(found.parts['writer'])} writers; on held-out writers macro-F1 of the claim "
        f"{total.macro_f1:.2f}, abuse precision {total.abuse_precision:.2f} at recall {total.abuse_recall:.2f}, "
        f"{total.unsure:.0%} left to a person"
    )


def card(found: Evaluation, facts: Mapping[str, Any], goals: str) -> str:
    """Return the model card (Mitchell et al. 2019, doi:10.1145/3287560.3287596) as Markdown.

    Parameters
    ----------
    found
        Figures on held-out writers.
    facts
        What model.json will say; "shop" counts the rows of a shop among what it learned from.
    goals
        The table that `training/evaluate.py` wrote last, Markdown; may be empty.
    """
    total = found.total
    tables = "\n\n".join(
        f"| {kind} | texts | macro-F1 | accuracy | surest 80 % | ECE | sets cover |\n|---|---|---|---|---|---|---|\n"
        + "\n".join(
            f"| {name} | {f.texts} | {f.macro_f1:.2f} | {f.accuracy:.2f} | {f.accuracy_surest:.2f} | {f.calibration_error:.3f} "
            f"| {f.coverage:.2f} |"
            for name, f in parts.items()
        )
        for kind, parts in found.parts.items()
    )
    by_claim = ", ".join(f"{claim} {value:.2f}" for claim, value in total.f1.items())
    own = facts.get("shop", {}).get("learned", 0)
    whose = (
        f"{own} of them a shop's, labelled by its people, without the personal data that was found; the others " if own else ""
    )
    return f"""# Model card

Sorts buyers' messages into quality, mismatch, subjective and other, and flags misuse of after-sales, for a person who decides.

Trained on {total.texts} messages of {len(found.parts["writer"])} writers (SHA-256 {facts["data_sha256"][:12]}); {whose}written
for this purpose: no real buyer's text.

| measured on writers held out from learning and from thresholds | |
|---|---|
| macro-F1 of the claim | {total.macro_f1:.3f} ({by_claim}) |
| accuracy; on the surest 80 % | {total.accuracy:.3f}; {total.accuracy_surest:.3f} |
| expected calibration error (ECE) | {total.calibration_error:.3f} |
| sets stated at {facts["parameters"]["coverage"]:.0%}: cover; hold | {total.coverage:.3f}; {total.set_size:.2f} claims |
| abuse decided: precision, recall | {total.abuse_precision:.3f}, {total.abuse_recall:.3f} of {total.abuse} |
| share left to a person | {total.unsure:.3f} |

{tables}

These figures are flattered: the cue lexicons were refined by people who had read parts of the corpus.

{goals.strip() or "No table of goals yet: `python training/evaluate.py` writes it."}

Limits: written texts differ from real inboxes; short texts without a reason stay unsure; seven languages only.
Not for: refusing anybody automatically, judging buyers as persons, sharing verdicts between shops.
"""
