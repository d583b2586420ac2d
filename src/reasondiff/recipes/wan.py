"""Recipes for Wan's classes: the autoencoder, the base model, and the two stages of Algorithm 1."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
from diffusers import UniPCMultistepScheduler
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from transformers import PreTrainedTokenizerBase, T5Tokenizer, UMT5Config, UMT5EncoderModel

from reasondiff.alignformer import AlignFormer
from reasondiff.backends.wan.building import (
    WanVae,
    encoder_fingerprint,
    load_transformer,
    load_vae,
    new_transformer,
    new_vae,
)
from reasondiff.backends.wan.components import ADAPTER
from reasondiff.checkpoints import LORA_FILE
from reasondiff.data.clips import ClipSource
from reasondiff.data.encoded import Manifest
from reasondiff.data.texts import TextContexts, Texts
from reasondiff.errors import InputError
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.quiet import quiet_libraries
from reasondiff.recipes.base import Needed, Recipe
from reasondiff.recipes.components import (
    AlignFormerConfig,
    LoraOptions,
    TextEncoderConfig,
    TransformerConfig,
    VaeConfig,
)
from reasondiff.recipes.config import to_json
from reasondiff.training.stages.base import BaseStage
from reasondiff.training.stages.flow import FlowOptions, Validation
from reasondiff.training.stages.reason import HeldOut, ReasonStage
from reasondiff.training.storyworld.vae import VaeStage
from reasondiff.training.storyworld.vae_dataset import Phase
from reasondiff.training.trainer import Stage

__all__ = ["BaseRecipe", "ReasonRecipe", "VaeRecipe", "check_encoder"]

_BASE = ("vae", "transformer", "text_encoder")
"""The weights that an AlignFormer and a LoRA are trained on."""


@dataclass(frozen=True, kw_only=True)
class VaeRecipe(Recipe):
    """The video autoencoder.

    Args:
        vae: of one from nothing; None goes on with the model folder's.
        error: of a pixel: 1, its absolute difference, or 2, the square of that.
        fidelity: what it costs to move away from the latents of before.
        phases: of the curriculum.
        compile: encoder and decoder.
        vae_writer: the recipe whose autoencoder it goes on with.
    """

    vae: VaeConfig | None
    error: int
    fidelity: float
    phases: tuple[Phase, ...]
    compile: bool = False
    vae_writer: str = ""

    shortcuts: ClassVar[Mapping[str, str]] = {"compile": "compile"}
    may_change: ClassVar[frozenset[str]] = Recipe.may_change | {"compile"}

    @property
    def reads(self) -> tuple[Needed, ...]:
        return () if self.vae else (Needed("vae", self.vae_writer),)

    @property
    def trained_on(self) -> tuple[str, ...]:
        return () if self.vae else ("vae",)

    @property
    def continues_from(self) -> tuple[str, ...]:
        return ()

    @property
    def exports(self) -> tuple[str, ...]:
        return ("vae",)

    def build(self, model: Path, cache: Path, device: str) -> Stage:
        config = self.vae
        net = load_vae(self.read_from(model)) if config is None else self.seeded(lambda: new_vae(config.to_kwargs()))
        net.to(device)  # type: ignore[arg-type]  # diffusers' own wrapper hides its signature
        return VaeStage(
            net,
            steps=self.optimization.steps,
            phases=self.phases,
            error=self.error,
            fidelity=self.fidelity,
            compile=self.compile,
        )


@dataclass(frozen=True, kw_only=True)
class ClipRecipe(Recipe):
    """What the recipes that denoise have in common; a subclass says where clips come from and how it is measured.

    Args:
        flow: of the draws and the loss.
        clips: how many.
    """

    flow: FlowOptions = field(default_factory=FlowOptions)
    clips: int

    shortcuts: ClassVar[Mapping[str, str]] = {"batch": "flow.batch", "compile": "flow.compile"}
    may_change: ClassVar[frozenset[str]] = Recipe.may_change | {"flow.batch", "flow.compile", "clips"}

    @abstractmethod
    def source(self, vae: WanVae, cache: Path) -> ClipSource:
        """The clips, encoded; what is encoded already is found in ``cache``."""

    @abstractmethod
    def validation(self) -> Validation:
        """How the model in training is measured."""


@dataclass(frozen=True, kw_only=True)
class BaseRecipe(ClipRecipe):
    """Plain image-to-video from the first frame, transformer and text encoder from nothing.

    Args:
        transformer: its config.
        text_encoder: its config.
        drop_image: share of clips that are made from their text alone.
    """

    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    text_encoder: TextEncoderConfig = field(default_factory=TextEncoderConfig)
    drop_image: float = 0.2

    @abstractmethod
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer of a text encoder from nothing."""

    @property
    @abstractmethod
    def defaults(self) -> dict[str, object]:
        """What the model is run with (``backends.defaults.Defaults``)."""

    @property
    def trained_on(self) -> tuple[str, ...]:
        return ("vae",)

    @property
    def continues_from(self) -> tuple[str, ...]:
        return ("transformer", "text_encoder", "tokenizer")

    @property
    def exports(self) -> tuple[str, ...]:
        return ("model_index.json", "transformer", "text_encoder", "tokenizer", "scheduler")

    def build(self, model: Path, cache: Path, device: str) -> Stage:
        if self.from_weights is None:
            tokenizer = self.tokenizer()
            config = UMT5Config(vocab_size=len(tokenizer), **to_json(self.text_encoder))
            transformer = self.seeded(lambda: new_transformer(to_json(self.transformer)))
            text_encoder = self.seeded(lambda: UMT5EncoderModel(config))
        else:
            begin = Path(self.from_weights)
            tokenizer = T5Tokenizer.from_pretrained(begin / "tokenizer")  # the encoder knows words by its numbers
            transformer = load_transformer(begin)
            text_encoder = UMT5EncoderModel.from_pretrained(begin / "text_encoder", dtype=torch.float32)
        pipe = ReasonDiffPipeline(
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            vae=load_vae(self.read_from(model)),
            scheduler=scheduler(),
            transformer=transformer,
            reasondiff=self.defaults,
        ).to(device)
        return BaseStage(
            pipe,
            self.source(pipe.vae, cache),
            self.flow,
            drop_image=self.drop_image,
            validation=self.validation(),
        )


