"""A model on disk: a folder that can be checked before anything in it is built.

    models/<name>/model.skops   the fitted scikit-learn parts (skops format: data and type names, no code, no pickle)
                  model.json    labels, thresholds, figures, versions, what it was trained on
                  card.md       the same for people
                  held_out.json what models that had not seen the writer said of each text of the corpus
                  manifest.json SHA-256 of each file

Loading has three steps, in this order: each file is read once and compared with the manifest, what the skops file would build
is held against what a model of ours has (`triage_ml.model_audit`; never against a list that the file brings along), and only
then is anything built: numbers and words, since judging needs neither scikit-learn nor skops. An encoder is not part of the
folder: model.json names it with its hash, and it is opened from where it was when the model was trained
(`triage_ml.encoders`).
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from triage_ml.classifier import Classifier, Parts, Thresholds, thresholds_from, thresholds_to
from triage_ml.encoders import PretrainedEncoder, open_encoder
from triage_ml.errors import ModelError, ModelNotFoundError, UntrustedModelError
from triage_ml.model_audit import LARGEST_FILE, LARGEST_JSON, Audited, audited, read_file, read_object, refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 5
_FILES = ("model.skops", "model.json", "card.md", "held_out.json")
# A path or hub name is never longer.
_LONGEST = 500
_NUMBERS = [field.name for field in fields(Thresholds) if field.name != "conformal"]
_HASH = re.compile(r"[0-9a-f]{64}")

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

    Raises
    ------
    ModelError
        It could not be loaded again, such as one that is too large; the older model stays.
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
            "encoder": encoder and {"where": encoder.where, "languages": encoder.languages, "sha256": encoder.sha256},
            **facts,
        }
        (new / "model.json").write_text(json.dumps(about, indent=2, ensure_ascii=False, default=str) + "\n", "utf-8")
        (new / "card.md").write_text(card, "utf-8")
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps([round(one, 4) for one in held_out[key]])}" for key in held_out)
        (new / "held_out.json").write_text(f"{{{lines}}}\n", "utf-8")
        hashes = {file: _sha256((new / file).read_bytes()) for file in _FILES}
        (new / "manifest.json").write_text(json.dumps({"sha256": hashes}, indent=2) + "\n", "utf-8")
        audited(folder / "model.skops", _checked(new)["model.skops"])
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
        A file was changed after saving, or holds what no model of ours has.
    ModelError
        It was made by another version of this package or of scikit-learn, or its encoder cannot be opened.
    """
    files = _checked(folder)
    about = _about(folder, files)
    encoder = _encoder(folder, about)
    path = folder / "model.skops"
    parts = _built(path, audited(path, files["model.skops"]))
    return Classifier(parts, _thresholds(folder, about), about["reply_ids"], _version(files), encoder)


def facts(folder: Path) -> dict[str, Any]:
    """Return what model.json says, after the manifest was checked."""
    return read_object(folder / "model.json", _checked(folder)["model.json"])


def version(folder: Path) -> str:
    """Return what names this model in every record: the first digits of the hash over its parts."""
    return _version(_checked(folder))


def held_out(folder: Path) -> dict[str, list[float]]:
    """Return what held_out.json says (`HeldOut`), after the manifest was checked."""
    return read_object(folder / "held_out.json", _checked(folder)["held_out.json"])


def _checked(folder: Path) -> dict[str, bytes]:
    """Return the files of a model, each read once and found to be what the manifest states."""
    hashes = _manifest(folder)
    files = {name: read_file(folder / name, LARGEST_FILE if name == "model.skops" else LARGEST_JSON) for name in _FILES}
    for name, data in files.items():
        if _sha256(data) != hashes[name]:
            raise UntrustedModelError(
                f"{folder / name}: found other content than manifest.json states, so it was changed after saving. "
                "Nothing was loaded. Train again with `triage-ml train`."
            )
    return files


def _manifest(folder: Path) -> dict[str, str]:
    path = folder / "manifest.json"
    if not path.is_file():
        found = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) if folder.is_dir() else "nothing"
        raise ModelNotFoundError(
            f"{folder}: found {found or 'an empty folder'}; expected {', '.join(_FILES)} and manifest.json. "
            "Make a model with `triage-ml train`."
        )
    hashes = read_object(path, read_file(path, LARGEST_JSON)).get("sha256")
    if not isinstance(hashes, dict) or not all(isinstance(one, str) and _HASH.fullmatch(one) for one in hashes.values()):
        raise refused(path, "other hashes than SHA-256")
    if strange := sorted(set(hashes) - set(_FILES)):
        raise refused(path, f"the file {strange[0][:80]!r}")
    if absent := set(_FILES) - set(hashes):
        raise ModelError(
            f"{folder}: found a model that lacks {', '.join(sorted(absent))}, made by another version; "
            f"expected format {FORMAT}. Train again with `triage-ml train`."
        )
    return hashes


