"""docs/api.md, run from top to bottom in a folder with a tiny model and an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pages import blocks, run
from tests.tiny.pipelines import IMAGE, add_lora, alignformer, pipeline

PAGE = "api.md"


@pytest.fixture(scope="module")
def scope(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every name of the page, after it was run."""
    here = tmp_path_factory.mktemp("api")
    model = pipeline(alignformer(), image_tokens=False)
    add_lora(model)
    model.save_pretrained(here / "models" / "storyworld-tiny")
    IMAGE.save(here / "vase.png")
    names: dict[str, Any] = {"__name__": "page"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        for heading in blocks(PAGE):
            run(PAGE, heading, names)
    return names | {"here": here}


def test_the_pipeline_made_what_the_page_says(scope: dict[str, Any]) -> None:
    assert scope["output"].frames.shape == (1, 9, 64, 64, 3)
    assert scope["output"].narrative.clips == scope["story"].clips
    assert scope["output"].predicted.shape == (1, 4, 3, 8, 8)
    assert scope["plain"].predicted is None and scope["plain"].narrative.anchor_frame == 0
    assert scope["two"].frames.dtype == "uint8"
    assert [story.narrative.anchor_frame for story in scope["two"].stories] == [8, 2]
    assert scope["later"].num_frames == 17 and len(scope["later"].clips) == 3


def test_the_adapter_was_written_and_is_in_use(scope: dict[str, Any]) -> None:
    assert (scope["here"] / "my-adapter" / "adapter.json").is_file()
    assert scope["pipe"].active_adapter == "mine" and "mine" in scope["pipe"].adapters


def test_the_session_made_a_video_and_its_record_repeats_the_request(scope: dict[str, Any]) -> None:
    assert scope["found"].frames.shape == scope["video"].frames.shape == (9, 64, 64, 3)
    assert (scope["other"].frames != scope["video"].frames).any()
    asked: Path = scope["again"].image
    assert asked == Path("out.mp4") and scope["again"].num_frames == 9
