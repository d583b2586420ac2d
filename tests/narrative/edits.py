"""Random stories and edits, and what comes of them: what a browser's reducer is held to.

``python -m tests.narrative.edits`` writes ``edits.json`` anew; with a number and a file it writes so many there.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from reasondiff.errors import NarrativeError
from reasondiff.narrative import Anchor, Narrative
from reasondiff.narrative.editing import apply_edit
from reasondiff.narrative.frame_plan import FramePlan
from reasondiff.timeline import Timeline

FIXTURE = Path(__file__).with_name("edits.json")
TEXTS = (
    "A vase stands.",
    "A cat comes",
    "It breaks!",
    " A dog  plays ",
    "Ein Käfer läuft",
    "花瓶が倒れる。",
    "Rain…",
    "—",
)


def sequences(count: int, seed: int, length: int = 12) -> list[dict[str, Any]]:
    """``count`` stories, each with edits that were done one after the other; a refused one changes nothing."""
    rng = random.Random(seed)
    return [_sequence(rng, length) for _ in range(count)]


def _sequence(rng: random.Random, length: int) -> dict[str, Any]:
    narrative = _story(rng)
    steps = []
    start = narrative.to_dict()
    for _ in range(length):
        edit = _edit(rng, narrative)
        try:
            narrative = apply_edit(narrative, edit)
        except NarrativeError as error:
            steps.append({"edit": edit, "refused": str(error)})
        else:
            steps.append({"edit": edit, "narrative": narrative.to_dict(), "unread": unread(narrative)})
    return {"narrative": start, "steps": steps}


def unread(narrative: Narrative) -> list[int]:
    """Clips, 0-based, that no latent frame of a VAE with a stride of 4 would read."""
    frames = (narrative.num_frames + 2) // 4 * 4 + 1  # as long as the video that shows the whole story
    plan = FramePlan.from_narrative(narrative.retime(frames), Timeline(frames))
    lost = [lost.clip for lost in plan.lost]
    return [index for index, clip in enumerate(narrative.retime(frames).clips) if clip in lost]


def _story(rng: random.Random) -> Narrative:
    lengths = [rng.choice((1, 2, 3, 4, 5, 8, 13)) for _ in range(rng.randint(1, 7))]
    ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    told = [(end, rng.choice(TEXTS)) for end in ends]
    narrative = Narrative.from_ends(told, rng.randrange(ends[-1]), ends[-1], style=rng.choice(("", "A room.")))
    if rng.random() < 0.3:
        anchors = (*narrative.anchors, Anchor(rng.randrange(ends[-1]), 1))
        narrative = Narrative(narrative.clips, anchors, ends[-1], style=narrative.style)
    return narrative


def _edit(rng: random.Random, narrative: Narrative) -> dict[str, Any]:
    """Any edit, mostly one that can be done."""
    clip = rng.randint(-1, len(narrative.clips)) if rng.random() < 0.1 else rng.randrange(len(narrative.clips))
    other = rng.randrange(len(narrative.clips))
    frame = rng.randint(-1, narrative.num_frames)
    text = rng.choice((*TEXTS, " ", ""))
    grown = narrative.num_frames > 150
    return rng.choice(
        (
            {"type": "move_edge", "edge": rng.randint(0, len(narrative.clips) - 1), "frame": frame},
            {"type": "split", "frame": frame},
            {"type": "merge", "first": min(clip, other), "last": max(clip, other)},
            {"type": "remove", "clip": clip},
            {"type": "move_clip", "clip": clip, "to": other},
            {"type": "duplicate" if not grown else "remove", "clip": clip},
            {"type": "resize", "clip": clip, "length": rng.randint(0, 20)},
            {"type": "retime", "num_frames": rng.randint(1, 90)},
            {"type": "set_description", "clip": clip, "description": text},
            {"type": "set_style", "style": text},
            {"type": "move_image", "image": rng.randrange(3), "frame": frame}
            if len(narrative.anchors) > 1
            else {"type": "move_anchor", "frame": frame},
        )
    )


if __name__ == "__main__":
    count, file = (int(sys.argv[1]), Path(sys.argv[2])) if len(sys.argv) == 3 else (16, FIXTURE)
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in sequences(count, seed=0))
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
