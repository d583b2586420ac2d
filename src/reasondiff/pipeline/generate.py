"""ReasonDiffPipeline: narrate, encode, align, denoise, decode.

Figure 2 and Section 3 of the paper, on stock diffusers parts.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Unpack

import numpy as np
import torch
from diffusers.hooks.group_offloading import _is_group_offload_enabled
from PIL import Image
from torch import Tensor

from reasondiff.alignformer import enhanced_latents
from reasondiff.backends.wan.conditioning import anchor_mask, decode_video, encode_anchor, encode_on_grey, timeline_of
from reasondiff.backends.wan.framewise import AttentionRecord, FrameContext, FramePlan
from reasondiff.backends.wan.text_encoding import encode_texts, longest_text
from reasondiff.errors import InputError, UnsupportedError
from reasondiff.media import fit_image
from reasondiff.narrative import Narrative
from reasondiff.pipeline.denoising import Contexts, ReasonDiffDenoising, StepCallback, Watcher
from reasondiff.pipeline.denoising_checkpoint import Progress
from reasondiff.pipeline.settings import AnchorPlace, Options, Settings, resolve
from reasondiff.pipeline.story import Story, all_texts, as_lists, placed, texts_of
from reasondiff.timeline import Timeline

__all__ = ["ReasonDiffOutput", "ReasonDiffPipeline"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReasonDiffOutput:
    """Videos, and how they came about.

    Args:
        frames: one entry per video, stories first: story 1's videos, then story 2's. Floats in 0..1
            [videos, frames, height, width, 3] for ``output_type="np"``; see ``ReasonDiffPipeline.decode``.
        stories: what each image and text became.
        seeds: of each video's noise; None where generators or latents were given.
        settings: every option, resolved.
        predicted: AlignFormer's c* [stories, channels, latent_frames, height, width], where one ran.
    """

    frames: Any
    stories: tuple[Story, ...]
    seeds: tuple[int, ...] | None
    settings: Settings
    predicted: Tensor | None = field(default=None, repr=False)

    @property
    def narrative(self) -> Narrative:
        """The first story's narrative."""
        return self.stories[0].narrative


