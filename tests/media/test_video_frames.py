"""Videos as they really are come in as a player shows them, one frame at a time."""

from __future__ import annotations

import struct
import tracemalloc
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.media import read_video, timed_frames, video_frames, video_info, write_video
from tests.media.test_video import drawn

RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(height: int = 32, width: int = 64) -> np.ndarray:
    """Red to the left, blue to the right."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[:, : width // 2], frame[:, width // 2 :] = RED, BLUE
    return frame


def numbered(count: int) -> np.ndarray:
    """Frames whose grey says which they are."""
    levels = 20 + 4 * np.arange(count, dtype=np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, 32, 32, 3)).copy()


def numbers(path: Path) -> list[int]:
    return [round((int(frame.mean()) - 20) / 4) for frame in video_frames(path)]


def encode(
    path: Path,
    frames: np.ndarray,
    stamps: list[int] | None = None,
    *,
    base: Fraction = Fraction(1, 1000),
    aspect: Fraction | None = None,
    codec: str = "libx264",
    **options: str,
) -> None:
    """Write frames with their time stamps, as another program may."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            codec, rate=25, options={"crf": "5", **options} if codec == "libx264" else options
        )
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if stamps is not None:
            stream.codec_context.time_base = base
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            if stamps is not None:
                picture.pts, picture.time_base = stamps[number], base
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_phones_clip_stands_upright(turns: int, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", np.stack([halves()] * 3), 5)
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    place = data.index(b"tkhd") + 4 + 40  # the matrix by which a player turns the picture clockwise
    cosine, sine = ((0, 1), (-1, 0), (0, -1))[turns - 1]
    matrix = (cosine << 16, sine << 16, 0, -sine << 16, cosine << 16, 0, 0, 0, 1 << 30)
    data[place : place + 36] = struct.pack(">9i", *matrix)
    (tmp_path / "a.mp4").write_bytes(data)
    frame = read_video(tmp_path / "a.mp4").frames[0].astype(int)
    wanted = np.rot90(halves(), -turns)  # NumPy turns the other way
    assert frame.shape == wanted.shape and np.abs(frame - wanted).mean() < 12


@pytest.mark.parametrize(("aspect", "width"), [(Fraction(2), 128), (Fraction(16, 15), 68), (Fraction(1, 2), 32)])
def test_pixels_become_square(aspect: Fraction, width: int, tmp_path: Path) -> None:
    encode(tmp_path / "a.mkv", np.stack([halves()] * 3), aspect=aspect)
    frame = read_video(tmp_path / "a.mkv").frames[1]
    assert frame.shape == (32, width, 3)
    assert frame[16, 4, 0] > 200 and frame[16, -4, 2] > 200


def test_a_variable_rate_is_followed_in_time(tmp_path: Path) -> None:
    steps = [40, 40, 120, 40, 80, 40, 40]
    stamps = [sum(steps[:number]) for number in range(8)]
    encode(tmp_path / "a.mkv", numbered(8), stamps)
    info = video_info(tmp_path / "a.mkv")
    shown = numbers(tmp_path / "a.mkv")
    times = [place / info.fps for place in range(len(shown))]
    for place, number in enumerate(shown):
        late = max(each for each in range(8) if stamps[each] / 1000 <= times[place] + 0.49 / info.fps)
        assert number == late, (place, shown)
    assert len(shown) == info.num_frames and times[-1] == pytest.approx(stamps[-1] / 1000, abs=1 / info.fps)


def test_frames_have_the_times_at_which_they_are_shown(tmp_path: Path) -> None:
    stamps = [2000, 2040, 2100, 2500, 2510]  # the first frame is shown at 0, whatever its stamp says
    encode(tmp_path / "a.mkv", numbered(5), stamps)
    frames = list(timed_frames(tmp_path / "a.mkv"))
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.04, 0.1, 0.5, 0.51])
    assert [round((int(frame.image().mean()) - 20) / 4) for frame in frames] == list(range(5))


@pytest.mark.parametrize("rate", [24, 30])
def test_milliseconds_that_round_are_no_variable_rate(rate: int, tmp_path: Path) -> None:
    encode(tmp_path / "a.mkv", numbered(40), [round(1000 * number / rate) for number in range(40)])
    info = video_info(tmp_path / "a.mkv")
    assert numbers(tmp_path / "a.mkv") == list(range(40)) and info.num_frames == 40
    assert info.fps == pytest.approx(rate, rel=0.05)


