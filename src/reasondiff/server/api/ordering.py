"""From a request's fields to a job: new videos, and videos that vary another one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from tempfile import NamedTemporaryFile
from typing import Any

from reasondiff.errors import InputError
from reasondiff.jobs.request import MAX_SEED
from reasondiff.narrative import Clip, Narrative
from reasondiff.narrative.editing import set_description, set_style
from reasondiff.narrative.place import Place, check_images, pinned_frames, place_images
from reasondiff.server.api.errors import busy, not_found
from reasondiff.server.api.forms import Fields, refusal
from reasondiff.server.api.reading import (
    read_model,
    read_narrative,
    read_options,
    read_prompt,
    read_seed,
    read_webhook,
)
from reasondiff.server.api.uploads import Picture, plain_image, read_pictures
from reasondiff.server.jobs import Job, Kind, NewJob, Order, Redo
from reasondiff.server.rows import new_id
from reasondiff.server.served import OPTIONS, Served
from reasondiff.server.service import Service
from reasondiff.timeline import Timeline
from reasondiff.web.refusal import Refusal

__all__ = ["CREATE", "EDIT", "EXTEND", "STORY", "Asked", "Ordering"]

logger = logging.getLogger(__name__)

CREATE = frozenset({
    "prompt", "input_reference", "frame_images", "narrative", "anchor_position", "style", "model", "seconds", "width",
    "height", "seed", "webhook_url", *OPTIONS,
})  # fmt: skip
EDIT = frozenset({"prompt", "video", "narrative", "clip", "seed", "webhook_url", "model"})
EXTEND = frozenset({"prompt", "video", "seconds", "seed", "webhook_url", "model"})
STORY = frozenset({
    "prompt", "image", "input_reference", "frame_images", "num_frames", "candidates", "model", "narrative", "clip",
})  # fmt: skip
"""The fields of each kind of request."""


@dataclass(frozen=True)
class Asked:
    """Who asks, and how to tell the same request when it comes again.

    Args:
        owner: whose key.
        idempotency_key: as given.
        body_hash: of the fields.
        retried: the client says that it has sent this before.
    """

    owner: str
    idempotency_key: str | None
    body_hash: str
    retried: bool = False


@dataclass(frozen=True, kw_only=True)
class _Draft:
    """A job before it has a place: what all kinds of requests come to."""

    served: Served
    prompt: str
    pictures: tuple[Picture, ...]
    options: Mapping[str, Any]
    seed: int
    narrative: Narrative | None = None
    style: str | None = None
    parent: str | None = None
    webhook_url: str | None = None


class Ordering:
    """Reads requests and queues what they ask for."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def create(self, fields: Fields, asked: Asked) -> Job:
        """A new video."""
        fields.check(set(CREATE), {"input_reference"})
        if (before := self._before(asked)) is not None:
            return before
        served = read_model(fields, self.service)
        prompt, narrative = read_prompt(fields, self.service), read_narrative(fields, self.service)
        if not prompt and narrative is None:
            raise refusal("prompt", "The prompt is empty; say in a few words what should happen.")
        options = read_options(fields, served)
        seed, style, webhook_url = read_seed(fields), fields.text("style"), read_webhook(fields, self.service)
        draft = _Draft(
            served=served, prompt=prompt, pictures=read_pictures(fields, self.service.limits), options=options,
            seed=seed, narrative=narrative, style=style, webhook_url=webhook_url,
        )  # fmt: skip
        return self._queue(draft, asked)

    def remix(self, parent_id: str, fields: Fields, asked: Asked) -> Job:
        """Another text for the same image and seed."""
        fields.check({"prompt", "model", "seed", "webhook_url"})
        if (before := self._before(asked)) is not None:
            return before
        return self._queue(self._vary(self._draft(self._found(parent_id, asked)), fields, None), asked)

    def edit(self, fields: Fields, asked: Asked) -> Job:
        """Another story for the same image and seed, or one clip again."""
        fields.check(set(EDIT), {"video"})
        if (before := self._before(asked)) is not None:
            return before
        if "clip" in fields.values:
            return self._redo(fields, asked)
        return self._queue(self._vary(self._video(fields, asked), fields, read_narrative(fields, self.service)), asked)

    def _redo(self, fields: Fields, asked: Asked) -> Job:
        """One clip of a finished video again, with another text or another seed; the rest of it is held."""
        if "narrative" in fields.values:
            raise refusal("narrative", "Give 'narrative' for another story, or 'clip' for one clip again.")
        if (parent_id := _named(fields)) is None:
            raise refusal("video", "A clip is made again of a video that is here; give its id.")
        parent = self._found(parent_id, asked)
        if parent.status != "completed" or parent.narrative is None:
            raise Refusal(409, f"The video is {parent.status}; its clips are made again when it is completed.",
                           code="not_ready", param="video")  # fmt: skip
        clip, story = fields.number("clip", int), Narrative.from_dict(parent.narrative)
        if type(clip) is not int or not 1 <= clip <= len(story.clips):
            raise refusal("clip", f"There is no clip {str(clip)[:40]}; the video's story has {len(story.clips)}.")
        text = read_prompt(fields, self.service) or None
        told = story if text is None else set_description(story, clip - 1, text)
        following = (parent.seed + (text is None)) & MAX_SEED  # the same noise and the same words are the same clip
        draft = replace(
            _as_told(self._draft(parent), told), seed=read_seed(fields) if "seed" in fields.values else following
        )
        order = replace(
            parent.order, places=tuple(each.place for each in draft.pictures), options=draft.options,
            webhook_url=read_webhook(fields, self.service), redo=Redo(parent.artifacts["video"], clip, text),
            keep_days=self.service.limits.keep_days,
        )  # fmt: skip
        return self._put(draft, order, asked, "video")

    def extend(self, fields: Fields, asked: Asked) -> Job:
        """A longer story: its end is what the new text says. All of the video is made anew."""
        fields.check(set(EXTEND), {"video"})
        if (before := self._before(asked)) is not None:
            return before
        draft = self._video(fields, asked)
        prompt, seconds = read_prompt(fields, self.service), fields.number("seconds", float)
        if not prompt:
            raise refusal("prompt", "The prompt is empty; say what happens next.")
        if seconds is None or not 0 < seconds < 3600:
            raise refusal("seconds", f"{seconds} seconds cannot be added; give a positive number.")
        if (story := draft.narrative) is None:
            raise Refusal(409, "The story of this video is not told yet; extend it when it is.", code="not_ready")
        wanted = story.num_frames + max(1, round(seconds / story.interval))
        frames = draft.served.frames_in(wanted * story.interval)
        if frames <= story.num_frames:
            frames += draft.served.stride
        longer = replace(story, clips=(*story.clips, Clip(story.num_frames, frames, prompt)), num_frames=frames)
        told = f"{draft.prompt} {prompt}".strip()[: self.service.limits.prompt]
        return self._queue(replace(_as_told(draft, longer), prompt=told), asked)

    def story(self, fields: Fields, asked: Asked) -> Job:
        """A story alone."""
        fields.check(set(STORY), {"image", "input_reference"})
        served, prompt = read_model(fields, self.service), read_prompt(fields, self.service)
        if not prompt:
            raise refusal("prompt", "The prompt is empty; say in a few words what should happen.")
        if (candidates := fields.number("candidates", int)) is None:
            candidates = 3
        if not 1 <= candidates <= 8:
            raise refusal("candidates", f"{candidates} candidates cannot be told; give 1 to 8.")
        told, clip = self._retold(fields)
        frames = told.num_frames if told is not None else fields.number("num_frames", int)
        checked = served.request_of({} if frames is None else {"num_frames": frames}, prompt, 0)
        count = served.num_frames(checked, None)
        pictures = read_pictures(fields, self.service.limits)
        options = {"candidates": candidates} if clip is None else {"clip": clip}
        draft = _Draft(served=served, prompt=prompt, pictures=pictures, options=options, seed=0, narrative=told)
        order = self._order(_placed(draft, count), count, served.size(served.request, pictures[0].size))
        return self._put(draft, order, asked, "story")

    def _retold(self, fields: Fields) -> tuple[Narrative | None, int | None]:
        """The story and its clip, counted from 1, that is to be told again; nothing for a new story."""
        told, clip = read_narrative(fields, self.service), fields.number("clip", int)
        if (told is None) != (clip is None):
            raise refusal("clip", "To tell one clip again, give its story as 'narrative' and its number as 'clip'.")
        if told is None or clip is None:
            return None, None
        if type(clip) is not int or not 1 <= clip <= len(told.clips):
            raise refusal("clip", f"There is no clip {clip}; the story has {len(told.clips)}.")
        for name in ("num_frames", "candidates"):
            if name in fields.values:
                raise refusal(name, f"{name!r} is for a new story; leave it out to tell a clip again.")
        return told, clip

    def _before(self, asked: Asked) -> Job | None:
        """The job of the same request, where it was made already: its image need not be read again."""
        if asked.idempotency_key is not None:
            return self.service.queue.repeated(asked.owner, asked.idempotency_key, asked.body_hash)
        return self.service.queue.retried(asked.owner, asked.body_hash) if asked.retried else None

    # -- videos that vary another one ---------------------------------------------------------------------------------

    def _found(self, parent_id: str, asked: Asked) -> Job:
        parent = self.service.queue.get(parent_id, asked.owner)
        if parent is None or parent.kind != "video" or parent.model not in self.service.served:
            raise not_found()
        return parent

    def _draft(self, parent: Job) -> _Draft:
        return _Draft(
            served=self.service.served[parent.model], prompt=parent.order.prompt,
            pictures=self._pictures(parent.order), options=parent.order.options, seed=parent.seed,
            style=parent.order.style, parent=parent.id,
            narrative=Narrative.from_dict(parent.narrative) if parent.narrative is not None else None,
        )  # fmt: skip

    def _video(self, fields: Fields, asked: Asked) -> _Draft:
        """The video that is varied: by its id, or an MP4 of ours, which carries all that is needed."""
        if "video" in fields.files:
            return self._film(fields.files["video"])
        if (parent_id := _named(fields)) is None:
            raise refusal("video", 'Say which video: {"id": ID}, or an MP4 that ReasonDiff made.')
        return self._draft(self._found(parent_id, asked))

    def _pictures(self, order: Order) -> tuple[Picture, ...]:
        """A video's images, which the storage keeps as they were read."""
        return tuple(map(Picture, map(self.service.storage.read, order.images), order.places))

    def _film(self, content: bytes) -> _Draft:
        from reasondiff.media import read_record

        with NamedTemporaryFile(suffix=".mp4") as file:
            file.write(content)
            file.flush()
            try:
                record = read_record(file.name)
            except InputError:
                record = None
        if record is None or record.image is None:
            raise refusal("video", "The video carries no record with its image; give one that ReasonDiff made.")
        limits = self.service.limits
        embedded = (record.image, *record.more_images)[: limits.images]
        pictures = tuple(plain_image(each, "video", limits.pixels) for each in embedded)
        held = {name: record.options.get(name) for name, each in OPTIONS.items() if each.about.replayed}
        options = {name: value for name, value in held.items() if value is not None}
        return _Draft(
            served=self.service.default, prompt=record.prompt, pictures=pictures, options=options,
            seed=record.seed & MAX_SEED, narrative=Narrative.from_dict(record.narrative),
        )  # fmt: skip

    def _vary(self, parent: _Draft, fields: Fields, story: Narrative | None) -> _Draft:
        prompt = read_prompt(fields, self.service)
        if not prompt and story is None:
            raise refusal("prompt", "The prompt is empty; say in a few words what should happen.")
        told = replace(parent, narrative=None) if story is None else _as_told(parent, story)
        return replace(
            told,
            prompt=prompt or parent.prompt,
            seed=read_seed(fields) if "seed" in fields.values else parent.seed,
            webhook_url=read_webhook(fields, self.service),
        )

    # -- into the queue -----------------------------------------------------------------------------------------------

    def _queue(self, draft: _Draft, asked: Asked) -> Job:
        served, story = draft.served, draft.narrative
        try:
            request = served.request_of(dict(draft.options), draft.prompt, draft.seed)
            frames = served.num_frames(request, story.num_frames if story is not None else None)
            if request.position is not None and request.position > frames:
                raise InputError(f"Position {request.position} is outside 1..{frames}; give a position in that range.")
            if story is not None and frames != story.num_frames:
                story.retime(frames)
            draft = _placed(draft, frames)
            width, height = served.size(request, draft.pictures[0].size)
        except InputError as error:
            raise Refusal(400, str(error), code="invalid_value") from None
        if width * height * frames > self.service.limits.volume:
            raise refusal("size", f"{frames} frames of {width}x{height} are more than is made here; ask for less.")
        if draft.narrative is not None and draft.style is not None and draft.parent is None:
            draft = replace(draft, narrative=set_style(draft.narrative, draft.style))
        return self._put(draft, self._order(draft, frames, (width, height)), asked, "video")

    def _order(self, draft: _Draft, frames: int, size: tuple[int, int]) -> Order:
        return Order(
            prompt=draft.prompt, options=draft.options, images=(), places=tuple(each.place for each in draft.pictures),
            image_size=draft.pictures[0].size, num_frames=frames, size=f"{size[0]}x{size[1]}",
            interval=draft.served.defaults.interval, style=draft.style, webhook_url=draft.webhook_url,
            keep_days=self.service.limits.keep_days,
        )  # fmt: skip

    def _put(self, draft: _Draft, order: Order, asked: Asked, kind: Kind) -> Job:
        """Keep the images, then queue the job; if that is refused, the images go again."""
        storage, limits = self.service.storage, self.service.limits
        if (free := storage.free()) is not None and free < limits.disk_floor:
            raise busy("The server's disk is nearly full; ask again later.")
        job_id = new_id(kind)
        images = tuple(f"{job_id}/image_{number}.png" for number, _ in enumerate(draft.pictures, 1))
        film = f"{job_id}/before.mp4"
        redo = replace(order.redo, film=film) if order.redo is not None else None
        new = NewJob(
            id=job_id, owner=asked.owner, kind=kind, model=draft.served.name,
            order=replace(order, images=images, redo=redo),
            seed=draft.seed, narrative=draft.narrative.to_dict() if draft.narrative is not None else None,
            parent=draft.parent, idempotency_key=asked.idempotency_key, body_hash=asked.body_hash,
        )  # fmt: skip
        taken = False
        try:
            for name, picture in zip(images, draft.pictures, strict=True):
                storage.put(name, picture.png)
            if order.redo is not None:  # the parent may be deleted before it is needed
                storage.put(film, storage.read(order.redo.film))
            job, taken = self.service.queue.add(new, self.service.quota)
        except FileNotFoundError:  # the video whose clip is to be made again was deleted meanwhile
            raise not_found() from None
        except OSError as error:
            logger.warning("The images of a request could not be kept: %s", error)
            raise busy("The server's disk takes nothing now; ask again later.") from None
        finally:
            if not taken:
                storage.delete(job_id)
        return job


