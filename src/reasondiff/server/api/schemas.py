"""What the OpenAPI file says of bodies that are read by hand; options come from ``VideoRequest``."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from reasondiff.narrative.place import FrameType
from reasondiff.server.api.ordering import CREATE as CREATED
from reasondiff.server.served import OPTIONS
from reasondiff.server.service import Limits

__all__ = ["CONTENT", "CREATE", "EDIT", "EVENTS", "EXTEND", "MESSAGE", "MESSAGES", "MOVE", "REFUSALS", "REMIX", "TELL"]


class Reason(BaseModel):
    """Why a request was refused."""

    message: str
    type: str
    param: str | None
    code: str | None


class Refusal(BaseModel):
    """A refusal, in OpenAI's form."""

    error: Reason


_REASONS = {
    400: "A field cannot be used.",
    401: "No key, or an unknown one.",
    403: "Another host's name, or a page of another origin.",
    404: "There is none, or it is another key's.",
    408: "The body took too long.",
    409: "Not now.",
    413: "The body is too large.",
    422: "An Idempotency-Key with another body.",
    429: "A quota.",
    503: "Nothing is taken now.",
}

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": reason, "model": Refusal} for status, reason in _REASONS.items()
}

_TEXT = {"type": "string", "maxLength": 4000}
_SEED = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
_URL = {"type": "string", "maxLength": 2000, "description": "Told when the video is over."}
_NARRATIVE = {"type": ["object", "string"], "description": "The story; in a form, its JSON text."}
_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_REFERENCE = {
    "type": ["object", "string"],
    "description": "The image: a data: address, or an object with it as image_url; in a form, a file.",
}
_IMAGES = {
    "type": ["array", "string"],
    "minItems": 1,
    "maxItems": Limits.images,
    "description": "One or several images, each with its place; in a form, their JSON text.",
    "items": {
        "type": "object",
        "required": ["image_url"],
        "additionalProperties": False,
        "properties": {
            "type": {"type": "string"},
            "image_url": {"type": ["object", "string"]},
            "frame_type": {"enum": list(get_args(FrameType)), "default": "auto"},
            "frame_index": {"type": "integer", "minimum": 0, "description": "Counted from 0."},
        },
    },
}
_VIDEO = {
    "type": ["object", "string"],
    "description": "An id, or an object with it as id; in a form also an MP4 of ours.",
}

_OWN: dict[str, dict[str, Any]] = {
    "prompt": _TEXT | {"description": "What happens; may be empty where there is a narrative."},
    "input_reference": _REFERENCE,
    "frame_images": _IMAGES,
    "narrative": _NARRATIVE,
    "anchor_position": {"type": "integer", "minimum": 1, "description": "Another name for position."},
    "style": _TEXT | {"description": "Of the story, for all clips."},
    "model": {"type": "string", "maxLength": 200, "description": "One of /v1/models."},
    "seconds": {"type": ["number", "string"], "description": "Of the story; the nearest number of frames is made."},
    "width": {"type": "integer", "minimum": 1},
    "height": {"type": "integer", "minimum": 1},
    "seed": _SEED | {"description": "Of the noise; drawn where it is left out."},
    "webhook_url": _URL,
}
_OPTIONS = {name: each.schema() for name, each in OPTIONS.items()}
assert {*_OWN, *_OPTIONS} == CREATED


def _body(properties: dict[str, Any], required: tuple[str, ...] = (), **files: Any) -> dict[str, Any]:
    """A body as a form and as JSON; ``files`` are files in a form."""
    shared = {"type": "object", "additionalProperties": False, "required": list(required)}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": {**shared, "properties": properties | files}},
                "application/json": {"schema": {**shared, "properties": properties}},
            },
        }
    }


CREATE = _body({**_OWN, **_OPTIONS}, input_reference=_FILE)
REMIX = _body({"prompt": _TEXT, "model": _OWN["model"], "seed": _SEED, "webhook_url": _URL}, ("prompt",))
EDIT = _body(
    {"prompt": _TEXT, "video": _VIDEO, "narrative": _NARRATIVE,
     "clip": {"type": "integer", "minimum": 1, "description": "Only this one is made again, counted from 1."},
     "model": _OWN["model"], "seed": _SEED, "webhook_url": _URL},
    ("video",), video=_FILE,
)  # fmt: skip
EXTEND = _body(
    {"prompt": _TEXT, "video": _VIDEO, "seconds": _OWN["seconds"], "model": _OWN["model"], "seed": _SEED,
     "webhook_url": _URL},
    ("prompt", "video", "seconds"), video=_FILE,
)  # fmt: skip
MOVE = _body({"queue_position": {"type": "integer", "minimum": 0, "maximum": 10**9}}, ("queue_position",))
TELL = _body(
    {
        "prompt": _TEXT, "image": _REFERENCE, "input_reference": _REFERENCE, "frame_images": _IMAGES,
        "model": _OWN["model"],
        "num_frames": {"type": "integer", "minimum": 1, "maximum": 10_000},
        "candidates": {"type": "integer", "minimum": 1, "maximum": 8, "default": 3},
        "narrative": _NARRATIVE | {"description": "With clip: the story of which one clip is told again."},
        "clip": {"type": "integer", "minimum": 1, "description": "Its number, counted from 1."},
    },
    ("prompt",), image=_FILE, input_reference=_FILE,
)  # fmt: skip

_BYTES = {"schema": {"type": "string", "format": "binary"}}
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes.",
        "content": {
            kind: _BYTES
            for kind in ("video/mp4", "image/webp", "image/jpeg", "image/png", "image/gif", "application/json")
        },
    },
    206: {"description": "A range of them.", "content": {"video/mp4": _BYTES}},
    416: {"description": "There is no such range."},
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Videos, one per event.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
    204: {"description": "It is over, and all events were seen."},
}
MESSAGE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["jsonrpc", "method"],
                    "properties": {
                        "jsonrpc": {"const": "2.0"},
                        "id": {"type": ["integer", "string"]},
                        "method": {"type": "string"},
                        "params": {"type": "object"},
                    },
                }
            }
        },
    }
}
MESSAGES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The answer to a message."},
    202: {"description": "A notification was taken."},
    400: {"description": "It was no message; says so as JSON-RPC does."},
}
