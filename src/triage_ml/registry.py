"""The only place that imports MLflow: what was trained or measured is kept as a run.

Runs go to `MLFLOW_TRACKING_URI`, or to `mlflow.db` (SQLite) in the current folder; `mlflow ui --backend-store-uri
sqlite:///mlflow.db` shows them. MLflow's own usage reporting is switched off.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from triage_ml.errors import MissingExtraError, TriageError
from triage_ml.evaluation import Evaluation

DEFAULT_STORE = "sqlite:///mlflow.db"
EXPERIMENT = "triage_ml"


def track(
    name: str, parameters: Mapping[str, object], metrics: Mapping[str, float], artifacts: Path | None = None, **tags: str
) -> str:
    """Keep one run and return its id.

    Parameters
    ----------
    name
        What was done ("evaluate", "select").
    parameters
        What it was told.
    metrics
        What came out; nan is left out, since no store takes it alike.
    artifacts
        A folder of files to keep with it.
    **tags
        Words to find it by.

    Raises
    ------
    MissingExtraError
        MLflow is not installed.
    TriageError
        The store cannot be reached or written.
    """
    mlflow = _mlflow()
    try:
        mlflow.set_experiment(EXPERIMENT)
        with mlflow.start_run(run_name=name) as run:
            mlflow.set_tags(tags)
            mlflow.log_params(dict(parameters))
            mlflow.log_metrics({key: value for key, value in metrics.items() if value == value})
            if artifacts:
                mlflow.log_artifacts(str(artifacts))
    except mlflow.exceptions.MlflowException as error:
        raise TriageError(f"MLflow store {mlflow.get_tracking_uri()}: {error}. Check MLFLOW_TRACKING_URI.") from error
    run_id: str = run.info.run_id
    return run_id


def metrics_of(found: Evaluation) -> dict[str, float]:
    """Return every figure of an evaluation under a flat name, such as `macro_f1` or `language.de.accuracy`."""
    flat = _flat("", asdict(found.total))
    for kind, parts in found.parts.items():
        for name, figures in parts.items():
            flat |= _flat(f"{kind}.{name.replace(' ', '_')}.", asdict(figures))
    return flat


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, float]:
    flat = {f"{prefix}{key}": float(value) for key, value in values.items() if not isinstance(value, Mapping)}
    return flat | {f"{prefix}f1.{claim}": float(value) for claim, value in values["f1"].items()}


def _mlflow() -> Any:  # noqa: ANN401 - a module
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        import mlflow
    except ImportError as error:
        raise MissingExtraError("tracking", "mlflow") from error
    mlflow.set_tracking_uri(os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_STORE))
    return mlflow
