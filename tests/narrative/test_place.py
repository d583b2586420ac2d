"""Where an image is to be, as it is written and as it is checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from reasondiff.errors import InputError
from reasondiff.narrative.place import Place, check_images, pinned_frames, split_place
from reasondiff.timeline import Timeline


@pytest.mark.parametrize(
    ("text", "place", "frame"),
    [
        ("auto", Place(), None),
        ("first", Place("first_frame"), 0),
        ("last", Place("last_frame"), 80),
        ("20", Place("frame_index", 19), 19),
    ],
)
def test_a_place_is_read(text: str, place: Place, frame: int | None) -> None:
    assert Place.read(text) == place and place.frame_in(81) == frame
    assert split_place(f"a.png@{text}") == (Path("a.png"), place)


def test_a_name_with_an_at_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert split_place("photo@2x.png") == (Path("photo@2x.png"), Place())
    assert split_place("me@home/a.png") == (Path("me@home/a.png"), Place())
    Path("a@20").touch()
    assert split_place("a@20") == (Path("a@20"), Place())
    assert split_place("a@20@5") == (Path("a@20"), Place("frame_index", 4))


def test_bad_places_are_one_sentence() -> None:
    for text in ("0", "-1", "middle", "2s", ""):
        with pytest.raises(InputError, match=r"An image cannot be at .*; write @auto, @first, @last or a position"):
            Place.read(text)
    with pytest.raises(InputError, match=r"pinned to position 90, and the video has 81 frames; pin it to 1\.\.81\."):
        Place("frame_index", 89).frame_in(81)
    with pytest.raises(InputError, match=r"Two images are pinned to position 81; give each a position of its own\."):
        pinned_frames([Place("last_frame"), Place(), Place("frame_index", 80)], 81)
    with pytest.raises(InputError, match="There are 4 images for 3 latent frames of 9 frames; give at most 3"):
        check_images(4, Timeline(9))
    with pytest.raises(InputError, match="give both or neither"):
        Place("frame_index")


def test_pinned_images_by_number() -> None:
    assert pinned_frames([Place("last_frame"), Place(), Place("frame_index", 3)], 9) == {0: 8, 2: 3}
