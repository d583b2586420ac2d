"""Recipes as JSON: what is printed can be read, and every value can be changed, typed and checked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reasondiff.errors import InputError
from reasondiff.recipes import RECIPES, recipe, resolve
from reasondiff.recipes.config import changed, flat, from_json, to_json, updated


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_json_and_is_named_as_it_is_asked_for(name: str) -> None:
    plan = recipe(name)
    assert plan.name == name
    assert from_json(type(plan), json.loads(json.dumps(to_json(plan)))) == plan
    assert updated(plan, {}) == plan


@pytest.mark.parametrize("name", RECIPES)
def test_every_value_of_every_recipe_can_be_given_again(name: str) -> None:
    plan = recipe(name)
    for key, value in flat(to_json(plan)):
        assert changed(plan, key, json.dumps(value)) == plan, key


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_what_it_reads_writes_and_may_change(name: str) -> None:
    plan = recipe(name)
    names = {key for key, _ in flat(to_json(plan), objects=True)}
    assert plan.may_change <= names
    assert set(plan.shortcuts.values()) <= plan.may_change
    assert plan.exports
    assert all(needed.writer in RECIPES for needed in plan.reads)
    if plan.base_model is None and plan.trained_on:
        assert plan.reads


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("optimization.lr", "1e-4", 1e-4),
        ("optimization.lr", "1", 1.0),
        ("optimization.betas", "[0.8, 0.9]", (0.8, 0.9)),
        ("optimization.muon", "true", True),
        ("lora.r", "8", 8),
        ("from_weights", "a/folder", "a/folder"),
        ("from_weights", "null", None),
    ],
)
def test_a_value_is_typed(key: str, text: str, found: Any) -> None:
    value: Any = changed(recipe("storyworld-tiny/stage1"), key, text)
    for part in key.split("."):
        value = getattr(value, part)
    assert value == found and type(value) is type(found)


def test_a_value_inside_a_list_can_be_changed() -> None:
    plan: Any = changed(recipe("storyworld-tiny/vae"), "phases.1.batch", "4")
    assert [phase.batch for phase in plan.phases] == [16, 4, 2]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("optimization.rl=1", "There is no 'optimization.rl' in this recipe; did you mean optimization.lr"),
        ("lr=1", "There is no 'lr' in this recipe; did you mean optimization.lr"),
        ("learning_rate=1", "There is no 'learning_rate' in this recipe"),
        ("optimization.lr.x=1", "There is no 'optimization.lr.x' in this recipe"),
        ("optimization.betas.2=1", "There is no 'optimization.betas.2' in this recipe"),
        ("optimization.lr=fast", 'optimization.lr cannot be "fast"; give a number.'),
        ("optimization.lr=NaN", "optimization.lr cannot be NaN; give a finite number."),
        ("optimization.lr=0", "With lr = 0 nothing is learnt; give more than 0."),
        ("optimization.lr=true", "optimization.lr cannot be true; give a number."),
        ("optimization.steps=1.5", "optimization.steps cannot be 1.5; give a whole number."),
        ("optimization.steps=0", "0 steps train nothing; give 1 or more."),
        ("optimization.ema_decay=2", "ema_decay = 2 is no share; give 0 to 1."),
        ("optimization.muon=1", "optimization.muon cannot be 1; give true or false."),
        ("optimization.betas=[0.9]", "optimization.betas cannot be [0.9]; give a list of 2."),
        ("optimization.precision=fp8", 'optimization.precision cannot be "fp8"; give one of'),
        ("lora=null", "The first pass trains an alignformer and a lora, the second neither; give both or none."),
        ("flow.batch=0", "A batch of 0 trains nothing; give 1 or more."),
        ("name=mine", "A recipe keeps its name"),
        ("flow.batch", "--set 'flow.batch' has no value; give it as NAME=VALUE."),
    ],
)
def test_a_value_that_is_wrong_is_refused_in_one_sentence(change: str, told: str) -> None:
    with pytest.raises(InputError) as refusal:
        resolve("storyworld-tiny/stage1", changes=[change])
    assert str(refusal.value).startswith(told)


def test_the_later_of_two_values_wins() -> None:
    plan = resolve(
        "storyworld-tiny/stage1",
        changes=["optimization.steps=7", "optimization.steps=8", "flow.batch=3"],
        shortcuts={"batch": 5},
    )
    assert plan.optimization.steps == 8 and to_json(plan)["flow"]["batch"] == 5
