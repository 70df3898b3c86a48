"""Commands that turn the shop's labels into a better model: retrain, and labels check, which looks at them first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triage_ml.cli import pages
from triage_ml.cli.options import ByOption, DatabaseOption, open_store, training_part, who

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
    by: ByOption = "",
) -> None:
    """Train a challenger on the shop's labels and compare it with the champion; exit code 3 where it is not proposed."""
    from triage_ml.retraining import run
    from triage_ml.triage import find_model

    rows = _rows(labels, database)
    with pages.waiting("retraining") as say:
        came = run.retrain(rows, find_model(), _training(), accept_conflicts=accept_conflicts, say=say)
    _print_used(came)
    _print_findings(came.findings)
    if came.comparison is None:
        typer.echo("Nothing to learn: no label that may be learned from. Label cases on the screen, or give --labels FILE.")
        return
    _print_comparison(came.comparison, came)
    if not came.proposed:
        typer.echo(f"Not proposed. The champion still counts. To look closer: triage-ml models compare {came.version}")
        raise typer.Exit(_NOT_PROPOSED)
    if promote:
        _promote(came, who(by), database)
    else:
        typer.echo(f'Proposed. To let it count: triage-ml models promote {came.version} --why "..."')


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
    from triage_ml.cli.learning import announce

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


def _print_comparison(found: Comparison, came: Retraining) -> None:
    page = pages.table("on", "figure", "texts", f"champion {came.champion}", f"challenger {came.version}", "better by", "")
    for one in found.differences:
        figures = f"{one.champion:.3f}", f"{one.challenger:.3f}", f"{one.better:+.3f} [{one.interval}]"
        page.add_row(one.where, one.what, f"{one.texts:,}", *figures, one.verdict.value)
    screen = pages.console()
    screen.print(page, markup=False)
    for reason in found.reasons:
        typer.echo(f"- {reason}")
