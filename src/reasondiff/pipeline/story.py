"""What an image and a text become before anything is generated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from PIL import Image

from reasondiff.backends.wan.framewise import FramePlan
from reasondiff.errors import InputError
from reasondiff.narrative import Narrative
from reasondiff.pipeline.settings import AnchorPlace, PromptForm, Settings
from reasondiff.timeline import Timeline

__all__ = ["Story", "all_texts", "as_lists", "placed", "texts_of"]


@dataclass(frozen=True)
class Story:
    """One image and one text, resolved.

    Args:
        image: the anchor at the video's size.
        prompt: the user's text.
        narrative: as long as the video, the anchor in its place.
        plan: the description that AlignFormer reads for each latent frame.
        texts: the text that the transformer reads in each latent frame.
    """

    image: Image.Image
    prompt: str
    narrative: Narrative
    plan: FramePlan
    texts: FramePlan


def as_lists(image: Any, prompt: Any, narrative: Any) -> tuple[list[Image.Image], list[str], list[Narrative | None]]:
    """One image, text and narrative per story; a single one serves all stories.

    Raises:
        InputError: their numbers differ, or an image is none.
    """
    given = [[*x] if isinstance(x, list | tuple) else [x] for x in (image, prompt, narrative)]
    count = max(map(len, given))
    if any(len(x) not in (1, count) for x in given):
        numbers = ", ".join(str(len(x)) for x in given)
        raise InputError(f"The numbers of images, prompts and narratives differ ({numbers}); give as many of each.")
    images, prompts, narratives = (x if len(x) == count else x * count for x in given)
    for picture in images:
        if not isinstance(picture, Image.Image):
            raise InputError(f"The image is a {type(picture).__name__}; give a PIL image, as load_image returns it.")
    return [picture.convert("RGB") for picture in images], [text or "" for text in prompts], narratives


def placed(narrative: Narrative, position: int | None, anchor: AnchorPlace) -> Narrative:
    """The narrative with its image at ``position`` (1-based), or where ``anchor`` says.

    Raises:
        InputError: the position is outside the clip, or ``anchor`` is unknown.
    """
    if anchor not in get_args(AnchorPlace):
        raise InputError(f"The anchor {anchor!r} is unknown; give one of {', '.join(get_args(AnchorPlace))}.")
    frames = {"narrative": narrative.anchor_frame, "first": 0, "last": narrative.num_frames - 1}
    frame = frames[anchor] if position is None else position - 1
    return narrative if frame == narrative.anchor_frame else narrative.with_anchor(frame)


def texts_of(narrative: Narrative, prompt: str, form: PromptForm, timeline: Timeline) -> FramePlan:
    """What the transformer reads in each latent frame, see ``PromptForm``."""
    match form:
        case "framewise":
            return FramePlan.from_narrative(narrative, timeline)
        case "mean" | "concat":
            return FramePlan.from_narrative(narrative, timeline, form)
        case "joined":
            return FramePlan.single(narrative.as_one_prompt(), timeline.num_latent_frames)
        case "single":
            return FramePlan.single(prompt, timeline.num_latent_frames)


def all_texts(stories: Sequence[Story], settings: Settings, *, aligned: bool) -> list[str]:
    """What is to be encoded: for the transformer, for AlignFormer, for guidance."""
    plans = [plan for story in stories for plan in ((story.texts, story.plan) if aligned else (story.texts,))]
    texts = [text for plan in plans for text in plan.prompts]
    return [*texts, settings.negative_prompt] if settings.guided else texts
