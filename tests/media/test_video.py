"""MP4 files: what goes in comes out, the same every time, and nothing half-written."""

from __future__ import annotations

import os
import re
from pathlib import Path

import av
import numpy as np
import pytest

from reasondiff.errors import InputError, OutputError
from reasondiff.media import GenerationRecord, frames_hash, read_record, read_video, write_video


def drawn(num_frames: int = 9, height: int = 64, width: int = 64) -> np.ndarray:
    """Flat colours with sharp edges, as a drawn clip has: blocks of 16 pixels that change with time."""
    blocks = np.random.default_rng(0).integers(0, 256, (num_frames, height // 16, width // 16, 3), dtype=np.uint8)
    return blocks.repeat(16, 1).repeat(16, 2)


def record(**changes: object) -> GenerationRecord:
    fields: dict = {
        "model": "storyworld-tiny", "prompt": "A cat 猫 plays; \\ = # \n 😀", "narrative": {"position": 3},
        "options": {"steps": 20, "guidance_scale": 5.0, "fit": "crop", "embed": True, "narrator": None},
        "seed": 7, "threads": 2, "versions": {"reasondiff": "0"}, "weights": {"vae/a.safetensors": "0" * 64},
        "image_sha256": "1" * 64,
    }  # fmt: skip
    return GenerationRecord(**{**fields, **changes})


def test_small_drawings_stay_crisp(tmp_path: Path) -> None:
    frames = drawn()
    write_video(tmp_path / "a.mp4", frames, fps=5)
    video = read_video(tmp_path / "a.mp4")
    error = np.abs(video.frames.astype(int) - frames)
    assert error.max() <= 6 and error.mean() < 1.5  # edges and colours included, in spite of halved colour planes


def test_known_colours_are_tagged_and_kept(tmp_path: Path) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [128, 128, 128]], np.uint8)
    frames = np.broadcast_to(colours[:, None, None], (6, 32, 32, 3)).copy()
    write_video(tmp_path / "a.mp4", frames, fps=5)
    assert np.abs(read_video(tmp_path / "a.mp4").frames.astype(int) - frames).max() <= 3
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, int(context.colorspace), int(context.color_range)) == ("yuv420p", 1, 1)


@pytest.mark.parametrize("fps", [0.5, 1 / 0.2, 15, 16, 24000 / 1001, 29.97, 60])
def test_every_frame_and_the_rate_survive(tmp_path: Path, fps: float) -> None:
    write_video(tmp_path / "a.mp4", drawn(13), fps)
    video = read_video(tmp_path / "a.mp4")
    assert len(video.frames) == 13
    assert video.fps == pytest.approx(fps, rel=1e-6)


@pytest.mark.parametrize("shape", [(1, 64, 64), (5, 16, 48), (2, 18, 34)])
def test_shapes(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    write_video(tmp_path / "a.mp4", np.full((*shape, 3), 90, np.uint8), 5)
    assert read_video(tmp_path / "a.mp4").frames.shape == (*shape, 3)


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, drawn(), 5, record())
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(("height", "width"), [(70, 22), (66, 70)])
def test_what_lay_in_memory_is_not_in_the_bytes(tmp_path: Path, height: int, width: int) -> None:
    """Of sizes that are no whole number of macroblocks, whose planning by x264 once read what lay behind them."""
    rng = np.random.default_rng(0)
    pattern = rng.integers(0, 4, (height, width, 3), dtype=np.uint8) * 64
    frames = np.stack([np.roll(pattern, number, axis=1) for number in range(12)])
    written = set()
    for _ in range(12):
        _dirt = [rng.integers(0, 256, rng.integers(1, 300_000), dtype=np.uint8) for _ in range(20)]
        write_video(tmp_path / "a.mp4", frames, 5)
        written.add((tmp_path / "a.mp4").read_bytes())
    assert len(written) == 1


