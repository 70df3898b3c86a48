"""What the commands of the case record show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from triage_ml.cli.pages import console, print_json, table
from triage_ml.messages import Direction

if TYPE_CHECKING:
    from triage_ml.cases import Case, CaseSummary, Decision, Recorded
    from triage_ml.cases.records import CaseMessage, Judgement
    from triage_ml.cases.requests import Match
    from triage_ml.cases.retention import Plan
    from triage_ml.cases.verification import Verification
    from triage_ml.evidence.pack import PackReport
    from triage_ml.insights import Insights
    from triage_ml.insurance_by_sku import SkuResult
    from triage_ml.readers.rejects import Rejects


def print_recorded(done: Recorded, rejects: Rejects) -> None:
    """Print what an import came to, and what to do next."""
    screen = console()
    screen.print(f"{done.messages:,} new messages, {done.cases:,} new cases, {done.known:,} messages known before.")
    if rejects.count:
        screen.print(f"{rejects.count:,} rows could not be read, each with its reason: [bold]{rejects.path}[/bold]")
    screen.print("Next: [bold]triage-ml cases list[/bold]")


def print_cases(cases: Sequence[CaseSummary]) -> None:
    """Print a list of cases."""
    screen = console()
    if not cases:
        screen.print("No such case. Bring messages in: [bold]triage-ml cases import YOUR-EXPORT[/bold]")
        return
    page = table("case", "state", "category", "sure", "due", "paid", "product", "order")
    for case in cases:
        due = f"{case.due_at:%Y-%m-%d %H:%M}" if case.due_at else ""
        page.add_row(
            case.id, case.state.value, case.category.value.replace("_", " "), f"{case.sureness:.0%}", due,
            str(case.order.paid or ""), Text(case.order.product or case.order.sku), Text(case.order.order_id),
        )  # fmt: skip
    screen.print(page)
    screen.print("Next: [bold]triage-ml cases show CASE[/bold]")


def print_case(case: Case) -> None:
    """Print one case: its order, its messages in time order, what may be done, what was done."""
    summary, screen = case.summary, console()
    order = summary.order
    about = " · ".join(str(x) for x in (order.order_id, order.product or order.sku, order.paid or "", order.customisation) if x)
    screen.print(f"\n[bold]{summary.id}[/bold]  {summary.state.value}  version {summary.version}", Text(about))
    for one in case.messages:
        screen.print(_message_panel(one))
    judged = case.judgement
    page = Table.grid(padding=(0, 2))
    for lead, line in (*(_judged_lines(judged) if judged else ()), *_history(case)):
        page.add_row(f"  {lead}", Text(line))
    screen.print(page)


def _message_panel(one: CaseMessage) -> Panel:
    message = one.message
    who = "seller" if message.direction is Direction.OUT else "buyer"
    said = Text("(erased)" if one.erased else message.text or f"({message.reason_code})")
    title = f"{who}, {message.sent_at:%Y-%m-%d %H:%M %Z}" if message.sent_at else who
    return Panel(said, title=title, title_align="left", border_style="dim" if who == "seller" else "none")


def _judged_lines(judged: Judgement) -> Iterator[tuple[str, str]]:
    claims = ", ".join(f"{claim.value} {p:.0%}" for claim, p in sorted(judged.probabilities.items(), key=lambda cp: -cp[1]))
    yield "claims", f"{judged.category.value.replace('_', ' ')}: {claims}; abuse {judged.abuse:.0%}"
    if judged.reasons:
        yield "because", "; ".join(judged.reasons)
    resolution = judged.resolution
    for lead, remedy in (("do", resolution["recommended"]), *(("or", one) for one in resolution["alternatives"])):
        yield lead, f"{remedy['kind']}: {remedy['why']} ({remedy['rule']}{_amounts(remedy)})"
    for rule in resolution["forbidden"]:
        yield "but", str(rule)
    if resolution["needs_second_person"]:
        yield "who", "a second person looks before anything is sent (A1)"


def _amounts(remedy: dict[str, Any]) -> str:
    amounts = (("offer", remedy.get("offer")), ("expected to cost", remedy.get("cost")))
    return "".join(f", {name} {money['amount']} {money['currency']}" for name, money in amounts if money)


def _history(case: Case) -> Iterator[tuple[str, str]]:
    """Yield what was done about a case and by when something must be."""
    for made in case.decisions:
        undone = f", taken back by {made.undone_by}" if made.undone_at else ""
        yield "decided", f"{made.decided_at:%Y-%m-%d %H:%M}: {_choice(made.decision)}{undone}"
    if case.proposal:
        proposed = f"{case.proposal.proposed_at:%Y-%m-%d %H:%M}: {_choice(case.proposal.decision)}"
        yield "proposed", f"{proposed}; nothing was sent, a second person must look"
    for came in case.outcomes:
        outcome = came.outcome
        spent = f", spent {outcome.spent}" if outcome.spent else ""
        yield "outcome", f"{outcome.at:%Y-%m-%d %H:%M}: {outcome.kind.value}{spent} {outcome.note}".rstrip()
    for given in case.labels:
        yield "label", f"{given.label.claim.value}{', abuse' if given.label.abuse else ''}, by {given.label.by}"
    for call in case.phone_notes:
        yield "call", f"{call.note.said} {'(confirmed)' if call.note.confirmation else '(not confirmed on the platform)'}"
    for file in case.attachments:
        yield "file", f"{file.kind.value}: {file.name or '(erased)'}, {file.size:,} bytes"
    for deadline in case.deadlines:
        met = f", met {deadline.met_at:%Y-%m-%d %H:%M}" if deadline.met_at else ""
        yield "clock", f"{deadline.clock}: {deadline.due_at:%Y-%m-%d %H:%M %Z}{met}"
    if case.summary.hold:
        hold = case.summary.hold
        yield "hold", f"until {hold.expires_at:%Y-%m-%d}: {hold.reason} (approved by {hold.approved_by})"


def _choice(decision: Decision) -> str:
    amount = f" {decision.amount}" if decision.amount else ""
    return f"{decision.category.value}, {decision.remedy}{amount}, by {decision.by}"


def print_verification(found: Verification) -> None:
    """Print whether ledger and record are whole, and what is not."""
    screen = console()
    screen.print(f"{found.entries:,} entries, {found.whole:,} texts whole, {len(found.erased):,} erased. Head: {found.head}")
    for finding in found.findings:
        screen.print(f"entry {finding.seq}: {finding.kind}: {finding.what}", markup=False)
    screen.print("Nothing was changed." if found.ok else "[bold]The record was changed.[/bold]")


def print_plan(plan: Plan, *, as_json: bool) -> None:
    """Print what a purge would erase, and what would stay."""
    if as_json:
        print_json(values(plan))
        return
    screen = console()
    for due in plan.due:
        screen.print(f"{due.case_id}  due since {due.since}: {due.texts} texts, {due.files} files")
    for kept in plan.kept:
        screen.print(f"{kept.case_id}  stays until {kept.until:%Y-%m-%d %H:%M} UTC: {kept.why}")
    for case_id in plan.expired_holds:
        screen.print(f"{case_id}  its legal hold has expired and protects no more")
    screen.print(f"{len(plan.due)} cases would be erased, {len(plan.kept)} stay. Nothing was done.")


def print_matches(matches: Iterable[Match]) -> None:
    """Print the cases that may be one person's, and why."""
    found = list(matches)
    screen = console()
    for match in found:
        why = ", ".join(match.found_by)
        screen.print(f"{match.case.id}  {match.case.order.order_id} {match.case.order.product}  found by {why}", markup=False)
    screen.print(f"{len(found)} cases. Look at each: presents and shared addresses bring other people's.")


