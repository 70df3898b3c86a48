"""The one composition: a message goes in, an Assessment comes out, in four steps.

    judge    what does the text claim?           Prediction
    settle   what else do we know of it?         Prediction (notices, texts of our own, return reasons), Findings (the order)
    resolve  what must and may be done?          Resolution
    rank     which replies fit?                  ReplySuggestions

The command line, the screen and batches all show the same Assessment.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from triage_ml import champions, language
from triage_ml.acceptance import Acceptance
from triage_ml.classifier import CLAIMS, Judge, Prediction
from triage_ml.customisation import Comparison, Verdict, compare
from triage_ml.home import own_templates
from triage_ml.messages import Category, Claim, Message, MessageKind, OrderLine
from triage_ml.policy import Policy, load_policy
from triage_ml.remedies import resolve
from triage_ml.replies.library import load_templates
from triage_ml.replies.lint import Outgoing
from triage_ml.replies.ranker import ReplyRanker, ReplySuggestion
from triage_ml.reply_model import Circumstances
from triage_ml.resolution import ALL_MONEY, Findings, Resolution

# How sure a return reason alone makes us: buyers choose it by who pays the postage.
_REASON_ALONE = 0.7


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything the product says about one message.

    Parameters
    ----------
    message
        What was assessed.
    prediction
        What it claims.
    resolution
        What must and may be done.
    replies
        Up to three templates, filled, best first.
    reasons
        Why, in words a person can check: cues with the words they stand on, notices, return reasons.
    model, policy
        The versions this was made with.
    comparison
        What the buyer typed when ordering held against what the message says; None where there is nothing to compare.
    """

    message: Message
    prediction: Prediction
    resolution: Resolution
    replies: tuple[ReplySuggestion, ...]
    reasons: tuple[str, ...]
    model: str
    policy: str
    comparison: Comparison | None = None

    @property
    def category(self) -> Category:
        """What a person is shown."""
        return self.prediction.category

    @property
    def outgoing(self) -> Outgoing:
        """What the outgoing check must know of a reply to this message."""
        order, offer = self.message.order or OrderLine(), self.resolution.offer
        refund = any(remedy.kind in ALL_MONEY for remedy in self.resolution.remedies)
        highest = order.paid if refund else offer.offer_high if offer else None
        return Outgoing(
            self.message.channel,
            self.prediction.language,
            self.prediction.claim,
            order.order_id,
            highest,
            full_refund_allowed=refund,
            personalised=bool(order.personalised),
            price=self.resolution.remake_price,
        )


class Triage:
    """Assesses messages with one model, one policy and one library of templates.

    Parameters
    ----------
    judge
        Judges texts; `Triage.load` takes the trained one.
    policy
        The seller's numbers.
    ranker
        Ranks replies.
    acceptance
        How often offers are accepted; without it the trade's figure.
    """

    def __init__(self, judge: Judge, policy: Policy, ranker: ReplyRanker, acceptance: Acceptance | None = None) -> None:
        self.judge, self.policy, self.ranker, self.acceptance = judge, policy, ranker, acceptance or Acceptance()

    @classmethod
    def load(
        cls,
        model: Path | str | None = None,
        policy: Path | None = None,
        templates: Path | None = None,
        acceptance: Acceptance | None = None,
    ) -> Triage:
        """Load what assessing needs.

        Parameters
        ----------
        model
            A model folder; without one `find_model` looks for it.
        policy
            A policy file, else the shop's own, else the shipped numbers.
        templates
            A folder with the shop's own templates, beside the shipped ones; without it the one in `home`.
        acceptance
            What the shop's own offers brought.

        Raises
        ------
        TriageError
            Says which of them is missing or wrong, and what to do.
        """
        from triage_ml import model_files

        with ThreadPoolExecutor(1) as beside:
            beside.submit(language.prepare)
            numbers = load_policy(policy)
            library = load_templates(templates or own_templates())
            judge = model_files.load(Path(model) if model else find_model())
        return cls(judge, numbers, ReplyRanker(library, numbers), acceptance)

    def assess(self, message: Message, findings: Findings | None = None) -> Assessment:
        """Assess one message.

        Parameters
        ----------
        message
            What was written.
        findings
            What else is known of its case (`triage_ml.cases.findings`); the comparison is always made here.
        """
        return self.assess_many([message], [findings or Findings()])[0]

    def assess_many(self, messages: Sequence[Message], findings: Sequence[Findings] | None = None) -> list[Assessment]:
        """Assess n messages; the same as n times `assess`, but faster. `findings` has one for each message, or none at all."""
        known = [Circumstances(m.order.personalised if m.order else None, bool(m.attachments)) for m in messages]
        judged = self.judge.predict_many([m.text for m in messages], [m.language for m in messages], known)
        found = findings or [Findings()] * len(messages)
        return [self._assess(*each) for each in zip(messages, judged, found, strict=True)]

    def _assess(self, message: Message, judged: Prediction, findings: Findings) -> Assessment:
        prediction, notes = settle(message, judged)
        comparison = compared(message, prediction)
        resolution = resolve(message, prediction, self.policy, self.acceptance, replace(findings, comparison=comparison))
        replies = self.ranker.rank(message, prediction, resolution)
        order_says = (comparison.why,) if comparison and comparison.verdict is not Verdict.CANNOT_TELL else ()
        reasons = (*notes, *order_says, *_cue_reasons(prediction))
        versions = self.judge.version, self.policy.version
        return Assessment(message, prediction, resolution, replies, reasons, *versions, comparison)


