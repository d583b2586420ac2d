"""What the video autoencoder is trained on: crops of drawn clips, by a curriculum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reasondiff.data.loader import SampleKey
from reasondiff.media.tensors import foreground, to_tensor
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw_backdrop, draw_frame
from reasondiff.storyworld.stories import NUM_FRAMES, SIZE, Take
from reasondiff.timeline import Timeline

__all__ = ["Phase", "VaeDataset", "VaeInputs"]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of the curriculum; those that end together take turns, step by step.

    Args:
        until: the share of all steps at which it ends.
        frames: lengths to draw from, each 4k+1.
        batch: clips per step.
        crop: side of the square crop, in pixels.
        moving: crops around the agent, while it is in the scene; most of a whole clip stands still.
    """

    until: float
    frames: tuple[int, ...]
    batch: int
    crop: int
    moving: bool = False


@dataclass(frozen=True)
class VaeInputs:
    """One step's draws.

    Args:
        clean: [batch, 3, frames, crop, crop] in -1..1.
        weight: [batch, 1, frames, crop, crop], of each pixel in the loss.
        noise: [batch, channels, latent_frames, height, width], standard normal, for the latents.
    """

    clean: Tensor
    weight: Tensor
    noise: Tensor

    def to(self, device: torch.device) -> VaeInputs:
        return VaeInputs(self.clean.to(device), self.weight.to(device), self.noise.to(device))


class VaeDataset:
    """Crops of drawn takes, by the phases of the curriculum.

    Args:
        takes: what to draw from.
        phases: in order.
        steps: of the whole run, to know where phases end.
        foreground_weight: of pixels that differ from the clip's empty scene.
        channels: of the latents.
        scale: pixels per latent, in height and width.
    """

    def __init__(
        self,
        takes: TakeSet,
        phases: Sequence[Phase],
        *,
        steps: int,
        foreground_weight: float,
        channels: int,
        scale: int,
    ) -> None:
        self.takes = takes
        self.phases = phases
        self.steps = steps
        self.foreground_weight = foreground_weight
        self.channels = channels
        self.scale = scale

    def phase(self, step: int) -> Phase:
        """The phase that a step belongs to."""
        ends = [phase.until for phase in self.phases if step < phase.until * self.steps]
        until = min(ends, default=self.phases[-1].until)
        now = [phase for phase in self.phases if phase.until == until]
        return now[step % len(now)]

    def batch_size(self, step: int) -> int:
        return self.phase(step).batch

    def draw(self, key: SampleKey) -> VaeInputs:
        """One clip; all of a step have one length."""
        phase, generator = self.phase(key.step), key.generator()
        frames = phase.frames[_randint(len(phase.frames), key.step_generator())]
        take = self.takes[_randint(2**31, generator)]
        first, top, left = self._window(take, phase, frames, generator)
        video = np.stack([np.asarray(draw_frame(take, first + k)) for k in range(frames)])
        scene = np.array(draw_backdrop(take))[None]  # a copy, which torch may write to
        window = np.s_[..., top : top + phase.crop, left : left + phase.crop, :]
        clean = to_tensor(video[window][None])
        weight = 1 + (self.foreground_weight - 1) * foreground(clean, to_tensor(scene[window][None]))
        side = phase.crop // self.scale
        shape = (1, self.channels, Timeline(frames).num_latent_frames, side, side)
        return VaeInputs(clean, weight, torch.randn(shape, generator=generator))

    def _window(self, take: Take, phase: Phase, frames: int, generator: torch.Generator) -> tuple[int, int, int]:
        """The crop's first frame, top and left."""
        room = SIZE - phase.crop + 1
        first = _randint(NUM_FRAMES - frames + 1, generator)
        top, left = _randint(room, generator), _randint(room, generator)
        if not phase.moving:
            return first, top, left
        start, stop = take.phases["enter"].start, take.phases["leave"].stop
        first = min(start + _randint(max(1, stop - start - frames // 2), generator), NUM_FRAMES - frames)
        pose = take.agent_pose(min(first + frames // 2, stop - 1))
        if pose is not None:  # its feet are at (x, y)
            above = phase.crop - _randint(phase.crop // 2, generator)
            before = phase.crop // 4 + _randint(phase.crop // 2, generator)
            top = min(max(round(pose.y) - above, 0), room - 1)
            left = min(max(round(pose.x) - before, 0), room - 1)
        return first, top, left

    def collate(self, samples: Sequence[VaeInputs]) -> VaeInputs:
        return VaeInputs(
            torch.cat([sample.clean for sample in samples]),
            torch.cat([sample.weight for sample in samples]),
            torch.cat([sample.noise for sample in samples]),
        )


def _randint(high: int, generator: torch.Generator) -> int:
    return int(torch.randint(high, (), generator=generator))
