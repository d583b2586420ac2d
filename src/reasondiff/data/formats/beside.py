"""Videos in a folder, each with a text file of the same name beside it."""

from __future__ import annotations

from pathlib import Path

from reasondiff.data.formats.base import CAPTION_SUFFIX, Reading, Row, is_media, split_alternatives
from reasondiff.data.formats.text import read_json, read_text
from reasondiff.errors import InputError

__all__ = ["read_folder"]

_CAPTIONS = "captions.json"
"""Where diffusion-pipe looks for the captions of a whole folder: {"a.mp4": ["one", "another"]}."""


def read_folder(folder: Path, *, suffix: str = CAPTION_SUFFIX, deep: bool = True, fps: float | None = None) -> Reading:
    """Read a folder of videos.

    Args:
        folder: to be read.
        suffix: of the caption files.
        deep: with the folders in it; hidden ones are left out.
        fps: the rate of all of its videos, whatever their files say.
    """
    found = folder.rglob("*") if deep else folder.iterdir()
    files = sorted(path for path in found if _shown(path, folder))
    media = [path for path in files if is_media(path)]
    captions = [path for path in files if path.suffix.lower() == suffix]
    shared, notes = _shared_captions(folder)
    rows = [_row(path, folder, suffix, shared, fps) for path in media]
    several = sum(len(row.captions) > 1 for row in rows)
    if several:
        notes += (f"{several} videos have several caption lines; each line is taken as an alternative.",)
    stems = {path.with_suffix("") for path in media}
    for path in captions:
        if path.with_suffix("") not in stems:
            rows.append(_without_video(path.relative_to(folder).as_posix(), folder))
    used = [*media, *captions]
    if shared:
        used.append(folder / _CAPTIONS)
    return Reading(f"videos with {suffix} captions beside them", tuple(rows), notes, files=tuple(used))


def _shown(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.is_file()


def _row(path: Path, folder: Path, suffix: str, shared: dict[str, tuple[str, ...]], fps: float | None) -> Row:
    name = path.relative_to(folder).as_posix()
    captions, problem = shared.get(name, ()), None
    beside = path.with_suffix(suffix)
    if beside.is_file():
        try:
            captions = split_alternatives(read_text(beside))
        except InputError as error:
            problem = f"its caption cannot be read: {error}"
    return Row(name, (name,), folder, captions, fps=fps, problem=problem)


def _without_video(name: str, folder: Path) -> Row:
    return Row(name, (), folder, problem="it is a caption without a video of the same name")


def _shared_captions(folder: Path) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Captions of a whole folder by file name; none where there is no such file."""
    path = folder / _CAPTIONS
    if not path.is_file():
        return {}, ()
    told = read_json(path)
    if not isinstance(told, dict):
        return {}, (f"'{_CAPTIONS}' is no object of captions by file name and was not used.",)
    captions: dict[str, tuple[str, ...]] = {}
    for name, value in told.items():
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            captions[name] = split_alternatives("\n".join(texts))
    return captions, ()
