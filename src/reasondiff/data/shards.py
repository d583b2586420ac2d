"""Tensors by name in safetensors files of some dozen each, which are written whole or not at all.

A shard's name is a digest of what is in it and of what made it. So a shard that is there is done, whoever was killed
when; another setting asks for other names; and the same request always ends in the same files. What other shards of the
same making hold already is copied and not made again; shards that nothing asks for any more are removed at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from reasondiff.data.records import digest
from reasondiff.errors import InputError
from reasondiff.files import atomic_path

__all__ = ["ShardReader", "Shards", "fill_shards"]

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Shards:
    """Where a folder's tensors are.

    Args:
        folder: of the shards.
        shard_of: per tensor, the name of its file.
        made: tensors that were made in this run.
        size: bytes of all shards.
    """

    folder: Path
    shard_of: Mapping[str, str]
    made: int
    size: int


def fill_shards(
    folder: Path,
    keys: Sequence[str],
    made_by: str,
    make: Callable[[Sequence[str]], Iterator[Tensor]],
    *,
    per_shard: int,
    progress: Callable[[int, int], None] | None = None,
) -> Shards:
    """Make every tensor that is missing, and remove what is not asked for.

    Args:
        folder: for these shards alone; it is made.
        keys: names of the tensors, each once.
        made_by: digest of all that decides a tensor beside its name.
        make: makes those that are missing, in the order of ``keys``, each when it is asked for.
        per_shard: tensors in a file.
        progress: called with the number of tensors that are there, and of all.

    Raises:
        InputError: a tensor is not finite.
        OutputError: there is no room; shards that are finished stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {_name(made_by, group): group for group in _grouped(keys, per_shard)}
    there = {path.name for path in folder.glob(f"*{_SUFFIX}")}
    older = _contents(folder, sorted(there - wanted.keys()), made_by)
    shard_of: dict[str, str] = {}
    lacking = {name for name, group in wanted.items() if not (name in there and _holds(folder / name, group, made_by))}
    to_make = [key for name, group in wanted.items() if name in lacking for key in group if key not in older]
    making = make(to_make)
    done = 0
    for name, group in wanted.items():
        if name in lacking:
            tensors: dict[str, Tensor] = {}
            for key in group:
                tensors[key] = _copied(older[key], key) if key in older else _finite(key, next(making))
                if progress is not None:
                    progress(done + len(tensors), len(keys))
            with atomic_path(folder / name) as partial:
                save_file(tensors, partial, {"made_by": made_by})
        shard_of |= dict.fromkeys(group, name)
        done += len(group)
        if progress is not None:
            progress(done, len(keys))
    for name in there - wanted.keys():
        (folder / name).unlink(missing_ok=True)
    return Shards(folder, shard_of, len(to_make), sum((folder / name).stat().st_size for name in wanted))


@dataclass
class ShardReader:
    """Reads tensors one at a time; a file is opened when it is first asked for, in each process anew.

    Args:
        folder: of the shards.
    """

    folder: Path
    _open: dict[str, safe_open] = field(default_factory=dict, repr=False)

    def get(self, shard: str, key: str) -> Tensor:
        """One tensor.

        Raises:
            InputError: the shard is gone or damaged, or the tensor is not finite.
        """
        try:
            if shard not in self._open:
                self._open[shard] = safe_open(self.folder / shard, framework="pt")
            tensor: Tensor = self._open[shard].get_tensor(key)
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"{str(self.folder / shard)!r} is missing or damaged ({error}); run reasondiff data precompute again."
            ) from None
        if not _all_finite(tensor):
            raise InputError(
                f"{str(self.folder / shard)!r} holds numbers that are not finite; remove it, and run reasondiff data "
                "precompute again."
            )
        return tensor

    def index(self) -> dict[str, str]:
        """The shard of every tensor, from all shards' headers.

        Raises:
            InputError: a shard is damaged.
        """
        found: dict[str, str] = {}
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            try:
                with safe_open(path, framework="pt") as file:
                    found |= dict.fromkeys(file.keys(), path.name)
            except (OSError, SafetensorError) as error:
                raise InputError(f"{str(path)!r} is damaged ({error}); run reasondiff data precompute again.") from None
        return found

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "_open": {}}


def _grouped(keys: Sequence[str], per_shard: int) -> Iterable[Sequence[str]]:
    return [keys[start : start + per_shard] for start in range(0, len(keys), per_shard)]


def _name(made_by: str, group: Sequence[str]) -> str:
    return f"{digest(made_by, list(group))}{_SUFFIX}"


def _finite(key: str, tensor: Tensor) -> Tensor:
    if not _all_finite(tensor):
        raise InputError(f"The encoding of {key} is not finite; check the model, or leave that clip out.")
    return tensor.detach().contiguous().cpu()


def _all_finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


def _holds(path: Path, group: Sequence[str], made_by: str) -> bool:
    """Whether a shard is whole; one that a bad disk has cut is made again."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("made_by") == made_by and set(file.keys()) == set(group)
    except (OSError, SafetensorError):
        return False


def _contents(folder: Path, names: Sequence[str], made_by: str) -> dict[str, Path]:
    """Which of the other shards of the same making hold which tensors, those that are not finite left out."""
    found: dict[str, Path] = {}
    for name in names:
        try:
            with safe_open(folder / name, framework="pt") as file:
                if (file.metadata() or {}).get("made_by") == made_by:
                    keys: list[str] = file.keys()
                    found |= {key: folder / name for key in keys if _all_finite(file.get_tensor(key))}
        except (OSError, SafetensorError):
            continue
    return found


def _copied(shard: Path, key: str) -> Tensor:
    with safe_open(shard, framework="pt") as file:
        tensor: Tensor = file.get_tensor(key)
    return tensor.clone()
