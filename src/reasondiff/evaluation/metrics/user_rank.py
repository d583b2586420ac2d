"""Where people ranked a video among those of other systems for the same case: the paper's user rank."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.base import Need, NoValueError, Sample

__all__ = ["UserRank", "read_ranks"]

Ranks = Mapping[tuple[str, str], Sequence[int]]
"""By system and case, one rank per rater, 1 for the best."""


@dataclass(frozen=True)
class UserRank:
    """The mean rank that raters gave a video, 1 for the best.

    Args:
        ranks: of everybody.
    """

    ranks: Ranks = field(repr=False)
    name: str = "user_rank"
    title: str = "user rank"
    unit: str = "of the videos shown"
    higher_is_better: bool = False
    needs: tuple[Need, ...] = ()
    of_a_failure: float | None = None

    def measure(self, sample: Sample) -> float:
        given = self.ranks.get((sample.system, sample.case.id), ())
        if not given:
            raise NoValueError("nobody ranked it")
        return sum(given) / len(given)


def read_ranks(path: Path) -> Ranks:
    """Read answers, a JSON line each: ``{"rater": "r1", "case": "0003", "ranks": {"reasondiff": 1, "wan": 2}}``.

    Raises:
        InputError: there is no such file, or a line is no strict ranking from 1 on.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}); write one answer per line.") from None
    ranks: dict[tuple[str, str], list[int]] = {}
    for number, line in enumerate(lines, 1):
        try:
            answer = json.loads(line)
            case, given = str(answer["case"]), {str(name): int(rank) for name, rank in answer["ranks"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"Line {number} of {str(path)!r} is no answer; give rater, case and ranks.") from None
        if sorted(given.values()) != list(range(1, len(given) + 1)):
            raise InputError(f"Line {number} of {str(path)!r} is no strict ranking; give every video one of 1, 2, ...")
        for system, rank in given.items():
            ranks.setdefault((system, case), []).append(rank)
    return ranks
