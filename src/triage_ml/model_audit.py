"""What the files of a model may hold: each is read once, checked as data, and only what was checked is handed on.

A skops file is a zip file of arrays and of `schema.json`, a tree of nodes that name what to build. Each node must be one that a
model of ours has; skops trusts far more (all of scikit-learn), and what it trusts can still read past an array, start processes
or never end. So the tree is checked here, and skops, which wrote it, never reads it.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from triage_ml.errors import ModelError, ModelNotFoundError, UntrustedModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Bytes. The shipped model: 16 million as a file, of these 1 of JSON; unpacked 75 million, of these 58 of schema.
LARGEST_FILE, LARGEST_JSON, LARGEST_SCHEMA, LARGEST_UNPACKED = 256 << 20, 16 << 20, 128 << 20, 512 << 20
# The shipped model: 17 members, 1.1 million values, 23 levels.
_MEMBERS, _VALUES, _LEVELS = 64, 5_000_000, 60
_MEMBER = re.compile(r"schema\.json|[0-9]{1,20}\.npy")
# The meaning of the nodes; in older ones a function's name stands elsewhere.
_PROTOCOL = 2

_FUNCTIONS = frozenset({"word_grams", "character_grams", "as_is"})
# Kind of node, module and name of all that a model of ours has.
_NODES = frozenset(
    {
        ("JsonNode", "builtins", "str"),
        ("ListNode", "builtins", "list"),
        ("TupleNode", "builtins", "tuple"),
        ("DictNode", "builtins", "dict"),
        ("TypeNode", "builtins", "str"),
        ("TypeNode", "numpy", "float32"),
        ("NdArrayNode", "numpy", "ndarray"),
        ("ObjectNode", "sklearn.feature_extraction._dict_vectorizer", "DictVectorizer"),
        ("ObjectNode", "sklearn.feature_extraction.text", "TfidfTransformer"),
        ("ObjectNode", "sklearn.feature_extraction.text", "TfidfVectorizer"),
        ("ObjectNode", "sklearn.linear_model._logistic", "LogisticRegression"),
        ("ObjectNode", "sklearn.linear_model._ridge", "Ridge"),
        ("ObjectNode", "sklearn.pipeline", "FeatureUnion"),
        ("ObjectNode", "sklearn.pipeline", "Pipeline"),
        ("ObjectNode", "sklearn.preprocessing._function_transformer", "FunctionTransformer"),
        *(("FunctionNode", "triage_ml.features", name) for name in _FUNCTIONS),
    }
)
# Settings that would start processes, write to disk or open files: they stand at scikit-learn's defaults.
_FIXED = {"n_jobs": "null", "memory": "null", "input": '"content"', "kw_args": "null"}

_Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Audited:
    """What a skops file holds, checked.

    Parameters
    ----------
    schema
        The tree of nodes.
    arrays
        The arrays that it names, by the name of their member.
    """

    schema: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


class _RefusedError(Exception):
    """Says in words what was found."""


def read_file(path: Path, most: int = LARGEST_FILE) -> bytes:
    """Return what stands in a file of a model; what is no plain file there, or larger than `most` bytes, is refused.

    Raises
    ------
    ModelNotFoundError
        There is none.
    UntrustedModelError
        It is a link, a device, a folder, or too large.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if path.is_symlink():
            raise refused(path, "a link to another place")
        with open(os.open(path, flags), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise refused(path, "no plain file")
            data = file.read(most + 1)
    except FileNotFoundError as error:
        raise ModelNotFoundError(
            f"{path}: found nothing; expected a file of a model. Make one with `triage-ml train`."
        ) from error
    except OSError as error:
        raise refused(path, f"a file that cannot be read ({error.strerror})") from error
    if len(data) > most:
        raise refused(path, f"more than {most >> 20} million bytes")
    return data


def refused(path: Path, found: str) -> UntrustedModelError:
    """Return the error that says why a file of a model is not opened."""
    return UntrustedModelError(
        f"{path}: found {found}; no model of ours has that. Nothing was loaded. "
        "Train again with `triage-ml train`, or fetch the model from where you trust it."
    )


def read_object(path: Path, data: bytes) -> dict[str, Any]:
    """Return the JSON object that some bytes hold; `read_json` for an object."""
    value = read_json(path, data)
    if not isinstance(value, dict):
        raise refused(path, f"a {type(value).__name__} where an object belongs")
    return value


def read_json(path: Path, data: bytes) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return what JSON says.

    Raises
    ------
    UntrustedModelError
        It is none, or nested too deep.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise refused(path, f"text that cannot be read as JSON ({error})") from error


def audited(path: Path, data: bytes) -> Audited:
    """Check a skops file and return what it holds, so that what was checked and what is built are the same.

    Parameters
    ----------
    path
        Where it stands, for the error.
    data
        What stands there.

    Raises
    ------
    UntrustedModelError
        It holds anything that a model of ours does not have.
    ModelError
        It was made by another version of scikit-learn.
    """
    try:
        members = _unpacked(data)
        schema = _schema(members.pop("schema.json"))
        nodes = _nodes(schema)
        _check_nodes(nodes, members)
        arrays = {name: _array(content) for name, content in members.items()}
    except _RefusedError as error:
        raise refused(path, str(error)) from error
    except Exception as error:  # whatever a crafted file provokes
        raise UntrustedModelError(
            f"{path}: cannot be read as a skops file ({type(error).__name__}: {error}). Nothing was loaded. "
            "Train again with `triage-ml train`."
        ) from error
    _check_version(path, nodes)
    return Audited(schema, arrays)


def _unpacked(data: bytes) -> dict[str, bytes]:
    """Return the members of a zip file; none is unpacked further than it says, and all together not too far."""
    # Counted before the list is read, since a list of millions takes gigabytes.
    if data.count(b"PK\x01\x02") > _MEMBERS:
        raise _RefusedError(f"more than {_MEMBERS} files in one")
    with ZipFile(BytesIO(data)) as file:
        found = file.infolist()
        names = [info.filename for info in found]
        if strange := [name for name in names if not _MEMBER.fullmatch(name)]:
            raise _RefusedError(f"a file of the name {strange[0][:80]!r} inside")
        if len(set(names)) < len(names):
            raise _RefusedError("two files of the same name inside")
        if any(info.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for info in found):
            raise _RefusedError("files packed in another way")
        sizes = {info.filename: info.file_size for info in found}
        if sizes["schema.json"] > LARGEST_SCHEMA or sum(sizes.values()) > LARGEST_UNPACKED:
            raise _RefusedError(f"files that are {sum(sizes.values()) >> 20} million bytes when unpacked")
        members = {}
        for info in found:
            with file.open(info) as member:
                members[info.filename] = member.read(info.file_size)
        return members


def _schema(text: bytes) -> dict[str, Any]:
    # A value needs a comma or a bracket, so that this bounds the memory it takes to parse them.
    if sum(text.count(sign) for sign in (b",", b"{", b"[")) > _VALUES:
        raise _RefusedError(f"more than {_VALUES:,} values")
    schema: dict[str, Any] = json.loads(text)
    if type(schema["protocol"]) is not int or schema["protocol"] != _PROTOCOL:
        raise _RefusedError(f"skops protocol {schema['protocol']!r} (only {_PROTOCOL} is read)")
    return schema


def _nodes(schema: _Node) -> list[_Node]:
    """Return all nodes of a tree, checking that those with the same number are the same."""
    nodes: dict[int, _Node] = {}
    for value in _dictionaries(schema):
        number = value.get("__id__")
        if not isinstance(value.get("__loader__"), str):
            # The words of a vocabulary are keys too, with a node behind each.
            if number is not None and not isinstance(number, dict):
                raise _RefusedError("a node without a kind")
            continue
        if type(number) is not int:
            raise _RefusedError("a node without a number")
        # skops takes the first of a number for all: others could say anything, or make a small tree endless.
        if nodes.setdefault(number, value) != value:
            raise _RefusedError("two nodes of the same number that differ")
    return list(nodes.values())


def _dictionaries(schema: _Node) -> Iterator[dict[str, Any]]:
    level: list[Any] = [schema]
    for _ in range(_LEVELS + 1):
        found = [value for value in level if isinstance(value, dict)]
        yield from found
        inside = [*map(dict.values, found), *(value for value in level if isinstance(value, list))]
        level = [one for values in inside for one in values if isinstance(one, dict | list)]
        if not level:
            return
    raise _RefusedError(f"more than {_LEVELS} levels in each other")


def _check_nodes(nodes: list[_Node], members: Mapping[str, bytes]) -> None:
    kinds = {(node["__loader__"], str(node["__module__"]), str(node["__class__"])) for node in nodes}
    if foreign := sorted({f"{module}.{name}" for _, module, name in kinds - _NODES}):
        raise _RefusedError(f"types that no model of ours needs ({', '.join(foreign)[:300]})")
    for node in nodes:
        check = _CHECKS.get(node["__loader__"])
        if check:
            check(node)
    if sorted(node["file"] for node in nodes if node["__loader__"] == "NdArrayNode") != sorted(members):
        raise _RefusedError("arrays that are used twice or not at all")


def _check_json(node: _Node) -> None:
    if node["content"].lstrip()[:1] in ("[", "{"):
        raise _RefusedError("a list inside a text")


def _check_dictionary(node: _Node) -> None:
    # Fewer keys than values would be built than are counted below; keys of another type could become one.
    types = node["key_types"]["content"]
    if len(types) != len(node["content"]) or any(one["__loader__"] != "TypeNode" or one["__class__"] != "str" for one in types):
        raise _RefusedError("a dictionary whose keys are not texts")


def _check_object(node: _Node) -> None:
    if node["content"]["__loader__"] != "DictNode":
        raise _RefusedError(f"{node['__class__']} without its attributes")
    settings = node["content"]["content"]
    for name, expected in _FIXED.items():
        if name in settings and settings[name].get("content") != expected:
            raise _RefusedError(f"{node['__class__']} with {name} other than {expected}")
    if "vocabulary_" in settings:
        # A column beyond the last one would be read from memory that is not the matrix's.
        words = settings["vocabulary_"]["content"].values()
        columns = [one["content"] if one["__loader__"] == "JsonNode" else "" for one in words]
        if set(columns) != set(map(str, range(len(columns)))):
            raise _RefusedError(f"{node['__class__']} with columns other than 0 to {len(columns) - 1}")


_CHECKS = {"JsonNode": _check_json, "DictNode": _check_dictionary, "ObjectNode": _check_object}


def _array(data: bytes) -> NDArray[Any]:
    """Return an array after checking that it is of plain numbers and as large as it says."""
    import numpy as np

    file = BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, _, dtype = read(file)
    size = dtype.itemsize
    for length in shape:
        size *= length
    if dtype.kind not in "biuf" or min(shape, default=1) < 0 or size != len(data) - file.tell():
        raise _RefusedError(f"an array of {dtype} and shape {shape} in {len(data):,} bytes")
    file.seek(0)
    found: NDArray[Any] = np.load(file, allow_pickle=False)
    return found


def _check_version(path: Path, nodes: list[_Node]) -> None:
    # Asked of what is installed, since importing it takes a second that judging does not need.
    here = version("scikit-learn")
    attributes = [node["content"]["content"] for node in nodes if node["__loader__"] == "ObjectNode"]
    for made in {json.loads(one["_sklearn_version"]["content"]) for one in attributes if "_sklearn_version" in one}:
        if str(made).split(".")[:2] != here.split(".")[:2]:
            raise ModelError(
                f"{path}: found a model made with scikit-learn {made}; expected one made with {here}, which is "
                f"here and may judge with it otherwise. Train again with `triage-ml train`, or install scikit-learn {made}."
            )