class ReasonDiffPipeline(ReasonDiffDenoising):
    """Wan image-to-video that is told a story; everything that diffusers does for Wan works here too.

    Args:
        alignformer: predicts one latent per latent frame; without one, Wan's own condition is used.
        reasondiff: this model's ``Defaults``, where they differ from the paper's.
        alignformer_lora: whether the AlignFormer comes with a LoRA, without which its folder is not whole.
        tokenizer, text_encoder, vae, scheduler, image_processor, image_encoder, transformer, transformer_2,
        boundary_ratio, expand_timesteps: as in diffusers' ``WanImageToVideoPipeline``.

    Raises:
        CheckpointError: the parts do not fit together, or are no image-to-video Wan.
    """

    @torch.no_grad()
    def __call__(
        self,
        image: Image.Image | Sequence[Image.Image],
        prompt: str | Sequence[str] = "",
        *,
        narrative: Narrative | Sequence[Narrative] | None = None,
        position: int | None = None,
        anchor: AnchorPlace = "narrative",
        seed: int | Sequence[int] = 0,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        latents: Tensor | None = None,
        output_type: str = "np",
        attention_kwargs: dict[str, Any] | None = None,
        record: AttentionRecord | None = None,
        progress: Progress | None = None,
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
            output_type: see ``decode``.
            attention_kwargs: for the transformer, such as a LoRA ``scale``.
            record: watches the positive branch's attention to some words (Appendix C.2).
            progress: keeps the denoising on disk; the same call after a kill goes on where it was.
            on_stage: called with "narrate", "encode", "align", "denoise" and "decode" as each begins.
            callback_on_step_end: as in diffusers; setting ``pipe._interrupt = True`` in it ends the denoising,
                and what is there is decoded; what ``progress`` keeps stays.
            callback_on_step_end_tensor_inputs: of "latents", "condition", and "clean", the video predicted so far.
            options: fields of ``Settings``; what is left out or None comes from the narrative, the image, the model.

        Raises:
            InputError: an option cannot be used.
            NarrationError: the narrator gave no usable story.
            UnsupportedError: a combination that would do the wrong thing in silence.
        """
        images, prompts, narratives = as_lists(image, prompt, narrative)
        settings = self.settings(images[0], narratives[0], **options)

        def begin(stage: str) -> None:
            for rest in self.resting:
                rest()
            on_stage(stage)

        begin("narrate")
        inputs = zip(images, prompts, narratives, strict=True)
        stories = [self.narrate(*each, settings, position, anchor) for each in inputs]
        noise, seeds = self.noise(len(stories), settings, seed, generator, latents)
        begin("encode")
        words = self.encode_texts(all_texts(stories, settings, aligned=self.aligns(settings)), settings)
        contexts = self.contexts(stories, words, self.encode_anchors(stories), settings)
        begin("align")
        condition, predicted = self.align(stories, words, settings)
        begin("denoise")
        callback = callback_on_step_end, callback_on_step_end_tensor_inputs
        if progress is not None:
            progress.begin(*self._identity(stories, settings, noise))
        clean = self.denoise(noise, condition, contexts, settings, attention_kwargs, record, *callback, progress)
        begin("decode")
        frames = self.decode(clean, output_type)
        for rest in self.resting:
            rest()
        if progress is not None and not self.interrupt:
            progress.end()
        self.maybe_free_model_hooks()
        return ReasonDiffOutput(frames, tuple(stories), seeds, settings, predicted)

    def settings(self, image: Image.Image, narrative: Narrative | None = None, **options: Unpack[Options]) -> Settings:
        """Every option resolved.

        Raises:
            InputError: names the value and the fix.
        """
        if options.get("guidance_scale_2") is not None and self.config["boundary_ratio"] is None:
            raise InputError("A second guidance scale is for models with two transformers; leave it out.")
        if options.get("max_sequence_length") is None:
            options["max_sequence_length"] = longest_text(self.tokenizer)
        frames = None if narrative is None else narrative.num_frames
        settings = resolve(options, self.defaults, image.size, self.pixels_per_token, frames)
        timeline = timeline_of(self.vae, settings.num_frames)  # refuses what the VAE cannot hold
        places, (_, *patch) = (self.some_transformer.config[name] for name in ("rope_max_seq_len", "patch_size"))
        longest = Timeline.from_latent(places, timeline.stride).num_frames
        widest = places * self.vae_scale_factor_spatial * min(patch)
        if settings.num_frames > longest:
            raise InputError(f"This model has no place for {settings.num_frames} frames; give at most {longest}.")
        if max(settings.width, settings.height) > widest:
            size = f"{settings.width}x{settings.height}"
            raise InputError(f"This model has no place for the size {size}; give at most {widest} a side.")
        return settings

    def aligns(self, settings: Settings) -> bool:
        """Whether an AlignFormer predicts the condition's latents."""
        return settings.align and self.alignformer is not None

    def narrate(
        self,
        image: Image.Image,
        prompt: str,
        narrative: Narrative | None,
        settings: Settings,
        position: int | None = None,
        anchor: AnchorPlace = "narrative",
    ) -> Story:
        """Find out where the image belongs and what every frame shows (Section 3.2), unless a narrative says so.

        Raises:
            InputError: there is neither a text nor a narrative, no narrator, or a position outside the clip.
            NarrationError: the narrator gave no usable story.
        """
        timeline = timeline_of(self.vae, settings.num_frames)
        if not prompt.strip() and (narrative is None or settings.prompts == "single"):
            raise InputError("The prompt is empty; say in a few words what should happen.")
        if narrative is None:
            narrative = self._told(image, prompt, settings, needed=position is None and anchor == "narrative")
        if narrative.num_frames != settings.num_frames:
            logger.warning("The narrative of %d frames is retimed to %d.", narrative.num_frames, settings.num_frames)
            narrative = narrative.retime(settings.num_frames)
        if not math.isclose(narrative.interval, settings.interval):
            logger.warning(
                "The narrative's frames are %g s apart and the model's %g s, which is how they are made and played.",
                narrative.interval, settings.interval,
            )  # fmt: skip
            narrative = replace(narrative, interval=settings.interval)
        narrative = placed(narrative, position, anchor)
        if other := [each.image for each in narrative.anchors if each.image]:
            raise InputError(f"The narrative places image {other[0] + 1}, and a story has one; remove that anchor.")

        plan = FramePlan.from_narrative(narrative, timeline)
        for lost in plan.lost:
            logger.warning(
                "No latent frame reads clip %d..%d (%r), because %s; make it longer.",
                lost.clip.start + 1, lost.clip.end, lost.clip.description, lost.reason,
            )  # fmt: skip
        texts = texts_of(narrative, prompt, settings.prompts, timeline)
        return Story(fit_image(image, settings.width, settings.height, settings.fit), prompt, narrative, plan, texts)

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str], settings: Settings) -> dict[str, Tensor]:
        """Every distinct text's tokens [tokens, text_dim], without padding, as the transformer takes them."""
        encoded = encode_texts(self.tokenizer, self.text_encoder, texts, longest=settings.max_sequence_length)
        device, dtype = self._execution_device, self.some_transformer.dtype
        return {text: embeds.to(device, dtype) for text, embeds in encoded.items()}

    @torch.no_grad()
    def encode_anchors(self, stories: Sequence[Story]) -> Tensor | None:
        """The image encoder's tokens [stories, tokens, image_dim], or None for a transformer that takes none.

        A first-and-last-frame transformer takes images in pairs; it is given the anchor twice.
        """
        config = self.some_transformer.config
        if config["image_dim"] is None:
            return None
        copies = 1 if config["pos_embed_seq_len"] is None else 2
        tokens = [self.encode_image([story.image] * copies, self._execution_device) for story in stories]
        return torch.cat(tokens).to(self.some_transformer.dtype)

    def contexts(
        self, stories: Sequence[Story], words: Mapping[str, Tensor], image: Tensor | None, settings: Settings
    ) -> Contexts:
        """What the transformer reads in the positive and in the negative branch, which differ in the text only."""
        videos = settings.num_videos_per_prompt
        if image is not None:
            image = image.unflatten(0, (len(stories), -1)).repeat_interleave(videos, 0).flatten(0, 1)
        plans = [story.texts for story in stories for _ in range(videos)]
        length = settings.max_sequence_length
        # Offloading that fetches weights in the order of the first call needs to_k and to_v in every call.
        cache = not _is_group_offload_enabled(self.some_transformer)
        told = FrameContext.build(plans, words, text_length=length, image=image, cache=cache)
        if not settings.guided:
            return told, None
        negative = [FramePlan.single(settings.negative_prompt, plans[0].num_latent_frames)] * len(plans)
        return told, FrameContext.build(negative, words, text_length=length, image=image, cache=cache)

    @torch.no_grad()
    def align(
        self, stories: Sequence[Story], words: Mapping[str, Tensor], settings: Settings
    ) -> tuple[Tensor, Tensor | None]:
        """The condition [videos, stride + channels, latent_frames, height, width] (Section 3.3).

        Its mask flags the anchor's frame; its latents are AlignFormer's c* or, without one, Wan's own.

        Returns:
            The condition, and c* of each story where AlignFormer ran.
        """
        timeline = timeline_of(self.vae, settings.num_frames)
        masks, latents = [], []
        for story in stories:  # one at a time, so that no story's latents depend on its batch
            frames = [anchor.frame for anchor in story.narrative.anchors]
            image = self.video_processor.preprocess(story.image).to(self._execution_device)
            if self.aligns(settings):
                latents.append(self._predicted(image, frames, story.plan, timeline, words))
            else:
                copies = image[:, None].expand(-1, len(frames), -1, -1, -1)
                latents.append(encode_on_grey(self.vae, copies, frames, timeline).to(image.device))
            masks.append(anchor_mask(timeline, frames, *latents[-1].shape[-2:]))
        predicted = torch.cat(latents)
        condition = torch.cat([torch.cat(masks).to(predicted), predicted], dim=1)
        condition = condition.repeat_interleave(settings.num_videos_per_prompt, 0)
        return condition, predicted if self.aligns(settings) else None

    @torch.no_grad()
    def denoise(
        self,
        noise: Tensor,
        condition: Tensor,
        contexts: Contexts,
        settings: Settings,
        attention_kwargs: dict[str, Any] | None = None,
        record: AttentionRecord | None = None,
        callback: StepCallback | None = None,
        callback_tensor_inputs: Sequence[str] = ("latents",),
        progress: Progress | None = None,
    ) -> Tensor:
        """From noise to latents, guided by the condition and the narrative in every step."""
        watcher = Watcher(callback, callback_tensor_inputs)
        self._attention_kwargs = attention_kwargs
        self._begin(settings, record, resumes=progress is not None)
        kept = None if progress is None else progress.load(self.scheduler, self._execution_device)
        done, latents = (0, noise) if kept is None else kept
        latents = latents.to(self._execution_device)
        with self._weights(settings), self.progress_bar(total=self._num_timesteps) as bar:
            bar.update(done)
            for step, timestep in enumerate(self.scheduler.timesteps[done:], start=done):
                predicted = self.predict(latents, condition, timestep, contexts, settings, record)
                before, latents = latents, self.scheduler.step(predicted, timestep, latents, return_dict=False)[0]
                latents, condition = watcher.show(self, step, before, predicted, latents, condition)
                if progress is not None:
                    progress.save(step + 1, latents, self.scheduler)
                bar.update()
                if self.interrupt:
                    break
        self._current_timestep = None
        return latents

    @torch.no_grad()
    def decode(self, latents: Tensor, output_type: str = "np") -> Any:
        """Videos from latents [videos, channels, latent_frames, height, width], one at a time.

        Args:
            latents: normalised.
            output_type: "np" for floats in 0..1 [videos, frames, height, width, 3], "uint8" for bytes of the same
                shape, "pt" for a tensor [videos, frames, 3, height, width], "pil" for lists of images, or "latent"
                for the latents themselves.
        """
        if output_type == "latent":
            return latents
        video = torch.cat([decode_video(self.vae, each[None]).float() for each in latents])
        if output_type == "uint8":
            frames = self.video_processor.postprocess_video(video, output_type="np")
            return (frames * 255).round().astype(np.uint8)
        return self.video_processor.postprocess_video(video, output_type=output_type)

    def _told(self, image: Image.Image, prompt: str, settings: Settings, *, needed: bool) -> Narrative:
        """The narrator's story; or, where nothing would read it, the prompt for all frames."""
        if needed or self.aligns(settings) or settings.prompts != "single":
            return self.narrator.narrate(image, prompt, num_frames=settings.num_frames, interval=settings.interval)
        return Narrative.from_ends([(settings.num_frames, prompt)], 0, settings.num_frames, interval=settings.interval)

    def _predicted(
        self, image: Tensor, frames: Sequence[int], plan: FramePlan, timeline: Timeline, words: Mapping[str, Tensor]
    ) -> Tensor:
        """AlignFormer's c* of one story."""
        if len(frames) > 1:
            raise UnsupportedError(f"AlignFormer takes one anchor, not {len(frames)}; give one, or align=False.")
        former: Any = self.alignformer
        anchor_latents = encode_anchor(self.vae, image, held=frames[0] > 0).to(image.device)
        return enhanced_latents(former, anchor_latents, [timeline.latent_of(frames[0])], [plan], words)
