"""Which of the served languages a text is in."""

from __future__ import annotations

import re
from collections.abc import Sequence

LANGUAGES = ("en", "de", "fr", "es", "it", "ja", "zh")

_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9f]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_CJK = re.compile(r"[\u3041-\u30ff\uff66-\uff9f\u3400-\u9fff\uf900-\ufaff]")
_LETTER = re.compile(r"[^\W\d_]")
_THREE_LETTERS = re.compile(r"[^\W\d_][\W\d_]*[^\W\d_][\W\d_]*[^\W\d_]")
# A guess beats what the export says where it is this probable, or where so many letters speak for it.
_SURE, _MANY_LETTERS = 0.6, 40
# Nobody changes the language after so many characters.
_ENOUGH = 5_000


def detect(text: str, hint: str = "") -> str:
    """Return the language of one text; `detect_many` for one."""
    return detect_many([text], [hint])[0]


def detect_many(texts: Sequence[str], hints: Sequence[str]) -> list[str]:
    """Return the ISO 639-1 codes of the served languages that texts are written in.

    The script decides first (kana: Japanese; Han without kana: Chinese), since two characters are enough for that and
    too few for any statistics; the rest is left to py3langid restricted to the European languages served.

    Parameters
    ----------
    texts
        n messages; of each the first 5,000 characters count.
    hints
        n languages that an export names, as ISO 639-1 codes that may be longer ("en-GB") or empty. They count only where the
        text has nothing to go by.

    Returns
    -------
    list of str
        n of `LANGUAGES`.
    """
    starts = [text[:_ENOUGH] for text in texts]
    named = [hint.lower()[:2] if hint.lower()[:2] in LANGUAGES else "" for hint in hints]
    found = list(map(_by_script, starts, named))
    european = [row for row, language in enumerate(found) if language is None]
    for row, (guess, sure) in zip(european, _guesses([starts[row] for row in european]), strict=True):
        hinted = named[row]
        trusted = sure > _SURE or not hinted or hinted in ("ja", "zh") or len(_LETTER.findall(starts[row])) > _MANY_LETTERS
        found[row] = guess if trusted else hinted
    return [language or "en" for language in found]


def prepare() -> None:
    """Unpack what tells languages apart: half a second that may pass on another core, beside other work."""
    _guesses(["a"])


def _guesses(texts: Sequence[str]) -> list[tuple[str, float]]:
    if not texts:
        return []
    from triage_ml.european import classify_many

    return classify_many(texts)


def _by_script(text: str, named: str) -> str | None:
    """Return the language where the script or the lack of any tells it, else None."""
    if not _CJK.search(text):
        return None if _THREE_LETTERS.search(text) else named or "en"
    kana, han, letters = len(_KANA.findall(text)), len(_HAN.findall(text)), len(_LETTER.findall(text))
    if kana + han > 0.15 * letters:
        # A few words in kanji alone could be either; what the export says settles it.
        return "ja" if kana or (named == "ja" and han < 12) else "zh"
    return named or "en" if letters < 3 else None
