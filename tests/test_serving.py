"""MLflow's own scoring server under what nobody should send, and under many threads at once."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pandas as pd
import pytest
from mlflow_server import served

from triage_ml import model_files, registry

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # MLflow and what it brings warn about each other
    pytest.mark.skipif(sys.platform == "win32", reason="ends a whole process group"),
]
JSON = "application/json"
BROKE = "The handle broke off when I washed it. Cheap glue."


def records(*rows):
    return json.dumps({"dataframe_records": list(rows)}).encode()


MALFORMED = {
    "cut off": (b'{"dataframe_records": [{"text": "abc', JSON),
    "empty": (b"", JSON),
    "null bytes": (b"\x00" * 1000, JSON),
    "no utf-8": (b'{"dataframe_records": [{"text": "\xff\xfe"}]}', JSON),
    "lone surrogate": (b'{"dataframe_records": [{"text": "\\ud800 broken"}]}', JSON),
    "deep": (b'{"dataframe_records": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", JSON),
    "10 MB": (b"x" * 10 * 2**20, JSON),
    "10 MB of JSON": (b'{"junk": "' + b"x" * 10 * 2**20 + b'"}', JSON),
    "number": (b"1", JSON),
    "null": (b"null", JSON),
    "null records": (b'{"dataframe_records": null}', JSON),
    "rows of numbers": (records(1, 2), JSON),
    "row of null": (records(None), JSON),
    "wrong column": (records({"Text": BROKE}), JSON),
    "list as text": (records({"text": ["a", "b"]}), JSON),
    "object as text": (records({"text": {"a": 1}}), JSON),
    "object as amount": (records({"text": BROKE, "amount": {"value": 1}}), JSON),
    "list as text, by columns": (b'{"dataframe_split": {"columns": ["text"], "data": [[["a"]]]}}', JSON),
    "list as text, as inputs": (b'{"inputs": {"text": [["a"], ["b"]]}}', JSON),
    "list as text, as instances": (b'{"instances": [{"text": ["a"]}]}', JSON),
    "too many cells": (b'{"dataframe_split": {"columns": ["text"], "data": [["a", "b"]]}}', JSON),
    "no data": (b'{"dataframe_split": {"columns": ["text"]}}', JSON),
    "no content type": (records({"text": BROKE}), None),
    "form": (records({"text": BROKE}), "application/x-www-form-urlencoded"),
    "character set": (records({"text": BROKE}), f"{JSON}; charset=latin-1"),
    "csv without text": (b"a,b\n1,2\n", "text/csv"),
    "broken parquet": (b"PAR1 nothing", "application/vnd.apache.parquet"),
}


@pytest.fixture(scope="module")
def uri(model_folder, tmp_path_factory):
    """A registered model in a store of its own."""
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("TRIAGE_HOME", str(tmp_path_factory.mktemp("served")))
        surroundings.delenv("MLFLOW_TRACKING_URI", raising=False)
        registry.register(model_folder, registry.track("train", {}, {}))
        registry.point("champion", model_files.version(model_folder))
        yield "models:/triage_ml@champion"


@pytest.fixture(scope="module")
def address(uri, tmp_path_factory):
    with served(uri, tmp_path_factory.mktemp("log")) as found:
        yield found


def ask(address, body, kind=JSON):
    return httpx.post(f"{address}/invocations", content=body, headers={"Content-Type": kind} if kind else {}, timeout=120)


@pytest.fixture(scope="module")
def before(address):
    """What the server says of a message before anything else is sent."""
    return ask(address, records({"text": BROKE})).json()["predictions"]


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_the_sender_s_fault_and_harms_nobody(address, before, name):
    answer = ask(address, *MALFORMED[name])
    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert ask(address, records({"text": BROKE})).json()["predictions"] == before


def test_numbers_and_yes_or_no_are_taken_as_in_an_export(address):
    answer = ask(address, records({"text": BROKE, "amount": 24.9, "currency": "EUR", "personalised": True}, {"text": 17}))
    assert answer.status_code == 200
    assert [row["error"] for row in answer.json()["predictions"]] == ["", ""]


def test_a_message_like_none_other_costs_its_row_at_most(address):
    planes = "".join(chr(plane * 0x10000 + 0x41) for plane in range(17))
    texts = [
        BROKE,
        "a" * 2**20,
        "a" * (2**20 + 1),
        planes,
        "\x00",
        "<" * 900,
        "&#0;&#xd800;",
        "🙂" * 900,
        "\u202e\u0301" * 200,
        BROKE,
    ]
    answer = ask(address, records(*({"text": text} for text in texts)))
    assert answer.status_code == 200
    found = answer.json()["predictions"]
    assert found[0] == found[-1] and found[0]["claim"] == "quality"
    assert [bool(row["error"]) for row in found if row["category"] is None] == [True] * sum(
        row["category"] is None for row in found
    )
    assert found[2]["error"] and found[4]["error"]


def test_clients_at_the_same_time_get_what_one_gets_alone(address, rows):
    bodies = [records({"text": row.text}) for row in rows[::97][:24]]
    alone = [ask(address, body).json() for body in bodies]
    with ThreadPoolExecutor(12) as clients:
        assert list(clients.map(lambda body: ask(address, body).json(), bodies)) == alone


def test_threads_that_share_a_model_are_told_the_same(uri, rows):
    import mlflow

    shared, interval = mlflow.pyfunc.load_model(uri), sys.getswitchinterval()
    tables = [pd.DataFrame({"text": [row.text]}) for row in rows[1::97][:48]]
    sys.setswitchinterval(1e-5)  # threads come between each other's steps far more often than they would
    try:
        with ThreadPoolExecutor(16) as threads:
            together = list(threads.map(shared.predict, tables))  # the first ones also fill what is remembered
    finally:
        sys.setswitchinterval(interval)
    for table, found in zip(tables, together, strict=True):
        pd.testing.assert_frame_equal(found, shared.predict(table))