def values(found: object) -> Any:  # noqa: ANN401 - JSON
    """Return a case, a line of a list, a verification as JSON values."""
    from triage_ml.cases.values import plain

    return plain(found)


def print_pack(report: PackReport) -> None:
    """Print what a pack of evidence holds, what is missing, the draft, and what to do with it."""
    screen = console()
    for item in report.checklist:
        state = "there" if item.is_there else "missing" if item.needed else "would help"
        more = "" if item.is_there else f": {item.get['en']}"
        screen.print(f"  {state:<10} {item.text['en']}{more}", markup=False)
    for draft in report.drafts[:1]:
        box = f"draft for the platform's box, {draft.language}, {len(draft.text)} characters"
        screen.print(Panel(Text(draft.text), title=box, title_align="left"))
    for deadline in report.open_deadlines:
        screen.print(f"  until {deadline.due_at:%Y-%m-%d %H:%M %Z}: {deadline.text['en']}", markup=False)
    for line in (*report.cautions, *report.steps["en"]):
        screen.print(f"  {line}", markup=False)
    screen.print(f"{len(report.files)} files: [bold]{report.path}[/bold]")


def print_insights(found: Insights, page: Path | None) -> None:
    """Print the short of what cases teach: what to put right first, what changed, what remedies achieved, where the rest is."""
    screen = console()
    period = f"{found.period.since:%Y-%m-%d} to {found.period.until:%Y-%m-%d}"
    screen.print(f"{period}: {found.cases:,} cases, {found.complaints:,} complaints.")
    if not found.cases:
        screen.print("Bring messages in first: [bold]triage-ml cases import YOUR-EXPORT[/bold]")
        return
    first = table("put right first", "cases", "at stake", "advice")
    for fix in found.fixes[:5]:
        first.add_row(fix.names["en"], f"{fix.cases:,}", ", ".join(map(str, fix.cost)), fix.advice["en"])
    screen.print(first)
    changed = [trend for trend in found.trends if trend.verdict.value not in ("noise", "too_few")]
    for trend in changed[:5]:
        screen.print(f"  {trend.group}, {trend.what}: {trend.verdict.value.replace('_', ' ')}", markup=False)
    screen.print(f"{len(changed)} of {len(found.trends)} trends are more than noise.")
    if page:
        screen.print(f"Everything, with tables: [bold]{page}[/bold]")
    else:
        screen.print("Next: [bold]triage-ml insights -o report[/bold]")


def print_insurance_by_sku(found: Sequence[SkuResult]) -> None:
    """Print whether insuring each SKU's returns would have paid."""
    page = table("SKU", "claims per order", "pays from", "profit", "verdict")
    for line in found:
        needed = "at no rate" if line.result.break_even is None else f"{line.result.break_even:.2%}"
        verdict = line.verdict.value.replace("_", " ")
        page.add_row(line.sku, f"{line.result.claim_rate:.2%}", needed, str(line.result.profit), verdict)
    screen = console()
    screen.print(page)
    if not found:
        screen.print("No SKU with both orders and cases: give --orders FILE (sku, orders), and look at the period.")
