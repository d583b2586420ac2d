"""The story of a clip: where the image belongs and what happens in every frame.

Section 3.2 and Figures 3 and 6 of the paper. The narrator returns a ``Narrative``; AlignFormer, the frame-wise prompts,
the editor and the evaluation read one. It is also a JSON file that a person can edit and feed back:

    {"position": 81, "descriptions": ["An intact vase ...", ..., "Vase broken, cat flees"]}
    {"position": 81, "num_frames": 81, "clips": [{"start": 1, "end": 20, "description": "An intact vase ..."}, ...]}

In files positions are 1-based and ``end`` is included, as in the paper; in code frames are 0-based and ``end`` is not.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from reasondiff.errors import InputError, NarrativeError
from reasondiff.files import atomic_path

__all__ = ["Anchor", "AnchorPlace", "Clip", "Narrative"]

AnchorPlace = Literal["narrative", "first", "last"]
"""Where the image goes when no position is given."""

VERSION = 1
"""Of the file format; a file without one is taken as this."""

_KEYS = {
    "version", "position", "anchors", "num_frames", "interval", "style", "descriptions", "clips", "reasoning",
    "provenance",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clip:
    """A run of frames that share one description.

    Args:
        start: first frame, 0-based.
        end: one past the last frame.
        description: what these frames show.
    """

    start: int
    end: int
    description: str

    def __len__(self) -> int:
        return self.end - self.start

    def __contains__(self, frame: int) -> bool:
        return self.start <= frame < self.end


@dataclass(frozen=True, slots=True)
class Anchor:
    """A condition image placed in time.

    Args:
        frame: where it belongs, 0-based.
        image: which of the given images it is.
    """

    frame: int
    image: int = 0


@dataclass(frozen=True)
class Narrative:
    """A clip's story: the anchors' places and run-length descriptions that cover every frame exactly once.

    Args:
        clips: in order, the first starting at frame 0, each starting where the one before ends.
        anchors: where the condition images belong, in order of time.
        num_frames: frames of the video.
        interval: seconds between frames.
        style: story-wide text (subjects, look, camera), prefixed to every description when encoded, because
            descriptions encoded alone drift in identity.
        reasoning: why the narrator chose this story.
        provenance: who wrote it and what was repaired; JSON values only.

    Raises:
        NarrativeError: gaps, overlaps, empty descriptions, an anchor outside the clip, or what no JSON file can hold.
    """

    clips: tuple[Clip, ...]
    anchors: tuple[Anchor, ...]
    num_frames: int
    interval: float = 0.2
    style: str = ""
    reasoning: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict, hash=False)
    version: int = VERSION

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise NarrativeError(f"Narrative version {self.version} is unknown here; this release reads {VERSION}.")
        if not self.clips:
            raise NarrativeError("The narrative has no clips; give one or more.")
        for clip in self.clips:
            span = f"Clip {clip.start + 1}..{clip.end}"
            if clip.end <= clip.start:
                raise NarrativeError(f"{span} ends before it starts; give start <= end.")
            if not clip.description.strip():
                raise NarrativeError(f"{span} has no description; say what these frames show.")
        if self.clips[0].start != 0:
            raise NarrativeError(f"The first clip starts at frame {self.clips[0].start + 1}; start at frame 1.")
        for before, after in pairwise(self.clips):
            if before.end != after.start:
                fault = "are described by nobody" if after.start > before.end else "are described twice"
                low, high = sorted((before.end, after.start))
                raise NarrativeError(f"Frames {low + 1}..{high} {fault}; start each clip right after the one before.")
        if self.clips[-1].end != self.num_frames:
            raise NarrativeError(
                f"The clips end at frame {self.clips[-1].end} of {self.num_frames}; let the last clip end there."
            )
        if not self.anchors:
            raise NarrativeError(f"The narrative places no image; give a position in 1..{self.num_frames}.")
        for anchor in self.anchors:
            if not 0 <= anchor.frame < self.num_frames:
                raise NarrativeError(
                    f"Position {anchor.frame + 1} is outside 1..{self.num_frames}; give a position in that range."
                )
        if not 0 < self.interval < math.inf:
            raise NarrativeError(f"The frame interval is {self.interval} s; give a positive number of seconds.")
        self._check_json()

    def _check_json(self) -> None:
        """Refuse what neither a file nor a recipe could hold."""
        for key, value in self.provenance.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                raise NarrativeError(f"{key!r} in the provenance is not JSON ({error}); remove it.") from None
        told = json.dumps(self.to_dict(), ensure_ascii=False)
        if half := re.search('[^"\ud800-\udfff]{0,20}[\ud800-\udfff]', told):
            raise NarrativeError(f"The text {half[0]!r} ends in half a character; write it again.")

    # -- making one -------------------------------------------------------------------------------------------------

    @classmethod
    def from_descriptions(cls, descriptions: Sequence[str], anchor_frame: int, **fields: Any) -> Narrative:
        """From the paper's literal form, one description per frame; equal neighbours become one clip."""
        clips, start = [], 0
        for text, run in groupby(descriptions):
            end = start + len(list(run))
            clips.append(Clip(start, end, text))
            start = end
        return cls(tuple(clips), (Anchor(anchor_frame),), num_frames=len(descriptions), **fields)

    @classmethod
    def from_ends(cls, ends: Iterable[tuple[int, str]], anchor_frame: int, num_frames: int, **fields: Any) -> Narrative:
        """From (one past the last frame, description) pairs: gaps and overlaps cannot be written in this form."""
        clips, start = [], 0
        for end, text in ends:
            clips.append(Clip(start, end, text))
            start = end
        return cls(tuple(clips), (Anchor(anchor_frame),), num_frames=num_frames, **fields)

    # -- reading it -------------------------------------------------------------------------------------------------

    @property
    def anchor_frame(self) -> int:
        """The first anchor's frame, 0-based."""
        return self.anchors[0].frame

    def clip_index(self, frame: int) -> int:
        """Which clip holds a frame of the story, 0-based both."""
        return bisect_right(self.clips, frame, key=attrgetter("start")) - 1

    def clip_at(self, frame: int) -> Clip:
        return self.clips[self.clip_index(frame)]

    def per_frame(self) -> tuple[str, ...]:
        """One description per frame, without the style."""
        return tuple(clip.description for clip in self.clips for _ in range(len(clip)))

    def prompt_of(self, clip: Clip) -> str:
        """The text that is encoded for ``clip``: the style, then its description."""
        return f"{self.style.strip()} {clip.description.strip()}".strip()

    def as_one_prompt(self) -> str:
        """The whole story as one text: the style, then every description in order.

        Neighbours that say the same are said once; what comes again later is said again.
        """
        descriptions = [clip.description.strip() for clip in self.clips]
        merged = [text for text, _ in groupby(descriptions)]
        return " ".join([self.style.strip(), *merged]).strip()

    # -- changing it ------------------------------------------------------------------------------------------------

    def with_anchor(self, frame: int) -> Narrative:
        """The same story with the (first) image at ``frame``."""
        return replace(self, anchors=(replace(self.anchors[0], frame=frame), *self.anchors[1:]))

    def with_images(self, places: Mapping[int, int]) -> Narrative:
        """The same story with these images, by number, at these frames, both 0-based, in order of time."""
        anchors = sorted((Anchor(frame, image) for image, frame in places.items()), key=lambda anchor: anchor.frame)
        return replace(self, anchors=tuple(anchors))

    def retime(self, num_frames: int) -> Narrative:
        """The same story told in another number of frames of the same interval; no clip is lost.

        Boundaries and anchors keep their share of the clip, and an anchor stays in its own description.

        Raises:
            NarrativeError: there are fewer frames than clips.
        """
        if num_frames == self.num_frames:
            return self
        count = len(self.clips)
        if num_frames < count:
            raise NarrativeError(
                f"{count} clips do not fit into {num_frames} frames; merge clips or give {count} frames."
            )
        ends, previous = [], 0
        for index, clip in enumerate(self.clips):
            wanted = round(clip.end * num_frames / self.num_frames)
            previous = min(max(wanted, previous + 1), num_frames - (count - index - 1))
            ends.append(previous)
        starts = [0, *ends[:-1]]
        clips = tuple(Clip(s, e, c.description) for s, e, c in zip(starts, ends, self.clips, strict=True))

        def place(anchor: Anchor) -> Anchor:
            index = self.clip_index(anchor.frame)
            wanted = round(anchor.frame * (num_frames - 1) / max(1, self.num_frames - 1))
            return replace(anchor, frame=min(max(wanted, clips[index].start), clips[index].end - 1))

        return replace(self, clips=clips, anchors=tuple(map(place, self.anchors)), num_frames=num_frames)

    # -- as a file --------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The file's content: 1-based, ``end`` included, in the clips form."""
        anchors: dict[str, Any] = {"position": self.anchor_frame + 1}
        if len(self.anchors) > 1:
            anchors = {"anchors": [{"position": a.frame + 1, "image": a.image} for a in self.anchors]}
        optional = {"style": self.style, "reasoning": self.reasoning, "provenance": dict(self.provenance)}
        return {
            "version": self.version,
            **anchors,
            "num_frames": self.num_frames,
            "interval": self.interval,
            **{key: value for key, value in optional.items() if value},
            "clips": [{"start": c.start + 1, "end": c.end, "description": c.description} for c in self.clips],
        }

    @classmethod
    def from_dict(cls, data: Any) -> Narrative:
        """From a file's content, strictly: what is unknown, missing or contradictory is refused.

        Raises:
            NarrativeError: names the key and the fix.
        """
        if not isinstance(data, dict):
            raise NarrativeError(f"A narrative is a JSON object, not {type(data).__name__}; see docs/narrator.md.")
        if unknown := sorted(set(data) - _KEYS):
            raise NarrativeError(
                f"Unknown key {unknown[0]!r} in the narrative; known keys: {', '.join(sorted(_KEYS))}."
            )
        if ("clips" in data) == ("descriptions" in data):
            raise NarrativeError("A narrative holds either 'clips' or 'descriptions'; give exactly one of them.")
        if ("position" in data) == ("anchors" in data):
            raise NarrativeError("A narrative holds either 'position' or 'anchors'; give exactly one of them.")
        clips = _clips(data["clips"]) if "clips" in data else _clips_of_list(data["descriptions"])
        anchors = data.get("anchors", [{"position": data.get("position")}])
        interval, provenance = data.get("interval", 0.2), data.get("provenance", {})
        if isinstance(interval, bool) or not isinstance(interval, int | float) or abs(interval) > 1e308:
            raise NarrativeError(f"'interval' is {interval!r}; give seconds between frames, such as 0.2.")
        if not isinstance(provenance, dict):
            raise NarrativeError(f"'provenance' is {type(provenance).__name__}; give a JSON object.")
        num_frames = _integer(data.get("num_frames", clips[-1].end if clips else 0), "num_frames")
        if "descriptions" in data and num_frames != clips[-1].end:
            raise NarrativeError(f"There are {clips[-1].end} descriptions for {num_frames} frames; give one for each.")
        return cls(
            clips=clips,
            anchors=_anchors(anchors),
            num_frames=num_frames,
            interval=float(interval),
            style=_text(data.get("style", ""), "style"),
            reasoning=_text(data.get("reasoning", ""), "reasoning"),
            provenance=provenance,
            version=_integer(data.get("version", VERSION), "version"),
        )

    @classmethod
    def load(cls, path: str | Path) -> Narrative:
        """Read a narrative file.

        Raises:
            InputError: the file cannot be read.
            NarrativeError: it is not a narrative; the message starts with its name.
        """
        path = Path(path)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"There is no narrative file {str(path)!r}; write one with 'reasondiff narrate'."
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"The narrative file {str(path)!r} cannot be read ({error}); give readable UTF-8 text."
            ) from None
        except (ValueError, RecursionError) as error:
            raise NarrativeError(f"{str(path)!r} is not JSON ({error}); check its quotes and commas.") from None
        try:
            return cls.from_dict(data)
        except NarrativeError as error:
            raise NarrativeError(f"{path.name}: {error}") from None

    def save(self, path: str | Path) -> None:
        """Write a narrative file, whole or not at all."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        with atomic_path(path) as partial:
            partial.write_text(text, encoding="utf-8")


def _integer(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise NarrativeError(f"{name!r} is {value!r}; give a whole number.")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise NarrativeError(f"{name!r} is {value!r}; give a text.")
    return value


def _clips(items: object) -> tuple[Clip, ...]:
    if not isinstance(items, list):
        raise NarrativeError(f"'clips' is {type(items).__name__}; give a list of clips.")
    clips = []
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise NarrativeError(
                f"Clip {number} is {item!r:.80}; give an object with 'start', 'end' and 'description'."
            )
        if odd := sorted({"start", "end", "description"} ^ set(item)):
            fault = "has the unknown key" if odd[0] in item else "lacks"
            raise NarrativeError(f"Clip {number} {fault} {odd[0]!r}; give 'start', 'end' and 'description'.")
        start, end = _integer(item["start"], "start"), _integer(item["end"], "end")
        clips.append(Clip(start - 1, end, _text(item["description"], "description")))
    return tuple(clips)


def _clips_of_list(items: object) -> tuple[Clip, ...]:
    if not isinstance(items, list) or not items:
        raise NarrativeError("'descriptions' is not a list of texts; give one description per frame.")
    texts = [_text(item, f"descriptions[{number}]") for number, item in enumerate(items, 1)]
    return Narrative.from_descriptions(texts, 0).clips


def _anchors(items: object) -> tuple[Anchor, ...]:
    if not isinstance(items, list):
        raise NarrativeError(f"'anchors' is {type(items).__name__}; give a list of positions.")
    anchors = []
    for item in items:
        if not isinstance(item, dict) or not {"position"} <= set(item) <= {"position", "image"}:
            raise NarrativeError(f"An anchor has the keys 'position' and 'image', not {item!r}.")
        anchors.append(Anchor(_integer(item["position"], "position") - 1, _integer(item.get("image", 0), "image")))
    return tuple(anchors)
