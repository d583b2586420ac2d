"""A record is a request again: what was resolved comes back, what was made before is read, what was edited refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasondiff.errors import InputError
from reasondiff.jobs.record import recorded_options, request_of
from reasondiff.jobs.request import VideoRequest
from tests.jobs.conftest import RESOLVED, record

VIDEO = Path("a.mp4")


def test_what_was_resolved_comes_back() -> None:
    asked = VideoRequest(
        image=VIDEO, prompt="A cat plays.", seed=3, text_mode="joined", use_adapter=False, fit="letterbox",
        preset="low-vram", adapter="tales", transformer=Path("own.gguf"), guidance_stop=0.5,
        **RESOLVED,
    )  # fmt: skip
    held = recorded_options(asked)
    assert all(value is None or isinstance(value, str | int | float | bool) for value in held.values())
    assert request_of(replace(record(), options=held), VIDEO, VideoRequest) == asked
    private = {"narrator", "narrator_url", "device", "image", "narrative", "model", "mag_ratios"}
    assert not private & set(held)  # of the maker's machine, or in a place of their own


def test_a_record_of_an_earlier_release() -> None:
    old = {
        "text_mode": "single", "use_adapter": False, "size": ..., "width": 64, "height": 48, "interval": 0.2,
        "num_videos_per_prompt": 1, "guidance_scale_2": 3.0, "device": "cuda:0", "dtype": "torch.float32", "case": "ab",
    }  # fmt: skip
    read = request_of(record(**old), VIDEO, VideoRequest)
    assert (read.text_mode, read.use_adapter, read.size) == ("single", False, "64x48")
    assert read.guidance_scale_2 is None and read.device is None and read.guidance_stop == 1
    wrapped = replace(record(), seed=2**32 + 5)  # drew the noise of seed 5
    assert request_of(wrapped, VIDEO, VideoRequest).seed == 5


@pytest.mark.parametrize("name", RESOLVED)
def test_what_a_record_always_holds_must_be_there(name: str) -> None:
    for gone in (..., None):
        with pytest.raises(InputError, match=f"impossible '{name}'"):
            request_of(record(**{name: gone}), VIDEO, VideoRequest)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"num_inference_steps": 10**9}, "'num_inference_steps'"),
        ({"num_inference_steps": "many"}, "'num_inference_steps'"),
        ({"num_inference_steps": True}, "'num_inference_steps'"),
        ({"guidance_scale": 1e300}, "'guidance_scale'"),
        ({"guidance_scale": 10**400}, "'guidance_scale'"),
        ({"max_sequence_length": 10**9}, "'max_sequence_length'"),
        ({"size": "999999x16"}, "'size'"),
        ({"width": 10**6, "height": 16}, "'size'"),
        ({"fps": 1e-9}, "'fps'"),
        ({"text_mode": "owner"}, "'text_mode'"),
        ({"use_adapter": 1}, "'use_adapter'"),
        ({"adapter": 5}, "'adapter'"),
        ({"num_frames": 13}, "for another video"),
    ],
)
def test_an_edited_record_is_refused_by_range(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named) as caught:
        request_of(record(**options), VIDEO, VideoRequest)
    assert "unedited copy" in str(caught.value)
