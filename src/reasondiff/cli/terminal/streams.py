"""What is printed never undoes what was done."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TextIO, cast

from reasondiff.secrets import without_secrets

__all__ = ["lenient_streams", "silence_output"]


class _Lenient:
    """A text stream that shows no secret, and falls silent when its reader has gone or its disk is full."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or drop the text."""
        with suppress(OSError):
            self._stream.write(without_secrets(text))
        return len(text)

    def flush(self) -> None:
        """Flush; where that fails, what is left goes nowhere, so that the interpreter's own last flush succeeds."""
        try:
            self._stream.flush()
        except OSError:
            _lead_nowhere(self._stream)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def lenient_streams() -> Iterator[None]:
    """Inside the block no character and no closed pipe stops a command.

    What the terminal or the file behind it cannot encode is written as an escape such as ``\\u2502``. Standard error
    carries remarks only, so failing to write them is no failure; standard output may be the result, and tells.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    before = sys.stderr
    if before is not None:  # it is None where the descriptor was closed
        sys.stderr = cast("TextIO", _Lenient(before))
    try:
        yield
    finally:
        sys.stderr = before


def silence_output() -> None:
    """Let standard output lead nowhere: its reader has gone."""
    if sys.stdout is not None:
        _lead_nowhere(sys.stdout)


def _lead_nowhere(stream: TextIO) -> None:
    with suppress(OSError, ValueError):  # ValueError: a stream without a descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