@dataclass(frozen=True, kw_only=True)
class ReasonRecipe(ClipRecipe):
    """Algorithm 1: LoRA and AlignFormer, or with neither config the model's own AlignFormer alone.

    With a ``base_model`` the result is an adapter's folder; else it goes into the model's own.

    Args:
        alignformer: of one from nothing (first pass).
        lora: likewise; both or none.
        beta: weight of the auxiliary loss (Eq. 6).
        per_frame: share of clips with a caption per latent frame.
        single_text: every latent frame reads the clip's one caption; an ablation.
        train_alignformer: without, c* stays the repeated anchor; an ablation.
    """

    alignformer: AlignFormerConfig | None
    lora: LoraOptions | None
    beta: float
    per_frame: float = 0.5
    single_text: bool = False
    train_alignformer: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.alignformer is None) != (self.lora is None):
            raise InputError("The first pass trains an alignformer and a lora, the second neither; give both or none.")
        if not self.train_alignformer and self.lora is None:
            raise InputError("The second pass trains the AlignFormer alone; leave train_alignformer as it is.")

    @property
    def trained_on(self) -> tuple[str, ...]:
        return _BASE if self.lora else (*_BASE, LORA_FILE)

    @property
    def continues_from(self) -> tuple[str, ...]:
        return ("alignformer", LORA_FILE) if self.lora else ()

    @property
    def exports(self) -> tuple[str, ...]:
        if self.base_model is not None:
            return ("adapter.json", "alignformer", LORA_FILE)
        return ("model_index.json", "alignformer", LORA_FILE) if self.lora else ("model_index.json", "alignformer")

    def check(self, model: Path) -> None:
        super().check(model)
        if self.base_model is None or not model.is_dir():
            return
        if any(model.iterdir()) and not (model / "adapter.json").exists():  # an adapter's folder is replaced as a whole
            raise InputError(f"{str(model)!r} holds other files than an adapter; give one of its own as --model.")

    def build(self, model: Path, cache: Path, device: str) -> Stage:
        pipe = self._pipe(self.read_from(model))
        for frozen in (pipe.vae, pipe.text_encoder, pipe.image_encoder, pipe.transformer):
            if frozen is not None:
                frozen.requires_grad_(False)
        adapters = {name: p for name, p in pipe.transformer.named_parameters() if ".lora_" in name and self.lora}
        if pipe.alignformer is None or (self.lora and not adapters):
            raise InputError(f"{str(model)!r} lacks an AlignFormer or a LoRA; train the first pass from nothing.")
        self.prepare(pipe, device)
        for parameter in adapters.values():
            parameter.requires_grad_(True)
        pipe.alignformer.train().requires_grad_(self.train_alignformer)
        return ReasonStage(
            pipe,
            self.source(pipe.vae, cache),
            self.flow,
            adapters=adapters,
            beta=self.beta,
            per_frame=self.per_frame,
            single_text=self.single_text,
            train_alignformer=self.train_alignformer,
            validation=self.validation(),
            adapter_of=self.base_model,
            recipe=self.to_dict(),
            texts=self.texts(pipe),
            held_out=self.held_out(),
        )

    def held_out(self) -> HeldOut | None:
        """Clips whose loss is measured at every validation."""
        return None

    def loading(self) -> dict[str, Any]:
        """How the model is loaded."""
        return {}

    def lora_options(self) -> LoraOptions | None:
        """Of a LoRA from nothing."""
        return self.lora

    def prepare(self, pipe: ReasonDiffPipeline, device: str) -> None:
        """Bring the model to its device, in the precision that weights are kept in."""
        with quiet_libraries():  # diffusers warns of layers that want float32, whatever they are cast to
            pipe.to(device, torch.float32)

    def texts(self, pipe: ReasonDiffPipeline) -> TextContexts:
        """Where the texts of a step come from."""
        return Texts(pipe.tokenizer, pipe.text_encoder)

    def _pipe(self, model: Path) -> ReasonDiffPipeline:
        """The model with the AlignFormer and the LoRA that are trained."""
        if self.from_weights is not None:
            begin = Path(self.from_weights)
            pipe = ReasonDiffPipeline.from_pretrained(
                model, alignformer=begin / "alignformer", lora=begin, **self.loading()
            )
            if self.lora and (rank := pipe.transformer.peft_config[ADAPTER].r) != self.lora.r:
                raise InputError(
                    f"The LoRA in {self.from_weights!r} has rank {rank}, not the recipe's {self.lora.r}; begin without "
                    "--from-weights."
                )
            if self.lora:
                _retarget(pipe, LoraConfig(**to_json(self.lora_options())))
            return pipe
        pipe = ReasonDiffPipeline.from_pretrained(model, **self.loading())
        if self.lora is None or self.alignformer is None:
            return pipe
        lora, config = LoraConfig(**to_json(self.lora_options())), to_json(self.alignformer)
        pipe.unload_lora_weights()
        self.seeded(lambda: pipe.transformer.add_adapter(lora, adapter_name=ADAPTER))
        pipe.register_modules(alignformer=self.seeded(lambda: AlignFormer(**config)))
        return pipe