def _named(fields: Fields) -> str | None:
    """The id of the video that is varied; None where the field names none."""
    named = fields.values.get("video")
    if isinstance(named, str) and named.startswith("{"):
        named = fields.json("video")
    parent_id = named.get("id") if isinstance(named, dict) else named
    return parent_id if isinstance(parent_id, str) else None


def _as_told(draft: _Draft, story: Narrative) -> _Draft:
    """A draft whose story says where the images are and how long it is, whatever was asked for before."""
    said = ("position", "anchor", "num_frames")
    options = {name: value for name, value in draft.options.items() if name not in said}
    pictures = tuple(replace(picture, place=Place()) for picture in draft.pictures)
    return replace(draft, narrative=story, options=options, pictures=pictures)


def _placed(draft: _Draft, frames: int) -> _Draft:
    """A draft whose story has every image where it is pinned.

    Args:
        draft: that is to be checked.
        frames: of its video.

    Raises:
        InputError: the images do not fit into so many frames, or one has no place or two.
    """
    places = [picture.place for picture in draft.pictures]
    check_images(len(places), Timeline(frames, draft.served.stride))
    pinned = pinned_frames(places, frames)
    if places != [Place()] and (
        draft.options.get("position") or draft.options.get("anchor", "narrative") != "narrative"
    ):
        raise InputError("A position or an anchor is for one image; say it as the 'frame_type' of each image.")
    if draft.narrative is None:
        return draft
    if not pinned:
        place_images(draft.narrative, places)
        return draft
    return replace(draft, narrative=place_images(draft.narrative.retime(frames), places))
