"""The oracle's training data and stage: labels say what is in sight, and the stage learns and resumes."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reasondiff.data.loader import SampleKey, draw_batch
from reasondiff.recipes.storyworld_oracle import ORACLE
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.oracle.detector import Detector
from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import NUM_FRAMES, PAIRS
from reasondiff.training.storyworld.oracle import OracleStage, degrade, focal_loss, heat_maps
from reasondiff.training.storyworld.oracle_scenes import (
    CLASSES,
    Item,
    Label,
    draw_items,
    items_of,
    perturb_scene,
    visibility,
)
from reasondiff.training.trainer import fit

RED = (208, 48, 48)


def cat(x: float, **changes: object) -> Item:
    return replace(Item("cat", x, 60.0, 1.1, 1, RED, RED), **changes)  # type: ignore[arg-type]


def test_items_are_what_the_renderer_draws() -> None:
    """Drawn item by item, a frame differs from the renderer's at the horizon's softened edge at most."""
    takes = TakeSet("train", hard=0.6, pairs=PAIRS)
    for index in range(60):
        take, frame = takes[index], (5 * index) % NUM_FRAMES
        drawn = np.asarray(draw_items(take, items_of(take, frame))).astype(int)
        difference = np.abs(drawn - np.asarray(draw_frame(take, frame)).astype(int))
        assert difference.max() < 25
        assert (difference > 2).mean() < 0.01


def test_visibility_is_the_share_inside_the_frame_and_uncovered() -> None:
    assert visibility([cat(32)])[0] > 0.95
    assert visibility([cat(-30)])[0] == 0
    assert 0.3 < visibility([cat(0)])[0] < 0.7
    covered, cover = visibility([cat(32), cat(32, name="dog", scale=1.4)])
    assert covered < 0.6 < cover


def test_labels_mark_the_middle_of_what_is_there() -> None:
    heat, weight = heat_maps([Label(cat(32), 1.0)])
    kind, row, column = np.argwhere(heat == 1)[0]
    assert (heat == 1).sum() == 1
    assert CLASSES[kind] == "cat"
    assert (column, row) == (8, int((60 - 12 * 1.1) / 4))
    assert (weight == 1).all()


@pytest.mark.parametrize("seen", [Label(cat(32), 0.15), Label(cat(32), 1.0, 0.7)], ids=["a tail", "a shade"])
def test_what_is_neither_there_nor_not_is_left_out(seen: Label) -> None:
    heat, weight = heat_maps([seen])
    assert not heat.any()
    assert 0 < (weight[CLASSES.index("cat")] == 0).sum() < 64
    assert (np.delete(weight, CLASSES.index("cat"), 0) == 1).all(), "but no other class may be seen there"


@pytest.mark.parametrize(
    "seen", [Label(cat(32), 0.01), Label(cat(32), 1.0, 0.5), Label(cat(32, name="", shape=3), 1.0)]
)
def test_what_is_hidden_half_blended_or_nothing_is_labelled_as_nothing(seen: Label) -> None:
    heat, weight = heat_maps([seen])
    assert not heat.any()
    assert (weight == 1).all()


def test_the_loss_is_small_for_the_truth_and_ignores_what_is_left_out() -> None:
    heat, weight = (torch.from_numpy(array)[None] for array in heat_maps([Label(cat(32), 1.0)]))
    right, wrong = torch.where(heat == 1, 9.0, -9.0), torch.where(heat == 1, -9.0, -9.0)
    assert focal_loss(right, heat, weight) < 0.01 < 5 < focal_loss(wrong, heat, weight)
    elsewhere = right.clone()
    elsewhere[0, 3] = 9.0
    weight[0, 3] = 0
    torch.testing.assert_close(focal_loss(elsewhere, heat, weight), focal_loss(right, heat, weight))


def test_disturbed_scenes_hold_what_never_happens() -> None:
    takes, rng = TakeSet("train", pairs=PAIRS), random.Random(0)
    scenes = [perturb_scene(items_of(takes[index], 15), rng) for index in range(300)]
    names = [[item.name for item in scene] for scene in scenes]
    assert any("" in scene for scene in names), "blobs"
    assert any(len({n for n in scene if n in ("cat", "dog", "pig")}) > 1 for scene in names), "strangers"
    assert any(scene.count(name) > 1 for scene in names for name in ("cat", "pig", "ball")), "doubles"
    assert any(not any("/" in n and not n.startswith("wall") for n in scene) for scene in names), "no object"


def test_degraded_frames_stay_pictures_and_depend_on_the_generator_only() -> None:
    takes = TakeSet("train")
    frames = torch.stack([torch.from_numpy(np.array(draw_frame(takes[k], 15))) for k in range(12)])
    frames = frames.permute(0, 3, 1, 2).float() / 255
    once, again = (degrade(frames, SampleKey(0, 1, 0).generator()) for _ in range(2))
    assert torch.equal(once, again)
    assert once.min() >= 0 and once.max() <= 1
    assert not torch.equal(once, degrade(frames, SampleKey(0, 2, 0).generator()))
    assert (once - frames).abs().mean() < 0.3


def test_the_stage_learns_resumes_and_exports(tmp_path: Path) -> None:

    def stage() -> OracleStage:
        torch.manual_seed(0)
        one = OracleStage(Detector(CLASSES, widths=(8, 16, 16)), batch=6)
        one.validate = lambda folder: {}  # type: ignore[method-assign]
        return one

    five = replace(ORACLE.optimization, steps=5, warmup_steps=1)
    straight, resumed = stage(), stage()
    assert fit(straight, five, tmp_path / "straight", log_every=1) == 5
    fit(resumed, five, tmp_path / "resumed", stop_after_minutes=0)
    resumed = stage()
    assert fit(resumed, five, tmp_path / "resumed") == 5
    for a, b in zip(straight.net.parameters(), resumed.net.parameters(), strict=True):
        assert torch.equal(a, b)
    straight.export(tmp_path / "model")
    again = Detector.from_pretrained(tmp_path / "model")
    assert list(again.config.classes) == list(CLASSES)
    assert set(straight.trainable()) == set(dict(again.named_parameters()))


def test_the_recipe_builds_the_network_it_describes(tmp_path: Path) -> None:
    stage = ORACLE.build(tmp_path, tmp_path, "cpu")
    assert isinstance(stage, OracleStage)
    assert 3e5 < sum(p.numel() for p in stage.net.parameters()) < 3.7e5
    frames, heat, weight = draw_batch(OracleStage(stage.net, batch=2).dataset, 0)
    assert frames.shape == (2, 3, 64, 64)
    assert heat.shape == weight.shape == (2, len(CLASSES), 16, 16)
    assert frames.abs().max() <= 1
