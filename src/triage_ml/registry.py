"""The only place that asks MLflow for something: what was trained or measured is kept as a run, models as registered ones.

Runs go to `MLFLOW_TRACKING_URI`, else to `mlflow.db` (SQLite) in `home()`, with the files in `mlartifacts` beside it, and
`mlflow ui --backend-store-uri URI` shows them. MLflow's own usage reporting is off. `triage_ml.served` is what is registered.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage_ml.errors import MissingExtraError, TriageError
from triage_ml.home import home

if TYPE_CHECKING:
    from triage_ml.evaluation import Evaluation

EXPERIMENT = "triage_ml"
MODEL = "triage_ml"
# What MLflow does is decided here, unless the person who runs it says otherwise.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # A server that is away is said after seconds; the default tries for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}
# The tag of runs and of registered versions that holds our own version of the model.
_OURS = "model"


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it was kept.

    Parameters
    ----------
    run_id
        Its id in MLflow.
    at
        When it began, in UTC.
    name
        What was done ("train", "evaluate").
    parameters, metrics, tags
        What it was told, what came out, and words to find it by; without MLflow's own tags.
    """

    run_id: str
    at: datetime
    name: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


# --- the store -----------------------------------------------------------------------------------------------------------


def store_uri() -> str:
    """Return where runs are kept: MLFLOW_TRACKING_URI, else `mlflow.db` in `home()`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{_default_store().as_posix()}"


def without_password(text: str) -> str:
    """Return a text that names a store, without the user and password in its address."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", text)


def in_use() -> bool:
    """Say whether MLflow is installed and there is a store; asks neither."""
    return find_spec("mlflow") is not None and bool(os.environ.get("MLFLOW_TRACKING_URI") or _default_store().is_file())


def _default_store() -> Path:
    return home().absolute() / "mlflow.db"


@contextmanager
def store() -> Iterator[Any]:
    """Give the module with our store; whatever it raises is one sentence."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        mlflow = _imported()
    except ImportError as error:
        raise MissingExtraError("tracking", "mlflow") from error
    for name in ("mlflow", "alembic"):  # making a store is told line by line otherwise
        logging.getLogger(name).setLevel(logging.WARNING)
    told = "MLFLOW_TRACKING_URI" in os.environ
    mlflow.set_tracking_uri(store_uri())
    mlflow.set_registry_uri(store_uri())
    try:
        yield mlflow
    except TriageError:
        raise
    except Exception as error:  # MLflow raises whatever its store raises
        found = without_password(f"MLflow store {store_uri()}: found {str(error).strip().partition(chr(10))[0]}")
        raise TriageError(f"{found}; expected a store that answers. Check MLFLOW_TRACKING_URI.") from error
    finally:
        if not told:  # MLflow leaves it behind, and nobody's next home would count
            os.environ.pop("MLFLOW_TRACKING_URI", None)


def _imported() -> Any:  # noqa: ANN401 - a module
    """Import MLflow; at the end of the process nothing of it is looked through for garbage, which takes most of a second."""
    if "mlflow" not in sys.modules:
        atexit.register(gc.freeze)
    with _collecting_later():
        import mlflow
    return mlflow


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Leave the garbage for later: what MLflow imports stays, and looking through it takes a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _client(mlflow: Any) -> Any:  # noqa: ANN401 - a module; mlflow.MlflowClient
    with _collecting_later():  # it imports what its store needs
        return mlflow.MlflowClient()


def _experiment(mlflow: Any) -> str:  # noqa: ANN401 - a module
    """Return the id of our experiment; it is made where there is none."""
    if found := mlflow.get_experiment_by_name(EXPERIMENT):
        return str(found.experiment_id)
    # A database holds no files, and MLflow would put them into the current folder. A server knows a place itself.
    local = store_uri().partition(":")[0] not in ("http", "https", "databricks")
    place = (home().absolute() / "mlartifacts").as_uri() if local else None
    return str(mlflow.create_experiment(EXPERIMENT, artifact_location=place))


# --- runs ----------------------------------------------------------------------------------------------------------------


def track(
    name: str,
    parameters: Mapping[str, object],
    metrics: Mapping[str, float],
    artifacts: Sequence[Path] = (),
    **tags: str,
) -> str:
    """Keep one run and return its id.

    Parameters
    ----------
    name
        What was done ("train", "evaluate").
    parameters
        What it was told.
    metrics
        What came out; nan is left out, since no store takes it alike.
    artifacts
        Files to keep with it, and folders whose files are kept.
    **tags
        Words to find it by; the version of the code is added.

    Raises
    ------
    MissingExtraError
        MLflow is not installed.
    TriageError
        The store cannot be reached or written.
    """
    with store() as mlflow, mlflow.start_run(run_name=name, experiment_id=_experiment(mlflow)) as run:
        mlflow.set_tags({**code_version(), **tags})
        mlflow.log_params(dict(parameters))
        mlflow.log_metrics({key: value for key, value in metrics.items() if value == value})
        for path in artifacts:
            (mlflow.log_artifacts if path.is_dir() else mlflow.log_artifact)(str(path))
    run_id: str = run.info.run_id
    return run_id


def metrics_of(found: Evaluation | Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of an evaluation under flat names, such as `macro_f1` or `language.de.f1.quality`.

    Parameters
    ----------
    found
        The evaluation, or what model.json keeps of it. Single writers are left to the report: they are hundreds of figures.
    """
    from triage_ml.evaluation import as_json

    values = as_json(found)
    flat = dict(_flat("", values["total"]))
    for kind in values["parts"].keys() - {"writer"}:
        for name, figures in values["parts"][kind].items():
            flat |= dict(_flat(f"{kind}.{name}.".replace(" ", "_").replace(",", ""), figures))
    return flat


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{key}.", value)
        elif value is not None:
            yield f"{prefix}{key}", float(value)


