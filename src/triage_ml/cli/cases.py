"""Commands for the work on cases: import, list, show, decide, undo, outcome, label, labels, note, attach."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triage_ml.cli import case_pages, pages
from triage_ml.cli.options import (
    ByOption,
    CaseArgument,
    DatabaseOption,
    JsonOption,
    ModelOption,
    OffersOption,
    PolicyOption,
    TemplatesOption,
    decimal,
    load_triage,
    money,
    open_store,
    require_known,
    who,
)

if TYPE_CHECKING:
    from triage_ml.cases import Case, Recorded
    from triage_ml.messages import Category, Money

app = typer.Typer(no_args_is_help=True)


@app.command("import")
def import_(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="Exports, as for `triage-ml score`.")],
    database: DatabaseOption = None,
    model: ModelOption = None,
    policy: PolicyOption = None,
    templates: TemplatesOption = None,
    offers: OffersOption = None,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Bring exports into the record; importing the same one again changes nothing.

    Offers follow what the record's own brought, once ten were answered; --offers FILE takes others.
    """
    from triage_ml.cases import Recorded
    from triage_ml.cases.importing import import_export
    from triage_ml.insights import learned
    from triage_ml.readers.rejects import Rejects
    from triage_ml.readers.sniff import sniff

    for path in inputs:
        sniff(path, None)  # a file that cannot be read stops the run before anything is written
    done = Recorded()
    with open_store(database) as store, Rejects(Path(inputs[0].name)) as rejects, pages.counting("importing") as progress:
        given = None if offers == "record" else offers
        triage = load_triage(model, policy, templates, given)
        if not given:
            triage.acceptance = learned(store)
        for path in inputs:
            shown = partial(_show, progress, done.messages + done.known)
            done += import_export(store, triage, path, who(by), rejects.write, shown)
    if as_json:
        pages.print_json({"messages": done.messages, "cases": done.cases, "known": done.known, "rejects": rejects.count})
    else:
        case_pages.print_recorded(done, rejects)


