"""What the layers of a frame-wise transformer share: the active context, and the keys and values kept for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers.models.transformers.transformer_wan import WanAttention, WanTransformer3DModel
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts, noop_context_fn
from torch.utils.weak import WeakIdKeyDictionary

from reasondiff.backends.exclusive import exclusive
from reasondiff.backends.wan.framewise.active import Active
from reasondiff.backends.wan.framewise.context import FrameContext
from reasondiff.backends.wan.framewise.processor import (
    FramewiseAttnProcessor,
    KeysValues,
    image_keys_values,
    keys_values,
)
from reasondiff.backends.wan.framewise.record import AttentionRecord
from reasondiff.errors import InputError, UnsupportedError

__all__ = ["Framewise", "install"]


def install(transformer: WanTransformer3DModel) -> Framewise:
    """Make the cross-attention of ``transformer`` frame-wise; a second call returns the first one's result.

    An attention backend or context parallelism that was set before is kept, and both can be set afterwards.

    Raises:
        UnsupportedError: the transformer's patches span several latent frames.
    """
    first: Any = transformer.blocks[0]
    processor = first.attn2.processor
    if isinstance(processor, FramewiseAttnProcessor) and isinstance(processor.shared, Framewise):
        return processor.shared
    return Framewise(transformer)


_ATTENTION = (
    torch.ops.aten._scaled_dot_product_flash_attention.default,
    torch.ops.aten._scaled_dot_product_efficient_attention.default,
    torch.ops.aten._scaled_dot_product_cudnn_attention.default,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default,
)
"""The kernels of torch's attention; written out, as training on a CPU has it, there is none to keep."""


@dataclass(eq=False)
class _Use:
    """An open block of ``use``, with each layer's keys and values so far."""

    context: FrameContext
    record: AttentionRecord | None
    text: list[KeysValues | None]
    image: list[KeysValues | None]


