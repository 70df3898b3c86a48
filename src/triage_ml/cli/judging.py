"""Commands that judge messages, and make and measure the model that does: demo, train, evaluate, assess, score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triage_ml.cli import pages
from triage_ml.cli.options import (
    DatabaseOption,
    JsonOption,
    ModelOption,
    OffersOption,
    PolicyOption,
    TemplatesOption,
    load_model,
    load_triage,
    open_store,
    pair,
    require_known,
    train_model,
    training_part,
    who,
)
from triage_ml.errors import FormatError, TriageError

if TYPE_CHECKING:
    from triage_ml.batch import Summary
    from triage_ml.classifier import Judge
    from triage_ml.evaluation_report import Section
    from triage_ml.triage import Assessment, Triage

app = typer.Typer()
TrackOption = Annotated[bool, typer.Option("--track/--no-track", help="Keep an MLflow run of it (extra `mlflow`).")]


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the result goes.")] = Path("demo-result.csv"),
) -> None:
    """Score the bundled week of one shop: trains the model first if there is none."""
    from importlib.resources import as_file, files

    triage = load_triage()
    with as_file(files("triage_ml") / "data" / "sample" / "week.csv") as sample:
        assessments: list[Assessment] = []
        summary = _score([sample], output, triage, assessed=assessments.extend)
    pages.print_week(summary, assessments)


@app.command()
def train(
    corpus: Annotated[Path | None, typer.Option(help="Folder of labelled .jsonl files. [default: training/corpus]")] = None,
    out: Annotated[Path, typer.Option(help="Model folder to write.")] = Path("models") / "default",
    params: Annotated[Path | None, typer.Option(help="Training parameters. [default: training/params.toml]")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Folder or hub name of a sentence encoder, a third expert beside words and cues.")
    ] = None,
    encoder_languages: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Language the encoder was made for. Repeatable. [default: all]")
    ] = None,
    track: TrackOption = True,
) -> None:
    """Learn a model from labelled messages; the same messages always give the same model."""
    from triage_ml.encoders import open_encoder
    from triage_ml.language import LANGUAGES

    train_model(corpus, out, params, open_encoder(encoder, encoder_languages or LANGUAGES) if encoder else None)
    if track:
        _tracked(lambda: _track_training(out, training_part(corpus, "corpus")))


@app.command()
def evaluate(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Labelled texts, .jsonl. [default: training/heldout]")
    ] = None,
    model: ModelOption = None,
    report: Annotated[Path | None, typer.Option(help="Folder for figures (PNG), an HTML page and figures.json.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Print every text judged wrong, with its cues.")] = False,
    track: TrackOption = True,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on labelled texts that it was not trained on."""
    from triage_ml import evaluation
    from triage_ml.evaluation_report import write_report

    judge = load_model(model)
    paths = files or sorted(training_part(None, "heldout").glob("*.jsonl"))
    sections = [_measured(judge, path) for path in paths]
    page = write_report(report, f"Model {judge.version}", sections) if report else None
    if track:
        _tracked(lambda: _track_evaluation(model, paths, sections))
    if as_json:
        pages.print_json({s.name: evaluation.as_json(s.evaluation) for s in sections})
    else:
        pages.print_evaluation(sections, judge.version, with_errors=errors, report=page)


def _measured(judge: Judge, path: Path) -> Section:
    from triage_ml import evaluation
    from triage_ml.corpus import load_labelled
    from triage_ml.evaluation_report import Section

    rows = load_labelled(path)
    predictions = judge.predict_many([r.text for r in rows])
    judged = evaluation.judged(rows, predictions)
    return Section(path.name, evaluation.evaluate(rows, judged), judged, evaluation.errors(rows, predictions))


def _tracked(work: Callable[[], None]) -> None:
    """Keep runs; what is done is done, so that nothing fails where they cannot be kept."""
    try:
        with pages.waiting("keeping an MLflow run"):
            work()
    except TriageError as error:
        typer.echo(f"No MLflow run is kept: {error}", err=True)


def _track_training(folder: Path, corpus: Path) -> None:
    from triage_ml import champions, model_files, registry
    from triage_ml.corpus import load_corpus
    from triage_ml.tracking import track_training
    from triage_ml.triage import find_model

    run = track_training(folder, load_corpus(corpus))
    number = registry.register(folder, run)
    if not champions.champion() and folder.resolve() == find_model().resolve():
        registry.point("champion", model_files.version(folder))  # it counts already
    typer.echo(f"MLflow run {run}, model {registry.MODEL} version {number}", err=True)


def _track_evaluation(model: Path | None, paths: Sequence[Path], sections: Sequence[Section]) -> None:
    from triage_ml.corpus import load_labelled
    from triage_ml.tracking import track_evaluation
    from triage_ml.triage import find_model

    for path, section in zip(paths, sections, strict=True):
        run = track_evaluation(model or find_model(), section, load_labelled(path))
        typer.echo(f"MLflow run {run}", err=True)


