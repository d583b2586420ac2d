"""What the denoising loop is made of: its noise, its experts, both branches of guidance, and whoever watches it.

The loop itself is ``ReasonDiffPipeline.denoise``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from reasondiff.backends.wan.adapters import ReasonDiffAdapters, fingerprint
from reasondiff.backends.wan.cfg_parallel import Branches
from reasondiff.backends.wan.conditioning import timeline_of
from reasondiff.backends.wan.denoising import predict
from reasondiff.backends.wan.framewise import AttentionRecord, FrameContext
from reasondiff.backends.wan.step_caches import check_cache
from reasondiff.errors import InputError, UnsupportedError
from reasondiff.flow import clean_from
from reasondiff.pipeline.settings import Settings
from reasondiff.pipeline.story import Story

__all__ = ["Contexts", "ReasonDiffDenoising", "StepCallback", "Watcher"]

StepCallback = Callable[..., dict[str, Any]] | PipelineCallback | MultiPipelineCallbacks

Contexts = tuple[FrameContext, FrameContext | None]
"""What the positive and the negative branch read; None where there is no guidance."""

_SHOWN = ("latents", "condition", "clean")


@dataclass
class Watcher:
    """The caller's callback, as in diffusers.

    Args:
        callback: called after every step; may return other latents or another condition.
        inputs: the tensors that it is given: "latents", "condition", and "clean", the video predicted so far.

    Raises:
        InputError: it asks for something else.
    """

    callback: StepCallback | None
    inputs: Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.callback, PipelineCallback | MultiPipelineCallbacks):
            self.inputs = self.callback.tensor_inputs
        if unknown := sorted(set(self.inputs) - set(_SHOWN)):
            raise InputError(f"Callbacks cannot have {unknown[0]!r}; they can have 'latents', 'condition', 'clean'.")

    def show(
        self, pipe: Any, step: int, before: Tensor, predicted: Tensor, latents: Tensor, condition: Tensor
    ) -> tuple[Tensor, Tensor]:
        """After ``step`` has led from ``before`` to ``latents``; returns the latents and condition to go on with."""
        if self.callback is None:
            return latents, condition
        tensors = {"latents": latents, "condition": condition}
        if "clean" in self.inputs:
            sigma = pipe.scheduler.sigmas[step].to(before)
            tensors["clean"] = clean_from(predicted, before, sigma, pipe.scheduler)
        changed = self.callback(pipe, step, pipe.current_timestep, {name: tensors[name] for name in self.inputs})
        return changed.get("latents", latents), changed.get("condition", condition)


class ReasonDiffDenoising(ReasonDiffAdapters):
    """Everything about a denoising step but the loop around it."""

    _callback_tensor_inputs = list(_SHOWN)  # noqa: RUF012

    _branches: Branches | None = None

    def guide_together(self, group: Any = None) -> None:
        """Compute the branches of guidance in two processes, see ``branches``; each runs the same calls.

        Raises:
            UnsupportedError: there are not two processes.
        """
        self._branches = Branches(group)

    def noise(
        self,
        stories: int,
        settings: Settings,
        seed: int | Sequence[int] = 0,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        latents: Tensor | None = None,
    ) -> tuple[Tensor, tuple[int, ...] | None]:
        """Each video's noise from its own seed, on the CPU in fp32: the same in any batch and on any device.

        Raises:
            InputError: a list of seeds or generators, or the latents, do not fit the videos.
        """
        videos = stories * settings.num_videos_per_prompt
        frames = timeline_of(self.vae, settings.num_frames).num_latent_frames
        scale = self.vae_scale_factor_spatial
        shape = (self.vae.config["z_dim"], frames, settings.height // scale, settings.width // scale)
        for name, given in (("seeds", seed), ("generators", generator)):
            if isinstance(given, Sequence) and len(given) != videos:
                raise InputError(f"There are {len(given)} {name} for {videos} videos; give one for each.")
        if latents is not None:
            if latents.shape != (videos, *shape):
                raise InputError(f"The latents are {list(latents.shape)}; give {[videos, *shape]} for these options.")
            return latents.float(), None
        if generator is not None:
            generators = list(generator) if isinstance(generator, Sequence) else [generator] * videos
            return torch.stack([randn_tensor(shape, each, each.device).cpu() for each in generators]), None
        seeds = tuple(seed) if isinstance(seed, Sequence) else tuple(seed + video for video in range(videos))
        generators = [torch.Generator().manual_seed(each) for each in seeds]
        return torch.stack([torch.randn(shape, generator=each) for each in generators]), seeds

    def _begin(self, settings: Settings, record: AttentionRecord | None, *, resumes: bool) -> None:
        """Before the first step: nothing is left of another run, and nothing goes wrong in silence.

        Raises:
            UnsupportedError: a step cache, or watching attention, would do the wrong thing.
        """
        if self._branches is not None and record is not None:
            raise UnsupportedError("Attention is not recorded over two processes; run it in one.")
        models = [model for model in (self.transformer, self.transformer_2) if model is not None]
        for model in models:
            check_cache(model, settings.num_inference_steps, alone=len(models) == 1, resumes=resumes)
            model._reset_stateful_cache()  # a run that was interrupted has left its state
        self._interrupt = False
        self.scheduler.set_timesteps(settings.num_inference_steps, device=self._execution_device)
        self._num_timesteps = len(self.scheduler.timesteps)

    def _weights(self, settings: Settings) -> AbstractContextManager[None]:
        """With our own LoRA, or the base model's alone."""
        return nullcontext() if settings.align else self.base_model()

    def predict(
        self,
        latents: Tensor,
        condition: Tensor,
        timestep: Tensor,
        contexts: Contexts,
        settings: Settings,
        record: AttentionRecord | None = None,
    ) -> Tensor:
        """What this noise level's expert predicts, led away from the negative branch.

        It is noise - clean for Wan's own checkpoints; the scheduler's ``prediction_type`` says so.
        """
        self._current_timestep = timestep
        transformer, self._guidance_scale = self._expert(timestep, settings)
        told, untold = contexts
        if untold is None or not self.do_classifier_free_guidance:
            return self._branch(transformer, latents, condition, timestep, told, "cond", record)
        if self._branches is None:
            guided = self._branch(transformer, latents, condition, timestep, told, "cond", record)
            unguided = self._branch(transformer, latents, condition, timestep, untold, "uncond")
        else:
            mine = (told, "cond") if self._branches.positive else (untold, "uncond")
            own = self._branch(transformer, latents, condition, timestep, *mine)
            guided, unguided = self._branches.exchange(own)
        return unguided + self.guidance_scale * (guided - unguided)

    def _expert(self, timestep: Tensor, settings: Settings) -> tuple[Any, float]:
        """The transformer for this noise level, and its guidance; Wan2.2 has one for high and one for low noise."""
        ratio = self.config["boundary_ratio"]
        if ratio is None or timestep >= ratio * self.scheduler.config["num_train_timesteps"]:
            return self.transformer, settings.guidance_scale
        return self.transformer_2, settings.guidance_scale_2

    def _branch(
        self,
        transformer: Any,
        latents: Tensor,
        condition: Tensor,
        timestep: Tensor,
        context: FrameContext,
        name: str,
        record: AttentionRecord | None = None,
    ) -> Tensor:
        """The prediction of one branch of guidance, which has its own step cache where one is enabled."""
        return predict(
            transformer, latents, condition, timestep, context,
            branch=name, record=record, attention_kwargs=self.attention_kwargs,
        )  # fmt: skip

    def _identity(self, stories: Sequence[Story], settings: Settings, noise: Tensor) -> Iterator[Any]:
        """What two runs must share to continue each other."""
        for story in stories:
            told = replace(story.narrative, provenance={})  # asked again, the same story takes another time
            yield from (story.image.tobytes(), told.to_dict(), story.texts)
        yield from (settings, noise, self.active_adapter)
        yield sorted((key, value) for key, value in self.scheduler.config.items() if not key.startswith("_"))
        for model in (self.transformer, self.transformer_2):
            yield None if model is None else fingerprint(model)
        yield [(layer.active_adapters, layer.scaling) for layer in self._lora_layers()]
        for model in (self.transformer, self.transformer_2, self.alignformer):
            for name, weight in () if model is None else model.named_parameters():
                if (model is self.alignformer or ".lora_" in name) and not weight.is_meta:  # what training changes
                    yield weight.detach().float().cpu()
