"""The command that watches for drift: what changed in buyers' messages, and whether the model still knows them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from triage_ml.cli.options import DatabaseOption, JsonOption, ModelOption, load_model, open_store
from triage_ml.cli.pages import console, counting, print_json, table

if TYPE_CHECKING:
    from triage_ml.drift import Drift, Week

app = typer.Typer()

# What a scheduler sees where something changed; 1 and 2 are errors.
ALARM_CODE = 4
_SHOWN = 3


@app.command()
def drift(
    weeks: Annotated[int, typer.Option(min=1, help="How many weeks to look at, beside the running one.")] = 12,
    model: ModelOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether messages, or how surely they are judged, changed: exit code 0 no, 4 an alarm, 1 an error."""
    from triage_ml import model_files
    from triage_ml.cases.values import plain
    from triage_ml.drift import Drift
    from triage_ml.triage import find_model

    classifier = load_model(model)
    learned = model_files.facts(model or find_model()).get("unknown_words", {})
    with open_store(database) as store, counting("reading messages") as say:
        found = Drift.of(store, classifier, weeks, learned=learned, progress=lambda _, messages: say(messages))
    if as_json:
        print_json(plain(found))
    else:
        _print(found)
    if found.alarms:
        raise typer.Exit(ALARM_CODE)


def _print(found: Drift) -> None:
    screen = console()
    screen.print(_table(found))
    for note in found.notes:
        screen.print(f"  {note}", markup=False)
    for alarm in found.alarms:
        screen.print(f"\n[bold]Alarm[/bold] {alarm.sentence}")
        screen.print(f"  {alarm.advice}", markup=False)
        screen.print(f"  {', '.join(alarm.case_ids)}", markup=False)
    if not found.alarms:
        screen.print(f"No alarm in {len(found.measures)} checks of {len(found.weeks) - 1} weeks.")


def _table(found: Drift) -> Table:
    """Return the weeks as a table; a star stands where an alarm is."""
    alarms = {(alarm.check.monday, alarm.check.measure.value) for alarm in found.alarms}
    page = table("week of", "cases", "categories", "languages", "confidence", "abstention", "unknown words", "model")
    for week in found.weeks:
        values = {
            "categories": _mix(week.categories),
            "languages": _mix(week.languages),
            "confidence": _percent(week.confidence),
            "abstention": _percent(week.abstention),
            "unknown_words": _percent(week.unknown_words),
        }
        starred = (f"{value} *" if (week.monday, name) in alarms else value for name, value in values.items())
        page.add_row(_name(week), f"{week.cases:,}", *starred, week.model)
    return page


def _name(week: Week) -> str:
    return f"{week.monday} (running)" if week.running else str(week.monday)


def _mix(shares: Mapping[str, float]) -> str:
    """Return the largest parts of a mix, which come first."""
    largest = islice(shares.items(), _SHOWN)
    return ", ".join(f"{part.replace('_', ' ')} {share:.0%}" for part, share in largest)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
