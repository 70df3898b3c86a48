"""Which of the served languages a text is in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it", "ja", "zh")

_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9f]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LETTER = re.compile(r"[^\W\d_]")


def detect(text: str, hint: str = "") -> str:
    """Return the ISO 639-1 code of the served language that `text` is written in.

    The script decides first (kana: Japanese; Han without kana: Chinese), since two characters are enough for that and
    too few for any statistics; the rest is left to py3langid restricted to the European languages served.
    `hint` is the language an export names; it counts only where the text has nothing to go by.

    Parameters
    ----------
    text
        One message.
    hint
        ISO 639-1 code, may be longer ("en-GB") or empty.

    Returns
    -------
    str
        One of `LANGUAGES`.
    """
    named = hint.lower()[:2] if hint.lower()[:2] in LANGUAGES else ""
    kana, han, letters = len(_KANA.findall(text)), len(_HAN.findall(text)), len(_LETTER.findall(text))
    if kana + han > 0.15 * letters:
        # A few words in kanji alone could be either; what the export says settles it.
        return "ja" if kana or (named == "ja" and han < 12) else "zh"
    if letters < 3:
        return named or "en"
    guess, probability = _identifier().classify(text)
    sure = probability > 0.6 or letters > 40
    return guess if sure or not named or named in ("ja", "zh") else named


def detect_many(texts: Sequence[str], hints: Sequence[str]) -> list[str]:
    """`detect` for each text and its hint, in order."""
    return [detect(text, hint) for text, hint in zip(texts, hints, strict=True)]


@cache
def _identifier() -> Any:  # noqa: ANN401 - py3langid is untyped
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(["en", "de", "fr", "es", "it"])
    return identifier
