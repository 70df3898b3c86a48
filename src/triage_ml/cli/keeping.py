"""Commands that keep the record safe: hold, verify, export, backup, restore, purge, person."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from triage_ml.cli import case_pages, pages
from triage_ml.cli.options import ByOption, CaseArgument, DatabaseOption, JsonOption, open_store, who
from triage_ml.errors import CaseError

app = typer.Typer(no_args_is_help=True)
BackupsOption = Annotated[Path | None, typer.Option("--backups", help="Folder of the backups; those too old are deleted.")]


@app.command()
def hold(
    case: CaseArgument,
    reason: Annotated[str, typer.Option(help="Why the data must stay.")] = "",
    approved_by: Annotated[str, typer.Option(help="Who approved it.")] = "",
    days: Annotated[int, typer.Option(min=1, help="For how long.")] = 90,
    release: Annotated[bool, typer.Option("--release", help="Take the hold off instead.")] = False,
    database: DatabaseOption = None,
    by: ByOption = "",
) -> None:
    """Put a legal hold on a case, or take it off: held data is not purged."""
    from triage_ml.cases import Hold

    with open_store(database) as store:
        if release:
            store.release(case, who(by))
            typer.echo(f"{case}: no hold any more.")
            return
        if not (reason and approved_by):
            raise CaseError(case, "a hold without reason or approver", "--reason and --approved-by", "Give both.")
        until = store.now() + timedelta(days=days)
        store.hold(case, Hold(reason, approved_by, until), who(by))
    typer.echo(f"{case}: held until {until:%Y-%m-%d}.")


@app.command()
def verify(
    checkpoint: Annotated[list[Path] | None, typer.Option(help="A checkpoint kept elsewhere. Repeatable.")] = None,
    write_checkpoint: Annotated[Path | None, typer.Option(help="Write a signed checkpoint here, to be kept elsewhere.")] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find any changed, removed, reordered or inserted entry. Exit code 1 where something is wrong."""
    from triage_ml.cases.checkpoints import read_checkpoint

    with open_store(database) as store:
        found = store.verify([read_checkpoint(path) for path in checkpoint or []])
        if found.ok and write_checkpoint:
            write_checkpoint.write_text(store.checkpoint().text(), "utf-8")
    if as_json:
        pages.print_json({**case_pages.values(found), "ok": found.ok})
    else:
        case_pages.print_verification(found)
    if not found.ok:
        raise CaseError(
            "case record", f"{len(found.findings)} changes", "what was recorded", "Bring back a backup, and ask who."
        )


@app.command()
def export(
    output: Annotated[Path, typer.Option("-o", "--output", help="The hash chain as JSON lines, without personal data.")],
    database: DatabaseOption = None,
) -> None:
    """Export the hash chain, to be verified anywhere by a script without dependencies."""
    from triage_ml.cases import verify_chain

    with open_store(database) as store, output.open("wb") as file:
        count = store.export_ledger(file)
    typer.echo(f"{count:,} entries: {output}. Verify it anywhere: python {verify_chain.__file__} {output}")


@app.command()
def backup(
    folder: Annotated[Path, typer.Option("-o", "--output", help="Folder for the backups.")],
    keep: Annotated[int, typer.Option(min=1, help="How many to keep; the oldest go.")] = 7,
    database: DatabaseOption = None,
) -> None:
    """Back up the record while it is in use: encrypted, read back and verified."""
    from triage_ml.cases.backup import backup as back_up

    with open_store(database) as store:
        found = back_up(store.engine, folder, _passphrase(confirm=True), keep=keep, files=store.files)
    typer.echo(str(found))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    target: Annotated[Path, typer.Option("-o", "--output", help="Where the record goes, such as cases.db.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Bring a backup back; what is there is only replaced with --overwrite."""
    from triage_ml.cases.backup import restore as bring_back

    typer.echo(str(bring_back(file, target, _passphrase(), overwrite=overwrite)))
    typer.echo("Next: triage-ml cases purge, since the backup may hold what was erased after it was made.")


@app.command()
def purge(
    days: Annotated[int, typer.Option(min=0, help="Personal data goes so many days after delivery.")] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    backups: BackupsOption = None,
    database: DatabaseOption = None,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Erase personal data whose time is over, from record and backups; what holds or disputes protect stays."""
    from triage_ml.cases import retention

    rule = retention.Rule(days=days, quiet_days=days)
    with open_store(database) as store:
        if dry_run:
            case_pages.print_plan(retention.plan(store, rule=rule), as_json=as_json)
            return
        report = retention.purge(store, who(by), rule, backups)
    typer.echo(report.json() if as_json else str(report))


@app.command()
def person(
    order_id: Annotated[str, typer.Option(help="The number of an order of theirs.")] = "",
    alias: Annotated[str, typer.Option(help="The address or name under which they write.")] = "",
    words: Annotated[str, typer.Option(help="Words that only they would use, such as an engraved name.")] = "",
    export: Annotated[Path | None, typer.Option("--export", help="Write all that is stored about them into this .zip.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Erase it at once; holds and open disputes protect.")] = False,
    backups: BackupsOption = None,
    database: DatabaseOption = None,
    by: ByOption = "",
) -> None:
    """Find what is stored about one buyer; export or delete it on their request."""
    from triage_ml.cases import requests

    with open_store(database) as store:
        matches = requests.find_person(store, order_id=order_id, alias=alias, words=words)
        case_pages.print_matches(matches)
        ids = [match.case.id for match in matches]
        if export and ids:
            requests.export_person(store, ids, export, who(by))
            typer.echo(f"Everything about {', '.join(ids)}: {export}")
        if delete and ids:
            typer.confirm(f"Erase the personal data of {', '.join(ids)} for ever?", abort=True)
            typer.echo(str(requests.delete_person(store, ids, who(by), backups=backups)))


def _passphrase(*, confirm: bool = False) -> str:
    """Return the passphrase of the backups: from TRIAGE_BACKUP_PASSPHRASE, else asked for."""
    given = os.environ.get("TRIAGE_BACKUP_PASSPHRASE")
    return given or str(typer.prompt("Passphrase of the backups", hide_input=True, confirmation_prompt=confirm))
