"""JSON as language models write it.

A reader of one thought: what a person would still read correctly is read, and what was forgiven is noted. Fences and
prose around it, trailing and missing commas, comments, single, curly and missing quotes, quotes and line breaks inside
a text, Python's literals, and closing brackets that were forgotten. A bare ``...`` is kept as ``Ellipsis``, never
dropped: it means that the writer left something out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["LenientValue", "decode_twice", "find_values"]

MAX_DEPTH = 32
MAX_FAILURES = 200
"""Brackets that open nothing readable before the search gives up; keeps hostile replies cheap."""

_LITERALS = {"true": True, "false": False, "null": None, "none": None, "...": Ellipsis, "…": Ellipsis}
_CLOSING = {'"': '"', "'": "'", "“": '”"', "‘": "’'", "`": "`'"}
_BLANK = re.compile(r"(?:\s|//[^\n]*|/\*.*?(?:\*/|\Z)|\#[^\n]*)*", re.DOTALL)
_BARE_KEY = re.compile(r"[^\W\d][\w -]*?(?=\s*:)|\d[\w.%–-]*(?=\s*:)")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NOTHING_FOLLOWS = re.compile(r"[ \t\r\n,]*\Z")
_STRICT = json.JSONDecoder(strict=False)

_KEY_FOLLOWS = r"""(?:["'“‘`][^"'”’`\n]{0,60}["'”’`]|[A-Za-z_]\w*|\d[\w.-]*)\s*:"""
_ITEM_FOLLOWS = r"""["'“‘`{\[\d-]|\.\.\.|…|(?:true|false|null|None|True|False)\b"""
_END = r"\s*(?:\Z|[}\]]|/\*|(?://|#)[^\n\"]*\n"
_AFTER_VALUE = {
    "{": re.compile(_END + rf"|,\s*(?:\Z|[}}\]/#]|{_KEY_FOLLOWS})|\n\s*(?:{_KEY_FOLLOWS}))"),
    "[": re.compile(_END + rf"|,\s*(?:\Z|[}}\]/#]|{_ITEM_FOLLOWS})|\s+(?:[\"“{{]))"),
}
"""What may come after a closing quote: a quote followed by anything else is part of the text."""
_AFTER_KEY = re.compile(r"\s*:")


@dataclass(frozen=True)
class LenientValue:
    """A value read from a reply.

    Args:
        value: what ``json.loads`` would give, with ``Ellipsis`` where a bare ``...`` stood.
        notes: what was forgiven.
        closed: all its brackets were closed.
        cut: the reply ended inside a text or a number; that last piece is left out of ``value``.
    """

    value: Any
    notes: tuple[str, ...] = ()
    closed: bool = True
    cut: bool = False


MAX_WRAPPINGS = 3
"""How often JSON may have been written into a text, as JSON."""

_WHOLE_TEXT = re.compile(r"\s*(?:```\w*\s*)?(?P<text>\"(?:[^\"\\]|\\.)*\")\s*(?:```\s*)?", re.DOTALL)
_ESCAPED = re.compile(r"[^{\[]*[{\[]\s*(?:\\[nrt]\s*)*\\\".*", re.DOTALL)


def decode_twice(text: str) -> str:
    """What a reply that was encoded more than once says: ``"{\\"position\\": 1}"`` or the same without its quotes."""
    for _ in range(MAX_WRAPPINGS):
        if match := _WHOLE_TEXT.fullmatch(text):
            quoted = match["text"]
        elif _ESCAPED.fullmatch(text):  # no JSON begins so: the quotes around it have gone
            quoted = '"' + re.sub(r'(?<!\\)"', r'\\"', text) + '"'
        else:
            return text
        try:
            decoded = _STRICT.decode(quoted)
        except (ValueError, RecursionError):
            return text
        if not isinstance(decoded, str) or not re.search(r"[{\[]", decoded):
            return text
        text = decoded
    return text


class _UnreadableError(Exception):
    """Nothing a person would read as JSON starts here."""


def find_values(text: str) -> list[LenientValue]:
    """Every object and list in ``text`` that is not inside another, in order."""
    found: list[LenientValue] = []
    at, failures = 0, 0
    for opening in re.finditer(r"[{\[]", text):
        start = opening.start()
        if start < at or failures > MAX_FAILURES:
            continue
        try:
            value, at = _STRICT.raw_decode(text, start)
            found.append(LenientValue(value))
        except (ValueError, RecursionError):
            reader = _Reader(text, start)
            try:
                value = reader.value("[", 0)
            except _UnreadableError:
                failures += 1
                at = reader.at if reader.too_deep else at
                continue
            at = reader.at
            found.append(LenientValue(value, tuple(sorted(reader.notes)), reader.closed, reader.cut))
    return found


class _Reader:
    def __init__(self, text: str, at: int) -> None:
        self.text, self.at = text, at
        self.notes: set[str] = set()
        self.closed, self.cut, self.too_deep = True, False, False

    @property
    def char(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip_blank(self) -> None:
        match = _BLANK.match(self.text, self.at)
        assert match
        if match[0].strip():
            self.notes.add("comments left out")
        self.at = match.end()

    def value(self, inside: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            self.too_deep = True
            raise _UnreadableError
        if self.char == "{":
            return self.object(depth)
        if self.char == "[":
            return self.list(depth)
        if self.char in _CLOSING and self.char:
            return self.string(_AFTER_VALUE[inside])
        return self.bare(inside)

    def object(self, depth: int) -> dict[str, Any]:
        self.at += 1
        items: dict[str, Any] = {}
        while self.next_item("}"):
            if self.char in _CLOSING:
                key = self.string(_AFTER_KEY)
            elif match := _BARE_KEY.match(self.text, self.at):
                self.notes.add("quotes added around keys")
                key, self.at = match[0].strip(), match.end()
            elif self.text.startswith(("...", "…"), self.at):
                self.at += 3 if self.char == "." else 1
                items["..."] = Ellipsis
                continue
            else:
                raise _UnreadableError
            self.skip_blank()
            if self.at >= len(self.text):
                self.closed, self.cut = False, True
                break
            if self.char != ":":
                raise _UnreadableError
            self.at += 1
            self.skip_blank()
            if self.at >= len(self.text):
                self.closed, self.cut = False, True
                break
            value = self.value("{", depth + 1)
            if not self.cut or isinstance(value, dict | list):
                items[key] = value
        return items

    def list(self, depth: int) -> list[Any]:
        self.at += 1
        items: list[Any] = []
        while self.next_item("]"):
            value = self.value("[", depth + 1)
            if not self.cut or isinstance(value, dict | list):
                items.append(value)
        return items

    def next_item(self, closing: str) -> bool:
        """Step over commas and the closing bracket; False at the end of this object or list."""
        commas = 0
        while True:
            self.skip_blank()
            if self.char == ",":
                commas += 1
                self.at += 1
                continue
            if self.at >= len(self.text):
                self.closed = False
                self.notes.add("closing brackets added")
                return False
            if self.char in "}]":
                if commas:
                    self.notes.add("trailing commas dropped")
                if self.char == closing:
                    self.at += 1
                else:  # the other bracket closes the level above: this one was forgotten
                    self.notes.add("closing brackets added")
                return False
            return True

    def string(self, after: re.Pattern[str]) -> str:
        quote = self.char
        if quote != '"':
            self.notes.add("quotes replaced")
        self.at += 1
        parts: list[str] = []
        while self.at < len(self.text):
            char = self.char
            self.at += 1
            if char == "\\":
                parts.append(self.escape())
            elif char in _CLOSING[quote] and after.match(self.text, self.at):
                return "".join(parts)
            else:
                if char == quote:
                    self.notes.add("quotes inside a text kept")
                parts.append(char)
        self.closed, self.cut = False, True
        return "".join(parts)

    def escape(self) -> str:
        for length in (11, 5, 1):  # a surrogate pair, a \uXXXX, a single letter
            piece = self.text[self.at : self.at + length]
            try:
                value = json.loads(f'"\\{piece}"')
            except ValueError:
                continue
            if len(value) == 1:
                self.at += length
                return value
        char = self.char
        self.at += 1
        return char

    def bare(self, inside: str) -> Any:
        """A number, a literal, or a text without quotes."""
        if match := _NUMBER.match(self.text, self.at):
            rest = _BLANK.match(self.text, match.end())
            assert rest
            if self.text[rest.end() : rest.end() + 1] in {",", "}", "]", '"', "{"} or "\n" in rest[0]:
                self.at = match.end()
                return int(match[0]) if match[0].lstrip("+-").isdigit() and len(match[0]) < 16 else float(match[0])
        stop = r"[}\]\n]|//|/\*|,\s*(?:" + (_KEY_FOLLOWS if inside == "{" else _ITEM_FOLLOWS) + r")|,?\s*\Z"
        match = re.compile(stop).search(self.text, self.at)
        word = self.text[self.at : match.start() if match else None].strip(" \t\r,")
        if not word or word[0] in ")>":
            raise _UnreadableError
        self.at = match.start() if match else len(self.text)
        if _NOTHING_FOLLOWS.match(self.text, self.at):
            self.closed, self.cut = False, True
        if word.casefold() not in _LITERALS:
            self.notes.add("quotes added")
        return _LITERALS.get(word.casefold(), word)
