"""What the bundled narrator is trained on: one image of a take, what is in it, and what should be said about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import LlavaProcessor

from reasondiff.data.loader import SampleKey
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw_frame
from reasondiff.training.storyworld.narrator_examples import (
    HEADS,
    augment_image,
    draw_moment,
    example,
    noise_image,
    nonsense_text,
    seen_in,
    to_pixels,
)

__all__ = ["Batch", "NarratorDataset", "Sample"]


@dataclass(frozen=True)
class Batch:
    """One step's inputs.

    Args:
        pixels: [batch, 3, 64, 64] in -1..1.
        seen: true classes, [batch, heads]; -1 for an image that shows nothing.
        tokens: image, prompt and reply of the first images, [told, length]; empty while the tower learns alone.
        weights: of each token as a target, [told, length]; 0 for what is given.
        spread: which targets are numbers: 0 none, 1 a clip's end, 2 the position, [told, length].
    """

    pixels: Tensor
    seen: Tensor
    tokens: Tensor
    weights: Tensor
    spread: Tensor

    def to(self, device: torch.device) -> Batch:
        tensors = (self.pixels, self.seen, self.tokens, self.weights, self.spread)
        return Batch(*(tensor.to(device) for tensor in tensors))


@dataclass(frozen=True)
class Sample:
    """One image of a step.

    Args:
        pixels: [3, 64, 64] in -1..1.
        seen: its true classes; -1 for an image that shows nothing.
        text: prompt and reply; None for an image that the tower alone learns from.
    """

    pixels: Tensor
    seen: list[int]
    text: tuple[str, str] | None


class NarratorDataset:
    """Takes, one image each, and what should be said about it.

    Args:
        takes: what to draw from.
        processor: whose tokens are learnt.
        image_tokens: that an image becomes.
        see_steps: steps in which nothing is told.
        batch: images that are told per step.
        seen_per_told: how many images the tower learns from for each of them, itself among these.
        position_weight: of the position's token; an end's has a third of it and a word's 1.
        strange: share of told images that show nothing, and of prompts with words that mean nothing.
    """

    def __init__(
        self,
        takes: TakeSet,
        processor: LlavaProcessor,
        *,
        image_tokens: int,
        see_steps: int,
        batch: int,
        seen_per_told: int,
        position_weight: float,
        strange: float,
    ) -> None:
        self.takes = takes
        self.processor: Any = processor
        self.image_tokens = image_tokens
        self.see_steps = see_steps
        self.batch = batch
        self.seen_per_told = seen_per_told
        self.position_weight = position_weight
        self.strange = strange
        self.mark_position = self._last_tokens('", "position":')
        self.mark_end = self._last_tokens('", "clips": [{"end":', '"}, {"end":')

    def batch_size(self, step: int) -> int:
        return self.batch * self.seen_per_told

    def draw(self, key: SampleKey) -> Sample:
        rng = key.rng()
        take = self.takes[rng.randrange(2**31)]
        frame = draw_moment(take, rng)
        told = key.step >= self.see_steps and key.sample % self.seen_per_told == 0
        strange = told and rng.random() < self.strange
        image = noise_image(rng) if strange else augment_image(draw_frame(take, frame), rng)
        seen = [-1] * len(HEADS) if strange else seen_in(take, frame)
        text = None
        if told:
            prompt, reply = example(take, frame, rng)
            text = (nonsense_text(prompt, rng) if rng.random() < self.strange else prompt, reply)
        return Sample(to_pixels(image), seen, text)

    def collate(self, samples: Sequence[Sample]) -> Batch:
        """Told images first."""
        ordered = sorted(samples, key=lambda sample: sample.text is None)
        tokens, weights, spread = self._tokens([sample.text for sample in ordered if sample.text is not None])
        pixels = torch.stack([sample.pixels for sample in ordered])
        return Batch(pixels, torch.tensor([sample.seen for sample in ordered]), tokens, weights, spread)

    def _tokens(self, texts: Sequence[tuple[str, str]]) -> tuple[Tensor, Tensor, Tensor]:
        """Token ids, weights and kinds of number, padded on the right to the longest."""
        tokenizer = self.processor.tokenizer
        image = [tokenizer.convert_tokens_to_ids(self.processor.image_token)] * self.image_tokens
        weight_of = (1.0, self.position_weight / 3, self.position_weight)
        rows: list[tuple[list[int], list[float], list[int]]] = []
        for prompt, reply in texts:
            given = image + tokenizer(f"{prompt}<reply>", add_special_tokens=False)["input_ids"]
            told = [*tokenizer(reply, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
            before = [given[-1], *told[:-1]]
            kinds = [2 if token in self.mark_position else int(token in self.mark_end) for token in before]
            nothing = [0] * len(given)
            rows.append((given + told, [*map(float, nothing), *(weight_of[kind] for kind in kinds)], nothing + kinds))
        tokens = _padded([row[0] for row in rows], tokenizer.pad_token_id)
        weights = _padded([row[1] for row in rows], 0.0)
        kinds_of_number = _padded([row[2] for row in rows], 0)
        return tokens.long(), weights, kinds_of_number.long()

    def _last_tokens(self, *texts: str) -> set[int]:
        """The token that each text ends with: what comes next is a number."""
        tokenizer = self.processor.tokenizer
        return {tokenizer(text, add_special_tokens=False)["input_ids"][-1] for text in texts}


def _padded(rows: Sequence[Sequence[float]], fill: float) -> Tensor:
    """[rows, longest], each filled up on the right."""
    return pad_sequence([torch.tensor(row) for row in rows] or [torch.zeros(0)], True, fill)
