"""Sentence encoders, an optional part: what a pretrained network knows of a language, beside words and cues.

Any folder or hub name of model2vec or sentence-transformers will do. Vectors of texts in languages that the encoder was not
made for are nought, so that an English encoder helps with English and leaves the rest alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from triage_ml.errors import MissingExtraError, ModelError
from triage_ml.language import LANGUAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Encoder(Protocol):
    """Whatever turns texts into vectors that lie close where the texts mean alike."""

    @property
    def where(self) -> str:
        """Folder or hub name it was opened from."""
        ...

    @property
    def languages(self) -> Sequence[str]:
        """ISO 639-1 codes of the languages it was made for."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of length 1, shape (n, dimensions)."""
        ...


@dataclass(frozen=True, slots=True)
class PretrainedEncoder:
    """An encoder from a folder or a hub.

    Parameters
    ----------
    where
        Folder or hub name it was opened from.
    languages
        ISO 639-1 codes of the languages it was made for.
    network
        A `model2vec.StaticModel` or a `sentence_transformers.SentenceTransformer`.
    """

    where: str
    languages: Sequence[str]
    network: Any

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of length 1, shape (n, dimensions)."""
        vectors = np.array(self.network.encode(list(texts)), dtype=np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors


def open_encoder(where: str, languages: Sequence[str] = LANGUAGES) -> PretrainedEncoder:
    """Open an encoder.

    Parameters
    ----------
    where
        Folder or hub name of model2vec (known by its `modules.json`, or a hub name with "potion" or "M2V" in it) or of
        sentence-transformers. Only safetensors weights are read, since a pickle could run code.
    languages
        ISO 639-1 codes it was made for.

    Raises
    ------
    MissingExtraError
        The library it needs is not installed.
    ModelError
        There is no encoder at that place, or a language is not served.
    """
    if unknown := sorted(set(languages) - set(LANGUAGES)):
        raise ModelError(f"encoder {where}: found language {', '.join(unknown)}; expected some of {', '.join(LANGUAGES)}.")
    static = _is_static(where)
    try:
        if static:
            from model2vec import StaticModel

            network: Any = StaticModel.from_pretrained(where)
        else:
            from sentence_transformers import SentenceTransformer

            network = SentenceTransformer(where, device="cpu", model_kwargs={"use_safetensors": True})
    except ImportError as error:
        raise MissingExtraError(f"encoder {where}", "encoder") from error
    except Exception as error:  # each library has its own ways to say that nothing usable is there
        raise ModelError(
            f"encoder {where}: cannot be opened ({error}). Give a folder or hub name of model2vec or sentence-transformers."
        ) from error
    return PretrainedEncoder(where, tuple(languages), network)


def vectors_of(encoder: Encoder, texts: Sequence[str], languages: Sequence[str]) -> NDArray[np.float32]:
    """Return vectors of n texts, shape (n, dimensions); rows in languages the encoder does not serve are nought."""
    served = [i for i, language in enumerate(languages) if language in encoder.languages]
    # One text at least, so that the number of dimensions is known.
    some = encoder.encode([texts[i] for i in served] or [""])
    vectors = np.zeros((len(texts), some.shape[1]), dtype=np.float32)
    vectors[served] = some[: len(served)]
    return vectors


def _is_static(where: str) -> bool:
    """Say whether model2vec reads it: a folder says so in its list of modules, a hub name by its custom."""
    modules = Path(where) / "modules.json"
    if modules.is_file():
        return "StaticEmbedding" in modules.read_text("utf-8")
    return "potion" in where.lower() or "m2v" in where.lower()
