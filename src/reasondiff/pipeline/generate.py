"""From an image and a text to a video: narrate, encode, align, denoise, decode.

Figure 2 and Section 3 of the paper. ``generate`` is the way of one video, whatever the base model is;
``ReasonDiffPipeline`` is that way on Wan, as a diffusers pipeline.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from reasondiff.alignformer import enhanced_latents, nearest_latents
from reasondiff.backends.base import DenoisingOptions, KeepsVideo, TakesAdapter, VideoModel
from reasondiff.backends.exclusive import exclusive
from reasondiff.backends.wan.adapters import AdapterInfo, Adapters, AdapterState
from reasondiff.backends.wan.cfg_parallel import CfgParallel
from reasondiff.backends.wan.components import WanComponents
from reasondiff.backends.wan.denoising import CALLBACK_INPUTS, StepCallback
from reasondiff.backends.wan.framewise import AttentionRecord
from reasondiff.backends.wan.model import Wan, model_of
from reasondiff.errors import InputError, UnsupportedError
from reasondiff.media import write_video
from reasondiff.media.frame_image import FrameImage
from reasondiff.narrative import Narrative
from reasondiff.narrative.story import AnchorPlace
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint, identity
from reasondiff.pipeline.kept_video import KeptVideo
from reasondiff.pipeline.settings import Options, Settings, resolve
from reasondiff.pipeline.story import PreparedStory, all_texts, as_lists, prepare_story

if TYPE_CHECKING:
    from reasondiff.narrator import Narrator

__all__ = ["ReasonDiffOutput", "ReasonDiffPipeline", "condition_of", "draw_noise", "generate", "settings_of"]


@dataclass(frozen=True)
class ReasonDiffOutput:
    """Videos, and how they came about.

    Args:
        frames: one entry per video, stories first: story 1's videos, then story 2's. Floats in 0..1
            [videos, frames, height, width, 3] for ``output_type="np"``; see ``Wan.decode``.
        stories: what each image and text became.
        seeds: of each video's noise; None where generators or latents were given.
        settings: every option, resolved.
        latents: what was decoded [videos, channels, latent_frames, height, width].
        predicted: AlignFormer's c* [stories, channels, latent_frames, height, width], where one ran.
    """

    frames: Any
    stories: tuple[PreparedStory, ...]
    seeds: tuple[int, ...] | None
    settings: Settings
    latents: Tensor = field(repr=False)
    predicted: Tensor | None = field(default=None, repr=False)

    @property
    def narrative(self) -> Narrative:
        """The first story's narrative."""
        return self.stories[0].narrative

    def save(self, path: str | os.PathLike[str], video: int = 0, *, fps: float | None = None) -> None:
        """Write a video as an MP4, at the story's own pace.

        It has no record: what a pipeline was loaded with is known to the program that did it. A video of
        ``jobs.session.VideoSession`` has one, and can be replayed.

        Args:
            path: ends in ``.mp4``.
            video: of ``frames``, counted from 0.
            fps: of playback, instead of the story's pace.

        Raises:
            InputError: there is no such video, it is not decoded, or the name cannot be an MP4's.
            OutputError: it cannot be written there.
        """
        if not isinstance(self.frames, np.ndarray):
            raise InputError("Only decoded frames make a file; generate with output_type='np' or 'uint8'.")
        if not -len(self.frames) <= video < len(self.frames):
            raise InputError(f"There is no video {video} of {len(self.frames)}; they count from 0.")
        frames = self.frames[video]
        if frames.dtype != np.uint8:
            frames = (frames * 255).round().astype(np.uint8)
        write_video(Path(path), frames, fps or 1 / self.settings.interval)


