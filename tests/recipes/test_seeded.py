"""Whatever was drawn before: a recipe's run begins with the weights of its seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reasondiff import Timeline
from reasondiff.checkpoints import find_model
from reasondiff.data.clips import ClipLatents
from reasondiff.recipes import recipe
from reasondiff.recipes.base import Recipe
from reasondiff.recipes.storyworld_tiny import StoryWorldClipRecipe


class Nothing:
    """No clip is drawn here; this is what a stage asks before it draws one."""

    timeline = Timeline(1)

    def latents(self, index: int) -> ClipLatents:
        return ClipLatents(torch.zeros(16, 1, 2, 2), first_frame_condition=torch.zeros(16, 1, 2, 2))


FROM_NOTHING = ("vae", "base", "stage1", "narrator", "oracle", "clip")


def initial_weights(made: Recipe, cache: Path, global_seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(global_seed)
    stage = made.build(Path(find_model("storyworld-tiny")), cache, "cpu")
    return {name: weight.detach().clone() for name, weight in stage.trainable().items()}


@pytest.mark.parametrize("name", FROM_NOTHING)
def test_initial_weights_are_the_seeds(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoryWorldClipRecipe, "source", lambda *_: Nothing())
    made = recipe(f"storyworld-tiny/{name}")
    first, second = (initial_weights(made, tmp_path, global_seed) for global_seed in (1, 2))
    assert [key for key in first if not torch.equal(first[key], second[key])] == []

    other = replace(made, optimization=replace(made.optimization, seed=1))
    third = initial_weights(other, tmp_path, 1)
    assert any(not torch.equal(first[key], third[key]) for key in first)