@app.command("list")
def list_(
    database: DatabaseOption = None,
    state: Annotated[str, typer.Option(help="open, review, waiting, decided or closed.")] = "open",
    category: Annotated[str, typer.Option(help="Only this category.")] = "",
    sku: Annotated[str, typer.Option(help="Only this SKU.")] = "",
    marketplace: Annotated[str, typer.Option(help="Only this marketplace.")] = "",
    search: Annotated[str, typer.Option(help="Words that a text of the case holds; then the newest first.")] = "",
    order: Annotated[str, typer.Option(help="due, sureness, at_stake, newest or teaches (what a label teaches most).")] = "due",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """List cases, what is due first at the top."""
    from triage_ml.cases import CaseState, Filter, Order
    from triage_ml.messages import Category

    for option, given, known in (
        ("--state", state, tuple(CaseState)),
        ("--category", category, tuple(Category)),
        ("--order", order, tuple(Order)),
    ):
        if given:
            require_known(given, known, option)
    with open_store(database) as store:
        if search:
            cases = [hit.case for hit in store.search(search, limit)]
        else:
            where = Filter(
                state=CaseState(state) if state else None,
                category=Category(category) if category else None,
                sku=sku or None,
                marketplace=marketplace or None,
            )
            cases = list(store.cases(where, Order(order), limit=limit).cases)
    if as_json:
        pages.print_json(case_pages.values(cases))
    else:
        case_pages.print_cases(cases)


@app.command()
def show(case: CaseArgument, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show one case: its messages, what may be done, what was decided and what came of it."""
    with open_store(database) as store:
        found = store.case(case)
    if as_json:
        pages.print_json(case_pages.values(found))
    else:
        case_pages.print_case(found)


@app.command()
def decide(
    case: CaseArgument,
    category: Annotated[str, typer.Option(help="What it is: quality, mismatch, subjective, abuse, other.")],
    remedy: Annotated[str, typer.Option(help="What is done, as `cases show` names it: remake, part_refund_keep ...")],
    database: DatabaseOption = None,
    amount: Annotated[str, typer.Option(help='What is refunded or offered, such as "9.60 EUR".')] = "",
    text: Annotated[str, typer.Option(help="The reply as it is sent, or - to read it from standard input.")] = "",
    template: Annotated[str, typer.Option(help="The template it was made from.")] = "",
    second_person: Annotated[str, typer.Option(help="Who else looked; needed where abuse is possible.")] = "",
    version: Annotated[int, typer.Option(help="The case's version you decided on; refused where it has changed since.")] = 0,
    anyway: Annotated[bool, typer.Option("--anyway", help="Record it although the outgoing check objects.")] = False,
    by: ByOption = "",
) -> None:
    """Record what you decided; the reply is checked first."""
    from triage_ml.cases import Decision
    from triage_ml.messages import Category

    require_known(category, [c for c in Category if c is not Category.NEEDS_REVIEW], "--category")
    words = sys.stdin.read() if text == "-" else text
    with open_store(database) as store:
        found = store.case(case)
        promised = money(amount, "--amount") if amount else None
        if words and not anyway:
            _check_reply(found, words, Category(category), remedy, promised)
        judged = found.judgement
        decision = Decision(
            who(by), Category(category), remedy, promised, template, words,
            judged.model if judged else "", judged.policy if judged else "", second_person,
        )  # fmt: skip
        now = store.decide(case, version or found.summary.version, decision)
    typer.echo(f"{case}: decided, version {now}.")


@app.command()
def undo(case: CaseArgument, database: DatabaseOption = None, by: ByOption = "") -> None:
    """Take the newest decision back; it stays in the record as taken back."""
    with open_store(database) as store:
        now = store.undo(case, store.case(case).summary.version, who(by))
    typer.echo(f"{case}: open again, version {now}.")


@app.command()
def outcome(
    case: CaseArgument,
    kind: Annotated[str, typer.Argument(help="accepted, declined, no_answer, escalated, a_to_z, chargeback, refunded ...")],
    database: DatabaseOption = None,
    share: Annotated[str, typer.Option(help="The share of the price that was offered, such as 0.24.")] = "",
    spent: Annotated[str, typer.Option(help='What it cost in the end, such as "9.60 EUR".')] = "",
    note: Annotated[str, typer.Option(help="Anything to remember.")] = "",
    by: ByOption = "",
) -> None:
    """Record what came of it; offers accepted and declined are what the product learns the right offer from."""
    from triage_ml.cases import Outcome, OutcomeKind

    require_known(kind, tuple(OutcomeKind), "KIND")
    with open_store(database) as store:
        store.outcome(
            case,
            Outcome(
                who(by), OutcomeKind(kind), decimal(share, "--share") if share else None,
                money(spent, "--spent") if spent else None, note,
            ),
        )  # fmt: skip
    typer.echo(f"{case}: {kind} recorded.")


@app.command()
def label(
    case: CaseArgument,
    claim: Annotated[str, typer.Argument(help="What the buyer's newest message claims: quality, mismatch, subjective, other.")],
    abuse: Annotated[bool, typer.Option("--abuse", help="The behaviour in it misuses after-sales.")] = False,
    database: DatabaseOption = None,
    note: Annotated[str, typer.Option(help="Why, where it is not plain.")] = "",
    by: ByOption = "",
) -> None:
    """Record what a message really claims, for training."""
    from triage_ml.cases import Label
    from triage_ml.messages import Claim

    require_known(claim, tuple(Claim), "CLAIM")
    with open_store(database) as store:
        store.label(case, Label(who(by), Claim(claim), abuse, note))
    typer.echo(f"{case}: {claim}{', abuse' if abuse else ''} recorded.")


@app.command()
def labels(
    output: Annotated[Path, typer.Option("-o", "--output", help="The rows to learn from, as JSON lines.")],
    as_written: Annotated[bool, typer.Option("--as-written", help="Leave names, addresses and numbers in.")] = False,
    database: DatabaseOption = None,
) -> None:
    """Write the labelled messages as rows to learn from; personal data is taken out first."""
    from triage_ml.cases.labelled import labelled_rows

    with open_store(database) as store:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in labelled_rows(store, as_written=as_written)]
    output.write_text("".join(lines), "utf-8")
    left = "as written" if as_written else "without the personal data that was found"
    typer.echo(f"{len(lines)} labelled messages, {left}: {output}")


@app.command()
def note(
    case: CaseArgument,
    said: Annotated[str, typer.Argument(help="What was said on the telephone.")],
    confirmation: Annotated[str, typer.Option(help="The text that confirms it on the platform.")] = "",
    database: DatabaseOption = None,
    by: ByOption = "",
) -> None:
    """Record a telephone call: weak evidence until it is confirmed on the platform."""
    from triage_ml.cases import PhoneNote

    with open_store(database) as store:
        store.note_phone(case, PhoneNote(who(by), said, confirmation))
    typer.echo(f"{case}: call recorded.")
    if not confirmation:
        typer.echo("Confirm it in a message on the platform: a call proves little.")


@app.command()
def attach(
    case: CaseArgument,
    file: Annotated[Path, typer.Argument(help="The file; a copy is kept.")],
    kind: Annotated[str, typer.Option(help="buyer_photo, production_photo, pod, listing_snapshot ...")] = "other",
    database: DatabaseOption = None,
    by: ByOption = "",
) -> None:
    """Keep a file with a case, as evidence."""
    from triage_ml.cases import AttachmentKind

    require_known(kind, tuple(AttachmentKind), "--kind")
    with open_store(database) as store:
        store.attach(case, file, AttachmentKind(kind), who(by))
    typer.echo(f"{case}: {file.name} kept as {kind}.")


def _show(progress: Callable[[int], None], before: int, _: Recorded, reached: int) -> None:
    """Show how many messages of all files were read."""
    progress(before + reached)


def _check_reply(case: Case, words: str, category: Category, remedy: str, promised: Money | None) -> None:
    """Refuse a reply that the outgoing check objects to."""
    from triage_ml.cases.findings import outgoing_of
    from triage_ml.errors import TemplateError
    from triage_ml.replies.lint import check

    context = outgoing_of(case, category=category, remedy=remedy, amount=promised)
    errors = [finding for finding in check(words, context) if finding.severity == "error"]
    if errors:
        raise TemplateError(
            "\n".join(f"{e.rule}: “{e.found}” {e.why} {e.fix}" for e in errors) + "\nMend the reply, or give --anyway."
        )
