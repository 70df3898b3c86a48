"""Sentence encoders, an optional part: what a pretrained network knows of a language, beside words and cues.

A folder or hub name of model2vec or sentence-transformers will do, if it needs no code of its own. Vectors of texts in
languages that the encoder was not made for are nought, so that an English encoder helps with English and leaves the rest alone.

What an encoder's folder says is not trusted: its libraries would import classes, read pickled weights or fetch code where it
tells them to. So a folder is checked before a library sees it, and what is opened for a model must be what it was trained with.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from triage_ml.errors import MissingExtraError, ModelError, UntrustedModelError
from triage_ml.language import LANGUAGES
from triage_ml.model_audit import LARGEST_JSON, read_file, read_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What is fetched from a hub, and what makes up an encoder's hash.
_KINDS = (".json", ".txt", ".model", ".safetensors")
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_NETWORK = re.compile(r"[\\/]{2}|.*://")
# The parts of sentence-transformers that read no pickle and import nothing by name; Dense does both.
_PART = re.compile(
    r"sentence_transformers\.((models|base|modules|sentence_transformer|transformer|pooling|normalize)\.)+"
    r"(Transformer|Pooling|Normalize)"
)
_SAFE_CHOICES = (None, True, False, "eager", "sdpa")
# What a part may be told beside its length; anything else goes to the libraries as it is.
_SETTINGS = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}


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

    @property
    def sha256(self) -> str:
        """Hash over its files."""
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
    sha256
        Hash over its files.
    """

    where: str
    languages: Sequence[str]
    network: Any
    sha256: str

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of length 1, shape (n, dimensions)."""
        vectors = np.array(self.network.encode(list(texts)), dtype=np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors


def open_encoder(where: str, languages: Sequence[str] = LANGUAGES, sha256: str = "") -> PretrainedEncoder:
    """Open an encoder.

    Parameters
    ----------
    where
        Folder or hub name of model2vec or of sentence-transformers. Only safetensors weights are read, since a pickle could run
        code.
    languages
        ISO 639-1 codes it was made for.
    sha256
        What its hash must be, where a model names it; then nothing is fetched from a hub either.

    Raises
    ------
    MissingExtraError
        The library it needs is not installed.
    UntrustedModelError
        It would run code of its own, read pickled weights, or is another than it was.
    ModelError
        There is no encoder at that place, or a language is not served.
    """
    if unknown := sorted(set(languages) - set(LANGUAGES)):
        raise ModelError(f"encoder {where}: found language {', '.join(unknown)}; expected some of {', '.join(LANGUAGES)}.")
    try:
        folder = _folder(where, fetch=not sha256)
        static = _is_static(folder)
        if static:
            from model2vec import StaticModel
        else:
            from sentence_transformers import SentenceTransformer
        found = _checked(where, folder, static=static)
        if sha256 and found != sha256:
            raise _refused(where, "other files than when the model was trained")
        if static:
            network: Any = StaticModel.from_pretrained(folder)
        else:
            safe = {"use_safetensors": True}
            network = SentenceTransformer(
                str(folder), device="cpu", trust_remote_code=False, local_files_only=True, model_kwargs=safe
            )
    except ImportError as error:
        raise MissingExtraError(f"encoder {where}", "encoder") from error
    except ModelError:
        raise
    except Exception as error:  # each library has its own ways to say that nothing usable is there
        raise ModelError(
            f"encoder {where}: cannot be opened ({error}). Give a folder or hub name of model2vec or sentence-transformers."
        ) from error
    return PretrainedEncoder(where, tuple(languages), network, found)


def vectors_of(encoder: Encoder, texts: Sequence[str], languages: Sequence[str]) -> NDArray[np.float32]:
    """Return vectors of n texts, shape (n, dimensions); rows in languages the encoder does not serve are nought."""
    served = [i for i, language in enumerate(languages) if language in encoder.languages]
    # One text at least, so that the number of dimensions is known.
    some = encoder.encode([texts[i] for i in served] or [""])
    vectors = np.zeros((len(texts), some.shape[1]), dtype=np.float32)
    vectors[served] = some[: len(served)]
    return vectors


def _folder(where: str, *, fetch: bool) -> Path:
    """Return the folder of an encoder; a hub name stands for what was fetched before, or is fetched now."""
    # Even to look at a place on the network would tell somebody, on Windows with a password.
    if _NETWORK.match(where):
        raise _refused(where, "a place on the network")
    if Path(where).is_dir() or not _HUB_NAME.fullmatch(where):
        return Path(where)
    from huggingface_hub import snapshot_download

    name = where if "/" in where else f"sentence-transformers/{where}"
    try:
        return Path(snapshot_download(name, allow_patterns=[f"*{kind}" for kind in _KINDS], local_files_only=not fetch))
    except Exception as error:  # no such name, no network, not fetched yet
        do = "Check the name and the network." if fetch else f"Fetch it with `hf download {name}`, or train again."
        raise ModelError(f"encoder {where}: found neither a folder nor a fetched encoder of that name here. {do}") from error


def _is_static(folder: Path) -> bool:
    """Say whether model2vec reads it."""
    if (folder / "modules.json").is_file():
        return any("StaticEmbedding" in str(part.get("type")) for part in _parts(folder))
    return (folder / "config.json").is_file() and _read(folder / "config.json").get("model_type") == "model2vec"


def _checked(where: str, folder: Path, *, static: bool) -> str:
    """Check all that decides what the libraries import and read, and return the hash over an encoder's files."""
    paths = [""] if static else [str(part.get("path", "")) for part in _parts(folder)] if _has_parts(folder) else [""]
    if any(not re.fullmatch(r"\w*", path) for path in paths):
        raise _refused(where, "a part outside its folder")
    if not static and _has_parts(folder):
        for part in _parts(folder):
            if not _PART.fullmatch(str(part.get("type"))):
                raise _refused(where, f"a part of the type {str(part.get('type'))[:80]!r}")
    if not any((folder / path / "model.safetensors").is_file() for path in paths):
        raise _refused(where, "no weights in model.safetensors")
    places = [folder, *(folder / path for path in dict.fromkeys(paths) if path)]
    files = sorted(file for place in places if place.is_dir() for file in place.iterdir() if file.suffix in _KINDS)
    total = hashlib.sha256()
    for file in files:
        _check_settings(where, file)
        with file.open("rb") as opened:
            total.update(
                f"{file.relative_to(folder).as_posix()} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode()
            )
    return total.hexdigest()