@app.command()
def assess(
    text: Annotated[str, typer.Argument(help="What the buyer wrote.")],
    order_json: Annotated[Path | None, typer.Option("--order-json", help="File with the order line as JSON.")] = None,
    model: ModelOption = None,
    policy: PolicyOption = None,
    templates: TemplatesOption = None,
    offers: OffersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Assess one message: claim, what may be done, replies."""
    from triage_ml.messages import Message
    from triage_ml.readers import read_order

    if not text.strip():
        raise FormatError("TEXT", "an empty text", "what the buyer wrote", 'Try: triage-ml assess "The ring snapped."')
    order, channel = read_order(order_json) if order_json else (None, "")
    assessment = load_triage(model, policy, templates, offers).assess(Message("1", text, order=order, channel=channel))
    if as_json:
        pages.print_json(pages.as_values(assessment))
    else:
        pages.print_assessment(assessment)


@app.command()
def score(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...", help="Exports: CSV, TSV, XLSX, JSONL, Parquet, Amazon reports, mbox, eml, helpdesk JSON."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Result: .csv, .jsonl, .parquet or .xlsx.")],
    model: ModelOption = None,
    policy: PolicyOption = None,
    templates: TemplatesOption = None,
    offers: OffersOption = None,
    format: Annotated[str | None, typer.Option("--format", help="What the input is, where its content misleads.")] = None,  # noqa: A002
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", metavar="FIELD=COLUMN", help="Which column holds a field, e.g. text=Remark. Repeatable."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes that judge. [default: the cores, 1 for small files]")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped or killed, if there is one; else begin.")
    ] = False,
    record: Annotated[bool, typer.Option("--record", help="Bring the messages into the case record, too.")] = False,
    database: DatabaseOption = None,
    engine: Annotated[
        str, typer.Option("--engine", help="local; or spark (extra `spark`): folders in, a folder out, see docs/scale.md.")
    ] = "local",
    master: Annotated[str, typer.Option("--master", help="With --engine spark: where it runs.")] = "local[*]",
    as_json: JsonOption = False,
) -> None:
    """Score exports: one row out for each message in; unreadable rows go to OUT.rejects.csv.

    Ctrl-C leaves what is done as OUT.partial.*; the same command with --resume goes on from there, after a kill too.
    """
    from triage_ml.batch import ENDINGS, jobs_for
    from triage_ml.readers.fields import FIELDS
    from triage_ml.readers.sniff import FORMATS

    mapping = dict(pair(c) for c in columns or [])
    require_known(engine, ("local", "spark"), "--engine")
    if format:
        require_known(format, FORMATS, "--format")
    for field in mapping:
        require_known(field, FIELDS, "--columns")
    if engine == "spark":
        _only_local({"--offers": offers, "--jobs": jobs, "--resume": resume, "--record": record, "--database": database})
        reading = {"format": format, "columns": mapping}
        summary = _score_on_spark(inputs, output, model, master=master, policy=policy, templates=templates, **reading)
    else:
        require_known(output.suffix.lower(), ENDINGS, "--output")
        triage = load_triage(model, policy, templates, offers)
        with open_store(database) if record else nullcontext() as store:
            keep = (lambda assessments: store.record(assessments, who(""))) if store else None
            summary = _score(
                inputs, output, triage,
                format=format, columns=mapping, jobs=jobs or jobs_for(inputs), resume=resume, assessed=keep,
            )  # fmt: skip
    if as_json:
        pages.print_json(pages.summary_values(summary), indent=None)
    else:
        pages.print_summary(summary)


def _only_local(given: Mapping[str, object]) -> None:
    """Refuse options that a cluster cannot follow."""
    for option, value in given.items():
        if value:
            raise typer.BadParameter("is for --engine local only; leave it out", param_hint=option)


def _score_on_spark(inputs: list[Path], output: Path, model: Path | None, **options: Any) -> Summary:  # noqa: ANN401 - its own
    from triage_ml.spark import score_on_spark

    return score_on_spark(inputs, output, model, **options)


def _score(inputs: list[Path], output: Path, triage: Triage, **options: Any) -> Summary:  # noqa: ANN401 - those of `score`
    """Score, show how far it is, and end in order where that is wanted."""
    from triage_ml.batch import score as score_batch
    from triage_ml.cli.progress import shown, stopping

    with stopping() as stop, shown("scoring") as progress:
        summary = score_batch(inputs, output, triage, progress=progress, stop=lambda: bool(stop), **options)
    if summary.complete:
        return summary
    typer.echo(
        f"Stopped: {summary.rows:,} messages are in {summary.output}. The same command with --resume goes on from there.",
        err=True,
    )
    raise typer.Exit(128 + stop[0])
