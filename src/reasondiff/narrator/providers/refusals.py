"""What a server objects to, from its status and its words.

Servers agree neither on codes nor on phrases, so the order of the questions counts: a schema may have a key called
"image", a model's name may hold the word "vision", and an image that is too large is "not supported" as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

__all__ = ["Refusal", "refusal_of", "token_limit"]

Refusal = Literal[
    "account", "declined", "image", "key", "length", "model", "passing", "path", "final", "request", "room", "schema",
    "size", "stream", "system", "vision",
]  # fmt: skip
"""``room``: more tokens of answer asked for than there are; ``length``: the question alone is too long; ``size``: of an
image; ``image``: something else about it; ``system``: a turn of the system's; ``stream``: it only streams;
``declined``: what is asked for; ``path``: nothing is served there; ``final``: nothing that another form of request
would change; ``request``: something in its form; ``passing``: the server's own trouble."""

PASSING = {408, 409, 425, 429}
FORM = {400, 404, 413, 415, 422, 500, 501}
"""Statuses that may be about the request's form."""

LEAST_ROOM = 64
"""Tokens in which not even the shortest story fits."""

_I = re.IGNORECASE | re.DOTALL
_DECLINED = re.compile(
    r"content[ _-]?(?:management[ _-]?)?polic|content[ _-]?filter|safety system|usage polic|responsible ?ai|"
    r"\bmoderation\b|\bflagged (?:as|for|by)\b|blocked.{0,30}(?:safety|policy)|prohibited[ _]content",
    _I,
)
_ACCOUNT = re.compile(
    r"insufficient[ _](?:credit|balance|fund|quota)|exceeded your current quota|billing|out of credits|"
    r"payment required",
    _I,
)
_KEY = re.compile(
    r"(?:api|access|auth\w*)[ _-]?(?:key|token)\b.{0,30}(?:invalid|incorrect|not valid|missing|required|expired|wrong)|"
    r"(?:invalid|incorrect|missing|expired|wrong|no)\b.{0,12}\b(?:api|access|auth\w*)[ _-]?(?:key|token)\b|"
    r"no connected db|unauthori[sz]ed|authentication error",
    _I,
)
_TOKENS = r"max[ _]?(?:completion[ _]?|output[ _]?|new[ _]?|total[ _]?)?tokens|maxOutputTokens"
_BOUND = r"too (?:large|high|big)|exceed|at most|less than|between|range|must be|greater|larger|maximum|<=|>|≤|up to"
_ROOM = re.compile(
    rf"(?:{_TOKENS})\W.{{0,100}}(?:{_BOUND})|(?:{_BOUND}).{{0,60}}(?:{_TOKENS})|\d+ in the completion|"
    r"requested \d+ output tokens|tokens (?:for|in) the completion|"
    r"(?:output|completion)\b[^.]{0,60}\b(?:limit|at most|maximum|exceed)\w*[^.]{0,40}\d|"
    r"\b(?:limit|at most|maximum|exceed)\w*[^.]{0,60}\b(?:output|completion)\b.{0,20}tokens",
    _I,
)
_LENGTH = re.compile(
    r"context.{0,20}\b(?:length|window|size)\b|too many tokens|(?:prompt|input|request) is too long|"
    r"context_length_exceeded|available context",
    _I,
)
_LARGE_THING = re.compile(r"\b(?:images?|payload|request entity|body)\b", _I)
_TOO_SMALL = re.compile(r"too small|(?:must|should|has to) be (?:larger|greater|bigger|at least)|\bat least \d+", _I)
_TOO_LARGE = re.compile(
    r"too (?:large|big)|larger than|\bexceeds?\b.{0,40}(?:size|limit|pixel|bytes|mb)|at most \d+ ?(?:px|pixels)", _I
)
_SCHEMA = re.compile(r"response.?format|text\.format|schema|structured.?output|guided|grammar", _I)
_ROLE = r"\b(?:system|developer) (?:messages?|prompts?|roles?|turns?|instructions?)\b"
_NOT = r"(?:\bnot\b|n't\b|unsupported|incompatible|invalid)"
_SYSTEM = re.compile(
    rf"{_ROLE}.{{0,40}}{_NOT}|(?:{_NOT}|\bno\b).{{0,40}}{_ROLE}|role.{{0,12}}\bsystem\b|'system'|roles must alternate|"
    r"only (?:the )?'?user'?.{0,30}(?:roles?|assistant)",
    _I,
)
_STREAM = re.compile(
    r"stream\w*\b.{0,40}\b(?:only|required|must|supported|true)\b|only support\w*.{0,20}\bstream|"
    r"non-?stream\w*\b.{0,40}\bnot\b",
    _I,
)
_NO_MODEL = re.compile(
    r"model.{0,40}(?:not found|does not exist|not a valid)|(?:unknown|no such|invalid|not a valid) model", _I
)
_NO_VISION = re.compile(
    r"(?:image|multi-?modal|vision|mmproj).{0,60}(?:\bnot\b|n't\b|unsupported|only supported|unknown)|"
    r"(?:\bnot\b|n't\b|\bno\b|cannot|unsupported|unknown).{0,60}(?:image|multi-?modal|vision|mmproj)|"
    r"at most 0 image|required for image",
    _I,
)