def _retarget(pipe: ReasonDiffPipeline, lora: LoraConfig) -> None:
    """Give the modules of ``lora`` that the pipeline's has none for one that changes nothing yet."""
    trained = get_peft_model_state_dict(pipe.transformer, adapter_name=ADAPTER)
    pipe.unload_lora_weights()
    pipe.transformer.add_adapter(lora, adapter_name=ADAPTER)
    result = set_peft_model_state_dict(pipe.transformer, trained, adapter_name=ADAPTER)
    if unknown := result.unexpected_keys:  # type: ignore[attr-defined]  # torch's tuple of incompatible keys
        raise InputError(
            f"The LoRA to begin with trains {unknown[0]!r}, which the recipe's does not; give its own recipe."
        )


def scheduler() -> UniPCMultistepScheduler:
    """What the Wan2.1 checkpoints ship, without their shift, which is for larger pictures; "sample": see ``flow``."""
    return UniPCMultistepScheduler(
        prediction_type="sample", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=1.0
    )


def check_encoder(manifest: Manifest, vae: WanVae, data: str, base: str) -> None:
    """Raise ``InputError`` where a set was encoded for another base model."""
    if encoder_fingerprint(vae) != manifest.vae:
        raise InputError(
            f"The set {data!r} was encoded with {manifest.model!r}, whose VAE is another than that of {base!r}; run "
            f"reasondiff data precompute {data} --model {base}."
        )
