"""The transformer in three hands, on the same weights and with the same attention kernels.

    B0      stock diffusers: one prompt of 512 rows for the whole video
    B1      the released research code's way: the prompts of all latent frames in one context of 512 rows each,
            embedded and projected in every call; re-implemented from its description, with everything resident
    ours    ``reasondiff.backends.wan.framewise``

B1 reads a frame's text as the mean of its pixel frames' prompts. ``framewise`` is another function than B1 (a frame
reads its own text only); ``compat`` is B1's function, with equal rows merged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from diffusers.models.transformers.transformer_wan import WanAttention
from peft import LoraConfig
from torch import Tensor
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from reasondiff.backends.wan.framewise import FrameContext, FramePlan, install
from reasondiff.backends.wan.framewise.attention import attend
from reasondiff.backends.wan.framewise.processor import image_keys_values, keys_values
from reasondiff.narrative import Narrative
from reasondiff.planning.architecture import named_configs
from reasondiff.timeline import Timeline

__all__ = [
    "CONTEXT",
    "FULL",
    "IMAGE_TOKENS",
    "SMALLEST",
    "TINY",
    "TRAINING",
    "ConcatProcessor",
    "Contest",
    "Scale",
    "full_checkpoint",
    "keep_attention",
    "keeps_attention",
    "padded",
    "story",
    "twin",
]

CONTEXT = 512
IMAGE_TOKENS = 257


@dataclass(frozen=True)
class Scale:
    """How large everything is.

    Args:
        name: as printed.
        config: of the transformer.
        parts: configs of the text encoder, the VAE and AlignFormer.
        num_frames: pixel frames.
        height: of the latents.
        width: of the latents.
        words: tokens of a prompt.
        dtype: of weights and inputs.
    """

    name: str
    config: dict[str, Any]
    parts: dict[str, dict[str, Any]]
    num_frames: int
    height: int
    width: int
    words: int = 64
    dtype: torch.dtype = torch.bfloat16

    @property
    def timeline(self) -> Timeline:
        return Timeline(self.num_frames)

    @property
    def size(self) -> str:
        return f"{self.num_frames}x{8 * self.height}x{8 * self.width}"

    def with_layers(self, layers: int) -> Scale:
        return replace(self, config=self.config | {"num_layers": layers})

    @property
    def layers(self) -> int:
        return self.config["num_layers"]


_WAN = named_configs("wan2.1-i2v-14b-480p")
FULL = Scale("Wan2.1-I2V-14B", _WAN["transformer"], _WAN, num_frames=81, height=60, width=104)
TRAINING = replace(FULL, num_frames=33, height=64, width=64)
TINY = Scale(
    "Wan of width 256 with 2 blocks",
    FULL.config
    | {"num_attention_heads": 2, "ffn_dim": 704, "num_layers": 2, "text_dim": 64, "freq_dim": 64}
    | {"image_dim": 64, "added_kv_proj_dim": 256},
    {
        "text_encoder": _WAN["text_encoder"]
        | {"vocab_size": 64, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4},
        "vae": _WAN["vae"] | {"base_dim": 4, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1},
        "alignformer": _WAN["alignformer"] | {"text_dim": 64, "dim": 128},
    },
    num_frames=81,
    height=20,
    width=20,
    words=48,
    dtype=torch.float32,
)
SMALLEST = replace(
    TINY,
    name="Wan of width 128 with 3 blocks",
    config=TINY.config | {"attention_head_dim": 64, "ffn_dim": 128, "num_layers": 3, "added_kv_proj_dim": 128},
    num_frames=9,
    height=8,
    width=8,
    words=12,
)


def story(scale: Scale, segments: int) -> Narrative:
    """So many descriptions over the clip, about equally long, the anchor in the middle."""
    frames = scale.num_frames
    ends = [(frames * (k + 1) // segments, f"description {k}") for k in range(segments)]
    return Narrative.from_ends(ends, frames // 2, frames)


class Contest:
    """One call of the transformer for one video, by each contestant.

    Args:
        scale: of everything.
        device: ``meta`` for counting.
        batch: equal videos.
        seed: of weights and inputs.
    """

    def __init__(self, scale: Scale, device: str, *, batch: int = 1, seed: int = 0) -> None:
        self.scale, self.device, self.batch = scale, device, batch
        torch.manual_seed(seed)
        self.transformer = _random(scale, device)
        self.stock = twin(self.transformer)
        self.concat = twin(self.transformer)
        for block in self.concat.blocks:
            block.attn2.set_processor(ConcatProcessor())
        self.framewise = install(self.transformer)
        self.run = ExitStack()  # all calls are steps of one run, which keeps keys and values
        self.run.enter_context(self.framewise.keep())
        config, frames = scale.config, scale.timeline.num_latent_frames
        self.noisy = self._randn(batch, config["in_channels"], frames, scale.height, scale.width)
        self.target = self._randn(batch, config["out_channels"], frames, scale.height, scale.width)
        self.timestep = torch.full((batch,), 500.0, device=device)
        self.image = self._randn(batch, IMAGE_TOKENS, config["image_dim"])
        self.embeddings: dict[str, Tensor] = {}

    def _randn(self, *shape: int) -> Tensor:
        return torch.randn(*shape, device=self.device).to(self.scale.dtype)

    def plan(self, segments: int, how: Any = "majority") -> FramePlan:
        """Of a story with so many descriptions, embedded at random."""
        plan = FramePlan.from_narrative(story(self.scale, segments), self.scale.timeline, how)
        for prompt in plan.prompts:
            if prompt not in self.embeddings:
                self.embeddings[prompt] = self._randn(self.scale.words, self.scale.config["text_dim"])
        return plan

    def context(self, segments: int, how: Any = "majority", *, prompt: int = 0, **options: bool) -> FrameContext:
        """Of such a story; with one segment, of description number ``prompt``."""
        plan = self.plan(max(segments, prompt + 1), how)
        if segments == 1:
            plan = FramePlan.single(plan.prompts[prompt], plan.num_latent_frames)
        plans = [plan] * self.batch
        return FrameContext.build(plans, self.embeddings, text_length=CONTEXT, image=self.image, **options)

    def ours(self, context: FrameContext, model: Any = None) -> Callable[[], Tensor]:
        """By our transformer, or by another one on the same weights, such as a compiled one."""
        model = self.transformer if model is None else model
        framewise = install(model)

        def call() -> Tensor:
            with framewise.use(context):
                return self._call(model, **context.inputs)

        return call

    def b0(self, prompt: str = "description 0") -> Callable[[], Tensor]:
        self.plan(1)
        text = padded(self.embeddings[prompt])[None].expand(self.batch, -1, -1)
        return partial(self._call, self.stock, text, self.image)

    def b1(self, segments: int) -> Callable[[], Tensor]:
        return partial(self._call, self.concat, self.b1_text(segments), self.image)

    def b1_text(self, segments: int) -> Tensor:
        """[batch, latent_frames * 512, text_dim]: every latent frame's mean prompt, padding included."""
        self.plan(segments, "mean")
        told = story(self.scale, segments)
        rows = []
        for latent_frame in range(self.scale.timeline.num_latent_frames):
            frames = self.scale.timeline.frames_of(latent_frame)
            prompts = [padded(self.embeddings[told.prompt_of(told.clip_at(frame))]) for frame in frames]
            rows.append(torch.stack(prompts).mean(0))
        return torch.cat(rows)[None].expand(self.batch, -1, -1)

    def _call(self, model: Any, encoder_hidden_states: Tensor, encoder_hidden_states_image: Tensor) -> Tensor:
        return model(
            hidden_states=self.noisy,
            timestep=self.timestep,
            encoder_hidden_states=encoder_hidden_states,
            encoder_hidden_states_image=encoder_hidden_states_image,
            return_dict=False,
        )[0]

    def add_lora(self, rank: int = 16, only: Sequence[Any] | None = None) -> None:
        """A LoRA like the paper's on every contestant's model; the base is frozen and the condition wants gradients."""
        targets = ["to_q", "to_k", "to_v", "to_out.0", "ffn.net.0.proj", "ffn.net.2"]
        for model in only or (self.transformer, self.stock, self.concat):
            model.requires_grad_(False)
            model.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=targets))
        self.noisy.requires_grad_()

    def training_step(self, model: Any, call: Callable[[], Tensor], checkpointing: Any = None) -> Callable[[], Tensor]:
        """Forward and backward of one sample; returns the gradient of the condition.

        Args:
            model: whose gradients are made.
            call: its forward call.
            checkpointing: None for none, else the function that calls a block.
        """
        model.train()

        def step() -> Tensor:
            if checkpointing is None:
                model.disable_gradient_checkpointing()
            else:
                model.enable_gradient_checkpointing(checkpointing)
            loss = (call().float() - self.target.float()).square().mean()
            loss.backward()
            model.zero_grad(set_to_none=True)
            gradient, self.noisy.grad = self.noisy.grad, None
            assert gradient is not None
            return gradient

        return step