def test_the_record_travels_in_the_file(tmp_path: Path) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (480, 832, 3), dtype=np.uint8)  # over a megabyte as PNG
    written = record().with_image(Image.fromarray(pixels))
    frames = drawn()
    write_video(tmp_path / "a.mp4", frames, 5, written)
    read = read_record(tmp_path / "a.mp4")
    assert read == read_video(tmp_path / "a.mp4").record == written.of_frames(frames)
    assert read is not None and read.frames_sha256 == frames_hash(frames)
    assert np.array_equal(np.asarray(read.open_image()), pixels)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_a_stream_copy_by_another_tool_keeps_the_record(suffix: str, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", drawn(), 5, record())
    other = tmp_path / f"b.{suffix}"
    with av.open(str(tmp_path / "a.mp4")) as source, av.open(str(other), "w") as copy:
        copy.metadata.update(source.metadata)
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    assert read_record(other) == read_record(tmp_path / "a.mp4") is not None


def test_videos_of_others_have_no_record(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", drawn(), 5)
    assert read_video(tmp_path / "a.mp4").record is None
    assert (
        GenerationRecord.from_json("shot on a phone") is None and GenerationRecord.from_json('{"workflow": 1}') is None
    )


@pytest.mark.parametrize(
    ("frames", "fps", "name", "message"),
    [
        (np.zeros((3, 64, 64, 3), np.float32), 5, "a.mp4", "float32"),
        (np.zeros((3, 64, 64, 4), np.uint8), 5, "a.mp4", r"\[3, 64, 64, 4\]"),
        (np.zeros((0, 64, 64, 3), np.uint8), 5, "a.mp4", r"\[0, 64, 64, 3\]"),
        (np.zeros((3, 63, 64, 3), np.uint8), 5, "a.mp4", "64x63"),
        (np.zeros((3, 64, 64, 3), np.uint8), 0, "a.mp4", "0 frames per second"),
        (np.zeros((3, 64, 64, 3), np.uint8), float("nan"), "a.mp4", "nan frames"),
        (np.zeros((3, 64, 64, 3), np.uint8), 5, "a.gif", "'.mp4'"),
        (np.zeros((3, 64, 64, 3), np.uint8), 5, "none/a.mp4", "cannot be written"),
    ],
)
def test_refused(tmp_path: Path, frames: np.ndarray, fps: float, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_video(tmp_path / name, frames, fps)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "a.mp4", drawn(), 5)
    before = (tmp_path / "a.mp4").read_bytes()

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(av.VideoFrame, "from_ndarray", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.mp4", drawn(), 5)
    assert (tmp_path / "a.mp4").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_unreadable_videos_are_one_sentence(tmp_path: Path) -> None:
    write_video(tmp_path / "good.mp4", drawn(), 5)
    good = (tmp_path / "good.mp4").read_bytes()
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "cut.mp4").write_bytes(good[: len(good) // 3])
    for name in ("text.mp4", "empty.mp4", "cut.mp4", "none.mp4", "."):
        with pytest.raises(InputError) as raised:
            read_video(tmp_path / name)
        assert re.fullmatch(r"[^\n]+\.", str(raised.value))
    with pytest.raises(InputError, match="There is no video"):
        read_video("http://127.0.0.1:9/a.mp4")


# -- names and disks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["12:30.mp4", "cat: the movie.mp4", "%03d.mp4", "http:a.mp4", "a" * 251 + ".mp4", os.fsdecode(b"\xff.mp4")]
)
def test_a_name_is_only_a_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9: videos")
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_video(name, drawn(), 5, record())
    assert len(read_video(name).frames) == 9 and read_record(name) is not None
    assert [path.name for path in folder.iterdir()] == [name]


def test_a_video_that_does_not_fit_on_the_disk_is_one_sentence(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    write_video(tmp_path / "a.mp4", drawn(), 5)
    before, limits = (tmp_path / "a.mp4").read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written: File too large; choose another place"):
            write_video(tmp_path / "a.mp4", drawn(), 5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "a.mp4").read_bytes() == before and len(list(tmp_path.iterdir())) == 1
