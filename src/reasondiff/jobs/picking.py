"""Which model a request means that leaves the choice: one that was trained to hold the image where it belongs."""

from __future__ import annotations

import logging
from dataclasses import replace

from reasondiff.jobs.request import VideoRequest

__all__ = ["AUTO", "known_frames", "picked", "warn_of_position"]

AUTO = "auto"
"""The model's name that leaves the choice."""

_FIRST, _ANY = "wan2.1-i2v-14b-480p", "wan2.1-vace-1.3b"

logger = logging.getLogger(__name__)


def known_frames(request: VideoRequest) -> tuple[int, ...] | None:
    """Where the request itself says that images are, 0-based, -1 for the last frame; None where a narrator will say.

    Raises:
        InputError: it names a story that cannot be read.
    """
    from reasondiff.narrative.formats import read_narrative
    from reasondiff.narrative.place import Place, split_place

    places = [split_place(name)[1] for name in (str(request.image), *request.more_images)]
    if len(places) > 1 or places[0] != Place():
        if any(place.frame_type == "auto" for place in places):
            return None
        return tuple(-1 if place.frame_type == "last_frame" else place.frame_index or 0 for place in places)
    if request.position is not None:
        return (request.position - 1,)
    if request.anchor != "narrative":
        return (0 if request.anchor == "first" else -1,)
    if request.narrative is None:
        return None
    return tuple(anchor.frame for anchor in read_narrative(request.narrative).anchors)


def picked(request: VideoRequest) -> VideoRequest:
    """The request with a model; the choice is logged.

    An image at the first frame alone is what image-to-video was made for. Anywhere else, and where only the narrator
    will know, VACE holds it, which was trained with any frames kept.
    """
    if request.model != AUTO:
        return request
    frames = known_frames(request)
    name = _FIRST if frames == (0,) else _ANY
    reason = "the image is the first frame" if frames == (0,) else f"it holds an image at {_place(frames)}"
    logger.warning("The model is %s, because %s.", name, reason)
    return replace(request, model=name)


def warn_of_position(request: VideoRequest) -> None:
    """Log where a model by name will hold the image weakly: it was not trained for that frame, and has no adapter."""
    from reasondiff.planning.catalogue import entry_of

    entry, frames = entry_of(request.model), known_frames(request)
    if entry is None or entry.held_frames == "any" or request.adapter is not None or frames is None:
        return
    trained = {0} if entry.held_frames == "first" else {0, -1}
    if request.num_frames is not None and entry.held_frames != "first":
        trained.add(request.num_frames - 1)
    if set(frames) - trained:
        logger.warning(
            "%s was trained for the %s frame only, so the image at %s is held weakly; %s holds it at any frame.",
            entry.name, entry.held_frames, _place(frames), _ANY,
        )  # fmt: skip


def _place(frames: tuple[int, ...] | None) -> str:
    if frames is None:
        return "whatever frame the narrator will choose"
    if frames == (-1,):
        return "the last frame"
    return f"position {', '.join(str(frame + 1) for frame in frames)}"
