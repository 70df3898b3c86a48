"""What the commands show: tables and pages for a person, values as JSON for a program.

Whatever a command prints with rich stands here; whatever is slow to import, inside the functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from triage_ml.messages import Category

if TYPE_CHECKING:
    from triage_ml.batch import Summary
    from triage_ml.clocks import Deadline
    from triage_ml.evaluation_report import Section
    from triage_ml.insurance import InsuranceResult
    from triage_ml.notices import Finding, Notice
    from triage_ml.offers import Expectation
    from triage_ml.policy import Numbers, Policy
    from triage_ml.replies.templates import Template
    from triage_ml.resolution import Remedy
    from triage_ml.triage import Assessment


def table(*headers: str) -> Table:
    """Return an empty table with these columns; numbers stand to the right."""
    page = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        page.add_column(header, justify="right" if header in ("messages", "share", "value") else "left")
    return page


def console(stderr: bool = False) -> Console:
    """Return where pages are printed: standard output, or standard error for what is not the result."""
    return Console(stderr=stderr, highlight=False)


def print_json(values: object, indent: int | None = 2) -> None:
    """Print values for a program; what JSON has no form for, such as days and decimals, as texts."""
    typer.echo(json.dumps(values, ensure_ascii=False, indent=indent, default=str))


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """Show that something is going on; what is yielded takes what it is now."""
    with console(stderr=True).status(what) as status:
        yield status.update


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Show how many of something are done; what is yielded takes their number."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done: bar.update(task, completed=done)


# --- judging -----------------------------------------------------------------------------------------------------------


def print_week(summary: Summary, assessments: Iterable[Assessment]) -> None:
    """Print what came of a week of messages, one example of each kind that asks for something, and what to try next."""
    screen = console()
    screen.print(f"\n[bold]One week of a shop for custom goods[/bold] (bundled sample): {summary.rows} messages\n")
    screen.print(_summary_table(summary))
    # in the reader's language if there is one, and one that shows its reasons
    ordered = sorted(assessments, key=lambda a: (a.prediction.language != "en", -len(a.reasons)))
    for category in (Category.QUALITY, Category.SUBJECTIVE, Category.ABUSE):
        for assessment in [a for a in ordered if a.category is category][:1]:
            print_assessment(assessment)
    screen.print(f"\nEvery message, what it claims, what may be done and three replies: [bold]{summary.output}[/bold]")
    screen.print(
        "Next: [bold]triage-ml score YOUR-EXPORT -o result.xlsx[/bold]  (CSV, Excel, Amazon report, mbox, helpdesk JSON ...)"
    )
    screen.print('  or: [bold]triage-ml assess "The ring snapped on the second day."[/bold]')


def print_summary(summary: Summary) -> None:
    """Print what came of a scoring run and where it is."""
    screen = console()
    screen.print(_summary_table(summary))
    screen.print(f"{summary.rows:,} messages: [bold]{summary.output}[/bold]")
    if summary.rejects_path:
        screen.print(f"{summary.rejects:,} rows could not be read, each with its reason: [bold]{summary.rejects_path}[/bold]")


def _summary_table(summary: Summary) -> Table:
    """Return how many messages fell into each category, and what that means."""
    means = {
        "quality": "a fault: the after-sales process starts at once",
        "mismatch": "not as ordered: the after-sales process starts at once",
        "subjective": "taste or change of mind: explain, where it pays part of the price",
        "abuse": "the remedy owed stays; evidence, caution, a second look",
        "other": "not an after-sales complaint",
        "needs_review": "the model is not sure: a person decides",
    }
    page = table("category", "messages", "share", "what it means")
    for category in Category:
        count = summary.categories[category.value]
        page.add_row(
            category.value.replace("_", " "), f"{count:,}", f"{count / max(summary.rows, 1):.0%}", means[category.value]
        )
    return page


def summary_values(summary: Summary) -> dict[str, Any]:
    """Return what came of a scoring run as JSON values, for programs."""
    return {
        "output": str(summary.output), "rows": summary.rows, "rejects": summary.rejects,
        "rejects_path": str(summary.rejects_path) if summary.rejects_path else None,
        "categories": summary.categories, "languages": summary.languages,
    }  # fmt: skip


def print_evaluation(sections: Sequence[Section], version: str, *, with_errors: bool, report: Path | None) -> None:
    """Print the figures of a model on each set of texts, its errors if asked for, and where the report is."""
    from triage_ml.evaluation_report import summary

    screen = console()
    for section in sections:
        page = table(section.name, f"model {version}")
        for name, value in summary(section.evaluation):
            page.add_row(name, value)
        screen.print(page)
        for error in section.errors if with_errors else ():
            typer.echo(
                f"{error['is']} -> {error['judged']} {error['probability']:.2f} | {error['text']} | {'; '.join(error['cues'])}"
            )
    if report:
        screen.print(f"Figures, parts and errors: [bold]{report}[/bold]")


def print_assessment(assessment: Assessment) -> None:
    """Print one assessment: the text with its cues, what it claims and why, what may be done, the replies."""
    prediction, order = assessment.prediction, assessment.message.order
    text = Text(prediction.text)
    for cue in prediction.cues:
        text.stylize("bold yellow", cue.start, cue.end)
    title = assessment.category.value.replace("_", " ")
    if assessment.category is Category.OTHER:
        title = "not an after-sales complaint"
    about = " · ".join(x for x in (order.product, str(order.paid or ""), order.customisation) if x) if order else ""
    page = Table.grid(padding=(0, 2))
    for lead, line in _lines(assessment):
        page.add_row(f"  {lead}", Text(line))
    screen = console()
    screen.print()
    left: Any = {"title_align": "left", "subtitle_align": "left"}
    screen.print(Panel(text, title=Text(title, "bold"), subtitle=Text(about) if about else None, **left))
    screen.print(page)
    if assessment.replies:
        screen.print(Panel(Text(assessment.replies[0].text), title="reply 1, to edit and send", border_style="dim", **left))


def _lines(assessment: Assessment) -> Iterator[tuple[str, str]]:
    """Yield what is said about a message, as a word in front and a line."""
    prediction = assessment.prediction
    claims = ", ".join(f"{c.value} {p:.0%}" for c, p in sorted(prediction.probabilities.items(), key=lambda cp: -cp[1]))
    yield "claims", f"{claims}; abuse {prediction.abuse:.0%}; language {prediction.language}"
    if assessment.reasons:
        yield "because", "; ".join(assessment.reasons)
    yield from _settling_lines(assessment)
    for n, reply in enumerate(assessment.replies, 1):
        yield f"reply {n}", f"{reply.template_id}: {reply.reason}"
    for finding in _outgoing_findings(assessment):
        yield "check", finding


def _settling_lines(assessment: Assessment) -> Iterator[tuple[str, str]]:
    """Yield whose error it is, what may be done and what not, and by when."""
    comparison, resolution = assessment.comparison, assessment.resolution
    if comparison and comparison.ordered:
        said = (f'{name} "{value}"' for name, value in (("made", comparison.made), ("wanted", comparison.wanted)) if value)
        yield "order", f'ordered "{comparison.ordered}", {", ".join(said)}: {comparison.verdict.value.replace("_", " ")}'
    for n, remedy in enumerate(resolution.remedies):
        yield "or" if n else "do", _remedy_line(remedy)
        if remedy.break_even:
            yield "", remedy.break_even
    for remedy in resolution.refused:
        cost = f", would cost about {remedy.cost}" if remedy.cost else ""
        yield "not", f"{remedy.kind.value.replace('_', ' ')}: {remedy.why} ({remedy.rule}{cost})"
    for rule in resolution.forbidden:
        name, _, words = rule.partition(": ")
        yield "but", f"{words} ({name})"
    if resolution.needs_second_person:
        yield "who", "a second person looks before anything is sent (A1)"
    for deadline in resolution.deadlines:
        yield "from" if deadline.clock.opens else "until", f"{_both_times(deadline)}: {deadline.text['en']}"


def _both_times(deadline: Deadline) -> str:
    here, there = (f"{time:%Y-%m-%d %H:%M %Z}" for time in (deadline.buyer_time, deadline.seller_time))
    return here if here == there else f"{here}, {there} where you are"


def _remedy_line(remedy: Remedy) -> str:
    offer = f" {remedy.offer} ({remedy.offer_low} to {remedy.offer_high})" if remedy.offer else ""
    cost = f", expected to cost {remedy.cost}" if remedy.cost else ""
    return f"{remedy.kind.value.replace('_', ' ')}{offer}: {remedy.why} ({remedy.rule}{cost})"


def _outgoing_findings(assessment: Assessment) -> Iterator[str]:
    """Yield what the outgoing check says of the first reply as it stands."""
    from triage_ml.replies.lint import check

    for reply in assessment.replies[:1]:
        for finding in check(reply.text, assessment.outgoing):
            yield f"reply 1, {finding.severity}: “{finding.found}” {finding.why} {finding.fix}"


def as_values(assessment: Assessment) -> dict[str, Any]:
    """Return one assessment as JSON values, for programs."""
    from triage_ml.batch import to_row

    resolution, prediction = assessment.resolution, assessment.prediction
    return {
        **to_row(assessment),
        "reasons": assessment.reasons,
        "claim_set": prediction.claim_set,
        "text": prediction.text,
        "cues": [{**asdict(c), "words": prediction.text[c.start : c.end]} for c in prediction.cues],
        "remedies": [_remedy_values(remedy) for remedy in resolution.remedies],
        "refused": [_remedy_values(remedy) for remedy in resolution.refused],
        "comparison": asdict(assessment.comparison) if assessment.comparison else None,
        "deadlines": [
            {"clock": d.clock_id, "who": d.clock.who, "due_at": d.due_at, "buyer_time": d.buyer_time,
             "seller_time": d.seller_time, "opens": d.clock.opens, "text": dict(d.text), "source": d.clock.source}
            for d in resolution.deadlines
        ],
        "forbidden": resolution.forbidden,
        "needs_second_person": resolution.needs_second_person,
        "replies": [asdict(r) for r in assessment.replies],
    }  # fmt: skip


def _remedy_values(remedy: Remedy) -> dict[str, Any]:
    amounts = {key: getattr(remedy, key) for key in ("cost", "offer", "offer_low", "offer_high", "share")}
    return {
        "kind": remedy.kind, "rule": remedy.rule, "why": remedy.why, "break_even": remedy.break_even,
        **{key: None if amount is None else str(amount) for key, amount in amounts.items()},
        "chance": asdict(remedy.chance) if remedy.chance else None,
    }  # fmt: skip


# --- rules -------------------------------------------------------------------------------------------------------------


def print_templates(templates: Iterable[Template]) -> None:
    """Print every template with its purpose."""
    page = table("template", "answers", "purpose", "用途")
    for t in templates:
        page.add_row(t.id, ", ".join(t.claims), t.purpose["en"], t.purpose["zh"])
    console().print(page)


def print_policy(policy: Policy) -> None:
    """Print the seller's numbers, and what they are where they differ."""
    page = table("number", "value", "other in")
    for key, value in policy.numbers.items():
        others = [f"{where}: {numbers[key]}" for where, numbers in _differing(policy).items() if key in numbers]
        page.add_row(key, f"{value:f}", ", ".join(others))
    screen = console()
    screen.print(f"Policy [bold]{policy.version}[/bold], replies signed by {policy.shop}")
    screen.print(page)


