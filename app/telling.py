"""Times, amounts and likelihoods in the reader's words; nothing here draws."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from triage_ml.cases import Decision
from triage_ml.messages import Category, Claim, Money
from triage_ml.replies.templates import Template
from triage_ml.resolution import ALL_MONEY, Remedy, RemedyKind
from wording import Wording

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# Below this many hours they are counted, above it days.
_HOURS_SHOWN = 48 * _HOUR
_ALMOST = 0.99


def at(moment: datetime, zone: tzinfo) -> str:
    """Return a time as the seller's clock shows it."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def left(due_at: datetime | None, now: datetime, say: Wording) -> str:
    """Return how long there is until a time, or since when it is over."""
    if due_at is None:
        return say("time.none")
    gap, way = abs(due_at - now), "late" if due_at < now else "in"
    if gap >= _HOURS_SHOWN:
        return say(f"time.{way}_days", n=gap // _DAY)
    return say(f"time.{way}_hours", n=gap // _HOUR) if gap >= _HOUR else say(f"time.{way}_minutes", n=gap.seconds // 60)


def urgency(due_at: datetime | None, now: datetime) -> str:
    """Return how a due time is coloured: "late", "soon" (within the day) or ""."""
    if due_at is None or due_at - now > _DAY:
        return ""
    return "late" if due_at < now else "soon"


def percent(share: float | Decimal) -> str:
    """Return a share as a whole percentage; a probability is never called certain or impossible."""
    if not isinstance(share, float):
        return f"{share:.0%}"
    return "<1%" if share < 1 - _ALMOST else f"{min(share, _ALMOST):.0%}"


def judged(probabilities: Mapping[Claim, float], claim_set: Collection[Claim], say: Wording) -> str:
    """Return what a message claims in a sentence: one claim, or several with how sure it is that it is one of them."""
    likely = sorted(claim_set, key=lambda claim: -probabilities[claim])
    sure = percent(float(sum(probabilities[claim] for claim in likely)))
    names = [say(f"claim.{claim.value}") for claim in likely]
    if len(names) == 1:
        return _sentence(say("judged.one", claim=names[0], sure=sure))
    joined = f" {say('judged.or')} ".join(names) if say.language == "en" else say("judged.or").join(names)
    return _sentence(say("judged.several", claims=joined, sure=sure))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def language(code: str, say: Wording) -> str:
    """Return what a language is called."""
    return say(f"languages.{code}") if say.knows(f"languages.{code}") else code


def remedy_name(kind: str, say: Wording) -> str:
    """Return what a remedy is called."""
    return say(f"remedy.{kind}") if say.knows(f"remedy.{kind}") else kind


def rule_and_reason(rule: str, why: str, say: Wording) -> str:
    """Return the rule behind a remedy, its short text, and the reason that holds here."""
    short = say(f"rule.{rule}") if say.knows(f"rule.{rule}") else ""
    return " · ".join(part for part in (rule, short, say.sentence(why)) if part)


def what_not_to_say(line: str, say: Wording) -> str:
    """Return a forbidden line ("R1: never say ...") in the reader's language."""
    rule, _, text = line.partition(": ")
    return f"{rule} · {say.sentence(text)}"


def money_line(remedy: Remedy, say: Wording) -> str:
    """Return what a remedy costs, what to offer and how many accept it, as far as that is known."""
    parts = [say("remedies.cost", cost=remedy.cost)] if remedy.cost else []
    if remedy.offer and remedy.offer_low and remedy.offer_high and remedy.share is not None:
        offered = {"offer": remedy.offer, "low": remedy.offer_low, "high": remedy.offer_high}
        parts.append(say("remedies.offer", share=percent(remedy.share), **offered))
    if remedy.chance:
        parts.append(say("remedies.chance", chance=percent(float(remedy.chance.mean))))
    return " · ".join(parts)


def example(currency: str) -> str:
    """Return how an amount in a currency is written."""
    return str(Money(Decimal("9.60"), currency or "EUR").share(Decimal(1)))


def short_name(kind: str, say: Wording) -> str:
    """Return what a remedy is called where there is little room."""
    return say(f"short.{kind}") if say.knows(f"short.{kind}") else remedy_name(kind, say)


def decision(made: Decision, say: Wording) -> str:
    """Return what a person chose, in a few words."""
    what = say("history.what", category=say(f"category.{made.category.value}"), remedy=remedy_name(made.remedy, say))
    more = [say("history.amount", amount=made.amount)] if made.amount else []
    return ", ".join([what, *more])


def carried(template: Template, allowed: Collection[Remedy]) -> RemedyKind | None:
    """Return which of the allowed remedies a reply carries, the first of several; None where none."""
    return next((remedy.kind for remedy in allowed if remedy.kind in template.remedies), None)


def is_money(kind: str) -> bool:
    """Say whether a remedy gives money back, so that an amount belongs to it."""
    return kind == RemedyKind.PART_REFUND_KEEP or kind in {money.value for money in ALL_MONEY}


def decidable(say: Wording) -> dict[Category, str]:
    """Return what a person may say that it is; "unclear" is no answer."""
    return {c: say(f"category.{c.value}") for c in Category if c is not Category.NEEDS_REVIEW}
