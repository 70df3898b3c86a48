"""A model on disk: a folder that can be checked before anything in it is built.

    models/<name>/model.skops   the fitted scikit-learn parts (skops format: data and type names, no code, no pickle)
                  model.json    labels, thresholds, figures, versions, what it was trained on
                  card.md       the same for people
                  held_out.json what models that had not seen the writer said of each text of the corpus
                  manifest.json SHA-256 of each file

Loading has three steps, in this order: the manifest is compared, the type names in the skops file are audited against the
list below (never against a list that the file brings along), and only then is anything built. An encoder is not part of the
folder: model.json names it, and it is opened from where it was when the model was trained.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from triage_ml.classifier import Classifier, Parts, thresholds_from, thresholds_to
from triage_ml.encoders import open_encoder
from triage_ml.errors import ModelError, ModelNotFoundError, UntrustedModelError

FORMAT = 5
_FILES = ("model.skops", "model.json", "card.md", "held_out.json")
# Types beyond skops's own trusted ones that a model may name. All are this package's plain functions.
_TRUSTED = frozenset({"triage_ml.features.word_grams", "triage_ml.features.character_grams", "triage_ml.features.as_is"})

# skops names objects and their arrays by memory address: "__id__": 1403..., "file": "1403....npy".
_ADDRESS = re.compile(r'(?<="__id__": )\d+|(?<="file": ")\d+(?=\.np[yz]")')
_ADDRESS_FILE = re.compile(r'(?<="file": ")\d+\.np[yz](?=")')


# Probability of each claim in the order of `Claim`, of abuse, and 1 where that was decided, else 0.
HeldOut = Mapping[str, Sequence[float]]


def save(
    classifier: Classifier,
    folder: Path,
    facts: Mapping[str, Any],
    card: str,
    held_out: HeldOut = MappingProxyType({}),
) -> None:
    """Write a model folder; an older model at that place is replaced only once the new one is complete.

    Parameters
    ----------
    classifier
        What was trained.
    folder
        Where to write, `models/<name>`.
    facts
        JSON values for people and tools: figures, data hash, counts, versions.
    card
        The model card, Markdown.
    held_out
        By a text's id what models said that had not seen its writer: two models are compared on the texts both have.
    """
    from zipfile import ZIP_DEFLATED

    from skops import io

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        new = Path(name) / "new"
        new.mkdir()
        parts = {f.name: getattr(classifier.parts, f.name) for f in fields(Parts)}
        io.dump(parts, Path(name) / "model.skops", compression=ZIP_DEFLATED)
        _copy_without_chance(Path(name) / "model.skops", new / "model.skops")
        encoder = classifier.encoder
        about = {
            "format": FORMAT,
            "thresholds": thresholds_to(classifier.thresholds),
            "reply_ids": classifier.reply_ids,
            "encoder": encoder and {"where": encoder.where, "languages": encoder.languages},
            **facts,
        }
        (new / "model.json").write_text(json.dumps(about, indent=2, ensure_ascii=False, default=str) + "\n", "utf-8")
        (new / "card.md").write_text(card, "utf-8")
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps([round(one, 4) for one in held_out[key]])}" for key in held_out)
        (new / "held_out.json").write_text(f"{{{lines}}}\n", "utf-8")
        hashes = {file: _sha256(new / file) for file in _FILES}
        (new / "manifest.json").write_text(json.dumps({"sha256": hashes}, indent=2) + "\n", "utf-8")
        if folder.exists():
            folder.rename(Path(name) / "old")
        new.rename(folder)


def _copy_without_chance(written: Path, out: Path) -> None:
    """Copy a skops file without times and memory addresses, so that the same model is the same file with the same version."""
    from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

    with ZipFile(written) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        schema = old.read("schema.json").decode()
        numbers = {address: str(n) for n, address in enumerate(dict.fromkeys(_ADDRESS.findall(schema)))}
        for file in _ADDRESS_FILE.findall(schema):
            address, ending = file.split(".")
            new.writestr(ZipInfo(f"{numbers[address]}.{ending}"), old.read(file), ZIP_DEFLATED)
        new.writestr(ZipInfo("schema.json"), _ADDRESS.sub(lambda match: numbers[match.group()], schema), ZIP_DEFLATED)


def load(folder: Path) -> Classifier:
    """Load a model folder after checking it.

    Raises
    ------
    ModelNotFoundError
        There is no model at that place.
    UntrustedModelError
        A file was changed after saving, or the model names a type that is not on the trust list.
    ModelError
        It was made by another version of this package.
    """
    hashes = _checked_manifest(folder)
    about = json.loads((folder / "model.json").read_text("utf-8"))
    if about.get("format") != FORMAT:
        raise ModelError(
            f"{folder}: found model format {about.get('format')!r}; expected {FORMAT}. Train again with `triage-ml train`."
        )
    from skops import io

    path = folder / "model.skops"
    try:
        named = set(io.get_untrusted_types(file=path))
        if named - _TRUSTED:
            raise UntrustedModelError(
                f"{path}: found types that no model of ours needs: {', '.join(sorted(named - _TRUSTED))}. "
                "Nothing was loaded. Train again with `triage-ml train`, or fetch the model from where you trust it."
            )
        parts = io.load(path, trusted=sorted(named))
    except UntrustedModelError:
        raise
    except Exception as error:  # skops raises whatever a crafted file provokes
        raise UntrustedModelError(
            f"{path}: cannot be read as a skops file ({error}). Train again with `triage-ml train`."
        ) from error
    encoder = open_encoder(**about["encoder"]) if about["encoder"] else None
    return Classifier(Parts(**parts), thresholds_from(about["thresholds"]), about["reply_ids"], _version(hashes), encoder)


def facts(folder: Path) -> dict[str, Any]:
    """Return what model.json says, after the manifest was checked."""
    _checked_manifest(folder)
    about: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))
    return about


def version(folder: Path) -> str:
    """Return what names this model in every record: the first digits of the hash over its parts."""
    return _version(_checked_manifest(folder))


def held_out(folder: Path) -> dict[str, list[float]]:
    """Return what held_out.json says (`HeldOut`), after the manifest was checked."""
    _checked_manifest(folder)
    said: dict[str, list[float]] = json.loads((folder / "held_out.json").read_text("utf-8"))
    return said


def _checked_manifest(folder: Path) -> dict[str, str]:
    if not (folder / "manifest.json").is_file():
        found = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) if folder.is_dir() else "nothing"
        raise ModelNotFoundError(
            f"{folder}: found {found or 'an empty folder'}; expected {', '.join(_FILES)} and manifest.json. "
            "Make a model with `triage-ml train`."
        )
    try:
        hashes = dict(json.loads((folder / "manifest.json").read_text("utf-8"))["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise UntrustedModelError(f"{folder}/manifest.json cannot be read ({error}). Train again.") from error
    if not set(_FILES) <= set(hashes):
        raise ModelError(
            f"{folder}: found a model that lacks {', '.join(sorted(set(_FILES) - set(hashes)))}, made by another version; "
            f"expected format {FORMAT}. Train again with `triage-ml train`."
        )
    for name in _FILES:
        path = folder / name
        if not path.is_file() or path.is_symlink() or _sha256(path) != hashes.get(name):
            raise UntrustedModelError(
                f"{path}: found other content than manifest.json states, so it was changed after saving. "
                "Nothing was loaded. Train again with `triage-ml train`."
            )
    return hashes


def _version(hashes: Mapping[str, str]) -> str:
    return hashes["model.skops"][:12]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
