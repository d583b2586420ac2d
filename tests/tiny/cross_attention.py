"""A tiny transformer and its inputs: three latent frames of 4x4 tokens."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import WanTransformer3DModel

from reasondiff.backends.wan.framewise import FrameContext, FramePlan, Framewise, install
from tests import tiny

FRAMES = 3
PER_FRAME = 16
STOCK_LENGTH = 512  # where the stock processor cuts the context when there are image tokens
EMBEDDINGS = {
    text: tiny.randn(tokens, tiny.TEXT_DIM, seed=tokens) for text, tokens in {"a": 9, "b": 14, "c": 3, "d": 20}.items()
}
"""Encoded prompts of different lengths."""
TOLERANCE = 1e-5


@dataclass
class Scene:
    transformer: WanTransformer3DModel
    noisy: torch.Tensor
    timestep: torch.Tensor
    image: torch.Tensor | None

    def install(self) -> Framewise:
        return install(self.transformer)

    def context(self, plan: FramePlan | list[FramePlan], *, text_length: int = 40, **options: bool) -> FrameContext:
        return FrameContext.build(plan, EMBEDDINGS, text_length=text_length, image=self.image, **options)

    def stock(self, text: str, text_length: int = STOCK_LENGTH) -> torch.Tensor:
        """The untouched transformer's prediction under one prompt."""
        padded = torch.zeros(len(self.noisy), text_length, tiny.TEXT_DIM)
        padded[:, : len(EMBEDDINGS[text])] = EMBEDDINGS[text]
        with torch.no_grad():
            return self.transformer(self.noisy, self.timestep, padded, self.image).sample

    def predict(self, context: FrameContext) -> torch.Tensor:
        with torch.no_grad():
            return self.forward(context)

    def forward(self, context: FrameContext) -> torch.Tensor:
        with install(self.transformer).use(context):
            call = {"hidden_states": self.noisy, "timestep": self.timestep, **context.inputs}
            return self.transformer(**call, return_dict=False)[0]


def scene(*, image_tokens: bool = True, batch: int = 1, dtype: torch.dtype = torch.float32, layers: int = 2) -> Scene:
    image = tiny.randn(batch, tiny.IMAGE_TOKENS, tiny.IMAGE_DIM, seed=2) if image_tokens else None
    return Scene(
        tiny.transformer(image_tokens=image_tokens, num_layers=layers).to(dtype),
        tiny.randn(batch, 12, FRAMES, 8, 8, seed=1).to(dtype),
        torch.full((batch,), 500),
        None if image is None else image.to(dtype),
    )


def gap(one: torch.Tensor, other: torch.Tensor) -> float:
    return (one - other).abs().max().item()
