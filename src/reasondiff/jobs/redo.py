"""One clip of a finished video made again, the rest kept."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from reasondiff.errors import InputError
from reasondiff.jobs.inputs import Inputs, clean_prompt
from reasondiff.jobs.options import options_of
from reasondiff.jobs.progress import StageProgress
from reasondiff.jobs.record import REDONE, inputs_of, request_of
from reasondiff.jobs.request import MAX_SEED, RedoRequest, VideoRequest
from reasondiff.jobs.session import GeneratedVideo, VideoSession

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from reasondiff.media import GenerationRecord
    from reasondiff.narrative import Narrative
    from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
    from reasondiff.pipeline.kept_video import KeptVideo
    from reasondiff.pipeline.latent_preview import LatentPreview
    from reasondiff.timeline import Timeline

__all__ = ["FinishedVideo", "RedoneVideo", "redo"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinishedVideo:
    """A video that was made here or elsewhere, and what it was made from.

    Args:
        frames: uint8 [frames, height, width, 3].
        record: of the video.
        request: what the record asks for, with the model that it names.
        inputs: its images and its story.
        latents: of the frames, where they are known: then nothing is lost by encoding.
    """

    frames: np.ndarray = field(repr=False)
    record: GenerationRecord
    request: VideoRequest
    inputs: Inputs
    latents: Tensor | None = field(default=None, repr=False)

    @property
    def narrative(self) -> Narrative:
        """The story that the video tells."""
        from reasondiff.narrative import Narrative

        return Narrative.from_dict(dict(self.record.narrative))

    @classmethod
    def read(cls, path: str | Path, image: Path | None = None) -> Self:
        """From an MP4.

        Args:
            path: of the video.
            image: the condition image, where the record was told not to keep it.

        Raises:
            InputError: it is no video of ours, or its record is damaged or lacks the image.
        """
        from reasondiff.media import read_video

        video = read_video(path)
        if video.record is None:
            raise InputError(f"{str(path)!r} has no record; give a video that 'reasondiff generate' wrote.")
        request = request_of(video.record, Path(path), VideoRequest)
        if len(video.frames) != request.num_frames:
            raise InputError(f"{str(path)!r} has lost frames of its {request.num_frames}; use an unedited copy.")
        return cls(video.frames, video.record, request, inputs_of(video.record, request, image))

    @classmethod
    def of(cls, video: GeneratedVideo, inputs: Inputs) -> Self:
        """Of a video that was just made, with its exact latents.

        Args:
            video: as it was made.
            inputs: it was made from.
        """
        record = video.record.of_frames(video.frames)
        request = request_of(record, Path(), VideoRequest)
        return cls(video.frames, record, request, replace(inputs, narrative=video.narrative), video.latents)


@dataclass(frozen=True, kw_only=True)
class RedoneVideo(GeneratedVideo):
    """A video of which one clip was made again.

    Args:
        redone: the pixel frames that were made again, 0-based: the clip's and those that share its latent frames.
        kept_psnr: dB between the kept frames and what they were, which is the VAE's error; 100 where they are the old
            ones, bit by bit, as in a video of sections; None where none was kept.
    """

    redone: range
    kept_psnr: float | None


def redo(
    session: VideoSession,
    finished: FinishedVideo,
    order: RedoRequest,
    *,
    progress: StageProgress | None = None,
    stop: threading.Event | None = None,
    checkpoint: DenoisingCheckpoint | None = None,
    preview: LatentPreview | None = None,
) -> RedoneVideo:
    """Make one clip of a video again; its latent frames are denoised, all others held as they are.

    Args:
        session: with the model of the video; with another model the clip is made by that one, which is logged.
        finished: the video.
        order: which clip, and its new text or seed.
        progress: as for ``VideoSession.generate``, and so are ``stop``, ``checkpoint`` and ``preview``.

    Raises:
        InputError: there is no such clip, or an option cannot be used.
        StoppedError: as asked.
    """
    import numpy as np

    from reasondiff.media.joins import measure_joins
    from reasondiff.media.tensors import psnr
    from reasondiff.narrative.editing import set_description

    order.check_clip(len(finished.narrative.clips))
    told = finished.narrative
    if order.text is not None:
        told = set_description(told, order.clip - 1, clean_prompt(order.text))
    next_seed = (finished.record.seed + (order.text is None)) & MAX_SEED
    seed = order.seed if order.seed is not None else next_seed
    if finished.record.weights != session.weights:
        logger.warning("The video was made with other weights or settings than the model that makes its clip again.")

    clip, timeline = told.clips[order.clip - 1], session.pipeline.model.timeline(told.num_frames)
    free = range(timeline.latent_of(clip.start), timeline.latent_of(clip.end - 1) + 1)
    redone = range(timeline.frames_of(free.start).start, timeline.frames_of(free.stop - 1).stop)
    request = replace(finished.request, seed=seed, **_model_of(session))
    part = _part(finished, told, redone, request.section_frames or told.num_frames, timeline)
    video = session.generate(
        replace(request, num_frames=len(part.frames)), part.inputs,
        progress=progress, stop=stop, checkpoint=checkpoint, preview=preview, keeping=part.keeping,
    )  # fmt: skip
    frames = video.frames
    if len(part.frames) < told.num_frames:
        frames = finished.frames.copy()
        frames[redone.start : redone.stop] = video.frames[redone.start - part.frames.start :][: len(redone)]
    kept = np.array([frame not in redone for frame in range(told.num_frames)])
    made = {each.name: getattr(video, each.name) for each in fields(GeneratedVideo)}
    return RedoneVideo(
        **made
        | {
            "frames": frames,
            "narrative": told,
            "record": _record(finished, told, order, video),
            "latents": video.latents if len(part.frames) == told.num_frames else None,
            "joins": measure_joins(frames, (redone.start, redone.stop)),
        },
        redone=redone,
        kept_psnr=psnr(frames[kept], finished.frames[kept]) if kept.any() else None,
    )


@dataclass(frozen=True)
class _Part:
    """What is made at once: all of the video, or of a long one a section around the clip."""

    frames: range
    inputs: Inputs
    keeping: KeptVideo


def _part(finished: FinishedVideo, told: Narrative, redone: range, length: int, timeline: Timeline) -> _Part:
    from reasondiff.media.frame_image import FrameImage
    from reasondiff.pipeline.kept_video import KeptVideo
    from reasondiff.pipeline.sections import part_of, section_around

    frames = section_around(redone, told.num_frames, length, timeline.stride)
    inputs = replace(finished.inputs, narrative=told)
    if len(frames) < told.num_frames:
        images = [each.image for each in inputs.frame_images] or [inputs.image]
        nearest = redone.start - 1 if redone.start > frames.start else redone.stop
        shown, story = part_of(told, images, frames, nearest, finished.frames)
        several = tuple(map(FrameImage, shown)) if len(shown) > 1 else ()
        inputs = replace(inputs, image=shown[0], narrative=story, frame_images=several)
    groups = replace(timeline, num_frames=len(frames))
    held = tuple(
        latent_frame
        for latent_frame in range(groups.num_latent_frames)
        if groups.frames_of(latent_frame).start + frames.start not in redone
    )
    known = finished.frames[frames.start : frames.stop] if finished.latents is None else finished.latents
    return _Part(frames, inputs, KeptVideo(known, held))


def _record(finished: FinishedVideo, told: Narrative, order: RedoRequest, made: GeneratedVideo) -> GenerationRecord:
    """The old video's record, with what is new; its frames' hashes are taken when it is written."""
    seed = made.record.seed
    again = {"clip": order.clip, "text": order.text, "seed": seed, "of": finished.record.frames_sha256}
    history = json.dumps([*_history(finished.record), again])
    return replace(
        finished.record,
        model=made.record.model,
        narrative=told.to_dict(),
        seed=seed,
        options={**finished.record.options, REDONE: history},
        threads=made.record.threads,
        versions=made.record.versions,
        weights=made.record.weights,
        frames_sha256="",
        frame_sha256=(),
    )


def _model_of(session: VideoSession) -> dict[str, Any]:
    """The session's options of the group "model"."""
    known = options_of(type(session.request))
    return {name: getattr(session.request, name) for name, each in known.items() if each.about.group == "model"}


def _history(record: GenerationRecord) -> list[object]:
    """What was made again before; nothing where the record has been edited."""
    try:
        before = json.loads(str(record.options.get(REDONE, "[]")))
    except (ValueError, RecursionError):
        return []
    return before if isinstance(before, list) else []
