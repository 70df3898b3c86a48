"""Which of the served languages a text is in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from unicodedata import normalize

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LANGUAGES = ("en", "de", "fr", "es", "it", "ja", "zh")

_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9f]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_CJK = re.compile(r"[\u3041-\u30ff\uff66-\uff9f\u3400-\u9fff\uf900-\ufaff]")
_LETTER = re.compile(r"[^\W\d_]")
_THREE_LETTERS = re.compile(r"[^\W\d_][\W\d_]*[^\W\d_][\W\d_]*[^\W\d_]")
_BY_SCRIPT = frozenset({"ja", "zh"})
# A guess beats what the export says where it is this probable, or where so many letters speak for it.
_SURE, _MANY_LETTERS = 0.6, 40
# Nobody changes the language after so many characters.
_ENOUGH = 5_000
# So many bytes py3langid's automaton looks back.
_DEPTH = 6
# No byte of a text in UTF-8: it takes the automaton back to its start.
_BREAK = b"\xff"


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


def _by_script(text: str, named: str) -> str | None:
    """Return the language where the script or the lack of any tells it, else None."""
    if not _CJK.search(text):
        return None if _THREE_LETTERS.search(text) else named or "en"
    kana, han, letters = len(_KANA.findall(text)), len(_HAN.findall(text)), len(_LETTER.findall(text))
    if kana + han > 0.15 * letters:
        # A few words in kanji alone could be either; what the export says settles it.
        return "ja" if kana or (named == "ja" and han < 12) else "zh"
    return named or "en" if letters < 3 else None


def _guesses(texts: Sequence[str]) -> list[tuple[str, float]]:
    """Return what py3langid's `classify` says of n texts, a language and its probability for each.

    It walks through a text byte by byte, which takes longer than anything else here. Where its automaton stands depends on the
    last few bytes alone, so all the bytes of all texts are walked through at once.
    """
    if not texts:
        return []
    from scipy.sparse import csr_matrix

    walk = _walk()
    # As the library does it.
    encoded = [normalize("NFC", text.lower() if text.isupper() else text).encode("utf-8", "surrogatepass") for text in texts]
    read = np.frombuffer(_BREAK * _DEPTH + _BREAK.join(encoded), dtype=np.uint8)
    state = np.zeros(len(read) - _DEPTH, dtype=np.int32)
    for back in range(_DEPTH):
        state = walk.following[(walk.rows[state] << 8) + read[back + 1 : len(read) - _DEPTH + back + 1]]
    feature = walk.features[state]
    lengths = np.array([len(one) for one in encoded])
    ends = np.cumsum(lengths + 1) - 1
    counted = np.concatenate([[0], np.cumsum(feature >= 0)])
    feature = feature[feature >= 0]
    bounds = counted[np.concatenate([[0], np.minimum(ends, len(state))])]
    counts = csr_matrix((np.ones(len(feature), np.float32), feature, bounds), shape=(len(texts), len(walk.weights)))
    counts.sum_duplicates()
    counts.data = np.log1p(counts.data)
    scores = (counts @ walk.weights + walk.prior * (np.diff(bounds) > 0)[:, None]) / np.sqrt(np.maximum(lengths, 1))[:, None]
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    best = likely.argmax(axis=1)
    return [(walk.languages[n], float(likely[row, n])) for row, n in enumerate(best)]


@dataclass(frozen=True, slots=True)
class _Walk:
    """py3langid's automaton and weights as arrays: `following[(rows[state] << 8) + byte]` is the next state.

    `features` has the feature that a state stands for, -1 for none; `weights`, shape (features, languages), and `prior`
    score it.
    """

    following: NDArray[np.int32]
    rows: NDArray[np.int32]
    features: NDArray[np.int32]
    weights: NDArray[np.float32]
    prior: NDArray[np.float32]
    languages: Sequence[str]


@cache
def _walk() -> _Walk:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages([language for language in LANGUAGES if language not in _BY_SCRIPT])
    following, rows, features = (np.array(one, np.int32) for one in (model.tk_nextmove, model.tk_row, model.tk_output))
    weights, prior = model.nb_ptc.astype(np.float32), model.nb_pc.astype(np.float32)
    return _Walk(following, rows, features, weights, prior, model.nb_classes)
