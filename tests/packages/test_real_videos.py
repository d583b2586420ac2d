"""Real videos that packages carry, and odd ones from an encoder that nobody here wrote."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from reasondiff.media import read_video, video_frames, video_info
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
