"""The ``reasondiff`` command: one short file per verb.

Only this file and the verbs' signatures are read for ``--help``; whatever is heavy is imported inside the verbs.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from reasondiff import __version__
from reasondiff.cli.adapt import adapt
from reasondiff.cli.attention import attention
from reasondiff.cli.bench import bench_app
from reasondiff.cli.calibrate import calibrate
from reasondiff.cli.caption import caption
from reasondiff.cli.cases import cases
from reasondiff.cli.data import data_app
from reasondiff.cli.demo import demo
from reasondiff.cli.doctor import doctor
from reasondiff.cli.evaluate import evaluate
from reasondiff.cli.export import export
from reasondiff.cli.generate import generate
from reasondiff.cli.keys import keys_app
from reasondiff.cli.models import models
from reasondiff.cli.narrate import narrate
from reasondiff.cli.narrate_edit import InOrder, edit, show
from reasondiff.cli.plan import plan
from reasondiff.cli.redo import redo
from reasondiff.cli.replay import replay
from reasondiff.cli.report import report
from reasondiff.cli.reproduce import reproduce
from reasondiff.cli.score import score
from reasondiff.cli.serve import serve
from reasondiff.cli.storyworld import storyworld
from reasondiff.cli.study import study_app
from reasondiff.cli.terminal.faults import exit_code, sentence, show_traceback, show_tracebacks
from reasondiff.cli.terminal.streams import lenient_streams, silence_output
from reasondiff.cli.train import train
from reasondiff.cli.worker import worker
from reasondiff.files import in_words

__all__ = ["app", "main"]

app = typer.Typer(
    help="Video from an image and a text that do not describe the same moment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
narrate_app = typer.Typer(no_args_is_help=True, invoke_without_command=True, rich_markup_mode="markdown")

app.command()(generate)
app.command()(replay)
app.command()(redo)
app.command()(cases)
app.command()(demo)
app.command()(storyworld)
app.command()(models)
app.command()(plan)
app.command()(doctor)
app.command()(train)
app.command()(export)
app.command()(adapt)
app.command()(evaluate)
app.command()(score)
app.command()(report)
app.command()(reproduce)
app.command()(caption)
app.command()(attention)
app.command()(calibrate)
app.command()(serve)
app.command()(worker)
app.add_typer(data_app, name="data")
app.add_typer(bench_app, name="bench")
app.add_typer(keys_app, name="keys")
app.add_typer(study_app, name="study")
app.add_typer(narrate_app, name="narrate")
narrate_app.callback()(narrate)
narrate_app.command(cls=InOrder)(edit)
narrate_app.command()(show)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"reasondiff {__version__}")
        raise typer.Exit


def _debug(asked: bool) -> None:
    show_tracebacks(asked)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of every error.", callback=_debug, is_eager=True)
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command; whatever a user can cause ends in one sentence and exit code 2, a fault of ours with 1."""
    # What the libraries below remark is for developers, who can ask for it with these variables.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # unwinds, so that scratch files go
    with lenient_streams():
        try:
            app(prog_name="reasondiff")
        except KeyboardInterrupt:
            typer.echo("Interrupted; nothing is half-written.", err=True)
            sys.exit(130)
        except BrokenPipeError:  # the reader of our output has gone, as with '| head'
            silence_output()
            sys.exit(0)
        except OSError as error:
            silence_output()  # it may be what failed, and must not fail once more when the interpreter ends
            show_traceback(error)
            typer.echo(in_words(error), err=True)
            sys.exit(2)
        except MemoryError:
            typer.echo("There is not enough memory; give a smaller --size or fewer --num-frames.", err=True)
            sys.exit(2)
        except Exception as error:
            show_traceback(error)
            typer.echo(sentence(error), err=True)
            sys.exit(exit_code(error))
