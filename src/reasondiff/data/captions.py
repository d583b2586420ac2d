"""What the clips of a set show, in a file that a person may correct.

``captions.jsonl`` of a set holds a line per clip. Each line remembers a digest of its texts as they were made; texts
that no longer fit it were corrected by a person, and are never made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from reasondiff.data.records import digest, read_lines
from reasondiff.errors import InputError
from reasondiff.timeline import Timeline

__all__ = ["READY_MADE", "ClipCaptions", "Per", "TextRun", "caption_frames", "read_captions", "text_runs"]

Per = Literal["latent", "frame", "clip"]
"""What a text describes: the pixel frames of one latent frame, one pixel frame, or the whole clip."""

READY_MADE = "ready-made"
"""Who wrote captions that came with the videos."""

_SAME_ACTION = 0.5
"""Share of common words from which on two neighbouring captions are taken to tell of the same action."""


@dataclass(frozen=True)
class ClipCaptions:
    """The captions of one clip.

    Args:
        clip: id of the ``ClipRecord``.
        origin: name of the video, for a person who looks for a clip.
        per: what each text describes.
        texts: one per latent frame or per frame, in order; of a whole clip, alternatives.
        by: the model that wrote them, or ``READY_MADE``.
        asked: digest of the question; another question is asked anew.
        made: digest of the texts as they were made; "" counts as corrected.
    """

    clip: str
    origin: str
    per: Per
    texts: tuple[str, ...]
    by: str
    asked: str = ""
    made: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", tuple(self.texts))
        if self.per not in get_args(Per):
            raise ValueError(f"per is {self.per!r}, not one of {', '.join(get_args(Per))}")
        if not self.texts or not all(isinstance(text, str) and text.strip() for text in self.texts):
            raise ValueError("every text must say something")

    def stamped(self) -> ClipCaptions:
        """The same, with the digest of its texts."""
        return replace(self, made=digest(self.texts))

    @property
    def corrected(self) -> bool:
        """Whether a person has changed the texts."""
        return self.made != digest(self.texts)

    def per_frame(self, timeline: Timeline, alternative: int = 0) -> tuple[str, ...]:
        """A text for every pixel frame.

        Args:
            timeline: of the clip.
            alternative: which of the texts, where they describe the whole clip.
        """
        if self.per == "frame":
            return self.texts
        if self.per == "clip":
            return (self.texts[alternative],) * timeline.num_frames
        return tuple(self.texts[timeline.latent_of(frame)] for frame in range(timeline.num_frames))

    def check(self, timeline: Timeline) -> None:
        """Raise ``InputError`` unless there are as many texts as the clip needs."""
        wanted = {"frame": timeline.num_frames, "latent": timeline.num_latent_frames}.get(self.per)
        if wanted is not None and len(self.texts) != wanted:
            raise InputError(
                f"The captions of clip {self.clip} of {self.origin!r} are {len(self.texts)} texts, and its "
                f"{timeline.num_frames} frames need {wanted} per {self.per}; correct its line in captions.jsonl."
            )


@dataclass(frozen=True)
class TextRun:
    """Neighbouring frames that one text describes.

    Args:
        start: first frame, 0-based.
        end: the frame after the last.
        text: what they show.
    """

    start: int
    end: int
    text: str


def read_captions(folder: Path) -> dict[str, ClipCaptions]:
    """The captions of a set by clip; {} before any were made.

    Raises:
        InputError: a line is damaged.
    """
    file = folder / "captions.jsonl"
    if not file.is_file():
        return {}
    try:
        rows = read_lines(file, ClipCaptions)
    except InputError as error:
        told = str(error).replace("make the set again", "correct that line, or remove it to have it made again")
        raise InputError(told) from None
    return {row.clip: row for row in rows}


def caption_frames(per: Per, timeline: Timeline) -> list[int]:
    """The pixel frames that are looked at, 0-based: every one, or the middle one of each latent frame."""
    if per == "frame":
        return list(range(timeline.num_frames))
    groups = [timeline.frames_of(latent_frame) for latent_frame in range(timeline.num_latent_frames)]
    return [group[len(group) // 2] for group in groups]


def text_runs(texts: Sequence[str]) -> list[TextRun]:
    """Run-length clips as a narrator tells them: neighbours that tell of the same action share their middle's text.

    A captioner words every frame anew. Texts at inference are constant over an action, so training mixes in this form.

    Args:
        texts: one per pixel frame.
    """
    bounds = [0]
    for frame in range(1, len(texts)):
        if _likeness(texts[bounds[-1]], texts[frame]) < _SAME_ACTION:
            bounds.append(frame)
    ends = [*bounds[1:], len(texts)]
    return [TextRun(start, end, texts[(start + end) // 2]) for start, end in zip(bounds, ends, strict=True)]


def _likeness(one: str, other: str) -> float:
    """The share of words that two texts have in common, 0..1."""
    words, others = _words(one), _words(other)
    return len(words & others) / max(1, len(words | others))


def _words(text: str) -> set[str]:
    return {word.strip(".,;:!?\"'()").lower() for word in text.split()} - {""}
