"""A video longer than its model makes at once: sections that overlap, generated outward from the image.

The section with the image comes first; then those after it, and those before it, each beginning with what its neighbour
shows. Sections lie on the grid of the whole video's latent frames, so each latent frame reads the text that it would
read in a video made at once. Where two overlap, the later made one is given the frames of the other: their latents are
held, and the frame nearest to what is new is its image, in the place of the user's. Backwards as well: an image at the
end of a section is what ReasonDiff is for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from reasondiff.backends.base import VideoModel
from reasondiff.errors import InputError, StoppedError
from reasondiff.media.frame_image import FrameImage
from reasondiff.media.joins import measure_joins
from reasondiff.narrative import Anchor, Clip, Narrative
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
from reasondiff.pipeline.kept_video import KeptVideo
from reasondiff.pipeline.output import ReasonDiffOutput
from reasondiff.pipeline.settings import Options, Settings
from reasondiff.pipeline.story import PreparedStory
from reasondiff.planning.stages import OVERLAP
from reasondiff.timeline import Timeline

__all__ = [
    "OVERLAP",
    "Section",
    "generate_sections",
    "least_length",
    "part_of",
    "plan_sections",
    "section_around",
    "seed_of",
]

_SEEDS_APART = 1_000_003
"""So far apart that the sections of neighbouring seeds draw different noise."""


@dataclass(frozen=True)
class Section:
    """A part of a video that is made at once; pixel frames of the whole video, 0-based.

    Args:
        frames: of the section.
        known: those of them that a section before it shows.
    """

    frames: range
    known: range

    @property
    def forward(self) -> bool:
        """Whether what is new comes after what is known."""
        return self.known.start == self.frames.start

    @property
    def join(self) -> int | None:
        """The frame at which the part made first and the part made later meet, the later in time of both."""
        if not self.known:
            return None
        return self.known.stop if self.forward else self.known.start

    def held(self, stride: int) -> tuple[int, ...]:
        """The section's latent frames of which every pixel frame is known."""
        timeline = Timeline(len(self.frames), stride)
        shown = {frame - self.frames.start for frame in self.known}
        return tuple(k for k in range(timeline.num_latent_frames) if shown.issuperset(timeline.frames_of(k)))