class Framewise(Active):
    """The frame-wise cross-attention of one transformer; made by ``install``."""

    def __init__(self, transformer: WanTransformer3DModel) -> None:
        super().__init__()
        model: Any = transformer
        span, *self._patch = model.config.patch_size
        if span != 1:
            raise UnsupportedError(
                f"This transformer's patches span {span} latent frames; use one whose patches span 1."
            )
        self._model = model
        self._embedder: Any = model.condition_embedder
        blocks = [*model.blocks, *getattr(model, "vace_blocks", ())]  # VACE's control branch reads the text, too
        self._attentions: list[Any] = [block.attn2 for block in blocks]
        self._stock = [attention.processor for attention in self._attentions]
        self._processors = [FramewiseAttnProcessor(self, layer) for layer in range(len(self._attentions))]
        self._open: list[_Use] = []  # the last one is active
        self._thread = 0  # that has opened them
        self._kept: WeakIdKeyDictionary | None = None  # within a run: tokens -> what was computed from them
        self._hook = model.register_forward_pre_hook(self._before_call, with_kwargs=True)
        for attention, old, new in zip(self._attentions, self._stock, self._processors, strict=True):
            _replace(attention, old, new)

    def __getstate__(self) -> dict[str, Any]:
        """A copy, or what is read from a file, is in no block."""
        return self.__dict__ | {"context": None, "record": None, "_open": [], "_kept": None}

    def uninstall(self) -> None:
        """Give the transformer its own processors back."""
        self._hook.remove()
        for attention, old, new in zip(self._attentions, self._processors, self._stock, strict=True):
            _replace(attention, old, new)

    @contextmanager
    def use(self, context: FrameContext, record: AttentionRecord | None = None) -> Iterator[None]:
        """Calls of the transformer inside the block read ``context``; they must be given ``**context.inputs``.

        Keys and values are computed once per block, or once per run inside ``keep``: change weights between blocks,
        not inside. With gradient checkpointing, call ``backward`` inside the block too, or enable it with
        ``checkpoint``. Another thread that opens a block waits until this one is left.

        Args:
            context: the text and image tokens.
            record: watches the attention to some words; it sees eager layers only, not compiled ones.

        Raises:
            InputError: the transformer takes no image tokens, another number of images, or another dtype.
            UnsupportedError: ``record`` under context parallelism, where each process sees a share of the tokens.
        """
        with exclusive(self._model):
            yield from self._use(context, record)

    @contextmanager
    def keep(self) -> Iterator[None]:
        """Inside the block, a run of many steps, keys and values are kept from one block of ``use`` to the next.

        They live as long as their context, and are computed anew where weights, adapters or scales have changed as
        far as torch counts changes. What is written past that count, as through ``.data``, is not seen before the
        next run.
        """
        with exclusive(self._model):
            outer = self._kept
            if outer is None:
                self._kept = WeakIdKeyDictionary()
            try:
                yield
            finally:
                self._kept = outer

    def _use(self, context: FrameContext, record: AttentionRecord | None) -> Iterator[None]:
        self._check_images(context)
        self._check_dtype(context)
        if record is not None and self._processors[0]._parallel_config is not None:
            raise UnsupportedError("Attention is not recorded under context parallelism; run it in one process.")
        if record is not None and context.routing is not None:
            raise UnsupportedError("Attention is not recorded under soft routing; use text_mode='framewise'.")
        weights = None
        if context.cache and self._kept is not None:
            weights = (_state(self._embedder), *map(_state, self._attentions))
        text, image = self._recall(context.text, weights), self._recall(context.image, weights)
        if context.cache and not torch.is_grad_enabled():
            self._fill(text, context.text, self._embedder.text_embedder, keys_values)
            self._fill(image, context.image, self._embedder.image_embedder, image_keys_values)
        self._thread = threading.get_ident()
        own = _Use(context, record, text, image)
        self._put_back()
        self._open.append(own)
        self._take_out()
        try:
            yield
        finally:  # blocks may be left in any order
            self._put_back()
            self._open.remove(own)
            self._take_out()

    def _put_back(self) -> None:
        """Keys and values that the layers have computed, to the block that is active."""
        if self._open:
            self._open[-1].text[:] = [processor.text for processor in self._processors]
            self._open[-1].image[:] = [processor.image for processor in self._processors]

    def _take_out(self) -> None:
        """The last open block, if any, is the active one."""
        active = self._open[-1] if self._open else None
        self.context = active.context if active else None
        self.record = active.record if active else None
        for layer, processor in enumerate(self._processors):
            processor.text = active.text[layer] if active else None
            processor.image = active.image[layer] if active else None

    def checkpoint(self, function: Callable[..., Any], *args: Any, keep_attention: bool = False) -> Any:
        """Gradient checkpointing that recomputes under the context of the forward call.

        ``transformer.enable_gradient_checkpointing(framewise.checkpoint)`` allows ``backward`` outside of ``use``.

        Args:
            function: a block of the transformer.
            keep_attention: keep what attention gives, which takes the most time to compute again and little memory.
        """
        context = self.context

        def under_context(*args: Any) -> Any:
            outer, self.context = self.context, context
            try:
                return function(*args)
            finally:
                self.context = outer

        keeping = partial(create_selective_checkpoint_contexts, list(_ATTENTION)) if keep_attention else noop_context_fn
        return checkpoint(under_context, *args, use_reentrant=False, context_fn=keeping)

    def _check_images(self, context: FrameContext) -> None:
        if context.image is None:
            return
        embedder = self._embedder.image_embedder
        if embedder is None:
            raise InputError("This transformer takes no image tokens; build the context without 'image'.")
        needed = len(context.plans) * (1 if embedder.pos_embed is None else 2)  # first-and-last-frame models: pairs
        if context.image.shape[0] != needed:
            raise InputError(
                f"The context holds {context.image.shape[0]} images for {len(context.plans)} videos; "
                f"this transformer takes {needed}."
            )

    def _check_dtype(self, context: FrameContext) -> None:
        weights = self._embedder.text_embedder.linear_1.weight
        given, own = context.text.dtype, self._model.dtype
        if given == own or weights.dtype not in _PLAIN or torch.is_autocast_enabled(context.text.device.type):
            return  # weights in 8 bits, or autocast: whatever computes there casts
        raise InputError(
            f"The context is in {_name(given)} and the transformer in {_name(own)}; bring the text and image tokens to "
            "the transformer's dtype."
        )

    def _recall(self, tokens: torch.Tensor | None, weights: Any) -> list[KeysValues | None]:
        """Per layer, what was computed from these tokens with these weights; filled in place by ``use``."""
        nothing: list[KeysValues | None] = [None] * len(self._processors)
        if tokens is None or weights is None or self._kept is None:
            return nothing
        state = (weights, _version(tokens))
        kept = self._kept.get(tokens)
        if kept is None or kept[0] != state:
            kept = self._kept[tokens] = (state, nothing)
        return kept[1]

    @torch.no_grad()
    def _fill(
        self,
        layers: list[KeysValues | None],
        tokens: torch.Tensor | None,
        embed: Callable[[torch.Tensor], torch.Tensor],
        project: Callable[[Any, torch.Tensor], KeysValues],
    ) -> None:
        """Compute what is missing before the first call, so that compiled layers never see it missing.

        Weights that are offloaded now are left to their layers, which compute their own when they are called.
        """
        if tokens is None or next(self._embedder.parameters()).device != tokens.device:
            return
        here = [attention.norm_k.weight.device == tokens.device for attention in self._attentions]
        missing = [layer for layer, kept in enumerate(layers) if kept is None and here[layer]]
        embedded = embed(tokens) if missing else tokens
        for layer in missing:
            layers[layer] = project(self._attentions[layer], embedded)

    def _before_call(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Check what only the whole transformer sees; runs before each of its calls."""
        context = self.context
        elsewhere = not torch.compiler.is_compiling() and threading.get_ident() != self._thread
        if context is None or elsewhere:  # another thread's text is not for this one
            raise UnsupportedError("This transformer reads frame-wise text; call it inside 'framewise.use(context)'.")
        given = dict(zip(_ARGUMENTS, args, strict=False)) | kwargs
        batch, _, frames, height, width = given["hidden_states"].shape
        if (batch, frames) != (len(context.plans), context.num_latent_frames):
            raise InputError(
                f"The latents are {batch} videos of {frames} latent frames and the context is for {len(context.plans)} "
                f"of {context.num_latent_frames}; build the context with one plan per video, as long as the video."
            )
        # Kept keys and values would hide that others were meant.
        if context.cache and any(given.get(name) is not tokens for name, tokens in context.inputs.items()):
            raise InputError("The transformer was given other tokens than the context's; pass it '**context.inputs'.")
        scale = (given.get("attention_kwargs") or {}).get("scale", 1.0)
        if context.cache and scale != 1.0:
            raise UnsupportedError(
                f"A LoRA scale of {scale} for single calls misses kept keys and values; set the adapter's weight, or "
                "build the context with cache=False."
            )
        self.tokens_per_frame = (height // self._patch[0]) * (width // self._patch[1])


_PLAIN = (torch.float32, torch.float16, torch.bfloat16)
_ARGUMENTS = ("hidden_states", "timestep", "encoder_hidden_states", "encoder_hidden_states_image")


def _replace(attention: Any, old: Any, new: Any) -> None:
    new._attention_backend, new._parallel_config = old._attention_backend, old._parallel_config
    attention.set_processor(new)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _version(tensor: torch.Tensor) -> int:
    """Counts in-place changes; tensors made under inference mode do not count."""
    return 0 if tensor.is_inference() else tensor._version


_CROSS = ("to_k", "to_v", "to_kv", "norm_k", "add_k_proj", "add_v_proj", "to_added_kv", "norm_added_k")


def _state(module: nn.Module) -> tuple[Any, ...]:
    """Changes whenever keys or values made by ``module`` would: other weights, adapters or scales."""
    modules = [module]
    if isinstance(module, WanAttention):
        children = dict(module.named_children())
        modules = [children[name] for name in _CROSS if name in children]
    state: list[Any] = []
    for each in modules:
        for part in each.modules():
            state += _own_state(part)
    return tuple(state)


def _own_state(module: nn.Module) -> Iterator[Any]:
    """The same of a module without its children."""
    if isinstance(module, BaseTunerLayer):
        scaling: Any = module.scaling
        yield (*module.active_adapters, module.disable_adapters, *module.merged_adapters, *scaling.items())
    yield getattr(module, "eps", None)  # of a norm
    for name, weight in module.named_parameters(recurse=False):
        # Offloaded weights are replaced by a new meta tensor after every call.
        yield name, 0 if weight.is_meta else id(weight), _version(weight)
