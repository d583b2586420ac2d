"""What the transformer reads besides the noisy latents: text tokens, image tokens, and which frame reads which tokens.

Wan pads every prompt to a fixed length (512) with zero tokens and attends to them: they are keys like all others and
cannot be dropped. But they are identical, and n identical keys are exactly one key whose logit is raised by log n. So
a context holds only ``text_tokens`` tokens per segment: the prompt's own, then zero tokens that stand for all
the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

from reasondiff.errors import InputError
from reasondiff.narrative.frame_plan import FramePlan

__all__ = ["FrameContext"]

_MULTIPLE = 8
"""Counts of tokens are rounded up to this: kernels want aligned biases, and compiled graphs few different shapes."""
_SPARE = 2
"""At least so many zero tokens stand for the others: two logarithms are precise, one in bfloat16 is 1.5 % off."""
_NEVER = -1e4
"""The logarithm of no keys at all, finite so that no kernel meets infinity minus infinity."""


@dataclass(frozen=True, eq=False)
class FrameContext:
    """The text and image tokens of a batch of videos, with a plan for each. Make one with ``build``.

    Args:
        text: ``[batch, segments * tokens, text_dim]``, before the transformer's text embedder.
        image: the image encoder's tokens as the transformer takes them, or None.
        plans: one per video of the batch.
        text_tokens: text tokens per segment.
        text_length: text tokens per segment in the transformer's own use, padding included.
        segment_of: ``[batch, latent_frames]``; None where every token reads all tokens (one segment, or ``concat``).
        bias: added to the logits, ``[1 or batch, 1, 1, keys]``; None where every token stands for itself only.
        cache: keep the keys and values that are computed from these tokens.
        routing: with ``soft``, added to the logits instead of ``bias``, ``[batch, latent_frames, keys]``.
        image_frames: which latent frames read the image tokens, bool ``[batch, latent_frames]``; None for all.
    """

    text: torch.Tensor
    image: torch.Tensor | None
    plans: tuple[FramePlan, ...]
    text_tokens: int
    text_length: int
    segment_of: torch.Tensor | None
    bias: torch.Tensor | None
    cache: bool = True
    routing: torch.Tensor | None = None
    image_frames: torch.Tensor | None = None

    @classmethod
    def build(
        cls,
        plans: FramePlan | Sequence[FramePlan],
        embeddings: Mapping[str, torch.Tensor],
        *,
        text_length: int,
        image: torch.Tensor | None = None,
        image_frames: torch.Tensor | None = None,
        collapse: bool = True,
        cache: bool = True,
    ) -> FrameContext:
        """Put the plans' prompts together.

        Args:
            plans: one per video of the batch, all with equally many latent frames; all ``concat``, all ``soft``, or
                none of these.
            embeddings: per prompt its encoded tokens ``[tokens, text_dim]``, without padding. Gradients flow to them.
            text_length: tokens that a prompt is padded to in the transformer's own use (Wan: 512).
            image: tokens of the image encoder, ``[batch, tokens, image_dim]`` (``[2 * batch, ...]`` where the model
                takes images in pairs).
            image_frames: see above.
            collapse: merge the padding, exactly, and with ``concat`` equal segments too.
            cache: compute each layer's keys and values once per block of ``Framewise.use``, or once per run inside
                ``Framewise.keep`` (never while gradients are recorded). Turn it off where to_k and to_v must run in
                every call: streamed leaf-level offload prefetches weights in the order of the first call.

        Raises:
            InputError: a prompt is missing from ``embeddings`` or is longer than ``text_length``; the plans do not
                fit each other.
        """
        plans = (plans,) if isinstance(plans, FramePlan) else tuple(plans)
        prompts = list(dict.fromkeys(prompt for plan in plans for prompt in plan.prompts))
        _check(plans, prompts, embeddings, text_length)
        concat = plans[0].how == "concat"

        padded = pad_sequence([embeddings[prompt] for prompt in prompts], batch_first=True)
        longest = padded.shape[1]
        text_tokens = text_length
        if collapse:
            text_tokens = min(text_length, math.ceil((longest + _SPARE) / _MULTIPLE) * _MULTIPLE)
        padded = F.pad(padded, (0, 0, 0, text_tokens - longest))

        number = {prompt: index for index, prompt in enumerate(prompts)}
        segments = [plan.mix(padded[list(map(number.__getitem__, plan.prompts))]) for plan in plans]
        if concat and not collapse:  # the research code's own, long form: one segment per latent frame
            segments = [own[list(plan.segment_of)] for own, plan in zip(segments, plans, strict=True)]
        stacked = pad_sequence(segments, batch_first=True)  # videos with fewer segments get empty ones, read by nobody

        logs: list[list[float]] = []
        if concat and collapse:
            counts = [plan.counts + (0,) * (stacked.shape[1] - len(plan.counts)) for plan in plans]
            logs = [_logs(own, longest, text_tokens, text_length, padded.dtype) for own in counts]
        elif text_tokens < text_length:
            logs = [_logs((1,), longest, text_tokens, text_length, padded.dtype)]

        flat = concat or stacked.shape[1] == 1
        device = padded.device
        routing = None
        if plans[0].how == "soft" and not flat:
            once = torch.tensor(logs[0] if logs else [0.0] * text_tokens, dtype=torch.float32)
            routing = torch.stack([_routing(plan, stacked.shape[1], once) for plan in plans]).to(device, padded.dtype)
        return cls(
            text=stacked.flatten(1, 2),
            image=image,
            plans=plans,
            text_tokens=text_tokens,
            text_length=text_length,
            segment_of=None if flat else torch.tensor([plan.segment_of for plan in plans], device=device),
            bias=torch.tensor(logs, dtype=padded.dtype, device=device)[:, None, None] if logs else None,
            cache=cache,
            routing=routing,
            image_frames=image_frames,
        )

    @property
    def inputs(self) -> dict[str, torch.Tensor | None]:
        """The transformer's keyword arguments."""
        return {"encoder_hidden_states": self.text, "encoder_hidden_states_image": self.image}

    @property
    def num_latent_frames(self) -> int:
        return self.plans[0].num_latent_frames

    @property
    def image_tokens(self) -> int:
        """Image tokens per video once the transformer has embedded them (and joined pairs)."""
        return 0 if self.image is None else self.image.shape[0] * self.image.shape[1] // len(self.plans)

    @cached_property
    def unmerged(self) -> torch.Tensor:
        """``[1 or batch, keys]``: the token of every key that attention without merging reads."""
        padding = self.text_length - self.text_tokens
        segment = [*range(self.text_tokens), *[self.text_tokens - 1] * padding]  # the last one is a zero token
        if self.plans[0].how != "concat":
            return torch.tensor([segment], device=self.text.device)
        starts = self.text_tokens * torch.tensor([plan.segment_of for plan in self.plans], device=self.text.device)
        return (starts[:, :, None] + torch.tensor(segment, device=self.text.device)).flatten(1)