@torch.no_grad()
def generate(
    model: VideoModel[Any],
    narrator: Callable[[], Narrator],
    image: Image.Image | Sequence[Image.Image] | None,
    prompt: str | Sequence[str],
    narrative: Narrative | Sequence[Narrative] | None,
    *,
    frame_images: Sequence[FrameImage] = (),
    position: int | None = None,
    anchor: AnchorPlace = "narrative",
    seed: int | Sequence[int] = 0,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    latents: Tensor | None = None,
    output_type: str = "np",
    attention_kwargs: dict[str, Any] | None = None,
    record: Any = None,
    keeping: KeptVideo | None = None,
    progress: DenoisingCheckpoint | None = None,
    on_stage: Callable[[str], None] = lambda stage: None,
    callback_on_step_end: StepCallback | None = None,
    callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    stopped: Callable[[], bool] = lambda: False,
    **options: Unpack[Options],
) -> ReasonDiffOutput:
    """Make videos with any base model; see ``ReasonDiffPipeline`` for the arguments that are not named here.

    Args:
        model: the base model.
        frame_images: the images of the one story, each with its place, instead of ``image``.
        narrator: loads the narrator; called when it is to be asked.
        keeping: a video of which a part is held, see ``KeptVideo``.
        stopped: asked after every denoising step; True ends the denoising there.
    """
    images, prompts, narratives = as_lists(frame_images[0].image if frame_images else image, prompt, narrative)
    if frame_images and (len(images) > 1 or image is not None):
        raise InputError("Several images of one story are given as frame_images alone, for one story at a time.")
    settings = settings_of(model, images[0], narratives[0], **options)
    timeline = model.timeline(settings.num_frames)
    adapted = is_adapted(model, settings)

    def begin(stage: str) -> None:
        model.next_stage()
        on_stage(stage)

    begin("narrate")
    stories = []
    for given in zip(images, prompts, narratives, strict=True):
        story = prepare_story(
            *given, settings, timeline, narrator,
            frame_images=frame_images, position=position, anchor=anchor, adapted=adapted,
        )  # fmt: skip
        stories.append(story)
    noise, seeds = draw_noise(model, len(stories), settings, seed, generator, latents)

    begin("encode")
    texts = all_texts(stories, settings, adapted=adapted)
    text_embeds = model.encode_texts(texts, settings.max_sequence_length)
    known = None if keeping is None else keeping.known(model, settings)
    contexts = model.contexts(
        [story.texts for story in stories],
        settings.negative_prompt if settings.guided else None,
        text_embeds,
        [story.anchors[0] for story in stories],
        longest=settings.max_sequence_length,
        videos_per_story=settings.num_videos_per_prompt,
        image_reach=settings.image_reach,
    )

    begin("align")  # one story at a time, so that no story's latents depend on its batch
    aligned = [condition_of(model, story, text_embeds, settings) for story in stories]
    condition = torch.cat([each.condition for each in aligned])
    condition = condition.repeat_interleave(settings.num_videos_per_prompt, 0)
    if known is not None and isinstance(model, KeepsVideo):
        condition = model.knowing(condition, known)

    begin("denoise")
    if progress is not None:
        progress.begin(*identity(model, stories, settings, noise, known))
    steps = DenoisingOptions(
        steps=settings.num_inference_steps,
        guidance=settings.guidance,
        use_adapter=settings.use_adapter,
        attention_kwargs=attention_kwargs,
        record=record,
        on_step=callback_on_step_end,
        on_step_inputs=callback_on_step_end_tensor_inputs,
        checkpoint=progress,
        known=known,
        stopped=stopped,
    )
    denoised = model.denoise(noise, condition, contexts, steps)

    begin("decode")
    frames = model.decode(denoised.latents, output_type)
    if progress is not None and denoised.finished:
        progress.end()
    model.finish()
    enhanced = [each.enhanced for each in aligned if each.enhanced is not None]
    predicted = torch.cat(enhanced) if enhanced else None
    return ReasonDiffOutput(frames, tuple(stories), seeds, settings, denoised.latents, predicted)


def settings_of(
    model: VideoModel[Any], image: Image.Image, narrative: Narrative | None = None, **options: Unpack[Options]
) -> Settings:
    """Every option resolved.

    Raises:
        InputError: names the value and the fix.
    """
    if options.get("guidance_scale_2") is not None and model.abilities.transformers == 1:
        raise InputError("A second guidance scale is for models with two transformers; leave it out.")
    if options.get("max_sequence_length") is None:
        options["max_sequence_length"] = model.longest_text
    frames = None if narrative is None else narrative.num_frames
    settings = resolve(options, model.defaults, image.size, model.pixels_per_token, frames)
    model.check_size(settings.width, settings.height, settings.num_frames)
    return settings


def is_adapted(model: VideoModel[Any], settings: Settings) -> bool:
    """Whether an AlignFormer predicts the condition's latents."""
    return settings.use_adapter and isinstance(model, TakesAdapter) and model.alignformer is not None


def draw_noise(
    model: VideoModel[Any],
    stories: int,
    settings: Settings,
    seed: int | Sequence[int] = 0,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    latents: Tensor | None = None,
) -> tuple[Tensor, tuple[int, ...] | None]:
    """Each video's noise from its own seed, on the CPU in fp32: the same in any batch and on any device.

    Returns:
        [videos, channels, latent_frames, height, width], and the seeds where there are any.

    Raises:
        InputError: a list of seeds or generators, or the latents, do not fit the videos.
    """
    videos = stories * settings.num_videos_per_prompt
    shape = model.latent_shape(settings.width, settings.height, settings.num_frames)
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
    seeds = tuple(seed) if isinstance(seed, Sequence) else tuple(range(seed, seed + videos))
    return torch.stack([_noise_of_seed(each, shape) for each in seeds]), seeds