def find_model() -> Path:
    """Return the model that counts: TRIAGE_MODEL, else the shop's champion, else models/default here or in the checkout."""
    if os.environ.get("TRIAGE_MODEL"):
        return Path(os.environ["TRIAGE_MODEL"])
    if version := champions.champion():
        return champions.folder(version)
    return champions.shipped()


def settle(message: Message, judged: Prediction) -> tuple[Prediction, tuple[str, ...]]:
    """Bring in what is known beside the words.

    Notices and the seller's own texts are no complaints, whatever words they contain. A return reason breaks a tie within the
    prediction set, and stands in where the buyer wrote nothing; it never overrules a clear text.

    Returns
    -------
    Prediction, tuple of str
        The prediction to work with, and what changed it, in words.
    """
    if message.kind is not MessageKind.BUYER:
        return _certain(judged, Claim.OTHER, 1.0), (f"{message.kind.value.replace('_', ' ')} text, not a buyer's message",)
    code, hint = message.reason_code, message.claim_hint
    if not message.text.strip():
        note = f"no comment; return reason {code or 'not given'}"
        if hint is None:
            return replace(_certain(judged, Claim.OTHER, 0.4), category=Category.NEEDS_REVIEW), (note,)
        return _certain(judged, hint, _REASON_ALONE), (f"{note} suggests {hint.value}",)
    if hint is not None and judged.category is Category.NEEDS_REVIEW and hint in judged.claim_set:
        return replace(judged, claim=hint, category=Category(hint)), (f"return reason {code} settles it: {hint.value}",)
    return judged, (f"return reason {code}",) if code else ()


def compared(message: Message, prediction: Prediction) -> Comparison | None:
    """Hold what the buyer typed when ordering against the message, where it could be about that; else None."""
    order = message.order
    if order is None or not order.customisation or message.kind is not MessageKind.BUYER:
        return None
    if not {Claim.MISMATCH, Claim.SUBJECTIVE} & set(prediction.possible):
        return None
    return compare(order.customisation, prediction.text, prediction.language)


def _certain(judged: Prediction, claim: Claim, probability: float) -> Prediction:
    rest = (1 - probability) / (len(CLAIMS) - 1)
    return replace(
        judged,
        claim=claim,
        probabilities={c: probability if c is claim else rest for c in CLAIMS},
        claim_set=(claim,),
        abuse=0.0,
        category=Category(claim),
    )


def _cue_reasons(prediction: Prediction) -> list[str]:
    reasons = []
    for cue in prediction.cues:
        # Phrases overlap: of those that say the same, the longest words are shown.
        if any(o is not cue and o.type == cue.type and o.start <= cue.start and cue.end <= o.end for o in prediction.cues):
            continue
        words = " ".join(prediction.text[cue.start : cue.end].split())
        turned = "no " if cue.negated else ""
        reasons.append(f"{turned}{cue.type.replace('_', ' ')}{' (asked)' if cue.asked else ''}: “{words}”")
    return list(dict.fromkeys(reasons))
