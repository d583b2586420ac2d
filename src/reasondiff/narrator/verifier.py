"""A second look at a finished video: which clips of its story came out, by the model that narrates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from PIL import Image

from reasondiff.errors import NarrationError, UnsupportedError
from reasondiff.narrative import Narrative
from reasondiff.narrator.asking import schema as json_schema
from reasondiff.narrator.asking.instruction import fill, read_prompt
from reasondiff.narrator.providers.base import Message, Provider
from reasondiff.narrator.reading.loose_json import find_values
from reasondiff.narrator.reading.parse import LIMITS
from reasondiff.narrator.reading.texts import clean, is_ellipsis, is_placeholder, shorten, without_markup

__all__ = ["PASSING", "AsksModel", "ClipVerdict", "Verification", "Verifier", "VisionVerifier", "verifier_of"]

PASSING = 6.0
"""The score, of 10, from which a clip came out."""

MOST_FRAMES = 24
"""Frames that are shown of one video, however long it is."""

_PER_CLIP = 3
_SIDE = 256
_REASON = 300


@dataclass(frozen=True)
class ClipVerdict:
    """How well one clip came out.

    Args:
        clip: which one, 0-based.
        score: 0 (nothing of it is seen) to 10 (all of it).
        reason: in one sentence.
        description: other words for the clip; "" where the words are right.
    """

    clip: int
    score: float
    reason: str = ""
    description: str = ""

    @property
    def passed(self) -> bool:
        return self.score >= PASSING


@dataclass(frozen=True)
class Verification:
    """What is said of every clip of a video, in order."""

    clips: tuple[ClipVerdict, ...]

    @property
    def score(self) -> float:
        """The mean over the clips, 0 to 10."""
        return sum(each.score for each in self.clips) / len(self.clips)

    @property
    def failed(self) -> tuple[ClipVerdict, ...]:
        """The clips that did not come out, the worst first."""
        return tuple(sorted((each for each in self.clips if not each.passed), key=lambda each: each.score))


class Verifier(Protocol):
    """Anything that says which clips of a video came out."""

    @property
    def name(self) -> str:
        """Who looks, as in ``--narrator``."""
        ...

    def verify(self, frames: np.ndarray, narrative: Narrative, prompt: str) -> Verification:
        """Look at a video.

        Args:
            frames: uint8 [frames, height, width, 3].
            narrative: the story that it should tell.
            prompt: the user's text.

        Raises:
            NarrationError: what was said is no verdict.
            ProviderError: nobody could be asked.
        """
        ...


@runtime_checkable
class AsksModel(Protocol):
    """What a narrator may offer: its model can be asked other questions, too."""

    def model_for(self, image: Image.Image, prompt: str) -> Provider:
        """The model.

        Args:
            image: of the story.
            prompt: of the story.

        Raises:
            UnsupportedError: it never learnt to answer anything but a story.
        """
        ...


def verifier_of(narrator: object, image: Image.Image, prompt: str) -> Verifier:
    """A verifier that asks a narrator's model.

    Raises:
        UnsupportedError: it has none that could look at a video.
    """
    if not isinstance(narrator, AsksModel):
        name = getattr(narrator, "name", type(narrator).__name__)
        raise UnsupportedError(
            f"The narrator {name} has no model to look at a video; give --narrator, such as openai:gpt-4o."
        )
    return VisionVerifier(narrator.model_for(image, prompt))


@dataclass(frozen=True)
class VisionVerifier:
    """Shows sampled frames and the clip list to a multi-modal model.

    Args:
        provider: carries messages to the model and back.
        version: of the prompt files.
        reasks: how often an unusable reply is asked for again.
    """

    provider: Provider
    version: str = "v1"
    reasks: int = 1

    @property
    def name(self) -> str:
        return self.provider.name

    def verify(self, frames: np.ndarray, narrative: Narrative, prompt: str) -> Verification:
        """See ``Verifier``."""
        shown = sampled(narrative)
        script = "\n".join(
            f"Clip {number}, frames {clip.start + 1}-{clip.end}: {clip.description}"
            for number, clip in enumerate(narrative.clips, 1)
        )
        ask = fill(
            read_prompt(f"verify.{self.version}.txt"), count=len(shown), num_frames=narrative.num_frames,
            prompt=clean(without_markup(prompt)) or "(none)", clips=without_markup(script),
            style=without_markup(narrative.style) or "nothing in particular",
            shown=", ".join(str(frame + 1) for frame in shown),
        )  # fmt: skip
        images = tuple(_large_enough(Image.fromarray(frames[frame])) for frame in shown)
        text = ""
        for attempt in range(1 + self.reasks):
            reply = self.provider.complete(
                [Message("user", ask, images)], schema=_schema(len(narrative.clips)),
                max_tokens=200 * (1 + len(narrative.clips)), seed=attempt,
            )  # fmt: skip
            text = reply.refusal or reply.text
            verdicts = [] if reply.refusal else _read(reply.text, len(narrative.clips))
            if len(verdicts) == len(narrative.clips):
                return Verification(tuple(verdicts))
        raise NarrationError(f"{self.name} gave no verdict on every clip.", text)


def sampled(narrative: Narrative) -> tuple[int, ...]:
    """Frames of every clip, 0-based and in order: up to three of each, evenly inside it, the fewer the more clips."""
    each = max(1, min(_PER_CLIP, MOST_FRAMES // len(narrative.clips)))
    frames: list[int] = []
    for clip in narrative.clips:
        count = min(each, len(clip))
        frames += [clip.start + (2 * number + 1) * len(clip) // (2 * count) for number in range(count)]
    if len(frames) <= MOST_FRAMES:
        return tuple(frames)
    return tuple(frames[number * len(frames) // MOST_FRAMES] for number in range(MOST_FRAMES))


def _large_enough(image: Image.Image) -> Image.Image:
    """Drawings of a few pixels are shown by whole pixels larger: models read such small pictures badly."""
    factor = _SIDE // max(image.size)
    if factor < 2:
        return image
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def _schema(count: int) -> json_schema.Schema:
    description = {**json_schema.string(LIMITS["description"] // 2), "minLength": 0}
    verdict = json_schema.object(
        {
            "clip": json_schema.integer(1, count),
            "score": json_schema.integer(0, 10),
            "reason": json_schema.string(_REASON),
            "description": description,
        }
    )
    return json_schema.object({"clips": json_schema.array(verdict, count, count)})


def _read(reply: str, count: int) -> list[ClipVerdict]:
    """The verdicts of the reply by clip; only scores within 0..10 and short texts leave here."""
    found: dict[int, ClipVerdict] = {}
    for value in find_values(reply):
        rows = value.value.get("clips") if isinstance(value.value, dict) else value.value
        for place, row in enumerate(_rows(rows), 1):
            number, score = row.get("clip", place), _score(row)
            if type(number) is int and 1 <= number <= count and score is not None:
                found[number - 1] = ClipVerdict(number - 1, score, _reason(row), _description(row))
    return [found[number] for number in sorted(found)]


def _rows(rows: Any) -> Sequence[dict[str, Any]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _reason(row: dict[str, Any]) -> str:
    return shorten(clean(str(row.get("reason", ""))), _REASON)


def _description(row: dict[str, Any]) -> str:
    text = row.get("description")
    told = shorten(clean(without_markup(text)), LIMITS["description"]) if isinstance(text, str) else ""
    return "" if is_ellipsis(told) or is_placeholder(told) else told


def _score(row: dict[str, Any]) -> float | None:
    value = row.get("score")
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= 10 else None
