"""How an error is told: a user's in one sentence, ours as what it is, and either with its traceback on request."""

from __future__ import annotations

import traceback

import typer

from reasondiff.errors import ReasonDiffError

__all__ = ["exit_code", "one_line", "sentence", "show_traceback", "show_tracebacks"]

_ASKED = {"tracebacks": False}


def show_tracebacks(asked: bool) -> None:
    """Whether ``show_traceback`` shows any, for as long as the program runs."""
    _ASKED["tracebacks"] = asked


def show_traceback(error: BaseException) -> None:
    """Print where an error came from, if that was asked for."""
    if _ASKED["tracebacks"]:
        typer.echo("".join(traceback.format_exception(error)).rstrip(), err=True)


def one_line(error: BaseException) -> str:
    """An error's text; of one that we did not raise on purpose, its kind too."""
    known = isinstance(error, ReasonDiffError)
    return " ".join((str(error) if known else f"{type(error).__name__}: {error}").split())


def sentence(error: BaseException) -> str:
    """What is said of an error that ends the command."""
    if isinstance(error, ReasonDiffError):
        return one_line(error)
    last = one_line(error).rstrip(".: ")
    return f"This is a fault of reasondiff and not yours ({last}); run it with --debug for the traceback and report it."


def exit_code(error: BaseException) -> int:
    """2 for what a user can mend, 1 for what only we can."""
    return 2 if isinstance(error, ReasonDiffError) else 1
