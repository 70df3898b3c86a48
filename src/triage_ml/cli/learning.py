"""Commands on what was learned: experiments, and the shop's own models (models list, promote, rollback)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triage_ml.cli import pages
from triage_ml.cli.options import ByOption, DatabaseOption, JsonOption, open_store, who
from triage_ml.errors import TriageError

if TYPE_CHECKING:
    from triage_ml.champions import Promotion
    from triage_ml.registry import Run

app = typer.Typer()
models_app = typer.Typer(no_args_is_help=True, help="The shop's own models: list them, let one count, take that back.")
app.add_typer(models_app, name="models")


def _reason(given: str) -> str:
    if not given.strip():
        raise typer.BadParameter("found nothing; expected the reason in a few words")
    return given.strip()


WhyOption = Annotated[str, typer.Option("--why", callback=_reason, help="The reason, for whoever asks later.")]
SHIPPED = "shipped"
# Main figures, by the name they have in a run and in model.json, and as a table's head says it.
_FIGURES = {
    "macro_f1": "macro F1",
    "calibration_error": "ECE",
    "abuse_precision": "abuse precision",
}


# --- experiments ---------------------------------------------------------------------------------------------------------


@app.command()
def experiments(
    last: Annotated[int, typer.Option("--last", min=1, help="How many runs, the newest first.")] = 20,
    compare: Annotated[
        tuple[str, str] | None, typer.Option("--compare", metavar="RUN RUN", help="Two runs beside each other.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List what was trained and measured, or compare two runs: when, what, on which data, the main figures."""
    from triage_ml import registry

    found = [registry.find_run(start) for start in compare] if compare else registry.runs(last)
    if as_json:
        pages.print_json([asdict(run) for run in found])
    elif compare:
        _print_comparison(*found)
    elif found:
        _print_runs(found)
        typer.echo(f"On a page: mlflow ui --backend-store-uri '{registry.without_password(registry.store_uri())}'")
    else:
        typer.echo(
            "No run is kept yet: `triage-ml train` and `triage-ml evaluate` keep one where the extra `mlflow` is installed."
        )


def _print_runs(runs: list[Run]) -> None:
    page = pages.table("run", "when (UTC)", "what", "model", "data", *_FIGURES.values())
    page.collapse_padding = True
    for column in page.columns:  # an id that is cut cannot be copied
        column.no_wrap = column.header in ("run", "model", "data")
    for run in runs:
        what = " ".join(filter(None, (run.name, run.parameters.get("texts", ""))))
        data, model = _short(run.tags.get("data_sha256", "")), run.tags.get("model", "")
        page.add_row(run.run_id[:8], f"{run.at:%m-%d %H:%M}", what, model, data, *_shown(run.metrics))
    pages.console().print(page)


def _print_comparison(one: Run, other: Run) -> None:
    page = pages.table("", *(f"{run.name} {run.run_id[:8]}" for run in (one, other)), "difference")
    for kind in ("tags", "parameters"):
        for name, *values in _differing(getattr(one, kind), getattr(other, kind)):
            page.add_row(name, *(_short(value) if name in ("data_sha256", "commit") else value for value in values), "")
    for name in sorted(one.metrics.keys() & other.metrics.keys(), key=lambda name: ("." in name, name)):
        before, after = one.metrics[name], other.metrics[name]
        if before != after:
            page.add_row(name, f"{before:.4g}", f"{after:.4g}", f"{after - before:+.4g}")
    pages.console().print(page)


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield name, one.get(name, ""), other.get(name, "")


def _short(digits: str) -> str:
    """Return the start of a hash, and what is said behind it."""
    return digits[:7] + "-dirty" * digits.endswith("-dirty")


def _shown(figures: Mapping[str, Any]) -> list[str]:
    """Return the main figures as a table shows them, "" for what was not measured."""
    return ["" if figures.get(name) is None else f"{figures[name]:.3f}" for name in _FIGURES]


# --- models --------------------------------------------------------------------------------------------------------------


@models_app.command("list")
def models_list(as_json: JsonOption = False) -> None:
    """List the shop's own models, which of them counts, and who decided that and why."""
    from triage_ml import champions

    counts, history = champions.champion() or SHIPPED, champions.history()
    models = [_model(version) for version in champions.versions()]
    if as_json:
        pages.print_json({"champion": counts, "models": models, "history": [asdict(entry) for entry in history]})
        return
    page = pages.table("model", "", "made (UTC)", *_FIGURES.values())
    for model in models:
        mark = "champion" if model["version"] == counts else ""
        page.add_row(model["version"], mark, model["made"][:16].replace("T", " "), *_shown(model["figures"]))
    page.add_row(SHIPPED, "champion" if counts == SHIPPED else "", "", *_shown({}))
    pages.console().print(page)
    for entry in history:
        typer.echo(f"{entry.at[:16].replace('T', ' ')} {entry.step} to {entry.version or SHIPPED} by {entry.by}: {entry.why}")


def _model(version: str) -> dict[str, Any]:
    """Return what is known of a model of the shop; one whose files were changed is said to be, and listed all the same."""
    from triage_ml import champions, model_files

    folder = champions.folder(version)
    made = datetime.fromtimestamp((folder / "manifest.json").stat().st_mtime, UTC).isoformat(timespec="seconds")
    try:
        about = model_files.facts(folder)
    except TriageError as error:
        typer.echo(str(error), err=True)
        about = {}
    figures = about.get("held_out", {}).get("total", {})
    return {"version": version, "made": made, "data_sha256": about.get("data_sha256", ""), "figures": figures}


@models_app.command("promote")
def models_promote(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="One of `triage-ml models list`.")],
    why: WhyOption,
    by: ByOption = "",
    database: DatabaseOption = None,
) -> None:
    """Let a model count from now on, for batches and the screen, too."""
    from triage_ml import champions

    before = champions.champion()
    announce(champions.promote(version, who(by), why), before, database)


@models_app.command("rollback")
def models_rollback(why: WhyOption, by: ByOption = "", database: DatabaseOption = None) -> None:
    """Let the model before the champion count again."""
    from triage_ml import champions

    before = champions.champion()
    announce(champions.rollback(who(by), why), before, database)


def announce(promotion: Promotion, before: str, database: str | None) -> None:
    """Say which model counts now: to the person, to the case record's ledger where there is one, to MLflow where it is used."""
    from triage_ml.cases.database import exists

    typer.echo(f"The model that counts is now {promotion.version or SHIPPED}; before it was {before or SHIPPED}.")
    facts = {"step": promotion.step.value, "version": promotion.version or SHIPPED, "before": before or SHIPPED}
    if exists(database):
        with open_store(database) as store:
            store.note_model(promotion.by, {**facts, "why": promotion.why})
    _point_champion(promotion.version)


def _point_champion(version: str) -> None:
    from triage_ml import model_files, registry

    if not registry.in_use():
        return
    try:
        if not version:
            from triage_ml.triage import find_model

            version = model_files.version(find_model())
        if not registry.point("champion", version):
            typer.echo(f"MLflow knows no model {version}: its alias champion names none now.", err=True)
    except TriageError as error:
        typer.echo(f"MLflow's alias champion was not moved: {error}", err=True)
