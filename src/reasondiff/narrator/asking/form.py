"""What a narrator is asked to reply: the two forms, their JSON schema, and how long a reply may get."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from typing import Literal

from reasondiff.errors import InputError
from reasondiff.narrative import Narrative
from reasondiff.narrator.asking import schema as json_schema

__all__ = ["Bounds", "Form", "write_reply"]

Form = Literal["clips", "list"]
"""``clips``: run-length clips, each with its end only, so that gaps and overlaps cannot be written (Fig. 6).
``list``: the paper's literal list of one description per frame (Sec. 3.2)."""

CHARS_PER_TOKEN = 2.0
"""Cautious: English needs one token for about four characters, other scripts up to one for each."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that each part of a reply may hold: characters of a text, number of clips. 0 leaves that text out.

    Raises:
        InputError: a bound below 0, or no room for descriptions or clips.
    """

    image: int = 200
    reasoning: int = 600
    style: int = 240
    description: int = 300
    clips: int = 12

    def __post_init__(self) -> None:
        for each in fields(self):
            value, least = getattr(self, each.name), each.name in {"description", "clips"}
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"The bound {each.name!r} is {value!r}; give a whole number of {int(least)} or more.")

    def schema(self, form: Form, num_frames: int, images: int = 1) -> json_schema.Schema:
        """JSON schema of a reply, in the subset that strict servers take; keys are written in this order.

        The image and the reasons come before the position, because a model that writes left to right then has
        reasons when it decides.
        """
        position = json_schema.integer(1, num_frames)
        properties = {"image": json_schema.string(self.image)} if self.image else {}
        properties |= {"reasoning": json_schema.string(self.reasoning)} if self.reasoning else {}
        if images == 1:
            properties |= {"position": position}
        else:
            place = json_schema.object({"image": json_schema.integer(1, images), "position": position})
            properties |= {"positions": json_schema.array(place, images, images)}
        properties |= {"style": json_schema.string(self.style)} if self.style else {}
        if form == "list":
            return json_schema.object(
                {
                    **properties,
                    "descriptions": json_schema.array(json_schema.string(self.description), num_frames, num_frames),
                }
            )
        clip = json_schema.object({"end": position, "description": json_schema.string(self.description)})
        return json_schema.object({**properties, "clips": json_schema.array(clip, 1, min(self.clips, num_frames))})

    def characters(self, form: Form, num_frames: int) -> int:
        """Length of the longest reply that keeps to the schema."""
        texts = sum(limit + 16 for limit in (self.image, self.reasoning, self.style) if limit)
        if form == "list":
            return texts + 48 + num_frames * (self.description + 4)
        return texts + 48 + min(self.clips, num_frames) * (self.description + 34)

    def max_tokens(self, form: Form, num_frames: int) -> int:
        """The token budget of one reply."""
        return math.ceil(self.characters(form, num_frames) / CHARS_PER_TOKEN)


def write_reply(narrative: Narrative, form: Form = "clips", *, image_shows: str = "") -> str:
    """The reply that a perfect narrator would give for this story: for examples in prompts, and for training one."""
    reply: dict[str, object] = {"image": image_shows} if image_shows else {}
    if narrative.reasoning:
        reply["reasoning"] = narrative.reasoning
    reply["position"] = narrative.anchor_frame + 1
    if narrative.style:
        reply["style"] = narrative.style
    if form == "list":
        reply["descriptions"] = list(narrative.per_frame())
    else:
        reply["clips"] = [{"end": clip.end, "description": clip.description} for clip in narrative.clips]
    return json.dumps(reply, ensure_ascii=False)
