"""Takes of StoryWorld as a set like anybody's: clips and captions on disk, for ``data precompute`` and for recipes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reasondiff.data.captions import ClipCaptions
from reasondiff.data.records import digest, write_lines
from reasondiff.data.sample import ClipRecord
from reasondiff.media import write_video
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw
from reasondiff.storyworld.stories import INTERVAL, NUM_FRAMES, SIZE

__all__ = ["CAPTIONED_BY", "write_storyworld_set"]

CAPTIONED_BY = "StoryWorld"


def write_storyworld_set(
    folder: Path, takes: TakeSet, count: int, *, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write the first ``count`` takes as a set: every frame as it is drawn, and with its true caption.

    Args:
        folder: of the set; may exist already, then clips that are there stay.
        takes: what to draw.
        count: how many.
        progress: called with the number of clips that are there, and of all.

    Raises:
        OutputError: there is no room.
    """
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    clips: list[ClipRecord] = []
    told: list[ClipCaptions] = []
    for index in range(count):
        take = takes[index]
        origin = f"{takes.split}/{index:06d}"
        identity = digest("storyworld", takes.split, index, digest(repr(take)))
        path = f"clips/{identity}.mp4"
        if not (folder / path).is_file():
            write_video(folder / path, draw(take), 1 / INTERVAL, lossless=True)
        texts = captions.frame_captions(take, takes.rng(index, "frames"))
        clips.append(
            ClipRecord(
                id=identity,
                video=identity,
                path=path,
                origin=origin,
                start=0.0,
                step=INTERVAL,
                num_frames=NUM_FRAMES,
                width=SIZE,
                height=SIZE,
                fps_source=1 / INTERVAL,
                frame_captions=texts,
            )
        )
        told.append(ClipCaptions(identity, origin, "frame", texts, CAPTIONED_BY).stamped())
        if progress is not None:
            progress(index + 1, count)
    write_lines(folder / "captions.jsonl", told)
    write_lines(folder / "clips.jsonl", clips)
