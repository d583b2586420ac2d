"""Captions of frames (Sec. 3.4), by the same models that narrate.

Training videos get a caption per frame from a multi-modal model. Its habits ("The image depicts ...") and what stock
footage carries (watermarks) would become part of the prompts, so they are taken out, and what was taken out is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from reasondiff.errors import InputError, NarrationError
from reasondiff.narrator.asking import schema as json_schema
from reasondiff.narrator.asking.instruction import fill, read_prompt
from reasondiff.narrator.providers.base import Message, Provider
from reasondiff.narrator.reading.loose_json import decode_twice, find_values
from reasondiff.narrator.reading.parse import THINKING, is_refusal
from reasondiff.narrator.reading.texts import clean, shorten

__all__ = ["Caption", "Captioner", "tidy_caption"]

MAX_CAPTION = 400
"""Characters of a caption that are kept."""

_OPENING = re.compile(
    r"^(?:here is (?:a|the) (?:caption|description)[^:]*:\s*|caption:\s*)?"
    r"(?:(?:in )?(?:this|the) (?:\w+ )?(?:image|photo|photograph|picture|frame|video frame|still|scene)s?,?\s*"
    r"(?:depicts|shows|showcases|features|captures|presents|displays|portrays|illustrates|contains|is of|"
    r"we (?:can )?see|you can see|there (?:is|are))\s+(?:us\s+)?)",
    re.IGNORECASE,
)
_WATERMARK = re.compile(
    r"\b(?:watermark\w*|shutterstock|getty ?images|istock(?:photo)?|adobe stock|alamy|dreamstime|depositphotos|pond5|"
    r"stock (?:photo|footage|video)(?: site| agency| company)?|copyright notice)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Caption:
    """What a frame shows.

    Args:
        text: for training and evaluation.
        raw: as the model wrote it.
        removed: what hygiene took out, in order.
    """

    text: str
    raw: str
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Captioner:
    """Captions frames one by one, or several in one request, which keeps names and looks the same.

    Args:
        provider: the model.
        hygiene: take out openings and watermark sentences.
        together: frames per request; the paper's way is 1.
        version: of the prompt files.
        max_tokens: of one caption.
    """

    provider: Provider
    hygiene: bool = True
    together: int = 1
    version: str = "v1"
    max_tokens: int = 160

    def caption(self, frames: Sequence[Image.Image], *, interval: float = 0.2) -> list[Caption]:
        """One caption per frame, in order.

        Args:
            frames: of one clip.
            interval: seconds between them.

        Raises:
            NarrationError: the model declined, or gave no caption.
            ProviderError: it could not be asked.
        """
        if self.together < 1:
            raise InputError(f"{self.together} frames per request ask nothing; give 1 or more.")
        captions: list[Caption] = []
        for start in range(0, len(frames), self.together):
            group = [frame.convert("RGB") for frame in frames[start : start + self.together]]
            texts = self._ask_together(group, interval) if len(group) > 1 else None
            captions += [self._tidy(each) for each in texts or map(self._ask, group)]
        return captions

    def _ask(self, frame: Image.Image) -> str:
        ask = Message("user", read_prompt(f"caption.{self.version}.txt"), (frame,))
        reply = self.provider.complete([ask], max_tokens=self.max_tokens)
        if reply.refusal or is_refusal(reply.text):
            raise NarrationError(f"{self.provider.name} declines to caption a frame.", reply.refusal or reply.text)
        told = _plain(reply.text, self.provider.name)
        if not clean(told):
            raise NarrationError(f"{self.provider.name} gave an empty caption; try again or choose another model.")
        ends = [match.end() for match in re.finditer(r"[.!?](?=\s)", told)]
        return told[: ends[-1]] if reply.cut and ends else told

    def _ask_together(self, frames: list[Image.Image], interval: float) -> list[str] | None:
        """Exactly one caption per frame, or None if the model cannot count; then each frame is asked for alone."""
        ask = fill(read_prompt(f"captions.{self.version}.txt"), count=len(frames), interval=f"{interval:g}")
        reply = self.provider.complete(
            [Message("user", ask, tuple(frames))],
            schema=json_schema.object(
                {"captions": json_schema.array(json_schema.string(MAX_CAPTION), len(frames), len(frames))}
            ),
            max_tokens=self.max_tokens * len(frames),
        )
        for found in reversed([] if reply.cut else find_values(reply.text)):
            value = found.value.get("captions") if isinstance(found.value, dict) else found.value
            if isinstance(value, list) and len(value) == len(frames):
                texts = [each for each in value if isinstance(each, str) and clean(each)]
                if len(texts) == len(frames):
                    return texts
        return None

    def _tidy(self, raw: str) -> Caption:
        if not self.hygiene:
            return Caption(shorten(clean(raw), MAX_CAPTION), raw)
        return tidy_caption(raw)


def _plain(reply: str, name: str) -> str:
    """The caption of a reply: without thinking, and out of the JSON that some models write round everything.

    Raises:
        NarrationError: the JSON holds no caption, as that of a model which only tells stories.
    """
    text = THINKING.sub("", reply).strip()
    if text.startswith('"') and text.endswith('"') and text.count('"') == 2:
        return text[1:-1]
    values = [found.value for found in find_values(decode_twice(text))] if text[:1] in {"{", "[", '"', "`"} else []
    if not values:
        return text
    value = values[-1]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    texts = (
        [value[key] for key in ("caption", "description", "text") if key in value] if isinstance(value, dict) else []
    )
    if isinstance(value, str):
        return value
    if len(texts) == 1 and isinstance(texts[0], str):
        return texts[0]
    raise NarrationError(f"{name} answers with JSON instead of a caption; choose a model of general use.", reply)


def tidy_caption(raw: str) -> Caption:
    """Take out "The image depicts" and sentences about watermarks; a caption never becomes empty."""
    told, removed = clean(raw), []
    sentences = re.split(r"(?<=[.!?])\s+", told)
    kept = [sentence for sentence in sentences if not _WATERMARK.search(sentence)]
    if kept:
        removed = [sentence for sentence in sentences if _WATERMARK.search(sentence)]
        told = " ".join(kept)
    match = _OPENING.match(told)
    if match and told[match.end() :].strip(" ."):
        removed.insert(0, match[0].strip())
        told = told[match.end() :]
        told = told[0].upper() + told[1:]
    return Caption(shorten(told, MAX_CAPTION), raw, tuple(removed))