def _check_settings(where: str, file: Path) -> None:
    """Refuse settings by which a library imports, fetches or reads something else than the weights."""
    if not file.is_file():
        raise _refused(where, f"no plain file at {file.name}")
    if file.name == "adapter_config.json":
        raise _refused(where, "an adapter to another encoder")
    if "config" not in file.name or file.suffix != ".json":
        return
    settings = _read(file)
    for key, value in _pairs(settings):
        if "auto_map" in key or "quantization" in key or ("implementation" in key and value not in _SAFE_CHOICES):
            raise _refused(where, f"the setting {key} in {file.name}")
    if re.fullmatch(r"sentence_[\w-]+_config\.json", file.name):
        known = {**_SETTINGS, **{key: settings.get(key) for key in ("max_seq_length", "do_lower_case")}}
        if other := [key for key, value in settings.items() if key not in known or known[key] != value]:
            raise _refused(where, f"the setting {other[0][:80]} in {file.name}")
    if settings.get("model_type") not in (None, "SentenceTransformer") and file.name == "config_sentence_transformers.json":
        raise _refused(where, f"an encoder of the kind {str(settings['model_type'])[:80]}")


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        yield from value.items()
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _pairs(one)


def _has_parts(folder: Path) -> bool:
    return (folder / "modules.json").is_file()


def _parts(folder: Path) -> list[dict[str, Any]]:
    parts = read_json(folder / "modules.json", read_file((folder / "modules.json").resolve(), LARGEST_JSON))
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise _refused(str(folder), "no list of parts in modules.json")
    return parts


def _read(file: Path) -> dict[str, Any]:
    # What a hub fetched is a link into its store.
    value = read_json(file, read_file(file.resolve(), LARGEST_JSON))
    return value if isinstance(value, dict) else {"": value}


def _refused(where: str, found: str) -> UntrustedModelError:
    return UntrustedModelError(
        f"encoder {where}: found {found}. Nothing of it was opened. Give a folder or hub name of model2vec or "
        "sentence-transformers with weights in safetensors and no code of its own."
    )
