"""The transformer made fast with what torch itself has: compiled blocks and 8-bit products."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

from benchmarks.contestants import Contest, keeps_attention, twin
from reasondiff.backends.wan.framewise import FrameContext, install

__all__ = ["CompiledCheckpoint", "CountedGraphs", "Fast", "Float8Linear"]


class Fast:
    """A compiled transformer on the contest's weights, in 8 bits if wanted."""

    def __init__(self, contest: Contest, backend: str, *, float8: bool) -> None:
        torch._dynamo.reset()
        self.contest, self.graphs = contest, CountedGraphs(backend)
        self.model = twin(contest.transformer)
        blocks = list(self.model.blocks)
        if float8:
            for block in blocks[1:-1]:
                to_float8(block)
        self.run = ExitStack()  # as the contest's
        self.run.enter_context(install(self.model).keep())
        for block in blocks:  # the forward, not the module: hooks of caches then wrap what is compiled
            block.forward = torch.compile(block.forward, fullgraph=True, backend=self.graphs)

    def pair(self, story: FrameContext, negative: FrameContext) -> dict[str, Callable[[], Tensor]]:
        """The calls of both branches."""
        branches = {"cond": story, "uncond": negative}
        return {name: partial(self._branch, name, context) for name, context in branches.items()}

    def _branch(self, name: str, context: FrameContext) -> Tensor:
        with self.model.cache_context(name):
            return self.contest.ours(context, self.model)()


class CountedGraphs:
    """A compiler backend that counts how often its graphs run, to notice when nothing compiled runs at all."""

    def __init__(self, backend: str) -> None:
        self.compile = torch._dynamo.lookup_backend(backend)
        self.made = self.runs = 0

    def __call__(self, graph: Any, inputs: Any) -> Callable[..., Any]:
        self.made += 1
        compiled = self.compile(graph, inputs)

        def run(*args: Any) -> Any:
            self.runs += 1
            return compiled(*args)

        return run


class Float8Linear(nn.Module):
    """A linear layer with weights and inputs in e4m3, each row with its own scale."""

    LARGEST = 448.0

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.bias = linear.bias
        weight, scale = self.rounded(linear.weight.detach())
        self.register_buffer("weight8", weight)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        rows, scale = self.rounded(x.flatten(0, -2))
        if x.is_cuda:
            out = torch._scaled_mm(
                rows, self.weight8.t(), scale_a=scale, scale_b=self.scale.t(), out_dtype=x.dtype, use_fast_accum=True
            )
        else:  # the same products without the hardware for them
            out = ((rows.float() * scale) @ (self.weight8.float() * self.scale).t()).to(x.dtype)
        return (out if self.bias is None else out + self.bias).unflatten(0, x.shape[:-1])

    @classmethod
    def rounded(cls, rows: Tensor) -> tuple[Tensor, Tensor]:
        """[n, k] in 8 bits, and the scales [n, 1]."""
        scale = rows.abs().amax(-1, keepdim=True).float().clamp(min=1e-12) / cls.LARGEST
        return (rows.float() / scale).clamp(-cls.LARGEST, cls.LARGEST).to(torch.float8_e4m3fn), scale


def to_float8(block: nn.Module) -> None:
    """Replace a block's linear layers; the weights of the original are left alone."""
    for name, module in list(block.named_modules()):
        if type(module) is nn.Linear:
            parent, _, child = name.rpartition(".")
            setattr(block.get_submodule(parent), child, Float8Linear(module))


class CompiledCheckpoint:
    """Gradient checkpointing that keeps attention, with each block and its checkpoint compiled together."""

    def __init__(self, backend: Any) -> None:
        self.run = torch.compile(self._block, backend=backend)

    def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        return self.run(function, *args)

    @staticmethod
    def _block(function: Callable[..., Any], *args: Any) -> Any:
        contexts = partial(create_selective_checkpoint_contexts, keeps_attention)
        return checkpoint(function, *args, use_reentrant=False, context_fn=contexts, preserve_rng_state=False)
