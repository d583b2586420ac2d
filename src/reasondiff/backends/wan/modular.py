"""The reasoning half as blocks of Modular Diffusers, in front of and around stock Wan VACE's own.

    pipe = ReasonDiffVaceBlocks().init_pipeline()
    pipe.load_components(pretrained_model_name_or_path="Wan-AI/Wan2.1-VACE-1.3B-diffusers")
    pipe(image=image, prompt="A cat plays.", narrator=load_narrator("openai:gpt-4o"), output="videos")

Narrate, place, give every latent frame its text; denoising and decoding are diffusers' blocks, unchanged. For programs
that know a folder only, ``save_blocks`` writes one for ``ModularPipeline.from_pretrained``; its one line of code
imports this module.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan, ClassifierFreeGuidance
from diffusers.configuration_utils import FrozenDict
from diffusers.modular_pipelines.modular_pipeline import ModularPipelineBlocks, SequentialPipelineBlocks
from diffusers.modular_pipelines.modular_pipeline_utils import ComponentSpec, InputParam, OutputParam
from diffusers.modular_pipelines.wan.decoders import WanVaeDecoderStep
from diffusers.modular_pipelines.wan.modular_blocks_wan_vace import Wan22VaceCoreDenoiseStep
from diffusers.video_processor import VideoProcessor
from PIL import Image
from transformers import AutoTokenizer, UMT5EncoderModel

from reasondiff.backends.wan.conditioning import timeline_of
from reasondiff.backends.wan.framewise import FrameContext, install
from reasondiff.backends.wan.text_encoding import encode_texts
from reasondiff.backends.wan.vace import VACE_DEFAULTS, encode_control
from reasondiff.errors import InputError
from reasondiff.files import atomic_path
from reasondiff.media import fit_image
from reasondiff.narrative import Narrative
from reasondiff.narrative.frame_plan import FramePlan

__all__ = ["DenoiseStep", "NarrateStep", "PlaceStep", "ReasonDiffVaceBlocks", "TextStep", "save_blocks"]

_FAMILY = "wan-vace"


def _for_denoiser(name: str, description: str) -> OutputParam:
    """A tensor that the transformer is given."""
    return OutputParam(name, torch.Tensor, description, kwargs_type="denoiser_input_fields")


class NarrateStep(ModularPipelineBlocks):
    """From an image and a text to a story, or from a story to the same with its image at a position."""

    model_name: Any = _FAMILY

    @property
    def description(self) -> str:
        return "Tells the story of an image and a text: where the image belongs, and what happens in every frame."

    @property
    def inputs(self) -> list[InputParam]:
        return [
            InputParam("image", type_hint=Image.Image, required=True, description="Of any moment of the video."),
            InputParam("prompt", type_hint=str, default="", description="What happens."),
            InputParam("narrator", description="Tells the story; see reasondiff.load_narrator."),
            InputParam("narrative", type_hint=Narrative, description="The story, instead of asking a narrator."),
            InputParam("position", type_hint=int, description="The image's frame, counted from 1."),
            InputParam("num_frames", type_hint=int, default=81),
            InputParam("interval", type_hint=float, default=VACE_DEFAULTS["interval"], description="Seconds."),
        ]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("narrative", type_hint=Narrative, description="The story, as long as the video.")]

    def __call__(self, components: Any, state: Any) -> tuple[Any, Any]:
        block: Any = self.get_block_state(state)
        told = block.narrative
        if told is None:
            if block.narrator is None:
                raise InputError("There is neither a narrative nor a narrator; give one of them.")
            told = block.narrator.narrate(
                block.image, block.prompt, num_frames=block.num_frames, interval=block.interval
            )
        told = told.retime(block.num_frames)
        block.narrative = told if block.position is None else told.with_anchor(block.position - 1)
        self.set_block_state(state, block)
        return components, state


class TextStep(ModularPipelineBlocks):
    """Every description's tokens, one after another; which latent frame reads which is the context's."""

    model_name: Any = _FAMILY

    @property
    def description(self) -> str:
        return "Encodes the story's descriptions, and says which of them each latent frame reads."

    @property
    def expected_components(self) -> list[ComponentSpec]:
        scale = FrozenDict({"guidance_scale": 5.0})
        return [
            ComponentSpec("text_encoder", UMT5EncoderModel),
            ComponentSpec("tokenizer", AutoTokenizer),
            ComponentSpec("vae", AutoencoderKLWan),
            ComponentSpec("guider", ClassifierFreeGuidance, config=scale, default_creation_method="from_config"),
        ]

    @property
    def inputs(self) -> list[InputParam]:
        return [
            InputParam("narrative", type_hint=Narrative, required=True),
            InputParam("negative_prompt", type_hint=str, default=""),
            InputParam("max_sequence_length", type_hint=int, default=512),
        ]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [
            _for_denoiser("prompt_embeds", "[1, descriptions * tokens, text_dim]"),
            _for_denoiser("negative_prompt_embeds", "The same text for each of them."),
            OutputParam("frame_context", type_hint=FrameContext, description="Which latent frame reads which."),
        ]

    @torch.no_grad()
    def __call__(self, components: Any, state: Any) -> tuple[Any, Any]:
        block: Any = self.get_block_state(state)
        longest = block.max_sequence_length
        plan = FramePlan.from_narrative(block.narrative, timeline_of(components.vae, block.narrative.num_frames))
        texts = [*plan.prompts, block.negative_prompt]
        encoded = encode_texts(components.tokenizer, components.text_encoder, texts, longest=longest)
        where = components._execution_device, components.transformer.dtype
        embeds = {text: tokens.to(*where) for text, tokens in encoded.items()}
        # Stock gives both branches of guidance one shape: nothing is merged, and the negative text stands everywhere.
        context = FrameContext.build(plan, embeds, text_length=longest, collapse=False, cache=False)
        negative = embeds[block.negative_prompt]
        negative = F.pad(negative, (0, 0, 0, longest - len(negative))).repeat(len(plan.segments), 1)
        block.prompt_embeds, block.negative_prompt_embeds = context.text, negative[None]
        block.frame_context = context
        self.set_block_state(state, block)
        return components, state


class PlaceStep(ModularPipelineBlocks):
    """The image in its place, as VACE's control: for its whole latent frame, so that its flag is not lost."""

    model_name: Any = _FAMILY

    @property
    def description(self) -> str:
        return "Encodes a control video with the image where the story has it, and a mask that keeps it."

    @property
    def expected_components(self) -> list[ComponentSpec]:
        scale = FrozenDict({"vae_scale_factor": 8})
        return [
            ComponentSpec("vae", AutoencoderKLWan),
            ComponentSpec("video_processor", VideoProcessor, config=scale, default_creation_method="from_config"),
        ]

    @property
    def inputs(self) -> list[InputParam]:
        return [
            InputParam("image", type_hint=Image.Image, required=True),
            InputParam("narrative", type_hint=Narrative, required=True),
            InputParam("height", type_hint=int, default=480),
            InputParam("width", type_hint=int, default=832),
            InputParam("fit", type_hint=str, default="crop", description="crop, letterbox or stretch."),
            InputParam("conditioning_scale", type_hint=float, default=1.0, description="Of the image, 0 to 1."),
        ]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [
            _for_denoiser("control_hidden_states", "What is kept, what is not, and the mask."),
            _for_denoiser("control_hidden_states_scale", "Per layer of the control branch."),
            OutputParam("num_reference_images", type_hint=int, description="None: the image is a frame."),
        ]

    @torch.no_grad()
    def __call__(self, components: Any, state: Any) -> tuple[Any, Any]:
        block: Any = self.get_block_state(state)
        timeline = timeline_of(components.vae, block.narrative.num_frames)
        picture = fit_image(block.image.convert("RGB"), block.width, block.height, block.fit)
        pixels = components.video_processor.preprocess(picture).to(components._execution_device)
        control = encode_control(components.vae, pixels, [block.narrative.anchor_frame], timeline)
        block.control_hidden_states = control.to(components._execution_device)
        block.control_hidden_states_scale = control.new_full((components.num_vace_layers,), block.conditioning_scale)
        block.num_reference_images = 0
        self.set_block_state(state, block)
        return components, state