def _about(folder: Path, files: Mapping[str, bytes]) -> dict[str, Any]:
    about = read_object(folder / "model.json", files["model.json"])
    if about.get("format") != FORMAT:
        raise ModelError(
            f"{folder}: found model format {str(about.get('format'))[:40]}; expected {FORMAT}. "
            "Train again with `triage-ml train`."
        )
    ids = about.get("reply_ids")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise refused(folder / "model.json", "no list of replies")
    return about


def _thresholds(folder: Path, about: Mapping[str, Any]) -> Thresholds:
    try:
        found = thresholds_from(about["thresholds"])
        if all(isfinite(one) for one in (*found.conformal, *(getattr(found, name) for name in _NUMBERS))):
            return found
    except (TypeError, KeyError, ValueError, OverflowError):
        pass
    raise refused(folder / "model.json", "thresholds that are not all numbers")


def _encoder(folder: Path, about: Mapping[str, Any]) -> PretrainedEncoder | None:
    """Open the encoder that a model names, if any: only what is on this machine already, and is what it was."""
    named = about.get("encoder")
    if named is None:
        return None
    if not isinstance(named, dict) or not _HASH.fullmatch(str(named.get("sha256"))):
        raise ModelError(
            f"{folder}: found a model with an encoder but without the encoder's hash, made by another version. "
            "Train again with `triage-ml train --encoder`."
        )
    where, languages = named.get("where"), named.get("languages")
    if (
        not isinstance(where, str)
        or len(where) > _LONGEST
        or not isinstance(languages, list)
        or not all(isinstance(one, str) for one in languages)
    ):
        raise refused(folder / "model.json", "an encoder without place or languages")
    return open_encoder(where, languages, sha256=named["sha256"])


class Learned:
    """What a fitted part of scikit-learn has learned, without scikit-learn: its attributes by their names.

    Parameters
    ----------
    attributes
        Name to value.
    """

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self.__dict__.update(attributes)

    def __getitem__(self, step: str) -> Any:  # noqa: ANN401 - whatever was learned
        """Return a step of what was a `Pipeline`."""
        return dict(self.__dict__["steps"])[step]

    @property
    def named_transformers(self) -> dict[str, Any]:
        """The parts of what was a `FeatureUnion`."""
        return dict(self.__dict__["transformer_list"])

    @property
    def idf_(self) -> Any:  # noqa: ANN401 - an array
        """The weights of words of what was a `TfidfVectorizer`."""
        return self.__dict__["_tfidf"].__dict__["idf_"]


def _built(path: Path, checked: Audited) -> Parts:
    """Build what was audited."""
    try:
        return Parts(**_value(checked.schema, checked.arrays))
    except Exception as error:  # whatever a crafted file provokes
        raise UntrustedModelError(
            f"{path}: cannot be built ({type(error).__name__}: {str(error)[:300]}). Train again with `triage-ml train`."
        ) from error


def _value(node: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Any:  # noqa: ANN401 - whatever the node stands for
    """Return what a node stands for; of types and functions, which nothing calls, their names."""
    kind: str = node["__loader__"]
    content: Any = node.get("content")
    if kind == "JsonNode":
        # Nearly all are the numbers of columns.
        return int(content) if content.isdecimal() else json.loads(content)
    if kind == "NdArrayNode":
        return arrays[node["file"]]
    if kind == "ObjectNode":
        return Learned(_value(content, arrays))
    if kind == "DictNode":
        return {key: _value(one, arrays) for key, one in content.items()}
    if kind in ("ListNode", "TupleNode"):
        values = [_value(one, arrays) for one in content]
        return values if kind == "ListNode" else tuple(values)
    if kind in ("TypeNode", "FunctionNode"):
        return node["__class__"]
    raise ValueError(f"a node of the kind {kind!r}")


def _version(files: Mapping[str, bytes]) -> str:
    return _sha256(files["model.skops"])[:12]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
