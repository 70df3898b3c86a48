"""More messages than one machine holds: whole folders of exports, judged by the registered model on a Spark cluster.

Each file is read by one task with this package's own readers, so that columns, dates, ids and rejects are those of a local run.
The messages are then spread evenly and judged by `mlflow.pyfunc.spark_udf`. Every machine needs this package, extra `spark`.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from triage_ml import model_files, registry
from triage_ml.batch import Summary
from triage_ml.errors import FormatError, MissingExtraError, ReadError, TriageError
from triage_ml.language import LANGUAGES
from triage_ml.messages import Category, Message
from triage_ml.policy import load_policy
from triage_ml.readers import entries
from triage_ml.readers.sniff import sniff
from triage_ml.triage import find_model

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

# The ending of the output folder to Spark's name for what its files are.
OUTPUTS: Mapping[str, str] = {"": "parquet", ".parquet": "parquet", ".csv": "csv", ".jsonl": "json"}
_REJECT = ("file", "row", "column", "value", "reason")
_NUMBERS = ("position", "row")
_BATCH = 1_000  # rows that a task holds at once
# Bytes of the files behind one task: some minutes of work, beside which the seconds for loading the model do not count.
_TASK = 32 * 2**20
_WRITING = {
    "parquet": {},
    "json": {"ignoreNullFields": "false"},
    # a cell keeps its quotes and the blanks at its ends
    "csv": {"header": "true", "escape": '"', "emptyValue": "", "ignoreLeadingWhiteSpace": "false",
            "ignoreTrailingWhiteSpace": "false"},
}  # fmt: skip
# On one machine nothing listens to others.
_LOCAL = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


def score_on_spark(
    inputs: Sequence[Path],
    output: Path,
    model: Path | None = None,
    *,
    master: str = "local[*]",
    policy: Path | None = None,
    templates: Path | None = None,
    format: str | None = None,  # noqa: A002 - the name a person knows from --format
    columns: Mapping[str, str] | None = None,
) -> Summary:
    """Assess every message of some folders of exports, and write one row for each.

    Parameters
    ----------
    inputs
        Folders, with all below them, and files, under a path that every machine of the cluster sees; or addresses that Spark
        reads, such as s3a://bucket/folder, whose files must fit into memory. Names that begin with "_" or "." do not count.
    output
        A folder that is not there yet: of Parquet files, or of CSV or JSON Lines where its name ends in .csv or .jsonl.
        Its columns are message_id, thread_id, order_id and those of `triage_ml.served.RESULT`.
    model
        A model folder; without one `find_model` looks for it. Its registered version is used where there is one.
    master
        Where Spark runs: local[2], spark://host:7077, yarn ... A session that runs already counts instead.
    policy, templates
        As in `Triage.load`, at the same path on every machine.
    format, columns
        As in `read_messages`.

    Returns
    -------
    Summary
        Where rows or whole files could not be read, `rejects_path` is a folder of CSV files beside the output.

    Raises
    ------
    FormatError
        There is no such input, or the output exists or has another ending.
    MissingExtraError
        Spark or MLflow is not installed.
    TriageError
        The model cannot be used, the cluster failed, or its machines judged by another policy than this one's.
    """
    kind = OUTPUTS.get(output.suffix.lower())
    if kind is None:
        raise FormatError(output, f"the ending {output.suffix!r}", ".parquet, .csv, .jsonl or none", "Choose one after -o.")
    folder, wanted = model or find_model(), load_policy(policy).version
    with (
        warnings.catch_warnings(action="ignore"),
        _session(master) as spark,
        TemporaryDirectory() as scratch,
        _one_sentence(output),
    ):
        from pyspark.sql import Observation

        reading, judging = Observation(), Observation()
        files = _files(spark, inputs)
        read = _read(files, format, columns)
        judge = _judge(spark, folder, Path(scratch), _surroundings(policy, templates))
        messages = _spread(read.observe(reading, *_counted_reading()).where("reason IS NULL"), _tasks(spark, files))
        _write(_judged(messages, judge).observe(judging, *_counted_judging()), output, kind)
        summary = _summary(output, reading.get["rejects"], judging.get)
        if summary.rejects_path:
            _write(read.where("reason IS NOT NULL").select(*_REJECT).sort("file", "row"), summary.rejects_path, "csv")
    used = {judging.get["first_policy"], judging.get["last_policy"]} - {None, wanted}
    if used:
        found = f"messages judged by the policy {' and '.join(sorted(used))}"
        raise TriageError(f"{output}: found {found}; expected {wanted}, as here. Give --policy a path that every machine sees.")
    return summary


# --- the session -----------------------------------------------------------------------------------------------------------


@contextmanager
def _session(master: str) -> Iterator[SparkSession]:
    """Give the session that runs, else a new one that ends with the work."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtraError("Spark", "spark") from error
    if running := SparkSession.getActiveSession():
        yield running
        return
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise TriageError("Spark: found no Java; expected Java 17 or newer. Install it, or set JAVA_HOME to where it is.")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {"spark.log.level": "ERROR", "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower()}
    builder = SparkSession.builder.appName("triage-ml").master(master)
    for name, value in {**settings, **(_LOCAL if master.startswith("local") else {})}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


@contextmanager
def _one_sentence(output: Path) -> Iterator[None]:
    """Say in one sentence what Spark raises over many lines."""
    from py4j.protocol import Py4JError
    from pyspark.errors import AnalysisException, PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        lines = str(error).strip().splitlines()
        condition = error.getCondition() if isinstance(error, AnalysisException) else ""
        if condition == "PATH_ALREADY_EXISTS":
            do = "Choose another name after -o, or remove it first."
            raise FormatError(output, "a folder that is there already", "a new one", do) from error
        if condition == "PATH_NOT_FOUND":
            found = lines[0].partition("exist: ")[2].partition(". SQLSTATE")[0]
            raise FormatError(found, "no such folder or file", "exports that Spark can read", "Check the address.") from error
        # What happened stands at the end of Python's own traceback, else behind Java's name for it.
        named = [line for line in lines if re.match(r"(?:: )?[\w.]+(?:Error|Exception): ", line)]
        found = [*named, *lines, type(error).__name__][0].removeprefix(": ").strip()
        raise TriageError(f"Spark: found {found}; expected every task to end well. Look at the cluster's log.") from error


def _surroundings(policy: Path | None, templates: Path | None) -> dict[str, str]:
    """Return the variables that tell tasks where the shop's policy and templates are."""
    given = {"TRIAGE_POLICY": policy and str(policy.absolute()), "TRIAGE_TEMPLATES": templates and str(templates.absolute())}
    known = {name: given.get(name) or os.environ.get(name) for name in ("TRIAGE_HOME", *given)}
    return {name: value for name, value in known.items() if value}


# --- reading ---------------------------------------------------------------------------------------------------------------


def _files(spark: SparkSession, inputs: Sequence[Path]) -> DataFrame:
    """Return the files below the inputs: path and length, and the content where machines cannot open them themselves."""
    addresses = [_address(path) for path in inputs]
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load([_literal(one) for one in addresses])
    return files.drop("content") if all(address.startswith("file:") for address in addresses) else files


def _address(path: Path) -> str:
    """Return what Spark calls a path; an address that was taken for a path gets its second slash back."""
    written = path.as_posix()
    if re.match(r"[a-z][a-z0-9+.-]+:/", written):
        return written if "://" in written else written.replace(":/", "://", 1)
    return f"file://{path.absolute().as_posix()}"


def _literal(address: str) -> str:
    """Return an address whose brackets and stars Spark takes as they stand."""
    return re.sub(r"([\\\[\]{}*?])", r"\\\1", address)


def _read(files: DataFrame, format: str | None, columns: Mapping[str, str] | None) -> DataFrame:  # noqa: A002
    """Return one row for each message, and one with a `reason` for each that could not be read."""
    schema = ", ".join(f"`{name}` {'bigint' if name in _NUMBERS else 'string'}" for name in _read_columns())
    return files.drop("length", "modificationTime").mapInArrow(partial(_rows, format=format, columns=columns), schema)


def _read_columns() -> tuple[str, ...]:
    from triage_ml.served import INPUT

    return (*_NUMBERS, "file", "message_id", "thread_id", *INPUT, "column", "value", "reason")


def _rows(batches: Iterator[Any], format: str | None, columns: Mapping[str, str] | None) -> Iterator[Any]:  # noqa: A002
    """Read files inside a task: batches of Arrow with path and perhaps content go in, batches of rows come out."""
    import pyarrow

    kinds = [(name, pyarrow.int64() if name in _NUMBERS else pyarrow.string()) for name in _read_columns()]
    for file in (file for batch in batches for file in batch.to_pylist()):
        with TemporaryDirectory() as scratch:
            found = _entries(_opened(file, Path(scratch)), format, columns)
            rows = ({**_row(entry), "file": file["path"], "position": position} for position, entry in enumerate(found))
            while some := list(islice(rows, _BATCH)):
                yield pyarrow.RecordBatch.from_pylist(some, pyarrow.schema(kinds))


def _opened(file: Mapping[str, Any], scratch: Path) -> Path:
    """Return where a file can be read; the bytes that Spark brought are put there first."""
    if "content" not in file:
        return Path(str(file["path"]).removeprefix("file:"))
    path = scratch / str(file["path"]).rpartition("/")[2]
    path.write_bytes(file["content"])
    return path


def _entries(path: Path, format: str | None, columns: Mapping[str, str] | None) -> Iterator[Message | ReadError]:  # noqa: A002
    """Yield the messages of a file and what could not be read; a file that is none of ours is one entry."""
    try:
        yield from entries(sniff(path, format), columns or {})
    except FormatError as error:
        yield ReadError(path, 0, "", "", f"found {error.found}; expected {error.expected}. {error.do}")


def _row(entry: Message | ReadError) -> dict[str, object]:
    if isinstance(entry, ReadError):
        return {name: getattr(entry, name) for name in _REJECT[1:]}
    from triage_ml.served import as_input

    return {**as_input(entry), "message_id": entry.message_id, "thread_id": entry.thread_id}


# --- judging ---------------------------------------------------------------------------------------------------------------


def _tasks(spark: SparkSession, files: DataFrame) -> int:
    size: int = files.selectExpr("coalesce(sum(length), 0)").collect()[0][0]
    return max(spark.sparkContext.defaultParallelism, size // _TASK)


def _spread(messages: DataFrame, tasks: int) -> DataFrame:
    """Give each task its share, however large single files are; the same messages always stand in the same part and order."""
    return messages.repartition(tasks, "file", "position").sortWithinPartitions("file", "position")


def _judge(spark: SparkSession, folder: Path, scratch: Path, surroundings: Mapping[str, str]) -> Any:  # noqa: ANN401 - a udf
    """Return the registered version of a model as a function of Spark; one that is not registered is first saved as such."""
    number = registry.registered(model_files.version(folder)) if registry.in_use() else ""
    with registry.store() as mlflow:
        from triage_ml import served

        uri = f"models:/{registry.MODEL}/{number}" if number else (scratch / "model").as_uri()
        if not number:
            model_files.load(folder)  # what is wrong with it is said here, and not by a task
            mlflow.pyfunc.save_model(
                scratch / "model",
                python_model=served.__file__,
                artifacts={"model": str(folder.absolute())},
                signature=registry.signature(mlflow),
                pip_requirements=[],
            )
        logging.getLogger("mlflow").setLevel(logging.ERROR)  # that the environment is this one is no news
        # A batch of Arrow is what the model judges at once.
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(_BATCH))
        return mlflow.pyfunc.spark_udf(
            spark, uri, result_type=_result_type(), env_manager="local", extra_env=dict(surroundings) or None
        )


def _result_type() -> str:
    from triage_ml.served import RESULT

    return "struct<" + ", ".join(f"{name}: {kind}" for name, kind in RESULT.items()) + ">"


def _judged(messages: DataFrame, judge: Any) -> DataFrame:  # noqa: ANN401 - a udf
    """Return one row of results for each message; where the model has none, nothing but ids and the `error`."""
    from pyspark.sql import functions as f

    from triage_ml.served import INPUT, RESULT

    result = messages.select("message_id", "thread_id", "order_id", judge(f.struct(*INPUT)).alias("result"))
    unharmed = f.col("result.error") == ""
    columns = [f.when(unharmed, f.col(f"result.{name}")).alias(name) for name in RESULT if name != "error"]
    return result.select("message_id", "thread_id", "order_id", *columns, "result.error")


def _write(rows: DataFrame, output: Path, kind: str) -> None:
    rows.write.format(kind).options(**_WRITING[kind]).mode("errorifexists").save(_address(output))


# --- counting --------------------------------------------------------------------------------------------------------------


def _counted_reading() -> list[Column]:
    from pyspark.sql import functions as f

    return [f.count("reason").alias("rejects")]


def _counted_judging() -> list[Column]:
    """Return what is counted while the results are written, so that nobody must read them again."""
    from pyspark.sql import functions as f

    counted = {"rows": f.count(f.lit(1)), "first_policy": f.min("policy"), "last_policy": f.max("policy")}
    counted |= {f"category {one}": f.count_if(f.col("category") == one.value) for one in Category}
    counted |= {f"language {one}": f.count_if(f.col("language") == one) for one in LANGUAGES}
    return [column.alias(name) for name, column in counted.items()]


def _summary(output: Path, rejects: int, judged: Mapping[str, Any]) -> Summary:
    def counts(kind: str, values: Iterable[str]) -> Counter[str]:
        return +Counter({value: judged[f"{kind} {value}"] for value in values})

    path = output.with_name(output.name + ".rejects") if rejects else None
    return Summary(output, judged["rows"], rejects, path, counts("category", Category), counts("language", LANGUAGES))
