"""Benchmarks of real videos, from any set that can be scanned (Sec. 4.1, App. B.2)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Literal

import numpy as np
from PIL import Image

from reasondiff.data.frames import frames_at
from reasondiff.data.media_files import fingerprint, opened_media
from reasondiff.data.records import VideoRecord, read_lines
from reasondiff.data.scan import scan
from reasondiff.data.sets import source_of
from reasondiff.data.spans import Span
from reasondiff.errors import InputError, NarrationError
from reasondiff.evaluation.bench.clips import IMAGE_AT, TrueClip, chance, paired_case, unpaired_case
from reasondiff.evaluation.bench.frame_captions import FrameCaptions
from reasondiff.evaluation.bench.layout import Built, BuiltCase
from reasondiff.media import Fit, fit_image, video_info

__all__ = ["ClipShape", "VideosBuilder"]

_LATE = 1e-6
"""Seconds by which two equal times may differ after the arithmetic of floats."""


@dataclass(frozen=True)
class ClipShape:
    """What is taken of a video; the paper says 16 frames and not how far apart they are.

    Args:
        num_frames: of a clip.
        step: seconds between them. At the videos' own 25 to 30 frames a second 16 frames would be half a second, whose
            ends hardly differ.
        width: pixels.
        height: pixels.
        fit: how a frame is brought to that size.

    Raises:
        InputError: a number that makes no clip.
    """

    num_frames: int = 16
    step: float = 0.2
    width: int = 512
    height: int = 512
    fit: Fit = "crop"

    def __post_init__(self) -> None:
        if self.num_frames < 2:
            raise InputError(f"A clip of {self.num_frames} frames has no two ends; give 2 or more.")
        if not 0.001 <= self.step <= 3600:
            raise InputError(f"A step of {self.step} s makes no clip; give a number from 0.001 to 3600.")
        if min(self.width, self.height) < 2 or self.width % 2 or self.height % 2:
            raise InputError(f"{self.width}x{self.height} is no size of a video; give even numbers.")

    def span_in(self, seconds: float, fps: float, start: float = 0.0, end: float | None = None) -> Span:
        """Where the clip lies: in the middle of what there is.

        Raises:
            InputError: there is too little, or its frames are further apart; after ": " the numbers.
        """
        end = seconds if end is None else min(end, seconds)
        length = (self.num_frames - 1) * self.step
        if end - start <= length + _LATE:
            raise InputError(f"it is too short: {end - start:.2f} s, and a clip needs more than {length:g} s")
        if fps * self.step < 1 - _LATE:
            raise InputError(f"its frames are further apart than the step: {fps:g} a second")
        begin = start + (end - start - length) / 2
        # Whole milliseconds, rounded down, so that the times are readable and the last frame stays before the end.
        return Span(math.floor(1000 * begin) / 1000, self.step, self.num_frames)


@dataclass(frozen=True)
class VideosBuilder:
    """Clips of a folder of videos, or of a set that ``data scan`` wrote.

    Args:
        form: ``unpaired``: one end's frame and the other end's caption; ``paired``: the first frame and the caption of
            the video.
        source: a folder, a table, a dataset's JSON, or a set.
        count: how many clips.
        split: only videos of this part of the set, such as MSR-VTT's ``validate``.
        shape: of a clip.
        seed: decides which videos are taken, in which order, and which end is the image.
        captions: tells what frames show; None where the set itself tells it, or nobody.

    Raises:
        InputError: no case.
    """

    form: Literal["unpaired", "paired"]
    source: Path
    count: int = 500
    split: str | None = None
    shape: ClipShape = field(default_factory=ClipShape)
    seed: int = 0
    captions: FrameCaptions | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"{self.count} cases are none; give 1 or more.")

    def build(self) -> Built:
        """Look for the videos; they are decoded when the cases are gone through.

        Raises:
            InputError: there is no source, or no video in it.
        """
        root, records, conventions = _records(self.source)
        if self.split is not None:
            records = _of_split(records, self.split)
        if not records:
            raise InputError(f"{str(self.source)!r} holds no videos; give a folder of them, or a set.")
        records = sorted(records, key=lambda record: (chance(self.seed, record.id), record.id))
        left_out: list[tuple[str, str]] = []
        contents: dict[str, str] = {}
        settings = {"cases": self.count, "split": self.split, "seed": self.seed, **asdict(self.shape)}
        if self.captions is not None:
            settings["captioner"] = self.captions.name
        return Built(
            cases=self._cases(root, records, left_out, contents),
            settings=settings,
            source={"conventions": list(conventions), "videos": contents},
            total=self.count,
            strata=IMAGE_AT if self.form == "unpaired" else (),
            left_out=left_out,
        )

    def _cases(
        self,
        root: Path,
        records: Sequence[VideoRecord],
        left_out: list[tuple[str, str]],
        contents: dict[str, str],
    ) -> Iterator[BuiltCase]:
        """Cases until there are enough; what cannot be used is written down and the next video takes its number."""
        made = 0
        for record in records:
            if made == self.count:
                break
            try:
                clip, content = self._clip(root, record)
            except (InputError, NarrationError, OSError) as error:
                left_out.append((_name(record), str(error)))
                continue
            yield unpaired_case(clip, made, self.seed) if self.form == "unpaired" else paired_case(clip, made)
            contents[_name(record)] = content
            made += 1
        if made < self.count:
            first = f" The first: {left_out[0][0]}, because {left_out[0][1]}." if left_out else ""
            raise InputError(
                f"{str(self.source)!r} gives {made} clips of {self.count}, and {len(left_out)} videos cannot be used; "
                f"give --cases {made} or less, or other settings.{first}"
            )
        if self.captions is not None:
            self.captions.keep_used()

    def _clip(self, root: Path, record: VideoRecord) -> tuple[TrueClip, str]:
        """The clip of a video, and what tells the video's content."""
        if self.form == "paired" and not record.captions:
            raise InputError("it has no caption")
        with opened_media(root / record.path, record.member) as path:
            info = video_info(path)
            fps = record.fps or info.fps
            span = self.shape.span_in(info.num_frames / fps, fps, record.start, record.end)
            images = next(iter(frames_at(path, [span], fps=record.fps)))
            content = fingerprint(path)
        if images is None:
            raise InputError("it is damaged or ends before the clip does")
        fitted = [
            fit_image(Image.fromarray(image), self.shape.width, self.shape.height, self.shape.fit) for image in images
        ]
        clip = TrueClip(
            frames=np.stack([np.asarray(image) for image in fitted]),
            fps=1 / self.shape.step,
            captions=self._captions_of(record, span, fps, fitted),
            caption=record.captions[0] if record.captions else "",
            origin=_name(record),
        )
        return clip, content

    def _captions_of(
        self, record: VideoRecord, span: Span, fps: float, frames: Sequence[Image.Image]
    ) -> tuple[str, ...]:
        """One caption per frame: the set's own, which belong to the frames of the video, or the captioner's."""
        if record.frame_captions:
            last = len(record.frame_captions) - 1
            numbers = [min(last, math.floor(time * fps + _LATE)) for time in span.times()]
            return tuple(record.frame_captions[number] for number in numbers)
        if self.captions is None:
            return ()
        return self.captions.of(frames, self.shape.step)


def _records(source: Path) -> tuple[Path, list[VideoRecord], tuple[str, ...]]:
    """The folder that paths begin at, the records and the convention."""
    if (source / "videos.jsonl").is_file() and (source / "scan.json").is_file():
        return source_of(source), read_lines(source / "videos.jsonl", VideoRecord), ("a scanned set",)
    found = scan(source, probe=False)
    return found.root, list(found.records), found.conventions


def _of_split(records: Sequence[VideoRecord], split: str) -> list[VideoRecord]:
    known = sorted({record.split for record in records if record.split is not None})
    if split not in known:
        has = f"has {', '.join(known)}" if known else "names none"
        raise InputError(f"There is no split {split!r} in this set, which {has}; choose another --split, or none.")
    return [record for record in records if record.split == split]


def _name(record: VideoRecord) -> str:
    """Of a video and its span, the same on every machine."""
    path = PurePath(record.path)
    name = f"{path.name if path.is_absolute() else record.path}{f'::{record.member}' if record.member else ''}"
    if record.start == 0 and record.end is None:
        return name
    return f"{name} {record.start:g}-{'' if record.end is None else f'{record.end:g}'} s"
