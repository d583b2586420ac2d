"""Narratives already told, as JSON files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasondiff.errors import InputError, NarrativeError
from reasondiff.narrative import Narrative

__all__ = ["Cache"]


def _default_folder() -> Path:
    """``$REASONDIFF_CACHE``, else ``$XDG_CACHE_HOME/reasondiff``, else ``~/.cache/reasondiff``.

    Raises:
        InputError: this user has no home.
    """
    if chosen := os.environ.get("REASONDIFF_CACHE"):
        return Path(chosen)
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "reasondiff"
    try:
        return Path.home() / ".cache" / "reasondiff"
    except RuntimeError:  # no HOME, and a number that no user has, as in containers
        raise InputError("This user has no home for the cache of stories; set REASONDIFF_CACHE.") from None


@dataclass(frozen=True)
class Cache:
    """A folder of narratives, one file per question; several processes may share it.

    Args:
        folder: where; by default ``$REASONDIFF_CACHE`` or ``~/.cache/reasondiff``.
    """

    folder: Path | None = None

    def path_of(self, question: Mapping[str, Any]) -> Path:
        """The file that answers ``question``, which holds JSON values only."""
        key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
        return (self.folder or _default_folder()) / "narratives" / key[:2] / f"{key}.json"

    def get(self, question: Mapping[str, Any]) -> Narrative | None:
        """The narrative told for the same question before; a damaged file counts as none."""
        try:
            return Narrative.load(self.path_of(question))
        except (InputError, NarrativeError):
            return None

    def put(self, question: Mapping[str, Any], narrative: Narrative) -> None:
        """Keep a narrative.

        Raises:
            InputError: the folder cannot be written.
        """
        path = self.path_of(question)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"The cache folder {str(path.parent)!r} cannot be written ({error.strerror}); set REASONDIFF_CACHE."
            ) from None
        narrative.save(path)
