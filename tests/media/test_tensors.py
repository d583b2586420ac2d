"""PSNR by hand, and the same of bytes as of a model's numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from reasondiff.media.tensors import psnr

BLACK, GREY = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 51, np.uint8)


def signed(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).float() / 127.5 - 1


def test_psnr_by_hand() -> None:
    assert psnr(BLACK, GREY) == round(-10 * math.log10(0.2**2), 2) == 13.98
    assert psnr(BLACK, BLACK) == 100.0


def test_bytes_and_numbers_are_measured_alike() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = rng.integers(0, 256, (2, 5, 6, 3), dtype=np.uint8)
        assert psnr(signed(one), signed(other)) == pytest.approx(psnr(one, other), abs=0.011)


def test_what_lies_outside_the_range_is_cut_off() -> None:
    assert psnr(torch.full((2, 2), 3.0), torch.ones(2, 2)) == 100.0


def test_only_what_the_mask_shows_counts() -> None:
    clean = torch.zeros(1, 3, 1, 2, 2)
    wrong = clean.clone()
    wrong[..., 0, 0] = 0.4  # of a range of 2, in one pixel of four
    mask = torch.zeros(1, 1, 1, 2, 2)
    assert psnr(wrong, clean, mask) == 100.0
    mask[..., 0, 0] = 1
    assert psnr(wrong, clean, mask) == round(-10 * math.log10(0.2**2), 2)
    assert psnr(wrong, clean) == round(-10 * math.log10(0.2**2 / 4), 2)
    assert psnr(wrong, clean, torch.zeros_like(mask)) == 100.0
