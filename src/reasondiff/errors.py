"""What can go wrong, as one tree.

    ReasonDiffError
    ├── InputError            something the user gave: an option, an image, a prompt, a path
    │   ├── NarrativeError    a narrative (or a narrative file) that does not tell every frame once
    │   └── OutputError       a place that cannot be written to; says where the result is kept, if it is
    ├── NarrationError        a narrator that gave no usable story; quotes the reply
    ├── ProviderError         a model that could not be asked: no connection, a wrong key, no time, no memory
    ├── CheckpointError       a model, adapter or training folder that cannot be loaded
    ├── UnsupportedError      a combination that would silently do the wrong thing
    └── StoppedError          a job that was asked to stop

Every message is one sentence that names the value and the fix. The command line prints it and exits with 2.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = [
    "CheckpointError",
    "InputError",
    "NarrationError",
    "NarrativeError",
    "OutputError",
    "ProviderError",
    "ReasonDiffError",
    "StoppedError",
    "UnsupportedError",
]


class ReasonDiffError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(ReasonDiffError, ValueError):
    """Something the user gave cannot be used."""


class NarrativeError(InputError):
    """A narrative does not describe every frame exactly once, or its file has another shape."""


class OutputError(InputError):
    """A file or folder cannot be written.

    Args:
        path: what was to be written.
        number: the system's error number; None where it gave none.
        kept: where the finished result is instead, if anywhere.
    """

    def __init__(self, path: str | Path, number: int | None, kept: Path | None = None) -> None:
        self.path, self.number, self.kept = Path(path), number, kept
        reason = os.strerror(number) if number is not None else "it is refused"
        full = number in (errno.ENOSPC, errno.EDQUOT)
        fix = "make room, or choose another place" if full else "choose another place"
        if kept is not None:
            fix = f"what was made is kept as {str(kept)!r}"
        super().__init__(f"{str(path)!r} cannot be written: {reason}; {fix}.")


class NarrationError(ReasonDiffError, RuntimeError):
    """A narrator gave no usable story."""

    def __init__(self, message: str, reply: str | None = None) -> None:
        self.reply = reply
        """The narrator's raw reply, where there was one."""
        quoted = "" if not reply else f" It replied: {reply[:300]!r}{' …' if len(reply) > 300 else ''}"
        super().__init__(message + quoted)


class ProviderError(ReasonDiffError, RuntimeError):
    """A model could not be asked or gave no answer; it says nothing about any story, and ends a run."""


class CheckpointError(ReasonDiffError, RuntimeError):
    """A model, adapter or training folder is missing, damaged or of the wrong kind."""


class UnsupportedError(ReasonDiffError, RuntimeError):
    """A combination that another library accepts but would carry out wrongly."""


class StoppedError(ReasonDiffError, RuntimeError):
    """A job ended because it was asked to; there is no video."""
