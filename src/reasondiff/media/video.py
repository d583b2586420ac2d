"""Videos as MP4 files that every player shows, and that remember how they were made."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np

from reasondiff.errors import InputError
from reasondiff.files import atomic_path
from reasondiff.media.record import GenerationRecord
from reasondiff.media.video_frames import video_frames, video_info

__all__ = ["Video", "read_video", "write_video"]

MAX_BYTES = 2**33
"""Decoded size of the largest video that is read: 8 GiB, which is 81 frames of 5888 x 5888."""

_BT709 = 1
"""The standard's code for HD colour, in all three of the places where a file names it."""
_LIMITED = 1
"""The standard's code for the video range 16..235."""


@dataclass(frozen=True)
class Video:
    """A decoded video.

    Args:
        frames: uint8 [frames, height, width, 3], RGB.
        fps: frames per second.
        record: how it was made, where the file says so.
    """

    frames: np.ndarray = field(repr=False)
    fps: float
    record: GenerationRecord | None = None


def write_video(
    path: str | Path,
    frames: np.ndarray,
    fps: float,
    record: GenerationRecord | None = None,
    *,
    lossless: bool = False,
) -> None:
    """Write an H.264 MP4, whole or not at all; the same frames give the same bytes.

    Args:
        path: ends in ``.mp4``.
        frames: uint8 [frames, height, width, 3], RGB; height and width even, as H.264 players need.
        fps: frames per second, above 0 and at most 1000.
        record: put into the file's comment, with the hashes of ``frames`` unless it has some already.
        lossless: keep every bit, in H.264's RGB form, which few players show; else visually lossless, for all of them.

    Raises:
        InputError: another suffix, shape or rate, or a place that cannot be written.
    """
    if Path(path).suffix.lower() != ".mp4":
        raise InputError(f"{str(path)!r} is not the name of an MP4 file; let it end in '.mp4'.")
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
        raise InputError(f"Frames are {frames.dtype} {list(frames.shape)}; give uint8 [frames, height, width, 3].")
    height, width = frames.shape[1:3]
    if height % 2 or width % 2:
        raise InputError(f"A video of {width}x{height} would not play everywhere; give an even width and height.")
    if not 0 < fps <= 1000:
        raise InputError(f"{fps} frames per second cannot be played; give a number above 0 and at most 1000.")
    # In memory first: FFmpeg never sees the name, which may hold a colon or be no UTF-8, and a disk that is full is
    # Python's own error. At this quality the file is a small part of the frames' size.
    encoded = BytesIO()
    if lossless:
        _encode_lossless(frames, fps, encoded)
    else:
        _encode(frames, fps, record, encoded)
    with atomic_path(path) as partial:
        partial.write_bytes(encoded.getbuffer())


def _encode_lossless(frames: np.ndarray, fps: float, target: BytesIO) -> None:
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("libx264rgb", rate=Fraction(fps).limit_denominator(1001), options={"qp": "0"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.thread_count = "rgb24", 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def _encode(frames: np.ndarray, fps: float, record: GenerationRecord | None, target: BytesIO) -> None:
    with av.open(target, "w", format="mp4") as container:
        if record is not None:
            stamped = record if record.frames_sha256 else record.of_frames(frames)
            container.metadata["comment"] = stamped.to_json()
        # crf 10 is visually lossless, which drawn edges need. One thread makes the bytes independent of the machine;
        # without its tree of macroblocks, x264's vector code reads nothing from behind the last of them.
        options = {"crf": "10", "mbtree": "0"}
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.thread_count = "yuv420p", 1
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        for frame in frames:
            # Area averages keep the halved colour planes inside the edges of small drawings.
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
                format="yuv420p",
                src_colorspace="ITU709", dst_colorspace="ITU709",
                src_color_range="JPEG", dst_color_range="MPEG",
                interpolation="AREA",
            )  # fmt: skip
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def read_video(path: str | Path) -> Video:
    """Decode a whole video, as ``video_frames`` does frame by frame.

    Args:
        path: any file that FFmpeg knows.

    Raises:
        InputError: it is missing, damaged, no video, changes its size, or is larger than 8 GiB when decoded.
    """
    info, frames, size = video_info(path), [], 0
    for frame in video_frames(path):
        frames.append(frame)
        size += frame.nbytes
        if size > MAX_BYTES:
            raise InputError(f"The video {str(path)!r} is too long to hold in memory; cut or scale it first.")
    if any(frame.shape != frames[0].shape for frame in frames):
        raise InputError(f"The video {str(path)!r} changes its size on the way; encode it at one size.")
    whole = np.empty((len(frames), *frames[0].shape), np.uint8)
    frames.reverse()
    for number in range(len(whole)):
        whole[number] = frames.pop()  # one by one, so that the video is not in memory twice
    return Video(whole, info.fps, info.record)
