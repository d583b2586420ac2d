"""What a video is becoming, seen every few steps without decoding it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from reasondiff.errors import InputError
from reasondiff.files import atomic_path
from reasondiff.media import Fit, fit_image

__all__ = ["LatentPreview"]

_RIDGE = 1e-3
_HEIGHT = 96


class LatentPreview:
    """A callback that draws the predicted video as small pictures, one per latent frame, into a PNG.

    Colours come from latents by a linear map, fitted on the anchor, whose latent and pixels are both known: it costs
    milliseconds where decoding costs seconds. Pass it as ``callback_on_step_end``, and ``LatentPreview.inputs`` too.

    Args:
        image: the condition image.
        path: of the PNG, written anew each time.
        every: steps between pictures; the last step is always drawn.
        fit: as for the pipeline.
    """

    inputs = ("clean", "condition")

    def __init__(self, image: Image.Image, path: str | Path, every: int = 5, fit: Fit = "crop") -> None:
        if Path(path).suffix.lower() != ".png":
            raise InputError(f"{str(path)!r} is not the name of a PNG file; let it end in '.png'.")
        if every < 1:
            raise InputError(f"A preview every {every} steps is none; give 1 or more.")
        self.image = image.convert("RGB")
        self.path = Path(path)
        self.every = every
        self.fit = fit

    def __call__(self, pipe: Any, step: int, timestep: Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
        """After step ``step``, 0-based."""
        if (step + 1) % self.every == 0 or step + 1 == pipe.num_timesteps:
            clean = tensors["clean"].float().cpu()
            flagged, known = pipe.model.held(tensors["condition"][0].float().cpu())
            colours = self.colours(clean, known[:, int(flagged.argmax())], pipe.vae_scale_factor_spatial)
            with atomic_path(self.path) as partial:
                strip(colours).save(partial)
        return {}

    def colours(self, clean: Tensor, anchor: Tensor, scale: int) -> Tensor:
        """RGB in 0..1 [videos, latent_frames, height, width, 3] of latents [videos, channels, latent_frames, height,
        width]; ``anchor`` are the image's own latents [channels, height, width]."""
        channels, _, height, width = clean.shape[1:]
        fitted = fit_image(self.image, width * scale, height * scale, self.fit)
        pixels = torch.from_numpy(np.array(fitted))[None].float()
        wanted = F.interpolate(pixels.permute(0, 3, 1, 2) / 255, (height, width), mode="area")[0]

        known = _with_one(anchor.flatten(1).T).double()
        ridge = _RIDGE * len(known) * torch.eye(channels + 1, dtype=torch.float64)
        mixing = torch.linalg.solve(known.T @ known + ridge, known.T @ wanted.flatten(1).T.double()).float()
        return (_with_one(clean.movedim(1, -1)) @ mixing).clamp(0, 1)


def strip(colours: Tensor) -> Image.Image:
    """One row per video, one picture per latent frame."""
    videos, frames, height, width, _ = colours.shape
    factor = max(1, round(_HEIGHT / height))
    rows = colours.permute(0, 2, 1, 3, 4).reshape(videos * height, frames * width, 3)
    image = Image.fromarray((rows * 255).round().to(torch.uint8).numpy())
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def _with_one(values: Tensor) -> Tensor:
    return torch.cat([values, torch.ones_like(values[..., :1])], dim=-1)
