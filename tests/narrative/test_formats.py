"""Stories in other programs' files mean what they meant there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reasondiff.errors import InputError, NarrativeError
from reasondiff.narrative import Clip, Narrative
from reasondiff.narrative.formats import parse_narrative, read_narrative

STORY = Narrative.from_ends([(10, "A vase 花瓶 stands."), (33, "It breaks.")], 25, 33, style="A room.", reasoning="So.")


def test_ours_round_trip(tmp_path: Path) -> None:
    STORY.save(tmp_path / "story.json")
    assert read_narrative(tmp_path / "story.json") == STORY


def test_the_papers_list() -> None:
    story = parse_narrative(json.dumps({"position": 5, "descriptions": ["a"] * 3 + ["b"] * 2}))
    assert story.clips == (Clip(0, 3, "a"), Clip(3, 5, "b")) and story.anchor_frame == 4


def test_prompt_relay_counts_latent_frames() -> None:
    relay = {"global_prompt": "A room.", "local_prompts": ["x", "y", "z"], "segment_lengths": [3, 1, 5]}
    story = parse_narrative(json.dumps(relay))
    # latent frames 0, 1, 2 hold pixel frames 0 | 1-4 | 5-8; latent frame 3 holds 9-12; latent frames 4-8 hold 13-32.
    assert story.clips == (Clip(0, 9, "x"), Clip(9, 13, "y"), Clip(13, 33, "z"))
    assert (story.style, story.anchor_frame, story.num_frames) == ("A room.", 0, 33)
    assert parse_narrative(json.dumps(relay), stride=8).num_frames == 65
    joined = {**relay, "local_prompts": "x | y|z", "segment_lengths": "3, 1,5"}
    assert parse_narrative(json.dumps(joined)) == story


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segment_lengths": [3, 1]}, "3 prompts have 2 lengths"),
        ({"segment_lengths": [3, 0, 2]}, "counts of latent frames"),
        ({"segment_lengths": [3, True, 2]}, "counts of latent frames"),
        ({"segment_lengths": [9_000, 9_000, 1]}, "no video is that long"),
        ({"segment_lengths": None}, "counts of latent frames"),
        ({"local_prompts": ["x", 3, "z"]}, "another shape"),
        ({"local_prompts": ["x", "", "z"]}, "no description"),
        ({"local_prompts": [], "segment_lengths": []}, "0 prompts"),
        ({"global_prompt": 5}, "another shape"),
        ({"clips": []}, "'clips'"),
        ({"epsilon": 0.001}, "'epsilon' .* is not read; give 'global_prompt', 'local_prompts', 'segment_lengths' only"),
        ({"time_intervals": [[0, 2]]}, "'time_intervals' .* is not read"),
        ({"segment_lengths": "3, many, 5"}, "counts of latent frames"),
    ],
)
def test_prompt_relay_refused(changes: dict, message: str) -> None:
    relay = {"global_prompt": "A room.", "local_prompts": ["x", "y", "z"], "segment_lengths": [3, 1, 5], **changes}
    with pytest.raises(NarrativeError, match=message):
        parse_narrative(json.dumps(relay))


@pytest.mark.parametrize(
    ("index", "frame"),
    [("", 4), ("cond_idx: 0\n", 0), ("cond_idx: 2\n", 2), ("cond_idx: -1\n", 4), ("COND_IDX:3\n", 3)],
)
def test_the_released_codes_text(index: str, frame: int) -> None:
    story = parse_narrative(f"burning\nburning\n\n  out  \nout\n{index}out")
    assert story.clips == (Clip(0, 2, "burning"), Clip(2, 5, "out"))
    assert story.anchor_frame == frame


@pytest.mark.parametrize(
    "text",
    [
        "0: A cat sits\n16: It jumps",
        '"0": "A cat sits",\n"16": "It jumps"',
        "0-16: A cat sits\n17-33: It jumps",
        "(0-16): A cat sits\n(17-33): It jumps",
        "@0: A cat sits\n@16: It jumps",
        "0.0 - 1.5 | A cat sits\n1.5 - 3 | It jumps",
        "1\n00:00:00,000 --> 00:00:01,000\nA cat sits",
        "WEBVTT\n\n00:00.000 --> 00:01.000\nA cat sits",
        "frame,prompt\n0,A cat sits\n16,It jumps",
        "frame;prompt\n0;A cat sits",
        "start\tend\tdescription\n0\t16\tA cat sits",
        "prompts = {\n'0': 'A cat sits'}",
        "import torch\nprint('A cat')",
        "#!/usr/bin/env python3\nprint()",
        "def story():\n    return 'A cat sits'",
        "<html><body>A cat sits</body></html>",
        "<?xml version='1.0'?>\n<story/>",
        "---\nprompt: A cat sits",
        "prompt: A cat sits\nnegative: blur",
        "Frame 0: A cat sits\nFrame 16: It jumps",
        "Scene 1 - A cat sits\nScene 2 - It jumps",
        "Shot #1. A cat sits\nShot #2. It jumps",
        "1. A cat sits\n2. It jumps",
        "1) A cat sits\n2) It jumps",
        "[0-16] A cat sits\n[17-33] It jumps",
        "[00:01.50]A cat sits\n[00:03.00]It jumps",
        "0,A cat sits\n16,It jumps",
        "0s A cat sits\n1.5s It jumps",
        "- frame: 0\n  prompt: A cat sits",
        "- A cat sits\n- It jumps",
        "# A story\n\n* A cat sits\n* It jumps",
        "A cat sits | It jumps | It is gone",
    ],
)
def test_schedules_of_other_programs_are_no_captions(text: str) -> None:
    with pytest.raises(
        NarrativeError, match=r"looks like .*; what is read is a narrative of ours, .* a caption a line"
    ):
        parse_narrative(text)


@pytest.mark.parametrize(
    "captions",
    [
        ["A cat, a dog and a pig", "A dog, a cat"],
        ["A vase stands: it is whole", "A vase stands: it is broken"],
        ["Vase, table", "Vase, table", "Shards, table"],
        ["The time is 12:30", "The time is 12:31"],
        ["Suddenly: a bang", "Then nothing happens"],
        ["A man says: stop"],
        ["2 cats play", "3 cats play"],
        ["2-door car, red", "1.5 metres of snow"],
        ["Number 5 is alive", "Number 5 sleeps"],
        ["A cat - it sits", "A cat - it jumps"],
    ],
)
def test_captions_with_colons_and_commas_are_captions(captions: list[str]) -> None:
    assert parse_narrative("\n".join(captions)).per_frame() == tuple(captions)


def test_a_line_of_our_own_batch() -> None:
    line = {"key": "a1", "status": "ok", "image": "a.png", "prompt": "p", "seconds": 1.0, "narrative": STORY.to_dict()}
    assert parse_narrative(json.dumps(line)) == STORY
    with pytest.raises(NarrativeError, match="put one of its lines into a file"):
        parse_narrative(f"{json.dumps(line)}\n{json.dumps(line)}\n")
    failed = {"key": "a1", "status": "failed", "image": "a.png", "prompt": "p", "seconds": 1.0, "error": "No key."}
    with pytest.raises(NarrativeError, match=r"has no story \(No key\.\)"):
        parse_narrative(json.dumps(failed))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("cond_idx: 0", "no captions"),
        ("a\ncond_idx: first", "not one index"),
        ("a\ncond_idx: 0\ncond_idx: 0", "not one index"),
        ("a\nb\ncond_idx: 2", r"Position 3 is outside 1\.\.2"),
        ("a\n" * 10_001, "10,001 lines"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1, 2]", "JSON object"),
        ('{"position": 1}', "'clips' or 'descriptions'"),
        ('{"position": 1, "descriptions": ["a"], "mood": "sad"}', "Unknown key 'mood'"),
        ('{"position": 9, "descriptions": ["a"]}', "outside"),
        ('{"position": 1, "num_frames": 5, "descriptions": ["a"]}', "There are 1 descriptions for 5 frames"),
        (
            '{"position": 1, "clips": [{"start": 1, "end": 2, "description": "a"},'
            ' {"start": 4, "end": 5, "description": "b"}]}',
            "3..3 are described by nobody",
        ),
    ],
)
def test_refused_with_the_files_name(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "story.json").write_text(text)
    with pytest.raises(NarrativeError, match=message) as raised:
        read_narrative(tmp_path / "story.json")
    assert str(raised.value).startswith("story.json: ")


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no narrative file"):
        read_narrative(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_narrative(tmp_path)
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(NarrativeError, match="not UTF-8"):
        read_narrative(tmp_path / "a.json")
    (tmp_path / "b.json").write_bytes(b"a" * (2**24 + 1))
    with pytest.raises(NarrativeError, match="not a narrative"):
        read_narrative(tmp_path / "b.json")
    (tmp_path / "c.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(STORY.to_dict()).encode())
    assert read_narrative(tmp_path / "c.json") == STORY  # some editors put a byte order mark in front
