"""Does a well-formed story make sense? Cheap looks at its words; a model's second look is in ``ranking``.

A fault found here is told to the narrator once more; if it insists, the story is kept and the user is warned.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from PIL import Image

from reasondiff.narrative import Narrative

__all__ = ["Check", "story_faults"]

Check = Callable[[Image.Image, str, Narrative], Iterable[str]]
"""A look at (image, prompt, story) that yields sentences of warning, such as "This model does not know 'zebra'."."""

_NAMES_THE_IMAGE = re.compile(
    r"\b(?:the|this|our|your)\s+(?:(?:given|input|condition(?:ing)?|provided|user'?s?|reference)\s+)?"
    r"(?:image|photo|photograph|picture)\b(?!\s+(?:frame|on the|of|hang))",
    re.IGNORECASE,
)
_GIVEN_IMAGE = re.compile(
    r"\b(?:given|input|condition(?:ing)?|provided|user'?s|reference)\s+(?:image|photo|picture)\b", re.I
)
_FRAME = re.compile(r"\b(?:frame|position)\s*#?\s*(\d+)\b", re.IGNORECASE)
_EARLY = re.compile(r"\b(?:first frame|(?:very )?(?:start|beginning)|opening|at first)\b", re.IGNORECASE)
_LATE = re.compile(r"\b(?:last frame|final frame|(?:very )?end|ending|at last|closing)\b", re.IGNORECASE)
_COMMON = re.compile(
    r"the|and|from|with|into|onto|near|are|was|being|has|have|its|this|that|there|then|now|while|still|all|some|one|two|"
    r"shows?|image|picture|photo|scene|frame|camera"
)


def story_faults(narrative: Narrative, image_shows: str = "") -> list[str]:
    """What a careful reader would object to, as sentences to the narrator; [] if nothing.

    Args:
        narrative: a valid story.
        image_shows: what the narrator said that the image shows, if it did.
    """
    faults = []
    texts = {clip.description.casefold() for clip in narrative.clips}
    if len(texts) == 1 and narrative.num_frames > 1:
        faults.append("Every frame has the same description, so nothing happens; tell what changes over time.")
    faults += _elsewhere(narrative) or _by_reasoning(narrative) or _by_words(narrative, image_shows)
    return faults


def _elsewhere(narrative: Narrative) -> list[str]:
    """A clip that says it is the given image, while the position lies in another one."""
    named = [clip for clip in narrative.clips if _GIVEN_IMAGE.search(clip.description)]
    if not named or any(narrative.anchor_frame in clip for clip in named):
        return []
    clip = named[0]
    return [
        f"Position {narrative.anchor_frame + 1} contradicts the clip of frames {clip.start + 1}..{clip.end}, "
        "which says that it shows the given image."
    ]


def _by_reasoning(narrative: Narrative) -> list[str]:
    """The reasoning puts the image at a frame or an end of the clip where the position does not."""
    position = narrative.anchor_frame + 1
    total = narrative.num_frames
    sentences = re.split(r"(?<=[.!?;])\s+", narrative.reasoning)
    about = "\n".join(sentence for sentence in sentences if _NAMES_THE_IMAGE.search(sentence))
    frames = [int(number) for number in _FRAME.findall(about)]
    if frames:
        if any(abs(frame - position) <= 0.1 * total for frame in frames):
            return []
        return [f"Your reasoning puts the image at frame {frames[-1]}, but the position is {position}."]
    early = _EARLY.search(about) is not None
    late = _LATE.search(about) is not None
    if early and not late and position > total * 2 / 3:
        return [f"Your reasoning puts the image at the beginning, but the position is {position} of {total}."]
    if late and not early and position <= total / 3:
        return [f"Your reasoning puts the image at the end, but the position is {position} of {total}."]
    return []


def _by_words(narrative: Narrative, image_shows: str) -> list[str]:
    """What the image shows is told in another clip much more than in the one at the position.

    Words count by rarity: one that every clip uses tells nothing apart.
    """
    bags = [_words(clip.description) for clip in narrative.clips]
    uses = Counter(word for bag in bags for word in bag)
    scores = [sum(1 / uses[word] for word in bag & _words(image_shows)) for bag in bags]
    here = next(n for n, clip in enumerate(narrative.clips) if narrative.anchor_frame in clip)
    best = max(range(len(scores)), key=scores.__getitem__)
    if scores[best] < 1.5 or scores[here] > 0.5 * scores[best]:
        return []
    clip = narrative.clips[best]
    return [
        f"You say that the image shows {image_shows!r}, but position {narrative.anchor_frame + 1} lies in "
        f"{narrative.clips[here].description!r}; frames {clip.start + 1}..{clip.end} fit it better."
    ]


def _words(text: str) -> set[str]:
    """Content words, without common endings, so that "breaks" meets "breaking"."""
    return {
        re.sub(r"(?:ing|ed|en|es|s)$", "", word)
        for word in re.findall(r"\w{3,}", text.casefold())
        if not _COMMON.fullmatch(word)
    }
