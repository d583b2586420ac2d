"""What the bundled narrator is shown and should answer: images as users have them, true replies, and nonsense."""

from __future__ import annotations

import io
import random

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from reasondiff.narrator import write_reply
from reasondiff.storyworld import captions
from reasondiff.storyworld.palette import COLOURS
from reasondiff.storyworld.stories import AGENTS, CHANGES, NUM_FRAMES, SIZE, Take

__all__ = [
    "HEADS",
    "MAX_PROMPT",
    "augment_image",
    "draw_moment",
    "example",
    "noise_image",
    "nonsense_text",
    "seen_in",
    "to_pixels",
]

_STATES = (
    *((thing, state) for thing, states in CHANGES.items() for state in states),
    ("bicycle", "parked"), ("dog", "sitting"), ("dog", "standing"),
)  # fmt: skip
_COLOURS = sorted(COLOURS)
_BINS = 16
MAX_PROMPT = 160
"""Characters of a prompt that the bundled narrator reads."""

HEADS = {
    "state": len(_STATES),
    "colour": len(_COLOURS),
    "object_x": _BINS,
    "window_x": _BINS + 1,
    "agent": len(AGENTS) + 1,
    "agent_colour": len(_COLOURS) + 1,
    "agent_x": _BINS + 1,
    "facing": 3,
    "frame": NUM_FRAMES,
}
"""What the tower learns to see, and the number of classes of each; a last class stands for "none there". How long an
agent takes follows from where it has to go: to the object, or to the window on the wall."""


def example(take: Take, frame: int, rng: random.Random) -> tuple[str, str]:
    """What the user says, and what the narrator should answer."""
    story = captions.narrative(take, take.canonical_frame(frame), rng)
    prompt = captions.user_prompt(take, rng)
    typed = rng.choice((prompt, prompt, prompt, prompt.rstrip("."), prompt.lower()))
    return typed, write_reply(story)


def augment_image(image: Image.Image, rng: random.Random) -> Image.Image:
    """Half of the images as they may come from a user's disk: resized, or saved as JPEG."""
    if rng.random() < 0.5:
        return image
    size = image.size
    if rng.random() < 0.6:
        side = rng.randint(48, 200)
        image = image.resize((side, side), rng.choice((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)))
    if rng.random() < 0.6:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=rng.randint(60, 95))
        image = Image.open(file).convert("RGB")
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def noise_image(rng: random.Random) -> Image.Image:
    """Coloured noise of any size, from a ramp to noise."""
    side = rng.choice((2, 3, 5, 9, 17, 33, 64))
    colours = np.random.default_rng(rng.getrandbits(64)).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize(
        (SIZE, SIZE), rng.choice((Image.Resampling.BICUBIC, Image.Resampling.NEAREST))
    )


def nonsense_text(prompt: str, rng: random.Random) -> str:
    """Words of no language, in any script, alone or around ``prompt``; at most ``MAX_PROMPT`` characters in all."""
    scripts = (
        "abcdefghijklmnopqrstuvwxyz",
        "0123456789-+.,:;!?'\"()",
        "äöüéñçøß",
        "абвгдежз",
        "猫犬車人球窓花",
        "🎉🐈🚗",
    )
    letters = rng.choice((scripts[0], scripts[0], rng.choice(scripts)))
    length = rng.choice((10, 10, 20, 20, 40, 40, 80, MAX_PROMPT))
    words = (" ".join("".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(length // 2)))[:length].strip()
    return rng.choice((words, f"{prompt} {words}", f"{words} {prompt}"))[:MAX_PROMPT].strip()


def to_pixels(image: Image.Image) -> Tensor:
    """[3, height, width] in -1..1, as the processor makes it of a 64 x 64 image."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1


def draw_moment(take: Take, rng: random.Random) -> int:
    """A frame of any phase, each phase as likely; never one in which the agent is about but out of sight."""
    phases = [frames for frames in take.phases.values() if frames]
    while True:
        frame = rng.choice(rng.choice(phases))
        pose = take.agent_pose(frame)
        if pose is None or -12 <= pose.x <= SIZE + 12:
            return frame


def seen_in(take: Take, frame: int) -> list[int]:
    """The true classes of ``HEADS``, in order."""
    pose = take.agent_pose(frame)
    nobody = pose is None
    return [
        _STATES.index((take.story.object, take.object_state(frame))),
        _COLOURS.index(take.object_colour),
        _bin(take.object_x),
        _bin(take.window_x) if take.has_wall_window else _BINS,
        len(AGENTS) if nobody else AGENTS.index(take.story.agent),
        len(_COLOURS) if nobody else _COLOURS.index(take.agent_colour),
        _BINS if pose is None else _bin(pose.x),
        2 if pose is None else int(pose.facing > 0),
        take.canonical_frame(frame),
    ]


def _bin(x: float) -> int:
    return min(max(int(x / SIZE * _BINS), 0), _BINS - 1)
