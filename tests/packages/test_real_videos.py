"""Real videos that packages carry, and odd ones from an encoder that nobody here wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reasondiff.backends.wan.adapters import AdapterInfo
from reasondiff.data.caption_set import clips_of
from reasondiff.media import read_video, video_frames, video_info
from tests import tiny
from tests.narrator.providers.misbehaving_server import Say, running
from tests.packages.conftest import of_files

pytestmark = pytest.mark.packages


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A clip of two seconds in which a picture moves, by the ffmpeg of imageio-ffmpeg."""
    ffmpeg(tmp_path, "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2", "-crf", "8", "plain.mp4")
    return tmp_path


def ffmpeg(folder: Path, *arguments: str) -> None:
    program = of_files("ffmpeg-linux*")
    subprocess.run([program, "-y", "-loglevel", "error", *arguments], cwd=folder, check=True, timeout=120)


@pytest.mark.parametrize(
    ("name", "fps", "frames", "size"),
    [
        ("bigbuckbunny.mp4", 25, 132, (720, 1280)),
        ("bikes.mp4", 25, 250, (272, 640)),
        ("carphone_pristine.mp4", 29.97, 120, (144, 193)),  # 176 pixels of 128:117
    ],
)
def test_scikit_videos_clips(name: str, fps: float, frames: int, size: tuple[int, int]) -> None:
    file = of_files(name)
    assert video_info(file).fps == pytest.approx(fps, rel=1e-4) and video_info(file).num_frames == frames
    shapes = [frame.shape for frame in video_frames(file)]
    assert shapes == [(*size, 3)] * frames


@pytest.mark.parametrize(
    ("name", "fps", "frames"),
    [("vtest.avi", 10, 795), ("tree.avi", 2.269, 68), ("box.mp4", 29.966, 455), ("cup.mp4", 26.777, 217)],
)
def test_opencvs_clips(name: str, fps: float, frames: int) -> None:
    file = of_files(name)
    assert video_info(file).fps == pytest.approx(fps, rel=1e-3)
    count, before, steps = 0, None, []
    for frame in video_frames(file):
        small = frame[::8, ::8].astype(float)
        steps += [] if before is None else [np.abs(small - before).mean()]
        before, count = small, count + 1
    assert count == frames
    if name == "box.mp4":  # its time stamps are out of order, its frames are not: 2.9 as decoded, 4.5 sorted
        assert np.mean(steps) < 3.5


def test_a_display_matrix(made: Path) -> None:
    ffmpeg(made, "-display_rotation", "90", "-i", "plain.mp4", "-c", "copy", "turned.mp4")
    turned, plain = read_video(made / "turned.mp4").frames, read_video(made / "plain.mp4").frames
    assert turned.shape == (50, 320, 240, 3)
    assert np.array_equal(turned[7], np.rot90(plain[7]))


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "a.mov"),
        ("-c:v", "libsvtav1", "a.mkv"),
        ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv444p", "a.webm"),
        ("-c:v", "prores_ks", "a.mov"),
        ("-c:v", "ffv1", "a.avi"),
        ("-c:v", "mpeg2video", "-q:v", "2", "a.ts"),
        ("-c:v", "libx264", "-crf", "10", "-f", "flv", "a.flv"),
    ],
)
def test_codecs_and_containers(arguments: tuple[str, ...], made: Path) -> None:
    ffmpeg(made, "-i", "plain.mp4", *arguments)
    read, plain = read_video(made / arguments[-1]), read_video(made / "plain.mp4")
    assert read.frames.shape == plain.frames.shape and read.fps == pytest.approx(25, rel=0.02)
    assert np.abs(read.frames[20].astype(int) - plain.frames[20]).mean() < 8


def test_interlaced_mpeg_2(made: Path) -> None:
    ffmpeg(
        made, "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=50:duration=2", "-vf", "interlace", "-c:v", "mpeg2video",
        "-q:v", "2", "-flags", "+ildct+ilme", "combed.ts",
    )  # fmt: skip
    read = read_video(made / "combed.ts")
    assert read.fps == pytest.approx(25, rel=0.01) and len(read.frames) == 50


