"""``reasondiff narrate edit`` and ``show``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import pytest
from PIL import Image

from reasondiff.narrative import Narrative
from reasondiff.narrator import Reply


@pytest.fixture
def story(tmp_path: Path) -> Path:
    narrative = Narrative.from_ends(
        [(10, "A vase stands."), (20, "A cat comes."), (33, "It breaks.")], 25, 33, provenance={"narrator": "me"}
    )
    narrative.save(tmp_path / "story.json")
    return tmp_path / "story.json"


def test_edits_happen_in_the_order_given(reasondiff: Callable, story: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    ran = reasondiff(
        "narrate", "edit", story, "--split", 31, "--set", "4:The cat flees.", "--merge", "1,2", "--move-anchor", 33,
        "--set", "1: A vase and a cat: both at rest.", "--retime", 65, "--style", "A room.", "-o", first,
    )  # fmt: skip
    assert ran.code == 0, ran
    edited = Narrative.load(first)
    assert [(clip.start, clip.end, clip.description) for clip in edited.clips] == [
        (0, 39, "A vase and a cat: both at rest."), (39, 59, "It breaks."), (59, 65, "The cat flees."),
    ]  # fmt: skip
    assert (edited.anchor_frame, edited.style) == (64, "A room.")
    assert edited.provenance["narrator"] == "me"
    assert edited.provenance["edits"][:3] == ["--split 31", "--set 4:The cat flees.", "--merge 1,2"]
    assert Narrative.load(story).num_frames == 33  # untouched

    # The same changes in another order are another story: merged first, clip 3 is the one that --split 31 makes.
    reasondiff("narrate", "edit", story, "--merge", "1,2", "--split", 31, "--set", "3:The cat flees.", "-o", second)
    assert [clip.description for clip in Narrative.load(second).clips] == [
        "A vase stands. A cat comes.", "It breaks.", "The cat flees.",
    ]  # fmt: skip


def test_without_output_the_file_itself_changes(reasondiff: Callable, story: Path) -> None:
    ran = reasondiff("narrate", "edit", story, "--move-anchor", 3)
    assert ran.code == 0 and "position 3 of 33" in ran.out
    assert Narrative.load(story).anchor_frame == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--move-anchor", 34), "Position 34 is outside 1..33"),
        (("--move-anchor", 0), "Position 0 is outside"),
        (("--set", "4:x"), "no clip 4"),
        (("--set", "two:x"), "names no clip"),
        (("--set", "2:"), "no description"),
        (("--split", 11), "begins at position 11 already"),
        (("--merge", "2"), "does not name two clips"),
        (("--merge", "3,1"), "cannot be merged"),
        (("--retime", 2), "do not fit into 2 frames"),
        (("--split", 5, "--retime", 2), "4 clips do not fit"),
    ],
)
def test_an_impossible_edit_leaves_the_file_alone(refused: Callable, story: Path, change: tuple, message: str) -> None:
    before = story.read_bytes()
    assert message in refused("narrate", "edit", story, *change)
    assert story.read_bytes() == before
    assert list(story.parent.iterdir()) == [story]


def test_other_formats_are_read_but_not_overwritten(refused: Callable, reasondiff: Callable, tmp_path: Path) -> None:
    text = tmp_path / "candle.txt"
    text.write_text("It burns.\n" * 3 + "It is out.\n" * 2)
    assert "say where to write with -o" in refused("narrate", "edit", text, "--move-anchor", 1)
    assert reasondiff("narrate", "edit", text, "--move-anchor", 1, "-o", tmp_path / "candle.json").code == 0
    assert json.loads((tmp_path / "candle.json").read_text())["position"] == 1


def test_show_prints_and_draws(reasondiff: Callable, story: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "navy").save(tmp_path / "a.png")
    ran = reasondiff("narrate", "show", story, "--image", tmp_path / "a.png", "-o", tmp_path / "timeline.png")
    assert ran.code == 0 and "It breaks." in ran.out and "timeline.png" in ran.out
    with Image.open(tmp_path / "timeline.png") as drawn:
        assert drawn.width == 1600


def test_without_output_the_timeline_is_drawn_beside_the_story(reasondiff: Callable, story: Path) -> None:
    ran = reasondiff("narrate", "show", story)
    assert ran.code == 0 and "story-timeline.png" in ran.out.replace("\n", "")
    with Image.open(story.with_name("story-timeline.png")) as drawn:
        assert drawn.width == 1600


def test_an_edit_that_changes_nothing_is_refused_or_makes_a_copy(
    reasondiff: Callable, refused: Callable, story: Path
) -> None:
    assert "Nothing is changed" in refused("narrate", "edit", story)
    assert "does not end in '.json'" in refused("narrate", "edit", story, "-o", story.with_name("copy.txt"))
    assert reasondiff("narrate", "edit", story, "-o", story.with_name("copy.json")).code == 0
    assert Narrative.load(story.with_name("copy.json")) == Narrative.load(story)


def test_show_refuses(refused: Callable, story: Path, tmp_path: Path) -> None:
    assert "There is no narrative file" in refused("narrate", "show", tmp_path / "none.json")
    assert "does not exist" in refused("narrate", "show", story, "--image", tmp_path / "none.png")
    assert "'.png'" in refused("narrate", "show", story, "-o", tmp_path / "a.jpg")
    assert "cannot be written" in refused("narrate", "show", story, "-o", tmp_path / "none" / "a.png")


def test_a_runner_up_can_be_picked(reasondiff: Callable, refused: Callable, tmp_path: Path) -> None:
    other = Narrative.from_ends([(33, "The vase fell by itself.")], 0, 33)
    story = Narrative.from_ends([(33, "A cat did it.")], 32, 33, provenance={"candidates": [other.to_dict()]})
    story.save(tmp_path / "two.json")
    assert "no candidate 2" in refused("narrate", "edit", tmp_path / "two.json", "--pick", 2)
    assert reasondiff("narrate", "edit", tmp_path / "two.json", "--pick", 1, "--move-anchor", 5).code == 0
    picked = Narrative.load(tmp_path / "two.json")
    assert (picked.clips, picked.anchor_frame) == (other.clips, 4)
    assert picked.provenance["edits"] == ["--pick 1", "--move-anchor 5"]
    assert Narrative.from_dict(picked.provenance["candidates"][0]).clips == story.clips


def test_redo_asks_for_one_clip(
    reasondiff: Callable, refused: Callable, story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Provider:
        name, identity = "test", MappingProxyType({})
        asked: ClassVar[list[tuple]] = []

        def complete(self, messages: list, *, seed: int, **_: object) -> Reply:
            self.asked.append((messages, seed))
            return Reply(json.dumps({"description": f"A cat leaps, take {seed + 1}."}))

    monkeypatch.setattr("reasondiff.narrator.load_provider", lambda spec, **options: Provider())
    before = story.read_bytes()
    assert "give --image" in refused("narrate", "edit", story, "--redo", 2)
    assert story.read_bytes() == before

    image = story.with_name("a.png")
    Image.new("RGB", (64, 64), "navy").save(image)
    assert "no clip 4" in refused("narrate", "edit", story, "--redo", 4, "--image", image)
    ran = reasondiff(
        "narrate", "edit", story, "--redo", 2, "--split", 31, "--redo", 2, "--image", image, "--prompt", "Hi"
    )
    assert ran.code == 0, ran
    told = Narrative.load(story)
    assert [clip.description for clip in told.clips] == [
        "A vase stands.", "A cat leaps, take 2.", "It breaks.", "It breaks.",
    ]  # fmt: skip
    assert [seed for _, seed in Provider.asked] == [0, 1]
    assert told.provenance["edits"] == ["--redo 2", "--split 31", "--redo 2"]
