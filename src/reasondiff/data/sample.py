"""Clips of a fixed length, rate and size from the videos of a set, by the time at which each frame is shown."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from reasondiff.data.frames import frames_at
from reasondiff.data.media_files import fingerprint, opened_media
from reasondiff.data.motion import motion
from reasondiff.data.records import Unusable, VideoRecord, digest, read_lines, write_lines
from reasondiff.data.spans import Sampling, Span, plan_spans
from reasondiff.data.workers import Over, here
from reasondiff.errors import InputError, OutputError
from reasondiff.files import atomic_path
from reasondiff.media import fit_image, video_info, write_video

__all__ = ["ClipRecord", "Sampled", "sample"]


@dataclass(frozen=True)
class ClipRecord:
    """One clip that is ready to be captioned and encoded.

    Args:
        id: hexadecimal, of the video's content and of everything that decides the clip.
        video: id of the ``VideoRecord``.
        path: of the clip's MP4, from the set's folder.
        origin: name of the video.
        start: seconds from the video's first frame.
        step: seconds between frames, as it was used.
        num_frames: frames.
        width: pixels.
        height: pixels.
        fps_source: frames per second of the video.
        captions: alternatives that describe the whole video.
        frame_captions: one per frame, or none.
    """

    id: str
    video: str
    path: str
    origin: str
    start: float
    step: float
    num_frames: int
    width: int
    height: int
    fps_source: float
    captions: tuple[str, ...] = ()
    frame_captions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "captions", tuple(self.captions))
        object.__setattr__(self, "frame_captions", tuple(self.frame_captions))


@dataclass(frozen=True)
class Sampled:
    """What became of a set.

    Args:
        clips: all that the set has now.
        unusable: videos, and clips of them, that gave none.
        kept: clips that an earlier run had made already.
    """

    clips: tuple[ClipRecord, ...]
    unusable: tuple[Unusable, ...]
    kept: int


def sample(
    folder: Path,
    source: Path,
    sampling: Sampling,
    *,
    split: Callable[[Path], list[tuple[float, float]]] | None = None,
    progress: Callable[[int, int], None] | None = None,
    over: Over = here,
) -> Sampled:
    """Write ``clips/ID.mp4`` and ``clips.jsonl`` for the ``videos.jsonl`` of a set.

    A clip that is there already is kept, and one that other settings made is removed at the end; so the same command
    after an interruption gives the same folder as one run.

    Args:
        folder: of the set.
        source: folder that the records' paths begin at.
        sampling: how.
        split: finds a video's scenes, (start, end) in seconds; no clip reaches over the end of one.
        progress: called with the number of videos that are done, and of all.
        over: where videos are decoded.

    Raises:
        InputError: the set has no videos or cannot be read.
        OutputError: there is no room; what is finished is kept.
    """
    records = read_lines(folder / "videos.jsonl", VideoRecord)
    (folder / "clips").mkdir(exist_ok=True)
    clips: list[ClipRecord] = []
    unusable: list[Unusable] = []
    kept = 0
    jobs = [_Job(folder, source, record, sampling, split) for record in records]
    for number, of_video in enumerate(over(_sample_video, jobs), 1):
        if of_video.full is not None:
            raise OutputError(folder / "clips", of_video.full)
        clips += of_video.clips
        unusable += of_video.unusable
        kept += of_video.kept
        if progress is not None:
            progress(number, len(records))
    write_lines(folder / "clips.jsonl", clips)
    write_lines(folder / "clips-unusable.jsonl", unusable)
    with atomic_path(folder / "sampling.json") as partial:
        partial.write_text(json.dumps(asdict(sampling), indent=2) + "\n", encoding="utf-8")
    _remove_others(folder / "clips", {clip.id for clip in clips})
    return Sampled(tuple(clips), tuple(unusable), kept)


@dataclass(frozen=True)
class _Job:
    """One video, for whichever process samples it."""

    folder: Path
    source: Path
    record: VideoRecord
    sampling: Sampling
    split: Callable[[Path], list[tuple[float, float]]] | None


@dataclass(frozen=True)
class _OfVideo:
    """What one video gave; ``full`` is the system's error number where its clips could not be written."""

    clips: tuple[ClipRecord, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    kept: int = 0
    full: int | None = None


def _sample_video(job: _Job) -> _OfVideo:
    record = job.record
    try:
        with opened_media(job.source / record.path, record.member) as path:
            planned = _plan(path, record, job.sampling, job.split)
            missing = [clip for clip in planned if not (job.folder / clip.path).is_file()]
            bad = _write_clips(job.folder, path, record, missing, job.sampling)
    except OutputError as error:
        return _OfVideo(full=error.number or errno.EIO)
    except (InputError, OSError) as error:
        return _OfVideo(unusable=(Unusable.of(record.name, str(error)),))
    lost = {clip.id for clip, _ in bad}
    return _OfVideo(
        tuple(clip for clip in planned if clip.id not in lost),
        tuple(Unusable.of(f"{record.name} from {clip.start:g} s", problem) for clip, problem in bad),
        len(planned) - len(missing),
    )


def _plan(
    path: Path, record: VideoRecord, sampling: Sampling, split: Callable[[Path], list[tuple[float, float]]] | None
) -> list[ClipRecord]:
    info = video_info(path)
    fps = record.fps or info.fps
    seconds = info.num_frames / fps
    if record.frame_captions:
        # Already sampled: every frame has its own caption, so every frame is taken.
        spans = [Span(0.0, 1 / fps, len(record.frame_captions))]
        if spans[0].num_frames != sampling.num_frames:
            raise InputError(f"its captions are for another length: {spans[0].num_frames} frames")
    elif split is None:
        spans = plan_spans(seconds, fps, sampling, record.start, record.end)
    else:
        spans = _within_scenes(split(path), seconds, fps, sampling, record)
    content = fingerprint(path)
    return [_clip(record, content, span, sampling, fps) for span in spans]


def _within_scenes(
    scenes: list[tuple[float, float]], seconds: float, fps: float, sampling: Sampling, record: VideoRecord
) -> list[Span]:
    """Clips that lie in one scene each, at most as many as asked for, from the longest scenes first."""
    spans: list[Span] = []
    problem: InputError | None = None
    for start, end in sorted(scenes, key=lambda scene: scene[0] - scene[1]):
        start, end = max(start, record.start), min(end, seconds if record.end is None else record.end)
        try:
            spans += plan_spans(seconds, fps, sampling, start, end) if end > start else []
        except InputError as error:
            problem = problem or error
    if not spans and problem is not None:
        raise InputError(f"its longest scene: {problem}")
    return sorted(spans[: sampling.clips or None], key=lambda span: span.start)


def _clip(record: VideoRecord, content: str, span: Span, sampling: Sampling, fps: float) -> ClipRecord:
    settings = (span.start, span.step, span.num_frames, sampling.width, sampling.height, sampling.fit)
    filtered = (sampling.min_motion,) if sampling.min_motion else ()
    identity = digest(record.id, content, record.fps, *settings, *filtered)
    return ClipRecord(
        identity, record.id, f"clips/{identity}.mp4", record.name, span.start, span.step, span.num_frames,
        sampling.width, sampling.height, fps, record.captions, record.frame_captions,
    )  # fmt: skip


def _write_clips(
    folder: Path, path: Path, record: VideoRecord, clips: list[ClipRecord], sampling: Sampling
) -> list[tuple[ClipRecord, str]]:
    """Decode and write clips; returns those that the video did not hold, and why."""
    bad: list[tuple[ClipRecord, str]] = []
    spans = [Span(clip.start, clip.step, clip.num_frames) for clip in clips]
    for clip, images in zip(clips, frames_at(path, spans, fps=record.fps) if clips else (), strict=True):
        if images is None:
            bad.append((clip, "the video is damaged or ends before the clip does"))
            continue
        if sampling.min_motion and (moved := motion(images, clip.step)) < sampling.min_motion:
            bad.append((clip, f"hardly anything moves in it: {moved:.2f} % of the height a second"))
            continue
        fitted = [fit_image(Image.fromarray(image), clip.width, clip.height, sampling.fit) for image in images]
        write_video(folder / clip.path, np.stack([np.asarray(image) for image in fitted]), 1 / clip.step)
    return bad


def _remove_others(folder: Path, ids: set[str]) -> None:
    """Take away clips that other settings or other videos made; files with other names are not ours."""
    for path in folder.glob("*.mp4"):
        if re.fullmatch(r"[0-9a-f]{16}", path.stem) and path.stem not in ids:
            path.unlink()
