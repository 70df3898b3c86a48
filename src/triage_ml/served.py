"""The model as MLflow serves it: a table of messages goes in, a table of results comes out, row for row.

MLflow copies this file beside the model folder and runs it where the model is loaded (models from code), so nothing is pickled.
The folder is checked by `triage_ml.model_files` before anything in it is built; policy and templates are those of the place
where it runs (`triage_ml.home`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd  # type: ignore[import-untyped]
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from triage_ml.errors import ReadError
from triage_ml.messages import Claim, Message

if TYPE_CHECKING:
    from triage_ml.triage import Assessment, Triage

# What changes the result, named and written as in an export (`triage_ml.readers.fields`): all of them texts, all but the first
# may be left out or empty.
INPUT = (
    "text", "language", "channel", "marketplace", "order_id", "sku", "product", "amount", "currency", "personalised",
    "customisation", "sent_at", "delivered_at", "reason_code", "attachments", "direction", "kind",
)  # fmt: skip
_REPLIES = (1, 2, 3)
# Column to its type in MLflow's signature; named as in `triage_ml.batch`. A row that cannot be read has nothing but `error`.
RESULT: Mapping[str, str] = {
    "category": "string",
    "claim": "string",
    "claim_set": "string",
    **{f"p_{claim.value}": "double" for claim in Claim},
    "p_abuse": "double",
    "language": "string",
    "remedy": "string",
    "remedy_rule": "string",
    **{name: "string" for n in _REPLIES for name in (f"reply_{n}", f"reply_{n}_text")},
    "model": "string",
    "policy": "string",
    "error": "string",
}


class ServedModel(PythonModel):
    """A model folder behind MLflow's interface."""

    triage: Triage

    def load_context(self, context: Any) -> None:  # noqa: ANN401 - mlflow.pyfunc.PythonModelContext
        """Load the model folder that was registered; MLflow calls this once in each process."""
        from triage_ml.triage import Triage

        self.triage = Triage.load(context.artifacts["model"])

    # pandas stands in the signature because MLflow looks there for what it may pass.
    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:  # noqa: ANN401
        """Assess n messages.

        Parameters
        ----------
        context, params
            Not used.
        model_input
            n rows with some of the columns `INPUT`, "text" among them.

        Returns
        -------
        pandas.DataFrame
            n rows with the columns `RESULT`.
        """
        rows = list(self.results(model_input.to_dict("records")))
        # None stays None and becomes null: a missing number as nan would be no JSON.
        return pd.DataFrame(rows, columns=list(RESULT), index=model_input.index, dtype=object)

    def results(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield one result for each row; an unreadable one has nothing but `error`, so that it does not stop the others."""
        from triage_ml.readers.fields import build

        read = [build("request", number, row) for number, row in enumerate(rows, 1)]
        assessed = iter(self.triage.assess_many([message for message in read if isinstance(message, Message)]))
        for one in read:
            yield _refused(one) if isinstance(one, ReadError) else _result(next(assessed))


def example() -> pd.DataFrame:
    """Return two messages as they may be sent, one of them with nothing but its text."""
    order = {
        "text": "Lovely ring, but it snapped on the second day.",
        "language": "en",
        "channel": "etsy",
        "marketplace": "us",
        "product": "Name ring",
        "amount": "24.90",
        "currency": "USD",
        "personalised": "yes",
        "customisation": "Ella",
    }
    return pd.DataFrame([order, {"text": "Auf der Tasse steht Omma statt Oma!"}], columns=list(INPUT)).fillna("")


def _refused(error: ReadError) -> dict[str, Any]:
    return {**dict.fromkeys(RESULT), "error": str(error)}


def _result(assessment: Assessment) -> dict[str, Any]:
    from triage_ml.batch import to_row

    replies = {f"reply_{n}_text": reply.text for n, reply in enumerate(assessment.replies, 1)}
    row = {**to_row(assessment), **dict.fromkeys((f"reply_{n}_text" for n in _REPLIES), ""), **replies, "error": ""}
    return {name: row[name] for name in RESULT}


set_model(ServedModel())
