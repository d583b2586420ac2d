"""The judge by templates: drawn stories pass, spoiled agents do not, and it knows nothing of the oracle."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import numpy as np
import pytest

import reasondiff
from reasondiff.errors import InputError
from reasondiff.evaluation.suites.storyworld_corruptions import SPOILED
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.judges import judge_story
from reasondiff.storyworld.palette import COLOURS
from reasondiff.storyworld.render import draw
from reasondiff.storyworld.stories import PAIRS, Story
from reasondiff.storyworld.template_judge import judge_by_templates, read
from reasondiff.storyworld.template_judge.matching import NAMES, best_matches
from reasondiff.storyworld.template_judge.templates import agent_templates, object_templates


@pytest.mark.parametrize("level", ["core", "hard"])
def test_drawn_stories_pass(level: str) -> None:
    takes = TakeSet("test", hard=float(level == "hard"), pairs=PAIRS)
    for index in range(400_000, 400_006):
        take = takes[index]
        assert str(judge_by_templates(draw(take), take.story, variant=take.variant)) == "pass", (index, take)


@pytest.mark.parametrize("name", ["ghostly agent", "half-faded agent", "melted agent", "agent that changes colour"])
def test_spoiled_agents_are_nobody(name: str) -> None:
    takes, judged = TakeSet("test", pairs=PAIRS), 0
    for index in range(300_000, 300_020):
        video = SPOILED[name](takes[index], random.Random(index)) if judged < 2 else None
        if video is not None:
            judged += 1
            assert not judge_by_templates(video, takes[index].story).passed, index
    assert judged == 2


def test_an_agent_is_found_where_it_was_drawn() -> None:
    take = TakeSet("test", pairs=(("vase", "cat"),))[5]
    reading, seen = read(draw(take), take.story), 0
    for frame, match in enumerate(reading.agent):
        pose = take.agent_pose(frame)
        if pose and 12 < pose.x < 52:
            seen += 1
            assert match is not None
            assert (match.explained > 0.9, NAMES[match.colour]) == (True, take.agent_colour)
            assert abs(match.x - pose.x) <= 1.5 and abs(match.y - pose.y) <= 1.5
            assert match.template.facing == pose.facing
    assert seen >= 5
    right = [state == (frame >= take.change_frame) for frame, state in enumerate(reading.states) if state is not None]
    assert sum(right) >= len(right) - 1


def test_a_template_draws_what_the_sprite_draws() -> None:
    """Its colours are linear in the two that it is drawn with."""
    template = agent_templates("cat")[0]
    colour = np.array(COLOURS["red"], np.float32)
    ground = np.full((*template.size, 3), 200, np.float32)
    picture = template.on(ground, colour, colour)
    assert picture[0, 0] == pytest.approx([200, 200, 200])
    inside = template.cover > 0.99
    assert np.median(picture[inside], axis=0) == pytest.approx(colour, abs=3)
    assert len(object_templates("vase", "broken")) == 6


def test_an_empty_scene_has_no_matches() -> None:
    scene = np.full((64, 64, 3), 220, np.float32)
    assert best_matches(np.repeat(scene[None], 3, 0), [scene], agent_templates("dog")) == [None] * 3


def test_both_judges_are_asked() -> None:
    take = TakeSet("test", pairs=(("vase", "cat"),))[3]
    right, wrong = judge_story(draw(take), take.story), judge_story(draw(take), Story("vase", "pig"))
    assert (right.passed, right.agree, str(right)) == (True, True, "pass")
    assert not wrong.passed
    assert wrong.agree
    assert wrong.reasons == (*wrong.oracle.reasons, *wrong.templates.reasons)
    assert str(wrong) == "fail: the pig is never seen"


def test_what_is_no_video_is_refused() -> None:
    story = Story("vase", "cat")
    with pytest.raises(InputError, match="give uint8"):
        judge_by_templates(np.zeros((33, 64, 64, 3), np.float32), story)
    with pytest.raises(InputError, match="no variant 'odd'"):
        judge_by_templates(np.zeros((33, 64, 64, 3), np.uint8), story, variant="odd")


def test_it_shares_nothing_with_the_oracle_but_the_world() -> None:
    folder = Path(reasondiff.__file__).parent / "storyworld" / "template_judge"
    world = ("errors", "storyworld.palette", "storyworld.sprites", "storyworld.stories", "storyworld.template_judge")
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("reasondiff"):
                assert node.module.startswith(tuple(f"reasondiff.{part}" for part in world)), (file, node.module)
