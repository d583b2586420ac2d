"""Where the video looks when it reads a word (Appendix C.2, Figure 7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from reasondiff.backends.wan.framewise import AttentionRecord
from reasondiff.backends.wan.text_encoding import clean_text
from reasondiff.errors import InputError
from reasondiff.media import ClipSpan, SheetRow
from reasondiff.media.heat import heat_overlay
from reasondiff.pipeline.output import ReasonDiffOutput
from reasondiff.pipeline.wan import ReasonDiffPipeline

__all__ = ["WordAttention", "watch_word", "word_tokens"]


@dataclass(frozen=True)
class WordAttention:
    """A video and its attention to a word.

    Args:
        word: that was watched.
        block: of the transformer.
        output: of the pipeline, with frames as uint8.
        heat: [frames, rows, columns], a token's share (0..1) of attention to text that the word gets, averaged over
            heads and denoising steps; 0 in frames whose text lacks the word.
    """

    word: str
    block: int
    output: ReasonDiffOutput
    heat: np.ndarray = field(repr=False)

    @property
    def overlay(self) -> np.ndarray:
        """The video under its heat, uint8 [frames, height, width, 3]."""
        return heat_overlay(self.output.frames[0], self.heat)

    @property
    def note(self) -> str:
        """Which block it is, and how much attention a place and a frame give to the word at most."""
        share = self.heat.reshape(len(self.heat), -1).mean(1)
        most = f"at most {self.heat.max():.1%} of a place's attention to text, {share.max():.1%} of a frame's"
        return f"block {self.block}; {most} (position {int(share.argmax()) + 1})"

    def strips(self) -> list[SheetRow]:
        """The video, and under it its attention, as rows of a sheet."""
        told, fps = self.output.narrative, 1 / self.output.settings.interval
        clips = tuple(ClipSpan(clip.start, clip.end, clip.description) for clip in told.clips)
        frames, given = self.output.frames[0], self.output.stories[0].image
        return [
            SheetRow("The video", frames, told.anchor_frame, fps=fps, given=given),
            SheetRow(f'Attention to "{self.word}"', self.overlay, told.anchor_frame, clips, self.note, fps=fps),
        ]


def watch_word(
    pipe: ReasonDiffPipeline,
    image: Image.Image,
    prompt: str,
    word: str,
    *,
    block: int | None = None,
    narrative: Any = None,
    position: int | None = None,
    seed: int = 0,
    on_stage: Any = lambda stage: None,
    callback_on_step_end: Any = None,
    **options: Any,
) -> WordAttention:
    """Generate one video and watch its attention to ``word`` in one block of the transformer (of both, with two).

    Args:
        pipe: eager and in one process.
        image: as for the pipeline.
        prompt: as for the pipeline.
        word: as it is written in the descriptions; several words in a row may be given.
        block: 0-based; the middle one unless given.
        narrative: as for the pipeline.
        position: as for the pipeline.
        seed: as for the pipeline.
        on_stage: as for the pipeline.
        callback_on_step_end: as for the pipeline.
        options: fields of ``Settings``.

    Raises:
        InputError: there is no such block, or no description contains the word.
    """
    blocks = len(pipe.any_transformer.blocks)
    block = blocks // 2 if block is None else block
    if not 0 <= block < blocks:
        raise InputError(f"There is no block {block}; give one of 0..{blocks - 1}.")
    settings = pipe.settings(image, narrative, **options)
    on_stage("narrate")
    story = pipe.narrate(image.convert("RGB"), prompt, narrative, settings, position)
    record = AttentionRecord(word_tokens(pipe.tokenizer, story.texts.prompts, word), layers=[block])
    output = pipe(
        image, prompt, narrative=story.narrative, seed=seed, record=record, output_type="uint8",
        on_stage=lambda stage: on_stage(stage) if stage != "narrate" else None,
        callback_on_step_end=callback_on_step_end, **options,
    )  # fmt: skip
    heat = record.mean(block)[0].cpu().numpy()
    _, high, wide = pipe.any_transformer.config["patch_size"]
    scale = pipe.vae_scale_factor_spatial
    heat = heat.reshape(len(heat), settings.height // (scale * high), settings.width // (scale * wide))
    timeline = pipe.model.timeline(settings.num_frames)
    return WordAttention(word, block, output, heat[[timeline.latent_of(f) for f in range(settings.num_frames)]])


def word_tokens(tokenizer: object, prompts: Iterable[str], word: str) -> dict[str, list[int]]:
    """Per prompt that contains ``word``, the indices of its tokens; whole words if there are any, else parts.

    Raises:
        InputError: none contains it.
    """
    wanted = re.escape(clean_text(word).lower())
    if not wanted:
        raise InputError("The word is empty; give one of the descriptions' words.")
    prompts = list(prompts)
    for pattern in (rf"(?<!\w){wanted}(?!\w)", wanted):  # scripts without spaces have no whole words
        found = {prompt: _tokens(tokenizer, clean_text(prompt), pattern) for prompt in prompts}
        if any(found.values()):
            return {prompt: tokens for prompt, tokens in found.items() if tokens}
    told = "; ".join(prompts)
    raise InputError(f"No description contains {word!r}; they are: {told[:300]}{' …' if len(told) > 300 else ''}.")


def _tokens(tokenizer: Any, text: str, pattern: str) -> list[int]:
    spans = [match.span() for match in re.finditer(pattern, text.lower())]

    def is_in_a_span(start: int, end: int) -> bool:
        return any(start < last and end > first for first, last in spans)

    offsets = tokenizer(text, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return [token for token, (start, end) in enumerate(offsets) if is_in_a_span(start, end)]
