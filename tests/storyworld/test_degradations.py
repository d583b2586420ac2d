"""Spoiled layers: each function does to a square what its name says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reasondiff.storyworld import degradations

MIDDLE = (32.0, 32.0)


@pytest.fixture
def square() -> np.ndarray:
    """Twenty by twenty pixels, 100 brighter than the rest."""
    layer = np.zeros((64, 64, 3), np.float32)
    layer[22:42, 22:42] = 100
    return layer


def test_a_layer_put_back_is_the_picture() -> None:
    rng = np.random.default_rng(0)
    picture, rest = (rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(2))
    assert np.array_equal(degradations.onto(rest, degradations.layer_of(picture, rest)), picture)


def test_a_shade_has_its_share_of_the_ink(square: np.ndarray) -> None:
    assert degradations.fade(square, 0.4).max() == pytest.approx(40)


@pytest.mark.parametrize("angle", [0.0, 1.0, math.pi / 2, 4.0])
def test_of_a_half_faded_thing_half_is_left(square: np.ndarray, angle: float) -> None:
    left = degradations.fade_part(square, 0.5, angle)
    assert left.sum() / square.sum() == pytest.approx(0.5, abs=0.05)
    assert left.max() > 95
    assert left[22:42, 22:42].min() < 5


def test_a_graft_takes_the_rest_from_the_other(square: np.ndarray) -> None:
    other = np.roll(square, 8, axis=0) * 0.5
    both = degradations.graft(square, other, 0.5, 0.0)
    assert np.allclose(both[:, 36:], square[:, 36:], atol=3)
    assert np.allclose(both[:, :28], other[:, :28], atol=3)


def test_patches_are_of_several_colours_and_the_commonest_is_counted(square: np.ndarray) -> None:
    layers = [square * share for share in (1.0, 0.6, 0.3)]
    patched, commonest = degradations.patch(layers, MIDDLE, 3)
    values, counts = np.unique(patched[22:42, 22:42, 0].round(), return_counts=True)
    assert set(values) <= {100, 60, 30}
    assert commonest == pytest.approx(counts.max() / counts.sum())
    assert np.array_equal(degradations.patch(layers, MIDDLE, 3)[0], patched)


def test_a_smear_is_wider_and_fainter_and_as_much(square: np.ndarray) -> None:
    smeared = degradations.smear(square, 12)
    assert smeared.sum() == pytest.approx(square.sum(), rel=1e-5)
    assert degradations.outline(smeared).any(0).sum() == 32
    assert smeared.max(axis=(0, 2))[17] < 50


def test_melting_moves_pixels_by_about_the_amount(square: np.ndarray) -> None:
    assert np.allclose(degradations.warp(square, MIDDLE, 0.0, 1), square)
    little, much = (degradations.outline(degradations.warp(square, MIDDLE, amount, 1)) for amount in (1.0, 4.0))
    shape = degradations.outline(square)
    assert 0 < (little ^ shape).sum() < (much ^ shape).sum()


def test_a_clot_has_one_colour_and_no_corners(square: np.ndarray) -> None:
    square[22:42, 22:32] = 50
    clot = degradations.clot(square, 4.5)
    assert not degradations.outline(clot)[22, 22]
    inside = clot[28:36, 28:36, 0]
    assert inside.max() - inside.min() < 30


def test_nothing_stays_nothing() -> None:
    nothing = np.zeros((64, 64, 3), np.float32)
    for spoiled in (
        degradations.fade_part(nothing, 0.5, 1.0),
        degradations.warp(nothing, MIDDLE, 3.0, 0),
        degradations.clot(nothing, 4.5),
        degradations.patch([nothing, nothing], MIDDLE, 0)[0],
    ):
        assert not spoiled.any()
    assert degradations.share_of(np.ones((64, 64)), nothing) == 0
