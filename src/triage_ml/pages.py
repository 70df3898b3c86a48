"""What the commands show: an assessment and a summary as pages for a person, an assessment as JSON for a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from triage_ml.messages import Category

if TYPE_CHECKING:
    from triage_ml.batch import Summary
    from triage_ml.triage import Assessment


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
    prediction, resolution = assessment.prediction, assessment.resolution
    claims = ", ".join(f"{c.value} {p:.0%}" for c, p in sorted(prediction.probabilities.items(), key=lambda cp: -cp[1]))
    yield "claims", f"{claims}; abuse {prediction.abuse:.0%}; language {prediction.language}"
    if assessment.reasons:
        yield "because", "; ".join(assessment.reasons)
    for n, remedy in enumerate(resolution.remedies):
        offer = f" [{remedy.offer_low} to {remedy.offer_high}]" if remedy.offer_low else ""
        cost = f", costs about {remedy.cost}" if remedy.cost else ""
        yield "or" if n else "do", f"{remedy.kind.value.replace('_', ' ')}{offer}: {remedy.why} ({remedy.rule}{cost})"
    for rule in resolution.forbidden:
        name, _, words = rule.partition(": ")
        yield "but", f"{words} ({name})"
    if resolution.needs_second_person:
        yield "who", "a second person looks before anything is sent (A1)"
    if resolution.due_at:
        yield "answer by", f"{resolution.due_at:%Y-%m-%d %H:%M %Z}"
    for n, reply in enumerate(assessment.replies, 1):
        yield f"reply {n}", f"{reply.template_id}: {reply.reason}"


def summary_table(summary: Summary) -> Table:
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


def table(*headers: str) -> Table:
    """Return an empty table with these columns; numbers stand to the right."""
    page = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        page.add_column(header, justify="right" if header in ("messages", "share", "value") else "left")
    return page


def console(stderr: bool = False) -> Console:
    """Return where pages are printed: standard output, or standard error for what is not the result."""
    return Console(stderr=stderr, highlight=False)


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
        "remedies": [
            {
                "kind": r.kind, "rule": r.rule, "why": r.why, "cost": str(r.cost) if r.cost else None,
                "offer_low": str(r.offer_low) if r.offer_low else None,
                "offer_high": str(r.offer_high) if r.offer_high else None,
            }
            for r in resolution.remedies
        ],
        "forbidden": resolution.forbidden,
        "needs_second_person": resolution.needs_second_person,
        "replies": [asdict(r) for r in assessment.replies],
    }  # fmt: skip
