"""Another description for one clip, by the model that narrates; all other clips stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from PIL import Image

from reasondiff.errors import InputError, NarrationError, UnsupportedError
from reasondiff.narrative import Narrative
from reasondiff.narrator.asking import schema as json_schema
from reasondiff.narrator.asking.form import Bounds
from reasondiff.narrator.asking.instruction import fill, read_prompt
from reasondiff.narrator.base import Narrator
from reasondiff.narrator.providers.base import Message, Provider, Reply
from reasondiff.narrator.reading.loose_json import find_values
from reasondiff.narrator.reading.parse import LIMITS, is_refusal
from reasondiff.narrator.reading.texts import clean, is_ellipsis, is_placeholder, shorten, without_markup
from reasondiff.narrator.vision_narrator import VisionNarrator

__all__ = ["describe_clip_again", "retell_clip"]

OTHERS = 6
"""Stories that a narrator of whole stories is asked for, to find another text for one clip."""


def retell_clip(narrator: Narrator, narrative: Narrative, clip: int, image: Image.Image, prompt: str) -> Narrative:
    """The same story with a new description of one clip, by whoever narrates: told anew each time it is asked.

    A narrator that was trained to tell whole stories is asked for others; the one that is most like this one lends
    its clip, where the things that stay the same are called as they are here.

    Raises:
        InputError: there is no such clip.
        NarrationError: nothing new was said.
        ProviderError: it could not be asked.
        UnsupportedError: the narrator only reads stories out.
    """
    _check(narrative, clip)
    if not isinstance(narrator, VisionNarrator):
        raise UnsupportedError("The narrator tells only what is written for it; write the clip yourself.")
    before = len(narrative.provenance.get("redone", ()))
    if not narrator.instruction.template:
        version = narrator.instruction.version
        return describe_clip_again(narrator.provider, narrative, clip, image, prompt, version=version, seed=before)
    several = replace(narrator, candidates=OTHERS, seed=1 + before * OTHERS, cache=None)
    told = several.narrate(image, prompt, num_frames=narrative.num_frames, interval=narrative.interval)
    others = [told, *map(Narrative.from_dict, told.provenance.get("candidates", ()))]
    stories = [_in_the_words_of(narrative, each) for each in others]
    fitting = [each for each in stories if _lends(each, narrative, clip)]
    if not fitting:
        raise NarrationError(f"{narrator.name} told nothing new for clip {clip + 1}; ask again, or write it.", "")
    chosen = max(fitting, key=lambda each: _likeness(each, narrative))
    return _with_description(narrative, clip, chosen.clips[clip].description, narrator.name)


def _lends(other: Narrative, narrative: Narrative, clip: int) -> bool:
    """Whether another story has as many clips, and says something else in this one."""
    if len(other.clips) != len(narrative.clips):
        return False
    return other.clips[clip].description != narrative.clips[clip].description


def _in_the_words_of(narrative: Narrative, other: Narrative) -> Narrative:
    """Another story about the same things: what stays the same is called, word by word, as here."""
    ours, theirs = narrative.style.split(), other.style.split()
    if len(ours) != len(theirs):
        return other
    called = dict(zip(theirs, ours, strict=True))
    clips = (
        replace(clip, description=" ".join(called.get(word, word) for word in clip.description.split(" ")))
        for clip in other.clips
    )
    return replace(other, clips=tuple(clips))


def _likeness(one: Narrative, other: Narrative) -> float:
    """How many words two stories share, in the same order: 0..1."""
    first, second = ([word for clip in story.clips for word in clip.description.split()] for story in (one, other))
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def describe_clip_again(
    provider: Provider,
    narrative: Narrative,
    clip: int,
    image: Image.Image | Sequence[Image.Image],
    prompt: str,
    *,
    version: str = "v1",
    seed: int = 0,
) -> Narrative:
    """The same story with a new description of one clip, written with its neighbours in view.

    Args:
        provider: from ``load_provider``.
        narrative: the story.
        clip: which one, from 0.
        image: the condition image, or all images of the story by their numbers.
        prompt: the user's text.
        version: of the prompt files.
        seed: of sampling; another one tells something else.

    Raises:
        InputError: there is no such clip, or an image of the story is not given.
        NarrationError: the model declined, or said nothing new.
        ProviderError: it could not be asked.
    """
    _check(narrative, clip)
    old, bound = narrative.clips[clip], Bounds().description
    script = [f"Clip {n}, frames {c.start + 1}-{c.end}: {c.description}" for n, c in enumerate(narrative.clips, 1)]
    images = tuple(image) if isinstance(image, Sequence) else (image,)
    if missing := sorted({anchor.image for anchor in narrative.anchors} - set(range(len(images)))):
        raise InputError(f"The story places image {missing[0] + 1}, and {len(images)} were given; give it, too.")
    here = "".join(
        f" {'The image itself' if len(images) == 1 else f'Image {anchor.image + 1}'} is seen in this clip, so the "
        "description agrees with it."
        for anchor in narrative.anchors
        if anchor.frame in old
    )
    ask = fill(
        read_prompt(f"redo.{version}.txt"), num_frames=narrative.num_frames, number=clip + 1, start=old.start + 1,
        end=old.end, prompt=clean(without_markup(prompt)), here=here, clips=without_markup("\n".join(script)),
        style=without_markup(narrative.style) or "nothing in particular",
    )  # fmt: skip
    schema = json_schema.object({"description": json_schema.string(bound)})
    message = Message("user", ask, tuple(each.convert("RGB") for each in images))
    for attempt in range(2):
        reply = provider.complete([message], schema=schema, max_tokens=bound, temperature=0.8, seed=seed + attempt)
        told = _description(reply)
        if told and told != old.description:
            return _with_description(narrative, clip, told, provider.name)
    raise NarrationError(f"{provider.name} wrote nothing new for clip {clip + 1}.", reply.refusal or reply.text)


def _check(narrative: Narrative, clip: int) -> None:
    if not 0 <= clip < len(narrative.clips):
        raise InputError(f"There is no clip {clip + 1}; the story has {len(narrative.clips)}.")


def _with_description(narrative: Narrative, clip: int, told: str, narrator: str) -> Narrative:
    """The story with another text for one clip, and a note of who wrote it and what it was."""
    old = narrative.clips[clip]
    clips = tuple(replace(each, description=told) if each is old else each for each in narrative.clips)
    redone = [*narrative.provenance.get("redone", ()), {"clip": clip + 1, "was": old.description, "narrator": narrator}]
    return replace(narrative, clips=clips, provenance={**narrative.provenance, "redone": redone})


def _description(reply: Reply) -> str:
    """The one text of the reply that may leave here; "" if there is none."""
    if reply.refusal or reply.cut or is_refusal(reply.text):
        return ""
    texts = [found.value.get("description") for found in find_values(reply.text) if isinstance(found.value, dict)]
    told = shorten(clean(texts[-1]), LIMITS["description"]) if texts and isinstance(texts[-1], str) else ""
    return "" if is_ellipsis(told) or is_placeholder(told) else told
