"""The commands. Heavy imports stand inside them, so that `triage-ml --help` answers at once.

judging   a text becomes an assessment: demo, train, evaluate, assess, score
cases     the work on cases: import, list, show, decide, undo, outcome, label, note, attach
keeping   their safety: hold, verify, export, backup, restore, purge, person
knowledge what is made of them: evidence, insights; drifting: drift
retraining a better model: retrain, labels; learning: experiments, models
screen    review: opens the review screen
rules     what is fixed beforehand: templates, policy, check-reply, notices, insurance
options   what several commands take and load
pages     what the commands show; case_pages those of the case record
"""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper

import typer

from triage_ml.cli import cases, drifting, judging, keeping, knowledge, learning, retraining, rules, screen
from triage_ml.errors import TriageError

# A model and its words are half a million objects that stay: looking through them every 700 new ones takes a second.
_NEW_OBJECTS = 10_000

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sort buyer messages of custom goods, say what may be done, rank replies in the buyer's language.",
)
# Without a name, the commands of a module stand at the top; with one, they stand below that word.
app.add_typer(judging.app)
app.add_typer(rules.app)
app.add_typer(rules.templates_app, name="templates")
app.add_typer(rules.policy_app, name="policy")
app.add_typer(knowledge.app)
app.add_typer(retraining.app)
app.add_typer(retraining.labels_app, name="labels")
app.add_typer(learning.app)
app.add_typer(drifting.app)
app.add_typer(screen.app)
cases.app.add_typer(keeping.app)
app.add_typer(cases.app, name="cases", help="The case record: import messages, decide, prove, back up, purge.")


def main() -> None:
    """Run the commands; every failure is one sentence and an exit code: 1 a problem, 2 wrong usage."""
    gc.set_threshold(_NEW_OBJECTS)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a redirected stdout on Windows cannot write Chinese otherwise
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app()
    except TriageError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("stopped.")
    except BrokenPipeError:
        os._exit(1)  # whoever read our output has gone; there is nobody to tell
    except Exception as error:
        if os.environ.get("TRIAGE_DEBUG"):
            raise
        _fail(f"something went wrong inside triage-ml ({type(error).__name__}: {error}). Set TRIAGE_DEBUG=1 to see where.")


def _fail(sentence: str) -> None:
    typer.echo(f"triage-ml: {sentence}", err=True)
    sys.exit(1)
