"""Sets made by the very functions that a user's commands call, from videos that PyAV writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reasondiff.data.caption_set import clips_of
from reasondiff.data.captions import ClipCaptions, Per, caption_frames
from reasondiff.data.records import write_lines
from reasondiff.data.sample import ClipRecord, sample
from reasondiff.data.scan import scan
from reasondiff.data.sets import write_set
from reasondiff.data.spans import Sampling
from reasondiff.timeline import Timeline
from tests.data.videos import video

__all__ = ["SAMPLING", "captioned_set", "sampled_set"]

SAMPLING = Sampling(num_frames=9, step=0.2, width=32, height=32)
"""As small as a clip can be that has several latent frames, of several tokens each."""


def sampled_set(folder: Path, count: int = 3, *, captions: Sequence[str] = ()) -> Path:
    """A set of ``count`` clips in ``folder/set``, the first of which have these ready-made captions."""
    for number in range(count):
        path = video(folder / "videos" / f"{number}.mp4", count=60 + number)
        if number < len(captions):
            path.with_suffix(".txt").write_text(captions[number])
    found = scan(folder / "videos")
    write_set(folder / "set", found)
    sample(folder / "set", folder / "videos", SAMPLING)
    return folder / "set"


def captioned_set(folder: Path, count: int = 3, *, per: Per = "latent") -> Path:
    """The same, with captions that a model might have written."""
    place = sampled_set(folder, count)
    write_lines(place / "captions.jsonl", [_told(clip, per) for clip in clips_of(place)])
    return place


def _told(clip: ClipRecord, per: Per) -> ClipCaptions:
    numbers = caption_frames(per, Timeline(clip.num_frames))
    texts = tuple(f"Frame {number} of {clip.origin}." for number in numbers)
    return replace(ClipCaptions(clip.id, clip.origin, per, texts, by="openai:m", asked="x")).stamped()
