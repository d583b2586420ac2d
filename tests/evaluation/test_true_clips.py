"""The true clips as a system."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reasondiff.errors import InputError
from reasondiff.evaluation.outputs import Output
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.storyworld import StoryWorldSuite
from reasondiff.evaluation.true_clips import TrueClips


def test_they_are_the_cases_own_with_the_image_at_its_frame(tmp_path: Path) -> None:
    cases = StoryWorldSuite(2).cases()
    for case, output in zip(cases, TrueClips().generate(cases, Resources(tmp_path)), strict=True):
        assert isinstance(output, Output) and output.fps == 5.0 and output.anchor_frame is not None
        assert np.array_equal(output.frames[output.anchor_frame], np.asarray(case.image))
    with pytest.raises(InputError, match="has no true clip; leave out the method 'true-clips'"):
        TrueClips().generate([replace(cases[0], read_reference=None)], Resources(tmp_path))
