"""What several commands share: options, how their values are read, and how a model is found, loaded or first trained."""

from __future__ import annotations

import getpass
import os
from collections.abc import Collection
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triage_ml.cli.pages import console, waiting
from triage_ml.errors import ModelNotFoundError

if TYPE_CHECKING:
    from triage_ml.acceptance import Acceptance
    from triage_ml.cases import CaseStore
    from triage_ml.classifier import Classifier
    from triage_ml.encoders import Encoder
    from triage_ml.messages import Money
    from triage_ml.triage import Triage

ModelOption = Annotated[Path | None, typer.Option("--model", help="Model folder. [default: models/default]")]
PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="Policy file. [default: your own in TRIAGE_HOME, else the shipped numbers]")
]
TemplatesOption = Annotated[
    Path | None, typer.Option("--templates", help="Folder with your own templates, beside the shipped ones.")
]
OffersOption = Annotated[
    str | None,
    typer.Option(
        "--offers", help="What your own offers brought: CSV with claim, share, accepted; or `record` for the case record's."
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database", help="SQLite file or postgresql://... [default: TRIAGE_DATABASE_URL, else cases.db in TRIAGE_HOME]"
    ),
]
ByOption = Annotated[str, typer.Option("--by", help="Who does it. [default: your login name]")]
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help='A case, such as "C-000012".')]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of a page for a person.")]


def require_known(given: str, known: Collection[str], option: str) -> None:
    """Refuse a value that is none of the known ones."""
    if given not in known:
        raise typer.BadParameter(f"found {given!r}; expected one of {', '.join(known)}", param_hint=option)


def pair(given: str) -> tuple[str, str]:
    """Read FIELD=COLUMN."""
    field, _, column = given.partition("=")
    if not field or not column:
        raise typer.BadParameter(f"found {given!r}; expected FIELD=COLUMN, such as text=Remark", param_hint="--columns")
    return field.strip(), column.strip()


def decimal(given: str, option: str) -> Decimal:
    """Read a number such as 0.02."""
    try:
        return Decimal(given)
    except InvalidOperation:
        raise typer.BadParameter(f"found {given!r}; expected a number such as 0.02", param_hint=option) from None


def day(given: str, option: str) -> datetime | None:
    """Read a day such as 2026-11-01 as its beginning in UTC; None where nothing is given."""
    if not given:
        return None
    try:
        return datetime.combine(date.fromisoformat(given), time.min, UTC)
    except ValueError:
        raise typer.BadParameter(f"found {given!r}; expected a day such as 2026-11-01", param_hint=option) from None


def money(given: str, option: str) -> Money:
    """Read an amount with its currency, such as "12.50 EUR"."""
    from triage_ml.messages import Money

    amount, _, currency = given.strip().partition(" ")
    return Money(decimal(amount, option), currency.strip().upper())


def load_triage(
    model: Path | None = None, policy: Path | None = None, templates: Path | None = None, offers: str | None = None
) -> Triage:
    """Load all that assessing needs; without any model, train the default one first."""
    from triage_ml.triage import Triage

    acceptance = load_acceptance(offers)
    _train_first(model)
    with waiting("loading the model"):
        return Triage.load(model, policy, templates, acceptance)


def load_acceptance(offers: str | None) -> Acceptance:
    """Load what the shop's own offers brought, the trade's figure without any; rows that cannot be read are named."""
    from triage_ml.acceptance import Acceptance
    from triage_ml.acceptance import load_offers as load

    if offers == "record":
        from triage_ml.insights import offers as of_record

        with open_store(None) as store:
            return Acceptance(of_record(store))
    return load(Path(offers), lambda error: typer.echo(f"left out: {error}", err=True)) if offers else Acceptance()


def open_store(database: str | None) -> CaseStore:
    """Open the case record, and say where it is when it is made."""
    from triage_ml.cases import CaseStore
    from triage_ml.cases.database import exists, resolve_url

    if not exists(database):
        typer.echo(f"New case record: {resolve_url(database)}", err=True)
    return CaseStore.open(database)


def who(given: str) -> str:
    """Return who does it: the one named, else the login name."""
    return given.strip() or getpass.getuser()


def load_model(model: Path | None = None) -> Classifier:
    """Load the model alone; without any, train the default one first."""
    from triage_ml import model_files
    from triage_ml.triage import find_model

    _train_first(model)
    with waiting("loading the model"):
        return model_files.load(model or find_model())


def _train_first(model: Path | None) -> None:
    from triage_ml.triage import find_model

    if model is None and not os.environ.get("TRIAGE_MODEL") and not find_model().exists():
        console(stderr=True).print("No model yet: training one, once (about a minute).")
        train_model(None, find_model(), None)


def train_model(corpus: Path | None, out: Path, params: Path | None, encoder: Encoder | None = None) -> None:
    """Learn a model from a corpus and parameters, the shipped ones where none are given, and say what came of it."""
    from triage_ml.training_run import in_one_line, train_folder

    with waiting("training") as say:
        found = train_folder(training_part(corpus, "corpus"), out, training_part(params, "params.toml"), say, encoder)
    typer.echo(f"Wrote {out}: {in_one_line(found)}", err=True)


def checkout_with(part: str) -> Path | None:
    """Return the folder that holds a part of the project: this one, else the checkout this runs from; None without any."""
    roots = (Path(), Path(__file__).resolve().parents[3])
    return next((root for root in roots if (root / part).exists()), None)


def training_part(given: Path | None, name: str) -> Path:
    """Return a part of training/: the one given, else the one here, else that of the checkout this runs from."""
    if given:
        return given
    if root := checkout_with(f"training/{name}"):
        return root / "training" / name
    raise ModelNotFoundError(
        f"training/{name}: found nothing here; expected a checkout of the project, where the labelled messages are. "
        "Run this in the checkout, or give --corpus and --params."
    )
