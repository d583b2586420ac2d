"""What the reasoning half gives a base model without any training: routing of texts, segments, several images."""

from __future__ import annotations

from functools import partial

from reasondiff.evaluation.ablations import in_segments
from reasondiff.evaluation.systems import OURS, ReasonDiffSystem
from reasondiff.narrative.frame_plan import TextMode

__all__ = ["TRAINING_FREE"]

_ROUTING: tuple[tuple[str, TextMode], ...] = (
    ("hard", "framewise"), ("soft", "soft"), ("concat", "concat"), ("single", "single"),
)  # fmt: skip


def _routed(name: str, mode: TextMode, count: int) -> ReasonDiffSystem:
    told = "one segment" if count == 1 else f"{count} segments"
    edit = partial(in_segments, count)
    return ReasonDiffSystem(
        f"free-{name}-{count}", f"training-free, {name}, {told}", text_mode=mode, use_adapter=False, edit=edit
    )


def _of_images(count: int, *, adapter: bool) -> ReasonDiffSystem:
    images = "one image" if count == 1 else f"{count} images"
    who, name = ("ReasonDiff", "images") if adapter else ("training-free", "free-images")
    return ReasonDiffSystem(f"{name}-{count}", f"{who}, {images}", use_adapter=adapter, more_images=count - 1)


TRAINING_FREE: tuple[ReasonDiffSystem, ...] = (
    *(_routed(name, mode, count) for name, mode in _ROUTING for count in (2, 3, 5)),
    *(_of_images(count, adapter=False) for count in (1, 2, 3)),
    *(_of_images(count, adapter=True) for count in (2, 3)),
    OURS,
)
"""Wan-tiny without adapter by routing and number of segments, then by number of images; the adapter beside it."""
