"""The first stage: what an image and a text become before anything is generated (Section 3.2)."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from PIL import Image

from reasondiff.backends.base import Anchor
from reasondiff.errors import InputError
from reasondiff.media import fit_image
from reasondiff.media.frame_image import FrameImage
from reasondiff.narrative import AnchorPlace, Narrative
from reasondiff.narrative.editing import merge_short
from reasondiff.narrative.frame_plan import FramePlan, texts_of
from reasondiff.narrative.place import check_images, pinned_frames, place_images
from reasondiff.pipeline.settings import Settings
from reasondiff.timeline import Timeline

if TYPE_CHECKING:
    from reasondiff.narrator import Narrator

__all__ = ["PreparedStory", "all_texts", "as_lists", "placed", "prepare_story", "told_and_placed"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedStory:
    """One image and one text, resolved.

    Args:
        images: as given, at the video's size; one unless the story has several.
        prompt: the user's text.
        narrative: as long as the video, the anchor in its place.
        plan: the description that AlignFormer reads for each latent frame.
        texts: the text that the transformer reads in each latent frame.
        strength: of the images, 0 to 1.
    """

    images: tuple[Image.Image, ...]
    prompt: str
    narrative: Narrative
    plan: FramePlan
    texts: FramePlan
    strength: float = 1.0

    @property
    def image(self) -> Image.Image:
        """The first image that was given."""
        return self.images[0]

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """The images in their places, in the narrative's order."""
        return tuple(Anchor(self.images[each.image], each.frame, self.strength) for each in self.narrative.anchors)


def prepare_story(
    image: Image.Image,
    prompt: str,
    narrative: Narrative | None,
    settings: Settings,
    timeline: Timeline,
    narrator: Callable[[], Narrator],
    *,
    frame_images: Sequence[FrameImage] = (),
    position: int | None = None,
    anchor: AnchorPlace = "narrative",
    adapted: bool = False,
) -> PreparedStory:
    """Find out where the image belongs and what every frame shows, unless a narrative says so.

    Args:
        image: as given.
        prompt: as given.
        narrative: as given; None asks the narrator, where anything would read its story.
        settings: of the run.
        timeline: of the video.
        narrator: loads the narrator; called when it is to be asked.
        frame_images: all images of the story with their places, ``image`` being the first; () for that one alone.
        position: the image's frame, 1-based; wins over the narrative.
        anchor: where the image goes when no position is given.
        adapted: whether an AlignFormer will read the story.

    Raises:
        InputError: there is neither a text nor a narrative, no narrator, or a position outside the clip.
        NarrationError: the narrator gave no usable story.
    """
    if not prompt.strip() and (narrative is None or settings.text_mode == "single"):
        raise InputError("The prompt is empty; say in a few words what should happen.")
    if frame_images:
        if position is not None or anchor != "narrative":
            raise InputError("A position or an anchor is for one image; write it after each image, such as IMAGE@20.")
        narrative = told_and_placed(frame_images, prompt, narrative, settings, timeline, narrator, adapted=adapted)
        return _prepared([each.image for each in frame_images], prompt, narrative, settings, timeline)
    if narrative is None:
        reads_a_story = adapted or settings.text_mode != "single"
        is_unplaced = position is None and anchor == "narrative"
        if reads_a_story or is_unplaced:
            narrative = _ask_narrator(image, prompt, settings, narrator)
        else:
            narrative = _prompt_alone(prompt, settings)
    narrative = placed(_on_clock(narrative, settings), position, anchor)
    for each in narrative.anchors:
        if each.image:
            raise InputError(f"The narrative places image {each.image + 1}, and a story has one; remove that anchor.")
    return _prepared([image], prompt, narrative, settings, timeline)


def _prepared(
    images: Sequence[Image.Image], prompt: str, narrative: Narrative, settings: Settings, timeline: Timeline
) -> PreparedStory:
    """Images at the video's size, and which text each latent frame reads; clips that none reads are logged."""
    if settings.text_mode not in ("single", "joined"):
        narrative = _without_short_clips(narrative, settings.shortest_clip)
    plan = FramePlan.from_narrative(narrative, timeline)
    for lost in plan.lost:
        logger.warning(
            "No latent frame reads clip %d..%d (%r), because %s; make it longer.",
            lost.clip.start + 1, lost.clip.end, lost.clip.description, lost.reason,
        )  # fmt: skip
    fitted = tuple(fit_image(image, settings.width, settings.height, settings.fit) for image in images)
    texts = texts_of(narrative, prompt, settings.text_mode, timeline)
    return PreparedStory(fitted, prompt, narrative, plan, texts, settings.anchor_strength)


