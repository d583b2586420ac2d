"""What the library remarks on the way, as lines on standard error."""

from __future__ import annotations

import logging
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer

__all__ = ["quiet_local_model", "quiet_transformers", "user_warning", "user_warnings"]

LONG = 100
"""Characters of a note that is shown in full once only."""


def user_warning(text: str) -> None:
    """One remark; several lines become one."""
    typer.echo(f"Note: {' '.join(text.split())}", err=True)


def quiet_local_model(narrator: str) -> None:
    """Leave out the bars that transformers draws while it reads the files of a local narrator."""
    if narrator.startswith("transformers:"):
        quiet_transformers()


def quiet_transformers() -> None:
    """Leave out the bars that transformers draws while it reads a model's files."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()


@contextmanager
def user_warnings(about: str = "", told: dict[str, str] | None = None) -> Iterator[None]:
    """Inside the block our own warnings and log records become notes, each once; other libraries' are left out.

    Args:
        about: what the notes are about, named in each.
        told: what was said already and about what, where several blocks belong together; of a long note that is in it
            only the beginning is shown.
    """
    told = {} if told is None else told
    seen: set[str] = set()

    def once(text: str) -> None:
        if text in seen:
            return
        seen.add(text)
        before = told.setdefault(text, about)
        if before != about and len(text) > LONG:
            start = textwrap.shorten(text, LONG, placeholder=" …")
            user_warning(f"{about}: {start} (in full at {before})")
        else:
            user_warning(f"{about}: {text}" if about else text)

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
