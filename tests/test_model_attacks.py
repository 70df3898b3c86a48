"""Real attacks on a model folder: each is first shown to work on a careless reader, then refused, with nothing executed."""

import functools
import json
import operator
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer

from triage_ml import model_files
from triage_ml.encoders import open_encoder
from triage_ml.errors import ModelError, ModelNotFoundError, UntrustedModelError

FILES = ("model.skops", "model.json", "card.md", "held_out.json")


@pytest.fixture
def copy(model_folder, tmp_path):
    return shutil.copytree(model_folder, tmp_path / "model")


@pytest.fixture
def trace(tmp_path):
    """A file that is there once an attack was executed."""
    return tmp_path / "executed"


class Touch:
    """A pickle of it runs a command when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def sign(folder):
    """Make the manifest agree, as an attacker would."""
    hashes = {name: model_files._sha256((folder / name).read_bytes()) for name in FILES}
    (folder / "manifest.json").write_text(json.dumps({"sha256": hashes}), "utf-8")


def forge(folder, change):
    """Rewrite model.skops with a changed schema and changed members, and sign it."""
    with ZipFile(folder / "model.skops") as file:
        members = {name: file.read(name) for name in file.namelist()}
    schema = json.loads(members.pop("schema.json"))
    change(schema, members)
    with ZipFile(folder / "model.skops", "w", ZIP_DEFLATED) as file:
        for name, data in {**members, "schema.json": json.dumps(schema)}.items():
            file.writestr(name, data)
    sign(folder)


def refused(folder, match="", error=UntrustedModelError, seconds=20):
    """Check that a model is refused in one sentence, soon and without much memory."""
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(error, match=match) as caught:
            model_files.load(folder)
        assert time.process_time() - start < seconds
        assert tracemalloc.get_traced_memory()[1] < 300 << 20
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 900


def never_ends(work, seconds=3):
    """Say whether some work was still going on after some seconds."""

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        work()
    except TimeoutError:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False


def carelessly(path):
    """Load a skops file as who trusts whatever it names."""
    return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))


def node(loader, module, name, number=900_001, **more):
    return {"__loader__": loader, "__module__": module, "__class__": name, "__id__": number, **more}


def settings(schema, name):
    """The attributes of the first estimator of that class."""
    stack = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if value.get("__class__") == name:
                return value["content"]["content"]
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    raise AssertionError(name)


def said(value):
    return node("JsonNode", "builtins", "str", 900_002, content=json.dumps(value), is_json=True)


def test_what_is_not_attacked_is_loaded(copy):
    forge(copy, lambda schema, members: None)
    assert model_files.load(copy).predict("The clasp snapped.").probabilities


# --- what would be executed ------------------------------------------------------------------------------------------


def test_a_pickle(copy, trace):
    (copy / "model.skops").write_bytes(pickle.dumps(Touch(trace)))
    pickle.loads((copy / "model.skops").read_bytes())
    assert trace.exists()
    trace.unlink()
    sign(copy)
    refused(copy, "cannot be read as a skops file")
    assert not trace.exists()


def test_a_command_called_while_it_is_built(copy, trace):
    call = node("TupleNode", "builtins", "tuple", 900_003, content=[said(f"touch {trace}")])
    forge(
        copy, lambda schema, _: schema["content"].update(claim=node("ConstructorFromReduceNode", "os", "system", content=call))
    )
    carelessly(copy / "model.skops")
    assert trace.exists()
    trace.unlink()
    refused(copy, "os.system")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("make", "use", "named"),
    [
        (lambda path: functools.partial(os.system, f"touch {path}"), lambda made, _: made(), "functools.partial"),
        (lambda _: operator.methodcaller("touch"), lambda made, path: made(path), "operator.methodcaller"),
        (lambda _: FunctionTransformer(os.system), lambda made, path: made.transform(f"touch {path}"), "posix.system"),
        (lambda path: path.touch, lambda made, _: made(), "PosixPath"),
    ],
)
def test_an_object_that_executes_when_it_is_used(copy, trace, make, use, named):
    skops.io.dump({"features": make(trace)}, copy / "model.skops")
    use(carelessly(copy / "model.skops")["features"], trace)
    assert trace.exists()
    trace.unlink()
    sign(copy)
    refused(copy, named)
    assert not trace.exists()


def test_a_pickle_inside_an_array(copy, trace):
    def change(schema, members):
        file = BytesIO()
        np.save(file, np.array([Touch(trace)], dtype=object), allow_pickle=True)
        members[settings(schema, "Ridge")["coef_"]["file"]] = file.getvalue()

    forge(copy, change)
    with ZipFile(copy / "model.skops") as file:
        schema = json.loads(file.read("schema.json"))
        np.load(BytesIO(file.read(settings(schema, "Ridge")["coef_"]["file"])), allow_pickle=True)
    assert trace.exists()
    trace.unlink()
    refused(copy, "an array of object")
    assert not trace.exists()


def test_a_name_that_old_versions_of_skops_read_elsewhere(copy):
    hidden = {"module_path": "os", "function": "system"}

    def change(schema, _):
        schema["protocol"] = 0
        schema["content"]["features"] = node("FunctionNode", "triage_ml.features", "as_is", content=hidden)

    forge(copy, change)
    assert carelessly(copy / "model.skops")["features"] is os.system
    refused(copy, "protocol 0")


# --- what skops itself lets through ----------------------------------------------------------------------------------


def test_a_type_that_skops_trusts_and_no_model_of_ours_has(copy):
    from sklearn.neighbors import KNeighborsClassifier

    skops.io.dump({"claim": KNeighborsClassifier().fit([[0], [1]], [0, 1])}, copy / "model.skops")
    assert skops.io.get_untrusted_types(file=copy / "model.skops") == []
    sign(copy)
    refused(copy, "sklearn.neighbors")


def test_a_column_beyond_the_last_one_reads_memory_that_is_not_the_matrixs(copy):
    def change(schema, _):
        words = settings(schema, "DictVectorizer")["vocabulary_"]["content"]
        words["length"] = said(2_000_000_000)

    forge(copy, change)
    assert all(name.startswith("triage_ml.features") for name in skops.io.get_untrusted_types(file=copy / "model.skops"))
    code = (
        "import sys, skops.io; from triage_ml.text import read_many; path = sys.argv[1]; "
        "parts = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path)); "
        "parts['claim'].decision_function(parts['features'].transform(read_many(['It broke'], ['en'])))"
    )
    crashed = subprocess.run([sys.executable, "-c", code, copy / "model.skops"], capture_output=True, check=False)
    assert crashed.returncode == -signal.SIGSEGV
    refused(copy, "columns other than 0 to")


def test_a_column_that_is_an_array_beside_the_number_it_states(copy):
    file = BytesIO()
    np.save(file, np.array(2_000_000_000))

    def change(schema, members):
        words = settings(schema, "DictVectorizer")["vocabulary_"]["content"]
        number = words["length"]["content"]
        words["length"] = node("NdArrayNode", "numpy", "ndarray", type="numpy", file="900001.npy", content=number)
        members["900001.npy"] = file.getvalue()

    forge(copy, change)
    words = carelessly(copy / "model.skops")["features"].named_transformers["cues"]["columns"].vocabulary_
    assert words["length"] == 2_000_000_000
    refused(copy, "columns other than 0 to")


@pytest.mark.parametrize("kind", [None, 1, {}, ["JsonNode"]])
def test_a_node_whose_kind_is_no_word_is_not_checked_and_so_not_built(copy, kind):
    def change(schema, _):
        columns = settings(schema, "DictVectorizer")
        columns["vocabulary_"] = {
            "__loader__": kind, "content": columns["vocabulary_"]["content"], "__class__": {"length": 2_000_000_000}
        }  # fmt: skip

    forge(copy, change)
    refused(copy, "cannot be built|cannot be read")


def test_attributes_that_are_no_dictionary(copy):
    forge(copy, lambda schema, _: schema["content"]["claim"].update(content=node("ListNode", "builtins", "list", content=[])))
    refused(copy, "LogisticRegression without its attributes")


def test_fewer_keys_than_columns(copy):
    def change(schema, _):
        settings(schema, "DictVectorizer")["vocabulary_"]["key_types"]["content"] = []

    forge(copy, change)
    assert carelessly(copy / "model.skops")["features"].named_transformers["cues"]["columns"].vocabulary_ == {}
    refused(copy, "keys are not texts")


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("FeatureUnion", "n_jobs", 500),
        ("Pipeline", "memory", "/tmp/pickles"),
        ("TfidfVectorizer", "input", "filename"),
        ("FunctionTransformer", "kw_args", {"a": 1}),
    ],
)
def test_settings_that_start_processes_or_open_files(copy, name, setting, value):
    forge(copy, lambda schema, _: settings(schema, name).update({setting: said(value)}))
    refused(copy, f"{setting}|a list inside a text")


def test_a_small_tree_without_end(copy):
    """Each list holds the one before twice; skops visits all 2 ** 60 of them."""

    def change(schema, _):
        inner = said(1)
        for number in range(2, 62):
            again = {**inner, "content": []} if isinstance(inner["content"], list) else inner
            inner = node("ListNode", "builtins", "list", 900_002 + number, content=[inner, again])
        schema["content"]["claim"] = inner

    forge(copy, change)
    assert never_ends(lambda: skops.io.get_untrusted_types(file=copy / "model.skops"))
    refused(copy, "levels in each other|same number that differ")


def test_a_reference_instead_of_a_node(copy):
    forge(copy, lambda schema, _: schema["content"].update(abuse={"__id__": schema["content"]["claim"]["__id__"]}))
    loaded = carelessly(copy / "model.skops")
    assert loaded["abuse"] is loaded["claim"]
    refused(copy, "a node without a kind")


def test_an_array_that_is_read_many_times(copy):
    def change(schema, _):
        array = settings(schema, "Ridge")["coef_"]
        schema["content"]["claim"] = node(
            "ListNode", "builtins", "list", content=[{**array, "__id__": 910_000 + n} for n in range(20)]
        )

    forge(copy, change)
    assert len(carelessly(copy / "model.skops")["claim"]) == 20
    refused(copy, "arrays that are used twice")


# --- what would fill the memory or the disk --------------------------------------------------------------------------


def _header(shape, dtype="<f8"):
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    "data", [_header((10**12,)), _header((2**40, 2**40)) + bytes(800), _header((10**9,), "|S0"), b"no array"]
)
def test_an_array_larger_than_its_bytes(copy, data):
    def change(schema, members):
        members[settings(schema, "Ridge")["coef_"]["file"]] = data

    forge(copy, change)
    refused(copy, "an array of|cannot be read")


def test_a_zip_bomb(copy):
    with ZipFile(copy / "model.skops", "w", ZIP_DEFLATED, compresslevel=1) as file:
        with file.open("schema.json", "w", force_zip64=True) as member:
            for _ in range(160):
                member.write(b" " * (1 << 20))
    assert (copy / "model.skops").stat().st_size < 2 << 20
    sign(copy)
    refused(copy, "160 million bytes when unpacked")


def test_a_zip_bomb_that_states_another_size(copy):
    with ZipFile(copy / "model.skops", "w", ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("schema.json", b" " * (400 << 20))
    data = (copy / "model.skops").read_bytes()
    size = (400 << 20).to_bytes(4, "little")
    assert data.count(size) == 2
    (copy / "model.skops").write_bytes(data.replace(size, (1_000).to_bytes(4, "little")))
    sign(copy)
    refused(copy, "cannot be read as a skops file")


def test_more_values_than_any_model_has(copy):
    forge(copy, lambda schema, _: schema.update(much=[0] * 6_000_000))
    refused(copy, "more than 5,000,000 values")


def test_more_files_than_any_model_has(copy):
    forge(copy, lambda schema, members: members.update({f"{n}.npy": b"" for n in range(7_000_000, 7_001_000)}))
    refused(copy, "more than 64 files")


@pytest.mark.parametrize("name", ["../outside.npy", "/etc/outside", "..\\outside.npy", "1.npy/../../outside", "schema.json\n"])
def test_a_member_outside_the_file(copy, name):
    forge(copy, lambda schema, members: members.update({name: b"written"}))
    with ZipFile(copy / "model.skops") as file:
        assert name.replace("\\", os.sep) in [one.replace("\\", os.sep) for one in file.namelist()]
    refused(copy, "a file of the name")
    assert not (copy.parent / "outside.npy").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_schemas_in_one_file(copy):
    with ZipFile(copy / "model.skops", "a") as file:
        file.writestr("schema.json", "{}")
    sign(copy)
    refused(copy, "two files of the same name")


def test_another_way_of_packing(copy):
    with ZipFile(copy / "model.skops", "w", ZIP_BZIP2) as file:
        file.writestr("schema.json", "{}")
    sign(copy)
    refused(copy, "packed in another way")


@pytest.mark.parametrize("name", ["manifest.json", "model.json"])
def test_json_nested_deeper_than_it_can_be_read(copy, name):
    (copy / name).write_text('{"format": 5, "sha256": ' + "[" * 200_000 + "]" * 200_000 + "}", "utf-8")
    if name != "manifest.json":
        sign(copy)
    with pytest.raises(RecursionError):
        json.loads((copy / name).read_text("utf-8"))
    refused(copy, "cannot be read as JSON")


@pytest.mark.parametrize("levels", [100, 200_000])
def test_a_schema_nested_deeper_than_it_can_be_read(copy, levels):
    with ZipFile(copy / "model.skops", "w", ZIP_DEFLATED) as file:
        file.writestr("schema.json", '{"protocol": 2, "content": ' + "[" * levels + "]" * levels + "}")
    sign(copy)
    refused(copy, "levels in each other|cannot be read as a skops file")


def test_a_file_larger_than_any_model(copy):
    with (copy / "card.md").open("wb") as file:
        file.truncate(5 << 30)  # a hole: no disk is used
    refused(copy, "16 million bytes")


# --- the folder ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["manifest.json", *FILES])
def test_a_link_to_a_file_outside(copy, name):
    (copy / name).rename(copy.parent / "secret")
    (copy / name).symlink_to(copy.parent / "secret")
    assert (copy / name).read_bytes()
    refused(copy, "a link to another place")


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_plain_file(copy, name):
    (copy / name).unlink()
    os.mkfifo(copy / name)  # opening it waits until somebody writes
    refused(copy, "no plain file")
    (copy / name).unlink()
    (copy / name).mkdir()
    refused(copy, "no plain file|cannot be read")
    (copy / name).rmdir()
    refused(copy, "found nothing", ModelNotFoundError)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "C:\\secret", "extra.py"])
def test_a_manifest_that_names_other_files(copy, name):
    hashes = json.loads((copy / "manifest.json").read_text("utf-8"))["sha256"]
    (copy / "manifest.json").write_text(json.dumps({"sha256": {**hashes, name: "0" * 64}}), "utf-8")
    refused(copy, "found the file")


@pytest.mark.parametrize("hashes", [[], "all", None, {"model.skops": 1}, {"model.skops": "../secret"}])
def test_a_manifest_with_other_hashes(copy, hashes):
    (copy / "manifest.json").write_text(json.dumps({"sha256": hashes}), "utf-8")
    refused(copy, "SHA-256")


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": "1"},
        {"abuse": float("nan")},
        {"review": None},
        {"conformal": [1, "2", 3, 4]},
        {"unknown": 1},
        {"conformal": 5},
        {"coverage": 10**400},
    ],
)
def test_thresholds_that_are_not_numbers(copy, changes):
    about = json.loads((copy / "model.json").read_text("utf-8"))
    about["thresholds"].update(changes)
    (copy / "model.json").write_text(json.dumps(about), "utf-8")
    sign(copy)
    refused(copy, "thresholds")


@pytest.mark.parametrize("about", [[], {"format": [5]}, {"format": 4}, {"format": "5", "reply_ids": []}, {"format": 5}])
def test_another_model_json(copy, about):
    (copy / "model.json").write_text(json.dumps(about), "utf-8")
    sign(copy)
    refused(copy, "expected 5|no model of ours", ModelError)


# --- versions --------------------------------------------------------------------------------------------------------


def test_a_model_made_with_another_scikit_learn(copy):
    forge(copy, lambda schema, _: settings(schema, "Ridge").update(_sklearn_version=said("0.24.2")))
    refused(copy, r"made with scikit-learn 0\.24\.2.*install scikit-learn 0\.24\.2", ModelError)


def test_a_patch_of_the_same_scikit_learn_is_loaded_without_a_word(copy):
    import sklearn

    same = ".".join(sklearn.__version__.split(".")[:2])
    forge(copy, lambda schema, _: settings(schema, "Ridge").update(_sklearn_version=said(f"{same}.99")))
    assert model_files.load(copy).predict("broken").probabilities


def test_a_model_made_with_a_later_skops(copy):
    forge(copy, lambda schema, _: schema.update(protocol=99))
    refused(copy, "skops protocol 99")


def test_a_model_that_could_not_be_loaded_is_not_saved(fitted, copy, monkeypatch):
    from triage_ml import model_audit

    before = (copy / "manifest.json").read_bytes()
    monkeypatch.setattr(model_audit, "LARGEST_UNPACKED", 1_000)
    with pytest.raises(UntrustedModelError, match="when unpacked"):
        model_files.save(fitted[0], copy, {}, "")
    assert (copy / "manifest.json").read_bytes() == before


# --- encoders that a model names -------------------------------------------------------------------------------------


@pytest.fixture
def with_encoder(copy):
    """Let the model name an encoder, as an attacker would: with a hash that fits whatever is there."""

    def name(where, sha256="0" * 64, **more):
        about = json.loads((copy / "model.json").read_text("utf-8"))
        about["encoder"] = {"where": str(where), "languages": ["en"], "sha256": sha256, **more}
        (copy / "model.json").write_text(json.dumps(about), "utf-8")
        sign(copy)
        return copy

    return name


TRANSFORMER = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}


@pytest.fixture
def encoder(tmp_path):
    """Write a folder as sentence-transformers has it."""

    def write(parts=(TRANSFORMER,), weights="model.safetensors", **files):
        folder = tmp_path / "encoder"
        folder.mkdir()
        (folder / "modules.json").write_text(json.dumps(list(parts)), "utf-8")
        (folder / "config.json").write_text(json.dumps({"model_type": "bert"}), "utf-8")
        (folder / weights).write_bytes(bytes(8))
        for file, content in files.items():
            (folder / f"{file}.json").write_text(json.dumps(content), "utf-8")
        return folder

    return write


def test_an_encoder_with_a_class_of_its_own(encoder, with_encoder, trace):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    folder = encoder([{**TRANSFORMER, "type": "evil.Evil"}])
    (folder / "evil.py").write_text(f"import os\nos.system('touch {trace}')\nclass Evil: pass\n", "utf-8")
    with pytest.raises(Exception):  # noqa: B017 - it has done its work by then
        sentence_transformers.SentenceTransformer(str(folder), trust_remote_code=True)
    assert trace.exists()
    trace.unlink()
    refused(with_encoder(folder), "a part of the type 'evil.Evil'")
    assert not trace.exists()


def test_an_encoder_with_pickled_weights(encoder, with_encoder, trace):
    torch = pytest.importorskip("torch")
    folder = encoder(weights="pytorch_model.bin")
    torch.save(Touch(trace), folder / "pytorch_model.bin")
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert trace.exists()
    trace.unlink()
    refused(with_encoder(folder), "no weights in model.safetensors")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("parts", "files", "match"),
    [
        ([{**TRANSFORMER, "type": "sentence_transformers.models.Dense"}], {}, "models.Dense"),
        ([{**TRANSFORMER, "type": "sentence_transformers.util.misc.import_from_string"}], {}, "a part of the type"),
        ([{**TRANSFORMER, "path": "../elsewhere"}], {}, "a part outside"),
        ([{**TRANSFORMER, "path": "/etc"}], {}, "a part outside"),
        ([TRANSFORMER], {"config": {"auto_map": {"AutoModel": "evil.Evil"}}}, "auto_map"),
        ([TRANSFORMER], {"config": {"text_config": [{"auto_map": {}}]}}, "auto_map"),
        ([TRANSFORMER], {"config": {"attn_implementation": "evil/kernel"}}, "attn_implementation"),
        ([TRANSFORMER], {"config": {"quantization_config": {}}}, "quantization_config"),
        ([TRANSFORMER], {"tokenizer_config": {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}}}, "auto_map"),
        ([TRANSFORMER], {"sentence_bert_config": {"model_args": {"gguf_file": "x"}}}, "model_args"),
        ([TRANSFORMER], {"adapter_config": {"base_model_name_or_path": "evil/base"}}, "an adapter"),
        ([TRANSFORMER], {"config_sentence_transformers": {"model_type": "SparseEncoder"}}, "SparseEncoder"),
    ],
)
def test_settings_of_an_encoder_that_fetch_or_import(encoder, with_encoder, parts, files, match):
    pytest.importorskip("sentence_transformers")
    refused(with_encoder(encoder(parts, **files)), match)


@pytest.mark.parametrize("where", ["\\\\host\\share\\encoder", "//host/share", "https://host/encoder", "file:///etc"])
def test_an_encoder_on_the_network_is_not_even_looked_at(with_encoder, where):
    refused(with_encoder(where), "a place on the network")


def test_a_hub_name_in_a_model_fetches_nothing(with_encoder, monkeypatch, tmp_path):
    pytest.importorskip("huggingface_hub")
    import socket

    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: asked.append(address) or [])
    refused(with_encoder("somebody/encoder"), "hf download somebody/encoder", ModelError)
    assert not asked


def test_places_that_are_no_encoder(with_encoder, tmp_path):
    pytest.importorskip("sentence_transformers")
    for where in ("/", "/dev", "../..", "", "a" * 5_000, str(tmp_path / "nowhere"), "a\0b"):
        refused(with_encoder(where), "encoder", ModelError)


@pytest.mark.parametrize("named", [1, "x", [], {"where": "x"}, {"where": 1, "languages": [], "sha256": "0" * 64}])
def test_an_encoder_that_is_named_otherwise(copy, named):
    about = json.loads((copy / "model.json").read_text("utf-8")) | {"encoder": named}
    (copy / "model.json").write_text(json.dumps(about), "utf-8")
    sign(copy)
    refused(copy, "encoder", ModelError)


def test_an_encoder_that_was_changed_since(with_encoder, tmp_path):
    model2vec, tokenizers = pytest.importorskip("model2vec"), pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"broke": 0, "[UNK]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    folder = tmp_path / "static"
    model2vec.StaticModel(np.ones((2, 4), np.float32), tokenizer).save_pretrained(folder)
    trained = open_encoder(str(folder), ["en"])
    assert model_files.load(with_encoder(folder, trained.sha256)).encoder.sha256 == trained.sha256
    model2vec.StaticModel(np.zeros((2, 4), np.float32), tokenizer).save_pretrained(folder)
    refused(with_encoder(folder, trained.sha256), "other files than when the model was trained")


# --- as MLflow keeps it ----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # MLflow and what it brings warn about each other
@pytest.mark.parametrize("attack", ["changed", "pickle"])
def test_a_changed_artifact_is_refused_where_mlflow_loads_it(model_folder, tmp_path, trace, attack):
    mlflow = pytest.importorskip("mlflow")
    from triage_ml import served

    place = tmp_path / "kept"
    mlflow.pyfunc.save_model(place, python_model=served.__file__, artifacts={"model": str(model_folder)})
    (kept,) = place.rglob("model.skops")
    assert mlflow.pyfunc.load_model(str(place))
    assert not [file for file in place.rglob("*") if file.suffix in (".pkl", ".pickle")]
    if attack == "changed":
        kept.write_bytes(kept.read_bytes()[:-1] + b"!")
    else:
        kept.write_bytes(pickle.dumps(Touch(trace)))
        sign(kept.parent)
    with pytest.raises(UntrustedModelError):
        mlflow.pyfunc.load_model(str(place))
    assert not trace.exists()


def test_a_folder_from_elsewhere_can_be_asked_for_its_facts_no_less_safely(copy):
    (copy / "model.json").write_text('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "utf-8")
    for ask in (model_files.facts, model_files.version, model_files.held_out):
        with pytest.raises(UntrustedModelError, match="changed after saving"):
            ask(copy)
    sign(copy)
    with pytest.raises(UntrustedModelError, match="cannot be read as JSON"):
        model_files.facts(Path(copy))
