"""One case on the desk: how it is judged now, and what the person has put into the form so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

import streamlit as st

import session
import telling
from triage_ml.cases import Case, CaseState, Decision
from triage_ml.cases.findings import outgoing_of
from triage_ml.messages import Category, Money
from triage_ml.readers.money import parse_money
from triage_ml.replies.edits import changed_share
from triage_ml.replies.lint import Finding, check
from triage_ml.replies.ranker import ReplySuggestion
from triage_ml.resolution import Remedy, RemedyKind
from triage_ml.triage import Assessment


class Step(Enum):
    """What one key does with a case."""

    DECIDE = auto()
    HAND_OVER = auto()  # propose it to a second person
    AGREE = auto()  # decide as the first person proposed


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

    # --- the reply

    @property
    def proposed(self) -> Decision | None:
        """What somebody proposed and a second person is to look at."""
        return self.case.proposal.decision if self.case.proposal else None

    @property
    def suggestions(self) -> tuple[ReplySuggestion, ...]:
        """The replies to choose from, best first; before those of the model what somebody proposed, or none while we wait."""
        ranked = self.assessment.replies if self.assessment else ()
        if self.proposed and self.proposed.final_text:
            first = ReplySuggestion(self.proposed.template_id, 1.0, "", self.language, self.proposed.final_text, ())
        elif self._waits:
            first = ReplySuggestion("", 1.0, "", self.language, "", ())
        else:
            return ranked
        return (first, *(one for one in ranked if one.template_id != first.template_id))[: max(1, len(ranked))]

    @property
    def _waits(self) -> bool:
        """Whether it is the buyer's turn, and best to leave it at that."""
        recommended = self.remedies[0].kind if self.remedies else None
        return recommended is RemedyKind.WAIT and self.case.summary.state is CaseState.WAITING

    @property
    def suggestion(self) -> ReplySuggestion | None:
        """The reply that is chosen."""
        chosen = st.session_state.get(self.key("chosen"), 0)
        return self.suggestions[chosen] if chosen < len(self.suggestions) else None

    def is_proposed(self, suggestion: ReplySuggestion | None) -> bool:
        """Say whether a reply is the one that somebody proposed."""
        return bool(suggestion and self.proposed and suggestion.template_id == self.proposed.template_id)

    @property
    def language(self) -> str:
        """The buyer's language (ISO 639-1)."""
        return self.assessment.prediction.language if self.assessment else self.case.summary.language

    @property
    def template_id(self) -> str:
        """The template of the chosen reply, "" where there is none."""
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
    def shown(self) -> tuple[str, ...]:
        """The templates that the person who chose was shown, best first."""
        if self.proposed:
            return self.proposed.shown
        return tuple(one.template_id for one in self.suggestions if one.template_id)

    @property
    def edited(self) -> float | None:
        """Which share of the template's suggestion was changed; None where there is no text, or none was suggested."""
        text = self.text.strip()
        if not text or not self.template_id or self.suggestion is None:
            return None
        if self.proposed and self.is_proposed(self.suggestion) and text == self.proposed.final_text:
            return self.proposed.edited
        ranked = self.assessment.replies if self.assessment else ()
        suggested = next((one.text for one in ranked if one.template_id == self.template_id), self.suggestion.text)
        return changed_share(suggested, text)

    def carried(self, suggestion: ReplySuggestion) -> RemedyKind | None:
        """Return which remedy a reply carries: of those that are allowed the first, None where none."""
        if self.proposed and self.is_proposed(suggestion):
            return RemedyKind(self.proposed.remedy)
        if not suggestion.template_id:
            return RemedyKind.WAIT
        return telling.carried(session.triage().ranker.templates[suggestion.template_id], self.remedies)

    # --- the form

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

    @property
    def second(self) -> str:
        """The colleague who is said to have looked too, "" where nobody is."""
        return str(st.session_state.get(self.key("second")) or "").strip()

    @property
    def needs_second(self) -> bool:
        """Whether a second person must look: the record says so, or how it is judged now, or what the person says it is."""
        now = bool(self.assessment and self.assessment.resolution.needs_second_person)
        chosen = [self.category] if self.category else []
        return now or self.proposed is not None or self.case.second_person_needed(*chosen)

    @property
    def step(self) -> Step:
        """What the main key does now."""
        if self.proposed:
            return Step.AGREE if self._as_proposed() else Step.DECIDE
        return Step.HAND_OVER if self.needs_second and not self.second else Step.DECIDE

    def _as_proposed(self) -> bool:
        try:
            chosen = self.category, self.remedy, self.amount, self.text.strip()
        except ValueError:
            return False
        first = self.proposed
        return first is not None and chosen == (first.category, first.remedy, first.amount, first.final_text)

    # --- the check

    def findings(self) -> list[Finding]:
        """Check the reply against what may be sent in this case."""
        if not self.text.strip():
            return []
        try:
            amount = self.amount
        except ValueError:
            amount = None
        chosen = outgoing_of(self.case, self.assessment, category=self.category, remedy=self.remedy or "", amount=amount)
        return check(self.text, chosen)

    def anyway_key(self, errors: Iterable[Finding]) -> str:
        """Return the name of "send it anyway": it is said of these objections, and of no others."""
        return self.key("anyway-" + "|".join(f"{error.rule}={error.found}" for error in errors))


def errors_of(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that must be changed, or knowingly sent."""
    return [finding for finding in findings if finding.severity == "error"]


def prefill(desk: Desk) -> None:
    """Put what is proposed, was written before, or is suggested into the form, once: one key then accepts it."""
    drafts: dict[tuple[str, str], str] = st.session_state.setdefault("drafts", {})
    written = (n for n, one in enumerate(desk.suggestions) if (desk.case.id, one.template_id) in drafts)
    _put(desk, "chosen", 0 if desk.proposed else next(written, 0))
    if desk.proposed:
        first = desk.proposed
        _put(desk, "category", first.category)
        _put(desk, "remedy", first.remedy)
        _put(desk, f"amount-{first.remedy}", str(first.amount or ""))
        return
    found = desk.assessment.prediction if desk.assessment else None
    category = found.category if found else desk.case.summary.category
    if category is Category.NEEDS_REVIEW and found and len(found.claim_set) == 1:
        category = Category(found.claim.value)
    _put(desk, "category", None if category is Category.NEEDS_REVIEW else category)
    kind = desk.carried(desk.suggestion) if desk.suggestion else None
    _put(desk, "remedy", kind.value if kind else desk.remedies[0].kind.value if desk.remedies else None)


def _put(desk: Desk, part: str, value: object) -> None:
    st.session_state.setdefault(desk.key(part), value)