def _noise_of_seed(seed: int, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class Aligned:
    """One story's condition, and AlignFormer's c* where one ran."""

    condition: Tensor
    enhanced: Tensor | None = None


def condition_of(
    model: VideoModel[Any], story: PreparedStory, text_embeds: Mapping[str, Tensor], settings: Settings
) -> Aligned:
    """What the image gives the transformer (Section 3.3): from AlignFormer's c* or, without one, the model's own.

    Raises:
        InputError: two images in one latent frame, of which AlignFormer or the model takes one.
        UnsupportedError: more anchors, or a weaker one, than the model takes.
    """
    anchors, abilities, timeline = story.anchors, model.abilities, model.timeline(settings.num_frames)
    if abilities.anchors is not None and len(anchors) > abilities.anchors:
        raise UnsupportedError(f"This model takes {abilities.anchors} images, not {len(anchors)}; give fewer.")
    if not abilities.strength and any(anchor.strength < 1 for anchor in anchors):
        raise UnsupportedError("This model holds an image fully or not at all; leave its strength at 1.")
    if not (settings.use_adapter and isinstance(model, TakesAdapter)) or model.alignformer is None:
        return Aligned(model.encode_anchors(anchors, timeline))
    timeline.check_apart(anchor.frame for anchor in anchors)
    latent_frames = [timeline.latent_of(anchor.frame) for anchor in anchors]
    predicted = [
        enhanced_latents(
            model.alignformer, model.encode_adapter_anchor(anchor), [latent_frame], [story.plan], text_embeds
        )
        for anchor, latent_frame in zip(anchors, latent_frames, strict=True)
    ]
    enhanced = nearest_latents(predicted, latent_frames)
    return Aligned(model.adapted_condition(enhanced, anchors, timeline), enhanced)


class ReasonDiffPipeline(WanComponents):
    """Wan image-to-video or VACE that is told a story; everything that diffusers does for Wan works here too.

    Calls from several threads wait for each other, also those of two pipelines that share a component.

    Args:
        alignformer: predicts one latent per latent frame; without one, Wan's own condition is used.
        reasondiff: this model's ``Defaults``, where they differ from the paper's.
        alignformer_lora: whether the AlignFormer comes with a LoRA, without which its folder is not whole.
        tokenizer, text_encoder, vae, scheduler, image_processor, image_encoder, transformer, transformer_2,
        boundary_ratio, expand_timesteps: as in diffusers' ``WanImageToVideoPipeline``.

    Raises:
        CheckpointError: the components do not fit together, or are no Wan that an image can be placed in.
    """

    _callback_tensor_inputs = list(CALLBACK_INPUTS)  # noqa: RUF012

    def __call__(
        self,
        image: Image.Image | Sequence[Image.Image] | None = None,
        prompt: str | Sequence[str] = "",
        *,
        frame_images: Sequence[FrameImage] = (),
        narrative: Narrative | Sequence[Narrative] | None = None,
        position: int | None = None,
        anchor: AnchorPlace = "narrative",
        seed: int | Sequence[int] = 0,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        latents: Tensor | None = None,
        output_type: str = "np",
        attention_kwargs: dict[str, Any] | None = None,
        record: AttentionRecord | None = None,
        keeping: KeptVideo | None = None,
        progress: DenoisingCheckpoint | None = None,
        on_stage: Callable[[str], None] = lambda stage: None,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        **options: Unpack[Options],
    ) -> ReasonDiffOutput:
        """Generate a video in which ``image`` appears at its place in the story that it and ``prompt`` imply.

        Lists of images, prompts and narratives make one video (or ``num_videos_per_prompt``) of each story, all of one
        size and length.

        Args:
            image: the condition image.
            prompt: the text; it need not describe the same moment. May be left out where a narrative is given.
            narrative: the story, instead of asking ``self.narrator``.
            position: the image's frame, 1-based; wins over the narrative.
            anchor: where the image goes when no position is given.
            seed: video k of the call is drawn from seed + k (or from the k-th seed of a list).
            generator: draws the noise instead, as in diffusers.
            latents: the noise itself [videos, channels, latent_frames, height, width].
            output_type: see ``Wan.decode``.
            attention_kwargs: for the transformer, such as a LoRA ``scale``.
            record: watches the positive branch's attention to some words (Appendix C.2).
            keeping: a video of which some latent frames are held and the others made again.
            progress: keeps the denoising on disk; the same call after a kill goes on where it was.
            on_stage: called with "narrate", "encode", "align", "denoise" and "decode" as each begins.
            callback_on_step_end: as in diffusers; it may call ``stop``.
            callback_on_step_end_tensor_inputs: of "latents", "condition", and "clean", the video predicted so far.
            options: fields of ``Settings``; what is left out or None comes from the narrative, the image, the model.

        Raises:
            InputError: an option cannot be used.
            NarrationError: the narrator gave no usable story.
            UnsupportedError: a combination that would do the wrong thing in silence.
        """
        with self._alone():
            self._interrupt = False
            return generate(
                self.model, lambda: self.narrator, image, prompt, narrative,
                frame_images=frame_images, position=position, anchor=anchor, seed=seed, generator=generator,
                latents=latents, output_type=output_type, attention_kwargs=attention_kwargs, record=record,
                keeping=keeping, progress=progress, on_stage=on_stage, callback_on_step_end=callback_on_step_end,
                callback_on_step_end_tensor_inputs=callback_on_step_end_tensor_inputs,
                stopped=lambda: self.interrupt, **options,
            )  # fmt: skip

    def stop(self) -> None:
        """End the running call's denoising within a step, from a callback or from another thread.

        What is there then is decoded and returned; what ``progress`` keeps stays. A call that has not begun is not
        stopped.
        """
        self._interrupt = True

    def settings(self, image: Image.Image, narrative: Narrative | None = None, **options: Unpack[Options]) -> Settings:
        """Every option resolved.

        Raises:
            InputError: names the value and the fix.
        """
        return settings_of(self.model, image, narrative, **options)

    def narrate(
        self,
        image: Image.Image,
        prompt: str,
        narrative: Narrative | None,
        settings: Settings,
        position: int | None = None,
        anchor: AnchorPlace = "narrative",
        frame_images: Sequence[FrameImage] = (),
    ) -> PreparedStory:
        """The first stage alone, see ``prepare_story``."""
        return prepare_story(
            image, prompt, narrative, settings, self.model.timeline(settings.num_frames), lambda: self.narrator,
            frame_images=frame_images, position=position, anchor=anchor, adapted=is_adapted(self.model, settings),
        )  # fmt: skip

    def enable_cfg_parallel(self, group: Any = None) -> None:
        """Compute the branches of guidance in two processes, see ``cfg_parallel``; each runs the same calls.

        Raises:
            UnsupportedError: there are not two processes.
        """
        self.model.cfg_parallel = CfgParallel(group)

    @cached_property
    def model(self) -> Wan:
        """The components as a base model: image-to-video or VACE."""
        return model_of(self)

    # -- adapters, see ``backends.wan.adapters`` -------------------------------------------------------------------

    @cached_property
    def _adapters(self) -> Adapters:
        return Adapters(self)

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the adapters that can be switched to."""
        return self._adapters.names

    @property
    def active_adapter(self) -> str | None:
        """The adapter in use; None where the base model runs alone."""
        return self._adapters.active

    @property
    def adapter_state(self) -> AdapterState:
        """Which adapter and LoRAs work, and how strongly."""
        return self._adapters.state

    def load_adapter(
        self, adapter: str | os.PathLike[str], name: str | None = None, *, any_base: bool = False
    ) -> AdapterInfo:
        """Load an adapter and switch to it, see ``Adapters.load``."""
        with self._alone():
            return self._adapters.load(adapter, name, any_base=any_base)

    def load_lora(self, lora: str | os.PathLike[str], name: str | None = None, *, scale: float = 1.0) -> str:
        """Load another LoRA and use it beside the adapter, see ``Adapters.load_lora``."""
        with self._alone():
            return self._adapters.load_lora(lora, name, scale=scale)

    def use_adapter(self, name: str | None, scale: float = 1.0) -> None:
        """Switch to a loaded adapter, or with None to the base model, see ``Adapters.use``."""
        with self._alone():
            self._adapters.use(name, scale)

    def save_adapter(
        self,
        folder: str | os.PathLike[str],
        *,
        base_model: str | None = None,
        recipe: Mapping[str, Any] | None = None,
        scores: Mapping[str, float] | None = None,
    ) -> AdapterInfo:
        """Write the adapter in use as a folder, see ``Adapters.save``."""
        with self._alone():
            return self._adapters.save(folder, base_model=base_model, recipe=recipe, scores=scores)

    def push_to_hub(self, repo_id: str, *, private: bool | None = None, **described: Any) -> str:  # type: ignore[override]
        """Publish the adapter in use, see ``Adapters.push_to_hub``.

        A whole model is published with ``save_pretrained(..., push_to_hub=True)``.
        """
        with self._alone():
            return self._adapters.push_to_hub(repo_id, private=private, **described)

    def _alone(self) -> AbstractContextManager[None]:
        return exclusive(self, *self.components.values())
