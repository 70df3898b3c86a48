"""A reply template: what it is, when it fits, how it is filled. Files of them are read and checked by `library`.

Texts are rendered in Jinja2's sandbox with an allow-list of fields. A buyer's words are only ever a value, never a template.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from triage_ml.messages import Claim
from triage_ml.resolution import RemedyKind

FIELDS = (
    "order_id", "product", "customisation", "buyer_name", "shop", "offer", "offer_low", "offer_high",
    "personalised", "remake_price", "remake_days", "evidence_days", "return_days",
)  # fmt: skip
ALWAYS_KNOWN = frozenset({"shop", "remake_days", "evidence_days", "return_days"})


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of one message when a reply is chosen. What is unknown meets no condition.

    Parameters
    ----------
    claims
        What the buyer may claim: all claims that are still possible.
    remedies
        What the resolution allows.
    abuse
        Whether abuse is decided.
    follow_up
        Whether the message is a later one of its thread.
    personalised
        Whether the order line was made for this buyer; None where unknown, which counts as not.
    photo_attached, photo_mentioned
        Whether the buyer sent a photo, or writes of one. "I can send some" is only a mention, so asking is not needless.
    channel, marketplace, language
        As the message has them, "" where unknown.
    value
        "small", "middle" or "large", the band of the paid amount; "" where unknown.
    """

    claims: Collection[Claim]
    remedies: Collection[RemedyKind]
    abuse: bool = False
    follow_up: bool = False
    personalised: bool | None = None
    photo_attached: bool = False
    photo_mentioned: bool = False
    channel: str = ""
    marketplace: str = ""
    language: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A reply that a person wrote once, in several languages, with the conditions under which it fits.

    Parameters
    ----------
    id
        Short name, the same as the file's.
    purpose
        One line for the reader, keys "en" and "zh".
    claims
        The claims it answers.
    remedies
        It fits only where the resolution allows one of these.
    abuse, stage, personalised, photo, value
        Conditions, see `triage_ml.replies.library`.
    tone
        How it sounds: "warm", "neutral", "formal" or "firm".
    channels, marketplaces, languages
        The only ones it is meant for; empty for all.
    required, optional
        Fields the text uses; a required one that is unknown is shown as missing.
    text
        Language code to text.
    source
        The file it came from.
    own
        Whether it is the shop's, not a shipped one.
    """

    id: str
    purpose: Mapping[str, str]
    claims: tuple[Claim, ...]
    remedies: tuple[RemedyKind, ...]
    abuse: str
    stage: str
    personalised: str
    photo: str
    value: str
    tone: str
    channels: tuple[str, ...]
    marketplaces: tuple[str, ...]
    languages: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    text: Mapping[str, str]
    source: str
    own: bool = False

    def fits(self, situation: Situation) -> tuple[str, ...]:
        """Return why it does not fit, one reason for each condition that is not met; empty where it fits."""
        return tuple(_reasons_against(self, situation))

    def render(self, language: str, values: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
        """Fill the template.

        Parameters
        ----------
        language
            The buyer's language; where the template lacks it English, else the first one it has.
        values
            Field to text. Unknown fields are absent or empty.

        Returns
        -------
        str, tuple of str
            The text, and the required fields that are unknown, each shown in the text as "[field]".
        """
        missing = self.missing(values)
        filled = {name: values.get(name, "") for name in (*self.required, *self.optional, *ALWAYS_KNOWN)}
        for name in missing:
            filled[name] = f"[{name}]"
        template = compiled(self.text.get(language) or self.text.get("en") or next(iter(self.text.values())))
        # The same as `template.render(filled)`, but without a look through Jinja2's functions, which no text may use.
        text = "".join(template.root_render_func(template.new_context(filled, shared=True)))
        if "\n\n\n" in text:
            text = re.sub(r"\n{3,}", "\n\n", text)
        return text.strip(), missing

    def missing(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return the required fields that are unknown."""
        return tuple([name for name in self.required if not values.get(name)])


def _reasons_against(template: Template, now: Situation) -> Iterator[str]:
    if set(template.claims).isdisjoint(now.claims):
        yield f"answers {', '.join(template.claims)}, not {', '.join(now.claims)}"
    if set(template.remedies).isdisjoint(now.remedies):
        yield f"carries {', '.join(template.remedies)}, which is not allowed here"
    if template.stage == "followup" and not now.follow_up:
        yield "meant for a later message of the thread"
    if template.photo == "missing" and now.photo_attached:
        yield "asks for a photo that is already there"
    if template.photo == "attached" and not (now.photo_attached or now.photo_mentioned):
        yield "answers a photo, and none is attached or mentioned"
    for key, stated, holds in (
        ("abuse", template.abuse, now.abuse),
        ("personalised", template.personalised, now.personalised),
    ):
        if stated not in ("any", "only" if holds else "never"):
            yield f"{key}: {stated}"
    for key, meant, given in (
        ("channel", template.channels, now.channel),
        ("marketplace", template.marketplaces, now.marketplace),
        ("language", template.languages, now.language),
        ("value", () if template.value == "any" else (template.value,), now.value),
    ):
        if meant and given not in meant:
            yield f"{key} {given or 'unknown'}, meant for {', '.join(meant)}"


@cache
def compiled(text: str) -> Any:  # noqa: ANN401 - a Jinja2 template
    """Return a text ready to be rendered in the sandbox; an unknown field is an error."""
    return _environment().from_string(text)


@cache
def _environment() -> Any:  # noqa: ANN401 - of Jinja2
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
    environment.globals.clear()
    return environment