def refusal_of(status: int, message: str, model: str) -> Refusal:
    """What is wrong with a request, as far as the refusal tells.

    Args:
        status: the HTTP status.
        message: the server's words.
        model: its name, which is left out of the words.
    """
    text = _without_name(message, model)
    if status == 402 or (status in {400, 403, 429} and _ACCOUNT.search(text)):
        return "account"
    if status in PASSING or status > 501:
        return "passing"
    if _DECLINED.search(text):
        return "declined"
    if status in {401, 403} or (status in FORM and _KEY.search(text)):
        return "key"
    if status not in FORM:
        return "final"
    return _about_the_form(status, text)


def _without_name(message: str, model: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(model)}(?!\w)", "", message) if model else message


def _about_the_form(status: int, text: str) -> Refusal:
    if _ROOM.search(text):
        return "room"
    about_image = _LARGE_THING.search(text)
    if about_image and _TOO_SMALL.search(text):
        return "image"
    if status == 413 or (about_image and _TOO_LARGE.search(text)):
        return "size"
    if status != 404 and _SYSTEM.search(text):  # before the schema: some servers quote the whole template
        return "system"
    if status != 404 and _SCHEMA.search(text):
        return "schema"
    if status != 404 and _STREAM.search(text):
        return "stream"
    if _LENGTH.search(text):
        return "length"
    if _NO_MODEL.search(text) or (status == 404 and "model" in text.casefold()):
        return "model"
    if _NO_VISION.search(text):
        return "vision"
    if status == 404:
        return "path"
    return "passing" if status == 500 else "request"


_NUMBER = r"\d[\d,_]*"
_INPUT = re.compile(
    rf"({_NUMBER})\s*(?:tokens? )?(?:in the messages|(?:from|in|of) the input|input tokens|`?inputs`? tokens|"
    r"prompt tokens|(?:in|from) (?:your|the) (?:prompt|messages))",
    _I,
)


def token_limit(message: str, asked: int, model: str = "") -> tuple[int, bool] | None:
    """How many tokens of answer a refusal leaves room for; None if it does not say.

    Args:
        message: the server's words.
        asked: tokens of answer that were asked for.
        model: its name, which is left out of the words.

    Returns:
        The number, which is below ``asked``, and whether it holds for this question only, because it is what the
        question leaves of the context. It may be 0 or less: the question alone is too long.
    """
    text = _without_name(message, model)
    numbers = [_whole(number) for number in re.findall(rf"(?<![\w.]){_NUMBER}", text)]
    question = _INPUT.search(text)
    if question is not None:
        return _room_beside(_whole(question[1]), numbers, asked)
    limits = [number for number in numbers if LEAST_ROOM <= number < asked and number not in FORM]
    return (max(limits), False) if limits else None


def _room_beside(question: int, numbers: Sequence[int], asked: int) -> tuple[int, bool] | None:
    """What a question of so many tokens leaves of the context, which is one of ``numbers``."""
    contexts = [number for number in numbers if question < number < question + asked and number != asked]
    if contexts:
        return min(contexts) - question, True
    is_too_long = question > max(numbers, default=0)
    return (0, True) if is_too_long else None


def _whole(number: str) -> int:
    return int(re.sub(r"[,_]", "", number))
