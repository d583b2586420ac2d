"""``reasondiff train``: what is printed before anything is trained, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

BASE = ("train", "--recipe", "storyworld-tiny/base", "--dry-run")


def test_a_dry_run_prints_the_configuration_with_what_was_asked_for(reasondiff: Callable) -> None:
    plain = json.loads(reasondiff(*BASE).out)
    asked = json.loads(reasondiff(*BASE, "--batch", "3", "--compile", "--steps", "7").out)
    assert not plain["settings"]["compile"]
    plain["settings"].update(batch=3, compile=True)
    plain["optimization"].update(steps=7)
    assert asked == plain


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*BASE, "--batch", "0"), "A batch of 0 trains nothing; give 1 or more."),
        ((*BASE, "--steps", "0"), "0 steps train nothing; give 1 or more."),
        (("train", "--recipe", "storyworld-tiny/vae", "--compile"), "storyworld-tiny/vae takes no --compile"),
        (("train", "--recipe", "storyworld-tiny/oracle", "--batch", "4"), "storyworld-tiny/oracle takes no --batch"),
        (("train", "--recipe", "storyworld-tiny/stage3"), "storyworld-tiny/stage2"),
    ],
)
def test_what_no_recipe_takes_is_refused(refused: Callable, arguments: tuple[str, ...], told: str) -> None:
    assert told in refused(*arguments)
