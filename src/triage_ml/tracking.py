"""What an MLflow run keeps of a training and of an evaluation: figures, drawings, the model card, what was learned from.

`triage_ml.registry` writes it down; nothing here needs MLflow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np

from triage_ml import model_files, registry
from triage_ml.classifier import CLAIMS, decided, thresholds_from
from triage_ml.corpus import LabelledText, data_hash, group_counts
from triage_ml.evaluation import Evaluation, Figures, Judged
from triage_ml.evaluation_report import Section, write_report

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def track_training(folder: Path, rows: Sequence[LabelledText]) -> str:
    """Keep how a model was trained and what it reached on held-out writers; return the run's id.

    Parameters
    ----------
    folder
        The model's folder.
    rows
        What it was trained on.
    """
    return track_model("train", folder, held_out(folder, rows))


def track_model(
    name: str,
    folder: Path,
    section: Section,
    parameters: Mapping[str, object] = _NOTHING,
    metrics: Mapping[str, float] = _NOTHING,
    **tags: str,
) -> str:
    """Keep a model that was made: what its folder says of it, the drawings and the model card; return the run's id.

    Parameters
    ----------
    name
        What was done ("train", "retrain").
    folder
        The model's folder.
    section
        What is drawn: its figures on held-out writers.
    parameters, metrics, **tags
        What is kept beside that.
    """
    about = model_files.facts(folder)
    known = {"model": model_files.version(folder), "data_sha256": about["data_sha256"]}
    told = {**about["parameters"], **parameters}
    figures = {**registry.metrics_of(about["held_out"]), **_counted(about["counts"]), **metrics}
    with drawn(folder, section) as files:
        return registry.track(name, told, figures, files, **known, **tags)


def track_evaluation(folder: Path, section: Section, rows: Sequence[LabelledText]) -> str:
    """Keep what a model reached on some labelled texts; return the run's id.

    Parameters
    ----------
    folder
        The model's folder.
    section
        The figures and judgements.
    rows
        The texts.
    """
    tags = {"model": model_files.version(folder), "data_sha256": data_hash(rows)}
    metrics = {**registry.metrics_of(section.evaluation), **_counted(group_counts(rows))}
    with drawn(folder, section) as files:
        return registry.track("evaluate", {"texts": section.name}, metrics, files, **tags)


def _counted(counts: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """Return how many rows of each language and claim there are, by the names they have in a run."""
    return {f"rows.{language}.{claim}": n for language, claims in counts.items() for claim, n in claims.items()}


@contextmanager
def drawn(folder: Path, section: Section) -> Iterator[list[Path]]:
    """Draw a report and give what a run keeps beside its figures: the report's folder and the model card."""
    with TemporaryDirectory() as report:
        write_report(Path(report), f"Model {model_files.version(folder)}", [section])
        yield [Path(report), folder / "card.md"]


def held_out(folder: Path, rows: Sequence[LabelledText]) -> Section:
    """Return what models that had not seen its writer said of each row, as the model's folder keeps it, beside its label.

    Parameters
    ----------
    folder
        The model's folder.
    rows
        What it was trained on; those it keeps nothing of are left out.
    """
    about, said = model_files.facts(folder), model_files.held_out(folder)
    known = [row for row in rows if row.id in said]
    values = np.array([said[row.id] for row in known])
    claims, abuse, flagged = values[:, : len(CLAIMS)], values[:, len(CLAIMS)], values[:, len(CLAIMS) + 1] > 0
    inside, _, unsure = decided(claims, abuse, thresholds_from(about["thresholds"]))
    labels = np.array([CLAIMS.index(row.claim) for row in known])
    judged = Judged(labels, claims, inside, np.array([row.abuse for row in known]), abuse, flagged, unsure)
    figures = about["held_out"]
    parts = {kind: {name: _figures(one) for name, one in part.items()} for kind, part in figures["parts"].items()}
    return Section("held-out writers", Evaluation(_figures(figures["total"]), parts), judged)


def _figures(values: Mapping[str, Any]) -> Figures:
    """Read figures as `evaluation.as_json` writes them."""
    known: dict[str, Any] = {key: float("nan") if value is None else value for key, value in values.items()}
    return Figures(**known)
