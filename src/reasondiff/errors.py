"""What can go wrong, as one tree.

    ReasonDiffError
    ├── InputError            something the user gave: an option, an image, a prompt, a path
    │   └── NarrativeError    a narrative (or a narrative file) that does not tell every frame once
    ├── NarrationError        a narrator that gave no usable story; quotes the reply
    ├── ProviderError         a model that could not be asked: no connection, a wrong key, no time, no memory
    ├── CheckpointError       a model, adapter or training folder that cannot be loaded
    ├── UnsupportedError      a combination that would silently do the wrong thing
    └── StoppedError          a job that was asked to stop

Every message is one sentence that names the value and the fix. The command line prints it and exits with 2.
"""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "InputError",
    "NarrationError",
    "NarrativeError",
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
