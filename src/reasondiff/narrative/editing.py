"""Editing a story without asking a model: every function returns another valid ``Narrative``.

Frames and clip numbers are 0-based here, as everywhere in code; messages count from 1, as the command line does.
"""

from __future__ import annotations

from dataclasses import replace

from reasondiff.errors import NarrativeError
from reasondiff.narrative import Clip, Narrative

__all__ = ["merge", "merge_short", "move_anchor", "retime", "set_description", "set_style", "split"]


def move_anchor(narrative: Narrative, frame: int, image: int | None = None) -> Narrative:
    """The same story with an image at ``frame``: the first one, or the one of that number.

    Raises:
        NarrativeError: the frame is outside the story, or the story places no such image.
    """
    if image is None:
        return narrative.with_anchor(frame)
    places = {anchor.image: anchor.frame for anchor in narrative.anchors}
    if image not in places:
        known = ", ".join(str(each + 1) for each in sorted(places))
        raise NarrativeError(f"The story places no image {image + 1}; it places {known}.")
    return narrative.with_images({**places, image: frame})


def set_description(narrative: Narrative, clip: int, description: str) -> Narrative:
    """The same story with another description for one clip.

    Raises:
        NarrativeError: there is no such clip, or the description is empty.
    """
    _check(narrative, clip)
    clips = list(narrative.clips)
    clips[clip] = replace(clips[clip], description=description)
    return replace(narrative, clips=tuple(clips))


def split(narrative: Narrative, frame: int) -> Narrative:
    """Cut the clip that holds ``frame`` in two; the second begins there, and both keep the description.

    Raises:
        NarrativeError: the frame is outside the story, or a clip begins there already.
    """
    if not 0 <= frame < narrative.num_frames:
        raise NarrativeError(f"Position {frame + 1} is outside 1..{narrative.num_frames}; split at one in that range.")
    if any(clip.start == frame for clip in narrative.clips):
        raise NarrativeError(f"A clip begins at position {frame + 1} already; split at a position inside a clip.")
    clips: list[Clip] = []
    for clip in narrative.clips:
        clips += [replace(clip, end=frame), replace(clip, start=frame)] if frame in clip else [clip]
    return replace(narrative, clips=tuple(clips))


def merge(narrative: Narrative, first: int, last: int) -> Narrative:
    """Join the clips ``first`` to ``last`` into one, which tells what they told, one sentence after the other.

    Raises:
        NarrativeError: there is no such clip, or only one was named.
    """
    _check(narrative, first)
    _check(narrative, last)
    if first >= last:
        raise NarrativeError(f"Clips {first + 1} and {last + 1} cannot be merged; name an earlier and a later clip.")
    joined = narrative.clips[first : last + 1]
    told = dict.fromkeys(clip.description.strip() for clip in joined)  # each sentence once, in order
    sentences = [text if text[-1] in ".!?…。" else f"{text}." for text in told]
    description = " ".join(sentences) if len(told) > 1 else joined[0].description
    clip = Clip(joined[0].start, joined[-1].end, description)
    return replace(narrative, clips=(*narrative.clips[:first], clip, *narrative.clips[last + 1 :]))


def merge_short(narrative: Narrative, seconds: float) -> Narrative:
    """The same story without clips shorter than ``seconds``: each is joined with its shorter neighbour.

    Short segments are told less reliably than longer ones with more to tell. The shortest goes first, and the earlier
    of two; a story of one clip stays as it is.
    """
    while len(narrative.clips) > 1:
        lengths = [len(clip) for clip in narrative.clips]
        shortest = min(range(len(lengths)), key=lengths.__getitem__)
        if lengths[shortest] * narrative.interval >= seconds - 1e-9:
            break
        beside = [number for number in (shortest - 1, shortest + 1) if 0 <= number < len(lengths)]
        other = min(beside, key=lengths.__getitem__)
        narrative = merge(narrative, min(shortest, other), max(shortest, other))
    return narrative


def retime(narrative: Narrative, num_frames: int) -> Narrative:
    """The same story in another number of frames.

    Raises:
        NarrativeError: there are fewer frames than clips.
    """
    return narrative.retime(num_frames)


def set_style(narrative: Narrative, style: str) -> Narrative:
    """The same story with another story-wide text; an empty one removes it."""
    return replace(narrative, style=style)


def _check(narrative: Narrative, clip: int) -> None:
    if not 0 <= clip < len(narrative.clips):
        raise NarrativeError(f"There is no clip {clip + 1}; the story has clips 1..{len(narrative.clips)}.")
