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

    def path_of(self, question: Mapping[str, object]) -> Path:
        """The file that answers ``question``, which holds JSON values only."""
        key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
        return (self.folder or _default_folder()) / "narratives" / key[:2] / f"{key}.json"

    def get(self, question: Mapping[str, Any]) -> Narrative | None:
        """The narrative told for the same question before; a damaged or unreadable file counts as none."""
        try:
            return Narrative.load(self.path_of(question))
        except (InputError, NarrativeError, OSError, RuntimeError):  # RuntimeError: a user without a home
            return None

    def put(self, question: Mapping[str, Any], narrative: Narrative) -> str:
        """Keep a narrative; a cache that cannot be written loses nothing that was told.

        Returns:
            A sentence that says why it was not kept; "" if it was.
        """
        try:
            path = self.path_of(question)
            path.parent.mkdir(parents=True, exist_ok=True)
            narrative.save(path)
        except OSError as error:
            why = error.strerror or str(error)
        except (InputError, RuntimeError) as error:
            why = str(error).rstrip(".")
        else:
            return ""
        return f"The story was not kept for another time ({why}); set REASONDIFF_CACHE to a folder that can be written."
