"""What the Model page has done in the background: counting labels, retraining, looking for drift, reading runs, MLflow's alias.

Nothing here draws. A promotion is said to the record's ledger at once, to MLflow afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import session
import watching
from jobs import Job
from triage_ml import champions, model_files, registry
from triage_ml.cases import Label
from triage_ml.cli.options import checkout_with
from triage_ml.insights.overview import entries_of_record
from triage_ml.messages import Claim
from triage_ml.retraining.records import ShopRow, counts
from triage_ml.triage import find_model

if TYPE_CHECKING:
    from triage_ml.champions import Promotion
    from triage_ml.drift import Drift
    from triage_ml.registry import Run
    from triage_ml.retraining.cleaning import Conflict, Findings
    from triage_ml.retraining.run import Retraining

SHIPPED = "shipped"
RUNS = 20
# How far a retraining is when it says what it does next, by how that begins.
_SHARES = (
    ("reading", 0.03), ("judging", 0.1), ("measuring", 0.08), ("learning", 0.7), ("comparing", 0.85), ("writing", 0.96),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of the record as they stood when its ledger had so many entries.

    Parameters
    ----------
    entries
        So many.
    rows
        Every label and decision that can be learned from, or is set apart.
    conflicts
        Those that contradict each other.
    """

    entries: int
    rows: tuple[ShopRow, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many there are, by origin, and how many are set apart."""
        return counts(self.rows)

    def stands(self, row: ShopRow) -> bool:
        """Say whether a label is still the one that counts for its message."""
        return any(one.row.id == row.row.id and one.at == row.at for one in self.rows)


def training_folder() -> Path | None:
    """Return the folder with the corpus, None where this is no checkout of the project."""
    root = checkout_with("training/corpus")
    return root / "training" if root else None


def job(what: str) -> Job | None:
    """Return the work of that name that this person began: "labels", "train", "drift", "runs" or "alias"."""
    return session.jobs().get(watching.key(f"model-{what}"))


# --- which model counts


def promote(version: str, why: str) -> Promotion:
    """Let a model count, and say so to the record's ledger and to MLflow.

    Raises
    ------
    TriageError
        Where it may not count, or the ledger could not be written.
    """
    before = champions.champion()
    return _announced(champions.promote(version, session.person(), why), before)


def roll_back(why: str) -> Promotion:
    """Let the model before the champion count again, and say so as `promote` does.

    Raises
    ------
    TriageError
        Where nothing can be taken back, or the ledger could not be written.
    """
    before = champions.champion()
    return _announced(champions.rollback(session.person(), why), before)


def _announced(promotion: Promotion, before: str) -> Promotion:
    facts = {"step": promotion.step.value, "version": promotion.version or SHIPPED, "before": before or SHIPPED}
    session.store().note_model(promotion.by, {**facts, "why": promotion.why})
    if registry.in_use():
        _start("alias", lambda _: registry.point("champion", promotion.version or model_files.version(find_model())))
    return promotion


# --- labels and retraining


def count_labels() -> Job:
    """Begin to read the labels of the record and to look for contradictions."""
    store = session.store()

    def work(job: Job) -> Labels:
        from triage_ml.retraining.cleaning import find_conflicts
        from triage_ml.retraining.labels import from_record

        entries = entries_of_record(store)
        rows = from_record(store)
        job.check()
        return Labels(entries, tuple(rows), find_conflicts(rows))

    return _start("labels", work)


def are_old(labels: Labels) -> bool:
    """Say whether something was recorded since the labels were read."""
    return entries_of_record(session.store()) != labels.entries


def retrain(training: Path, *, accept_conflicts: bool) -> Job:
    """Begin to train a challenger on the labels and to compare it with the champion."""
    store, say = session.store(), session.say()

    def work(job: Job) -> Retraining:
        from triage_ml.retraining import run
        from triage_ml.retraining.labels import from_record

        tell = _teller(job, say.sentence)
        return run.retrain(from_record(store), find_model(), training, accept_conflicts=accept_conflicts, say=tell)

    return _start("train", work)


def look(training: Path) -> Job:
    """Begin to look for labels that are likely wrong."""
    store, say = session.store(), session.say()

    def work(job: Job) -> Findings:
        from triage_ml.retraining import run
        from triage_ml.retraining.labels import from_record

        return run.look(from_record(store), training, _teller(job, say.sentence))

    return _start("train", work)


def relabel(row: ShopRow, claim: Claim, *, abuse: bool) -> None:
    """Record another label on the message of a row.

    Raises
    ------
    CaseError
        Where it cannot be recorded.
    """
    message = int(row.row.id.rpartition("-")[2])
    session.store().label(row.case_id, Label(session.person(), claim, abuse, message_id=message))


# --- drift and runs


def look_for_drift(weeks: int) -> Job:
    """Begin to compare the last weeks with those before."""
    store, say = session.store(), session.say()

    def work(job: Job) -> Drift:
        from triage_ml.drift import Drift

        def progress(share: float, messages: int) -> None:
            job.tell(share, say("model_drift.so_far", count=f"{messages:,}"))

        model = find_model()
        learned: Mapping[str, float] = model_files.facts(model).get("unknown_words", {})
        return Drift.of(store, model_files.load(model), weeks, learned=learned, progress=progress)

    return _start("drift", work)


def read_runs() -> Job:
    """Begin to read the last MLflow runs."""

    def work(_: Job) -> list[Run]:
        return registry.runs(RUNS)

    return _start("runs", work)


def _start(what: str, work: Callable[[Job], object]) -> Job:
    return session.jobs().start(watching.key(f"model-{what}"), session.say()(f"model_job.{what}"), work)


def _teller(job: Job, sentence: Callable[[str], str]) -> Callable[[str], None]:
    def tell(text: str) -> None:
        share = next((share for start, share in _SHARES if text.startswith(start)), job.share)
        job.tell(share, sentence(text))

    return tell
