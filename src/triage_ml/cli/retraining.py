"""Commands that turn the shop's labels into a better model: labels check looks at them, retrain learns, models compare."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triage_ml.cli import pages
from triage_ml.cli.learning import SHIPPED, announce, models_app
from triage_ml.cli.options import ByOption, DatabaseOption, JsonOption, open_store, training_part, who
from triage_ml.errors import TrainingDataError

if TYPE_CHECKING:
    from triage_ml.retraining.cleaning import Findings
    from triage_ml.retraining.comparison import Comparison
    from triage_ml.retraining.records import ShopRow
    from triage_ml.retraining.run import Retraining

app = typer.Typer()
labels_app = typer.Typer(no_args_is_help=True, help="The labels that the shop's models learn from.")
_NOT_PROPOSED = 3
_SHOWN = 20
LabelsOption = Annotated[
    Path | None,
    typer.Option("--labels", help="Labelled CSV or JSONL instead of the case record; with --database, beside it."),
]


@app.command()
def retrain(
    labels: LabelsOption = None,
    database: DatabaseOption = None,
    promote: Annotated[bool, typer.Option("--promote", help="Let the challenger count at once if it is proposed.")] = False,
    accept_conflicts: Annotated[
        bool, typer.Option("--accept-conflicts", help="Leave labels that contradict each other out instead of stopping.")
    ] = False,
    stop_at_doubts: Annotated[
        bool, typer.Option("--stop-at-doubts", help="Make no model where labels are likely wrong; they are listed either way.")
    ] = False,
    track: Annotated[bool, typer.Option("--track/--no-track", help="Keep an MLflow run of it (extra `mlflow`).")] = True,
    by: ByOption = "",
) -> None:
    """Train a challenger on the shop's labels and compare it with the champion; exit code 3 where it is not proposed."""
    from triage_ml.retraining import run
    from triage_ml.triage import find_model

    rows = _rows(labels, database)
    heed = _print_or_stop if stop_at_doubts else _print_findings
    with pages.waiting("retraining") as say:
        came = run.retrain(
            rows, find_model(), _training(), accept_conflicts=accept_conflicts, tracked=track, say=say, heed=heed
        )
    _print_used(came)
    if came.untracked:
        typer.echo(f"No MLflow run is kept: {came.untracked}", err=True)
    if came.comparison is None:
        typer.echo("Nothing to learn: no label that may be learned from. Label cases on the screen, or give --labels FILE.")
        return
    _print_comparison(came.comparison, came.champion, came.version)
    if not came.proposed:
        typer.echo(f"Not proposed. The champion still counts. To see this again: triage-ml models compare {came.version}")
        raise typer.Exit(_NOT_PROPOSED)
    if promote:
        _promote(came, who(by), database)
    else:
        typer.echo(f'Proposed. To let it count: triage-ml models promote {came.version} --why "..."')


