"""The denoising loop: one call of the transformer, both branches of guidance, every step, and whoever watches it.

Training makes the same call, by ``predict``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from diffusers.hooks.hooks import CacheContext
from torch import Tensor

from reasondiff.backends.base import Contexts, Denoised, DenoisingOptions, Guidance, Known
from reasondiff.backends.callbacks import StepCallbackRunner
from reasondiff.backends.wan.cfg_parallel import CfgParallel
from reasondiff.backends.wan.framewise import AttentionRecord, FrameContext, install
from reasondiff.backends.wan.step_caches import check_cache
from reasondiff.backends.wan.vace import is_vace
from reasondiff.errors import UnsupportedError
from reasondiff.finite import is_finite
from reasondiff.flow import clean_from

if TYPE_CHECKING:
    from reasondiff.backends.wan.components import WanComponents

__all__ = ["denoise", "predict", "timestep_of"]


@torch.no_grad()
def denoise(
    pipe: WanComponents,
    noise: Tensor,
    condition: Tensor,
    contexts: Contexts[FrameContext],
    options: DenoisingOptions,
    cfg_parallel: CfgParallel | None = None,
) -> Denoised:
    """From noise to latents, guided by the condition and the narrative in every step.

    Args:
        pipe: the components.
        noise: [videos, channels, latent_frames, height, width], fp32.
        condition: [videos, stride + channels, latent_frames, height, width].
        contexts: what both branches read.
        options: how.
        cfg_parallel: where another process computes one branch of guidance.

    Raises:
        InputError: a callback asks for what there is not, or a kept run is another one.
        UnsupportedError: a step cache, or watching attention, would do the wrong thing; or what the transformer
            predicts is no number.
    """
    callback = StepCallbackRunner(options.on_step, options.on_step_inputs)
    checkpoint, device, scheduler = options.checkpoint, pipe._execution_device, pipe.scheduler
    _begin(pipe, options, cfg_parallel)
    hold = _holding(options.known, noise, scheduler)
    kept = None if checkpoint is None else checkpoint.load(scheduler, device)
    done, latents = (0, noise) if kept is None else kept
    latents = hold(latents.to(device), done)
    with ExitStack() as run:
        if not options.use_adapter:
            run.enter_context(pipe.base_model())
        for model in pipe.transformers:
            run.enter_context(install(model).keep())
        bar = run.enter_context(pipe.progress_bar(total=len(scheduler.timesteps)))
        bar.update(done)
        for step in range(done, len(scheduler.timesteps)):
            timestep = scheduler.timesteps[step]
            predicted = _guided(pipe, latents, condition, step, contexts, options, cfg_parallel)
            before, latents = latents, scheduler.step(predicted, timestep, latents, return_dict=False)[0]
            if not is_finite(latents):  # all that follows would be black
                raise UnsupportedError(
                    f"Step {step + 1} of the denoising gave values that are no numbers; load the model in bfloat16 or "
                    "float32, or with other weights or without a LoRA."
                )
            latents = hold(latents, step + 1)
            clean = partial(_clean, pipe, step, before, predicted)
            latents, condition = callback.call(pipe, step, latents, condition, clean)
            done = step + 1
            if checkpoint is not None:
                checkpoint.save(done, latents, scheduler)
            bar.update()
            if options.stopped():
                break
    pipe._current_timestep = None
    return Denoised(latents, finished=done == len(scheduler.timesteps))


def _clean(pipe: WanComponents, step: int, before: Tensor, predicted: Tensor) -> Tensor:
    """The video that a step from ``before`` predicts."""
    return clean_from(predicted, before, pipe.scheduler.sigmas[step].to(before), pipe.scheduler)


def _holding(known: Known | None, noise: Tensor, scheduler: Any) -> Callable[[Tensor, int], Tensor]:
    """Puts what is known onto the latents after so many steps, at their noise level.

    Raises:
        UnsupportedError: the scheduler does not follow the straight path from noise to video.
    """
    if known is None:
        return lambda latents, steps: latents
    sigmas, straight = getattr(scheduler, "sigmas", None), scheduler.config.get("use_flow_sigmas", True)
    if sigmas is None or not straight or float(sigmas[-1]) != 0:
        raise UnsupportedError(f"Parts of a video cannot be kept with {type(scheduler).__name__}; use the model's own.")
    return lambda latents, steps: known.onto(latents, noise, float(sigmas[steps]))


def predict(
    transformer: Any,
    noisy: Tensor,
    condition: Tensor,
    timestep: Tensor,
    context: FrameContext,
    *,
    branch: CacheContext | None = None,
    record: AttentionRecord | None = None,
    attention_kwargs: dict[str, Any] | None = None,
    strength: float = 1.0,
) -> Tensor:
    """What the transformer predicts: noise - clean for Wan's checkpoints, the scheduler's ``prediction_type`` says.

    Args:
        transformer: a Wan transformer; it is made frame-wise.
        noisy: latents [batch, channels, latent_frames, height, width], normalised.
        condition: [batch, stride + channels, latent_frames, height, width]: the mask, then the condition's latents; or
            a VACE transformer's control, see ``vace``.
        timestep: [batch] or a number, in the scheduler's steps (1000 is noise), see ``timestep_of``.
        context: the text and the image tokens.
        branch: what a step cache is told: the name under which it keeps its state, and where in the run the call is;
            None where there is no cache.
        record: watches the attention to some tokens.
        attention_kwargs: for the transformer, such as a LoRA ``scale``.
        strength: of VACE's control, 0 to 1.

    Returns:
        Of the shape of ``noisy``, in the transformer's dtype.
    """
    cache: AbstractContextManager[Any] = nullcontext()
    if branch is not None:
        cache = transformer.cache_context(**vars(branch))
    with cache, install(transformer).use(context, record):
        predicted: Tensor = transformer(
            timestep=timestep.expand(len(noisy)),
            attention_kwargs=attention_kwargs,
            return_dict=False,
            **_latents(transformer, noisy, condition, strength),
            **context.inputs,
        )[0]
    return predicted


def _latents(transformer: Any, noisy: Tensor, condition: Tensor, strength: float) -> dict[str, Tensor]:
    """Image-to-video reads the condition in more channels of its input, VACE in a branch of its own."""
    if is_vace(transformer):
        control = condition.to(transformer.dtype)
        return {
            "hidden_states": noisy.to(transformer.dtype),
            "control_hidden_states": control,
            "control_hidden_states_scale": control.new_full((len(transformer.config["vace_layers"]),), strength),
        }
    return {"hidden_states": torch.cat([noisy, condition], dim=1).to(transformer.dtype)}


def timestep_of(sigma: Tensor, scheduler: Any) -> Tensor:
    """The timestep at which the transformer is told of noise level ``sigma`` (0 = clean, 1 = noise)."""
    return sigma * scheduler.config["num_train_timesteps"]


def _begin(pipe: WanComponents, options: DenoisingOptions, cfg_parallel: CfgParallel | None) -> None:
    """Before the first step: nothing is left of another run, and nothing goes wrong in silence."""
    if cfg_parallel is not None and options.record is not None:
        raise UnsupportedError("Attention is not recorded over two processes; run it in one.")
    for model in pipe.transformers:
        check_cache(model, options.steps, alone=len(pipe.transformers) == 1, resumes=options.checkpoint is not None)
        model._reset_stateful_cache()  # a run that was interrupted has left its state
    pipe._attention_kwargs = options.attention_kwargs
    pipe.scheduler.set_timesteps(options.steps, device=pipe._execution_device)
    pipe._num_timesteps = len(pipe.scheduler.timesteps)


def _guided(
    pipe: WanComponents,
    latents: Tensor,
    condition: Tensor,
    step: int,
    contexts: Contexts[FrameContext],
    options: DenoisingOptions,
    cfg_parallel: CfgParallel | None,
) -> Tensor:
    """What this noise level's expert predicts, led away from the negative branch."""
    pipe._current_timestep = timestep = pipe.scheduler.timesteps[step]
    transformer, scale = _expert(pipe, timestep, options.guidance)
    pipe._guidance_scale = scale  # where diffusers' callbacks look for it

    def branch(name: str, context: FrameContext, record: AttentionRecord | None = None) -> Tensor:
        return predict(
            transformer, latents, condition, timestep, context,
            branch=_where(name, step, pipe.scheduler), record=record, attention_kwargs=options.attention_kwargs,
            strength=options.strength,
        )  # fmt: skip

    guided = options.guidance.at(step, len(pipe.scheduler.timesteps))
    if contexts.negative is None or not pipe.do_classifier_free_guidance or not guided:
        return branch("cond", contexts.positive, options.record)
    if cfg_parallel is None:
        positive = branch("cond", contexts.positive, options.record)
        negative = branch("uncond", contexts.negative)
    elif cfg_parallel.positive:
        positive, negative = cfg_parallel.exchange(branch("cond", contexts.positive))
    else:
        positive, negative = cfg_parallel.exchange(branch("uncond", contexts.negative))
    return negative + scale * (positive - negative)


def _where(branch: str, step: int, scheduler: Any) -> CacheContext:
    """What stock text-to-video tells a step cache of a call."""
    sigma = float(scheduler.sigmas[step]) if hasattr(scheduler, "sigmas") else None
    return CacheContext(branch, step_index=step, num_inference_steps=len(scheduler.timesteps), sigma=sigma)


def _expert(pipe: WanComponents, timestep: Tensor, guidance: Guidance) -> tuple[Any, float]:
    """The transformer for this noise level, and its guidance; Wan2.2 has one for high and one for low noise."""
    ratio = pipe.config["boundary_ratio"]
    if ratio is None or timestep >= ratio * pipe.scheduler.config["num_train_timesteps"]:
        return pipe.transformer, guidance.scale
    return pipe.transformer_2, guidance.scale_2
