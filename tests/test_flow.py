"""What a transformer predicts: the velocity or the clean latents, told apart by the scheduler and worth the same."""

from __future__ import annotations

import pytest
import torch
from diffusers import UniPCMultistepScheduler

from reasondiff.flow import LEAST_SIGMA, clean_from, velocity_from
from tests import tiny

NAMED = ("flow_prediction", "sample")


def scheduler(kind: str) -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type=kind, use_flow_sigmas=True, flow_shift=3.0)


@pytest.fixture
def path() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    clean, noise = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    sigma = torch.tensor([0.3, 0.9])[:, None, None]
    return clean, noise, sigma, (1 - sigma) * clean + sigma * noise


@pytest.mark.parametrize("kind", NAMED)
def test_a_perfect_prediction_stands_for_the_clip_and_its_velocity(kind: str, path: tuple[torch.Tensor, ...]) -> None:
    clean, noise, sigma, noisy = path
    predicted = {"flow_prediction": noise - clean, "sample": clean}[kind]
    torch.testing.assert_close(clean_from(predicted, noisy, sigma, scheduler(kind)), clean)
    torch.testing.assert_close(velocity_from(predicted, noisy, sigma, scheduler(kind)), noise - clean)


def test_an_error_in_clean_latents_counts_no_more_than_at_the_least_sigma() -> None:
    noisy, wrong = torch.zeros(1), torch.ones(1)
    assert velocity_from(wrong, noisy, torch.zeros(1), scheduler("sample")) == -1 / LEAST_SIGMA


def test_a_scheduler_without_the_setting_belongs_to_a_velocity() -> None:
    predicted = torch.randn(3)
    assert velocity_from(predicted, torch.randn(3), torch.ones(1), tiny.scheduler("euler")) is predicted


def test_both_walk_the_same_path_to_the_clip() -> None:
    """The sampler, told the truth in either way, makes the same steps."""
    clean = torch.randn(1, 2, 3)
    ends = []
    for kind in NAMED:
        sampler, latents = scheduler(kind), torch.randn(1, 2, 3, generator=torch.Generator().manual_seed(0))
        sampler.set_timesteps(6)
        for step, timestep in enumerate(sampler.timesteps):
            truth = clean if kind == "sample" else (latents - clean) / sampler.sigmas[step]
            latents = sampler.step(truth, timestep, latents, return_dict=False)[0]
        ends.append(latents)
    torch.testing.assert_close(*ends)
    torch.testing.assert_close(ends[0], clean, atol=1e-3, rtol=0)