def test_a_variable_rate(made: Path) -> None:
    ffmpeg(
        made, "-i", "plain.mp4", "-vf", "select='not(mod(n,2))+lt(n,10)'", "-fps_mode", "vfr", "-crf", "8", "vary.mp4"
    )
    info, frames = video_info(made / "vary.mp4"), list(video_frames(made / "vary.mp4"))
    assert len(frames) == info.num_frames and len(frames) / info.fps == pytest.approx(2, abs=0.15)


def test_ten_seconds_of_full_hd_need_little_memory(made: Path) -> None:
    import resource

    ffmpeg(made, "-f", "lavfi", "-i", "color=size=1920x1080:rate=25:duration=10", "still.mp4")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in video_frames(made / "still.mp4")) == 250
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB; all at once are 1.5 million


def test_a_cut_off_file(made: Path) -> None:
    ffmpeg(made, "-i", "plain.mp4", "-c:v", "mpeg2video", "-q:v", "2", "a.ts")
    data = (made / "a.ts").read_bytes()
    (made / "a.ts").write_bytes(data[: len(data) // 2])
    assert 15 < len(list(video_frames(made / "a.ts"))) < 35


def test_videos_that_nobody_here_made_become_an_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Phone-like, old, odd and unusable files in one folder, by the one command: 20 steps of both stages."""
    names = ("bigbuckbunny.mp4", "bikes.mp4", "carphone_pristine.mp4", "vtest.avi", "cup.mp4", "cityCC0.mpg",
             "flashmob.mkv", "tree.avi", "sample.ts", "matrix_ping_pong.wmv")  # fmt: skip
    files = [of_files(name) for name in names]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    (tmp_path / "videos").mkdir()
    for file in files:
        (tmp_path / "videos" / file.name).symlink_to(file)
    tiny.checkpoint(tmp_path / "wan")
    values = ("base_model=wan", "frozen_weights=fp32", "width=64", "height=64", "validation_steps=2",
              "optimization.gradient_accumulation_steps=1", "optimization.lr=1e-3", "stage1.alignformer.in_channels=4",
              "stage1.alignformer.text_dim=32", "stage1.alignformer.dim=16", "stage1.lora.r=2")  # fmt: skip
    changes = [word for value in values for word in ("--set", value)]
    with running() as server:
        server.answer = lambda request: Say(f"The image depicts a scene of {len(request.images[-1].getcolors(2**24))}.")
        told = reasondiff(
            "adapt", "videos", "-o", "mine", "--narrator", "openai:m", "--narrator-url", server.url, "--steps", "20",
            "--batch", "1", "--precision", "fp32", "--device", "cpu", *changes,
        )  # fmt: skip
    assert "Use it: reasondiff generate" in told
    for unusable in ("sample.ts", "matrix_ping_pong.wmv"):  # two frames; no picture
        assert unusable in told
    clips = clips_of(tmp_path / "mine.work" / "set")
    assert {clip.origin for clip in clips} >= {"bigbuckbunny.mp4", "bikes.mp4", "vtest.avi", "cup.mp4", "cityCC0.mpg"}
    made = AdapterInfo.read(tmp_path / "mine")
    assert set(made.scores) == {"anchor_psnr", "eval_loss", "eval_denoising", "eval_auxiliary"}
    assert (tmp_path / "mine" / "validation.png").is_file()
    tiny.image(64, 64).save("anchor.png")
    story = {"position": 20, "num_frames": 33, "clips": [{"start": 1, "end": 33, "description": "A hand turns a box."}]}
    Path("story.json").write_text(json.dumps(story))
    reasondiff(
        "generate", "--model", "wan", "--adapter", "mine", "--image", "anchor.png", "--prompt", "A box turns.",
        "--narrative", "story.json", "--num-frames", "33", "--steps", "2", "--size", "64x64", "-o", "out.mp4",
    )  # fmt: skip
    assert video_info(tmp_path / "out.mp4").num_frames == 33


def reasondiff(*arguments: str) -> str:
    """What the command told, which must end well."""
    code = "from reasondiff.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=1200)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
