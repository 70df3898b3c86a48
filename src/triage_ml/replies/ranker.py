"""Which templates fit a message, best first: never one that the resolution forbids.

A template is proposed only where all its conditions hold. Among those, the score is the probability, learned from labelled
texts, that a person would answer with it; it falls for every field that would have to be filled by hand. A shop's own template
that nobody has answered with yet takes the score of the shipped ones that carry the same remedies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from triage_ml.classifier import Prediction
from triage_ml.messages import Category, Message, MessageKind, OrderLine
from triage_ml.policy import Policy
from triage_ml.replies.templates import Situation, Template
from triage_ml.resolution import Remedy, RemedyKind, Resolution

_FIELD_MISSING = 0.5
# A shop's own template was written to be used; a shipped one that no labelled text was answered with stands behind the others.
_NEW = 0.1
# An export rarely says whether a message is a follow-up, so it is told from the text: above this, replies meant for later
# messages of a thread may be proposed.
_FOLLOW_UP = 0.4
_SITUATIONS_REMEMBERED = 4096
_NO_ORDER = OrderLine()


@dataclass(frozen=True, slots=True)
class ReplySuggestion:
    """One template, filled for one message. A person edits and sends it.

    Parameters
    ----------
    template_id
        Which template.
    score
        0 to 1; only its order means something.
    reason
        Why it is proposed, in words.
    language
        The buyer's language.
    text
        The rendered text.
    missing
        Fields the text needs and the order does not tell; shown as "[field]" in `text`.
    """

    template_id: str
    score: float
    reason: str
    language: str
    text: str
    missing: tuple[str, ...]


class ReplyRanker:
    """Ranks the templates of one library for one shop.

    Parameters
    ----------
    templates
        Id to template.
    policy
        Gives the shop's name and the days that texts mention.
    """

    def __init__(self, templates: Mapping[str, Template], policy: Policy) -> None:
        self.templates, self.policy = templates, policy
        self._known: dict[Situation, list[Template]] = {}
        self._kin: dict[tuple[RemedyKind, ...], list[str]] = {}
        for template in templates.values():
            self._kin.setdefault(template.remedies, []).append(template.id)

    def rank(
        self, message: Message, prediction: Prediction, resolution: Resolution, most: int | None = 3
    ) -> tuple[ReplySuggestion, ...]:
        """Return the templates that fit one message, best first.

        Parameters
        ----------
        message, prediction, resolution
            What the earlier steps found.
        most
            How many at most; None for all.

        Returns
        -------
        tuple of ReplySuggestion
            Best first; fewer than `most` where fewer are allowed, none for texts that are no buyer's message.
        """
        if message.kind is not MessageKind.BUYER:  # notices are answered in the marketplace, not by letter
            return ()
        order, remedies, answered = message.order or _NO_ORDER, resolution.remedies, prediction.replies
        values = self._values(order, resolution)
        fitting = self._fitting(self._situation(message, order, prediction, remedies))
        best = sorted([(-self._score(template, answered, values), template.id) for template in fitting])[:most]
        # What people answered, among what may be answered here.
        total = sum([answered.get(template.id, 0.0) for template in fitting]) or 1.0
        suggestions = []
        for score, name in best:
            template = self.templates[name]
            text, missing = template.render(prediction.language, values)
            reason = "; ".join(_reasons(template, answered, total, remedies, missing))
            suggestions.append(ReplySuggestion(name, round(-score, 4), reason, prediction.language, text, missing))
        return tuple(suggestions)

    def _fitting(self, situation: Situation) -> list[Template]:
        """Return the templates that fit; remembered, since the same few hundred situations come over and over."""
        found = self._known.get(situation)
        if found is None:
            found = [template for template in self.templates.values() if not template.fits(situation)]
            if len(self._known) < _SITUATIONS_REMEMBERED:
                self._known[situation] = found
        return found

    def _score(self, template: Template, answered: Mapping[str, float], values: Mapping[str, str]) -> float:
        score = answered.get(template.id)
        if score is None:
            kin = [answered[name] for name in self._kin[template.remedies] if name in answered]
            score = sum(kin) / len(kin) * (1 if template.own else _NEW) if kin else 0.0
        return score * _FIELD_MISSING ** len(template.missing(values)) if template.required else score

    def _situation(self, message: Message, order: OrderLine, prediction: Prediction, remedies: tuple[Remedy, ...]) -> Situation:
        attached = bool(message.attachments)
        return Situation(
            claims=frozenset(prediction.possible),
            remedies=frozenset([remedy.kind for remedy in remedies]),
            abuse=prediction.category is Category.ABUSE,
            follow_up=prediction.follow_up >= _FOLLOW_UP,
            personalised=order.personalised,
            photo_attached=attached,
            photo_mentioned=attached or any(cue.type == "photo" and not cue.asked for cue in prediction.cues),
            channel=message.channel,
            marketplace=order.marketplace,
            language=prediction.language,
            value=self._band(order),
        )

    def _band(self, order: OrderLine) -> str:
        if order.paid is None:
            return ""
        numbers = self.policy.numbers_for(order.marketplace, order.sku)
        if order.paid.amount < numbers["value.small"]:
            return "small"
        return "large" if order.paid.amount >= numbers["value.large"] else "middle"

    def _values(self, order: OrderLine, resolution: Resolution) -> dict[str, str]:
        numbers = self.policy.numbers_for(order.marketplace, order.sku)
        values = {
            "order_id": order.order_id,
            "product": order.product,
            "customisation": order.customisation,
            "personalised": "yes" if order.personalised else "",
            "shop": self.policy.shop,
            "remake_days": f"{numbers['shop.remake_days']:f}",
            "evidence_days": f"{numbers['time.evidence_days']:f}",
            "return_days": f"{numbers['time.return_days']:f}",
        }
        if resolution.remake_price:
            values["remake_price"] = str(resolution.remake_price)
        if offer := resolution.offer:
            values["offer"], values["offer_low"] = str(offer.offer), str(offer.offer_low)
            values["offer_high"] = str(offer.offer_high)
        return values


def _reasons(
    template: Template, answered: Mapping[str, float], total: float, remedies: tuple[Remedy, ...], missing: tuple[str, ...]
) -> Iterator[str]:
    """Yield why a template is proposed: what it is for, the rule it stands on, what people did, what is left to fill in."""
    carried = next((remedy for remedy in remedies if remedy.kind in template.remedies), remedies[0])
    first = ", recommended" if carried is remedies[0] and carried.kind is not RemedyKind.ANSWER else ""
    yield f"{template.purpose['en'].rstrip('.')} ({carried.rule}: {carried.why}{first})"
    if template.id in answered:
        yield f"{answered[template.id] / total:.0%} of such texts are answered so, of the replies that may be sent"
    else:
        yield "nobody has answered with it yet: ranked by the others that carry the same remedy"
    if missing:
        yield f"to be filled in: {', '.join(missing)}"