def policy_values(policy: Policy) -> dict[str, Any]:
    """Return the seller's numbers as JSON values, for programs."""
    return {
        "name": policy.name, "effective_from": policy.effective_from, "shop": policy.shop, "numbers": policy.numbers,
        "differing": _differing(policy),
    }  # fmt: skip


def _differing(policy: Policy) -> Mapping[str, Numbers]:
    """Return what differs by where: "jp", "sku_group.rings"."""
    return {override.where.removeprefix("marketplace."): override.numbers for override in policy.overrides}


def print_expectations(lines: Sequence[Expectation]) -> None:
    """Print how often offers are expected to be accepted, with the one that costs least."""
    page = table("claim", "share", "accepted", "between", "")
    for line in lines:
        mark = "outside your range" if line.best is None else "costs least" if line.best else ""
        between = f"{line.chance.low:.0%} to {line.chance.high:.0%}"
        page.add_row(line.claim.value, f"{line.share:.0%}", f"{line.chance.mean:.0%}", between, mark)
    screen = console()
    screen.print(page)
    screen.print("\n".join(dict.fromkeys(f"{line.claim.value} rests on {line.source}." for line in lines)))


def print_notice(place: str, notice: Notice) -> None:
    """Print the notice for one place, and what it rests on."""
    screen = console()
    screen.print(Panel(Text(notice.text), title=place, subtitle=f"since {notice.effective_from}", title_align="left"))
    screen.print(f"Basis: {notice.basis}\nSource: {notice.source}\nHeed: {notice.caution}\n", style="dim", markup=False)


