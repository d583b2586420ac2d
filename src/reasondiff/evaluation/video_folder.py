"""Videos that lie in a folder, ours or not, as systems that are evaluated like any other.

    FOLDER/videos/METHOD/CASE.mp4    a run of ours
    FOLDER/METHOD/CASE.mp4           several methods
    FOLDER/CASE.mp4                  one method, called like the folder

A video is paired with the case whose id is its name, and with no other: one that belongs to no case, or two of one
case, are refused, and a case without a video is a failure that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reasondiff.checkpoints import file_hash
from reasondiff.errors import InputError
from reasondiff.evaluation.outputs import Failure, Output, VideoFile
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.rows import Row, read_rows, write_rows
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.systems import METHODS
from reasondiff.media import read_video, video_info

__all__ = ["VideosInFolder", "find_systems_in", "forget_changed"]

SUFFIXES = {".mp4", ".webm", ".mov", ".mkv", ".avi", ".gif"}


@dataclass(frozen=True)
class VideosInFolder:
    """Whatever made the videos.

    Args:
        name: of the method.
        title: for people.
        videos: by case.
        rows: what the run that made them says of each, by case; from it come the frame that the image was to be at,
            and why a video was not made.
    """

    name: str
    title: str
    videos: Mapping[str, Path] = field(repr=False)
    rows: Mapping[str, Row] = field(default_factory=dict, repr=False)

    def generate(self, cases: Sequence[Case], using: Resources) -> list[Output | Failure]:
        return [self._read(case) for case in cases]

    def _read(self, case: Case) -> Output | Failure:
        """The case's own video; never another one in its place."""
        row = self.rows.get(case.id)
        path = self.videos.get(case.id)
        if path is None:
            return Failure(row.failure if row and row.failure else f"There is no video of case {case.id}.")
        try:
            video, info = read_video(path), video_info(path)
        except InputError as error:
            return Failure(str(error))
        anchor_frame = row.anchor_frame if row else None
        return Output(video.frames, video.fps, anchor_frame, VideoFile(path, info.codec, file_hash(path)))


def find_systems_in(folder: Path, cases: Sequence[Case]) -> list[VideosInFolder]:
    """The methods whose videos lie in a folder, by name; those of a run of ours in their table's order, first.

    Args:
        folder: see above.
        cases: what the videos are paired with.

    Raises:
        InputError: there are no videos, a video belongs to no case, or two belong to one.
    """
    places = _places(folder)
    logs = read_rows(folder / "results.jsonl")
    known = {case.id for case in cases}
    titles = {system.name: system.title for system in METHODS} if logs else {}
    order = {name: number for number, name in enumerate(titles)}
    systems = []
    for name in sorted(places, key=lambda name: (order.get(name, len(order)), name)):
        rows = {case: row for (system, case), row in logs.items() if system == name}
        videos = _paired(places[name], known)
        systems.append(VideosInFolder(name, titles.get(name, name), videos, rows))
    return systems


def forget_changed(log: Path, systems: Sequence[VideosInFolder]) -> None:
    """Take out of a log of results what was measured on a video that has changed since, or come, or gone."""
    rows = read_rows(log)
    if not rows:
        return
    hashes = {}
    for system in systems:
        for case, path in system.videos.items():
            hashes[system.name, case] = file_hash(path)
    names = {system.name for system in systems}
    kept = []
    for key, row in rows.items():
        if row.system not in names or row.video.get("sha256") == hashes.get(key):
            kept.append(row)
    if len(kept) < len(rows):
        write_rows(log, kept)


def _places(folder: Path) -> dict[str, list[Path]]:
    """The video files of every method."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {str(folder)!r}; give one with videos.")
    root = folder / "videos" if (folder / "videos").is_dir() else folder
    alone = _videos_in(root)
    methods = {path.name: _videos_in(path) for path in sorted(root.iterdir()) if path.is_dir()}
    methods = {name: files for name, files in methods.items() if files}
    if alone and methods:
        raise InputError(
            f"{str(root)!r} holds videos ({alone[0].name}) and folders of videos ({next(iter(methods))}); "
            "give each method a folder."
        )
    found = {folder.resolve().name: alone} if alone else methods
    if not found:
        raise InputError(f"There are no videos in {str(folder)!r}; name them METHOD/CASE.mp4.")
    return found


def _videos_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file()]


def _paired(files: Sequence[Path], known: set[str]) -> dict[str, Path]:
    videos: dict[str, Path] = {}
    for path in files:
        if path.stem not in known:
            raise InputError(
                f"{str(path)!r} belongs to no case of the benchmark; name it after one, such as {min(known)!r}."
            )
        if path.stem in videos:
            raise InputError(f"The case {path.stem!r} has two videos, {str(videos[path.stem])!r} and {str(path)!r}.")
        videos[path.stem] = path
    return videos
