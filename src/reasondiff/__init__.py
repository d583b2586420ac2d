"""ReasonDiff: video from an image and a text that do not describe the same moment."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from reasondiff.alignformer import AlignFormer
    from reasondiff.narrative import Anchor, Clip, Narrative
    from reasondiff.narrator import ScriptedNarrator, load_narrator
    from reasondiff.pipeline import ReasonDiffPipeline
    from reasondiff.timeline import Timeline

_HOME = {
    "AlignFormer": "reasondiff.alignformer",
    "Anchor": "reasondiff.narrative",
    "Clip": "reasondiff.narrative",
    "Narrative": "reasondiff.narrative",
    "ReasonDiffPipeline": "reasondiff.pipeline",
    "ScriptedNarrator": "reasondiff.narrator",
    "Timeline": "reasondiff.timeline",
    "load_narrator": "reasondiff.narrator",
}

__all__ = [
    "AlignFormer",
    "Anchor",
    "Clip",
    "Narrative",
    "ReasonDiffPipeline",
    "ScriptedNarrator",
    "Timeline",
    "load_narrator",
]


def __getattr__(name: str) -> Any:
    # Public names are looked up on first use, so that `import reasondiff` costs neither torch nor a network.
    if name not in _HOME:
        raise AttributeError(f"module 'reasondiff' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
