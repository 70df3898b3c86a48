"""Commands on what is fixed before a message comes: templates, policy, check-reply, notices, insurance."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from triage_ml.cli import pages
from triage_ml.cli.options import (
    JsonOption,
    OffersOption,
    PolicyOption,
    TemplatesOption,
    decimal,
    load_acceptance,
    money,
    require_known,
)
from triage_ml.errors import FormatError, TemplateError

app = typer.Typer()
templates_app = typer.Typer(no_args_is_help=True, help="Reply templates: list them, check them, import macros.")
policy_app = typer.Typer(no_args_is_help=True, help="The seller's numbers: show them, check a file, see what offers bring.")


@templates_app.command("list")
def templates_list(templates: TemplatesOption = None, as_json: JsonOption = False) -> None:
    """List every template with its purpose."""
    from triage_ml.home import own_templates
    from triage_ml.replies.library import load_templates

    library = load_templates(templates or own_templates()).values()
    if as_json:
        rows = [{"id": t.id, "purpose": dict(t.purpose), "claims": t.claims, "remedies": t.remedies} for t in library]
        pages.print_json(rows)
    else:
        pages.print_templates(library)


@templates_app.command("check")
def templates_check(templates: TemplatesOption = None) -> None:
    """Check every template: keys, fields, languages, syntax, forbidden content. Exit code 1 if any is wrong."""
    from triage_ml.home import own_templates
    from triage_ml.replies.library import check_templates, forbidden_content

    findings: list[str] = []
    found = check_templates(templates or own_templates(), findings)
    total = len(found) + len(findings)
    findings += [finding for template in found.values() for finding in forbidden_content(template)]
    for finding in findings:
        typer.echo(finding, err=True)
    if findings:
        raise TemplateError(f"{len(findings)} findings in {total} templates.")
    typer.echo(f"{len(found)} templates, nothing wrong.")


@templates_app.command("import")
def templates_import(
    file: Annotated[Path, typer.Argument(help="Macros of a helpdesk: CSV, TSV or XLSX with a name and a text.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the templates; existing files stay as they are.")],
) -> None:
    """Make templates of a shop's macros, with the conditions of the shipped template that is most alike."""
    from triage_ml.replies.macros import import_macros

    found = import_macros(file, output)
    for line in (*found.warnings, *(f"left out: {error}" for error in found.rejects)):
        typer.echo(line, err=True)
    typer.echo(f"{len(found.written)} templates in {output}, {len(found.rejects)} left out.")
    typer.echo(f"Next: look at their conditions, then triage-ml templates check --templates {output}")


@policy_app.command("show")
def policy_show(policy: PolicyOption = None, as_json: JsonOption = False) -> None:
    """Show the numbers in force."""
    from triage_ml.policy import load_policy

    found = load_policy(policy)
    if as_json:
        pages.print_json(pages.policy_values(found))
    else:
        pages.print_policy(found)


@policy_app.command("offers")
def policy_offers(policy: PolicyOption = None, offers: OffersOption = None, as_json: JsonOption = False) -> None:
    """Show how often an offer of part of the price is expected to be accepted, and which share costs least."""
    from triage_ml.offers import expectations
    from triage_ml.policy import load_policy

    found = expectations(load_policy(policy), load_acceptance(offers))
    if as_json:
        pages.print_json([asdict(line) for line in found])
    else:
        pages.print_expectations(found)


@policy_app.command("check")
def policy_check(policy: Annotated[Path, typer.Argument(help="The file to check.")]) -> None:
    """Check a policy file: every key known, every number inside its bounds."""
    from triage_ml.policy import load_policy

    typer.echo(f"{policy}: nothing wrong, version {load_policy(policy).version}.")


