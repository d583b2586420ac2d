"""``reasondiff cases`` with all that is bundled, on images that it cannot know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reasondiff.evaluation.suites.unknown_images import unknown_images


def test_each_is_told_all_the_same_and_said_to_be_a_guess(reasondiff: Callable, tmp_path: Path) -> None:
    names = ("clouds 2", "a page of lines")
    for number, name in enumerate(names):
        unknown_images()[name].resize((512, 512)).save(tmp_path / f"{number}.png")
    lines = (f"{number}.png,A cat plays in the room.\n" for number in range(len(names)))
    (tmp_path / "prompts.csv").write_text("image,prompt\n" + "".join(lines))

    ran = reasondiff("cases", tmp_path, "-o", tmp_path / "made", "--steps", 2)
    assert ran.code == 0 and "2 of 2 cases made" in ran.out, ran
    notes = [line for line in ran.err.splitlines() if line.startswith("Note: ")]
    assert [note.startswith(f"Note: {title}: ") for note, title in zip(notes, ("1/2 1-0", "2/2 2-1"), strict=True)]
    assert "the image is unlike any of them, so its story is a guess" in notes[0] and "--model wan2.1" in notes[0]
    assert notes[1].endswith(" … (in full at 1/2 1-0)") and len(notes[1]) < 150  # a long note, in full once
    assert notes[1].split(" … ")[0].removeprefix("Note: 2/2 2-1: ") in notes[0]
