"""``benchmarks.narrator_storyworld``: a folder's own images are rows of what it does not know."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.narrator_storyworld import _limits
from reasondiff.narrator.knowledge import Knowledge
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw_frame
from tests.storyworld.strangers import strangers

NARRATOR = Path(__file__).parents[2] / "models" / "storyworld-tiny" / "narrator"


def test_a_folder_of_images(tmp_path: Path) -> None:
    strangers()["clouds 2"].save(tmp_path / "photo.jpg")
    draw_frame(TakeSet("test")[0], 0).save(tmp_path / "drawing.png")
    (tmp_path / "prompts.csv").write_text("image,prompt\n")
    knowledge = Knowledge.load(json.loads((NARRATOR / "narrator.json").read_text())["knows"], NARRATOR)
    names, flags = (column.cells for column in _limits(knowledge, [], tmp_path).columns)
    assert list(zip(names, flags, strict=True))[-2:] == [("drawing.png", "NO"), ("photo.jpg", "yes")]