@app.command("check-reply")
def check_reply(
    text: Annotated[str, typer.Argument(help="The reply as it would be sent, or - to read it from standard input.")],
    channel: Annotated[str, typer.Option(help="amazon, etsy, ebay; empty where unknown.")] = "",
    language: Annotated[str, typer.Option(help="The buyer's language.")] = "",
    claim: Annotated[str, typer.Option(help="What the buyer claims: quality, mismatch, subjective, other.")] = "",
    order_id: Annotated[str, typer.Option(help="The order it is about.")] = "",
    highest: Annotated[str, typer.Option(help='The most that may be promised, such as "12.50 EUR".')] = "",
    full_refund: Annotated[bool, typer.Option("--full-refund", help="All the money may be promised back.")] = False,
) -> None:
    """Check a reply before it is sent: links, coupons, reviews for money, refusals, promises. Exit code 1 on an error."""
    from triage_ml.language import LANGUAGES
    from triage_ml.messages import Claim
    from triage_ml.replies.lint import Outgoing, check
    from triage_ml.replies.rulebook import PLATFORMS

    for option, given, known in (
        ("--channel", channel, PLATFORMS),
        ("--language", language, LANGUAGES),
        ("--claim", claim, tuple(Claim)),
    ):
        if given:
            require_known(given, known, option)
    promised = money(highest, "--highest") if highest else None
    context = Outgoing(channel, language, Claim(claim) if claim else None, order_id, promised, full_refund)
    findings = check(sys.stdin.read() if text == "-" else text, context)
    for finding in findings:
        typer.echo(f"{finding.severity}, {finding.rule}: “{finding.found}”\n  {finding.why} {finding.fix} ({finding.source})")
    if any(finding.severity == "error" for finding in findings):
        raise TemplateError("do not send it like this.")
    typer.echo("Nothing that forbids sending it." if not findings else "Warnings only: look, then send.")


@app.command()
def notices(
    marketplace: Annotated[str, typer.Option(help='Where the goods are sold: "de", "us" (Amazon), "etsy.de", "shop.jp".')],
    language: Annotated[str, typer.Option(help="Language of the text.")] = "en",
    check: Annotated[Path | None, typer.Option(help="A listing (UTF-8 text) to check instead.")] = None,
) -> None:
    """Show the lawful notice that personalised goods cannot come back for a change of mind, or check a listing for it."""
    from triage_ml.notices import Place, check_listing, notice

    if check:
        pages.print_findings(check_listing(_listing(check), language, marketplace))
        return
    for place in Place:
        pages.print_notice(place.value, notice(place, language, marketplace))


def _listing(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, f"no text ({error})", "a listing as UTF-8 text", "Save it as UTF-8.") from error


@app.command()
def insurance(
    orders: Annotated[int, typer.Option(help="Orders in the period.")],
    value: Annotated[str, typer.Option(help='Mean order value, such as "24.90 EUR".')],
    return_rate: Annotated[str, typer.Option(help="Returns per order, a fraction.")],
    covered: Annotated[str, typer.Option(help="Share of the returns that the insurance covers (a change of mind, as a rule).")],
    premium: Annotated[str, typer.Option(help="Premium, a fraction of the order value.")],
    payout: Annotated[str, typer.Option(help="Payout, a fraction of --payout-base.")],
    payout_base: Annotated[str, typer.Option(help="What the payout is a share of: order_value or loss. Ask the insurer.")],
    loss_share: Annotated[str, typer.Option(help="What one return costs, a fraction of the order value.")] = "1",
) -> None:
    """Say whether return insurance pays: on average, from which rate of covered returns, and in a bad period."""
    from triage_ml.insurance import Base, Exposure, InsuranceTerms
    from triage_ml.insurance import value as insure

    require_known(payout_base, list(Base), "--payout-base")
    terms = InsuranceTerms(decimal(premium, "--premium"), decimal(payout, "--payout"), Base(payout_base))
    exposure = Exposure(
        orders, money(value, "--value"), decimal(return_rate, "--return-rate"), decimal(covered, "--covered"),
        loss_share=decimal(loss_share, "--loss-share"),
    )  # fmt: skip
    pages.print_insurance(insure(terms, exposure))
