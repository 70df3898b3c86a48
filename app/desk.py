"""One case on the desk: how it is judged now, and what the person has put into the form so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import streamlit as st

import session
import telling
from triage_ml.cases import Case
from triage_ml.classifier import POSSIBLE_ABUSE
from triage_ml.messages import Category, Claim, Money
from triage_ml.readers.money import parse_money
from triage_ml.replies.lint import Finding, Outgoing, check
from triage_ml.replies.ranker import ReplySuggestion
from triage_ml.resolution import ALL_MONEY, Remedy, RemedyKind
from triage_ml.triage import Assessment


@dataclass(frozen=True, slots=True)
class Desk:
    """One case with how it is judged now (None where that is not possible): what a decision is made from."""

    case: Case
    assessment: Assessment | None

    def key(self, part: str) -> str:
        """Return the name of a part of the form; a case that changed is another form."""
        return f"{part}:{self.case.id}:{self.case.version}"

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """What may be done, best first."""
        return self.assessment.resolution.remedies if self.assessment else ()

    @property
    def suggestions(self) -> tuple[ReplySuggestion, ...]:
        """The replies proposed, best first."""
        return self.assessment.replies if self.assessment else ()

    @property
    def suggestion(self) -> ReplySuggestion | None:
        """The reply that is chosen."""
        chosen = st.session_state.get(self.key("chosen"), 0)
        return self.suggestions[chosen] if chosen < len(self.suggestions) else None

    @property
    def template_id(self) -> str:
        """The template of the chosen reply, "" for a text of one's own."""
        return self.suggestion.template_id if self.suggestion else ""

    @property
    def text_key(self) -> str:
        """The name of the text field; each reply has its own."""
        return self.key(f"text-{self.template_id}")

    @property
    def text(self) -> str:
        """The reply as it would be sent."""
        return str(st.session_state.get(self.text_key) or "")

    @property
    def category(self) -> Category | None:
        """What the person says it is."""
        found: Category | None = st.session_state.get(self.key("category"))
        return found

    @property
    def remedy(self) -> str | None:
        """What the person chose to do."""
        found: str | None = st.session_state.get(self.key("remedy"))
        return found

    @property
    def needs_second(self) -> bool:
        """Whether a second person must look."""
        summary, judgement = self.case.summary, self.case.judgement
        resolved = bool(judgement and judgement.resolution.get("needs_second_person"))
        now = bool(self.assessment and self.assessment.resolution.needs_second_person)
        suspected = Category.ABUSE in (summary.category, self.category) or summary.abuse >= POSSIBLE_ABUSE
        return suspected or resolved or now

    @property
    def currency(self) -> str:
        """What the buyer paid in, "" where unknown."""
        paid = self.case.summary.order.paid
        return paid.currency if paid else ""

    @property
    def amount(self) -> Money | None:
        """The amount as it is written, None where none belongs to the remedy; ValueError where it cannot be read."""
        if not self.remedy or not telling.is_money(self.remedy):
            return None
        written = str(st.session_state.get(self.key(f"amount-{self.remedy}")) or "").strip()
        return parse_money(written, default=self.currency) if written else None

    def findings(self) -> list[Finding]:
        """Check the reply against what may be sent in this case."""
        return check(self.text, self._outgoing()) if self.text.strip() else []

    def _outgoing(self) -> Outgoing:
        summary, order = self.case.summary, self.case.summary.order
        if self.assessment:
            context = self.assessment.outgoing
        else:
            highest = order.paid if self.remedy in ALL_MONEY else None
            context = Outgoing(summary.channel, summary.language, summary.claim, order.order_id, highest)
        if self.category and self.category.value in list(Claim):
            context = replace(context, claim=Claim(self.category.value))
        try:
            amount = self.amount
        except ValueError:
            return context
        return replace(context, highest=amount) if amount and self.remedy == RemedyKind.PART_REFUND_KEEP else context

    def carried(self, suggestion: ReplySuggestion) -> RemedyKind | None:
        """Return which of the allowed remedies a reply carries, None where none."""
        return telling.carried(session.triage().ranker.templates[suggestion.template_id], self.remedies)

    def anyway_key(self, errors: Iterable[Finding]) -> str:
        """Return the name of "send it anyway": it is said of these objections, and of no others."""
        return self.key("anyway-" + "|".join(f"{error.rule}={error.found}" for error in errors))


def errors_of(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that must be changed, or knowingly sent."""
    return [finding for finding in findings if finding.severity == "error"]


def prefill(desk: Desk) -> None:
    """Put what is suggested into the form, once: one key then accepts it."""
    state, summary = st.session_state, desk.case.summary
    found = desk.assessment.prediction if desk.assessment else None
    category = found.category if found else summary.category
    if category is Category.NEEDS_REVIEW and found and len(found.claim_set) == 1:
        category = Category(found.claim.value)
    if desk.key("category") not in state:
        state[desk.key("category")] = None if category is Category.NEEDS_REVIEW else category
    if desk.key("remedy") not in state:
        kind = desk.carried(desk.suggestion) if desk.suggestion else None
        state[desk.key("remedy")] = kind.value if kind else desk.remedies[0].kind.value if desk.remedies else None
