"""Which text each latent frame reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal, get_args

from reasondiff.errors import InputError
from reasondiff.narrative import Clip, Narrative
from reasondiff.timeline import Timeline

if TYPE_CHECKING:
    import torch

__all__ = ["FramePlan", "How", "LostClip", "TextMode", "texts_of"]

TextMode = Literal["framewise", "soft", "mean", "concat", "joined", "single"]
"""How the transformer reads text: each latent frame its own description and no other (``framewise``, hard routing);
that one most, with the style taking over where a description hands over to the next (``soft``, Prompt Relay's
penalty); the average of its pixel frames' descriptions (``mean``); all of these in one unordered context (``concat``,
the released research code's way); the whole narrative as one prompt (``joined``); the user's text alone (``single``,
plain Wan)."""

How = Literal["majority", "mean", "concat", "soft"]
"""How the texts of a latent frame's pixel frames become its own, see ``FramePlan``."""

EPSILON = 1e-3
"""Prompt Relay's (arXiv 2604.10030): with it the penalty's width is ``1 / ln(1 / EPSILON)``, 0.145 latent frames."""
MARGIN = 2
"""Latent frames at each end of a segment in which its text fades, Prompt Relay's ``w = L / 2 - 2``."""


@dataclass(frozen=True)
class LostClip:
    """A clip that no latent frame reads.

    Args:
        clip: the clip.
        reason: why its latent frames read others, in words that follow "because".
    """

    clip: Clip
    reason: str


@dataclass(frozen=True)
class FramePlan:
    """The texts of a video and the one that each of its latent frames reads.

    A *prompt* is a text that is encoded once. A *segment* is what a latent frame reads: one prompt, or (``mean`` and
    ``concat``) the average of the prompts of its pixel frames. Prompts and segments are unique and in order of
    appearance.

    Args:
        prompts: the texts to encode.
        segments: per segment, the weight of every prompt; each row sums to 1.
        segment_of: per latent frame, its segment.
        how: ``majority`` and ``mean`` give a latent frame its own segment only; ``concat`` gives every latent frame the
            segments of all latent frames, in no order, as the released research code does; ``soft`` too, each segment
            by how near it is, see ``penalties``.
        lost: clips that no latent frame reads, and why; only ``majority`` and ``soft`` lose any.
        shared: with ``soft``, the prompt that every latent frame reads without a penalty; None for none.
    """

    prompts: tuple[str, ...]
    segments: tuple[tuple[float, ...], ...]
    segment_of: tuple[int, ...]
    how: How = "majority"
    lost: tuple[LostClip, ...] = ()
    shared: str | None = None

    @classmethod
    def from_narrative(
        cls, narrative: Narrative, timeline: Timeline, how: How = "majority", shared: str = ""
    ) -> FramePlan:
        """Give each latent frame its text.

        With ``majority`` that is the clip with most of the latent frame's pixel frames (ties: the later clip), except
        that an anchor's latent frame reads the anchor's clip. No clip is lost if it can be helped: one that would read
        nowhere gets its best latent frame from a clip that reads elsewhere too, the anchor's last. So it is with
        ``soft``. With ``mean`` and ``concat`` it is the average over the latent frame's pixel frames.

        Args:
            narrative: the story.
            timeline: of the video.
            how: see ``How``.
            shared: with ``soft``, a text that takes over where one segment hands over to the next; "" for none.

        Raises:
            InputError: the narrative and the timeline have different lengths, or ``how`` is unknown.
        """
        if how not in get_args(How):
            raise InputError(f"{how!r} is not a way to give frames their text; give one of {', '.join(get_args(How))}.")
        if narrative.num_frames != timeline.num_frames:
            raise InputError(
                f"The narrative tells {narrative.num_frames} frames and the video has {timeline.num_frames}; "
                f"retime the narrative to {timeline.num_frames}."
            )
        clips = narrative.clips
        groups = [timeline.frames_of(latent_frame) for latent_frame in range(timeline.num_latent_frames)]
        shares = [_shares(clips, frames) for frames in groups]
        lost: tuple[LostClip, ...] = ()
        if how in ("majority", "soft"):
            anchors = {timeline.latent_of(a.frame): narrative.clip_at(a.frame) for a in reversed(narrative.anchors)}
            owners = _owners(shares, {latent: clips.index(clip) for latent, clip in anchors.items()})
            lost = tuple(
                LostClip(clip, _reason(index, shares, owners, anchors))
                for index, clip in enumerate(clips)
                if index not in owners
            )
            shares = [_all_to(owner, len(clips)) for owner in owners]
        texts = [narrative.prompt_of(clip) for clip in clips]
        plan = cls._from_shares(texts, shares, how, lost)
        return plan._with_shared(shared) if how == "soft" and shared.strip() else plan

    def _with_shared(self, text: str) -> FramePlan:
        """With one more prompt and segment, the last, that no latent frame owns."""
        prompts = (*self.prompts, text) if text not in self.prompts else self.prompts
        padded = [(*row, *[0.0] * (len(prompts) - len(self.prompts))) for row in self.segments]
        own = tuple(float(prompt == text) for prompt in prompts)
        return replace(self, prompts=prompts, segments=(*padded, own), shared=text)

    @classmethod
    def single(cls, prompt: str, num_latent_frames: int) -> FramePlan:
        """One text for all frames: a plain prompt, or the negative one."""
        return cls((prompt,), ((1.0,),), (0,) * num_latent_frames)

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> FramePlan:
        """One text per latent frame; equal texts share a segment."""
        texts = list(texts)
        shares = [_all_to(index, len(texts)) for index in range(len(texts))]
        return cls._from_shares(texts, shares, "majority")

    @classmethod
    def _from_shares(
        cls, texts: list[str], shares: list[list[float]], how: How, lost: tuple[LostClip, ...] = ()
    ) -> FramePlan:
        """From the share (0..1) of every text in every latent frame."""
        read = [text for share in shares for text, weight in zip(texts, share, strict=True) if weight]
        prompts = tuple(dict.fromkeys(read))

        def weights(share: list[float]) -> tuple[float, ...]:
            totals = dict.fromkeys(prompts, 0.0)
            for text, weight in zip(texts, share, strict=True):
                if weight:
                    totals[text] += weight
            return tuple(totals.values())

        weights_of = [weights(share) for share in shares]
        segments = tuple(dict.fromkeys(weights_of))
        return cls(prompts, segments, tuple(map(segments.index, weights_of)), how, lost)

    @property
    def num_latent_frames(self) -> int:
        return len(self.segment_of)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many latent frames read each segment."""
        return tuple(self.segment_of.count(segment) for segment in range(len(self.segments)))

    @property
    def penalties(self) -> tuple[tuple[float, ...], ...]:
        """With ``soft``: per latent frame, what is taken from the logits of every segment's tokens.

        Prompt Relay's ``max(0, |t - m| - w)^2 / (2 sigma^2)`` with a segment's middle m and length L in latent frames,
        ``w = L / 2 - 2`` (0 at least), ``sigma = 1 / ln(1 / 1e-3)``. A text that comes twice has the smaller of both.
        """
        runs: list[tuple[int, float, float]] = []
        start = 0
        for segment, run in groupby(self.segment_of):
            length = len(list(run))
            runs.append((segment, start + length / 2, max(0.0, length / 2 - MARGIN)))
            start += length
        free = len(self.segments) - 1 if self.shared is not None else None

        def penalty(time: float, segment: int) -> float:
            if segment == free:
                return 0.0
            beyond = min(max(0.0, abs(time - middle) - w) for owner, middle, w in runs if owner == segment)
            return (beyond * math.log(1 / EPSILON)) ** 2 / 2

        times = [latent_frame + 0.5 for latent_frame in range(self.num_latent_frames)]
        return tuple(tuple(penalty(time, segment) for segment in range(len(self.segments))) for time in times)

    def mix(self, embeddings: torch.Tensor) -> torch.Tensor:
        """From prompts ``[prompts, ...]`` to segments ``[segments, ...]``."""
        if all(weight in (0.0, 1.0) for row in self.segments for weight in row):
            return embeddings[[row.index(1.0) for row in self.segments]]
        import torch

        weights = embeddings.new_tensor(self.segments)
        return torch.einsum("sp,p...->s...", weights, embeddings)


def texts_of(narrative: Narrative, prompt: str, text_mode: TextMode, timeline: Timeline) -> FramePlan:
    """What the transformer reads in each latent frame, see ``TextMode``."""
    match text_mode:
        case "framewise":
            return FramePlan.from_narrative(narrative, timeline)
        case "soft":
            return FramePlan.from_narrative(narrative, timeline, "soft", shared=narrative.style.strip() or prompt)
        case "mean" | "concat":
            return FramePlan.from_narrative(narrative, timeline, text_mode)
        case "joined":
            return FramePlan.single(narrative.as_one_prompt(), timeline.num_latent_frames)
        case "single":
            return FramePlan.single(prompt, timeline.num_latent_frames)


def _shares(clips: Sequence[Clip], frames: range) -> list[float]:
    """Every clip's share (0..1) of some frames."""
    overlaps = [max(0, min(clip.end, frames.stop) - max(clip.start, frames.start)) for clip in clips]
    return [overlap / len(frames) for overlap in overlaps]


