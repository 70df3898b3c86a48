"""From labels to a challenger that stands beside the champion: look at the labels, learn, compare, keep. Never promotes.

The challenger is made in a hidden folder and appears in one step, whole; whoever stops this leaves everything as it was.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from triage_ml import champions, model_files
from triage_ml.corpus import LabelledText, load_corpus
from triage_ml.errors import MissingExtraError, TrainingDataError, TriageError
from triage_ml.evaluation import Judged, evaluate
from triage_ml.evaluation_report import Section
from triage_ml.learning import Progress, deal, fit, held_out, load_parameters, tabulate
from triage_ml.retraining.choosing import expectations, voted
from triage_ml.retraining.cleaning import Conflict, Findings, find_conflicts, find_doubts, without
from triage_ml.retraining.comparison import CORPUS, SLICE, Comparison, Margins
from triage_ml.retraining.labels import learnable
from triage_ml.retraining.records import ShopRow, counts
from triage_ml.retraining.side_by_side import Contender, side_by_side
from triage_ml.training_run import by_id, card, facts_of, goals_beside

if TYPE_CHECKING:
    from triage_ml.classifier import Classifier

_UNFINISHED = ".retrain-"
# How the sets are called in the names of figures.
_PLACES = {SLICE: "slice", CORPUS: "corpus"}


@dataclass(frozen=True, slots=True)
class Retraining:
    """What came of a retraining.

    Parameters
    ----------
    champion
        The version that counts, unchanged.
    counts
        How many rows the shop has, by origin, how many of them are set apart, and how many were learned from.
    findings
        What a person should look at in the labels.
    version
        The challenger, "" where there was nothing to learn.
    folder
        Where it stands, None without one.
    comparison
        Champion against challenger, None without one.
    run_id
        The MLflow run, "" where none is kept.
    untracked
        Why none is kept though it was asked for, "" else.
    """

    champion: str
    counts: Mapping[str, int]
    findings: Findings = field(default_factory=Findings)
    version: str = ""
    folder: Path | None = None
    comparison: Comparison | None = None
    run_id: str = ""
    untracked: str = ""

    @property
    def proposed(self) -> bool:
        """Whether the challenger should become the champion."""
        return self.comparison is not None and self.comparison.promote


def look(rows: Sequence[ShopRow], training: Path, say: Progress = lambda _: None) -> Findings:
    """Return what a person should look at in a shop's labels before they are learned from.

    Parameters
    ----------
    rows
        The shop's rows.
    training
        A checkout's folder `training`: corpus and parameters.
    say
        Told what is being done, a few words at a time.
    """
    if not rows:
        return Findings()
    say("judging every label by models that have not seen it")
    parameters = load_parameters(training / "params.toml")
    texts = [*load_corpus(training / "corpus"), *(one.row for one in rows)]
    table, _, _ = tabulate(texts, parameters)
    said = held_out(table, deal([row.group for row in texts], parameters.folds), parameters)
    return replace(_doubted(rows, texts, said), conflicts=find_conflicts(rows))


def retrain(
    rows: Sequence[ShopRow],
    champion: Path,
    training: Path,
    *,
    accept_conflicts: bool = False,
    tracked: bool = True,
    margins: Margins = Margins(),  # noqa: B008 - frozen
    say: Progress = lambda _: None,
    heed: Callable[[Findings], None] = lambda _: None,
) -> Retraining:
    """Train a challenger on the corpus and a shop's labels, compare it with the champion, and keep it; promotes nothing.

    Parameters
    ----------
    rows
        The shop's rows; those set apart only compare.
    champion
        The folder of the model that counts.
    training
        A checkout's folder `training`: corpus, held-out texts, parameters, behaviour checks.
    accept_conflicts
        Leave rows that contradict each other out instead of stopping.
    tracked
        Whether to keep it as an MLflow run, where MLflow is installed.
    margins
        What a proposed challenger may lose.
    say
        Told what is being done, a few words at a time.
    heed
        Told what a person should look at as soon as it is known: contradictions first, labels that are likely wrong once every
        label was judged. What it raises ends the retraining.

    Raises
    ------
    TrainingDataError
        Where rows contradict each other.
    ModelError
        Where another retraining is under way, or the champion cannot be used.
    """
    with champions.alone():
        _sweep()
        old = Contender.load(champion)
        conflicts = _settled(rows, heed, accept_conflicts=accept_conflicts)
        rows = voted(rows, expectations(rows, old.classifier))
        kept = without(rows, conflicts)
        own = learnable(kept)
        came = Retraining(old.classifier.version, {**counts(rows), "learned": len(own)}, Findings(conflicts))
        if not own:
            return came
        corpus, parameters = load_corpus(training / "corpus"), load_parameters(training / "params.toml")
        texts = [*corpus, *own]

        def look_at(said: Judged) -> None:
            nonlocal came
            doubted = _doubted(kept, texts, said)
            came = replace(came, findings=replace(doubted, conflicts=conflicts))
            heed(doubted)

        new, said = fit(texts, parameters, say, old.classifier.encoder, look_at)
        say("comparing with the champion")
        answers = by_id(corpus, said.part(np.arange(len(texts)) < len(corpus)))
        comparison = side_by_side(old, Contender(new, answers), kept, training, margins)
        came = replace(came, comparison=comparison)
        say("writing the challenger")
        found = evaluate(_without_buyers(texts, len(corpus)), said)
        facts = {**facts_of(texts, parameters, found, new), **_facts(came)}
        folder = _keep(new, facts, card(found, facts, goals_beside(training / "params.toml")), answers)
        came = replace(came, version=folder.name, folder=folder)
        return _track(Section("held-out writers", found, said), came) if tracked else came


def _settled(rows: Sequence[ShopRow], heed: Callable[[Findings], None], *, accept_conflicts: bool) -> tuple[Conflict, ...]:
    """Return the contradictions after they were told; they end it unless they are accepted."""
    conflicts = find_conflicts(rows)
    if conflicts:
        heed(Findings(conflicts))
    if conflicts and not accept_conflicts:
        raise TrainingDataError(
            f"labels: found {len(conflicts)} groups of messages that say the same and are labelled differently; expected "
            "one label for each. `triage-ml labels check` lists them: correct them, or leave them out with "
            "--accept-conflicts."
        )
    return conflicts


def _facts(came: Retraining) -> dict[str, Any]:
    """Return what model.json says of a retraining beside what it says of every training."""
    return {"shop": came.counts, "champion": came.champion, "comparison": asdict(came.comparison) if came.comparison else {}}


def _doubted(own: Sequence[ShopRow], texts: Sequence[LabelledText], said: Judged) -> Findings:
    """Look for likely label errors among what was cross-validated."""
    try:
        return Findings(doubts=find_doubts(texts, said, own))
    except MissingExtraError as error:
        return Findings(not_looked_at=str(error))


def _without_buyers(texts: Sequence[LabelledText], corpus: int) -> list[LabelledText]:
    """Return the rows with all of the shop's buyers as one writer: the figures that a model carries name nobody."""
    return [*texts[:corpus], *(replace(row, group=f"{row.lang} shop", voice="shop") for row in texts[corpus:])]


