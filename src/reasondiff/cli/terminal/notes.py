"""What the library remarks on the way, as lines on standard error."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer

__all__ = ["hush", "note", "notes"]


def note(text: str) -> None:
    """One remark; several lines become one."""
    typer.echo(f"Note: {' '.join(text.split())}", err=True)


def hush(narrator: str) -> None:
    """Leave out the bars that transformers draws while it reads the files of a local narrator."""
    if not narrator.startswith("transformers:"):
        return
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()


@contextmanager
def notes(about: str = "") -> Iterator[None]:
    """Inside the block our own warnings and log records become notes, each once; other libraries' are left out.

    Args:
        about: what the notes are about, named in each.
    """
    seen: set[str] = set()

    def once(text: str) -> None:
        if text not in seen:
            seen.add(text)
            note(f"{about}: {text}" if about else text)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            once(record.getMessage())

    handler, logger = Handler(logging.WARNING), logging.getLogger("reasondiff")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = lambda message, category, *_: (
                once(str(message)) if category.__module__.startswith("reasondiff") else None
            )
            yield
    finally:
        logger.removeHandler(handler)
