"""Editing a story without asking a model: every function returns another valid ``Narrative``.

Frames and clip numbers are 0-based here, as everywhere in code; messages count from 1, as the command line does.
``studio/src/narrative/reduce.ts`` is the same in a browser; ``tests/narrative/edits.json`` holds both to one truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush
from inspect import signature
from itertools import accumulate, pairwise

from reasondiff.errors import NarrativeError
from reasondiff.narrative import Anchor, Clip, Narrative

__all__ = [
    "EDITS",
    "apply_edit",
    "duplicate",
    "merge",
    "merge_short",
    "move_anchor",
    "move_clip",
    "move_edge",
    "move_image",
    "remove",
    "resize",
    "retime",
    "set_description",
    "set_style",
    "split",
]


def move_anchor(narrative: Narrative, frame: int) -> Narrative:
    """The same story with the image at ``frame``.

    Raises:
        NarrativeError: the frame is outside the story.
    """
    return narrative.with_anchor(frame)


def move_image(narrative: Narrative, image: int, frame: int) -> Narrative:
    """The same story of several images with the one of that number at ``frame``.

    Raises:
        NarrativeError: the frame is outside the story, or the story places no such image.
    """
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


def move_edge(narrative: Narrative, edge: int, frame: int) -> Narrative:
    """Move the edge that two neighbours share; together they keep their frames.

    Args:
        narrative: the story.
        edge: 0 is the edge between the first and the second clip.
        frame: where the later of both begins; each keeps one frame or more.

    Raises:
        NarrativeError: there is no such edge, or a clip would have no frame.
    """
    edges = len(narrative.clips) - 1
    if not 0 <= edge < edges:
        raise NarrativeError(f"There is no edge {edge + 1}; the story has {edges}.")
    before, after = narrative.clips[edge : edge + 2]
    if not before.start < frame < after.end:
        raise NarrativeError(
            f"The edge cannot be at position {frame + 1}; both clips keep a frame at {before.start + 2}..{after.end}."
        )
    clips = list(narrative.clips)
    clips[edge : edge + 2] = replace(before, end=frame), replace(after, start=frame)
    return replace(narrative, clips=tuple(clips))


def resize(narrative: Narrative, clip: int, length: int) -> Narrative:
    """Give a clip another length; later clips and their images move along, and the story's length changes.

    An image in the clip stays where it is, or becomes its last frame.

    Raises:
        NarrativeError: there is no such clip, or it would have no frame.
    """
    _check(narrative, clip)
    if length < 1:
        raise NarrativeError(f"A clip of {length} frames shows nothing; give 1 or more.")
    lengths = [len(each) for each in narrative.clips]
    lengths[clip] = length
    return _relaid(narrative, range(len(lengths)), lengths)


def remove(narrative: Narrative, clip: int) -> Narrative:
    """Leave a clip out; the one before it takes its frames, or the one after the first.

    Raises:
        NarrativeError: there is no such clip, or no other.
    """
    _check(narrative, clip)
    if len(narrative.clips) == 1:
        raise NarrativeError("The story has one clip only; change its text instead.")
    clips = list(narrative.clips)
    gone = clips.pop(clip)
    heir = max(clip - 1, 0)
    clips[heir] = replace(clips[heir], start=min(clips[heir].start, gone.start), end=max(clips[heir].end, gone.end))
    return replace(narrative, clips=tuple(clips))


def move_clip(narrative: Narrative, clip: int, to: int) -> Narrative:
    """Tell a clip at another place of the order; clips keep their lengths, and images stay in theirs.

    Args:
        narrative: the story.
        clip: which one.
        to: its number afterwards.

    Raises:
        NarrativeError: there is no such clip or place.
    """
    _check(narrative, clip)
    _check(narrative, to)
    order = list(range(len(narrative.clips)))
    order.insert(to, order.pop(clip))
    return _relaid(narrative, order, [len(each) for each in narrative.clips])


def duplicate(narrative: Narrative, clip: int) -> Narrative:
    """Tell a clip twice; what follows moves along, and the story becomes longer.

    Raises:
        NarrativeError: there is no such clip.
    """
    _check(narrative, clip)
    order = list(range(len(narrative.clips)))
    order.insert(clip + 1, clip)
    return _relaid(narrative, order, [len(each) for each in narrative.clips])


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
    clip = Clip(joined[0].start, joined[-1].end, _one_after_the_other([each.description for each in joined]))
    return replace(narrative, clips=(*narrative.clips[:first], clip, *narrative.clips[last + 1 :]))


def merge_short(narrative: Narrative, seconds: float) -> Narrative:
    """The same story without clips shorter than ``seconds``: each is joined with its shorter neighbour.

    Short segments are told less reliably than longer ones with more to tell. The shortest goes first, and the earlier
    of two; a story of one clip stays as it is.
    """
    clips = dict(enumerate(narrative.clips))  # those that are left, by the number of their first
    before = {number: number - 1 for number in clips}
    after = {number: number + 1 for number in clips}
    by_length = [(len(clip), number) for number, clip in clips.items()]
    heapify(by_length)
    while len(clips) > 1:
        length, number = heappop(by_length)
        if number not in clips or len(clips[number]) != length:  # it was joined in the meantime
            continue
        if length * narrative.interval >= seconds - 1e-9:
            break
        beside = [each for each in (before[number], after[number]) if each in clips]
        shorter = min(beside, key=lambda each: len(clips[each]))
        first, last = sorted((number, shorter))
        gone = clips.pop(last)
        description = _one_after_the_other([clips[first].description, gone.description])
        clips[first] = Clip(clips[first].start, gone.end, description)
        after[first] = after[last]
        before[after[last]] = first
        heappush(by_length, (len(clips[first]), first))
    return replace(narrative, clips=tuple(clips.values()))


def retime(narrative: Narrative, num_frames: int) -> Narrative:
    """The same story in another number of frames.

    Raises:
        NarrativeError: there are fewer frames than clips.
    """
    return narrative.retime(num_frames)


def set_style(narrative: Narrative, style: str) -> Narrative:
    """The same story with another story-wide text; an empty one removes it."""
    return replace(narrative, style=style)


EDITS: Mapping[str, Callable[..., Narrative]] = {
    edit.__name__: edit
    for edit in (
        duplicate,
        merge,
        move_anchor,
        move_clip,
        move_edge,
        move_image,
        remove,
        resize,
        retime,
        set_description,
        set_style,
        split,
    )
}
"""Every edit by its name."""


def apply_edit(narrative: Narrative, edit: Mapping[str, object]) -> Narrative:
    """Do an edit that is written as JSON, such as ``{"type": "move_edge", "edge": 0, "frame": 12}``.

    Raises:
        NarrativeError: the edit is unknown, has other arguments, or gives no story.
    """
    arguments = dict(edit)
    name = arguments.pop("type", None)
    if not isinstance(name, str) or name not in EDITS:
        raise NarrativeError(f"There is no edit {name!r}; the edits are {', '.join(EDITS)}.")
    known = [key for key in signature(EDITS[name]).parameters if key != "narrative"]
    if set(arguments) != set(known):
        raise NarrativeError(f"The edit {name!r} takes {', '.join(known)}; it was given {', '.join(arguments)}.")
    for key, value in arguments.items():
        of_type = str if key in ("description", "style") else int
        if not isinstance(value, of_type) or isinstance(value, bool):
            raise NarrativeError(f"{key!r} is {value!r}; give a {'text' if of_type is str else 'whole number'}.")
    return EDITS[name](narrative, **arguments)


def _relaid(narrative: Narrative, order: Iterable[int], lengths: list[int]) -> Narrative:
    """The clips one after the other in another order, by their lengths; images go along with their clips."""
    order = list(order)
    ends = list(accumulate(lengths[index] for index in order))
    spans = list(pairwise([0, *ends]))
    clips = tuple(
        Clip(start, end, narrative.clips[index].description) for index, (start, end) in zip(order, spans, strict=True)
    )

    def placed(anchor: Anchor) -> Anchor:
        index = narrative.clip_index(anchor.frame)
        start, end = spans[order.index(index)]
        within = anchor.frame - narrative.clips[index].start
        return replace(anchor, frame=min(start + within, end - 1))

    anchors = tuple(placed(anchor) for anchor in narrative.anchors)
    return replace(narrative, clips=clips, anchors=anchors, num_frames=ends[-1])


def _one_after_the_other(descriptions: Sequence[str]) -> str:
    """What they tell, as sentences; what two of them say alike is told once."""
    told = dict.fromkeys(text.strip() for text in descriptions)
    if len(told) == 1:
        return descriptions[0]
    return " ".join(text if text[-1] in ".!?…。" else f"{text}." for text in told)


def _check(narrative: Narrative, clip: int) -> None:
    if not 0 <= clip < len(narrative.clips):
        raise NarrativeError(f"There is no clip {clip + 1}; the story has clips 1..{len(narrative.clips)}.")
