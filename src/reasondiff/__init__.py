"""ReasonDiff: video from an image and a text that do not describe the same moment."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# OpenMP's threads wait for each other by spinning, which takes the processor from whoever they wait for as soon as
# another process wants it too. GNU's and LLVM's runtimes read these once, when torch loads them; one that a user has
# set stands for all of them.
_WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
if not _WAITING.keys() & os.environ.keys():
    os.environ.update(_WAITING)

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


def __getattr__(name: str) -> object:
    # Public names are looked up on first use, so that `import reasondiff` costs neither torch nor a network.
    if name not in _HOME:
        raise AttributeError(f"module 'reasondiff' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