def _check(
    plans: tuple[FramePlan, ...],
    prompts: list[str],
    embeddings: Mapping[str, torch.Tensor],
    text_length: int,
) -> None:
    if not plans:
        raise InputError("There is no plan; give one per video of the batch.")
    if len(lengths := sorted({plan.num_latent_frames for plan in plans})) > 1:
        raise InputError(f"The plans cover {lengths[0]} and {lengths[1]} latent frames; give plans of one length.")
    for how in ("concat", "soft"):
        if len({plan.how == how for plan in plans}) > 1:
            raise InputError(f"Some of the plans are {how!r} and some are not; run these videos in separate batches.")
    for prompt in prompts:
        if prompt not in embeddings:
            raise InputError(f"The prompt {prompt!r} has no embedding; encode every prompt of the plan.")
        if (tokens := embeddings[prompt].shape[0]) > text_length:
            raise InputError(f"The prompt {prompt!r} has {tokens} tokens; cut it to {text_length}.")


def _routing(plan: FramePlan, segments: int, once: torch.Tensor) -> torch.Tensor:
    """What is added to the logits of every key in each latent frame ``[latent_frames, segments * tokens]``.

    Args:
        plan: a ``soft`` one.
        segments: of the batch; those that the plan does not have are read by nobody.
        once: per token of a segment, the logarithm of how many keys it stands for.
    """
    penalties = F.pad(torch.tensor(plan.penalties), (0, segments - len(plan.segments)), value=-_NEVER)
    return (once - penalties[..., None].clamp(max=-_NEVER)).flatten(1)


def _logs(counts: Sequence[int], longest: int, text_tokens: int, text_length: int, dtype: torch.dtype) -> list[float]:
    """Per text token, the logarithm of how many keys it stands for; segment s is read ``counts[s]`` times."""
    logs: list[float] = []
    for count in counts:
        once = math.log(count) if count else _NEVER
        padding = count * (text_length - longest)
        merged = _split(padding, text_tokens - longest, dtype) if text_tokens < text_length else []
        logs += [once] * (text_tokens - len(merged)) + merged
    return logs


def _split(count: int, text_tokens: int, dtype: torch.dtype) -> list[float]:
    """Logarithms, exact in ``dtype``, whose exponentials add up to ``count``: each takes what the ones before left."""
    logs, left = [], float(count)
    down = torch.tensor(-math.inf, dtype=dtype, device="cpu")
    for _ in range(text_tokens):
        log = torch.tensor(math.log(left) if left > 0 else _NEVER, dtype=dtype, device="cpu")
        while math.exp(log) > left:  # rounded up: what is taken too much cannot be given back
            log = torch.nextafter(log, down)
        logs.append(log.item())
        left -= math.exp(log)
    return logs