def _without_short_clips(narrative: Narrative, seconds: float) -> Narrative:
    """The narrative with its short clips merged; that is logged."""
    merged = merge_short(narrative, seconds)
    if len(merged.clips) < len(narrative.clips):
        logger.warning(
            "%d of the story's %d clips are shorter than %g s and were merged with those beside them, because short "
            "ones are told less reliably; --shortest-clip 0 keeps them.",
            len(narrative.clips) - len(merged.clips), len(narrative.clips), seconds,
        )  # fmt: skip
    return merged


def told_and_placed(
    frame_images: Sequence[FrameImage],
    prompt: str,
    narrative: Narrative | None,
    settings: Settings,
    timeline: Timeline,
    narrator: Callable[[], Narrator],
    *,
    adapted: bool = False,
) -> Narrative:
    """The story of several images, each in its place: where it is pinned, else where the narrator or the story says.

    Raises:
        InputError: the images do not fit into the video, or one has no place.
    """
    from reasondiff.narrator.several import narrate_images

    check_images(len(frame_images), timeline)
    images, where = [each.image for each in frame_images], [each.place for each in frame_images]
    frames, interval = settings.num_frames, settings.interval
    pinned = pinned_frames(where, frames)
    _log_aspects(images, settings)
    if narrative is None:
        free = len(pinned) < len(frame_images)
        if adapted or settings.text_mode != "single" or free:
            narrative = narrate_images(narrator(), images, prompt, num_frames=frames, interval=interval, pinned=pinned)
        else:
            narrative = _prompt_alone(prompt, settings)
    return place_images(_on_clock(narrative, settings), where)


def _log_aspects(images: Sequence[Image.Image], settings: Settings) -> None:
    """Say where images of different aspects are brought to one size."""
    aspects = {round(image.width / image.height, 2) for image in images}
    if len(aspects) > 1:
        logger.warning(
            "The images have different aspects (%s); all are brought to %dx%d by %s.",
            ", ".join(f"{aspect:g}" for aspect in sorted(aspects)), settings.width, settings.height, settings.fit,
        )  # fmt: skip


def _ask_narrator(image: Image.Image, prompt: str, settings: Settings, narrator: Callable[[], Narrator]) -> Narrative:
    return narrator().narrate(image, prompt, num_frames=settings.num_frames, interval=settings.interval)


def _prompt_alone(prompt: str, settings: Settings) -> Narrative:
    """The prompt for all frames, where nothing would read a story."""
    frames = settings.num_frames
    return Narrative.from_ends([(frames, prompt)], 0, frames, interval=settings.interval)


def _on_clock(narrative: Narrative, settings: Settings) -> Narrative:
    """The narrative with the run's number of frames and interval; a change is logged."""
    if narrative.num_frames != settings.num_frames:
        logger.warning("The narrative of %d frames is retimed to %d.", narrative.num_frames, settings.num_frames)
        narrative = narrative.retime(settings.num_frames)
    if not math.isclose(narrative.interval, settings.interval):
        logger.warning(
            "The narrative's frames are %g s apart and the model's %g s, which is how they are made and played.",
            narrative.interval, settings.interval,
        )  # fmt: skip
        narrative = replace(narrative, interval=settings.interval)
    return narrative


def as_lists(image: Any, prompt: Any, narrative: Any) -> tuple[list[Image.Image], list[str], list[Narrative | None]]:
    """One image, text and narrative per story; a single one serves all stories.

    Raises:
        InputError: their numbers differ, or an image is none.
    """
    images, prompts, narratives = _as_list(image), _as_list(prompt), _as_list(narrative)
    lengths = [len(images), len(prompts), len(narratives)]
    stories = max(lengths)
    if not set(lengths) <= {1, stories}:
        numbers = ", ".join(map(str, lengths))
        raise InputError(f"The numbers of images, prompts and narratives differ ({numbers}); give as many of each.")
    rgb_images = [_as_rgb(each) for each in _repeated(images, stories)]
    texts = [text or "" for text in _repeated(prompts, stories)]
    return rgb_images, texts, _repeated(narratives, stories)


def _as_list(given: object) -> list[object]:
    return [*given] if isinstance(given, list | tuple) else [given]


def _repeated(given: list[Any], stories: int) -> list[Any]:
    """One for each story."""
    return given if len(given) == stories else given * stories


def _as_rgb(image: object) -> Image.Image:
    if not isinstance(image, Image.Image):
        raise InputError(f"The image is a {type(image).__name__}; give a PIL image, as load_image returns it.")
    return image.convert("RGB")


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


def all_texts(stories: Sequence[PreparedStory], settings: Settings, *, adapted: bool) -> list[str]:
    """What is to be encoded: for the transformer, for AlignFormer, for guidance."""
    texts: list[str] = []
    for story in stories:
        texts += story.texts.prompts
        if adapted:
            texts += story.plan.prompts
    return [*texts, settings.negative_prompt] if settings.guided else texts
