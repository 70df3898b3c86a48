"""Whose error is it? What the order says, held against what the buyer says was made and was wanted.

The words by which people say so are in `data/customisation.toml`. A wrong verdict costs more than none, so whatever does not
add up is `cannot_tell`. The three steps of `compare`:

    order        the customisation becomes Fields: labels, lines, Amazon's JSON
    complaint    the message becomes a Complaint: the differences it names, what it calls wrong, whether it admits a slip
                 (passage: its sentences and cues; mentions: the values it names; statements: the role a cue gives a value)
    verdict      by which side of a difference the order shows

What they stand on:

    comparison           the answer
    characters, words    one form for all ways to type the same; the data file, checked
    index                which of many words begin at a place
    spelling             how alike two spellings are
    sieve                which words need not be held against the order at all
    dates, values        what a text names: dates, sizes, numbers, colours
    matching             how two values stand to each other
"""

from __future__ import annotations

from triage_ml.customisation.comparison import Comparison, Kind, Verdict
from triage_ml.errors import LanguageDataError
from triage_ml.language import LANGUAGES

__all__ = ["Comparison", "Kind", "Verdict", "compare"]


def compare(customisation: str, text: str, language: str) -> Comparison:
    """Say whose error a message complains of, as far as the order shows it.

    Parameters
    ----------
    customisation
        What the buyer typed when ordering: "Name: Anna; Size: 7", lines, free text, or JSON.
    text
        The buyer's message; what stands beyond its first 3,000 characters is not read.
    language
        Its language, one of `triage_ml.language.LANGUAGES`.

    Returns
    -------
    Comparison
        `cannot_tell` unless order and message settle it.

    Raises
    ------
    LanguageDataError
        The language is not served.

    Examples
    --------
    >>> compare("Name: Anna", "It says Annna instead of Anna", "en").verdict.value
    'our_error'
    """
    if language not in LANGUAGES:
        raise LanguageDataError(f"found language {language!r}; expected one of {', '.join(LANGUAGES)}; see triage_ml.language.")
    nothing = Comparison(Verdict.CANNOT_TELL, "", "", "", Kind.TEXT, "The order has no customisation text.")
    if not customisation.strip():
        return nothing
    # Patterns and words take time to load, and where nothing was typed neither is needed.
    from triage_ml.customisation.complaint import read_complaint
    from triage_ml.customisation.order import read_order
    from triage_ml.customisation.verdict import judge

    fields = read_order(customisation, language)
    return judge(read_complaint(text, fields, language), fields) if fields else nothing
