"""What a server objects to, from its status and its words.

Servers agree neither on codes nor on phrases, so the order of the questions counts: a schema may have a key called
"image", a model's name may hold the word "vision", and an image that is too large is "not supported" as well.
"""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Objection", "objection"]

Objection = Literal["key", "room", "length", "size", "schema", "model", "system", "vision", "request", "passing"]
"""``room``: more tokens of answer asked for than the context has left; ``length``: the question alone is too long;
``size``: of an image; ``system``: a turn of that role, which the model's template has no place for;
``request``: something else in it; ``passing``: the server's own trouble."""

_REFUSED = {400, 404, 413, 415, 422, 500, 501}
_ROOM = re.compile(
    r"max_(?:completion_|output_)?tokens.{0,80}(?:too large|exceed|at most|less than)|"
    r"\d+ in the completion|requested \d+ output tokens",
    re.IGNORECASE | re.DOTALL,
)
_LENGTH = re.compile(r"context.{0,20}\b(?:length|window|size)\b|too many tokens|prompt is too long", re.IGNORECASE)
_LARGE_THING = re.compile(r"\b(?:images?|payload|request entity|body)\b", re.IGNORECASE)
_TOO_LARGE = re.compile(
    r"too (?:large|big)|larger than|\bexceeds?\b.{0,40}(?:size|limit|pixel|bytes|mb)|at most \d+ ?(?:px|pixels)",
    re.IGNORECASE | re.DOTALL,
)
_SCHEMA = re.compile(r"response.?format|text\.format|schema|structured.?output|guided|grammar", re.IGNORECASE)
_NO_MODEL = re.compile(
    r"model.{0,40}(?:not found|does not exist|not a valid)|(?:unknown|no such|invalid|not a valid) model", re.IGNORECASE
)
_SYSTEM = r"\b(?:system|developer) (?:messages?|prompts?|roles?|turns?|instructions?)\b"
_NO_SYSTEM = re.compile(
    rf"{_SYSTEM}.{{0,40}}(?:\bnot\b|n't\b|unsupported|incompatible)|"
    rf"(?:\bnot\b|n't\b|\bno\b|unsupported|incompatible).{{0,40}}{_SYSTEM}|"
    r"conversation roles must alternate",
    re.IGNORECASE | re.DOTALL,
)
_NO_VISION = re.compile(
    r"(?:image|multi-?modal|vision|mmproj).{0,60}(?:\bnot\b|n't\b|unsupported|only supported|unknown)|"
    r"(?:\bnot\b|n't\b|\bno\b|cannot|unsupported|unknown).{0,60}(?:image|multi-?modal|vision|mmproj)|"
    r"at most 0 image|required for image",
    re.IGNORECASE | re.DOTALL,
)


def objection(status: int, said: str, model: str) -> Objection:
    """What is wrong with a request, as far as the refusal tells.

    Args:
        status: the HTTP status.
        said: the server's words.
        model: its name, which is left out of the words.
    """
    text = re.sub(rf"(?<!\w){re.escape(model)}(?!\w)", "", said)
    if status in {401, 403}:
        return "key"
    if status not in _REFUSED:
        return "passing" if status == 429 or status > 500 else "request"
    if _ROOM.search(text):
        return "room"
    if status == 413 or (_LARGE_THING.search(text) and _TOO_LARGE.search(text)):
        return "size"
    if _NO_SYSTEM.search(text):  # before the schema: llama.cpp quotes the whole template, which may hold any word
        return "system"
    if status != 404 and _SCHEMA.search(text):
        return "schema"
    if _LENGTH.search(text):
        return "length"
    if _NO_MODEL.search(text) or (status == 404 and "model" in text.casefold()):
        return "model"
    if _NO_VISION.search(text):
        return "vision"
    return "passing" if status == 500 else "request"
