"""Personal data taken out of a buyer's text: what is left may be learned from and shown in reports.

Read it in this order:

    kinds       what is looked for, and where it stands
    words       by which words, read from data/redaction.toml and data/given_names.toml
    contacts    phone numbers, mail addresses, order and account numbers, postal addresses
    ordered     what the order had engraved
    names       names and engraved texts: the order's, behind phrases, in greetings and signatures
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from triage_ml.language import LANGUAGES
from triage_ml.messages import OrderLine
from triage_ml.redaction.contacts import find_contacts, hide
from triage_ml.redaction.kinds import PersonalData, Redacted, Span
from triage_ml.redaction.names import find_names
from triage_ml.redaction.ordered import read_ordered
from triage_ml.redaction.words import load_words, plain

__all__ = ["PersonalData", "Redacted", "Span", "redact"]

_LETTERS = re.compile(r"\w")
_PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(kind.name for kind in PersonalData)})\]")


def redact(text: str, language: str, *, order: OrderLine | None = None, names: Sequence[str] = ()) -> Redacted:
    """Replace personal data by placeholders such as [PHONE] and [NAME].

    Engraved names count as personal data. What the order says was engraved is found wherever it stands, misspelt too. Other
    names are found where a phrase, a greeting or a signature gives them away, where they are frequent, and in English, French,
    Spanish and Italian by their capital within a sentence, for which places and firms go too. `tests/redaction/README.md` says
    how much is found and what is missed: a redacted text is pseudonymous, not anonymous.

    Parameters
    ----------
    text
        What the buyer wrote.
    language
        Its language, one of `triage_ml.language.LANGUAGES`; any other is read as English.
    order
        The order line: its id and its customisation are taken out.
    names
        Further names that are known, such as the buyer's.

    Returns
    -------
    Redacted
        The text in Unicode form NFC with placeholders, and where they were put in.

    Examples
    --------
    >>> redact("It says Lenna instead of Lena. Kind regards, Ruth", "en").text
    'It says [NAME] instead of [NAME]. Kind regards, [NAME]'
    """
    text, flat = plain(text)
    flat = _PLACEHOLDER.sub(lambda match: "\x00" * len(match[0]), flat)
    words = load_words(language if language in LANGUAGES else "en")
    contacts = list(find_contacts(flat, words, order))
    # Names are looked for in what is left, so that no part of a mail address becomes a name.
    ordered = read_ordered(order.customisation if order else "", names, words)
    found = [*contacts, *find_names(hide(flat, contacts), words, ordered)]
    spans = tuple(_merged(span for span in found if _LETTERS.search(flat, span.start, span.end)))
    return Redacted(_with_placeholders(text, spans), spans)


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Join what overlaps, under the kind of the longest, so that nothing found is left standing."""
    group: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if group and span.start >= max(s.end for s in group):
            yield _joined(group)
            group = []
        group.append(span)
    if group:
        yield _joined(group)


def _joined(group: Sequence[Span]) -> Span:
    longest = max(group, key=lambda s: s.end - s.start)
    return Span(group[0].start, max(s.end for s in group), longest.kind)


def _with_placeholders(text: str, spans: Iterable[Span]) -> str:
    parts, position = [], 0
    for span in spans:
        parts += [text[position : span.start], f"[{span.kind.name}]"]
        position = span.end
    return "".join([*parts, text[position:]])
