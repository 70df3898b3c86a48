"""Commands that make something of the case record: evidence, insights, insurance-by-sku."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from triage_ml.cli import case_pages, pages
from triage_ml.cli.options import (
    CaseArgument,
    DatabaseOption,
    JsonOption,
    PolicyOption,
    day,
    decimal,
    open_store,
    require_known,
)

app = typer.Typer()
OrdersOption = Annotated[
    Path | None,
    typer.Option("--orders", help="Orders of each SKU: CSV with sku, orders and, where known, orders_before."),
]
SinceOption = Annotated[str, typer.Option("--since", help="First day, such as 2026-08-01. [default: 90 days before --until]")]
UntilOption = Annotated[str, typer.Option("--until", help="The day after the last one. [default: now]")]


@app.command()
def evidence(
    case: CaseArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The zip file to write.")],
    purpose: Annotated[str, typer.Option("--for", help="a_to_z, safe_t, abuse_report or chargeback.")] = "a_to_z",
    since: Annotated[
        Path | None, typer.Option(help="An earlier pack of the case: what came after it is marked as new.")
    ] = None,
    policy: PolicyOption = None,
    database: DatabaseOption = None,
) -> None:
    """Build the pack that wins a dispute: what is there, what is missing, a draft for the platform's box, a manifest."""
    from triage_ml.evidence import Purpose, build_pack
    from triage_ml.policy import load_policy

    require_known(purpose, tuple(Purpose), "--for")
    with open_store(database) as store:
        report = build_pack(store, case, purpose, output, since=since, seller_zone=load_policy(policy).time_zone)
    case_pages.print_pack(report)


@app.command()
def insights(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the report, tables and figures.")] = None,
    since: SinceOption = "",
    until: UntilOption = "",
    by: Annotated[str, typer.Option(help="What to put together by: sku, product, marketplace, channel, language.")] = "sku",
    orders: OrdersOption = None,
    language: Annotated[str, typer.Option(help="Of the report: en or zh.")] = "en",
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the cases teach: causes, trends that are no noise, what remedies achieved, what to put right first."""
    from triage_ml.insights import By, Insights, load_orders, write_report
    from triage_ml.insights import as_json as values

    require_known(by, tuple(By), "--by")
    require_known(language, ("en", "zh"), "--language")
    sold = load_orders(orders, lambda error: typer.echo(f"left out: {error}", err=True), by) if orders else {}
    with open_store(database) as store:
        found = Insights.of(store, day(since, "--since"), day(until, "--until"), by, orders=sold)
    page = write_report(found, output, language) if output else None
    if as_json:
        pages.print_json(values(found))
    else:
        case_pages.print_insights(found, page)


@app.command("insurance-by-sku")
def insurance_by_sku(
    orders: OrdersOption,
    premium: Annotated[str, typer.Option(help="Premium, a fraction of the order value.")],
    payout: Annotated[str, typer.Option(help="Payout, a fraction of --payout-base.")],
    payout_base: Annotated[str, typer.Option(help="What the payout is a share of: order_value or loss. Ask the insurer.")],
    since: SinceOption = "",
    until: UntilOption = "",
    database: DatabaseOption = None,
) -> None:
    """Say for each SKU in the case record whether insuring its returns would have paid."""
    from triage_ml.insights import By, Insights, load_orders
    from triage_ml.insurance import Base, InsuranceTerms

    require_known(payout_base, tuple(Base), "--payout-base")
    terms = InsuranceTerms(decimal(premium, "--premium"), decimal(payout, "--payout"), Base(payout_base))
    sold = load_orders(orders, lambda error: typer.echo(f"left out: {error}", err=True)) if orders else {}
    with open_store(database) as store:
        found = Insights.of(store, day(since, "--since"), day(until, "--until"), By.SKU, orders=sold, terms=terms)
    case_pages.print_insurance_by_sku(found.insurance)
