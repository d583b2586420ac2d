"""A denoising run kept on disk step by step, so that a killed one goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from reasondiff.backends.base import Known, VideoModel
from reasondiff.errors import InputError, UnsupportedError
from reasondiff.files import atomic_path
from reasondiff.pipeline.settings import Settings
from reasondiff.pipeline.story import PreparedStory

__all__ = ["DenoisingCheckpoint", "identity"]


class DenoisingCheckpoint:
    """The file of one run: latents and the scheduler's state, as safetensors.

    What comes after a kill is, step by step, what would have come without it; a step cache begins with a full step.

    Args:
        path: a file that is written after every step and deleted at the end.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.run = ""
        self._kept_when_done = False

    def begin(self, *identity: Any) -> None:
        """Say which run this is: equal for runs that may continue each other.

        Args:
            identity: values with a ``repr`` that tells them apart, and tensors on the CPU.
        """
        digest = hashlib.sha256()
        for part in identity:
            digest.update(part.numpy().tobytes() if isinstance(part, Tensor) else repr(part).encode())
        self.run = digest.hexdigest()

    def load(self, scheduler: object, device: torch.device) -> tuple[int, Tensor] | None:
        """The number of steps that are done and the latents after them, with the scheduler set; None for a new run.

        Raises:
            InputError: the file is damaged or of another run.
        """
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                written = json.loads(file.metadata()["progress"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            run, step, state, latents = written["run"], int(written["step"]), written["scheduler"], tensors["latents"]
        except (SafetensorError, OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{str(self.path)!r} is no kept progress; delete it, or give another name.") from None
        if run != self.run:
            raise InputError(f"{str(self.path)!r} is of another run; delete it, or give that run's options again.")
        for name, value in state.items():
            setattr(scheduler, name, _restored(value, tensors, device))
        return step, latents

    def save(self, step: int, latents: Tensor, scheduler: object) -> None:
        """After ``step`` steps.

        Raises:
            InputError: nothing can be written there.
            UnsupportedError: the scheduler's state cannot be written down.
        """
        tensors = {"latents": latents.detach().to("cpu", copy=True).contiguous()}
        state = {
            name: _described(value, name, tensors)
            for name, value in vars(scheduler).items()
            if name not in ("_internal_dict", "config")
        }
        written = json.dumps({"run": self.run, "step": step, "scheduler": state})
        with atomic_path(self.path) as partial:
            save_file(tensors, partial, metadata={"progress": written})

    def end(self) -> None:
        """The run is done; nothing is left of it, unless it is a part of a longer one."""
        if not self._kept_when_done:
            self.forget()

    def forget(self) -> None:
        """Nothing is left of the run, done or not."""
        self.path.unlink(missing_ok=True)

    def part(self, number: int) -> Self:
        """Where a part of a longer run is kept, until ``forget``."""
        part = copy(self)
        part.path = self.path.with_name(f"{self.path.stem}-{number + 1}{self.path.suffix}")
        part._kept_when_done = True
        return part


def identity(
    model: VideoModel[Any],
    stories: Sequence[PreparedStory],
    settings: Settings,
    noise: Tensor,
    known: Known | None = None,
) -> Iterator[Any]:
    """What two runs must share to continue each other."""
    for story in stories:
        narrative = replace(story.narrative, provenance={})  # asked again, the same story takes another time
        yield from (image.tobytes() for image in story.images)
        yield from (narrative.to_dict(), story.texts)
    yield from (settings, noise)
    if known is not None:
        yield from (known.held, known.latents.float().cpu().contiguous())
    yield from model.identity()


def _described(value: object, name: str, tensors: dict[str, Tensor]) -> object:
    """A value as JSON; tensors go to ``tensors``."""
    if isinstance(value, Tensor):
        tensors[f"scheduler.{name}"] = value.detach().to("cpu", copy=True).contiguous()
        return {"tensor": f"scheduler.{name}", "cpu": value.device.type == "cpu"}
    if isinstance(value, list | tuple):
        return {"list": [_described(each, f"{name}.{number}", tensors) for number, each in enumerate(value)]}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    raise UnsupportedError(f"This scheduler's {name!r} cannot be kept; run without keeping progress.")


def _restored(value: dict[str, Any], tensors: dict[str, Tensor], device: torch.device) -> Any:
    if "tensor" in value:
        tensor = tensors[value["tensor"]]
        return tensor if value["cpu"] else tensor.to(device)
    if "list" in value:
        return [_restored(each, tensors, device) for each in value["list"]]
    return value["value"]
