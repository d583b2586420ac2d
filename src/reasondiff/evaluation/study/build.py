"""A study's folder: the plan, and videos of one codec, length, rate and size under names that say nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.evaluation.study.plan import PLAN, Item, StudyPlan, assign
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.video_folder import VideosInFolder
from reasondiff.files import atomic_path
from reasondiff.media import Video, fit_image, read_video, write_video

__all__ = ["QUESTION", "alike", "build_study"]

QUESTION = (
    "The image and the text belong to one story, but not to one moment. Which video tells that story best? "
    "Put the best first and the worst last."
)
"""What raters are asked: one thing, of which people agree more than of many."""

_SIDE = 512
"""Pixels that the longer side has at most."""


def build_study(
    folder: Path,
    cases: Sequence[Case],
    systems: Sequence[VideosInFolder],
    *,
    raters: int = 20,
    questions: int = 10,
    seed: int = 0,
    text: str = QUESTION,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> StudyPlan:
    """Write a study.

    Args:
        folder: a new one.
        cases: of the benchmark.
        systems: whose videos are ranked.
        raters: how many.
        questions: that each is asked, beside one repeated and one attention question.
        seed: of the assignment; links and names are drawn anew each time.
        text: what is asked.
        progress: called with the number of cases that are written, and of all.

    Raises:
        InputError: a method lacks the video of a case; the folder is not new; numbers that make no study.
    """
    if raters < 1:
        raise InputError(f"{raters} raters rank nothing; give 1 or more.")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{str(folder)!r} is not empty, and a study's links are made once; give a new folder.")
    _check_videos(cases, systems)
    methods = tuple(system.name for system in systems)
    tokens = [secrets.token_urlsafe(24) for _ in range(raters)]
    assigned = assign(methods, len(cases), tokens, questions, seed)
    (folder / "media").mkdir(parents=True, exist_ok=True)
    items = []
    for number, case in enumerate(cases, 1):
        items.append(_item(folder / "media", case, systems))
        progress(number, len(cases))
    plan = StudyPlan(text, methods, tuple(items), assigned, seed)
    with atomic_path(folder / "links.txt") as partial:
        partial.write_text("".join(f"/r/{token}\n" for token in tokens), encoding="utf-8")
    plan.save(folder)
    (folder / PLAN).chmod(0o600)
    return plan


def _check_videos(cases: Sequence[Case], systems: Sequence[VideosInFolder]) -> None:
    """A ranking of four cannot be compared with one of five, so every method needs every case."""
    for system in systems:
        missing = [case.id for case in cases if case.id not in system.videos]
        if missing:
            raise InputError(
                f"{system.name!r} has no video of {len(missing)} of {len(cases)} cases, the first {missing[0]!r}; "
                "make them, or leave the method or the cases out."
            )


def _item(media: Path, case: Case, systems: Sequence[VideosInFolder]) -> Item:
    videos = {system.name: read_video(system.videos[case.id]) for system in systems}
    made = alike(videos)
    frames, fps = next(iter(made.values()))
    noise = np.random.default_rng(0).integers(0, 256, size=frames.shape, dtype=np.uint8)
    names = {}
    for method, (frames, fps) in made.items():
        names[method] = _name()
        write_video(media / names[method], frames, fps)
    spoiled = _name()
    write_video(media / spoiled, noise, fps)
    image = f"{secrets.token_hex(12)}.png"
    case.image.save(media / image)
    return Item(case.id, case.prompt, names, spoiled, image)


def _name() -> str:
    return f"{secrets.token_hex(12)}.mp4"


def alike(videos: Mapping[str, Video]) -> dict[str, tuple[np.ndarray, float]]:
    """The videos of a case with one number of frames, rate and size.

    All last as long as the median one. A video of fewer frames shows each for longer, as metrics pair frames: the first
    with the first, the last with the last. Smaller ones are enlarged, others are letterboxed.

    Returns:
        By method, frames, uint8 [frames, height, width, 3], and frames per second.
    """
    count = max(len(video.frames) for video in videos.values())
    seconds = median(len(video.frames) / video.fps for video in videos.values())
    width, height = _size([video.frames.shape for video in videos.values()])
    made = {}
    for method, video in videos.items():
        places = np.round(np.linspace(0, len(video.frames) - 1, count)).astype(int)
        fitted = [np.asarray(fit_image(Image.fromarray(frame), width, height, "letterbox")) for frame in video.frames]
        made[method] = (np.stack([fitted[place] for place in places]), count / seconds)
    return made


def _size(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """Width and height of the largest video, its longer side at most ``_SIDE``, both even."""
    _, height, width, _ = max(shapes, key=lambda shape: shape[1] * shape[2])
    scale = min(1.0, _SIDE / max(height, width))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
