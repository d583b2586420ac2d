"""``reasondiff demo``, what ``make demo`` runs: three texts, each told and beside plain image-to-video."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reasondiff import media
from reasondiff.checkpoints import find_model
from reasondiff.media import SheetRow, read_video
from reasondiff.media.storyboard import clip_spans
from reasondiff.narrative import Narrative
from reasondiff.storyworld.judges import judge_story
from reasondiff.storyworld.stories import Story

pytestmark = pytest.mark.usefixtures("all_templates_match")

AGENTS = ("cat", "dog", "pig")


def test_three_texts_told_and_plain(
    reasondiff: Callable, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = shutil.copytree(model, tmp_path / "own")
    shutil.copytree(Path(find_model("storyworld-tiny"), "narrator"), own / "narrator")
    rows: list[SheetRow] = []
    openings: list[SheetRow] = []
    draw = media.contact_sheet

    def seen(given: list[SheetRow], path: Path, **options: Any) -> None:
        (rows if path.name == "sheet.png" else openings).extend(given)
        draw(given, path, **options)

    monkeypatch.setattr(media, "contact_sheet", seen)
    out = tmp_path / "made"
    ran = reasondiff("demo", "--model", own, "-o", out, "--seed", 1)
    assert ran.code == 0, ran
    assert all(f"{agent}, ReasonDiff: denoise" in ran.err for agent in AGENTS), "a progress bar per video"
    assert "ReasonDiff: narrate" in ran.err and "Wan-tiny: encode" in ran.err
    assert "Wan-tiny: narrate" not in ran.err and ": align" not in ran.err  # nobody is asked, nothing is aligned
    assert {path.name for path in out.iterdir()} == {"vase.png", "sheet.png", "before.png"} | {
        f"{agent}{end}" for agent in AGENTS for end in (".mp4", ".json", "-plain.mp4")
    }
    records = []
    for agent in AGENTS:
        told, plain = (read_video(out / f"{agent}{end}.mp4").record for end in ("", "-plain"))
        assert told is not None and plain is not None
        assert told.prompt == plain.prompt == f"A {agent} plays in the room."
        story = Narrative.load(out / f"{agent}.json")
        assert story == Narrative.from_dict(dict(told.narrative)) and agent in " ".join(story.per_frame())
        assert (told.options["text_mode"], told.options["use_adapter"]) == ("framewise", True)
        assert (plain.options["text_mode"], plain.options["use_adapter"]) == ("single", False)
        assert plain.narrative["position"] == 1
        records += [told, plain]
        given = np.asarray(Image.open(out / "vase.png"))
        for row, is_told in zip([row for row in rows if agent in row.title], (True, False), strict=True):
            assert row.anchor == (story.anchor_frame if is_told else 0)
            assert list(row.clips) == (clip_spans(story) if is_told else [])
            verdict = judge_story(row.frames, Story("vase", agent), row.anchor, given)
            assert (row.verdict, row.passed) == (str(verdict), verdict.passed)
    assert {record.seed for record in records} == {1}
    assert len({record.frames_sha256 for record in records}) == 6
    with Image.open(out / "sheet.png") as sheet:
        assert sheet.height > 1000

    assert [row.title for row in rows] == [
        f"{how}: A {agent} plays in the room." for agent in AGENTS for how in ("ReasonDiff", "plain Wan-tiny")
    ]
    assert all(row.verdict and row.frames is not None and len(row.frames) == 9 for row in rows)
    assert [row.given is not None for row in rows] == [bool(row.clips) for row in rows] == [True, False] * 3