@models_app.command("compare")
def compare(
    challenger: Annotated[str, typer.Argument(metavar="A", help="One of `triage-ml models list`.")],
    champion: Annotated[
        str, typer.Argument(metavar="[B]", help="The one to compare it with, or `shipped`. [default: the champion]")
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="On today's labels, also where A was compared with B when it was made.")
    ] = False,
    labels: LabelsOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two models on the same texts, none of which either has learned from, as `retrain` does."""
    from triage_ml import model_files
    from triage_ml.retraining.side_by_side import stored

    new, old = _model_folder(challenger), _model_folder(champion)
    versions = model_files.version(new), model_files.version(old)
    if versions[0] == versions[1]:
        raise typer.BadParameter(f"found {versions[0]} twice; expected two models", param_hint="A [B]")
    kept = None if again else stored(new, versions[1])
    found = kept or _compared(new, old, labels, database)
    if as_json:
        pages.print_json({"challenger": versions[0], "champion": versions[1], "stored": kept is not None, **asdict(found)})
        return
    _print_comparison(found, versions[1], versions[0])
    if kept:
        typer.echo(f"As it was when {versions[0]} was made. On today's labels: --again")
    typer.echo("It would be proposed." if found.promote else "It would not be proposed.")


def _model_folder(given: str) -> Path:
    """Return the folder of a model by its version, "" for the one that counts."""
    from triage_ml import champions
    from triage_ml.triage import find_model

    if given == SHIPPED:
        return champions.shipped()
    return champions.folder(given) if given else find_model()


def _compared(new: Path, old: Path, labels: Path | None, database: str | None) -> Comparison:
    from triage_ml.retraining.cleaning import find_conflicts, without
    from triage_ml.retraining.side_by_side import Contender, side_by_side

    rows = _rows(labels, database)
    with pages.waiting("comparing"):
        settled = without(rows, find_conflicts(rows))
        return side_by_side(Contender.load(old), Contender.load(new), settled, _training())


@labels_app.command("check")
def check(
    labels: LabelsOption = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="CSV to correct; `retrain --labels` and --database read it.")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """List labels that contradict each other, and labels that are likely wrong; takes about a minute."""
    from triage_ml.retraining.cleaning import write_findings
    from triage_ml.retraining.run import look

    rows = _rows(labels, database)
    with pages.waiting("looking") as say:
        found = look(rows, _training(), say)
    _print_findings(found)
    listed = sum(len(conflict.rows) for conflict in found.conflicts) + len(found.doubts)
    typer.echo(f"{len(rows):,} labels, {len(found.conflicts)} conflicts, {len(found.doubts)} that are likely wrong.")
    if output:
        write_findings(found, output)
        typer.echo(f"{listed} rows to correct: {output}. Then: triage-ml retrain --labels {output} --database ...")


def _training() -> Path:
    return training_part(None, "corpus").parent


def _rows(file: Path | None, database: str | None) -> list[ShopRow]:
    """Read the labels: of the record, of a file instead, or of both where both are named."""
    from triage_ml.cases.database import exists
    from triage_ml.retraining.labels import corrected, from_file, from_record

    own: list[ShopRow] = []
    if (file is None or database) and exists(database):
        with open_store(database) as store:
            own = from_record(store)
    if file is None:
        return own
    rows, rejects = from_file(file)
    if rejects.count:
        typer.echo(f"{rejects.count:,} rows cannot be learned from, each with its reason: {rejects.path}", err=True)
    return corrected(own, rows)


def _promote(came: Retraining, by: str, database: str | None) -> None:
    from triage_ml import champions

    why = f"retrain --promote: {came.comparison.reasons[0] if came.comparison else ''}"
    before = champions.champion()
    announce(champions.promote(came.version, by, why), before, database)
    typer.echo('To take it back: triage-ml models rollback --why "..."')


def _print_used(came: Retraining) -> None:
    used = came.counts
    typer.echo(
        f"{used['rows']:,} labels of the shop: {used['label']:,} given by a person, {used['decision']:,} from decisions, "
        f"{used['file']:,} from a file. {used['apart']:,} are set apart to compare, {used['learned']:,} are learned from."
    )


def _print_or_stop(found: Findings) -> None:
    _print_findings(found)
    if found.doubts:
        raise TrainingDataError(
            f"labels: found {len(found.doubts)} that are likely wrong; expected none with --stop-at-doubts. No model was made. "
            "Correct them (`triage-ml labels check -o FILE` writes them as a list), or leave that option out."
        )


def _print_findings(found: Findings) -> None:
    screen = pages.console()
    for number, conflict in enumerate(found.conflicts, 1):
        page = pages.table(f"conflict {number}", "label", "by", "text")
        for one in conflict.rows:
            page.add_row(one.case_id or one.row.id, one.label, one.by, one.row.text)
        screen.print(page)
    if found.doubts:
        page = pages.table("likely wrong", "label", "model says", "by", "text")
        for doubt in found.doubts[:_SHOWN]:
            one = doubt.row
            page.add_row(one.case_id or one.row.id, one.label, doubt.model.value, one.by, one.row.text)
        screen.print(page)
        if len(found.doubts) > _SHOWN:
            typer.echo(f"and {len(found.doubts) - _SHOWN} more: triage-ml labels check -o labels.csv")
    if found.not_looked_at:
        typer.echo(f"Not looked at: {found.not_looked_at}")


def _print_comparison(found: Comparison, champion: str, challenger: str) -> None:
    page = pages.table("on", "figure", "texts", f"champion {champion}", f"challenger {challenger}", "better by", "")
    for one in found.differences:
        figures = f"{one.champion:.3f}", f"{one.challenger:.3f}", f"{one.better:+.3f} [{one.interval}]"
        page.add_row(one.where, one.what, f"{one.texts:,}", *figures, one.verdict.value)
    screen = pages.console()
    screen.print(page, markup=False)
    for reason in found.reasons:
        typer.echo(f"- {reason}")
