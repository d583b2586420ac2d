"""MagCache skips blocks by a list of ratios that belongs to one model; ``calibrate`` measures it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers.hooks.mag_cache import MagCacheConfig
from torch import Tensor

from reasondiff.errors import InputError, UnsupportedError
from reasondiff.files import atomic_path

if TYPE_CHECKING:
    from reasondiff.pipeline.wan import ReasonDiffPipeline

__all__ = ["MagRatios", "calibrate"]


@dataclass(frozen=True, kw_only=True)
class MagRatios:
    """How much the residual of the whole transformer grows from step to step; what MagCache skips by.

    Args:
        ratios: per step, the mean over tokens of the residual's norm over that of the step before; the first is 1.
        model: that they were measured on, in words.
        guidance_scale: that they were measured with.
    """

    ratios: tuple[float, ...]
    model: str = ""
    guidance_scale: float = 1.0

    def config(
        self, steps: int, threshold: float = 0.06, max_skip_steps: int = 3, retention_ratio: float = 0.2
    ) -> MagCacheConfig:
        """For ``transformer.enable_cache``; the ratios are stretched to ``steps`` steps.

        Args:
            steps: of the run.
            threshold: of the summed error; more skips more.
            max_skip_steps: in a row.
            retention_ratio: share of the first steps that are always computed.
        """
        return MagCacheConfig(
            threshold=threshold,
            max_skip_steps=max_skip_steps,
            retention_ratio=retention_ratio,
            num_inference_steps=steps,
            mag_ratios=list(self.ratios),
        )

    def save(self, path: str | Path) -> None:
        """As JSON.

        Raises:
            InputError: it cannot be written there.
        """
        with atomic_path(path) as partial:
            partial.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> MagRatios:
        """From a file that ``save`` wrote.

        Raises:
            InputError: it is not such a file.
        """
        try:
            given = json.loads(Path(path).read_text(encoding="utf-8"))
            known = {each.name: given[each.name] for each in fields(cls)}
            ratios = tuple(map(float, known.pop("ratios")))
            if not ratios or min(ratios) <= 0:
                raise ValueError
        except FileNotFoundError:
            raise InputError(f"There is no {str(path)!r}; write one with 'reasondiff calibrate'.") from None
        except (OSError, ValueError, TypeError, KeyError):
            raise InputError(f"{str(path)!r} holds no ratios; write them with 'reasondiff calibrate'.") from None
        return cls(ratios=ratios, **known)


def calibrate(pipe: ReasonDiffPipeline, image: Any, prompt: Any = "", **options: Any) -> MagRatios:
    """Measure MagCache's ratios in one run with every block computed.

    The two branches of guidance share one list in diffusers: of both ratios it gets the one farther from 1, which
    skips less.

    Args:
        pipe: with a single transformer and no step cache.
        image: as for the pipeline.
        prompt: as for the pipeline.
        options: as for the pipeline.

    Raises:
        UnsupportedError: there are two transformers, or a step cache is enabled.
    """
    if pipe.transformer is None or pipe.transformer_2 is not None:
        raise UnsupportedError("MagCache counts the steps of one transformer, not two; use FirstBlockCacheConfig.")
    if pipe.transformer.is_cache_enabled:
        raise UnsupportedError("A step cache is enabled, which would be measured too; call disable_cache() first.")
    blocks = pipe.transformer.blocks
    entered: list[Tensor] = []
    norms: list[list[Tensor]] = [[]]  # of every branch, step by step
    ratios: list[float] = []

    def enter(block: Any, args: tuple[Any, ...]) -> None:
        entered[:] = args[:1]

    def leave(block: Any, args: tuple[Any, ...], out: Tensor) -> None:
        norms[-1].append(torch.linalg.norm((out - entered[0]).float(), dim=-1))

    def next_step(pipe: object, step: int, timestep: object, tensors: dict[str, object]) -> dict[str, object]:
        ratios.append(_ratio(norms))
        norms[:] = [norms[-1], []]
        return tensors

    handles = [blocks[0].register_forward_pre_hook(enter), blocks[-1].register_forward_hook(leave)]
    try:
        made = pipe(image, prompt, output_type="latent", callback_on_step_end=next_step, **options)
    finally:
        for handle in handles:
            handle.remove()
    model = str(pipe.config.get("_name_or_path") or "")
    return MagRatios(ratios=tuple(ratios), model=model, guidance_scale=made.settings.guidance_scale)


def _ratio(norms: Sequence[Sequence[Tensor]]) -> float:
    if len(norms) < 2:
        return 1.0
    branches = zip(norms[-1], norms[-2], strict=True)
    return max(((now / (before + 1e-8)).mean().item() for now, before in branches), key=lambda ratio: abs(1 - ratio))
