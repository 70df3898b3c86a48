"""Which templates fit a message, best first: never one that the resolution forbids.

A template is proposed only where all its conditions hold. Among those, the score is the probability, learned from labelled
texts, that a person would answer with it; it falls for every field that would have to be filled by hand. A shop's own template
that nobody has answered with yet takes the score of the shipped ones that carry the same remedy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from triage_ml.classifier import Prediction
from triage_ml.messages import Category, Message, MessageKind, OrderLine
from triage_ml.policy import Policy
from triage_ml.remedies import Resolution
from triage_ml.replies.templates import Template

_FIELD_MISSING = 0.5
# An export rarely says whether a message is a follow-up, so it is told from the text: above this, replies meant for later
# messages of a thread may be proposed.
_FOLLOW_UP = 0.4


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

    def rank(
        self, message: Message, prediction: Prediction, resolution: Resolution, most: int = 3
    ) -> tuple[ReplySuggestion, ...]:
        """Return the best templates for one message.

        Parameters
        ----------
        message, prediction, resolution
            What the earlier steps found.
        most
            How many at most.

        Returns
        -------
        tuple of ReplySuggestion
            Best first; fewer than `most` where fewer are allowed, none for texts that are no buyer's message.
        """
        values = self._values(message, resolution)
        scored = [
            (self._score(template, prediction, values), template.id)
            for template in self.templates.values()
            if _fits(template, message, prediction, resolution)
        ]
        best = sorted(scored, key=lambda pair: (-pair[0], pair[1]))[:most]
        return tuple(self._suggest(self.templates[name], score, prediction, resolution, values) for score, name in best)

    def _score(self, template: Template, prediction: Prediction, values: Mapping[str, str]) -> float:
        known = prediction.replies
        if template.id in known:
            score = known[template.id]
        else:
            kin = [known[t.id] for t in self.templates.values() if t.id in known and t.remedies == template.remedies]
            score = sum(kin) / len(kin) if kin else 0.0
        missing = sum(not values.get(name) for name in template.required)
        return score * _FIELD_MISSING**missing

    def _suggest(
        self,
        template: Template,
        score: float,
        prediction: Prediction,
        resolution: Resolution,
        values: Mapping[str, str],
    ) -> ReplySuggestion:
        text, missing = template.render(prediction.language, values)
        carried = next((r for r in resolution.remedies if r.kind in template.remedies), resolution.recommended)
        reason = f"{template.purpose['en']} ({carried.rule}: {carried.why})"
        return ReplySuggestion(template.id, round(score, 4), reason, prediction.language, text, missing)

    def _values(self, message: Message, resolution: Resolution) -> dict[str, str]:
        order = message.order or OrderLine()
        number = self.policy.number
        values = {
            "order_id": order.order_id,
            "product": order.product,
            "customisation": order.customisation,
            "shop": self.policy.shop,
            "remake_days": f"{number('shop.remake_days', order.marketplace):f}",
            "evidence_days": f"{number('time.evidence_days', order.marketplace):f}",
            "return_days": f"{number('time.return_days', order.marketplace):f}",
        }
        offer = resolution.offer
        if offer and offer.offer_low and offer.offer_high:
            values |= {
                "offer": str(offer.offer_low),
                "offer_low": str(offer.offer_low),
                "offer_high": str(offer.offer_high),
            }
        return values


def _fits(template: Template, message: Message, prediction: Prediction, resolution: Resolution) -> bool:
    allowed = {remedy.kind for remedy in resolution.remedies}
    abuse = prediction.category is Category.ABUSE
    personalised = bool(message.order and message.order.personalised)
    # A word about photos may mean "I can send some", so only an attachment makes asking for one needless.
    attached = bool(message.attachments)
    mentioned = attached or any(c.type == "photo" and not c.asked for c in prediction.cues)
    claims = {prediction.claim, *prediction.claim_set}
    return (
        message.kind is MessageKind.BUYER  # notices are answered in the marketplace, not by letter
        and not claims.isdisjoint(template.claims)
        and not allowed.isdisjoint(template.remedies)
        and (template.stage != "followup" or prediction.follow_up >= _FOLLOW_UP)
        and template.abuse in ("any", "only" if abuse else "never")
        and template.personalised in ("any", "only" if personalised else "never")
        and (template.photo != "missing" or not attached)
        and (template.photo != "attached" or mentioned)
    )