class DenoiseStep(Wan22VaceCoreDenoiseStep):
    """Stock's denoising, while its transformers read frame-wise text."""

    @torch.no_grad()
    def __call__(self, components: Any, state: Any) -> tuple[Any, Any]:
        with ExitStack() as reading:
            for transformer in (components.transformer, components.transformer_2):
                if transformer is not None:
                    reading.enter_context(install(transformer).use(state.get("frame_context")))
            done: tuple[Any, Any] = super().__call__(components, state)
            return done


class ReasonDiffVaceBlocks(SequentialPipelineBlocks):
    """Narrate, place, frame-wise text; then stock Wan VACE."""

    model_name: Any = _FAMILY
    block_classes = [NarrateStep, TextStep, PlaceStep, DenoiseStep, WanVaeDecoderStep]  # noqa: RUF012
    block_names = ["narrate", "text", "place", "denoise", "decode"]  # noqa: RUF012

    @property
    def description(self) -> str:
        return "Generates a video in which the image appears where the story needs it, by Wan VACE."


def save_blocks(folder: str | Path) -> None:
    """Write a folder that ``ModularPipeline.from_pretrained`` loads, without weights.

    Args:
        folder: made where it is not there.

    Raises:
        OutputError: it cannot be written.
    """
    folder, name = Path(folder), ReasonDiffVaceBlocks.__name__
    folder.mkdir(parents=True, exist_ok=True)
    ReasonDiffVaceBlocks().init_pipeline().save_pretrained(str(folder), overwrite_modular_index=False)
    blocks = {"_class_name": name, "auto_map": {ModularPipelineBlocks.__name__: f"block.{name}"}}
    for file, text in (
        ("modular_config.json", json.dumps(blocks, indent=2) + "\n"),
        ("block.py", f"from {__name__} import {name}\n"),
    ):
        with atomic_path(folder / file) as partial:
            partial.write_text(text, encoding="utf-8")
