"""Texts from outside: plain, bounded, and free of control characters."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "is_ellipsis", "is_placeholder", "shorten", "without_markup"]

_HIDDEN = re.compile("[\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
"""Zero-width marks, direction overrides and tag characters: they can carry text that nobody sees."""

_MARKUP = re.compile(r"<\|[^<>]{0,40}\|>|<[/|_]?[a-z][\w ]{0,20}>|\[/?INST\]", re.IGNORECASE)
_ELLIPSIS = re.compile(
    r"[\s.…·\-–—]*|\W*(?:etc|and so on|same as (?:above|before|previous)|continue[sd]?|as above|ditto|same)\W*", re.I
)
_PLACEHOLDER = re.compile(
    r"\W*(?:description (?:for|of) (?:frame|clip) ?\w+|<[^<>]*>|string|text|description|n/?a|none|null|todo)\W*", re.I
)


def clean(text: str) -> str:
    """The same text on one line, without control, hidden and unpaired surrogate characters."""
    text = _HIDDEN.sub("", text)
    text = "".join(
        " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in {"Cc", "Cs"}
    )
    return " ".join(text.split())


def without_markup(text: str) -> str:
    """The text without what a model's tokenizer may take for its own marks: ``<image>``, ``<|eot_id|>``, ``[INST]``."""
    return _MARKUP.sub(" ", text)


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters, ending with a whole sentence or at least a whole word where there is one."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    stop = max(head.rfind(mark) for mark in (". ", "! ", "? ", "。"))
    if stop > limit // 2:
        return head[: stop + 1]
    space = head.rfind(" ")
    return (head[:space] if space > limit // 2 else head).rstrip(" ,;:")


def is_ellipsis(text: str) -> bool:
    """The text says that something was left out, and nothing else."""
    return _ELLIPSIS.fullmatch(text) is not None


def is_placeholder(text: str) -> bool:
    """The text was copied from the instruction's form instead of being filled in."""
    return _PLACEHOLDER.fullmatch(text) is not None