@pytest.mark.parametrize("name", ["a.ts", "a.flv", "a.avi"])
def test_containers_that_name_no_rate(name: str, tmp_path: Path) -> None:
    encode(tmp_path / name, numbered(25), codec="mpeg4" if name.endswith("avi") else "libx264")
    assert video_info(tmp_path / name).fps == pytest.approx(25, rel=0.03)
    assert len(numbers(tmp_path / name)) == 25


def with_cover_first(data: bytes) -> bytes:
    """The same MP4 with its tags, the cover among them, before its tracks."""
    start = data.index(b"moov") - 4
    end = start + int.from_bytes(data[start : start + 4], "big")
    boxes, place = [], start + 8
    while place < end:
        size = int.from_bytes(data[place : place + 4], "big")
        boxes.append(data[place : place + size])
        place += size
    boxes.sort(key=lambda box: box[4:8] != b"udta")
    return data[: start + 8] + b"".join(boxes) + data[end:]


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width = cover.height = 16
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        film = container.add_stream("libx264", rate=5)
        film.width = film.height = 32
        film.pix_fmt = "yuv420p"
        container.mux(cover.encode(av.VideoFrame.from_image(Image.new("RGB", (16, 16)))))
        for frame in numbered(6):
            container.mux(film.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(cover.encode())
        container.mux(film.encode())
    (tmp_path / "a.mp4").write_bytes(with_cover_first((tmp_path / "a.mp4").read_bytes()))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].disposition & av.stream.Disposition.attached_pic
    video = read_video(tmp_path / "a.mp4")
    assert video.frames.shape == (6, 32, 32, 3) and video.fps == 5


def test_interlaced_frames_are_made_whole(tmp_path: Path) -> None:
    frames = np.zeros((12, 64, 64, 3), np.uint8)
    for number in range(12):  # a bar moves; every other line shows it half a step later
        for line in range(64):
            left = 4 * number + 2 * (line % 2)
            frames[number, line, left : left + 16] = 255
    encode(tmp_path / "a.mkv", frames, **{"x264-params": "interlaced=1:tff=1"})
    with av.open(str(tmp_path / "a.mkv")) as container:
        assert next(container.decode(video=0)).interlaced_frame
    read = read_video(tmp_path / "a.mkv").frames.astype(int)
    assert len(read) == 12

    def combing(video: np.ndarray) -> float:
        middle = video[4:9].astype(int)
        return float(np.abs(middle[:, 1:-1] - (middle[:, :-2] + middle[:, 2:]) / 2).mean())

    assert combing(read) < 0.35 * combing(frames)


@pytest.mark.parametrize("kept", [0.5, 0.8])
def test_of_a_damaged_video_what_comes_before_is_read(
    kept: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 64, 64, 3), dtype=np.uint8)
    encode(tmp_path / "a.ts", noise, g="1")
    data = (tmp_path / "a.ts").read_bytes()
    (tmp_path / "a.ts").write_bytes(data[: int(kept * len(data))])
    read = list(video_frames(tmp_path / "a.ts"))
    assert 0.8 * kept * 30 - 2 <= len(read) < 30
    assert np.abs(read[0].astype(int) - noise[0]).mean() < 80


def test_damage_in_the_middle_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    encode(tmp_path / "a.mkv", drawn(30), codec="ffv1")
    data = bytearray((tmp_path / "a.mkv").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = bytes(400)
    (tmp_path / "a.mkv").write_bytes(data)
    assert 0 < len(list(video_frames(tmp_path / "a.mkv"))) <= 30


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", np.zeros((60, 256, 256, 3), np.uint8), 5)
    tracemalloc.start()
    count = sum(1 for _ in video_frames(tmp_path / "a.mp4"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60 and peak < 12 * 256 * 256 * 3  # NumPy tells tracemalloc of its arrays


def test_frames_are_decoded_when_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "a.mp4", numbered(50), 5)
    frames = video_frames(tmp_path / "a.mp4")
    first, second = next(frames), next(frames)
    assert first.mean() < second.mean()
    frames.close()


def test_no_video_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(InputError, match="cannot be read"):
        video_info(tmp_path / "a.mp4")
    with pytest.raises(InputError, match="There is no video"):
        next(video_frames(tmp_path / ("a" * 300)))


def test_steps_in_time_are_even(tmp_path: Path) -> None:
    encode(tmp_path / "a.mkv", numbered(9), [0, 33, 67, 100, 300, 333, 367, 400, 433])
    shown = numbers(tmp_path / "a.mkv")
    assert all(after >= before for before, after in pairwise(shown)) and max(shown.count(each) for each in shown) >= 3
