"""The straight path from noise to video (Eq. 1 and 2), and what a transformer predicts of it.

On the path ``noisy = (1 - sigma) * clean + sigma * noise``. Wan's checkpoints predict the velocity ``noise - clean``.
The bundled transformer predicts ``clean``: most of a velocity's 256 values per token are noise, which a small network
has no room to carry through (Li and He, "Back to Basics: Let Denoising Generative Models Denoise", 2025). Which of the
two it is, the scheduler's ``prediction_type`` says, as in diffusers.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

__all__ = ["LEAST_SIGMA", "clean_from", "velocity_from"]

LEAST_SIGMA = 0.05
"""A velocity that is worked out from clean latents is divided by no less."""


def clean_from(predicted: Tensor, noisy: Tensor, sigma: Tensor, scheduler: object) -> Tensor:
    """The clean latents that a prediction stands for; all of one shape, ``sigma`` broadcast."""
    return predicted if _names_clean(scheduler) else noisy - sigma * predicted


def velocity_from(predicted: Tensor, noisy: Tensor, sigma: Tensor, scheduler: object) -> Tensor:
    """The velocity that a prediction stands for; exact from ``LEAST_SIGMA`` on."""
    return (noisy - predicted) / sigma.clamp(min=LEAST_SIGMA) if _names_clean(scheduler) else predicted


def _names_clean(scheduler: Any) -> bool:
    return scheduler.config.get("prediction_type") == "sample"