def plan_sections(num_frames: int, length: int, stride: int, anchor: int) -> tuple[Section, ...]:
    """Sections that cover a video, in the order in which they are made.

    Args:
        num_frames: of the video; a multiple of ``stride`` plus one.
        length: of a section; a multiple of ``stride`` plus one.
        stride: pixel frames per latent frame.
        anchor: the image's frame, in the first section that is made, as far along in it as in the whole video.

    Raises:
        InputError: sections of this length have no room to overlap.
    """
    if length < (least := least_length(stride)):
        raise InputError(f"Sections of {length} frames have no room to overlap; give {least} or more.")
    last = num_frames - length
    wanted = anchor * last // max(1, num_frames - 1) // stride * stride
    first = max(wanted, -((length - 1 - anchor) // stride) * stride)
    step = length - 1 - stride * OVERLAP
    sections = [Section(range(first, first + length), range(0))]
    for start in _spread(first, last, step, stride):
        sections.append(Section(range(start, start + length), range(start, sections[-1].frames.stop)))
    start_before = first
    for start in _spread(first, 0, step, stride):
        sections.append(Section(range(start, start + length), range(start_before, start + length)))
        start_before = start
    return tuple(sections)


def least_length(stride: int) -> int:
    """Frames of the shortest section: what it shares with another, and one latent frame more."""
    return 1 + stride * (OVERLAP + 1)


def _spread(begin: int, end: int, step: int, stride: int) -> list[int]:
    """Starts from ``begin`` (left out) to ``end``, multiples of ``stride`` at even distances of ``step`` at most."""
    count, distance = -(-abs(end - begin) // step), (end - begin) // stride
    return [begin + stride * round(distance * number / count) for number in range(1, count + 1)]


def part_of(
    narrative: Narrative, images: Sequence[Image.Image], frames: range, otherwise: int, whole: np.ndarray
) -> tuple[tuple[Image.Image, ...], Narrative]:
    """What some frames of a video show: their part of the story, and the images in it.

    Args:
        narrative: of the whole video.
        images: of the story.
        frames: the part.
        otherwise: the frame that is its image where none of the story's is in it.
        whole: the video, as far as it is made, uint8 [frames, height, width, 3].
    """
    clips = tuple(
        Clip(max(clip.start, frames.start) - frames.start, min(clip.end, frames.stop) - frames.start, clip.description)
        for clip in narrative.clips
        if clip.start < frames.stop and clip.end > frames.start
    )
    shown = [(images[anchor.image], anchor.frame) for anchor in narrative.anchors if anchor.frame in frames]
    shown = shown or [(Image.fromarray(whole[otherwise]), otherwise)]
    anchors = tuple(Anchor(frame - frames.start, number) for number, (_, frame) in enumerate(shown))
    told = replace(narrative, clips=clips, anchors=anchors, num_frames=len(frames), provenance={})
    return tuple(image for image, _ in shown), told


def section_around(frames: range, num_frames: int, length: int, stride: int) -> range:
    """The section in which some frames of a video are made again, with what comes before and after them.

    Args:
        frames: whole latent frames.
        num_frames: of the video.
        length: of a section; a longer one has the whole video.
        stride: pixel frames per latent frame.

    Raises:
        InputError: the frames leave nothing of a section that shows what they go on from.
    """
    if length >= num_frames:
        return range(num_frames)
    if len(frames) > length - 1 - stride:
        raise InputError(
            f"{len(frames)} frames would be made again, and {length} are made at once, with some of those around them; "
            "split the clip, and make its parts again one after the other."
        )
    middle = (frames.start + frames.stop - length) // 2
    start = min(max(-(-middle // stride) * stride, 0), num_frames - length)
    return range(start, start + length)


def seed_of(seed: int, number: int) -> int:
    """The seed of a video's section, counted from 0 in the order in which they are made."""
    return (seed + number * _SEEDS_APART) % 2**32


def generate_sections(
    make: Callable[..., ReasonDiffOutput],
    model: VideoModel[Any],
    story: PreparedStory,
    settings: Settings,
    *,
    seed: int,
    output_type: str,
    progress: DenoisingCheckpoint | None,
    stopped: Callable[[], bool],
    **watching: Any,
) -> ReasonDiffOutput:
    """Make a long video.

    Args:
        make: a video of one section; takes what ``generate`` takes, without its model and its narrator.
        model: the base model.
        story: of the whole video.
        settings: of the whole video, with ``section_frames``.
        seed: of the first section, see ``seed_of``.
        output_type: "np" or "uint8", see ``Wan.decode``.
        progress: keeps every section, until the last one is done.
        stopped: asked between sections, too.
        watching: the other options of ``generate``, for every section.

    Raises:
        InputError: the sections have no room to overlap, or are asked for in another form.
        StoppedError: as asked; what is made of a section shows no story.
    """
    if output_type not in ("np", "uint8"):
        raise InputError(f"A video of sections has no {output_type!r} form; give output_type='np' or 'uint8'.")
    assert settings.section_frames is not None
    stride = model.timeline(settings.section_frames).stride
    anchors = story.narrative.anchors
    sections = plan_sections(settings.num_frames, settings.section_frames, stride, anchors[0].frame)
    whole = np.zeros((settings.num_frames, settings.height, settings.width, 3), np.uint8)
    for number, section in enumerate(sections):
        if number and stopped():
            raise StoppedError(f"The video was stopped after {number} of its {len(sections)} sections, as asked.")
        nearest = section.known.stop - 1 if section.forward else section.known.start
        images, told = part_of(story.narrative, story.images, section.frames, nearest, whole)
        output = make(
            None if len(images) > 1 else images[0],
            story.prompt,
            told,
            frame_images=[FrameImage(image) for image in images] if len(images) > 1 else (),
            seed=seed_of(seed, number),
            output_type="uint8",
            keeping=KeptVideo(_known_video(section, whole), section.held(stride)) if section.known else None,
            progress=None if progress is None else progress.part(number),
            stopped=stopped,
            **watching,
            **_options(settings),
        )
        _put(whole, output.frames[0], section)
    if progress is not None:
        for number in range(len(sections)):
            progress.part(number).forget()
    joins = measure_joins(whole, [section.join for section in sections if section.join is not None])
    frames = whole[None] if output_type == "uint8" else (whole[None] / 255).astype(np.float32)
    return ReasonDiffOutput(frames, (story,), (seed,), settings, joins=joins)


def _options(settings: Settings) -> Mapping[str, Any]:
    """A section's options: the video's, but its own length; short clips are merged already."""
    options: dict[str, Any] = {name: getattr(settings, name) for name in Options.__annotations__}
    if settings.guidance_scale_2 == settings.guidance_scale:
        del options["guidance_scale_2"]  # models with one transformer take none
    return options | {"num_frames": settings.section_frames, "section_frames": None, "shortest_clip": 0.0}


def _known_video(section: Section, whole: np.ndarray) -> np.ndarray:
    """The section's frames as far as they are known; before and after these, the nearest one, which stands still."""
    last = section.known.stop - 1
    return np.stack([whole[min(max(frame, section.known.start), last)] for frame in section.frames])


def _put(whole: np.ndarray, made: np.ndarray, section: Section) -> None:
    """A section into the whole video; where two overlap, one fades into the other."""
    known = section.known
    for frame, picture in zip(section.frames, made, strict=True):
        if frame not in known:
            whole[frame] = picture
            continue
        share = (known.index(frame) + 1) / (len(known) + 1)
        new = share if section.forward else 1 - share
        whole[frame] = np.rint(new * picture.astype(np.float32) + (1 - new) * whole[frame]).astype(np.uint8)
