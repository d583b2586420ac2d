"""How a job is done: with a loaded model, or with a narrator alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasondiff.errors import InputError, OutputError, UnsupportedError
from reasondiff.jobs.inputs import Inputs
from reasondiff.jobs.loading import named_narrator, own_narrator
from reasondiff.jobs.redo import FinishedVideo, redo
from reasondiff.jobs.request import RedoRequest
from reasondiff.jobs.session import GeneratedVideo, VideoSession
from reasondiff.jobs.verify import verified, verifier_for
from reasondiff.media import ClipSpan, SheetRow, contact_sheet, read_record
from reasondiff.media.frame_image import FrameImage
from reasondiff.media.images import decode_image
from reasondiff.narrative import Narrative
from reasondiff.narrative.editing import set_style
from reasondiff.narrative.place import Place, pinned_frames, place_images
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
from reasondiff.pipeline.latent_preview import LatentPreview
from reasondiff.server.jobs import Job, Kind, Redo
from reasondiff.server.pictures import animation, spritesheet, thumbnail
from reasondiff.server.served import Served
from reasondiff.server.worker import BEFORE, Made, Watch

if TYPE_CHECKING:
    from PIL import Image

    from reasondiff.narrator import Narrator

__all__ = ["StoryMaker", "VideoMaker"]

logger = logging.getLogger(__name__)

_STEPS, _PREVIEW = "denoising.steps", "preview.png"
"""Files of a job while it is done."""


class VideoMaker:
    """Makes videos with a model that is loaded once, and tells stories with its narrator.

    Args:
        served: which.
        kinds: of the jobs that it does.

    Raises:
        CheckpointError: the model cannot be loaded.
    """

    def __init__(self, served: Served, kinds: tuple[Kind, ...] = ("story", "video")) -> None:
        self.models, self.kinds = (served.name,), kinds
        self._served = served
        self._session = VideoSession(served.request)

    def make(self, job: Job, images: Sequence[bytes], folder: Path, watch: Watch) -> Made:
        """See ``Maker``."""
        given = _opened(job, images)
        if job.kind == "story":
            return _tell(self._session.pipeline.narrator, job, given, folder, watch)
        if job.order.redo is not None:
            return _kept(self._redo(job, job.order.redo, given, folder, watch), job, folder)
        request = self._served.request_of(dict(job.order.options), job.order.prompt, job.seed)
        told = Narrative.from_dict(job.narrative) if job.narrative is not None else None
        inputs = Inputs(given[0].image, job.order.prompt, told, () if _unplaced(given) else given)
        verifier = verifier_for(self._session, inputs) if request.verify else None  # before the long work begins
        story = self._session.narrate(request, inputs, progress=watch, stop=watch.stop)
        if story is not None:
            if told is None and job.order.style is not None:
                story = set_style(story, job.order.style)
            watch.on_narrative(story.to_dict())
            inputs = replace(inputs, narrative=story)
        video = self._session.generate(
            request,
            inputs,
            progress=watch,
            stop=watch.stop,
            checkpoint=_Checkpoint(folder / _STEPS),
            preview=_Preview(given[0].image, folder / _PREVIEW, watch, request.fit),
        )
        if verifier is not None:
            video, _ = verified(self._session, video, inputs, verifier, request.verify, progress=watch, stop=watch.stop)
        return _kept(video, job, folder)

    def _redo(self, job: Job, asked: Redo, images: Sequence[FrameImage], folder: Path, watch: Watch) -> GeneratedVideo:
        film, picture = folder / BEFORE, folder / "image.png"
        record = read_record(film)
        images[0].image.save(picture)  # for a video whose record was told not to keep it
        finished = FinishedVideo.read(film, picture if record is not None and record.image is None else None)
        return redo(
            self._session,
            finished,
            RedoRequest(clip=asked.clip, text=asked.text, seed=job.seed),
            progress=watch,
            stop=watch.stop,
            checkpoint=_Checkpoint(folder / _STEPS),
            preview=_Preview(finished.inputs.image, folder / _PREVIEW, watch, finished.request.fit),
        )


class StoryMaker:
    """Tells stories alone, so that nobody waits for a story until a video is done.

    Args:
        served: the model whose narrator is asked, unless its request names another.

    Raises:
        InputError: it has none.
    """

    kinds: tuple[Kind, ...] = ("story",)

    def __init__(self, served: Served) -> None:
        from reasondiff.narrator import load_narrator

        self.models = (served.name,)
        self._narrator = named_narrator(served.request) or load_narrator(own_narrator(served.request.model)[0])

    def make(self, job: Job, images: Sequence[bytes], folder: Path, watch: Watch) -> Made:
        """See ``Maker``."""
        return _tell(self._narrator, job, _opened(job, images), folder, watch)


def _opened(job: Job, images: Sequence[bytes]) -> tuple[FrameImage, ...]:
    """A job's images, each with its place."""
    pictures = [decode_image(BytesIO(image), "The image") for image in images]
    return tuple(map(FrameImage, pictures, job.order.places))


