"""The story of a clip, as a value and as a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasondiff.errors import InputError, NarrativeError
from reasondiff.narrative import Anchor, Clip, Narrative

VASE = Narrative.from_ends(
    [(20, "An intact vase"), (45, "A cat breaks the vase"), (70, "The cat flees"), (81, "A broken vase")], 80, 81
)
"""Figure 6 of the paper."""

texts = st.text(min_size=1, max_size=12).filter(str.strip)


@st.composite
def narratives(draw: st.DrawFn) -> Narrative:
    num_frames = draw(st.integers(1, 60))
    inner = st.sets(st.integers(1, num_frames - 1), max_size=5) if num_frames > 1 else st.just(set())
    ends = [*sorted(draw(inner)), num_frames]
    story = Narrative.from_ends(
        [(end, draw(texts)) for end in ends],
        draw(st.integers(0, num_frames - 1)),
        num_frames,
        interval=draw(st.sampled_from([0.2, 1 / 16, 1.0])),
        style=draw(st.sampled_from(["", "Watercolour, fixed camera."])),
        reasoning=draw(st.sampled_from(["", "Cats break vases."])),
        provenance=draw(st.sampled_from([{}, {"model": "m", "repairs": ["gap"], "tokens": 12}])),
    )
    more = draw(st.lists(st.integers(0, num_frames - 1), max_size=1))
    return replace(story, anchors=(*story.anchors, *(Anchor(frame, image=1) for frame in more)))


def test_a_figure_of_the_paper() -> None:
    assert VASE.anchor_frame == 80
    assert VASE.clip_at(20) == Clip(20, 45, "A cat breaks the vase")
    assert 44 in VASE.clips[1]
    assert 45 not in VASE.clips[1]
    assert [len(clip) for clip in VASE.clips] == [20, 25, 25, 11]
    assert VASE.per_frame()[69:71] == ("The cat flees", "A broken vase")


@given(narratives())
def test_every_frame_is_described_exactly_once(story: Narrative) -> None:
    assert len(story.per_frame()) == story.num_frames
    assert all(story.clip_at(frame).description == text for frame, text in enumerate(story.per_frame()))


@given(narratives())
def test_a_file_says_what_the_value_says(story: Narrative) -> None:
    assert Narrative.from_dict(json.loads(json.dumps(story.to_dict()))) == story


def test_saving_and_loading(tmp_path: Path) -> None:
    story = replace(VASE, style="Öl auf Leinwand 🎨", provenance={"model": "gpt-4o"})
    story.save(tmp_path / "story.json")
    assert Narrative.load(tmp_path / "story.json") == story
    assert "🎨" in (tmp_path / "story.json").read_text(encoding="utf-8")


def test_files_count_from_one_and_include_the_end() -> None:
    data = VASE.to_dict()
    assert data["position"] == 81
    assert data["clips"][1] == {"start": 21, "end": 45, "description": "A cat breaks the vase"}


def test_the_papers_list_of_descriptions_is_the_same_story() -> None:
    data = {"position": 81, "descriptions": list(VASE.per_frame())}
    assert Narrative.from_dict(data) == VASE


@given(narratives(), st.integers(1, 120))
def test_retiming_keeps_coverage_order_and_the_anchors_description(story: Narrative, num_frames: int) -> None:
    if num_frames < len(story.clips):
        with pytest.raises(NarrativeError, match="do not fit into"):
            story.retime(num_frames)
        return
    retimed = story.retime(num_frames)  # its own checks refuse gaps and overlaps
    assert retimed.num_frames == num_frames
    assert [clip.description for clip in retimed.clips] == [clip.description for clip in story.clips]
    for before, after in zip(story.anchors, retimed.anchors, strict=True):
        clip = story.clips.index(story.clip_at(before.frame))
        assert after.frame in retimed.clips[clip]
        assert after.image == before.image


@given(narratives())
def test_retiming_to_the_same_length_changes_nothing(story: Narrative) -> None:
    assert story.retime(story.num_frames) is story


def test_retiming_keeps_shares() -> None:
    short = VASE.retime(33)
    assert [clip.end for clip in short.clips] == [8, 18, 29, 33]  # 20, 45, 70 and 81 of 81
    assert short.anchor_frame == 32
    assert VASE.with_anchor(0).retime(33).anchor_frame == 0


def test_moving_the_anchor_moves_the_first_one_only() -> None:
    story = replace(VASE, anchors=(Anchor(80), Anchor(0, image=1))).with_anchor(40)
    assert story.anchors == (Anchor(40), Anchor(0, image=1))
    assert story.clips == VASE.clips


def test_the_style_goes_before_every_description() -> None:
    styled = replace(VASE, style=" A tabby cat, 35 mm. ")
    assert styled.prompt_of(styled.clips[2]) == "A tabby cat, 35 mm. The cat flees"
    assert VASE.prompt_of(VASE.clips[2]) == "The cat flees"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clips": ()}, "The narrative has no clips; give one or more."),
        ({"clips": (Clip(0, 0, "x"),)}, "Clip 1..0 ends before it starts; give start <= end."),
        ({"clips": (Clip(0, 81, " "),)}, "Clip 1..81 has no description; say what these frames show."),
        ({"clips": (Clip(4, 81, "x"),)}, "The first clip starts at frame 5; start at frame 1."),
        (
            {"clips": (Clip(0, 20, "x"), Clip(25, 81, "y"))},
            "Frames 21..25 are described by nobody; start each clip right after the one before.",
        ),
        (
            {"clips": (Clip(0, 30, "x"), Clip(25, 81, "y"))},
            "Frames 26..30 are described twice; start each clip right after the one before.",
        ),
        ({"clips": (Clip(0, 80, "x"),)}, "The clips end at frame 80 of 81; let the last clip end there."),
        ({"anchors": ()}, "The narrative places no image; give a position in 1..81."),
        ({"anchors": (Anchor(81),)}, "Position 82 is outside 1..81; give a position in that range."),
        ({"anchors": (Anchor(-1),)}, "Position 0 is outside 1..81; give a position in that range."),
        ({"interval": 0.0}, "The frame interval is 0.0 s; give a positive number of seconds."),
        ({"interval": float("nan")}, "The frame interval is nan s; give a positive number of seconds."),
        ({"interval": float("inf")}, "The frame interval is inf s; give a positive number of seconds."),
        (
            {"clips": (Clip(0, 81, "A cat \ud83d plays"),)},
            "The text 'A cat \\ud83d' ends in half a character; write it again.",
        ),
        ({"style": "\udcff"}, "The text '\\udcff' ends in half a character; write it again."),
        ({"provenance": {"reply": ["\ud800"]}}, "The text '\\ud800' ends in half a character; write it again."),
        ({"version": 2}, "Narrative version 2 is unknown here; this release reads 1."),
    ],
)
def test_what_does_not_tell_every_frame_once_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(NarrativeError) as caught:
        replace(VASE, **changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [{"loss": float("nan")}, [float("-inf")], Path("vase.png"), []])
def test_provenance_is_json(value: Any) -> None:
    """What is not would be found when the finished video is written."""
    if value == []:
        value.append(value)  # holds itself
    with pytest.raises(NarrativeError, match=r"^'model' in the provenance is not JSON \(.*\); remove it\.$"):
        replace(VASE, provenance={"seconds": 2.5, "model": value})


FILE = {"position": 2, "num_frames": 3, "clips": [{"start": 1, "end": 3, "description": "A vase"}]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "A narrative is a JSON object, not list"),
        (FILE | {"fps": 15}, "Unknown key 'fps' in the narrative; known keys: anchors, clips,"),
        (FILE | {"descriptions": ["A vase"]}, "holds either 'clips' or 'descriptions'; give exactly one"),
        ({"position": 1}, "holds either 'clips' or 'descriptions'; give exactly one"),
        (FILE | {"anchors": [{"position": 1}]}, "holds either 'position' or 'anchors'; give exactly one"),
        ({"clips": FILE["clips"]}, "holds either 'position' or 'anchors'; give exactly one"),
        (FILE | {"position": "2"}, "'position' is '2'; give a whole number."),
        (FILE | {"position": True}, "'position' is True; give a whole number."),
        (FILE | {"position": 4}, r"Position 4 is outside 1\.\.3"),
        (FILE | {"num_frames": 2.5}, "'num_frames' is 2.5; give a whole number."),
        (FILE | {"interval": "fast"}, "'interval' is 'fast'; give seconds between frames"),
        (FILE | {"interval": True}, "'interval' is True; give seconds between frames"),
        (FILE | {"interval": float("inf")}, "'interval' is inf; give seconds between frames"),
        (FILE | {"interval": 10**309}, "'interval' is 10{309}; give seconds between frames"),
        (FILE | {"provenance": "gpt-4o"}, "'provenance' is str; give a JSON object."),
        (FILE | {"style": None}, "'style' is None; give a text."),
        (FILE | {"clips": {}}, "'clips' is dict; give a list of clips."),
        (FILE | {"clips": []}, "has no clips; give one or more"),
        ({"position": 1, "clips": []}, "has no clips; give one or more"),
        (FILE | {"clips": [{"start": 1, "end": 3}]}, "Clip 1 lacks 'description'; give 'start', 'end' and"),
        (
            FILE | {"clips": [*FILE["clips"], FILE["clips"][0] | {"mood": "sad"}]},
            "Clip 2 has the unknown key 'mood'; give",
        ),
        (FILE | {"clips": ["A vase"]}, "Clip 1 is 'A vase'; give an object with 'start', 'end' and 'description'."),
        (FILE | {"clips": [{"start": 1, "end": 3, "description": 7}]}, "'description' is 7; give a text."),
        ({"position": 1, "descriptions": []}, "'descriptions' is not a list of texts; give one description per frame."),
        ({"position": 1, "descriptions": ["a", None]}, r"'descriptions\[2\]' is None; give a text."),
        (
            {"position": 1, "num_frames": 5, "descriptions": ["a", "b", "b"]},
            "There are 3 descriptions for 5 frames; give one for each.",
        ),
        ({"anchors": 3, "descriptions": ["a"]}, "'anchors' is int; give a list of positions."),
        ({"anchors": [3], "descriptions": ["a"]}, "An anchor has the keys 'position' and 'image', not 3."),
    ],
)
def test_a_file_of_another_shape_is_refused_by_key(data: Any, message: str) -> None:
    with pytest.raises(NarrativeError, match=message):
        Narrative.from_dict(data)


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, '{"position": NaN}', "null"])
def test_a_file_that_is_no_narrative_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "story.json"
    path.write_text(content)
    with pytest.raises(NarrativeError, match=r"story\.json"):
        Narrative.load(path)


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no narrative file"):
        Narrative.load(tmp_path / "absent.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"'.*bytes\.json' cannot be read \(.*\); give readable UTF-8 text\."):
        Narrative.load(tmp_path / "bytes.json")


def test_one_prompt_tells_everything_in_order_and_neighbours_that_are_alike_once() -> None:
    ends = [(2, "A vase stands."), (4, " A vase stands. "), (6, "A cat passes."), (9, "A vase stands.")]
    story = Narrative.from_ends(ends, 8, 9, style=" A kitchen. ")
    assert story.as_one_prompt() == "A kitchen. A vase stands. A cat passes. A vase stands."
    assert Narrative.from_ends([(9, "One clip")], 8, 9).as_one_prompt() == "One clip"