def code_version() -> dict[str, str]:
    """Return this package's version, and the commit of the checkout it runs from, "-dirty" where that was changed."""
    found = {"version": installed_version("triage-ml")}
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / ".git").exists():
        with suppress(OSError, subprocess.SubprocessError):
            command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
            found["commit"] = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    return found


def runs(last: int) -> list[Run]:
    """Return the last runs, the newest first; none where there is no store yet."""
    if not in_use():
        return []
    with store() as mlflow:
        found = mlflow.search_runs([_experiment(mlflow)], max_results=last, output_format="list")
        return [_run(one) for one in found]


def find_run(start: str) -> Run:
    """Return the run whose id begins like this.

    Raises
    ------
    TriageError
        Where none does, or more than one.
    """
    found = [one for one in runs(last=10_000) if one.run_id.startswith(start)]
    if len(found) != 1:
        raise TriageError(
            f"run {start!r}: found {len(found)} runs whose id begins so; expected one. See `triage-ml experiments`."
        )
    return found[0]


def _run(found: Any) -> Run:  # noqa: ANN401 - mlflow.entities.Run
    tags = {key: value for key, value in found.data.tags.items() if not key.startswith("mlflow.")}
    at = datetime.fromtimestamp(found.info.start_time / 1000, UTC)
    return Run(found.info.run_id, at, found.info.run_name, dict(found.data.params), dict(found.data.metrics), tags)


# --- models --------------------------------------------------------------------------------------------------------------


def register(folder: Path, run_id: str) -> str:
    """Register a model folder as the newest version of the pyfunc `triage_ml`, and return MLflow's number for it.

    Parameters
    ----------
    folder
        The model's folder; it is audited first, and copied as it is: skops and JSON, no pickle.
    run_id
        The run that made it.

    Raises
    ------
    ModelError
        The folder cannot be loaded.
    MissingExtraError
        MLflow is not installed.
    TriageError
        The store cannot be reached or written.
    """
    from triage_ml import model_files

    ours = model_files.load(folder).version
    with store() as mlflow:
        from triage_ml import served

        with mlflow.start_run(run_id=run_id):
            kept = mlflow.pyfunc.log_model(
                name=MODEL,
                python_model=served.__file__,
                artifacts={"model": str(folder.absolute())},
                signature=signature(mlflow),
                input_example=served.example(),
                pip_requirements=[f"triage-ml=={installed_version('triage-ml')}", f"mlflow=={mlflow.__version__}"],
            )
        client = _client(mlflow)
        if not _known(client):
            client.create_registered_model(MODEL, description="What a buyer's message claims, and what to do about it.")
        made = client.create_model_version(MODEL, kept.model_uri, run_id, tags={_OURS: ours}, model_id=kept.model_id)
        return str(made.version)


def _known(client: Any) -> Any:  # noqa: ANN401 - mlflow.MlflowClient; mlflow.entities.model_registry.RegisteredModel
    """Return what is registered under our name, None where nothing is."""
    return next(iter(client.search_registered_models(f"name = '{MODEL}'")), None)


def signature(mlflow: Any) -> Any:  # noqa: ANN401 - a module; mlflow.models.ModelSignature
    """Return which columns the served model takes and gives (an `mlflow.models.ModelSignature`)."""
    from triage_ml.served import INPUT, RESULT

    column, schema = mlflow.types.ColSpec, mlflow.types.Schema
    given = schema([column("string", name, required=name == INPUT[0]) for name in INPUT])
    return mlflow.models.ModelSignature(given, schema([column(kind, name) for name, kind in RESULT.items()]))


def registered(version: str) -> str:
    """Return MLflow's number for our version of a model, the newest where there are several, "" where there is none."""
    with store() as mlflow:
        return _number(_client(mlflow), version)


def _number(client: Any, version: str) -> str:  # noqa: ANN401 - mlflow.MlflowClient
    found = client.search_model_versions(f"name = '{MODEL}' and tags.{_OURS} = '{version}'")
    return str(max((int(one.version) for one in found), default=""))


def point(alias: str, version: str) -> str:
    """Let an alias name the registered model of our version, and return MLflow's number for it.

    Where none is registered, the alias names nothing from then on and "" is returned: naming another model would be wrong.

    Parameters
    ----------
    alias
        "champion" or "challenger".
    version
        Our version, as in `model_files`.
    """
    with store() as mlflow:
        client = _client(mlflow)
        if number := _number(client, version):
            client.set_registered_model_alias(MODEL, alias, number)
        elif (known := _known(client)) and alias in known.aliases:
            client.delete_registered_model_alias(MODEL, alias)
        return number