def _unplaced(images: Sequence[FrameImage]) -> bool:
    """Whether there is one image alone, which options or the story place."""
    return len(images) == 1 and images[0].place == Place()


def _tell(narrator: Narrator, job: Job, images: Sequence[FrameImage], folder: Path, watch: Watch) -> Made:
    """The story of images and a text; further ideas are in its provenance, where the narrator has such.

    A job that has a story already wants one clip of it told again.
    """
    from reasondiff.narrator import VisionNarrator, retell_clip
    from reasondiff.narrator.several import narrate_images

    watch.on_stage("narrate")
    if job.narrative is None and isinstance(narrator, VisionNarrator):
        narrator = replace(narrator, candidates=int(job.order.options.get("candidates", 1)))
    prompt, places, frames, interval = job.order.prompt, job.order.places, job.order.num_frames, job.order.interval
    if job.narrative is not None:
        clip = int(job.order.options["clip"]) - 1
        story = retell_clip(narrator, Narrative.from_dict(job.narrative), clip, images[0].image, prompt)
    elif _unplaced(images):
        story = narrator.narrate(images[0].image, prompt, num_frames=frames, interval=interval)
    else:
        pictures, pinned = [each.image for each in images], pinned_frames(places, frames)
        story = narrate_images(narrator, pictures, prompt, num_frames=frames, interval=interval, pinned=pinned)
        story = place_images(story, places)
        ideas = [Narrative.from_dict(idea) for idea in story.provenance.get("candidates", ())]
        placed = {"candidates": [place_images(idea, places).to_dict() for idea in ideas]} if ideas else {}
        story = replace(story, provenance={**story.provenance, **placed})
    return Made({"narrative": _json(folder / "narrative.json", story.to_dict())}, {"narrative": story.to_dict()})


def _kept(video: GeneratedVideo, job: Job, folder: Path) -> Made:
    """A video's files, and what is known of the job now."""
    story, frames = video.narrative, video.frames
    film = folder / "video.mp4"
    video.save(film)
    record = read_record(film)
    if record is None:
        raise AssertionError("a video of ours carries its record")
    spans = tuple(ClipSpan(clip.start, clip.end, clip.description) for clip in story.clips)
    row = SheetRow(job.order.prompt, frames, anchor=story.anchor_frame, fps=video.pace, clips=spans)
    sheet = folder / "contact_sheet.png"
    contact_sheet([row], sheet)
    files = {
        "video": film,
        "thumbnail": thumbnail(frames[story.anchor_frame], folder / "thumbnail.webp"),
        "spritesheet": spritesheet(frames, folder / "spritesheet.jpg"),
        "contact_sheet": sheet,
        "gif": animation(frames, video.pace, folder / "video.gif"),
        "narrative": _json(folder / "narrative.json", story.to_dict()),
        "record": _json(folder / "record.json", json.loads(record.to_json(with_image=False))),
    }
    order = replace(job.order, num_frames=len(frames), size=f"{frames.shape[2]}x{frames.shape[1]}")
    return Made(files, {"narrative": story.to_dict(), "order": order.to_json()})


def _json(path: Path, content: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


class _Checkpoint(DenoisingCheckpoint):
    """An aid, which must not end a job: what cannot be read is begun anew, and what cannot be kept is not."""

    def load(self, *arguments: Any) -> Any:
        """As ``DenoisingCheckpoint``."""
        try:
            return super().load(*arguments)
        except InputError as error:
            logger.warning("%s", error)
            self.path.unlink(missing_ok=True)
            return None

    def save(self, *arguments: Any) -> None:
        """As ``DenoisingCheckpoint``."""
        with suppress(OutputError, UnsupportedError):
            super().save(*arguments)


class _Preview(LatentPreview):
    """An aid, too; tells of each new picture."""

    def __init__(self, image: Image.Image, path: Path, watch: Watch, fit: Any) -> None:
        super().__init__(image, path, every=1, fit=fit)
        self._watch = watch

    def __call__(self, *arguments: Any) -> dict[str, Any]:
        """As ``LatentPreview``."""
        with suppress(OutputError):
            super().__call__(*arguments)
            self._watch.on_preview(self.path)
        return {}