class ConcatProcessor:
    """Cross-attention in which every token reads the prompts of all latent frames."""

    _attention_backend: Any = None
    _parallel_config: Any = None

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: None = None,
        rotary_emb: None = None,
    ) -> Tensor:
        image, text = encoder_hidden_states[:, :IMAGE_TOKENS], encoder_hidden_states[:, IMAGE_TOKENS:]
        query = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1))
        out = attend(query, *keys_values(attn, text), self._attention_backend)
        out = out + attend(query, *image_keys_values(attn, image), self._attention_backend)
        return attn.to_out[1](attn.to_out[0](out.flatten(2).type_as(query)))


def keep_attention(framewise: Any, function: Callable[..., Any], *args: Any) -> Any:
    """Gradient checkpointing that keeps what attention returned, so that only the rest is computed again."""
    context = framewise.context

    def under_context(*args: Any) -> Any:
        outer, framewise.context = framewise.context, context
        try:
            return function(*args)
        finally:
            framewise.context = outer

    contexts = partial(create_selective_checkpoint_contexts, keeps_attention)
    return checkpoint(under_context, *args, use_reentrant=False, context_fn=contexts, preserve_rng_state=False)


def keeps_attention(context: Any, op: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
    """What ``keep_attention`` keeps."""
    kept = "scaled_dot_product" in str(op) and "backward" not in str(op)
    return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE


def full_checkpoint(function: Callable[..., Any], *args: Any) -> Any:
    """Gradient checkpointing that keeps nothing but a block's input."""
    return checkpoint(function, *args, use_reentrant=False, preserve_rng_state=False)


def padded(embedding: Tensor) -> Tensor:
    """[512, text_dim], with zero rows as Wan pads."""
    return torch.nn.functional.pad(embedding, (0, 0, 0, CONTEXT - embedding.shape[0]))


def twin(transformer: Any) -> Any:
    """Another module object on the same weights."""
    with torch.device("meta"):
        other = WanTransformer3DModel.from_config(transformer.config)
    other.load_state_dict(transformer.state_dict(keep_vars=True), assign=True)
    other.rope = transformer.rope
    return other.eval()


def _random(scale: Scale, device: str) -> Any:
    """Random weights, drawn where they live, in the precision that ``from_pretrained`` would give each of them."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(scale.dtype)
    try:
        with torch.device(device):
            model = WanTransformer3DModel(**scale.config)
    finally:
        torch.set_default_dtype(default)
    in_fp32: Sequence[str] = WanTransformer3DModel._keep_in_fp32_modules
    for name, parameter in model.named_parameters():
        if not set(name.split(".")).isdisjoint(in_fp32):
            parameter.data = parameter.data.float()
        if parameter.dim() == 2 and device != "meta":
            parameter.data.normal_(0, parameter.shape[1] ** -0.5)
    return model.requires_grad_(False).eval()
