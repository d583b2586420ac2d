"""What one option of a request is: its name, type, default, range and help, said once and read by every face."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from reasondiff.errors import InputError

__all__ = ["About", "Group", "Option", "Request", "option", "options_of"]

Group = Literal["story", "model", "video", "playback"]
"""What an option decides: what is told, who computes it, the frames, or how they are kept and played."""

_JSON_TYPES: Mapping[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean", Path: "string"}


@dataclass(frozen=True, kw_only=True)
class About:
    """What is known of an option beside its name, type and default.

    Args:
        help: one sentence for people, that begins where the option's name ends.
        group: see ``Group``.
        metavar: what stands for the value in a usage line, such as ``N``.
        unit: of a number.
        minimum: the smallest value, and the largest with ``maximum``.
        maximum: see ``minimum``.
        max_length: characters of a text.
        pattern: a regular expression that the whole text fits.
        flag: on the command line, where it is not the name.
        refusal: the sentence about a value that cannot be used; ``{value}`` and ``{length}`` stand for it.
        replayed: a record in a video holds the value, and a replay takes it from there.
        resolved: left to the model, the story or the image unless given; a record always holds what it became.
        local: names a file, a place or an address of this machine, which a server does not let its clients choose.
    """

    help: str
    group: Group
    metavar: str | None = None
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    pattern: str | None = None
    flag: str | None = None
    refusal: str | None = None
    replayed: bool = False
    resolved: bool = False
    local: bool = False


def option(default: Any = dataclasses.MISSING, /, *, help: str, group: Group, **about: Any) -> Any:
    """A dataclass field that is an option; without a default it must be given.

    Args:
        default: the value unless another is given.
        help: see ``About``.
        group: see ``About``.
        about: the other fields of ``About``.
    """
    metadata = {"about": About(help=help, group=group, **about)}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Option:
    """An option of a request class.

    Args:
        name: the field's.
        kind: str, int, float, bool or Path; of each, where there may be many.
        choices: the texts it can be; empty where any will do.
        optional: it can be None, for "not given".
        default: ``dataclasses.MISSING`` where it must be given.
        about: the rest.
        many: it is a tuple of any number of these.
    """

    name: str
    kind: type
    choices: tuple[str, ...]
    optional: bool
    default: object
    about: About
    many: bool = False

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is dataclasses.MISSING

    @property
    def help(self) -> str:
        """One sentence, with the texts to choose from."""
        if not self.choices:
            return self.about.help
        *first, last = self.choices
        return f"{self.about.help.rstrip('.')}: {', '.join(first)} or {last}."

    def check(self, value: Any) -> None:
        """Raise ``InputError`` unless ``value`` is of the option's type and within its range."""
        if value is None and self.optional:
            return
        if self.many and isinstance(value, tuple):
            for each in value:
                replace(self, many=False).check(each)
            return
        if not self.many and self._fits(value):
            return
        if self.about.refusal is not None and type(self.read(value)) is self.kind:
            length = len(value) if isinstance(value, str) else 0
            raise InputError(self.about.refusal.format(value=value, length=length))
        raise InputError(f"{value!r} is no {self.name.replace('_', ' ')}; give {self.range}.")

    def read(self, value: Any) -> Any:
        """A JSON scalar as the option's value; whole numbers are numbers, texts are paths."""
        if self.many and isinstance(value, list | tuple):
            return tuple(replace(self, many=False).read(each) for each in value)
        if self.kind is float and type(value) is int and abs(value) < 2**53:
            return float(value)
        return Path(value) if self.kind is Path and isinstance(value, str) else value

    def write(self, value: Any) -> Any:
        """The option's value as a JSON scalar, or as a list of them."""
        if self.many:
            return [replace(self, many=False).write(each) for each in value]
        return str(value) if isinstance(value, Path) else value

    @property
    def range(self) -> str:
        """The values that can be given, in words."""
        about = self.about
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if about.minimum is not None and about.maximum is not None:
            return f"{about.minimum:,} to {about.maximum:,}"
        if self.many:
            return f"a list, each {replace(self, many=False).range}"
        kinds = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
        return kinds[self.kind]

    def schema(self) -> dict[str, Any]:
        """The option as a property of a JSON schema."""
        if self.many:
            item = replace(self, many=False, default=dataclasses.MISSING).schema()
            listed = {"type": "array", "items": {"type": item["type"]}, "description": self.help}
            return listed | {"default": self.write(self.default)} | {k: v for k, v in item.items() if k[:2] == "x-"}
        about, kind = self.about, _JSON_TYPES[self.kind]
        drawn: dict[str, Any] = {"type": [kind, "null"] if self.optional else kind, "description": self.help}
        if not self.required:
            drawn["default"] = self.write(self.default)
        if self.choices:
            drawn["enum"] = [*self.choices, None] if self.optional else list(self.choices)
        keywords = {
            "minimum": about.minimum,
            "maximum": about.maximum,
            "maxLength": about.max_length,
            "pattern": None if about.pattern is None else f"^(?:{about.pattern})$",
            "x-group": about.group,
            "x-unit": about.unit,
            "x-local": about.local or None,
        }
        return drawn | {key: value for key, value in keywords.items() if value is not None}

    def _fits(self, value: object) -> bool:
        about = self.about
        if self.kind is Path:
            return isinstance(value, Path)
        value = self.read(value)
        if type(value) is not self.kind:
            return False
        if isinstance(value, str):
            if self.choices and value not in self.choices:
                return False
            if about.max_length is not None and len(value) > about.max_length:
                return False
            return about.pattern is None or re.fullmatch(about.pattern, value) is not None
        if not isinstance(value, int | float):
            return True
        low = -math.inf if about.minimum is None else about.minimum
        high = math.inf if about.maximum is None else about.maximum
        return math.isfinite(value) and low <= value <= high


