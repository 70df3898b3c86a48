"""A model on disk: a folder that can be checked before anything in it is built.

    models/<name>/model.skops   the fitted scikit-learn parts (skops format: data and type names, no code, no pickle)
                  model.json    labels, thresholds, figures, versions, what it was trained on
                  card.md       the same for people
                  manifest.json SHA-256 of each file

Loading has three steps, in this order: the manifest is compared, the type names in the skops file are audited against the
list below (never against a list that the file brings along), and only then is anything built.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from triage_ml.classifier import Classifier, Parts, thresholds_from, thresholds_to
from triage_ml.errors import ModelError, ModelNotFoundError, UntrustedModelError

FORMAT = 1
_FILES = ("model.skops", "model.json", "card.md")
# Types beyond skops's own trusted ones that a model may name. All are this package's plain functions.
_TRUSTED = frozenset({"triage_ml.classifier.word_grams", "triage_ml.classifier.character_grams", "triage_ml.classifier.as_is"})


def save(classifier: Classifier, folder: Path, facts: Mapping[str, Any], card: str) -> None:
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
    """
    from zipfile import ZIP_DEFLATED

    from skops import io

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        new = Path(name) / "new"
        new.mkdir()
        parts = {f.name: getattr(classifier.parts, f.name) for f in fields(Parts)}
        io.dump(parts, new / "model.skops", compression=ZIP_DEFLATED)
        about = {
            "format": FORMAT,
            "thresholds": thresholds_to(classifier.thresholds),
            "reply_ids": classifier.reply_ids,
            **facts,
        }
        (new / "model.json").write_text(json.dumps(about, indent=2, ensure_ascii=False, default=str) + "\n", "utf-8")
        (new / "card.md").write_text(card, "utf-8")
        hashes = {file: _sha256(new / file) for file in _FILES}
        (new / "manifest.json").write_text(json.dumps({"sha256": hashes}, indent=2) + "\n", "utf-8")
        if folder.exists():
            folder.rename(Path(name) / "old")
        new.rename(folder)


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
    version = hashes["model.skops"][:12]
    return Classifier(Parts(**parts), thresholds_from(about["thresholds"]), about["reply_ids"], version)


def facts(folder: Path) -> dict[str, Any]:
    """Return what model.json says, after the manifest was checked."""
    _checked_manifest(folder)
    about: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))
    return about


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
    for name in _FILES:
        path = folder / name
        if not path.is_file() or path.is_symlink() or _sha256(path) != hashes.get(name):
            raise UntrustedModelError(
                f"{path}: found other content than manifest.json states, so it was changed after saving. "
                "Nothing was loaded. Train again with `triage-ml train`."
            )
    return hashes


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
