"""Results as a file: JSON lines, one per system and case.

    {"suite": "storyworld", "case": "0003", "system": "wan", "seed": 3, "position": 1,
     "strata": {"anchor_phase": "start", "held_out": true},
     "values": {"story_success": 0.0, "anchor_psnr": 31.2}, "missing": {"clip_text": "the prompt is empty"},
     "verdict": "the cat is never seen", "failure": null,
     "image_sha256": "...", "frames_sha256": "...", "version": "0.1.0",
     "video": {"frames": 33, "fps": 5.0, "width": 64, "height": 64, "codec": "h264", "sha256": "...",
               "file": "../wan/0003.mp4"},
     "frames_of": {"dynamic_degree": [0, 1, 2]}}

``position`` counts from 1, as in every file; in code it is ``anchor_frame`` and counts from 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from reasondiff.files import append_lines, atomic_path

__all__ = ["Row", "append_row", "read_rows", "write_rows"]


@dataclass(frozen=True)
class Row:
    """What one system made of one case.

    Args:
        suite: its name.
        case: the case's id.
        system: its name.
        seed: of the video.
        anchor_frame: where the image was to be shown, 0-based; None if the system was told no frame or failed.
        strata: of the case.
        values: by metric.
        missing: why a metric has no value, by metric.
        verdict: the judge's sentence; empty without a judge.
        failure: why there is no video; None if there is one.
        image_sha256: of the given image's pixels.
        frames_sha256: of the video's frames before they were encoded; empty if there is none.
        version: of this program.
        video: its number of ``frames``, ``fps``, ``width`` and ``height``; of one that was read from a file also
            ``codec``, ``sha256`` and ``file``, its place as seen from the folder of the results.
        frames_of: which frames a metric looked at, 0-based, for metrics that choose.
    """

    suite: str
    case: str
    system: str
    seed: int
    anchor_frame: int | None
    strata: Mapping[str, str | bool]
    values: Mapping[str, float]
    missing: Mapping[str, str]
    verdict: str
    failure: str | None
    image_sha256: str
    frames_sha256: str
    version: str
    video: Mapping[str, str | int | float] = field(default_factory=dict)
    frames_of: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def to_json(self) -> str:
        """The row as a line of the file."""
        data = asdict(self)
        frame = data.pop("anchor_frame")
        return json.dumps({**data, "position": None if frame is None else frame + 1}, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> Row:
        """Read a line.

        Raises:
            ValueError, TypeError, KeyError: it is cut off, or no row.
        """
        data = json.loads(line)
        position = data.pop("position")
        return cls(**data, anchor_frame=None if position is None else position - 1)


def append_row(log: Path, row: Row) -> None:
    """Add a row to the file, after ending a line that a kill cut off."""
    append_lines(log, row.to_json() + "\n")


def read_rows(log: Path) -> dict[tuple[str, str], Row]:
    """Rows by system and case; a line that was cut off by a kill is left out, and its case is made again."""
    if not log.exists():
        return {}
    rows = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            row = Row.from_json(line)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        rows[row.system, row.case] = row
    return rows


def write_rows(log: Path, rows: Iterable[Row]) -> None:
    """Put ``rows`` in the place of all that the file has."""
    with atomic_path(log) as partial:
        partial.write_text("".join(row.to_json() + "\n" for row in rows), encoding="utf-8")
