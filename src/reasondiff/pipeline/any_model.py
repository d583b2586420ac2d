"""The pipeline of a base model that is no Wan, and what a session asks of any pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Unpack

import torch
from PIL import Image

from reasondiff.backends.base import VideoModel
from reasondiff.backends.exclusive import exclusive
from reasondiff.checkpoints import HUB, hub_configs, read_config
from reasondiff.errors import CheckpointError, InputError
from reasondiff.media.frame_image import FrameImage
from reasondiff.narrative import Narrative
from reasondiff.narrative.story import AnchorPlace
from reasondiff.pipeline.generate import generate, is_adapted, settings_of
from reasondiff.pipeline.output import ReasonDiffOutput
from reasondiff.pipeline.settings import Options, Settings
from reasondiff.pipeline.story import PreparedStory, prepare_story

if TYPE_CHECKING:
    from reasondiff.narrator import Narrator
    from reasondiff.planning.presets import Preset

__all__ = ["OTHER_MODELS", "Kind", "ModelPipeline", "Pipeline", "Wanted", "kind_of"]


class Pipeline(Protocol):
    """What a session asks of a pipeline; ``ReasonDiffPipeline`` has it, and so has ``ModelPipeline``."""

    @property
    def device(self) -> torch.device: ...

    @property
    def dtype(self) -> torch.dtype: ...

    @property
    def narrator(self) -> Narrator: ...

    @narrator.setter
    def narrator(self, narrator: Narrator | None) -> None: ...

    @property
    def model(self) -> VideoModel[Any]: ...

    def settings(
        self, image: Image.Image, narrative: Narrative | None = None, **options: Unpack[Options]
    ) -> Settings: ...

    def narrate(
        self,
        image: Image.Image,
        prompt: str,
        narrative: Narrative | None,
        settings: Settings,
        position: int | None = None,
        anchor: AnchorPlace = "narrative",
        frame_images: Sequence[FrameImage] = (),
    ) -> PreparedStory: ...

    def __call__(self, *arguments: Any, **options: Any) -> ReasonDiffOutput: ...

    def stop(self) -> None: ...


class ModelPipeline:
    """A base model and a narrator. Calls from several threads wait for each other.

    Args:
        model: the base model.
        narrator: infers the story; None for a model that is given stories only.
        device: where the model computes.
        dtype: of its weights.
    """

    def __init__(
        self,
        model: VideoModel[Any],
        narrator: Narrator | None = None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.model = model
        self.device = torch.device(device)
        self.dtype = dtype
        self._narrator = narrator
        self._stopped = False

    @property
    def narrator(self) -> Narrator:
        """What infers the story.

        Raises:
            InputError: there is none.
        """
        if self._narrator is None:
            raise InputError("This model has no narrator; give a narrative, or a narrator such as openai:gpt-4o.")
        return self._narrator

    @narrator.setter
    def narrator(self, narrator: Narrator | None) -> None:
        self._narrator = narrator

    def __call__(
        self,
        image: Image.Image | Sequence[Image.Image] | None = None,
        prompt: str | Sequence[str] = "",
        *,
        narrative: Narrative | Sequence[Narrative] | None = None,
        **options: Any,
    ) -> ReasonDiffOutput:
        """Make videos; ``options`` are those of ``generate``, which says what it raises."""
        with exclusive(self.model):
            self._stopped = False
            return generate(
                self.model, lambda: self.narrator, image, prompt, narrative, stopped=lambda: self._stopped, **options
            )

    def stop(self) -> None:
        """End the running call's denoising within a step."""
        self._stopped = True

    def settings(self, image: Image.Image, narrative: Narrative | None = None, **options: Unpack[Options]) -> Settings:
        """Every option resolved; raises as ``settings_of``."""
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


@dataclass(frozen=True)
class Wanted:
    """How a base model is to be loaded.

    Args:
        found: a folder or a hub id, as ``checkpoints.find_model`` gives it.
        device: where it computes.
        preset: how it is run; None for the model as it is.
        revision: of a model on the hub.
    """

    found: str
    device: str
    preset: Preset | None = None
    revision: str | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of base model that is no Wan.

    Args:
        load: brings one onto its device.
        presets: whether it can be run by presets.
    """

    load: Callable[[Wanted], Pipeline]
    presets: bool = False


def _load_ltx(wanted: Wanted) -> Pipeline:
    from reasondiff.pipeline.ltx import load_ltx

    pipe, model = load_ltx(wanted.found, wanted.device, wanted.preset, wanted.revision)
    return ModelPipeline(model, device=wanted.device, dtype=pipe.transformer.dtype)


OTHER_MODELS: Mapping[str, Kind] = {
    "LTXConditionPipeline": Kind(_load_ltx, presets=True),
}
"""Base models that are no Wan, by the ``_class_name`` of their model_index.json."""

_SAME = {"LTXPipeline": "LTXConditionPipeline", "LTXImageToVideoPipeline": "LTXConditionPipeline"}
"""Other names of diffusers for the same components."""


def kind_of(found: str, revision: str | None = None) -> Kind | None:
    """What kind a model is of; None for Wan's.

    Args:
        found: as ``checkpoints.find_model`` gives it.
        revision: of a model on the hub.
    """
    if known := [name for name, repo in HUB.items() if repo == found]:
        return OTHER_MODELS["LTXConditionPipeline"] if known[0].startswith("ltx-") else None
    try:
        folder = Path(found) if Path(found).is_dir() else hub_configs(found, revision=revision)
    except CheckpointError:
        return None  # loading it will say why
    index = folder / "model_index.json"
    if not index.is_file():
        return None
    name = str(read_config(index).get("_class_name"))
    return OTHER_MODELS.get(_SAME.get(name, name))
