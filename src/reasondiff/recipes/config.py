"""Frozen dataclasses as JSON and back: what ``--dry-run`` prints, ``--config`` reads and ``--set`` changes."""

from __future__ import annotations

import json
import math
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from reasondiff.errors import InputError

__all__ = ["changed", "flat", "from_json", "to_json", "updated"]

Config = TypeVar("Config")

_SCALARS: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "a text"),
}
"""Per type, which JSON values it is read from, and how to ask for one."""


def to_json(value: Any) -> Any:
    """A dataclass as an object, a tuple as an array; everything else as it is."""
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[Config], data: object, name: str = "") -> Config:
    """A dataclass from what ``to_json`` made of it; what is left out has its default.

    Args:
        kind: the dataclass.
        data: a JSON value.
        name: where the value stands, for messages.

    Raises:
        InputError: names the value that is unknown, missing, or of another type.
    """
    if not isinstance(data, dict):
        raise InputError(f"{name or 'The configuration'} cannot be {_shown(data)}; give an object.")
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, object] = {}
    for key, value in data.items():
        if key not in known:
            raise unknown(_below(name, key), [_below(name, each) for each in known])
        values[key] = _read(hints[key], value, _below(name, key))
    for key, field in known.items():
        if key not in values and _is_required(field):
            raise InputError(f"{_below(name, key)} is missing; give it.")
    return kind(**values)


def _is_required(field: Field[object]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def changed(config: Config, name: str, text: str) -> Config:
    """``config`` with another value under a dotted name, such as ``optimization.lr`` or ``phases.0.batch``.

    Args:
        config: a dataclass.
        name: of the value.
        text: the value as JSON; what is no JSON is a text.

    Raises:
        InputError: there is no such name, or the value is of another type.
    """
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    data = to_json(config)
    place: Any = data
    *path, last = name.split(".")
    for key in path:
        place = place.get(key) if isinstance(place, dict) else _item(place, key)
    if isinstance(place, list) and _item(place, last) is not None:
        place[int(last)] = value
    elif isinstance(place, dict) and last in place:
        place[last] = value
    else:
        raise unknown(name, [known for known, _ in flat(data, objects=True)])
    return from_json(type(config), data)


def default_at(config: Any, name: str) -> Any:
    """The default of the value under a dotted name, as JSON has it; None where it has none that is a number or text."""
    *path, last = name.split(".")
    for key in path:
        config = getattr(config, key, None)
    known = {field.name: field.default for field in fields(config)} if is_dataclass(config) else {}
    default = known.get(last)
    return default if isinstance(default, bool | int | float | str) else None


def updated(config: Config, data: Any) -> Config:
    """``config`` with other values, as far as ``data`` has any: objects are merged, arrays and the rest replaced.

    Raises:
        InputError: ``data`` has an unknown name, or a value of another type.
    """
    return from_json(type(config), _merged(to_json(config), data))


def _merged(old: object, new: object) -> object:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    both = dict(old)
    for key, value in new.items():
        both[key] = _merged(old.get(key), value)
    return both


def flat(data: object, name: str = "", *, objects: bool = False) -> Iterator[tuple[str, object]]:
    """Every value of a JSON configuration under its dotted name; with ``objects`` also objects and arrays."""
    if not isinstance(data, dict | list):
        yield name, data
        return
    if objects and name:
        yield name, data
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield from flat(value, _below(name, str(key)), objects=objects)


def unknown(name: str, known: list[str]) -> InputError:
    """The sentence for a name that is not there; it lists those that are near."""
    ending = name.rsplit(".", 1)[-1]
    near = [each for each in known if each.rsplit(".", 1)[-1] == ending]
    near += [each for each in get_close_matches(name, known, n=3) if each not in near]
    near += [each for each in get_close_matches(ending, known, n=3) if each not in near]
    wanted = f"did you mean {' or '.join(near)}?" if near else "--dry-run prints all of them."
    return InputError(f"There is no {name!r} in this recipe; {wanted}")


def _read(hint: Any, data: Any, name: str) -> Any:
    """``data`` as a value of the type ``hint``."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        options = get_args(hint)
        if data is None and type(None) in options:
            return None
        (hint,) = (option for option in options if option is not type(None))
        return _read(hint, data, name)
    if origin is Literal:
        if data not in get_args(hint):
            raise InputError(f"{name} cannot be {_shown(data)}; give one of {', '.join(get_args(hint))}.")
        return data
    if origin is tuple:
        return _read_tuple(get_args(hint), data, name)
    if is_dataclass(hint):
        return from_json(cast(type[Any], hint), data, name)
    accepted, wanted = _SCALARS[hint]
    number_is_bool = isinstance(data, bool) and hint is not bool
    if not isinstance(data, accepted) or number_is_bool:
        raise InputError(f"{name} cannot be {_shown(data)}; give {wanted}.")
    if isinstance(data, float) and not math.isfinite(data):
        raise InputError(f"{name} cannot be {_shown(data)}; give a finite number.")
    value: Any = data
    return float(value) if hint is float else value


def _read_tuple(kinds: tuple[object, ...], data: object, name: str) -> tuple[object, ...]:
    endless = len(kinds) == 2 and kinds[1] is Ellipsis
    if not isinstance(data, list | tuple) or not (endless or len(data) == len(kinds)):
        wanted = "a list" if endless else f"a list of {len(kinds)}"
        raise InputError(f"{name} cannot be {_shown(data)}; give {wanted}.")
    each = kinds[:1] * len(data) if endless else kinds
    return tuple(_read(kind, item, _below(name, str(i))) for i, (kind, item) in enumerate(zip(each, data, strict=True)))


def _item(items: object, key: str) -> object:
    """The item of a list under a number in text; None if there is none."""
    if not isinstance(items, list) or not key.isdecimal() or int(key) >= len(items):
        return None
    return items[int(key)]


def _below(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _shown(data: object) -> str:
    text = json.dumps(data, default=str)
    return text if len(text) <= 60 else f"{text[:60]} …"
