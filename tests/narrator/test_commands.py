"""``narrate`` and ``caption`` as commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from reasondiff.claims import only_writer
from reasondiff.cli import app
from reasondiff.errors import InputError, NarrationError, ProviderError, ReasonDiffError
from reasondiff.narrative import Narrative
from tests.narrator.providers.misbehaving_server import Request, Say, Server
from tests.narrator.stories import VASE, reply, same_story


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (32, 24), "red").save(tmp_path / "vase.png")
    return tmp_path / "vase.png"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_story_is_written_and_its_cost_shown(server: Server, picture: Path, tmp_path: Path) -> None:
    server.answer = Say(reply())
    out = tmp_path / "story.json"
    options = ["--image", picture, "--prompt", "A cat", "--num-frames", 33, "--narrator-url", server.url, "-o", out]
    told = run("narrate", *options, "--no-cache")
    assert same_story(Narrative.load(out), VASE)
    assert "4 clips, the image at position 33" in told and "700 tokens in, 70 out" in told and "0 re-asks" in told
    assert server.requests[0].body["model"] == "gpt-4o"


def test_the_cache_is_said(server: Server, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REASONDIFF_CACHE", str(tmp_path / "cache"))
    server.answer = Say(reply())
    options = ["--image", picture, "--prompt", "A cat", "--num-frames", 33, "--narrator-url", server.url]
    run("narrate", *options, "-o", tmp_path / "one.json")
    assert "--no-cache asks again" in run("narrate", *options, "-o", tmp_path / "two.json")
    assert len(server.requests) == 1


def test_a_repair_is_a_note(server: Server, picture: Path, tmp_path: Path) -> None:
    server.answer = Say(reply(position=99))
    options = ["--image", picture, "--prompt", "A cat", "--num-frames", 33, "--narrator-url", server.url, "--no-cache"]
    told = run("narrate", *options, "-o", tmp_path / "story.json")
    assert "Note: The narrator's reply was repaired (position taken as 33): Position 99 is outside 1..33." in told


def test_subcommands_stay_reachable(tmp_path: Path) -> None:
    VASE.save(tmp_path / "story.json")
    assert "An intact vase stands on the floor." in run("narrate", "show", tmp_path / "story.json")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say where to write with -o"),
        (["-o", "story.json"], "Give --image and --prompt"),
        (["--prompt", "A cat", "-o", "story.json", "--image", "vase.png", "--batch", "rows.csv"], "or --batch"),
        (["--prompt", "A cat", "-o", "story.json", "--image", "none.png"], "does not exist"),
        (["--prompt", "A cat", "-o", "story.txt", "--image", "vase.png"], "does not end in '.json'"),
        (["--prompt", " ", "-o", "story.json", "--image", "vase.png"], "prompt is empty"),
        (["--prompt", "A cat", "-o", "story.json", "--image", "vase.png", "--form", "poem"], "'clips' or 'list'"),
        (
            ["--prompt", "A cat", "-o", "story.json", "--image", "vase.png", "--device-map", "cpu"],
            "no option 'device_map'",
        ),
    ],
)
def test_bad_input_is_one_sentence(
    server: Server, picture: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(picture.parent)
    with pytest.raises(ReasonDiffError, match=words):
        run("narrate", "--narrator", "openai", "--narrator-url", server.url, *arguments)
    assert not server.requests and [path.name for path in picture.parent.iterdir()] == ["vase.png"]


def test_captions_are_written(server: Server, picture: Path, tmp_path: Path) -> None:
    server.answer = Say("The image depicts a red wall.")
    out = tmp_path / "captions.jsonl"
    assert "1 captions" in run("caption", picture, "--narrator-url", server.url, "-o", out)
    row = {
        "frame": str(picture),
        "caption": "A red wall.",
        "raw": "The image depicts a red wall.",
        "removed": ["The image depicts"],
    }
    assert json.loads(out.read_text()) == row
    printed = run("caption", tmp_path, "--narrator-url", server.url, "--raw").splitlines()
    assert [json.loads(line)["removed"] for line in printed if line.startswith("{")] == [[]]


def test_a_frame_without_a_caption_does_not_lose_the_others(server: Server, picture: Path, tmp_path: Path) -> None:
    Image.new("RGB", (32, 24), "blue").save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no image")
    server.answer = [Say(refusal="No."), Say("A wall."), Say(refusal="No."), Say("A wall.")]
    command = ["caption", *(str(tmp_path / name) for name in ("vase.png", "b.png", "c.png", "vase.png"))]
    command += ["--narrator-url", server.url, "-o", str(tmp_path / "out.jsonl")]
    with pytest.raises(ReasonDiffError, match="declines"):  # the first one: the rest would fail as well
        run(*command)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1 and "2 captions" in result.output and "2 frames have none" in result.output
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row.get("caption", row.get("error", ""))[:9] for row in rows] == [
        "A wall.",
        "openai:gp",
        "The image",
        "A wall.",
    ]


def _pictures(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{n:02}.png" for n in range(count)]
    for path in paths:
        Image.new("RGB", (16, 16), "blue").save(path)
    return paths


def _captions(out: Path) -> list[dict]:
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_captions_are_kept_as_they_come_and_the_same_command_goes_on(server: Server, tmp_path: Path) -> None:
    pictures, out = _pictures(tmp_path, 6), tmp_path / "out.jsonl"
    told: list[int] = []

    def answer(request: Request) -> Say:
        told.append(len(_captions(out)) if out.exists() else 0)
        return Say("A wall.") if len(told) <= 3 else Say(status=401, error="The key was withdrawn.")

    server.answer = answer
    with pytest.raises(ProviderError, match="withdrawn"):
        run("caption", tmp_path, "--narrator-url", server.url, "-o", out)
    assert told == [0, 1, 2, 3, 4, 5]  # on disk before the next one is asked for; given up after three in vain
    server.answer = Say("A door.")
    assert "6 captions. 3 of them before" in run("caption", tmp_path, "--narrator-url", server.url, "-o", out)
    assert [(row["frame"], row["caption"]) for row in _captions(out)] == [
        (str(path), "A wall." if n < 3 else "A door.") for n, path in enumerate(pictures)
    ]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_what_is_no_caption_file_is_left_alone(server: Server, tmp_path: Path) -> None:
    _pictures(tmp_path, 1)
    out = tmp_path / "out.jsonl"
    out.write_text('{"my": "notes"}\n')
    with pytest.raises(InputError, match="holds other things"):
        run("caption", tmp_path, "--narrator-url", server.url, "-o", out)
    assert out.read_text() == '{"my": "notes"}\n' and not server.requests


@pytest.mark.parametrize("broken", ["00.png", "01.png"])
def test_a_broken_picture_is_said_and_the_others_captioned(server: Server, tmp_path: Path, broken: str) -> None:
    _pictures(tmp_path, 3)
    (tmp_path / broken).write_bytes(b"no image")
    (tmp_path / "._00.png").write_bytes(b"\x00\x05\x16\x07a Mac's note")
    server.answer = Say("A wall.")
    out = tmp_path / "out.jsonl"
    result = CliRunner().invoke(app, ["caption", str(tmp_path), "--narrator-url", server.url, "-o", str(out)])
    assert result.exit_code == 1 and "2 captions" in result.output and "1 frames have none" in result.output
    assert [Path(row["frame"]).name for row in _captions(out) if "error" in row] == [broken]
    assert len(server.requests) == 2


def test_two_runs_on_one_output_are_not_mixed(server: Server, picture: Path, tmp_path: Path) -> None:
    captions, stories, rows = tmp_path / "out.jsonl", tmp_path / "stories.jsonl", tmp_path / "rows.csv"
    rows.write_text("image,prompt\nvase.png,A cat\n")
    with only_writer(captions), pytest.raises(InputError, match=r"Another run is writing .*; wait for it"):
        run("caption", picture, "--narrator-url", server.url, "-o", captions)
    with only_writer(stories), pytest.raises(InputError, match=r"Another run is writing .*; wait for it"):
        run("narrate", "--batch", rows, "--narrator-url", server.url, "--no-cache", "-o", stories)
    assert not server.requests
    server.answer = Say("A wall.")
    run("caption", picture, "--narrator-url", server.url, "-o", captions)


def test_a_narrator_that_only_tells_stories_is_not_asked_for_anything_else(picture: Path, tmp_path: Path) -> None:
    narrator = tmp_path / "narrator"
    narrator.mkdir()
    (narrator / "narrator.json").write_text('{"prompt": "{prompt}"}')
    VASE.save(tmp_path / "story.json")
    for command in (
        ("caption", picture),
        ("narrate", "edit", tmp_path / "story.json", "--redo", 2, "--image", picture),
    ):
        with pytest.raises(InputError, match="never learnt to answer anything else; give a model of general use"):
            run(*command, "--narrator", f"transformers:{narrator}")


def test_redo_asks_the_one_who_told_the_story(server: Server, picture: Path, tmp_path: Path) -> None:
    story = replace(VASE, provenance={"narrator": "openai:qwen-vl"})
    story.save(tmp_path / "story.json")
    server.answer = Say('{"description": "A cat leaps."}')
    run("narrate", "edit", tmp_path / "story.json", "--redo", 2, "--image", picture, "--narrator-url", server.url)
    assert server.requests[0].body["model"] == "qwen-vl"
    replace(VASE, provenance={"narrator": f"transformers:{tmp_path / 'gone'}"}).save(tmp_path / "story.json")
    with pytest.raises(ReasonDiffError, match="gone"):
        run("narrate", "edit", tmp_path / "story.json", "--redo", 2, "--image", picture)


@pytest.mark.parametrize(
    ("text", "words"),
    [(reply(), "answers with JSON instead of a caption"), ('{"a": 1}', "answers with JSON instead of a caption")],
)
def test_json_is_no_caption(server: Server, picture: Path, text: str, words: str) -> None:
    server.answer = Say(text)
    with pytest.raises(NarrationError, match=words):
        run("caption", picture, "--narrator-url", server.url)


@pytest.mark.parametrize(
    "say",
    [
        Say('"A wall."'),
        Say('{"caption": "A wall."}'),
        Say(json.dumps(json.dumps({"description": "A wall."}))),
        Say("<think>What is it?</think>A wall."),
        Say(answer={"choices": [{"message": {"content": None, "reasoning_content": "A wall."}}]}),
        Say(answer={"choices": [{"message": {"content": [{"type": "text", "text": "A wall."}]}}]}),
    ],
)
def test_a_caption_is_read_wherever_it_stands(server: Server, picture: Path, say: Say) -> None:
    server.answer = say
    assert '"caption": "A wall."' in run("caption", picture, "--narrator-url", server.url)
