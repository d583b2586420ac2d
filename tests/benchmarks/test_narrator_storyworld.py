"""``benchmarks.narrator_storyworld``: what must be reached, and a folder's own images among what it does not know."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.narrator_storyworld import _limits, missed
from reasondiff.evaluation.suites.storyworld_narration import WORDS, Told
from reasondiff.evaluation.suites.unknown_images import unknown_images
from reasondiff.narrator.domain import DomainCheck
from reasondiff.storyworld.dataset import TakeSet, cases
from reasondiff.storyworld.render import draw_frame

NARRATOR = Path(__file__).parents[2] / "models" / "storyworld-tiny" / "narrator"


def test_a_folder_of_images(tmp_path: Path) -> None:
    unknown_images()["clouds 2"].save(tmp_path / "photo.jpg")
    draw_frame(TakeSet("test")[0], 0).save(tmp_path / "drawing.png")
    (tmp_path / "prompts.csv").write_text("image,prompt\n")
    knowledge = DomainCheck.load(json.loads((NARRATOR / "narrator.json").read_text())["knows"], NARRATOR)
    names, flags = (column.cells for column in _limits(knowledge, [], tmp_path)[0].columns)
    assert list(zip(names, flags, strict=True))[-2:] == [("drawing.png", "NO"), ("photo.jpg", "yes")]


def test_what_must_be_reached() -> None:
    def told(away: list[int], *, right: bool = True, valid: bool = True) -> list[Told]:
        words = {kind: (right,) for kind in WORDS}
        return [Told(cases(1)[0], None, valid, valid, frames, words, ()) for frames in away]

    shuffled = {f"core, {what} shuffled": told([0] * 100, right=False) for what in ("images", "prompts")}
    near, rules = [0] * 95 + [9] * 5, {"first": [0] * 60 + [20] * 40}
    assert missed({"core": told(near), **shuffled}, rules, [True] * 2 + [False] * 98) == []
    for faults, core, other, seen in (
        (["95 % of the positions within 3 frames"], told([0] * 94 + [9] * 6), rules, []),
        (["clearly better than every rule"], told(near), {"first": [0] * 90 + [20] * 10}, []),
        (["every reply valid"], [*told(near[1:]), *told([0], valid=False)], rules, []),
        (["at most 2 % of its own images unknown"], told(near), rules, [True] * 3 + [False] * 97),
    ):
        assert missed({"core": core, **shuffled}, other, seen) == faults
    unmoved = {**shuffled, "core, images shuffled": told(near)}
    assert missed({"core": told(near), **unmoved}, rules, []) == ["shuffled images or prompts destroy the score"]
