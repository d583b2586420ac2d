"""Where a reply puts several images: read beside the story, which is then read as one of a single image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reasondiff.narrative import Anchor
from reasondiff.narrator.reading.loose_json import find_values
from reasondiff.narrator.reading.parse import THINKING, Parsed, parse

__all__ = ["parse_images"]


@dataclass(frozen=True)
class _Reply:
    """A reply's places, by the images' numbers, and the reply with one position, as ``parse`` reads it."""

    places: Mapping[int, int]
    text: str


def parse_images(
    reply: str, count: int, pinned: Mapping[int, int], num_frames: int, interval: float, **how: Any
) -> Parsed:
    """Read a reply about several images.

    An image that the reply leaves out or puts where another one is gets the nearest free place, of which the narrator
    is told; one that the user pinned stays there, whatever the reply says.

    Args:
        reply: the narrator's text, in any shape.
        count: images that were asked about.
        pinned: frames of images by number, both 0-based.
        num_frames: f.
        interval: seconds between frames.
        how: ``cut`` and ``refusal``, see ``parse``.
    """
    read = _read(reply, count, num_frames)
    parsed = parse(read.text, num_frames, interval, **how)
    if parsed.narrative is None:
        return parsed
    faults, repairs = [], []
    places = dict(pinned)
    for image in (number for number in range(count) if number not in pinned):
        wanted = read.places.get(image)
        if wanted is None:
            faults.append(f"Your reply has no position for image {image + 1}; give every image one.")
            wanted = round((image + 0.5) * num_frames / count)
        elif wanted in places.values():
            faults.append(f"Two images are at position {wanted + 1}; give each a position of its own.")
        places[image] = _nearest_free(wanted, places, num_frames)
        if faults and places[image] != read.places.get(image):
            repairs.append(f"image {image + 1} put at position {places[image] + 1}")
    anchors = sorted((Anchor(frame, image) for image, frame in places.items()), key=lambda anchor: anchor.frame)
    return replace(
        parsed,
        narrative=replace(parsed.narrative, anchors=tuple(anchors)),
        faults=(*faults, *parsed.faults),
        repairs=(*parsed.repairs, *repairs),
    )


def _nearest_free(wanted: int, places: Mapping[int, int], num_frames: int) -> int:
    """The frame nearest to ``wanted`` at which no other image is."""
    free = [frame for frame in range(num_frames) if frame not in places.values()]
    return min(free, key=lambda frame: abs(frame - wanted))


def _read(reply: str, count: int, num_frames: int) -> _Reply:
    """The last object with places in a reply."""
    for found in reversed(find_values(THINKING.sub("", reply))):
        if isinstance(found.value, dict) and isinstance(listed := found.value.get("positions"), list):
            places = _places(listed, count, num_frames)
            first = min(places.values(), default=0)
            told = {key: value for key, value in found.value.items() if key not in ("positions", "images")}
            return _Reply(places, json.dumps({"position": first + 1, **told}, ensure_ascii=False))
    return _Reply({}, reply)


def _places(listed: list[Any], count: int, num_frames: int) -> dict[int, int]:
    """Positions by the images' numbers, 0-based; a plain list of numbers is in the images' order."""
    places: dict[int, int] = {}
    for number, item in enumerate(listed):
        image, position = number + 1, item
        if isinstance(item, dict):
            image, position = item.get("image", number + 1), item.get("position")
        fits = type(image) is int and type(position) is int
        if fits and 1 <= image <= count and 1 <= position <= num_frames and image - 1 not in places:
            places[image - 1] = position - 1
    return places
