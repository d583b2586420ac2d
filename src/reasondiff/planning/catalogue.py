"""The models that are known by name: where they come from, under which licence, and what they can and cannot do.

What a user wants to know before a download. Sizes and memory follow from ``plan``; nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from reasondiff.checkpoints import BUNDLED, HUB
from reasondiff.planning.architecture import architecture
from reasondiff.planning.machine import downloads
from reasondiff.planning.plan import job_of, plan
from reasondiff.planning.presets import PRESETS
from reasondiff.planning.stages import Job

__all__ = ["CATALOGUE", "Entry", "HeldFrames", "Listing", "entry_of", "listings"]

HeldFrames = Literal["any", "first", "first and last"]
"""The frames at which a model was trained to hold an image."""

_APACHE = "Apache-2.0"
_LATER = "hold an image well after the first frame without an adapter: the mask places it there, untrained"
_LTX = "LTXV Open Weights License (free below 10 million USD of yearly revenue)"
_LTX_EXCLUDES = "organisations with 10 million USD of yearly revenue or more, unless they have another licence"
_NO_LORA = ("load LoRAs or adapters", "use step caches")
_VACE = ("hold two images within one latent frame (4 frames)", "use step caches")


@dataclass(frozen=True)
class Entry:
    """A model that is known by name.

    Args:
        name: on the command line.
        licence: of its weights.
        excludes: whom the licence excludes; "" for nobody.
        held_frames: where it was trained to hold an image; others are tried where its mask can name them.
        anchors: images that it can be given at once; None for any number.
        apart: two images need latent frames of their own.
        adapter: whether an adapter is needed, can be loaded, or none is taken.
        cannot: what it cannot do, in words that follow "cannot".
        warning: what to know before it is chosen; "" for nothing.
    """

    name: str
    licence: str = _APACHE
    excludes: str = ""
    held_frames: HeldFrames = "any"
    anchors: int | None = None
    apart: bool = False
    adapter: Literal["bundled", "recommended", "none taken"] = "none taken"
    cannot: tuple[str, ...] = ()
    warning: str = ""


CATALOGUE: Mapping[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "storyworld-tiny",
            adapter="bundled",
            cannot=("draw photographs: it knows one small world, of 64x64 pixels and 33 frames",),
        ),
        Entry(
            "wan2.1-vace-1.3b",
            apart=True,
            cannot=(*_VACE, "draw well above 480p"),
        ),
        Entry(
            "wan2.1-vace-14b",
            apart=True,
            cannot=_VACE,
        ),
        Entry(
            "wan2.2-vace-fun-a14b",
            apart=True,
            cannot=_VACE,
            warning="It clings to the image and weakens the text, which must drive the time before the image; "
            "wan2.1-vace-14b follows the text better.",
        ),
        Entry(
            "ltx-video-2b-0.9.5",
            licence="LTX-Video 0.9.5 Open RAIL-M (forbids the uses that it lists)",
            cannot=_NO_LORA,
        ),
        Entry(
            "ltx-video-13b-0.9.7-dev",
            licence=_LTX,
            excludes=_LTX_EXCLUDES,
            cannot=_NO_LORA,
        ),
        Entry(
            "ltx-video-13b-0.9.8-distilled",
            licence=_LTX,
            excludes=_LTX_EXCLUDES,
            cannot=(*_NO_LORA, "take another number of steps than 8", "be led away from a negative prompt"),
        ),
        Entry("wan2.1-i2v-14b-480p", held_frames="first", adapter="recommended", cannot=(_LATER,)),
        Entry("wan2.1-i2v-14b-720p", held_frames="first", adapter="recommended", cannot=(_LATER,)),
        Entry(
            "wan2.1-flf2v-14b-720p",
            held_frames="first and last",
            adapter="recommended",
            cannot=("hold an image well in the middle without an adapter: the mask places it there, untrained",),
        ),
        Entry("wan2.2-i2v-a14b", held_frames="first", adapter="recommended", cannot=(_LATER,)),
    )
}
"""In the order in which they are listed: the bundled one, those that need no adapter, the others."""


@dataclass(frozen=True)
class Listing:
    """An entry with what it takes on this machine.

    Args:
        entry: the model.
        source: where it comes from: a hub id, or "bundled".
        download: bytes of all weights.
        missing: bytes of these that are not in the local cache.
        memory: by preset, the most bytes of the GPU that a video takes.
        job: the video that the memory is for.
    """

    entry: Entry
    source: str
    download: float
    missing: float
    memory: Mapping[str, float]
    job: Job

    @property
    def cached(self) -> bool:
        """Whether all of it is there."""
        return self.missing == 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: bytes as whole numbers."""
        return {
            **asdict(self.entry),
            "cannot": list(self.entry.cannot),
            "source": self.source,
            "download_bytes": round(self.download),
            "missing_bytes": round(self.missing),
            "cached": self.cached,
            "memory_bytes": {name: round(size) for name, size in self.memory.items()},
            "memory_is_for": f"{self.job.num_frames}x{self.job.height}x{self.job.width}",
        }


def entry_of(model: str) -> Entry | None:
    """The entry of a model by name, or by the hub id that a name stands for; None for others."""
    names = {repo.lower(): name for name, repo in HUB.items()}
    return CATALOGUE.get(names.get(model.lower(), model.lower()))


def listings(cache: Path) -> Iterator[Listing]:
    """Every entry, with sizes.

    Args:
        cache: where models from the hub are kept.
    """
    for entry in CATALOGUE.values():
        model = architecture(entry.name)
        job = job_of(model.defaults)
        memory = {name: plan(model, preset, job).memory for name, preset in PRESETS.items()}
        bundled = entry.name in BUNDLED
        total = 0.0 if bundled else float(sum(model.disk.values()))
        source = "bundled" if bundled else HUB[entry.name]
        missing = 0.0 if bundled else downloads(model, cache)
        yield Listing(entry, source, total, missing, memory, job)
