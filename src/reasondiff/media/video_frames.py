"""The frames of any video, one at a time, as a player shows them: upright, with square pixels, whole and in time.

Only a frame or two are in memory, however long the video is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.stream import Disposition
from av.video.stream import VideoStream

from reasondiff.errors import InputError
from reasondiff.media.hdr import HDR, as_srgb
from reasondiff.media.record import GenerationRecord

__all__ = ["TimedFrame", "VideoInfo", "read_record", "timed_frames", "video_frames", "video_info"]

logger = logging.getLogger(__name__)

_UNEVEN = 1.5
"""How many times the usual step a step must be for the rate to vary: milliseconds round steps by far less, and a
dropped frame makes it two."""

_FIELDS = 1.1
"""A guessed rate this many times the measured one counts fields, two to a frame, or is none."""


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before it is decoded.

    Args:
        fps: frames per second, always above 0; of a variable rate, the average.
        num_frames: that ``video_frames`` gives; fewer where the file is damaged.
        record: how it was made, where the file says so.
        codec: as FFmpeg names it.
    """

    fps: float
    num_frames: int
    record: GenerationRecord | None = None
    codec: str = ""


@dataclass(frozen=True)
class TimedFrame:
    """A decoded frame that is made an array only if it is asked for.

    Args:
        seconds: when it is first shown; the video's first frame is shown at 0.
    """

    seconds: float
    _frame: av.VideoFrame
    _aspect: Fraction

    def image(self) -> np.ndarray:
        """uint8 [height, width, 3], RGB, upright and with square pixels."""
        return _as_shown(self._frame, self._aspect)


@dataclass(frozen=True)
class _Timing:
    """When frames are shown: the rate, and whether the steps between them differ so much that time must decide."""

    fps: float
    count: int
    varies: bool


def video_info(path: str | Path) -> VideoInfo:
    """Read a video's packets, without decoding them.

    Raises:
        InputError: it is missing, damaged or no video, or its record is damaged.
    """
    with _opened(path) as container:
        stream = _stream_of(container, path)
        timing = _timing(container, stream)
        return VideoInfo(timing.fps, timing.count, _record_of(container), stream.codec_context.name)


def video_frames(path: str | Path) -> Iterator[np.ndarray]:
    """Decode a video frame by frame, at the even rate that ``video_info`` gives.

    Frames come in the order in which they are decoded, which is right even where a file's time stamps are not. Where
    the rate varies, a frame is repeated as long as it is shown. Rotation is applied, pixels are made square, interlaced
    frames whole, and HDR is brought to sRGB. Of a file that is damaged later on, what comes before is given, with a
    warning in the log.

    Args:
        path: any file that FFmpeg knows.

    Yields:
        uint8 [height, width, 3], RGB.

    Raises:
        InputError: it is missing, holds no video, or not one frame of it can be decoded.
    """
    with _opened(path) as container:
        timing = _timing(container, _stream_of(container, path))
    with _opened(path) as container:
        stream = _stream_of(container, path)
        count = 0
        aspect = stream.sample_aspect_ratio or Fraction(1)
        for frame in _in_time(_whole(_decoded(container, stream, path), stream), timing, aspect):
            yield frame
            count += 1
    if not count:
        raise InputError(f"The video {str(path)!r} has no frames; write or download it again.")


def timed_frames(path: str | Path) -> Iterator[TimedFrame]:
    """Decode a video frame by frame, each with the moment at which a player shows it.

    Frames come in the order in which they are decoded, and their times never go back: a frame without a usable time
    stamp follows the one before by the usual step. Damage is met as by ``video_frames``.

    Args:
        path: any file that FFmpeg knows.

    Raises:
        InputError: it is missing, holds no video, or not one frame of it can be decoded.
    """
    with _opened(path) as container:
        step = 1 / _timing(container, _stream_of(container, path)).fps
    with _opened(path) as container:
        stream = _stream_of(container, path)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        first: float | None = None
        seconds = -step
        for frame in _whole(_decoded(container, stream, path), stream):
            first = frame.time if first is None else first
            told = None if frame.time is None or first is None else frame.time - first
            seconds = told if told is not None and told > seconds else seconds + step
            yield TimedFrame(seconds, frame, aspect)
    if seconds < 0:
        raise InputError(f"The video {str(path)!r} has no frames; write or download it again.")


def read_record(path: str | Path) -> GenerationRecord | None:
    """The record inside a video, without decoding the video; None where it has none.

    Raises:
        InputError: the video cannot be opened, or its record is damaged.
    """
    with _opened(path) as container:
        _stream_of(container, path)
        return _record_of(container)


# -- the steps ---------------------------------------------------------------------------------------------------------


def _record_of(container: InputContainer) -> GenerationRecord | None:
    # Matroska writes the names of its tags in capitals.
    tags = {name.lower(): text for name, text in container.metadata.items()}
    return GenerationRecord.from_json(tags.get("comment", ""))