def _keep(model: Classifier, facts: Mapping[str, Any], about: str, held_out: model_files.HeldOut) -> Path:
    """Write the challenger and let it appear whole; the same model is there already where nothing new was learned."""
    with tempfile.TemporaryDirectory(dir=champions.models(), prefix=_UNFINISHED) as name:
        written = Path(name) / "model"
        model_files.save(model, written, facts, about, held_out)
        folder = champions.models() / model_files.version(written)
        if not folder.exists():
            written.rename(folder)
    return folder


def _sweep() -> None:
    """Take away what a retraining that was stopped has left; nobody else is at it."""
    for left in champions.models().glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)


def _track(section: Section, came: Retraining) -> Retraining:
    """Keep the run and register the model; without MLflow, or where its store cannot be reached, there is none."""
    from triage_ml import registry
    from triage_ml.tracking import track_model

    if came.folder is None or came.comparison is None:
        return came
    told = {f"shop_{key}": count for key, count in came.counts.items()}
    ahead = {f"better.{_PLACES.get(one.where, one.where)}.{one.what}": one.better for one in came.comparison.differences}
    metrics = {name.replace(" ", "_"): value for name, value in ahead.items()}
    tags = {"champion": came.champion, "proposed": str(came.proposed).lower()}
    try:
        run_id = track_model("retrain", came.folder, section, told, metrics, **tags)
        registry.register(came.folder, run_id)
        registry.point("challenger", came.version)
    except TriageError as error:
        return replace(came, untracked=str(error))
    return replace(came, run_id=run_id)
