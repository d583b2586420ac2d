"""JSON schemas as strict servers take them: every text, list and number is bounded, and nothing may be added."""

from __future__ import annotations

from typing import Any

__all__ = ["Schema", "record", "row", "text", "whole"]

Schema = dict[str, Any]


def text(longest: int) -> Schema:
    """A text of 1 to ``longest`` characters."""
    return {"type": "string", "minLength": 1, "maxLength": longest}


def whole(least: int, most: int) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def row(item: Schema, fewest: int, most: int) -> Schema:
    """A list of ``item``."""
    return {"type": "array", "items": item, "minItems": fewest, "maxItems": most}


def record(properties: Schema) -> Schema:
    """An object with exactly these keys, written in this order."""
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
