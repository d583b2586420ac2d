"""``narrate`` and ``caption`` as commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from reasondiff.cli import app
from reasondiff.errors import ReasonDiffError
from reasondiff.narrative import Narrative
from tests.narrator.providers.misbehaving_server import Say, Server
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
    assert json.loads(run("caption", tmp_path, "--narrator-url", server.url, "--raw").splitlines()[-1])["removed"] == []


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
