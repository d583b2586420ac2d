"""Several processes share the cases of one evaluation; put together, the folder is the one that a single process makes.

    FOLDER/shares/2-of-4.jsonl    rows of the second of four processes, until they are put together

A case belongs to a process by its number, so whoever starts the processes, ``torchrun`` or a cluster's queue, they need
not talk to each other: what they share is the folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reasondiff.errors import InputError
from reasondiff.evaluation.rows import Row, read_rows, write_rows
from reasondiff.evaluation.suites.base import Case

__all__ = ["Share", "gather", "known_rows", "share_logs"]

RESULTS = "results.jsonl"
SHARES = "shares"


@dataclass(frozen=True)
class Share:
    """One process's part of the cases.

    Args:
        number: of the process, from 1.
        of: processes.

    Raises:
        InputError: there is no such process.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise InputError(
                f"There is no share {self.number}/{self.of}; give one of 1/{self.of} to {self.of}/{self.of}."
            )

    @classmethod
    def parse(cls, text: str) -> Share:
        """Read ``K/N``.

        Raises:
            InputError: it is something else.
        """
        found = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text)
        if found is None:
            raise InputError(f"The share {text!r} is not understood; write 2/4 for the second of four.")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of_environment(cls) -> Share:
        """As ``torchrun`` and ``accelerate launch`` tell their processes; all of it where nobody did."""
        return cls(int(os.environ.get("RANK", 0)) + 1, int(os.environ.get("WORLD_SIZE", 1)))

    @property
    def is_all(self) -> bool:
        return self.of == 1

    def part(self, cases: Sequence[Case]) -> list[Case]:
        """Every ``of``-th case; a case stays with its process when more of them are asked for."""
        return list(cases[self.number - 1 :: self.of])

    def log(self, folder: Path) -> Path:
        """Where this process writes its rows; nobody else writes there."""
        return folder / RESULTS if self.is_all else folder / SHARES / f"{self.number}-of-{self.of}.jsonl"


def known_rows(folder: Path) -> dict[tuple[str, str], Row]:
    """All rows of a folder by system and case, those of shares that are not yet put together included."""
    rows = read_rows(folder / RESULTS)
    for log in share_logs(folder):
        rows |= read_rows(log)
    return rows


def gather(folder: Path, systems: Iterable[str], cases: Sequence[Case]) -> Mapping[tuple[str, str], Row]:
    """Put the shares' rows into the folder's results, system by system in the order of the cases, as one process does.

    Call it when no share is being made.

    Args:
        folder: of the evaluation.
        systems: by name, in their order.
        cases: in their order.

    Returns:
        All rows, by system and case.
    """
    if not (logs := share_logs(folder)):
        return read_rows(folder / RESULTS)
    known = known_rows(folder)
    rows = read_rows(folder / RESULTS)
    for key in ((system, case.id) for system in systems for case in cases):
        if key in known:
            rows[key] = known.pop(key)
    rows |= {key: row for key, row in known.items() if key not in rows}
    write_rows(folder / RESULTS, rows.values())
    for log in logs:
        log.unlink()
    (folder / SHARES).rmdir()
    return rows


def share_logs(folder: Path) -> list[Path]:
    """The rows of shares that are not yet put together."""
    return sorted((folder / SHARES).glob("*-of-*.jsonl"))
