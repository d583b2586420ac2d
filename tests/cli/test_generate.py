"""``reasondiff generate``: good input makes a video, bad input one sentence before the long work."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reasondiff.media import load_image, read_video
from reasondiff.narrative import Narrative


def given(model: Path | str, **changes: Any) -> list[Any]:
    """Arguments that work; a change of None leaves one out."""
    options = {
        "image": "vase.png", "prompt": "A cat plays.", "narrative": "story.json", "model": model, "output": "out.mp4",
    }  # fmt: skip
    named = {name: value for name, value in (options | changes).items() if value is not None}
    return ["generate", *(text for name, value in named.items() for text in (f"--{name.replace('_', '-')}", value))]


def test_a_video_with_its_record(reasondiff: Callable, here: Path, model: Path) -> None:
    ran = reasondiff(*given(model, seed=5, size="64x48", fit="letterbox", save_narrative="told.json"))
    assert ran.code == 0, ran
    assert "9 frames, 2 clips, image at position 7" in ran.out and "imports" in ran.out
    video = read_video("out.mp4")
    assert video.frames.shape == (9, 48, 64, 3) and video.fps == 5
    record = video.record
    assert record is not None
    assert (record.model, record.prompt, record.seed) == (str(model), "A cat plays.", 5)
    assert Narrative.from_dict(dict(record.narrative)) == Narrative.load("told.json") == Narrative.load("story.json")
    assert record.options["num_inference_steps"] == 2 and record.options["guidance_scale"] == 3.0
    assert {"reasondiff", "torch", "diffusers", "transformers"} <= set(record.versions)
    assert "transformer/diffusion_pytorch_model.safetensors" in record.weights
    prepared = np.asarray(record.open_image())
    assert prepared.shape == (48, 64, 3) and (prepared[:2] == 0).all()  # 96x64 in 64x48 has bars above and below


def test_the_position_wins_over_the_story_and_another_length_retimes_it(
    reasondiff: Callable, here: Path, model: Path
) -> None:
    ran = reasondiff(*given(model, position=2, num_frames=13, save_narrative="told.json", size=32))
    assert ran.code == 0, ran
    told = Narrative.load("told.json")
    assert (told.anchor_frame, told.num_frames) == (1, 13)
    assert "The narrative of 9 frames is retimed to 13" in ran.err
    assert read_video("out.mp4").frames.shape[1:] == (16, 32, 3)  # the image's aspect in an area of 32x32


def test_fps_changes_the_playback_only_and_says_so(reasondiff: Callable, here: Path, model: Path) -> None:
    plain = reasondiff(*given(model, size=32, output="a.mp4"))
    fast = reasondiff(*given(model, size=32, output="b.mp4", fps=12.5))
    assert "playback only" in fast.err and "playback only" not in plain.err
    before, after = read_video("a.mp4"), read_video("b.mp4")
    assert (before.fps, after.fps) == (5, 12.5)
    assert before.record.frames_sha256 == after.record.frames_sha256


def test_no_embed_keeps_the_image_out(reasondiff: Callable, here: Path, model: Path) -> None:
    assert reasondiff(*given(model, size=32), "--no-embed").code == 0
    record = read_video("out.mp4").record
    assert record.image is None and len(record.image_sha256) == 64


@pytest.mark.parametrize("kind", ["transparent", "cmyk", "rotated", "grey"])
def test_good_enough_images_are_handled(reasondiff: Callable, here: Path, model: Path, kind: str) -> None:
    plain = load_image("vase.png")
    match kind:
        case "transparent":
            plain.putalpha(128)
            plain.save("a.png")
        case "cmyk":
            plain.convert("CMYK").save("a.jpg")
        case "rotated":
            exif = Image.Exif()
            exif[0x0112] = 6
            plain.save("a.jpg", exif=exif)
        case "grey":
            plain.convert("L").save("a.png")
    image = next(here.glob("a.*")).name
    assert reasondiff(*given(model, image=image, size=32)).code == 0


@pytest.mark.parametrize("prompt", ["Eine Katze spielt.", "猫が遊ぶ", "A cat 🐈 plays 🎉", "A cat\nplays\x1b[31m."])
def test_any_language_and_emoji_are_text(reasondiff: Callable, here: Path, model: Path, prompt: str) -> None:
    assert reasondiff(*given(model, prompt=prompt, size=32)).code == 0
    told = read_video("out.mp4").record.prompt
    assert told == prompt.replace("\n", " ").replace("\x1b", " ")


# -- bad input ---------------------------------------------------------------------------------------------------------


def write(content: Any) -> Callable[[Path], Any]:
    return lambda path: path.write_text(content if isinstance(content, str) else json.dumps(content))


def cut(path: Path) -> None:
    path.write_bytes(path.with_name("vase.png").read_bytes()[:-300])


CLIPS = [{"start": 1, "end": 4, "description": "a"}, {"start": 5, "end": 9, "description": "b"}]
BAD: dict[Any, Callable[[Path], Any]] = {
    "folder.mp4": Path.mkdir,
    "empty.png": Path.touch,
    "text.png": write("no picture"),
    "cut.png": cut,
    "huge.png": lambda path: Image.new("1", (9000, 9000)).save(path),
    "moving.gif": lambda path: Image.new("L", (8, 8)).save(
        path, save_all=True, append_images=[Image.new("L", (8, 8), 255)]
    ),
    "gap.json": write({"position": 1, "clips": [CLIPS[0], {**CLIPS[1], "start": 6}]}),
    "overlap.json": write({"position": 1, "clips": [CLIPS[0], {**CLIPS[1], "start": 4}]}),
    "count.json": write({"position": 1, "num_frames": 13, "clips": CLIPS}),
    "unknown.json": write({"position": 1, "clips": CLIPS, "mood": "sad"}),
    "broken.json": write("{'position': 1}"),
    "endless.json": write({"position": 1, "clips": CLIPS, "interval": float("inf")}),
    "nan.json": write({"position": 1, "clips": CLIPS, "provenance": {"model": {"loss": [float("nan")]}}}),
    "half.json": write({"position": 1, "clips": [CLIPS[0], {**CLIPS[1], "description": "A cat \ud800"}]}),
    "mood.json": write({"position": 1, "clips": [CLIPS[0], {**CLIPS[1], "mood": "sad"}]}),
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": "", "narrative": None}, "The prompt is empty"),
        ({"prompt": " \n ", "narrative": None}, "The prompt is empty"),
        ({"prompt": "cat " * 1001}, "4,004 characters"),
        ({"prompt": "cat \udcff"}, "not UTF-8"),
        ({"num_frames": 10}, "10 frames do not fit .* give 9 or 13"),
        ({"num_frames": 0}, "0 frames do not fit"),
        ({"steps": 0}, "0 denoising steps"),
        ({"position": 0}, "Position 0 is outside the video; its first frame is 1"),
        ({"position": 10}, r"Position 10 is outside 1\.\.9"),
        ({"guidance_scale": "nan"}, "guidance scale is nan"),
        ({"seed": -1}, "seed -1"),
        ({"seed": 2**32}, r"seed 4294967296 is outside 0\.\.2\^32-1"),  # the generator would draw seed 0's noise
        ({"seed": 2**32 - 1, "seeds": 2}, "seed 4294967296"),
        ({"steps": 10**9}, "1000000000 denoising steps"),
        ({"fps": 0}, "0 frames per second"),
        ({"fps": "inf"}, "inf frames per second"),
        ({"fps": 0.0001}, "0.0001 frames per second cannot be played"),  # an MP4 would say 24
        ({"text_mode": "owner"}, "'owner' is unknown; give one of framewise, soft, mean, concat, joined, single"),
        ({"anchor": "middle"}, "The anchor 'middle' is unknown"),
        ({"device": "tpu"}, "There is no device 'tpu'; give cpu, cuda or cuda:N"),
        ({"device": "cuda:999"}, "There is no device 'cuda:999' here; give --device cpu"),
        ({"size": "big"}, "'big'"),
        ({"size": "0x64"}, "'0x64'"),
        ({"size": "60x64"}, "60x64 does not divide into 16x16 pixels; give 64x64"),
        ({"fit": "fill"}, "'fill'"),
        ({"narrator": "oracle"}, "'oracle'"),
        ({"narrative": None}, "has no narrator"),
        ({"model": "nonsense"}, "There is no model 'nonsense'"),
        ({"output": "out.avi"}, "does not end in '.mp4'"),
        ({"output": "none/out.mp4"}, "cannot be written"),
        ({"output": "folder.mp4"}, "is a folder"),
        ({"output": ""}, r"'\.' does not end in '\.mp4'"),
        ({"output": ".", "seeds": 2}, r"does not end in '\.mp4'"),
        ({"image": "https://example.com/vase.png"}, "does not exist; download it, and give the file"),
        ({"save_narrative": "none/story.json"}, "cannot be written"),
        ({"image": "none.png"}, "'none.png' does not exist"),
        ({"image": "empty.png"}, "'empty.png' is empty"),
        ({"image": "cut.png"}, "'cut.png' cannot be read"),
        ({"image": "text.png"}, "'text.png' is not an image"),
        ({"image": "huge.png"}, "'huge.png' is .*scale it down"),
        ({"image": "moving.gif"}, "'moving.gif' holds 2 pictures"),
        ({"narrative": "none.json"}, "no narrative file 'none.json'"),
        ({"narrative": "gap.json"}, "Frames 5..5 are described by nobody"),
        ({"narrative": "overlap.json"}, "Frames 4..4 are described twice"),
        ({"narrative": "count.json"}, "end at frame 9 of 13"),
        ({"narrative": "unknown.json"}, "Unknown key 'mood'"),
        ({"narrative": "broken.json"}, "not JSON"),
        ({"narrative": "endless.json"}, r"endless\.json: 'interval' is inf"),
        ({"narrative": "nan.json"}, r"nan\.json: 'model' in the provenance is not JSON"),
        ({"narrative": "half.json"}, r"half\.json: The text 'A cat \\ud800' ends in half a character"),
        ({"narrative": "mood.json"}, r"mood\.json: Clip 2 has the unknown key 'mood'"),
    ],
)
def test_bad_input_is_one_sentence(
    refused: Callable, here: Path, model: Path, changes: dict[str, Any], message: str
) -> None:
    for name in set(changes.values()) & set(BAD):
        BAD[name](here / name)
    before = sorted(here.iterdir())
    assert re.search(message, refused(*given(**{"model": model} | changes)))
    assert sorted(here.iterdir()) == before  # nothing written, nothing half-written


@pytest.mark.parametrize(
    ("file", "keep"),
    [
        ("transformer/diffusion_pytorch_model.safetensors", 0.9),
        ("vae/diffusion_pytorch_model.safetensors", 0),
        ("text_encoder/config.json", 0.5),
        ("model_index.json", 0.5),
        ("vae/diffusion_pytorch_model.safetensors", None),
    ],
)
def test_a_damaged_model_is_named(refused: Callable, here: Path, model: Path, file: str, keep: float | None) -> None:
    shutil.copytree(model, here / "damaged")
    damaged = here / "damaged" / file
    content = damaged.read_bytes()
    damaged.unlink()
    if keep is not None:
        damaged.write_bytes(content[: int(keep * len(content))])
    assert Path(file).parent.name in refused(*given(Path("damaged")))
    assert not Path("out.mp4").exists()


def test_an_interrupt_leaves_the_old_video(
    reasondiff: Callable, here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reasondiff.backends.wan.model import WanModel

    Path("out.mp4").write_bytes(b"old")
    before = sorted(here.iterdir())

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(WanModel, "decode", interrupt)
    assert reasondiff(*given(model, size=32)).code == 130
    assert Path("out.mp4").read_bytes() == b"old" and sorted(here.iterdir()) == before


def test_verify_asks_the_narrators_model_and_keeps_the_best(
    reasondiff: Callable, refused: Callable, here: Path, model: Path
) -> None:
    story = {"position": 9, "clips": [{"end": 4, "description": "A vase."}, {"end": 9, "description": "Broken."}]}
    looks = [
        {"clips": [{"score": score, "reason": "So.", "description": ""} for score in pair]} for pair in [(8, 1), (8, 9)]
    ]
    Path("script.json").write_text(json.dumps([story, *looks]))
    ran = reasondiff(*given(model, size=32, narrative=None, narrator="scripted:script.json", verify=2))
    assert ran.code == 0, ran
    assert "round 0 (as first made): 4.5 of 10; clip 2 did not come out: So." in ran.err
    assert "round 1 (clip 2 made again): 8.5 of 10, every clip came out." in ran.err and "Kept: round 1." in ran.out
    Path("script.json").write_text(json.dumps([story, "Nice!", "Nice!"]))
    ran = reasondiff(*given(model, size=32, narrative=None, narrator="scripted:script.json", verify=2))
    assert ran.code == 0 and "could not be verified" in ran.err and "Kept" not in ran.out and Path("out.mp4").exists()
    assert "-1 rounds" in refused(*given(model, verify=-1))
