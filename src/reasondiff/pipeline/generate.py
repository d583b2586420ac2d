"""From an image and a text to a video: narrate, encode, align, denoise, decode.

Figure 2 and Section 3 of the paper: the way of one video, whatever the base model is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from reasondiff.alignformer import enhanced_latents, nearest_latents
from reasondiff.backends.base import DenoisingOptions, KeepsVideo, OnStep, TakesAdapter, VideoModel, has_alignformer
from reasondiff.errors import InputError, UnsupportedError
from reasondiff.media.frame_image import FrameImage
from reasondiff.narrative import Narrative
from reasondiff.narrative.story import AnchorPlace
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint, identity
from reasondiff.pipeline.kept_video import KeptVideo
from reasondiff.pipeline.output import ReasonDiffOutput
from reasondiff.pipeline.sections import generate_sections
from reasondiff.pipeline.settings import Options, Settings, check_tokens, resolve
from reasondiff.pipeline.story import PreparedStory, all_texts, as_lists, prepare_story

if TYPE_CHECKING:
    from reasondiff.narrator import Narrator

__all__ = ["condition_of", "draw_noise", "generate", "settings_of"]


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
    callback_on_step_end: OnStep | None = None,
    callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    stopped: Callable[[], bool] = lambda: False,
    **options: Unpack[Options],
) -> ReasonDiffOutput:
    """Make videos with any base model; see ``pipeline.wan`` for the arguments that are not named here.

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
    long = settings.at_once < settings.num_frames

    def begin(stage: str) -> None:
        model.next_stage()
        on_stage(stage)

    if long:
        _check_alone(
            len(images) * settings.num_videos_per_prompt,
            generator=generator,
            latents=latents,
            record=record,
            keeping=keeping,
        )
    begin("narrate")
    stories = []
    for given in zip(images, prompts, narratives, strict=True):
        story = prepare_story(
            *given, settings, timeline, narrator,
            frame_images=frame_images, position=position, anchor=anchor, adapted=adapted,
        )  # fmt: skip
        stories.append(story)
    if long:
        return generate_sections(
            partial(generate, model, narrator), model, stories[0], settings,
            seed=seed[0] if isinstance(seed, Sequence) else seed,
            output_type=output_type, progress=progress, stopped=stopped,
            attention_kwargs=attention_kwargs, on_stage=lambda stage: on_stage(stage) if stage != "narrate" else None,
            callback_on_step_end=callback_on_step_end,
            callback_on_step_end_tensor_inputs=callback_on_step_end_tensor_inputs,
        )  # fmt: skip
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
        strength=settings.anchor_strength,
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


def _check_alone(videos: int, **given: Any) -> None:
    """Raise unless a long video is asked for as one can be made: by itself, from a seed."""
    if videos > 1:
        raise UnsupportedError("Videos of several sections are made one at a time; call once for each.")
    if named := [name for name, value in given.items() if value is not None]:
        raise UnsupportedError(f"A video of several sections takes no {named[0]}; leave it out.")


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
    if model.abilities.steps not in (None, settings.num_inference_steps):
        raise InputError(
            f"This model was distilled for {model.abilities.steps} denoising steps, and {settings.num_inference_steps} "
            "are asked for; leave the number out."
        )
    model.check_size(settings.width, settings.height, settings.at_once)
    check_tokens(settings.width, settings.height, model.pixels_per_token)
    return settings


def is_adapted(model: VideoModel[Any], settings: Settings) -> bool:
    """Whether an AlignFormer predicts the condition's latents."""
    return settings.use_adapter and has_alignformer(model)


def draw_noise(
    model: VideoModel[object],
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
    model: VideoModel[object], story: PreparedStory, text_embeds: Mapping[str, Tensor], settings: Settings
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
