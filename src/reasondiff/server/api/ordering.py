"""From a request's fields to a job: new videos, and videos that vary another one."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from tempfile import NamedTemporaryFile
from typing import Any

from reasondiff.errors import InputError
from reasondiff.jobs.inputs import clean_prompt
from reasondiff.jobs.request import MAX_FRAMES, MAX_SEED
from reasondiff.narrative import Clip, Narrative
from reasondiff.narrative.editing import set_style
from reasondiff.server.api.errors import ApiError, busy, not_found
from reasondiff.server.api.forms import Fields, refusal
from reasondiff.server.api.uploads import bytes_of_url, plain_image
from reasondiff.server.jobs import Job, Kind, NewJob, Order
from reasondiff.server.queue import new_id
from reasondiff.server.served import OPTIONS, Served
from reasondiff.server.service import Service

__all__ = ["CREATE", "EDIT", "EXTEND", "STORY", "Asked", "Ordering"]

CREATE = frozenset({
    "prompt", "input_reference", "frame_images", "narrative", "anchor_position", "style", "model", "seconds", "width",
    "height", "seed", "webhook_url", *OPTIONS,
})  # fmt: skip
EDIT = frozenset({"prompt", "video", "narrative", "seed", "webhook_url", "model"})
EXTEND = frozenset({"prompt", "video", "seconds", "seed", "webhook_url", "model"})
STORY = frozenset({"prompt", "image", "input_reference", "num_frames", "candidates", "model", "narrative", "clip"})
"""The fields of each kind of request."""

_PLACES = ("auto", "first_frame", "last_frame", "frame_index")


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
    image: bytes
    image_size: tuple[int, int]
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
        served = self._model(fields)
        prompt, narrative = self._prompt(fields), self._narrative(fields)
        if not prompt and narrative is None:
            raise refusal("prompt", "The prompt is empty; say in a few words what should happen.")
        content, placed = self._image(fields)
        options = self._options(fields, served) | placed
        image, size = plain_image(content, "input_reference", self.service.limits.pixels)
        draft = _Draft(
            served=served, prompt=prompt, image=image, image_size=size, options=options, seed=self._seed(fields),
            narrative=narrative, style=fields.text("style"), webhook_url=self._webhook(fields),
        )  # fmt: skip
        return self._queue(draft, asked)

    def remix(self, parent_id: str, fields: Fields, asked: Asked) -> Job:
        """Another text for the same image and seed."""
        fields.check({"prompt", "model", "seed", "webhook_url"})
        if (before := self._before(asked)) is not None:
            return before
        return self._queue(self._vary(self._parent(parent_id, asked), fields, None), asked)

    def edit(self, fields: Fields, asked: Asked) -> Job:
        """Another story for the same image and seed."""
        fields.check(set(EDIT), {"video"})
        if (before := self._before(asked)) is not None:
            return before
        return self._queue(self._vary(self._video(fields, asked), fields, self._narrative(fields)), asked)

    def extend(self, fields: Fields, asked: Asked) -> Job:
        """A longer story: its end is what the new text says. All of the video is made anew."""
        fields.check(set(EXTEND), {"video"})
        if (before := self._before(asked)) is not None:
            return before
        draft = self._video(fields, asked)
        prompt, seconds = self._prompt(fields), fields.number("seconds", float)
        if not prompt:
            raise refusal("prompt", "The prompt is empty; say what happens next.")
        if seconds is None or not 0 < seconds < 3600:
            raise refusal("seconds", f"{seconds} seconds cannot be added; give a positive number.")
        if (story := draft.narrative) is None:
            raise ApiError(409, "The story of this video is not told yet; extend it when it is.", code="not_ready")
        wanted = story.num_frames + max(1, round(seconds / story.interval))
        frames = draft.served.frames_in(wanted * story.interval)
        if frames <= story.num_frames:
            frames += draft.served.stride
        longer = replace(story, clips=(*story.clips, Clip(story.num_frames, frames, prompt)), num_frames=frames)
        options = {name: value for name, value in draft.options.items() if name != "num_frames"}
        told = f"{draft.prompt} {prompt}".strip()[: self.service.limits.prompt]
        return self._queue(replace(draft, prompt=told, narrative=longer, options=options), asked)

    def story(self, fields: Fields, asked: Asked) -> Job:
        """A story alone."""
        fields.check(set(STORY), {"image", "input_reference"})
        served, prompt = self._model(fields), self._prompt(fields)
        if not prompt:
            raise refusal("prompt", "The prompt is empty; say in a few words what should happen.")
        if (candidates := fields.number("candidates", int)) is None:
            candidates = 3
        if not 1 <= candidates <= 8:
            raise refusal("candidates", f"{candidates} candidates cannot be told; give 1 to 8.")
        told, clip = self._retold(fields)
        content, _ = self._image(fields)
        image, size = plain_image(content, "image", self.service.limits.pixels)
        options = {"candidates": candidates} if clip is None else {"clip": clip}
        frames = told.num_frames if told is not None else fields.number("num_frames", int)
        draft = _Draft(
            served=served, prompt=prompt, image=image, image_size=size, options=options, seed=0, narrative=told
        )  # fmt: skip
        checked = served.request_of({} if frames is None else {"num_frames": frames}, prompt, 0)
        order = self._order(draft, served.num_frames(checked, None), served.size(served.request, size))
        return self._put(draft, order, asked, "story")

    def _retold(self, fields: Fields) -> tuple[Narrative | None, int | None]:
        """The story and its clip, counted from 1, that is to be told again; nothing for a new story."""
        told, clip = self._narrative(fields), fields.number("clip", int)
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

    # -- the parts of a request ---------------------------------------------------------------------------------------

    def _before(self, asked: Asked) -> Job | None:
        """The job of the same request, where it was made already: its image need not be read again."""
        if asked.idempotency_key is not None:
            return self.service.queue.repeated(asked.owner, asked.idempotency_key, asked.body_hash)
        return self.service.queue.retried(asked.owner, asked.body_hash) if asked.retried else None

    def _model(self, fields: Fields) -> Served:
        name = fields.text("model", 200)
        if name is None:
            return self.service.default
        if name not in self.service.served:
            raise ApiError(
                404, f"The model {name[:80]!r} is not served here; GET /v1/models names those that are.",
                code="model_not_found", param="model",
            )  # fmt: skip
        return self.service.served[name]

    def _prompt(self, fields: Fields) -> str:
        try:
            return clean_prompt(fields.text("prompt", self.service.limits.prompt) or "")
        except InputError as error:
            raise refusal("prompt", str(error)) from None

    def _narrative(self, fields: Fields) -> Narrative | None:
        if (data := fields.json("narrative")) is None:
            return None
        try:
            story = Narrative.from_dict(data)
        except InputError as error:
            raise refusal("narrative", str(error), "invalid_narrative") from None
        if len(story.clips) > self.service.limits.clips or story.num_frames > MAX_FRAMES:
            raise refusal("narrative", f"The story has more than {self.service.limits.clips:,} clips; merge some.")
        if len(story.anchors) > 1:
            raise refusal("narrative", "The story places several images, and a video takes one; give one 'position'.")
        return story

    def _image(self, fields: Fields) -> tuple[bytes, dict[str, Any]]:
        """The image's bytes, and where it was said to be."""
        given = [name for name in ("input_reference", "image") if name in fields.files or name in fields.values]
        listed = fields.json("frame_images")
        if len(given) + (listed is not None) != 1:
            raise refusal("input_reference", "Give one image: as the file 'input_reference', or in 'frame_images'.")
        if listed is not None:
            return self._listed(listed)
        (name,) = given
        if name in fields.files:
            return fields.files[name], {}
        reference = fields.json(name) if not str(fields.values[name]).startswith("data:") else fields.values[name]
        if isinstance(reference, dict) and set(reference) == {"image_url"}:
            reference = reference["image_url"]
        if isinstance(reference, dict) and "file_id" in reference:
            raise refusal(name, "This server keeps no files; send the image itself.")
        return bytes_of_url(reference, name), {}

    def _listed(self, listed: Any) -> tuple[bytes, dict[str, Any]]:
        name = "frame_images"
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed) or not listed:
            raise refusal(name, "'frame_images' is no list of images; see docs/server.md.")
        if len(listed) > 1:
            raise refusal(name, f"{len(listed)} images were given, and this model takes one; give one.", "unsupported")
        (image,) = listed
        if odd := sorted(set(image) - {"type", "image_url", "frame_type", "frame_index"}):
            raise refusal(name, f"An image of 'frame_images' has no {odd[0][:40]!r}; see docs/server.md.")
        place, index = image.get("frame_type", "auto"), image.get("frame_index")
        if place not in _PLACES:
            raise refusal(name, f"{str(place)[:40]!r} is no frame_type; give one of {', '.join(_PLACES)}.")
        if (index is not None) != (place == "frame_index"):
            raise refusal(name, "'frame_index' goes with the frame_type 'frame_index'; give both or neither.")
        if index is not None and (type(index) is not int or not 0 <= index < MAX_FRAMES):
            raise refusal(name, f"{str(index)[:40]!r} is no frame_index; give a whole number from 0.")
        url = image.get("image_url")
        content = bytes_of_url(url.get("url") if isinstance(url, dict) else url, name)
        if index is not None:
            return content, {"position": index + 1}
        return content, {"first_frame": {"anchor": "first"}, "last_frame": {"anchor": "last"}}.get(place, {})

    def _options(self, fields: Fields, served: Served) -> dict[str, Any]:
        found = {name: fields.option(each) for name, each in OPTIONS.items()}
        options = {name: value for name, value in found.items() if value is not None}
        if (position := fields.option(OPTIONS["position"], "anchor_position")) is not None:
            options.setdefault("position", position)
        sides = [fields.number(name, int) for name in ("width", "height")]
        if sides != [None, None]:
            if None in sides or "size" in options:
                raise refusal("size", "Give 'size', or 'width' and 'height'.")
            options["size"] = f"{sides[0]}x{sides[1]}"
        seconds = fields.number("seconds", float)
        if seconds is not None:
            if "num_frames" in options:
                raise refusal("seconds", "Give 'seconds' or 'num_frames', not both.")
            if not math.isfinite(seconds) or not 0 < seconds <= 3600:
                raise refusal("seconds", f"{seconds} seconds make no video; give a positive number.")
            options["num_frames"] = served.frames_in(seconds)
        for name, value in options.items():
            try:
                OPTIONS[name].check(value)
            except InputError as error:
                raise refusal(name, str(error)) from None
        return options

    def _seed(self, fields: Fields) -> int:
        seed = fields.number("seed", int)
        if seed is None:
            return secrets.randbelow(MAX_SEED + 1)
        if not 0 <= seed <= MAX_SEED:
            raise refusal("seed", f"The seed {seed} is outside 0..2^32-1; give one in that range.")
        return int(seed)

    def _webhook(self, fields: Fields) -> str | None:
        from reasondiff.server.webhooks import check_url

        if (url := fields.text("webhook_url", 2000)) is None:
            return None
        if self.service.webhook_secret is None:
            raise refusal("webhook_url", "This server tells nobody; REASONDIFF_WEBHOOK_SECRET is not set there.")
        try:
            check_url(url, self.service.webhook_hosts)
        except InputError as error:
            raise refusal("webhook_url", str(error)) from None
        return url

    # -- videos that vary another one ---------------------------------------------------------------------------------

    def _parent(self, parent_id: str, asked: Asked) -> _Draft:
        parent = self.service.queue.get(parent_id, asked.owner)
        if parent is None or parent.kind != "video" or parent.model not in self.service.served:
            raise not_found()
        return _Draft(
            served=self.service.served[parent.model], prompt=parent.order.prompt,
            image=self.service.storage.read(parent.order.image), image_size=parent.order.image_size,
            options=parent.order.options, seed=parent.seed, style=parent.order.style, parent=parent.id,
            narrative=Narrative.from_dict(parent.narrative) if parent.narrative is not None else None,
        )  # fmt: skip

    def _video(self, fields: Fields, asked: Asked) -> _Draft:
        """The video that is varied: by its id, or an MP4 of ours, which carries all that is needed."""
        if "video" in fields.files:
            return self._film(fields.files["video"])
        named = fields.values.get("video")
        if isinstance(named, str) and named.startswith("{"):
            named = fields.json("video")
        parent_id = named.get("id") if isinstance(named, dict) else named
        if not isinstance(parent_id, str):
            raise refusal("video", 'Say which video: {"id": ID}, or an MP4 that ReasonDiff made.')
        return self._parent(parent_id, asked)

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
        plain = BytesIO()
        record.open_image().save(plain, "PNG")
        image, size = plain_image(plain.getvalue(), "video", self.service.limits.pixels)
        held = {name: record.options.get(name) for name, each in OPTIONS.items() if each.about.replayed}
        options = {name: value for name, value in held.items() if value is not None}
        return _Draft(
            served=self.service.default, prompt=record.prompt, image=image, image_size=size, options=options,
            seed=record.seed & MAX_SEED, narrative=Narrative.from_dict(record.narrative),
        )  # fmt: skip

    def _vary(self, parent: _Draft, fields: Fields, story: Narrative | None) -> _Draft:
        prompt = self._prompt(fields)
        if not prompt and story is None:
            raise refusal("prompt", "The prompt is empty; say in a few words what should happen.")
        options = dict(parent.options)
        if story is not None:  # the story says where the image is, and how long it is
            options = {
                name: value for name, value in options.items() if name not in ("position", "anchor", "num_frames")
            }
        return replace(
            parent,
            prompt=prompt or parent.prompt,
            narrative=story,
            options=options,
            seed=self._seed(fields) if "seed" in fields.values else parent.seed,
            webhook_url=self._webhook(fields),
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
            width, height = served.size(request, draft.image_size)
        except InputError as error:
            raise ApiError(400, str(error), code="invalid_value") from None
        if width * height * frames > self.service.limits.volume:
            raise refusal("size", f"{frames} frames of {width}x{height} are more than is made here; ask for less.")
        if story is not None and draft.style is not None and draft.parent is None:
            draft = replace(draft, narrative=set_style(story, draft.style))
        return self._put(draft, self._order(draft, frames, (width, height)), asked, "video")

    def _order(self, draft: _Draft, frames: int, size: tuple[int, int]) -> Order:
        return Order(
            prompt=draft.prompt, options=draft.options, image="", image_size=draft.image_size, num_frames=frames,
            size=f"{size[0]}x{size[1]}", interval=draft.served.defaults.interval, style=draft.style,
            webhook_url=draft.webhook_url,
        )  # fmt: skip

    def _put(self, draft: _Draft, order: Order, asked: Asked, kind: Kind) -> Job:
        """Keep the image, then queue the job; if that is refused, the image goes again."""
        storage, limits = self.service.storage, self.service.limits
        if (free := storage.free()) is not None and free < limits.disk_floor:
            raise busy("The server's disk is nearly full; ask again later.")
        job_id = new_id(kind)
        image = f"{job_id}/input.png"
        storage.put(image, draft.image)
        new = NewJob(
            id=job_id, owner=asked.owner, kind=kind, model=draft.served.name, order=replace(order, image=image),
            seed=draft.seed, narrative=draft.narrative.to_dict() if draft.narrative is not None else None,
            parent=draft.parent, idempotency_key=asked.idempotency_key, body_hash=asked.body_hash,
        )  # fmt: skip
        taken = False
        try:
            job, taken = self.service.queue.add(new, self.service.quota)
        finally:
            if not taken:
                storage.delete(job_id)
        return job
