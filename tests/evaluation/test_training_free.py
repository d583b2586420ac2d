"""The training-free systems are asked for by one name, and give a base model more images where they are true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasondiff.errors import InputError
from reasondiff.evaluation.registry import GROUPS, find_systems
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.systems import OURS, ReasonDiffSystem
from reasondiff.evaluation.training_free import TRAINING_FREE
from reasondiff.narrative import Narrative
from tests import tiny
from tests.tiny.pipelines import IMAGE, STORY, alignformer, pipeline

CASE = Case("0001", IMAGE, "A cat plays.", 3)


def test_one_name_stands_for_all_and_each_is_asked_once() -> None:
    assert find_systems(["training-free"]) == list(TRAINING_FREE)
    assert find_systems(["reasondiff", "training-free"])[0] is OURS
    assert len({system.name for system in TRAINING_FREE}) == len(TRAINING_FREE) == 18
    assert set(GROUPS) == {"ablations", "segments", "training-free"}
    with pytest.raises(InputError, match=r"There is no method 'free'; choose from .*training-free,"):
        find_systems(["free"])


def test_segments_are_as_many_as_named() -> None:
    by_name = {system.name: system for system in TRAINING_FREE}
    story = Narrative.from_ends([(4, "a"), (8, "b"), (33, "c")], 8, 33)
    for count in (2, 3, 5):
        edit = by_name[f"free-soft-{count}"].edit
        assert edit is not None and len(edit(story, CASE).clips) == count
        assert by_name[f"free-soft-{count}"].options == {"text_mode": "soft", "use_adapter": False, "image_reach": None}


def case_with_frames() -> Case:
    frames = np.stack([np.asarray(tiny.image(64, 64, seed=seed)) for seed in range(17)])
    return Case("0001", IMAGE, "A cat plays.", 3, read_reference=lambda: frames)


@pytest.mark.parametrize(("here", "pinned"), [(0, [0, 16]), (16, [0, 16]), (9, [0, 9]), (4, [4, 16])])
def test_more_images_are_true_frames_far_from_the_given_one(
    here: int, pinned: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = pipeline(alignformer())
    told: list[Any] = []
    call = type(pipe).__call__
    monkeypatch.setattr(type(pipe), "__call__", lambda *given, **named: told.append(call(*given, **named)) or told[-1])
    using = Resources(tmp_path, lambda: pipe)
    using.story_of = lambda case: STORY.retime(17).with_anchor(here)  # type: ignore[method-assign]
    (made,) = ReasonDiffSystem("two", "two", more_images=1).generate([case_with_frames()], using)
    assert [anchor.frame for anchor in told[0].narrative.anchors] == pinned
    assert made.frames.shape == (17, 64, 64, 3)  # type: ignore[union-attr]


def test_a_case_without_true_frames_is_refused(tmp_path: Path) -> None:
    using = Resources(tmp_path, lambda: pipeline())
    using.story_of = lambda case: STORY  # type: ignore[method-assign]
    with pytest.raises(InputError, match="The case '0001' has no true frames; leave out the system 'two'"):
        ReasonDiffSystem("two", "two", more_images=1).generate([CASE], using)
