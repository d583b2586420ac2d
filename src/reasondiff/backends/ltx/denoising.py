"""LTX-Video's denoising loop: every token at a noise level of its own.

What is known (an image, a part of a video) is told by its level: a token of strength s never has more noise than 1 - s,
and waits there until the others have come down to it. Levels, schedule and step are those of diffusers'
``LTXConditionPipeline``; text is read frame-wise, and a run can be kept, stopped and watched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from reasondiff.backends.base import Contexts, Denoised, DenoisingOptions, Known
from reasondiff.backends.callbacks import StepCallbackRunner
from reasondiff.backends.ltx.components import LtxComponents
from reasondiff.backends.ltx.keyframes import Keyframes, coordinates, times_of
from reasondiff.backends.ltx.text import FrameText
from reasondiff.errors import UnsupportedError
from reasondiff.finite import is_finite
from reasondiff.quiet import quiet_libraries
from reasondiff.timeline import Timeline

with quiet_libraries():
    from diffusers.pipelines.ltx.pipeline_ltx_condition import linear_quadratic_schedule

__all__ = ["DISTILLED_TIMESTEPS", "denoise"]

DISTILLED_TIMESTEPS = (1000.0, 993.0, 987.0, 981.0, 975.0, 909.0, 725.0, 0.03)
"""Of the distilled checkpoints, which were trained for these."""

Texts = Sequence[FrameText]


@dataclass(frozen=True)
class _Frames:
    """Frames of tokens: first every image's, then the video's latent frames.

    Args:
        timeline: of the video.
        keyframes: the images.
        held: per frame of tokens how much of it is known, 0 to 1 [videos, images + latent_frames].
    """

    timeline: Timeline
    keyframes: Keyframes
    held: Tensor

    @property
    def images(self) -> int:
        return self.keyframes.frames.shape[1]

    def used(self, video: int) -> list[int]:
        """Those that the transformer reads: an image at the first frame is in the video's own first latent frame."""
        apart = [image for image, frame in enumerate(self.keyframes.frames[video].tolist()) if frame > 0]
        return [*apart, *range(self.images, self.held.shape[1])]

    def times(self, video: int) -> list[int]:
        """The pixel frames of those that are used."""
        return times_of(self.timeline, [frame for frame in self.keyframes.frames[video].tolist() if frame > 0])

    def latent_frames(self, video: int) -> list[int]:
        """The latent frames as which those that are used read text."""
        return [self.timeline.latent_of(time) for time in self.times(video)]

    def levels(self, sigma: Tensor) -> Tensor:
        """The noise in every frame of tokens, 0 to 1, where the rest has ``sigma``."""
        return torch.minimum(sigma, 1 - self.held)


@torch.no_grad()
def denoise(
    pipe: LtxComponents,
    noise: Tensor,
    condition: Tensor,
    contexts: Contexts[Texts],
    options: DenoisingOptions,
    *,
    fps: float,
) -> Denoised:
    """From noise to latents.

    Args:
        pipe: the components.
        noise: [videos, channels, latent_frames, height, width], fp32.
        condition: of ``Keyframes``.
        contexts: what both branches read, a text per video.
        options: how.
        fps: frames per second.

    Raises:
        InputError: a callback asks for what there is not, or a kept run is another one.
        UnsupportedError: attention is to be watched; or what the transformer predicts is no number.
    """
    if options.record is not None:
        raise UnsupportedError("Attention is recorded on models of Wan's kind; leave it out.")
    callback = StepCallbackRunner(options.on_step, options.on_step_inputs)
    device, scheduler, checkpoint = pipe._execution_device, pipe.scheduler, options.checkpoint
    timesteps = _begin(pipe, options, device)
    frames, latents = _start(pipe, noise, Keyframes.of(condition.to(noise.device)), options.known)
    frames = _Frames(frames.timeline, frames.keyframes, frames.held.to(device))
    kept = None if checkpoint is None else checkpoint.load(scheduler, device)
    done, latents = (0, latents) if kept is None else kept
    latents = latents.to(device)
    with pipe.progress_bar(total=len(timesteps)) as bar:
        bar.update(done)
        for step in range(done, len(timesteps)):
            pipe._current_timestep = timesteps[step]  # type: ignore[assignment]  # as diffusers itself
            levels = frames.levels(timesteps[step] / 1000)
            guided = options.guidance.at(step, len(timesteps))
            read = contexts if guided else replace(contexts, negative=None)
            velocity = _guided(pipe, latents, levels, frames, read, options, fps)
            before = latents
            latents = _stepped(pipe, velocity, before, frames, noise, step)
            if not is_finite(latents):
                raise UnsupportedError(
                    f"Step {step + 1} of the denoising gave values that are no numbers; load the model in bfloat16 or "
                    "float32."
                )
            video = latents[:, :, frames.images :]
            clean = partial(_clean, before, velocity, levels, frames.images)
            changed, condition = callback.call(pipe, step, video, condition, clean)
            if changed is not video:
                latents = torch.cat([latents[:, :, : frames.images], changed.to(latents)], 2)
            done = step + 1
            if checkpoint is not None:
                checkpoint.save(done, latents, scheduler)
            bar.update()
            if options.stopped():
                break
    pipe._current_timestep = None
    return Denoised(latents[:, :, frames.images :], finished=done == len(timesteps))


