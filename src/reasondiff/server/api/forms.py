"""A request's fields, from a form or from JSON, read strictly and with limits."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from reasondiff.jobs.options import Option
from reasondiff.web.refusal import Refusal

__all__ = ["Fields", "read_fields"]

MAX_FIELDS = 64
MAX_TEXT = 64 * 2**20
"""Bytes of a field that is no file: images come so, too, and the whole body has no more."""


@dataclass(frozen=True)
class Fields:
    """The fields of a request.

    Args:
        values: a form's are texts, JSON's any JSON.
        files: their bytes; names and types that a client gives them are not read.
        is_form: whether numbers come as texts.
    """

    values: Mapping[str, Any]
    files: Mapping[str, bytes]
    is_form: bool

    def check(self, known: set[str], files: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        """Raise ``Refusal`` for a field that is not known, or a file where none is read."""
        for name in self.values:
            if name not in known:
                raise refusal(name, f"There is no field {name!r}; see docs/server.md.", "unknown_parameter")
        for name in self.files:
            if name not in files:
                raise refusal(name, f"There is no file {name!r}; see docs/server.md.", "unknown_parameter")

    def text(self, name: str, longest: int = 4000) -> str | None:
        """A text; None where there is none."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise refusal(name, f"{name!r} is no text; give one.")
        if len(value) > longest:
            raise refusal(name, f"{name!r} has {len(value):,} characters; shorten it to {longest:,}.")
        return value

    def number(self, name: str, kind: type[int] | type[float]) -> Any:
        """A number; None where there is none."""
        return self._number(name, self.values.get(name), kind)

    def option(self, option: Option, name: str | None = None) -> Any:
        """The value of an option of a video, as JSON; None where it is not given."""
        name = name or option.name
        value = self.values.get(name)
        if value is None:
            return None
        if option.kind in (int, float):
            value = option.read(self._number(name, value, option.kind))
        if option.kind is bool and self.is_form:
            if value not in ("true", "false"):
                raise refusal(name, f"{value!r} is no {name}; give true or false.")
            value = value == "true"
        return value

    def json(self, name: str) -> Any:
        """An object or a list; in a form a JSON text. None where there is none."""
        value = self.values.get(name)
        return parse_json(value, name) if isinstance(value, str) else value

    def hash(self) -> str:
        """Of all that was asked, to tell whether a repeated request is the same."""
        files = {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}
        whole = json.dumps([self.values, files], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(whole.encode()).hexdigest()

    def _number(self, name: str, value: Any, kind: type) -> Any:
        if value is None:
            return None
        try:
            if isinstance(value, str) and len(value) <= 40:
                value = kind(value)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError
            return value
        except (TypeError, ValueError):
            asked = "a whole number" if kind is int else "a number"
            raise refusal(name, f"{str(value)[:40]!r} is no {name}; give {asked}.") from None


def refusal(param: str, message: str, code: str = "invalid_value") -> Refusal:
    """A field cannot be used."""
    return Refusal(400, message, code=code, param=param)


async def read_fields(request: Request) -> Fields:
    """The fields of a request; its body was counted while it came in.

    Raises:
        Refusal: it is neither a form nor a JSON object.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        data = parse_json(await request.body(), None)
        if not isinstance(data, dict):
            raise Refusal(400, "The body is no JSON object; give one.", code="invalid_json")
        return Fields(data, {}, is_form=False)
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise Refusal(400, "The body is neither multipart/form-data nor application/json; send one of these.")
    return await _read_form(request)


async def _read_form(request: Request) -> Fields:
    values: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    try:
        async with request.form(max_files=4, max_fields=MAX_FIELDS, max_part_size=MAX_TEXT) as form:
            for name, value in form.multi_items():
                place, key = _place(values, name)
                if name in files or key in place:
                    raise refusal(name, f"The field {name!r} is there twice; give it once.")
                if isinstance(value, UploadFile):
                    files[name] = await value.read()
                elif "\0" in value:
                    raise refusal(name[:80].replace("\0", ""), "A field holds a null character; leave it out.")
                else:
                    place[key] = value
    except MultiPartException as error:
        raise Refusal(400, f"The form cannot be read ({error.message.rstrip('.')}); send it again.") from None
    return Fields(values, files, is_form=True)


def _place(values: dict[str, Any], name: str) -> tuple[dict[str, Any], str]:
    """Where a field goes: clients write objects as ``object[key]``."""
    if (parts := re.fullmatch(r"(\w+)\[(\w+)\]", name)) is None:
        return values, name
    inner = values.setdefault(parts[1], {})
    if not isinstance(inner, dict):
        raise refusal(parts[1], f"The field {parts[1]!r} is there twice; give it once.")
    return inner, parts[2]


def parse_json(text: str | bytes, name: str | None) -> Any:
    """JSON as the standard has it, that every database can keep: no NaN, no key twice, whole characters, no NUL.

    Raises:
        Refusal: it is something else.
    """
    what = "The body" if name is None else f"{name!r}"
    try:
        found = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once)
        written = json.dumps(found, ensure_ascii=False)
        written.encode()
    except UnicodeError:
        raise Refusal(400, f"{what} is not UTF-8 text; send it again.", code="invalid_json", param=name) from None
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refusal(400, f"{what} is no JSON ({reason[:100]}); check it.", code="invalid_json", param=name) from None
    if re.search(r"(?<!\\)(\\\\)*\\u0000", written):
        raise Refusal(400, f"{what} holds a null character; leave it out.", code="invalid_value", param=name)
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found
