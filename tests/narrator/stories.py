"""One story and its replies, for tests that are about something else."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from reasondiff.narrative import Narrative

VASE = Narrative.from_ends(
    [
        (8, "An intact vase stands on the floor."),
        (18, "A cat enters the room and breaks the vase."),
        (28, "The cat flees."),
        (33, "The broken vase lies in shards."),
    ],
    32,
    33,
    style="A grey cat and a white vase.",
    reasoning="A cat would break the vase, so the image comes last.",
)


def reply(**changes: Any) -> str:
    """The story in the clips form, with some fields changed; None leaves one out."""
    told: dict[str, Any] = {
        "image": "A broken vase in shards",
        "reasoning": VASE.reasoning,
        "position": 33,
        "style": VASE.style,
        "clips": [{"end": clip.end, "description": clip.description} for clip in VASE.clips],
    }
    return json.dumps({key: value for key, value in {**told, **changes}.items() if value is not None})


def same_story(one: Narrative, other: Narrative) -> bool:
    return (one.clips, one.anchors, one.num_frames) == (other.clips, other.anchors, other.num_frames)


def covers_every_frame_once(narrative: Narrative, num_frames: int) -> bool:
    joined = all(before.end == after.start for before, after in pairwise(narrative.clips))
    told = [clip.description for clip in narrative.clips]
    return (
        joined
        and (narrative.clips[0].start, narrative.clips[-1].end) == (0, num_frames)
        and all(len(clip) > 0 for clip in narrative.clips)
        and 0 <= narrative.anchor_frame < num_frames
        and all(text.strip() and "\n" not in text and "\x00" not in text for text in told)
    )
