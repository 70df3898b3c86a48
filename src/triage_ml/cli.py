"""The commands. Heavy imports stand inside them, so that `triage-ml --help` answers at once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.panel import Panel
from rich.text import Text

from triage_ml.errors import FormatError, ModelNotFoundError, TemplateError, TriageError
from triage_ml.pages import as_values, console, print_assessment, summary_table, table

if TYPE_CHECKING:
    from triage_ml.batch import Summary
    from triage_ml.messages import Money, OrderLine
    from triage_ml.triage import Triage

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sort buyer messages of custom goods, say what may be done, rank replies in the buyer's language.",
)
templates_app = typer.Typer(no_args_is_help=True, help="Reply templates: list them, check them.")
policy_app = typer.Typer(no_args_is_help=True, help="The seller's numbers: show them, check a file.")
app.add_typer(templates_app, name="templates")
app.add_typer(policy_app, name="policy")

ModelOption = Annotated[Path | None, typer.Option("--model", help="Model folder. [default: models/default]")]
PolicyOption = Annotated[Path | None, typer.Option("--policy", help="Policy file. [default: the shipped numbers]")]
TemplatesOption = Annotated[
    Path | None, typer.Option("--templates", help="Folder with your own templates, beside the shipped ones.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of a page for a person.")]


def main() -> None:
    """Run the commands; every failure is one sentence and an exit code: 1 a problem, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a redirected stdout on Windows cannot write Chinese otherwise
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app()
    except TriageError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("stopped.")
    except BrokenPipeError:
        os._exit(1)  # whoever read our output has gone; there is nobody to tell
    except Exception as error:
        if os.environ.get("TRIAGE_DEBUG"):
            raise
        _fail(f"something went wrong inside triage-ml ({type(error).__name__}: {error}). Set TRIAGE_DEBUG=1 to see where.")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the result goes.")] = Path("demo-result.csv"),
) -> None:
    """Score the bundled week of one shop: trains the model first if there is none."""
    from importlib.resources import as_file, files

    from triage_ml.messages import Category
    from triage_ml.readers import read_messages

    triage = _load(None, None, None)
    screen = console()
    with as_file(files("triage_ml") / "data" / "sample" / "week.csv") as sample:
        summary = _score([sample], output, triage, None, None)
        assessments = triage.assess_many(list(read_messages(sample)))
    screen.print(f"\n[bold]One week of a shop for custom goods[/bold] (bundled sample): {summary.rows} messages\n")
    screen.print(summary_table(summary))
    for category in (Category.QUALITY, Category.SUBJECTIVE, Category.ABUSE):
        # in the reader's language if there is one, and one that shows its reasons
        found = [a for a in assessments if a.category is category]
        found.sort(key=lambda a: (a.prediction.language != "en", -len(a.reasons)))
        for assessment in found[:1]:
            print_assessment(assessment)
    screen.print(f"\nEvery message, what it claims, what may be done and three replies: [bold]{output}[/bold]")
    screen.print(
        "Next: [bold]triage-ml score YOUR-EXPORT -o result.xlsx[/bold]  (CSV, Excel, Amazon report, mbox, helpdesk JSON ...)"
    )
    screen.print('  or: [bold]triage-ml assess "The ring snapped on the second day."[/bold]')


@app.command()
def train(
    corpus: Annotated[Path | None, typer.Option(help="Folder of labelled .jsonl files. [default: training/corpus]")] = None,
    out: Annotated[Path, typer.Option(help="Model folder to write.")] = Path("models") / "default",
    params: Annotated[Path | None, typer.Option(help="Training parameters. [default: training/params.toml]")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Folder or hub name of a sentence encoder, a third expert beside words and cues.")
    ] = None,
    encoder_languages: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Language the encoder was made for. Repeatable. [default: all]")
    ] = None,
) -> None:
    """Learn a model from labelled messages; the same messages always give the same model."""
    from triage_ml.encoders import open_encoder
    from triage_ml.language import LANGUAGES
    from triage_ml.training_run import in_one_line, train_folder

    opened = open_encoder(encoder, encoder_languages or LANGUAGES) if encoder else None
    screen = console(stderr=True)
    with screen.status("training") as status:
        found = train_folder(
            _training(corpus, "corpus"), out, _training(params, "params.toml"), lambda s: status.update(s), opened
        )
    typer.echo(f"Wrote {out}: {in_one_line(found)}", err=True)


