"""The pipeline of a base model that is no Wan, and what a session asks of any pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Unpack

import torch
from PIL import Image

from reasondiff.backends.base import VideoModel
from reasondiff.checkpoints import read_config
from reasondiff.errors import InputError
from reasondiff.media.frame_image import FrameImage
from reasondiff.narrative import Narrative
from reasondiff.narrative.story import AnchorPlace
from reasondiff.pipeline.generate import generate, is_adapted, settings_of
from reasondiff.pipeline.output import ReasonDiffOutput
from reasondiff.pipeline.settings import Options, Settings
from reasondiff.pipeline.story import PreparedStory, prepare_story

if TYPE_CHECKING:
    from reasondiff.narrator import Narrator

__all__ = ["OTHER_MODELS", "ModelPipeline", "Pipeline", "loader_of"]


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
    """A base model and a narrator.

    Args:
        model: the base model.
        narrator: infers the story; None for a model that is given stories only.
        device: where the model computes.
        dtype: of its weights.
    """

    def __init__(
        self,
        model: VideoModel[object],
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


Loader = Callable[[Path, str], Pipeline]
"""Loads a model's folder onto a device."""

OTHER_MODELS: Mapping[str, Loader] = {}
"""Base models that are no Wan, by the ``_class_name`` of their folder's model_index.json."""


def loader_of(found: str) -> Loader | None:
    """What loads the model; None for Wan's kind, and for a model of the hub.

    Args:
        found: as ``checkpoints.find_model`` gives it.
    """
    index = Path(found) / "model_index.json"
    if not index.is_file():
        return None
    return OTHER_MODELS.get(str(read_config(index).get("_class_name")))
