"""Another description for one clip, by the model that narrates; all other clips stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from reasondiff.errors import InputError, NarrationError
from reasondiff.narrative import Narrative
from reasondiff.narrator.asking import schema as json_schema
from reasondiff.narrator.asking.form import Bounds
from reasondiff.narrator.asking.instruction import fill, read_prompt
from reasondiff.narrator.providers.base import Message, Provider, Reply
from reasondiff.narrator.reading.loose_json import find_values
from reasondiff.narrator.reading.parse import LIMITS, is_refusal
from reasondiff.narrator.reading.texts import clean, is_ellipsis, is_placeholder, shorten, without_markup

__all__ = ["redo_clip"]


def redo_clip(
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
    if not 0 <= clip < len(narrative.clips):
        raise InputError(f"There is no clip {clip + 1}; the story has {len(narrative.clips)}.")
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
            clips = tuple(replace(c, description=told) if c is old else c for c in narrative.clips)
            redone = [
                *narrative.provenance.get("redone", ()),
                {"clip": clip + 1, "was": old.description, "narrator": provider.name},
            ]
            return replace(narrative, clips=clips, provenance={**narrative.provenance, "redone": redone})
    raise NarrationError(f"{provider.name} wrote nothing new for clip {clip + 1}.", reply.refusal or reply.text)


def _description(reply: Reply) -> str:
    """The one text of the reply that may leave here; "" if there is none."""
    if reply.refusal or reply.cut or is_refusal(reply.text):
        return ""
    texts = [found.value.get("description") for found in find_values(reply.text) if isinstance(found.value, dict)]
    told = shorten(clean(texts[-1]), LIMITS["description"]) if texts and isinstance(texts[-1], str) else ""
    return "" if is_ellipsis(told) or is_placeholder(told) else told
