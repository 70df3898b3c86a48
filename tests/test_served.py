"""A registered model, loaded and served by MLflow itself."""

import json
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pandas as pd
import pytest
from mlflow_server import served as serving

from triage_ml import batch, model_files, registry
from triage_ml.errors import UntrustedModelError
from triage_ml.messages import Message
from triage_ml.triage import Triage

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow and what it brings warn about each other
BROKE = "The handle broke off when I washed it. Cheap glue."
DOCS = Path(__file__).parents[1] / "docs" / "learning.md"


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
def served(uri):
    import mlflow

    return mlflow.pyfunc.load_model(uri)


def test_each_message_gets_what_a_batch_would_write(served, model_folder):
    from triage_ml.served import RESULT

    texts = [BROKE, "Die Farbe gefällt mir einfach nicht, ich hätte gern mein Geld zurück.", "东西收到了，谢谢"]
    found = served.predict(pd.DataFrame({"text": texts}))
    assert list(found.columns) == list(RESULT)
    assessed = Triage.load(model_folder).assess_many([Message(f"{n}", text) for n, text in enumerate(texts)])
    for row, assessment in zip(found.to_dict("records"), assessed, strict=True):
        expected = batch.to_row(assessment)
        assert {name: row[name] for name in RESULT if name in expected} == {
            name: expected[name] for name in RESULT if name in expected
        }
        assert [row[f"reply_{n}_text"] for n in (1, 2, 3)] == [reply.text for reply in assessment.replies]
        assert row["error"] == ""


def test_the_order_changes_the_result(served):
    rows = [{"text": "I simply do not like the colour.", "personalised": said, "amount": "24.90", "currency": "EUR", "marketplace": "de", "channel": "etsy"}
            for said in ("yes", "no")]  # fmt: skip
    one, other = served.predict(pd.DataFrame(rows)).to_dict("records")
    assert one["p_subjective"] == other["p_subjective"]
    assert one["remedy"] != other["remedy"]


def test_a_row_that_cannot_be_read_says_why_and_stops_no_other(served):
    rows = pd.DataFrame(
        {"text": [BROKE, None, "wrong name", BROKE], "amount": ["24.90", "", "twenty", None], "currency": ["EUR"] * 4}
    )
    found = served.predict(rows)
    assert [bool(error) for error in found["error"]] == [False, True, True, False]
    assert "amount" in found["error"][2] and "twenty" in found["error"][2]
    assert found["category"][1] is None and found["p_quality"][2] is None
    assert found["claim"][0] == found["claim"][3] == "quality"


def test_rows_keep_their_places(served):
    found = served.predict(pd.DataFrame({"text": [BROKE, "where is my parcel"]}, index=[7, 3]))
    assert list(found.index) == [7, 3]
    assert len(served.predict(pd.DataFrame({"text": []}, dtype=object))) == 0


def test_the_example_that_is_kept_can_be_sent(served):
    from triage_ml.served import example

    assert list(served.predict(example())["error"]) == ["", ""]


def test_a_folder_changed_in_the_store_is_not_loaded(uri, tmp_path):
    import mlflow

    folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path)))
    (model,) = folder.glob("artifacts/*/model.skops")
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    with pytest.raises(UntrustedModelError, match=r"model\.skops"):
        mlflow.pyfunc.load_model(str(folder))


def test_the_columns_are_documented():
    from triage_ml.served import INPUT, RESULT

    page = DOCS.read_text("utf-8")
    for name in (*INPUT, *RESULT):
        assert f"`{name}`" in page, name


@pytest.fixture(scope="module")
def address(uri, tmp_path_factory):
    with serving(uri, tmp_path_factory.mktemp("log")) as found:
        yield found


def _ask(address, body, kind="application/json"):
    """Return the status and what came back."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urlopen(Request(f"{address}/invocations", data, {"Content-Type": kind})) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.skipif(sys.platform == "win32", reason="ends a whole process group")
def test_mlflow_models_serve_answers(address):
    rows = [{"text": BROKE, "amount": 24.9, "currency": "EUR", "personalised": True}, {"text": "", "amount": None}]
    status, answer = _ask(address, {"dataframe_records": rows})
    assert status == 200
    first, second = answer["predictions"]
    assert first["claim"] == "quality" and first["remedy"] and first["error"] == ""
    assert second["claim"] is None and "no text" in second["error"]


@pytest.mark.skipif(sys.platform == "win32", reason="ends a whole process group")
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"no json", "application/json"),
        ({"dataframe_records": [{"Text": "a column by another name"}]}, "application/json"),
        ({"dataframe_split": {"columns": ["text"], "data": [["one", "too many"]]}}, "application/json"),
        ({"something": "else"}, "application/json"),
        ([1, 2, 3], "application/json"),
        (b"", "application/json"),
        (b"<text/>", "application/xml"),
    ],
)
def test_a_malformed_request_is_the_sender_s_fault(address, body, kind):
    status, _ = _ask(address, body, kind)
    assert 400 <= status < 500
