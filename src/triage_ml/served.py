"""The model as MLflow serves it: a table of messages goes in, a table of results comes out, row for row.

MLflow copies this file beside the model folder and runs it where the model is loaded (models from code), so nothing is pickled.
The folder is checked by `triage_ml.model_files` before anything in it is built; policy and templates are those of the place
where it runs (`triage_ml.home`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd  # type: ignore[import-untyped]
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc.model import PythonModel

from triage_ml.errors import ReadError
from triage_ml.messages import Claim, Message, OrderLine

if TYPE_CHECKING:
    from triage_ml.triage import Assessment, Triage

# What changes the result, named and written as in an export (`triage_ml.readers.fields`): all of them texts, all but the first
# may be left out or empty.
INPUT = (
    "text", "language", "channel", "marketplace", "order_id", "sku", "product", "amount", "currency", "personalised",
    "customisation", "sent_at", "delivered_at", "reason_code", "attachments", "direction", "kind",
)  # fmt: skip
_REPLIES = (1, 2, 3)
_SERVER = "mlflow.pyfunc.scoring_server"
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

        if _SERVER in sys.modules:
            refuse_what_cannot_be_read(sys.modules[_SERVER])
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
        found = iter(self._found([message for message in read if isinstance(message, Message)]))
        for one in read:
            yield _refused(str(one)) if isinstance(one, ReadError) else next(found)

    def _found(self, messages: list[Message]) -> list[dict[str, Any]]:
        """Judge all at once; where that fails one by one, so that a message nobody foresaw does not cost the others."""
        try:
            return [_result(one) for one in self.triage.assess_many(messages)]
        except Exception as error:  # noqa: BLE001 - whatever it is, it is met again with the message it belongs to
            if len(messages) == 1:
                return [_refused(f"cannot be judged ({type(error).__name__}: {str(error)[:120]})")]
            return [row for message in messages for row in self._found([message])]


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


def refuse_what_cannot_be_read(server: Any) -> None:  # noqa: ANN401 - the module
    """Let MLflow's scoring server answer 4xx where it would fall over a request (500), or take a list for a text.

    Parameters
    ----------
    server
        The module `mlflow.pyfunc.scoring_server`, of 3.17; its functions are found by their names at each request.
    """
    answer, parse = server.invocations, server.infer_and_parse_data

    def invocations(data: bytes, content_type: str | None, *rest: object) -> object:
        if content_type is None:
            return server.InvocationsResponse("found no content type; expected application/json", 415, "text/plain")
        try:
            return answer(data, content_type, *rest)
        except RecursionError:
            raise MlflowException("found JSON nested too deeply; expected a table of texts", BAD_REQUEST) from None

    def infer_and_parse_data(data: Mapping[str, Any], *rest: object) -> object:
        if any(isinstance(cell, (list, dict)) for cell in _cells(data)):
            raise MlflowException("found a list or an object in a cell; expected texts", BAD_REQUEST)
        return parse(data, *rest)

    server.invocations, server.infer_and_parse_data = invocations, infer_and_parse_data


def _cells(data: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what stands in the cells of a request, in whichever of MLflow's four forms; what has none of them has no cells."""
    for table in data.values():
        rows = table.get("data", table) if isinstance(table, dict) else table
        for row in rows.values() if isinstance(rows, dict) else rows if isinstance(rows, list) else ():
            yield from row.values() if isinstance(row, dict) else row if isinstance(row, list) else (row,)


def as_input(message: Message) -> dict[str, str]:
    """Return a message as it is sent: `readers.fields.build` makes the same of it, but for what no result depends on."""
    order = message.order or OrderLine()
    moments = {"sent_at": message.sent_at, "delivered_at": order.delivered_at}
    # Escaped, since a reader takes entities for what they stand for, and these texts have been read already.
    written = {"text": message.text, "product": order.product, "customisation": order.customisation}
    return {
        **{name: escape(text, quote=False) for name, text in written.items()},
        **{name: moment.isoformat() if moment else "" for name, moment in moments.items()},
        "language": message.language,
        "channel": message.channel,
        "marketplace": order.marketplace,
        "order_id": order.order_id,
        "sku": order.sku,
        "amount": _plain(order.paid.amount) if order.paid else "",
        "currency": order.paid.currency if order.paid else "",
        "personalised": {True: "yes", False: "no", None: ""}[order.personalised],
        "reason_code": message.reason_code,
        "attachments": "; ".join(message.attachments),
        "direction": message.direction.value,
        "kind": message.kind.value,
    }


def _plain(amount: Decimal) -> str:
    """Return an amount that is read in one way only: three decimals could be thousands."""
    written = f"{amount:f}"
    return written + "0" if int(amount.as_tuple().exponent) == -3 else written


def _refused(why: str) -> dict[str, Any]:
    return {**dict.fromkeys(RESULT), "error": why}


def _result(assessment: Assessment) -> dict[str, Any]:
    from triage_ml.batch import to_row

    replies = {f"reply_{n}_text": reply.text for n, reply in enumerate(assessment.replies, 1)}
    row = {**to_row(assessment), **dict.fromkeys((f"reply_{n}_text" for n in _REPLIES), ""), **replies, "error": ""}
    return {name: row[name] for name in RESULT}


set_model(ServedModel())
