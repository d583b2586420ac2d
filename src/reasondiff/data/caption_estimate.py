"""What captions will cost, before anybody is asked."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reasondiff.data.caption_set import Captioning
from reasondiff.data.captions import caption_frames
from reasondiff.data.sample import ClipRecord
from reasondiff.errors import InputError
from reasondiff.narrator.asking.instruction import read_prompt
from reasondiff.timeline import Timeline

__all__ = ["Estimate", "Price", "estimate"]

PIXELS_PER_TOKEN = 32
"""Side of the square of pixels that becomes one token in Qwen3-VL; 512 x 512 are 256 tokens there, 255 in gpt-4o."""
CHARACTERS_PER_TOKEN = 4
"""Of English."""
TOKENS_PER_CAPTION = 75
"""Of one or two plain sentences, with the model's usual beginning; 330,000 of them were about 25 million tokens."""


@dataclass(frozen=True)
class Price:
    """What a provider asks, in any currency.

    Args:
        tokens_in: for a million tokens of requests.
        tokens_out: for a million tokens of answers.
    """

    tokens_in: float
    tokens_out: float

    @classmethod
    def parse(cls, text: str) -> Price:
        """From "IN/OUT", such as "2.5/10".

        Raises:
            InputError: it is no such text.
        """
        found = re.fullmatch(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)", text)
        if found is None:
            raise InputError(f"The price {text!r} is not IN/OUT for a million tokens each; give one like 2.5/10.")
        return cls(float(found[1]), float(found[2]))


@dataclass(frozen=True)
class Estimate:
    """What captions will cost.

    Args:
        clips: that are asked for.
        requests: of them.
        images: in all requests.
        tokens_in: of requests; a model that cuts images into other tiles counts otherwise.
        tokens_out: of answers.
    """

    clips: int
    requests: int
    images: int
    tokens_in: int
    tokens_out: int

    def hours(self, seconds_per_request: float, concurrency: int) -> float:
        return self.requests * seconds_per_request / concurrency / 3600

    def money(self, price: Price) -> float:
        return (self.tokens_in * price.tokens_in + self.tokens_out * price.tokens_out) / 1e6


def estimate(clips: Sequence[ClipRecord], captioning: Captioning, *, stride: int = 4) -> Estimate:
    """Of clips that have no captions yet.

    Args:
        clips: that will be asked for.
        captioning: how.
        stride: pixel frames per latent frame after the first.
    """
    prompt = len(read_prompt("captions.v1.txt" if captioning.per == "clip" else "caption.v1.txt"))
    requests = images = tokens_in = 0
    for clip in clips:
        looked_at = len(caption_frames(captioning.per, Timeline(clip.num_frames, stride)))
        of_image = math.ceil(clip.width / PIXELS_PER_TOKEN) * math.ceil(clip.height / PIXELS_PER_TOKEN)
        asked = 1 if captioning.per == "clip" else looked_at
        requests += asked
        images += looked_at
        tokens_in += looked_at * of_image + asked * prompt // CHARACTERS_PER_TOKEN
    return Estimate(len(clips), requests, images, tokens_in, images * TOKENS_PER_CAPTION)