class Request:
    """What the classes of requests share: frozen dataclasses whose every field is an ``option``."""

    def __post_init__(self) -> None:
        for name, each in options_of(type(self)).items():
            each.check(getattr(self, name))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From a JSON object that fits ``json_schema``.

        Raises:
            InputError: it does not; names the key or the value.
        """
        known = options_of(cls)
        if unknown := sorted(set(data) - set(known)):
            raise InputError(f"There is no option {unknown[0]!r}; the options are {', '.join(known)}.")
        if missing := [name for name, each in known.items() if each.required and name not in data]:
            raise InputError(f"The request has no {missing[0]!r}; give one.")
        return cls(**{name: known[name].read(value) for name, value in data.items()})

    @classmethod
    def json_schema(cls, *, local: bool = True) -> dict[str, Any]:
        """The request as a JSON schema (2020-12).

        Args:
            local: with the options that name files, places and addresses of this machine; a server leaves them out.
        """
        shown = {name: each for name, each in options_of(cls).items() if local or not each.about.local}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": cls.__name__,
            "type": "object",
            "additionalProperties": False,
            "required": [name for name, each in shown.items() if each.required],
            "properties": {name: each.schema() for name, each in shown.items()},
        }


_KNOWN: dict[type, Mapping[str, Option]] = {}
"""By request class, which never changes: every request is checked by them."""


def options_of(request: type) -> Mapping[str, Option]:
    """The options of a request class, by name, in the order of its fields."""
    if request not in _KNOWN:
        hints, found = get_type_hints(request), {}
        for field in dataclasses.fields(request):
            hint, many = hints[field.name], get_origin(hints[field.name]) is tuple
            kind, choices, optional = _kind(get_args(hint)[0] if many else hint)
            about = field.metadata["about"]
            found[field.name] = Option(field.name, kind, choices, optional, field.default, about, many)
        _KNOWN[request] = found
    return _KNOWN[request]


def _kind(hint: Any) -> tuple[type, tuple[str, ...], bool]:
    """A type hint as the kind of scalar, the texts to choose from, and whether it may be None."""
    optional = False
    if get_origin(hint) in (Union, UnionType):
        (hint,) = [each for each in get_args(hint) if each is not NoneType]
        optional = True
    if get_origin(hint) is Literal:
        return str, get_args(hint), optional
    return hint, (), optional