@app.command()
def evaluate(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Labelled texts, .jsonl. [default: training/heldout]")
    ] = None,
    model: ModelOption = None,
    report: Annotated[Path | None, typer.Option(help="Folder for figures (PNG), an HTML page and figures.json.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Print every text judged wrong, with its cues.")] = False,
    track: Annotated[bool, typer.Option("--track", help="Keep the figures as an MLflow run.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on labelled texts that it was not trained on."""
    from triage_ml import evaluation
    from triage_ml.corpus import load_labelled
    from triage_ml.evaluation_report import Section, summary, write_report

    judge = _load(model, None, None).judge
    sections = []
    for path in files or sorted(_training(None, "heldout").glob("*.jsonl")):
        rows = load_labelled(path)
        predictions = judge.predict_many([r.text for r in rows])
        judged = evaluation.judged(rows, predictions)
        sections.append(Section(path.name, evaluation.evaluate(rows, judged), judged, evaluation.errors(rows, predictions)))
    if report:
        page = write_report(report, f"Model {judge.version}", sections)
    if track:
        from triage_ml.registry import metrics_of
        from triage_ml.registry import track as keep

        for section in sections:
            facts = {"model": judge.version, "texts": section.name}
            typer.echo(f"MLflow run {keep('evaluate', facts, metrics_of(section.evaluation), report)}", err=True)
    if as_json:
        typer.echo(json.dumps({s.name: evaluation.as_json(s.evaluation) for s in sections}, ensure_ascii=False, indent=2))
        return
    screen = console()
    for section in sections:
        page_of = table(section.name, f"model {judge.version}")
        for name, value in summary(section.evaluation):
            page_of.add_row(name, value)
        screen.print(page_of)
        for error in section.errors if errors else ():
            typer.echo(
                f"{error['is']} -> {error['judged']} {error['probability']:.2f} | {error['text']} | {'; '.join(error['cues'])}"
            )
    if report:
        screen.print(f"Figures, parts and errors: [bold]{page}[/bold]")


@app.command()
def assess(
    text: Annotated[str, typer.Argument(help="What the buyer wrote.")],
    order_json: Annotated[Path | None, typer.Option("--order-json", help="File with the order line as JSON.")] = None,
    model: ModelOption = None,
    policy: PolicyOption = None,
    templates: TemplatesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Assess one message: claim, what may be done, replies."""
    from triage_ml.messages import Message

    if not text.strip():
        raise FormatError("TEXT", "an empty text", "what the buyer wrote", 'Try: triage-ml assess "The ring snapped."')
    order, channel = _order(order_json) if order_json else (None, "")
    assessment = _load(model, policy, templates).assess(Message("1", text, order=order, channel=channel))
    if as_json:
        typer.echo(json.dumps(as_values(assessment), ensure_ascii=False, indent=2))
    else:
        print_assessment(assessment)


@app.command()
def score(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...", help="Exports: CSV, TSV, XLSX, JSONL, Parquet, Amazon reports, mbox, eml, helpdesk JSON."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Result: .csv, .jsonl, .parquet or .xlsx.")],
    model: ModelOption = None,
    policy: PolicyOption = None,
    templates: TemplatesOption = None,
    format: Annotated[str | None, typer.Option("--format", help="What the input is, where its content misleads.")] = None,  # noqa: A002
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", metavar="FIELD=COLUMN", help="Which column holds a field, e.g. text=Remark. Repeatable."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score exports: one row out for each message in; unreadable rows go to OUT.rejects.csv."""
    from triage_ml.batch import ENDINGS
    from triage_ml.readers.fields import FIELDS
    from triage_ml.readers.sniff import FORMATS

    mapping = dict(_pair(c) for c in columns or [])
    for name, given, known in (
        ("--output", [output.suffix.lower()], ENDINGS),
        ("--format", [format] if format else [], FORMATS),
        ("--columns", [*mapping], FIELDS),
    ):
        for unknown in set(given) - set(known):
            raise typer.BadParameter(f"found {unknown!r}; expected one of {', '.join(known)}", param_hint=name)
    summary = _score(inputs, output, _load(model, policy, templates), format, mapping or None)
    if as_json:
        typer.echo(json.dumps({
            "output": str(summary.output), "rows": summary.rows, "rejects": summary.rejects,
            "rejects_path": str(summary.rejects_path) if summary.rejects_path else None,
            "categories": summary.categories, "languages": summary.languages,
        }, ensure_ascii=False))  # fmt: skip
        return
    screen = console()
    screen.print(summary_table(summary))
    screen.print(f"{summary.rows:,} messages: [bold]{summary.output}[/bold]")
    if summary.rejects_path:
        screen.print(f"{summary.rejects:,} rows could not be read, each with its reason: [bold]{summary.rejects_path}[/bold]")


@templates_app.command("list")
def templates_list(templates: TemplatesOption = None, as_json: JsonOption = False) -> None:
    """List every template with its purpose."""
    from triage_ml.replies.templates import load_templates

    library = load_templates(templates)
    if as_json:
        rows = [{"id": t.id, "purpose": dict(t.purpose), "claims": t.claims, "remedies": t.remedies} for t in library.values()]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    page = table("template", "answers", "purpose", "用途")
    for t in library.values():
        page.add_row(t.id, ", ".join(t.claims), t.purpose["en"], t.purpose["zh"])
    console().print(page)


@templates_app.command("check")
def templates_check(templates: TemplatesOption = None) -> None:
    """Check every template: keys, fields, languages, syntax, forbidden content. Exit code 1 if any is wrong."""
    from triage_ml.replies.templates import check_templates, forbidden_content

    findings: list[str] = []
    found = check_templates(templates, findings)
    total = len(found) + len(findings)
    findings += [finding for template in found.values() for finding in forbidden_content(template)]
    for finding in findings:
        typer.echo(finding, err=True)
    if findings:
        raise TemplateError(f"{len(findings)} findings in {total} templates.")
    typer.echo(f"{len(found)} templates, nothing wrong.")


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
    from triage_ml.replies.lint import PLATFORMS, Outgoing, check

    for name, given, known in (
        ("--channel", channel, PLATFORMS),
        ("--language", language, LANGUAGES),
        ("--claim", claim, tuple(Claim)),
    ):
        if given and given not in known:
            raise typer.BadParameter(f"found {given!r}; expected one of {', '.join(known)}", param_hint=name)
    context = Outgoing(
        channel,
        language,
        Claim(claim) if claim else None,
        order_id,
        _money(highest, "--highest") if highest else None,
        full_refund,
    )
    findings = check(sys.stdin.read() if text == "-" else text, context)
    for finding in findings:
        typer.echo(f"{finding.severity}, {finding.rule}: “{finding.found}”\n  {finding.why} {finding.fix} ({finding.source})")
    if any(finding.severity == "error" for finding in findings):
        raise TemplateError("do not send it like this.")
    typer.echo("Nothing that forbids sending it." if not findings else "Warnings only: look, then send.")


@policy_app.command("show")
def policy_show(policy: PolicyOption = None, as_json: JsonOption = False) -> None:
    """Show the numbers in force."""
    from triage_ml.policy import load_policy

    found = load_policy(policy)
    if as_json:
        typer.echo(json.dumps({
            "name": found.name, "effective_from": found.effective_from, "shop": found.shop, "numbers": found.numbers,
            "marketplaces": found.by_marketplace,
        }, default=str, indent=2))  # fmt: skip
        return
    page = table("number", "value", "other in")
    for key, value in found.numbers.items():
        others = [f"{m}: {numbers[key]}" for m, numbers in found.by_marketplace.items() if key in numbers]
        page.add_row(key, f"{value:f}", ", ".join(others))
    screen = console()
    screen.print(f"Policy [bold]{found.version}[/bold], replies signed by {found.shop}")
    screen.print(page)


@policy_app.command("check")
def policy_check(policy: Annotated[Path, typer.Argument(help="The file to check.")]) -> None:
    """Check a policy file: every key known, every number inside its bounds."""
    from triage_ml.policy import load_policy

    typer.echo(f"{policy}: nothing wrong, version {load_policy(policy).version}.")


@app.command()
def notices(
    marketplace: Annotated[str, typer.Option(help='Where the goods are sold: "de", "us" (Amazon), "etsy.de", "shop.jp".')],
    language: Annotated[str, typer.Option(help="Language of the text.")] = "en",
    check: Annotated[Path | None, typer.Option(help="A listing (UTF-8 text) to check instead.")] = None,
) -> None:
    """Show the lawful notice that personalised goods cannot come back for a change of mind, or check a listing for it."""
    from triage_ml.notices import Place, check_listing, notice

    screen = console()
    if check:
        try:
            listing = check.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(check, f"no text ({error})", "a listing as UTF-8 text", "Save it as UTF-8.") from error
        findings = check_listing(listing, language, marketplace)
        for finding in findings:
            screen.print(f"[bold]{finding.kind.replace('_', ' ')}[/bold]: {finding.advice}")
            if finding.quote:
                screen.print(f"  “{finding.quote}”", markup=False)
        screen.print(f"{len(findings)} findings. No finding is no proof of a lawful listing.")
        return
    for place in Place:
        found = notice(place, language, marketplace)
        screen.print(Panel(Text(found.text), title=place.value, subtitle=f"since {found.effective_from}", title_align="left"))
        screen.print(f"Basis: {found.basis}\nSource: {found.source}\nHeed: {found.caution}\n", style="dim", markup=False)


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

    if payout_base not in list(Base):
        raise typer.BadParameter(f"found {payout_base!r}; expected one of {', '.join(Base)}", param_hint="--payout-base")
    terms = InsuranceTerms(_decimal(premium, "--premium"), _decimal(payout, "--payout"), Base(payout_base))
    exposure = Exposure(
        orders, _money(value, "--value"), _decimal(return_rate, "--return-rate"), _decimal(covered, "--covered"),
        loss_share=_decimal(loss_share, "--loss-share"),
    )  # fmt: skip
    found = insure(terms, exposure)
    page = table("", "with insurance", "without")
    page.add_row("premium", str(found.premium), "")
    page.add_row("expected payout", str(found.payout), "")
    for name in ("expected", "standard_deviation", "worst_case"):
        page.add_row(
            {"expected": "cost of returns", "standard_deviation": "standard deviation", "worst_case": "95 % worst case"}[name],
            str(getattr(found.insured, name)),
            str(getattr(found.uninsured, name)),
        )
    screen = console()
    screen.print(page)
    needed = "at no rate" if found.break_even is None else f"from {found.break_even:.2%} covered returns per order"
    screen.print(
        f"Insuring brings {found.profit} in the period; it pays {needed}, you have {found.claim_rate:.2%}. "
        f"[bold]{'It pays.' if found.pays else 'It does not pay.'}[/bold]"
    )


# --- what several commands share -------------------------------------------------------------------------------------


def _fail(sentence: str) -> None:
    typer.echo(f"triage-ml: {sentence}", err=True)
    sys.exit(1)


def _load(model: Path | None, policy: Path | None, templates: Path | None) -> Triage:
    """Load all that assessing needs; without any model, train the default one first."""
    from triage_ml.triage import Triage, find_model

    if model is None and not os.environ.get("TRIAGE_MODEL") and not find_model().exists():
        console(stderr=True).print("No model yet: training one, once (about a minute).")
        train(None, find_model(), None, None, None)
    with _quiet():
        return Triage.load(model, policy, templates)


def _training(given: Path | None, name: str) -> Path:
    """Return a part of training/: the one given, else the one here, else that of the checkout this runs from."""
    if given:
        return given
    for root in (Path(), Path(__file__).resolve().parents[2]):
        if (root / "training" / name).exists():
            return root / "training" / name
    raise ModelNotFoundError(
        f"training/{name}: found nothing here; expected a checkout of the project, where the labelled messages are. "
        "Run this in the checkout, or give --corpus and --params."
    )


def _score(inputs: list[Path], output: Path, triage: Triage, kind: str | None, columns: dict[str, str] | None) -> Summary:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from triage_ml.batch import score as score_batch

    bar = Progress(
        TextColumn("scoring"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None)
        return score_batch(
            inputs, output, triage, format=kind, columns=columns, progress=lambda n: bar.update(task, completed=n)
        )


def _pair(given: str) -> tuple[str, str]:
    field, _, column = given.partition("=")
    if not field or not column:
        raise typer.BadParameter(f"found {given!r}; expected FIELD=COLUMN, such as text=Remark", param_hint="--columns")
    return field.strip(), column.strip()


def _decimal(given: str, option: str) -> Decimal:
    try:
        return Decimal(given)
    except InvalidOperation:
        raise typer.BadParameter(f"found {given!r}; expected a number such as 0.02", param_hint=option) from None


def _money(given: str, option: str) -> Money:
    from triage_ml.messages import Money

    amount, _, currency = given.strip().partition(" ")
    return Money(_decimal(amount, option), currency.strip().upper())


def _order(path: Path) -> tuple[OrderLine | None, str]:
    """Read an order line from JSON, with the same aliases and checks as a row of an export."""
    from triage_ml.readers import read_order

    return read_order(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Show that something is going on while a model loads."""
    with console(stderr=True).status("loading the model"):
        yield
