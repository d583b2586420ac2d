"""Videos as people have them, good and bad, made with PyAV: every frame's grey says which it is."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

__all__ = ["LEVELS", "audio_only", "level_of", "torture", "turned", "video"]

LEVELS = 24
"""Greys that stay apart after encoding; frame 24 has the grey of frame 0 again."""


def video(
    path: Path,
    count: int = 170,
    fps: int = 25,
    *,
    stamps: list[int] | None = None,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    container: str | None = None,
) -> Path:
    """Write a video whose frames are numbered by their grey.

    Args:
        path: of the video.
        count: frames.
        fps: frames per second.
        stamps: milliseconds at which the frames are shown, instead of ``fps``.
        size: width and height.
        codec: of FFmpeg.
        pix_fmt: of FFmpeg.
        container: of FFmpeg, where the name does not say it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        path.open("wb") as file,
        av.open(file, "w", format=container or path.suffix[1:].replace("mkv", "matroska")) as made,
    ):
        stream = made.add_stream(codec, rate=fps, options={"crf": "4", "g": "10"} if codec == "libx264" else {})
        stream.width, stream.height = size
        stream.pix_fmt, stream.thread_count = pix_fmt, 1
        if stamps is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(count):
            image = np.full((size[1], size[0], 3), 12 + 10 * (number % LEVELS), np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if stamps is not None:
                frame.pts, frame.time_base = stamps[number], Fraction(1, 1000)
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return path


def level_of(image: np.ndarray) -> int:
    """The number, modulo ``LEVELS``, that the middle of a frame shows."""
    height, width = image.shape[:2]
    return round((float(image[height // 3 : -height // 3, width // 3 : -width // 3].mean()) - 12) / 10)


def turned(path: Path) -> Path:
    """Let an MP4 say that a player turns it by a quarter."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def audio_only(path: Path) -> Path:
    """A file that has sound and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def torture(folder: Path) -> dict[str, str | None]:
    """Fill a folder; returns for each video a word of the reason why it cannot be used, or None."""
    long = folder / ("d" * 120) / ("e" * 120 + ".mp4")
    good = video(folder / "plain.mp4")
    whole = good.read_bytes()
    steps = [20, 60, 40, 80, 30] * 34
    video(folder / "variable.mkv", stamps=[sum(steps[:number]) for number in range(170)])
    turned(video(folder / "rotated.mp4", size=(96, 48)))
    video(folder / "late.mkv", stamps=[5000 + 40 * number for number in range(170)])
    video(folder / "odd.mkv", size=(65, 49), codec="ffv1", pix_fmt="yuv444p")
    video(folder / "ten-bit.mkv", codec="ffv1", pix_fmt="yuv420p10le")
    video(folder / "Ünïcode 視頻 '|'.mp4")
    video(long)
    video(folder / "other.mp4", container="matroska")  # another container than the name says
    (folder / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.mp4").touch()
    (folder / "header.mp4").write_bytes(b"\x13" * 64 + whole[64:])
    (folder / "text.mp4").write_text("no video at all")
    video(folder / "one.mp4", count=1)
    Image.new("RGB", (32, 32)).save(folder / "still.png")
    (folder / "still.png").rename(folder / "picture.mp4")
    audio_only(folder / "sound.mp4")
    usable = ["plain.mp4", "variable.mkv", "rotated.mp4", "late.mkv", "odd.mkv", "ten-bit.mkv", "other.mp4",
              "Ünïcode 視頻 '|'.mp4", long.relative_to(folder).as_posix()]  # fmt: skip
    return dict.fromkeys(usable) | {
        "truncated.mp4": "cannot be played",
        "empty.mp4": "is empty",
        "header.mp4": "cannot be played",
        "text.mp4": "cannot be played",
        "one.mp4": "single frame",
        "picture.mp4": "single frame",
        "sound.mp4": "cannot be played",
    }