def print_findings(findings: Sequence[Finding]) -> None:
    """Print what is wrong with a listing."""
    screen = console()
    for finding in findings:
        screen.print(f"[bold]{finding.kind.replace('_', ' ')}[/bold]: {finding.advice}")
        if finding.quote:
            screen.print(f"  “{finding.quote}”", markup=False)
    screen.print(f"{len(findings)} findings. No finding is no proof of a lawful listing.")


def print_insurance(found: InsuranceResult) -> None:
    """Print what insuring costs and brings, and whether it pays."""
    page = table("", "with insurance", "without")
    page.add_row("premium", str(found.premium), "")
    page.add_row("expected payout", str(found.payout), "")
    for name, field in (
        ("cost of returns", "expected"),
        ("standard deviation", "standard_deviation"),
        ("95 % worst case", "worst_case"),
    ):
        page.add_row(name, str(getattr(found.insured, field)), str(getattr(found.uninsured, field)))
    screen = console()
    screen.print(page)
    needed = "at no rate" if found.break_even is None else f"from {found.break_even:.2%} covered returns per order"
    screen.print(
        f"Insuring brings {found.profit} in the period; it pays {needed}, you have {found.claim_rate:.2%}. "
        f"[bold]{'It pays.' if found.pays else 'It does not pay.'}[/bold]"
    )