def _stream_of(container: InputContainer, path: str | Path) -> VideoStream:
    """The first video stream that is no cover picture."""
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        raise InputError(f"{str(path)!r} holds no video; give an MP4.")
    return moving[0]


def _timing(container: InputContainer, stream: VideoStream) -> _Timing:
    """From the packets' time stamps; where some are missing, from what the container says."""
    stamps: list[int] = []
    count, complete = 0, True
    try:
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                count += 1
                complete = complete and packet.pts is not None
                stamps.append(packet.pts or 0)
    except av.FFmpegError:
        pass  # a damaged end; decoding comes to it, too
    stamps.sort()
    steps = [after - before for before, after in pairwise(stamps) if after > before]
    told = stream.average_rate or stream.guessed_rate
    if not complete or not steps or stream.time_base is None:
        return _Timing(float(told or 24), count, varies=False)  # 24: most films' rate
    measured = len(steps) / float((stamps[-1] - stamps[0]) * stream.time_base)
    fps = measured
    if told is not None and measured / _FIELDS < float(told) < measured * _FIELDS:
        fps = float(told)  # the same, but exact
    if max(steps) > _UNEVEN * median(steps) or min(steps) * _UNEVEN < median(steps):
        shown = round(float((stamps[-1] - stamps[0]) * stream.time_base) * fps) + 1
        return _Timing(fps, shown, varies=True)
    return _Timing(fps, count, varies=False)


def _decoded(container: InputContainer, stream: VideoStream, path: str | Path) -> Iterator[av.VideoFrame]:
    """The frames in the order of decoding; packets that are damaged are left out."""
    damaged = count = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames = [] if packet is None else packet.decode()
        except av.FFmpegError:
            damaged += 1
            if packet is None:
                break
            frames = []
            if packet.size == 0:  # the decoder cannot even be emptied
                break
        if packet is None:
            break
        yield from frames
        count += len(frames)
    if damaged and count:
        logger.warning("The video %r is damaged; %d frames of it could be read.", str(path), count)


def _whole(frames: Iterator[av.VideoFrame], stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Frames that were filmed line by line, every other line later, are made of one moment each."""
    graph: Graph | None = None
    for frame in frames:
        if graph is None and frame.interlaced_frame:
            graph = Graph()
            source = graph.add_buffer(template=stream)
            # One frame for each, and only those that say that they are interlaced.
            steps = graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
            graph.link_nodes(source, *steps).configure()
        if graph is None:
            yield frame
            continue
        graph.push(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _pulled(graph: Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):  # nothing yet, or nothing more
            return
        assert isinstance(frame, av.VideoFrame)
        yield frame


def _in_time(frames: Iterator[av.VideoFrame], timing: _Timing, aspect: Fraction) -> Iterator[np.ndarray]:
    """The frames as arrays; where the rate varies, each as often as it is shown."""
    held: np.ndarray | None = None
    first: float | None = None
    shown, trusted = 0, timing.varies
    for frame in frames:
        image = _as_shown(frame, aspect)
        if not trusted or frame.time is None:
            if held is not None:
                yield held
                held = None
            yield image
            continue
        first = frame.time if first is None else first
        place = round((frame.time - first) * timing.fps)
        if held is not None:
            if place < shown:  # time goes back: from here on the order of decoding is what can be trusted
                trusted = False
                yield held
                yield image
                held = None
                continue
            for _ in range(place - shown):
                yield held
        held, shown = image, place
    if held is not None:
        yield held


def _as_shown(frame: av.VideoFrame, aspect: Fraction) -> np.ndarray:
    """RGB, with square pixels, upright; ``aspect`` is a pixel's width over its height."""
    transfer = frame.color_trc
    if aspect > 0 and aspect != 1:
        width = max(1, round(frame.width * aspect))
        frame = frame.reformat(width=width, height=frame.height, interpolation="BICUBIC")
    if transfer in HDR:
        image = as_srgb(frame.to_ndarray(format="rgb48le"), transfer)
    else:
        image = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


@contextmanager
def _opened(path: str | Path) -> Iterator[InputContainer]:
    path = Path(path)
    try:
        is_file = path.is_file()  # also keeps URLs and devices, which FFmpeg would open, from being read
    except (OSError, ValueError):  # a name that is too long, or holds a null character
        is_file = False
    if not is_file:
        raise InputError(f"There is no video {str(path)!r}; check the path.")
    try:
        with ExitStack() as opened:
            container = opened.enter_context(av.open(_for_ffmpeg(path, opened), "r"))
            yield container
    except (av.FFmpegError, UnicodeDecodeError, OSError) as error:
        reason = getattr(error, "strerror", None) or "its text is not UTF-8"
        raise InputError(f"The video {str(path)!r} cannot be read ({reason}); write or download it again.") from None


def _for_ffmpeg(path: Path, opened: ExitStack) -> str | BinaryIO:
    """The path as FFmpeg takes it literally; a file that ``opened`` closes where the name is no UTF-8."""
    try:
        f"{path}".encode()
    except UnicodeEncodeError:
        return opened.enter_context(path.open("rb"))
    return f"file:{path}"