def _all_to(owner: int, texts: int) -> list[float]:
    """The shares of texts of which one has all."""
    return [float(index == owner) for index in range(texts)]


def _owners(shares: Sequence[Sequence[float]], anchors: Mapping[int, int]) -> list[int]:
    """The clip that each latent frame reads.

    Args:
        shares: per latent frame, every clip's share of its pixel frames.
        anchors: the clip of the anchor in a latent frame.
    """
    owners = [_largest(share) for share in shares]
    for latent_frame, clip in anchors.items():
        longest = owners[latent_frame]
        if owners.count(longest) > 1 or clip not in owners:
            owners[latent_frame] = clip
    for clip in range(len(shares[0])):
        if clip not in owners:
            _find_place(clip, owners, shares, anchors)
    return owners


def _largest(share: Sequence[float]) -> int:
    """The clip with the largest share, the later one of two."""
    return max(range(len(share)), key=lambda index: (share[index], index))


def _find_place(clip: int, owners: list[int], shares: Sequence[Sequence[float]], anchors: Mapping[int, int]) -> None:
    """Give a clip that reads nowhere its best latent frame of a clip that reads elsewhere too, if there is one."""
    free = [k for k, share in enumerate(shares) if share[clip] and owners.count(owners[k]) > 1]
    if free:
        best = max(free, key=lambda k: (anchors.get(k) != owners[k], shares[k][clip]))
        owners[best] = clip


def _reason(lost: int, shares: Sequence[Sequence[float]], owners: Sequence[int], anchors: Mapping[int, Clip]) -> str:
    """Why a clip reads nowhere: each of its latent frames is the only one of another clip."""
    latent_frames = [k for k, share in enumerate(shares) if share[lost]]
    if any(k in anchors and shares[k][owners[k]] < max(shares[k]) for k in latent_frames):
        return "the image's clip has no other latent frame"
    return "the clips beside it have no other latent frame"
