"""The model that a server offers: what is known of it without loading it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from reasondiff.backends.defaults import Defaults
from reasondiff.errors import InputError
from reasondiff.jobs.options import options_of
from reasondiff.jobs.request import VideoRequest
from reasondiff.media import frame_size
from reasondiff.timeline import Timeline

__all__ = ["OPTIONS", "Served"]

OPTIONS = {
    name: each
    for name, each in options_of(VideoRequest).items()
    if not each.about.local and each.about.group != "model" and name not in ("prompt", "seed")
}
"""What a client may choose: nothing that names a place on this machine or what is loaded."""


@dataclass(frozen=True)
class Served:
    """A model under the name that clients know.

    Args:
        name: the last part of what it is loaded from; a client never sees a path.
        request: whose options of the group "model" say what is loaded and where.
        defaults: what it is run with unless told otherwise.
        stride: frames per latent frame after the first.
        multiple: pixels that width and height are a multiple of.
        memory: bytes of GPU memory that a video of its defaults takes at most, as ``planning`` predicts.
    """

    name: str
    request: VideoRequest
    defaults: Defaults
    stride: int
    multiple: int
    memory: float

    @classmethod
    def of(cls, request: VideoRequest) -> Self:
        """From a request's model, by its configs alone.

        Raises:
            CheckpointError: there is no such model.
        """
        from reasondiff.planning import architecture, job_of, plan
        from reasondiff.planning.presets import preset

        found = architecture(request.model, request.revision)
        patch = found.transformers[0].patch
        return cls(
            name=Path(request.model).name,
            request=request,
            defaults=Defaults.from_config(found.defaults),
            stride=found.vae.stride,
            multiple=found.vae.scale * patch[1],
            memory=plan(found, preset(request.preset or "quality"), job_of(found.defaults)).memory,
        )

    def request_of(self, options: dict[str, Any], prompt: str, seed: int) -> VideoRequest:
        """A client's options as a request for this model.

        Raises:
            InputError: one of them cannot be used.
        """
        read = {name: OPTIONS[name].read(value) for name, value in options.items()}
        return replace(self.request, prompt=prompt, seed=seed, **read)

    def num_frames(self, request: VideoRequest, told: int | None) -> int:
        """Of the video that a request asks for.

        Args:
            request: of a client.
            told: frames of the story, where there is one.

        Raises:
            InputError: the model cannot make so many.
        """
        return Timeline(request.num_frames or told or self.defaults.num_frames, self.stride).num_frames

    def frames_in(self, seconds: float) -> int:
        """The number of frames that the model takes which is nearest to a length."""
        return 1 + self.stride * max(0, round((seconds / self.defaults.interval - 1) / self.stride))

    def size(self, request: VideoRequest, image: tuple[int, int]) -> tuple[int, int]:
        """Width and height of the video that a request asks for; the image gives the aspect.

        Raises:
            InputError: they do not divide into the model's tokens.
        """
        if (sides := request.width_and_height) is None:
            return frame_size(image, request.area or self.defaults.area, self.multiple)
        near = tuple(max(1, round(side / self.multiple)) * self.multiple for side in sides)
        if near != sides:
            step = f"{self.multiple}x{self.multiple}"
            raise InputError(
                f"The size {sides[0]}x{sides[1]} does not divide into {step} pixels; give {near[0]}x{near[1]}."
            )
        return sides
