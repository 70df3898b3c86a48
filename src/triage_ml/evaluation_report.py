"""An evaluation to look at: figures as PNG, one HTML page, and the numbers as JSON for programs.

folder/report.html      everything on one page
       figures.json     the same numbers
       *.png            confusion, reliability, risk-coverage, abuse precision-recall, learning curves
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from triage_ml.classifier import CLAIMS
from triage_ml.errors import MissingExtraError
from triage_ml.evaluation import Evaluation, Judged, as_json, reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Points of a learning curve: how many texts were learned from, and the macro-F1 reached.
Curve = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Section:
    """One set of texts: its name, its figures, the judgements behind them, and its errors as `evaluation.errors` lists them."""

    name: str
    evaluation: Evaluation
    judged: Judged
    errors: Sequence[Mapping[str, Any]] = field(default_factory=list)


def write_report(
    folder: Path, title: str, sections: Sequence[Section], curves: Mapping[str, Mapping[str, Curve]] | None = None
) -> Path:
    """Write a report and return the path of its page.

    Parameters
    ----------
    folder
        Made if it is not there; files of an earlier report are written over.
    title
        What was measured, such as the model's version.
    sections
        One for each set of texts.
    curves
        Name of a figure to its named curves.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = []
    for number, section in enumerate(sections, 1):
        figures = [(_draw(folder / f"{number}-{name}.png", paint, section.judged), title) for name, title, paint in _FIGURES]
        pages.append((section, figures))
    drawn = [
        (_draw(folder / f"curve-{n}.png", _paint_curves, named), name)
        for n, (name, named) in enumerate((curves or {}).items(), 1)
    ]
    numbers = {"title": title, "sections": {s.name: as_json(s.evaluation) for s in sections}, "curves": dict(curves or {})}
    (folder / "figures.json").write_text(json.dumps(numbers, indent=2, ensure_ascii=False) + "\n", "utf-8")
    page = folder / "report.html"
    page.write_text(_template().render(title=title, pages=pages, curves=drawn, claims=CLAIMS), "utf-8")
    return page


def _draw(path: Path, paint: Any, what: Any) -> str:  # noqa: ANN401 - one of the painters below and what it paints
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("figures", "mlflow") from error

    # A Figure of its own, never pyplot: nothing global, no screen needed.
    figure = Figure(figsize=(4.6, 3.6), layout="constrained")
    paint(figure.add_subplot(), what)
    figure.savefig(path, dpi=110)
    return path.name


def _paint_confusion(axes: Axes, found: Judged) -> None:
    counts = np.zeros((len(CLAIMS), len(CLAIMS)), dtype=int)
    np.add.at(counts, (found.claim, found.guess), 1)
    axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row, str(count), ha="center", va="center", color="white" if row == column else "black")
    axes.set_xticks(range(len(CLAIMS)), CLAIMS)
    axes.set_yticks(range(len(CLAIMS)), CLAIMS)
    axes.set_xlabel("judged")
    axes.set_ylabel("is")


def _paint_reliability(axes: Axes, found: Judged) -> None:
    stated, reached, share = np.array(list(reliability(found.confidence, found.right))).T
    axes.plot([0.25, 1], [0.25, 1], color="grey", linestyle="--", linewidth=1)
    axes.plot(stated, reached, marker="o")
    axes.bar(stated, share, width=0.04, alpha=0.3)
    axes.set_xlabel("stated probability of the best guess")
    axes.set_ylabel("share that is right (bars: share of texts)")


def _paint_risk(axes: Axes, found: Judged) -> None:
    wrong = ~found.right[np.argsort(-found.confidence, kind="stable")]
    kept = np.arange(1, len(wrong) + 1)
    axes.plot(kept / len(wrong), np.cumsum(wrong) / kept)
    axes.set_xlabel("share of texts decided, the surest first")
    axes.set_ylabel("share of these that is wrong")


def _paint_abuse(axes: Axes, found: Judged) -> None:
    hits = found.abuse[np.argsort(-found.abuse_probability, kind="stable")]
    if hits.any():
        axes.plot(np.cumsum(hits) / hits.sum(), np.cumsum(hits) / np.arange(1, len(hits) + 1))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")


def _paint_curves(axes: Axes, curves: Mapping[str, Curve]) -> None:
    for name, points in curves.items():
        axes.plot(*np.array(points).T, marker="o", label=name)
    axes.set_xlabel("texts learned from")
    axes.set_ylabel("macro-F1 of the claim")
    axes.legend()


_FIGURES = (
    ("confusion", "Confusion matrix", _paint_confusion),
    ("reliability", "Reliability", _paint_reliability),
    ("risk-coverage", "Risk and coverage", _paint_risk),
    ("abuse", "Abuse: precision and recall", _paint_abuse),
)


def summary(found: Evaluation) -> Iterator[tuple[str, str]]:
    """Yield what is measured and the figure, as a person reads it."""
    total = found.total
    yield "texts", f"{total.texts:,}"
    yield "macro-F1 of the claim", f"{total.macro_f1:.3f}"
    yield "F1 of each claim", ", ".join(f"{claim} {value:.2f}" for claim, value in total.f1.items())
    yield "accuracy; on the surest 80 %", f"{total.accuracy:.3f}; {total.accuracy_surest:.3f}"
    yield "expected calibration error", f"{total.calibration_error:.3f}"
    yield "prediction sets: cover; hold", f"{total.coverage:.3f}; {total.set_size:.2f} claims"
    yield "abuse: labelled; decided", f"{total.abuse}; {total.flagged}"
    yield "abuse: precision; recall", f"{total.abuse_precision:.3f}; {total.abuse_recall:.3f}"
    yield "left to a person", f"{total.unsure:.3f}"


def _template() -> Any:  # noqa: ANN401 - jinja2.Template
    from jinja2 import Environment

    # Buyers' texts stand on this page: everything is escaped.
    environment = Environment(autoescape=True)
    environment.globals["summary"] = summary
    return environment.from_string((files("triage_ml") / "data" / "report.html").read_text("utf-8"))
