"""Which text the tokens of each frame read, as a bias on the transformer's cross-attention.

LTX-Video's transformer takes a mask of its text: not only one value per text token, but also one per pair of a video
token and a text token. So each latent frame reads its own description with the stock layers alone. Padding is masked
in its own use; here there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from reasondiff.narrative.frame_plan import FramePlan

__all__ = ["FrameText"]

NEVER = -10_000.0
"""What the transformer adds to the logit of a text token that is not read."""


@dataclass(frozen=True, eq=False)
class FrameText:
    """One video's text.

    Args:
        tokens: of all segments, one after the other [1, tokens, text_dim].
        bias: added to their logits in each latent frame [latent_frames, tokens]; None where all are read.
    """

    tokens: Tensor
    bias: Tensor | None

    @classmethod
    def build(cls, plan: FramePlan, text_embeds: Mapping[str, Tensor]) -> Self:
        """Put a plan's prompts together.

        Args:
            plan: which text each latent frame reads.
            text_embeds: per prompt its encoded tokens [tokens, text_dim].
        """
        prompts = [text_embeds[prompt] for prompt in plan.prompts]
        mixed = plan.mix(pad_sequence(prompts, batch_first=True))
        segments = []
        for tokens_of_one, made_of in zip(mixed, plan.segments, strict=True):
            longest = max(len(prompts[number]) for number, _ in made_of)
            segments.append(tokens_of_one[:longest])
        tokens = torch.cat(segments)[None]
        if len(segments) == 1:
            return cls(tokens, None)
        owner = torch.tensor([number for number, segment in enumerate(segments) for _ in segment])
        return cls(tokens, _bias(plan)[:, owner].to(tokens))

    def mask(self, latent_frames: Sequence[int], tokens_per_frame: int) -> Tensor:
        """The transformer's ``encoder_attention_mask`` for frames of tokens that read as these latent frames do.

        Returns:
            [1, tokens], 1 for what is read; or a bias [1, video tokens, tokens].
        """
        if self.bias is None:
            return torch.ones(self.tokens.shape[:2], device=self.tokens.device)
        return self.bias[list(latent_frames)].repeat_interleave(tokens_per_frame, 0)[None]


def _bias(plan: FramePlan) -> Tensor:
    """What is added to the logits of each segment in each latent frame [latent_frames, segments]."""
    match plan.how:
        case "soft":
            return -torch.tensor(plan.penalties).clamp(max=-NEVER)
        case "concat":  # a segment that is read in n latent frames is there n times
            counts = torch.tensor(plan.counts, dtype=torch.float32)
            return counts.log().clamp(min=NEVER).expand(plan.num_latent_frames, -1)
        case _:
            own = torch.tensor(plan.segment_of)[:, None] == torch.arange(len(plan.segments))
            return torch.where(own, 0.0, NEVER)
