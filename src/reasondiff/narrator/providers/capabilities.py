"""What one OpenAI-compatible server understands, learnt from what it refuses.

Servers differ in how they take a JSON schema, what they call the token limit, and whether sampling can be set. The
first request asks for everything; a refusal leads to the next simpler form, and the one that worked is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from reasondiff.narrator.providers.refusals import LEAST_ROOM, Refusal, token_limit

__all__ = ["Capabilities", "Limit", "Structure"]

Limit = Literal["max_tokens", "max_completion_tokens", "max_output_tokens"]
Structure = Literal["json_schema", "json_schema, unbounded", "json_object, schema", "json_object", "text"]
"""How the reply's form is enforced: strict schema, the same without length bounds, JSON mode with the schema beside it
(as llama.cpp's family takes it), JSON mode, not."""

_LADDER: tuple[Structure, ...] = ("json_schema", "json_schema, unbounded", "json_object, schema", "json_object", "text")
_BOUNDS = {"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"}

SMALLEST_SIDE = 256
"""Pixels; in a smaller copy little of an image can be made out."""


@dataclass(frozen=True)
class Capabilities:
    """How requests are put.

    Args:
        structure: how the reply's form is enforced.
        ignored: a structure has been accepted and not kept, and another one been tried for it.
        limit: what the token limit is called.
        renamed: the other name has been refused.
        sampling: temperature and seed are sent.
        most: tokens of answer that the server gives at most; None if it has not said.
        room: tokens that the question leaves of the context; None if the server has not said.
        share: of the token budget that is asked for, where a server refuses it and does not say how much is possible.
        side: pixels of the longer side of images.
        jpeg: images are sent with loss, in less bytes.
        system: there is a turn of the system's; else its text stands at the head of the user's.
        stream: the answer is asked for in pieces.
    """

    structure: Structure = "json_schema"
    ignored: bool = False
    limit: Limit = "max_tokens"
    renamed: bool = False
    sampling: bool = True
    most: int | None = None
    room: int | None = None
    share: float = 1.0
    side: int = 2048
    jpeg: bool = False
    system: bool = True
    stream: bool = False

    def simpler(self, refusal: Refusal, message: str, *, asked: int, side: int, model: str = "") -> Capabilities | None:
        """What to try after a refusal; None if there is nothing left to give up.

        Args:
            refusal: what the server objects to.
            message: its words.
            asked: tokens of answer that were asked for.
            side: pixels of the longer side of the largest image.
            model: its name.
        """
        match refusal:
            case "size":
                return self._smaller_images(message, side)
            case "room":
                return self._fewer_tokens(message, asked, model)
            case "system":
                return replace(self, system=False) if self.system else None
            case "stream":
                return replace(self, stream=True) if not self.stream else None
            case "schema":
                return self._next_structure()
            case "request":
                return self._plainer(message)
        return None

    def not_kept(self) -> Capabilities:
        """What to try next time after an answer in another form than the one asked for; only once."""
        if self.ignored or self.structure == "text":
            return self
        next_one: Structure = "json_object, schema" if self.structure.startswith("json_schema") else "json_object"
        return replace(self, structure=next_one, ignored=True)

    def shaped(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema, without what this server does not take in one."""
        return _unbounded(schema) if self.structure == "json_schema, unbounded" else schema

    def budget(self, max_tokens: int) -> int:
        """Tokens of answer to ask for."""
        tokens = max(LEAST_ROOM, int(max_tokens * self.share))
        return min([tokens, *filter(None, (self.most, self.room))])

    def _smaller_images(self, message: str, side: int) -> Capabilities | None:
        in_pixels = re.search(r"pixel|\bpx\b|dimension|resolution", message, re.IGNORECASE)
        if not self.jpeg and not in_pixels:
            return replace(self, jpeg=True)
        smaller = min(side, self.side) // 2
        return replace(self, side=smaller) if smaller >= SMALLEST_SIDE else None

    def _fewer_tokens(self, message: str, asked: int, model: str) -> Capabilities | None:
        found = token_limit(message, asked, model)
        if found is None:
            return replace(self, share=self.share / 2) if self.share > 0.1 and asked > LEAST_ROOM else None
        tokens, here_only = found
        if tokens < LEAST_ROOM:
            return None
        return replace(self, room=tokens) if here_only else replace(self, most=tokens)

    def _plainer(self, message: str) -> Capabilities | None:
        """After a refusal whose cause is not understood: at most two requests more find out whether it is the form."""
        text = message.casefold()
        if self.limit != "max_output_tokens" and not self.renamed and "max_completion_tokens" in text:
            other: Limit = "max_tokens" if self.limit == "max_completion_tokens" else "max_completion_tokens"
            return replace(self, limit=other, renamed=True)
        if self.sampling and re.search(r"temperature|\bseed\b", text):
            return replace(self, sampling=False)
        if self.structure == "text":
            return None
        known = self.structure == "json_object"
        return replace(self, structure="text", sampling=False) if known else replace(self, structure="json_object")

    def _next_structure(self) -> Capabilities | None:
        rung = _LADDER.index(self.structure)
        return replace(self, structure=_LADDER[rung + 1]) if rung + 1 < len(_LADDER) else None


def _unbounded(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {key: _unbounded(value) for key, value in schema.items() if key not in _BOUNDS}
    if isinstance(schema, list):
        return [_unbounded(value) for value in schema]
    return schema
