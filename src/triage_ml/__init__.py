"""What does this buyer claim, what may be done, which reply fits.

Read it in this order:

    messages, errors, home    the nouns, what can go wrong, where a shop keeps its own
    readers                   an export becomes Messages
    language, letters, text   which language (european), which letters, which words, which cues (phrases: in one pass;
                              kept: made ready once)
    features, encoders        what of a text becomes numbers (vectorising: quickly); an optional expert
    classifier, learning      a text becomes a Prediction; labelled texts become a Classifier (heads, thresholds)
    model_files, model_audit  a model on disk, and what its files may hold, checked before anything is built
    evaluation, registry      how right it is, with a report; what MLflow keeps (served: the model as it runs there)
    teaching, champions       what a label would teach; which of a shop's own models counts (vocabulary: which words it knows)
    policy, acceptance, costs the seller's numbers; how often offers are accepted; what a remedy is expected to cost
    policy_versions           dated versions of them, compared and saved
    marketplaces, clocks      what holds where, and by when somebody must act (walltime: counted by the clock on the wall)
    customisation             whose error it is: the order's text held against the message
    resolution, remedies      the nouns of settling; what must and may be done (offers: which part of the price)
    insurance, notices        whether insuring returns pays (also _by_sku and _risk; intervals); what a listing must say
    replies, reply_model      templates, which of them fit, and what people answered such texts with
    triage                    the four steps in a row
    batch, spark              a whole export: with worker processes and checkpoints; on a cluster
    cases                     the case record: what was said, decided, done; proof, backups, retention
    evidence, insights, drift what is sent to win a dispute; what cases teach; what changes from week to week
    retraining                corrected cases make a better model (choosing: what the reply that was sent says of those shown)
    redaction                 personal data taken out of a text
    cli                       the commands and what they show
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triage_ml.classifier import Classifier, FixedClassifier, Prediction
    from triage_ml.errors import TriageError
    from triage_ml.messages import Category, Claim, Message, Money, OrderLine
    from triage_ml.policy import Policy, load_policy
    from triage_ml.readers import read_messages
    from triage_ml.replies.ranker import ReplySuggestion
    from triage_ml.resolution import Resolution
    from triage_ml.triage import Assessment, Triage

# Where each public name lives. They are imported on first use, so that importing the package stays light.
_HOMES = {
    "Assessment": "triage",
    "Category": "messages",
    "Claim": "messages",
    "Classifier": "classifier",
    "FixedClassifier": "classifier",
    "Message": "messages",
    "Money": "messages",
    "OrderLine": "messages",
    "Policy": "policy",
    "Prediction": "classifier",
    "ReplySuggestion": "replies.ranker",
    "Resolution": "resolution",
    "Triage": "triage",
    "TriageError": "errors",
    "load_policy": "policy",
    "read_messages": "readers",
}

__all__ = [
    "Assessment", "Category", "Claim", "Classifier", "FixedClassifier", "Message", "Money", "OrderLine", "Policy", "Prediction",
    "ReplySuggestion", "Resolution", "Triage", "TriageError", "load_policy", "read_messages",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"triage_ml.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'triage_ml' has no attribute {name!r}")
