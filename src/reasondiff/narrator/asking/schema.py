"""JSON schemas as strict servers take them: every text, list and number is bounded, and nothing may be added."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["Schema", "array", "has_shape", "integer", "object", "string"]

Schema = dict[str, object]


def string(longest: int) -> Schema:
    """A text of 1 to ``longest`` characters."""
    return {"type": "string", "minLength": 1, "maxLength": longest}


def integer(least: int, most: int) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def array(item: Schema, fewest: int, most: int) -> Schema:
    """A list of ``item``."""
    return {"type": "array", "items": item, "minItems": fewest, "maxItems": most}


def object(properties: Schema) -> Schema:
    """An object with exactly these keys, written in this order."""
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def has_shape(reply: str, schema: Mapping[str, Any]) -> bool:
    """The reply is JSON with the schema's keys and types and nothing around it; bounds are not looked at.

    A reply that a grammar let through has this shape. Length bounds are left to the parser: many servers that enforce a
    schema leave them out.
    """
    try:
        value = json.loads(reply)
    except (ValueError, RecursionError):
        return False
    return _fits(value, schema)


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    match schema["type"]:
        case "object":
            if not isinstance(value, dict):
                return False
            known = schema.get("properties")
            if known is None:  # any keys
                return True
            return set(value) == set(known) and all(_fits(value[key], inner) for key, inner in known.items())
        case "array":
            return isinstance(value, list) and all(_fits(item, schema["items"]) for item in value)
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
    return True
