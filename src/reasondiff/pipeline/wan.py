"""The way of one video on Wan, as a diffusers pipeline; ``generate`` is the way itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, Unpack

import torch
from PIL import Image
from torch import Tensor

from reasondiff.backends.callbacks import CALLBACK_INPUTS, StepCallback
from reasondiff.backends.exclusive import exclusive
from reasondiff.backends.wan.adapter_file import AdapterInfo
from reasondiff.backends.wan.adapters import Adapters, AdapterState
from reasondiff.backends.wan.cfg_parallel import CfgParallel
from reasondiff.backends.wan.components import WanComponents
from reasondiff.backends.wan.framewise import AttentionRecord
from reasondiff.backends.wan.model import Wan, model_of
from reasondiff.media.frame_image import FrameImage
from reasondiff.narrative import Narrative
from reasondiff.narrative.story import AnchorPlace
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
from reasondiff.pipeline.generate import generate, is_adapted, settings_of
from reasondiff.pipeline.kept_video import KeptVideo
from reasondiff.pipeline.output import ReasonDiffOutput
from reasondiff.pipeline.settings import Options, Settings
from reasondiff.pipeline.story import PreparedStory, prepare_story

__all__ = ["ReasonDiffPipeline"]


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

    def enable_cfg_parallel(self, group: object = None) -> None:
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
        recipe: Mapping[str, object] | None = None,
        scores: Mapping[str, float] | None = None,
    ) -> AdapterInfo:
        """Write the adapter in use as a folder, see ``Adapters.save``."""
        with self._alone():
            return self._adapters.save(folder, base_model=base_model, recipe=recipe, scores=scores)

    def push_to_hub(self, repo_id: str, *, private: bool | None = None, **described: object) -> str:  # type: ignore[override]
        """Publish the adapter in use, see ``Adapters.push_to_hub``.

        A whole model is published with ``save_pretrained(..., push_to_hub=True)``.
        """
        with self._alone():
            return self._adapters.push_to_hub(repo_id, private=private, **described)

    def _alone(self) -> AbstractContextManager[None]:
        return exclusive(self, *self.components.values())
