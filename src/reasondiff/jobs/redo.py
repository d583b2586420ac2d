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
    from reasondiff.media.joins import Join
    from reasondiff.narrative import Narrative
    from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
    from reasondiff.pipeline.latent_preview import LatentPreview

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
    def of(cls, video: GeneratedVideo, request: VideoRequest, inputs: Inputs) -> Self:
        """Of a video that was just made, with its exact latents.

        Args:
            video: as it was made.
            request: it was made by.
            inputs: it was made from.
        """
        record = video.record.of_frames(video.frames)
        return cls(video.frames, record, request, replace(inputs, narrative=video.narrative), video.latents)


@dataclass(frozen=True, kw_only=True)
class RedoneVideo(GeneratedVideo):
    """A video of which one clip was made again.

    Args:
        redone: the pixel frames that were made again, 0-based: the clip's and those that share its latent frames.
        kept_psnr: dB between the kept frames and what they were; what the VAE cannot hold. None where none was kept.
        joins: where the clip begins and ends.
    """

    redone: range
    kept_psnr: float | None
    joins: tuple[Join, ...]


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
    from reasondiff.media.joins import measure_joins
    from reasondiff.media.tensors import psnr
    from reasondiff.narrative.editing import set_description
    from reasondiff.pipeline.kept_video import KeptVideo

    story = finished.narrative
    order.check_clip(len(story.clips))
    told = story if order.text is None else set_description(story, order.clip - 1, clean_prompt(order.text))
    next_seed = (finished.record.seed + (order.text is None)) & MAX_SEED
    seed = order.seed if order.seed is not None else next_seed
    request = replace(finished.request, seed=seed, **_model_of(session))
    if finished.record.weights != session.weights:
        logger.warning("The video was made with other weights or settings than the model that makes its clip again.")

    clip, timeline = told.clips[order.clip - 1], session.pipe.model.timeline(told.num_frames)
    free = range(timeline.latent_of(clip.start), timeline.latent_of(clip.end - 1) + 1)
    held = tuple(frame for frame in range(timeline.num_latent_frames) if frame not in free)
    known = finished.frames if finished.latents is None else finished.latents
    video = session.generate(
        request,
        replace(finished.inputs, narrative=told),
        progress=progress, stop=stop, checkpoint=checkpoint, preview=preview,
        keeping=KeptVideo(known, held),
    )  # fmt: skip
    redone = range(timeline.frames_of(free.start).start, timeline.frames_of(free.stop - 1).stop)
    kept = [frame for frame in range(told.num_frames) if frame not in redone]
    history = [
        *_history(finished.record),
        {"clip": order.clip, "text": order.text, "seed": seed, "of": finished.record.frames_sha256},
    ]
    options = {**video.record.options, REDONE: json.dumps(history)}
    made = {each.name: getattr(video, each.name) for each in fields(GeneratedVideo)}
    return RedoneVideo(
        **{**made, "record": replace(video.record, options=options)},
        redone=redone,
        kept_psnr=psnr(video.frames[kept], finished.frames[kept]) if kept else None,
        joins=measure_joins(video.frames, (redone.start, redone.stop)),
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