def _begin(pipe: LtxComponents, options: DenoisingOptions, device: torch.device) -> Tensor:
    """The timesteps, in thousandths of noise."""
    steps = options.steps
    timesteps = torch.tensor(DISTILLED_TIMESTEPS) if pipe.distilled else 1000 * linear_quadratic_schedule(steps)
    sigmas = timesteps / pipe.scheduler.config["num_train_timesteps"]
    pipe.scheduler.set_timesteps(sigmas=sigmas.tolist(), timesteps=timesteps.tolist(), device=device)
    pipe._num_timesteps = len(timesteps)
    pipe._guidance_scale = options.guidance.scale
    found: Tensor = pipe.scheduler.timesteps
    return found


def _start(pipe: LtxComponents, noise: Tensor, keyframes: Keyframes, known: Known | None) -> tuple[_Frames, Tensor]:
    """Frames of tokens as they are before the first step; an image of less strength begins with its frame's noise."""
    timeline = Timeline.from_latent(noise.shape[2], pipe.vae.temporal_compression_ratio)
    images = keyframes.frames.shape[1]
    latents = torch.cat([torch.zeros_like(keyframes.latents), noise], 2).float()
    held = noise.new_zeros(len(noise), images + timeline.num_latent_frames)
    for video, (places, strengths) in enumerate(
        zip(keyframes.frames.tolist(), keyframes.strength.tolist(), strict=True)
    ):
        for image, (frame, strength) in enumerate(zip(places, strengths, strict=True)):
            slot = image if frame > 0 else images
            drawn, seen = noise[video, :, timeline.latent_of(frame)], keyframes.latents[video, :, image]
            latents[video, :, slot] = torch.lerp(drawn.float(), seen.to(latents), strength)
            held[video, slot] = strength
    if known is not None:
        places = [images + latent_frame for latent_frame in known.held]
        latents[:, :, places] = known.latents[:, :, list(known.held)].to(latents)
        held[:, places] = 1
    return _Frames(timeline, keyframes, held), latents


def _guided(
    pipe: LtxComponents,
    latents: Tensor,
    levels: Tensor,
    frames: _Frames,
    contexts: Contexts[Texts],
    options: DenoisingOptions,
    fps: float,
) -> Tensor:
    """The velocity, noise - clean, of all frames of tokens; one video at a time, for each has images elsewhere."""
    velocity = torch.zeros_like(latents)
    for video in range(len(latents)):
        used = frames.used(video)
        branch = partial(_predict, pipe, latents[video : video + 1, :, used], levels[video, used], frames, video, fps)
        predicted = branch(contexts.positive[video], options)
        if contexts.negative is not None and options.guidance.scale > 1:
            away = branch(contexts.negative[video], options)
            predicted = away + options.guidance.scale * (predicted - away)
        velocity[video, :, used] = predicted[0].float()
    return velocity


def _predict(
    pipe: LtxComponents,
    latents: Tensor,
    levels: Tensor,
    frames: _Frames,
    video: int,
    fps: float,
    text: FrameText,
    options: DenoisingOptions,
) -> Tensor:
    """One call of the transformer: [1, channels, frames, height, width] of one video."""
    count, height, width = latents.shape[2:]
    per_frame, transformer = height * width, pipe.transformer
    scale = pipe.vae_scale_factor_spatial
    predicted: Tensor = transformer(
        hidden_states=pipe._pack_latents(latents).to(transformer.dtype),
        encoder_hidden_states=text.tokens,
        encoder_attention_mask=text.mask(frames.latent_frames(video), per_frame),
        timestep=1000 * levels.repeat_interleave(per_frame)[None].float(),
        video_coords=coordinates(frames.times(video), height, width, scale=scale, fps=fps).to(latents.device),
        attention_kwargs=options.attention_kwargs,
        return_dict=False,
    )[0]
    return pipe._unpack_latents(predicted, count, height, width)


def _stepped(
    pipe: LtxComponents, velocity: Tensor, latents: Tensor, frames: _Frames, noise: Tensor, step: int
) -> Tensor:
    """One step of the scheduler, every token from its own level; those that wait at theirs stay as they are."""
    count, height, width = latents.shape[2:]
    timestep = pipe.scheduler.timesteps[step]
    generators = [_drawn(each, step) for each in noise] if pipe.scheduler.config.get("stochastic_sampling") else None
    stepped = pipe.scheduler.step(
        -pipe._pack_latents(velocity), timestep, pipe._pack_latents(latents), generator=generators,
        per_token_timesteps=1000 * frames.levels(timestep / 1000).repeat_interleave(height * width, 1),
        return_dict=False,
    )[0]  # fmt: skip
    moved = pipe._unpack_latents(stepped, count, height, width)
    free = timestep / 1000 - 1e-6 < 1 - frames.held
    return torch.where(free[:, None, :, None, None], moved, latents)


def _clean(before: Tensor, velocity: Tensor, levels: Tensor, images: int) -> Tensor:
    """The video that a step predicts."""
    return (before - levels[:, None, :, None, None] * velocity)[:, :, images:]


def _drawn(noise: Tensor, step: int) -> torch.Generator:
    """What a step draws follows from the run's own noise, so that a run that goes on draws the same."""
    digest = hashlib.sha256(noise.float().cpu().contiguous().numpy().tobytes() + step.to_bytes(4, "little")).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:6], "little"))
