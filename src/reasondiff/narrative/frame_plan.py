"""Which text each latent frame reads."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal, get_args

from reasondiff.errors import InputError
from reasondiff.narrative import Clip, Narrative
from reasondiff.timeline import Timeline

if TYPE_CHECKING:
    import torch

__all__ = ["FramePlan", "How", "LostClip", "Segment", "TextMode", "texts_of"]

TextMode = Literal["framewise", "soft", "mean", "concat", "joined", "single"]
"""How the transformer reads text: each latent frame its own description and no other (``framewise``, hard routing);
that one most, with the style taking over where a description hands over to the next (``soft``, Prompt Relay's
penalty); the average of its pixel frames' descriptions (``mean``); all of these in one unordered context (``concat``,
the released research code's way); the whole narrative as one prompt (``joined``); the user's text alone (``single``,
plain Wan)."""

How = Literal["majority", "mean", "concat", "soft"]
"""How the texts of a latent frame's pixel frames become its own, see ``FramePlan``."""

Segment = tuple[tuple[int, float], ...]
"""The prompts that a latent frame reads as one, by number, each with its weight; the weights sum to 1."""

Shares = Mapping[int, float]
"""Which clips a latent frame's pixel frames show, by number in order of time, and how much of them each has, 0..1."""

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
    appearance. A plan is as long as the story and the video together.

    Args:
        prompts: the texts to encode.
        segments: of which prompts each is made.
        segment_of: per latent frame, its segment.
        how: ``majority`` and ``mean`` give a latent frame its own segment only; ``concat`` gives every latent frame the
            segments of all latent frames, in no order, as the released research code does; ``soft`` too, each segment
            by how near it is, see ``penalties``.
        lost: clips that no latent frame reads, and why; only ``majority`` and ``soft`` lose any.
        shared: with ``soft``, the prompt that every latent frame reads without a penalty; None for none.
    """

    prompts: tuple[str, ...]
    segments: tuple[Segment, ...]
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
        shares = _shares(clips, groups)
        lost: tuple[LostClip, ...] = ()
        if how in ("majority", "soft"):
            anchors = {timeline.latent_of(a.frame): narrative.clip_index(a.frame) for a in reversed(narrative.anchors)}
            read_by = _latent_frames_of_clips(shares)
            owners = _owners(shares, read_by, anchors)
            read = set(owners)
            lost = tuple(
                LostClip(clip, _reason(read_by[index], shares, owners, anchors))
                for index, clip in enumerate(clips)
                if index not in read
            )
            shares = [{owner: 1.0} for owner in owners]
        texts = [narrative.prompt_of(clip) for clip in clips]
        plan = cls._from_shares(texts, shares, how, lost)
        return plan._with_shared(shared) if how == "soft" and shared.strip() else plan

    def _with_shared(self, text: str) -> FramePlan:
        """With one more prompt and segment, the last, that no latent frame owns."""
        prompts = (*self.prompts, text) if text not in self.prompts else self.prompts
        own = ((prompts.index(text), 1.0),)
        return replace(self, prompts=prompts, segments=(*self.segments, own), shared=text)

    @classmethod
    def single(cls, prompt: str, num_latent_frames: int) -> FramePlan:
        """One text for all frames: a plain prompt, or the negative one."""
        return cls((prompt,), (((0, 1.0),),), (0,) * num_latent_frames)

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> FramePlan:
        """One text per latent frame; equal texts share a segment."""
        texts = list(texts)
        return cls._from_shares(texts, [{index: 1.0} for index in range(len(texts))], "majority")

    @classmethod
    def _from_shares(
        cls, texts: Sequence[str], shares: Sequence[Shares], how: How, lost: tuple[LostClip, ...] = ()
    ) -> FramePlan:
        """From the shares of the texts in every latent frame."""
        number_of: dict[str, int] = {}
        segments: dict[Segment, int] = {}
        segment_of = []
        for share in shares:
            weights: dict[int, float] = defaultdict(float)
            for index, weight in share.items():
                prompt = number_of.setdefault(texts[index], len(number_of))
                weights[prompt] += weight
            segment = tuple(sorted(weights.items()))
            segment_of.append(segments.setdefault(segment, len(segments)))
        return cls(tuple(number_of), tuple(segments), tuple(segment_of), how, lost)

    @property
    def num_latent_frames(self) -> int:
        return len(self.segment_of)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many latent frames read each segment."""
        counted = Counter(self.segment_of)
        return tuple(counted[segment] for segment in range(len(self.segments)))

    @property
    def penalties(self) -> tuple[tuple[float, ...], ...]:
        """With ``soft``: per latent frame, what is taken from the logits of every segment's tokens.

        Prompt Relay's ``max(0, |t - m| - w)^2 / (2 sigma^2)`` with a segment's middle m and length L in latent frames,
        ``w = L / 2 - 2`` (0 at least), ``sigma = 1 / ln(1 / 1e-3)``. A text that comes twice has the smaller of both.
        """
        runs: dict[int, list[tuple[float, float]]] = defaultdict(list)
        start = 0
        for segment, run in groupby(self.segment_of):
            length = len(list(run))
            runs[segment].append((start + length / 2, max(0.0, length / 2 - MARGIN)))
            start += length
        free = len(self.segments) - 1 if self.shared is not None else None

        def penalty(time: float, segment: int) -> float:
            if segment == free:
                return 0.0
            beyond = min(max(0.0, abs(time - middle) - w) for middle, w in runs[segment])
            return (beyond * math.log(1 / EPSILON)) ** 2 / 2

        times = [latent_frame + 0.5 for latent_frame in range(self.num_latent_frames)]
        return tuple(tuple(penalty(time, segment) for segment in range(len(self.segments))) for time in times)

    def mix(self, embeddings: torch.Tensor) -> torch.Tensor:
        """From prompts ``[prompts, ...]`` to segments ``[segments, ...]``."""
        if all(len(segment) == 1 for segment in self.segments):
            return embeddings[[segment[0][0] for segment in self.segments]]
        import torch

        weights = embeddings.new_zeros(len(self.segments), len(self.prompts))
        for number, segment in enumerate(self.segments):
            for prompt, weight in segment:
                weights[number, prompt] = weight
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


def _shares(clips: Sequence[Clip], groups: Sequence[range]) -> list[Shares]:
    """Of each group of frames, both in order of time."""
    shares: list[Shares] = []
    first = 0
    for frames in groups:
        while clips[first].end <= frames.start:
            first += 1
        share = {}
        for index in range(first, len(clips)):
            clip = clips[index]
            if clip.start >= frames.stop:
                break
            overlap = min(clip.end, frames.stop) - max(clip.start, frames.start)
            share[index] = overlap / len(frames)
        shares.append(share)
    return shares


def _latent_frames_of_clips(shares: Sequence[Shares]) -> Mapping[int, Sequence[int]]:
    """In which latent frames a clip has a share."""
    found: dict[int, list[int]] = defaultdict(list)
    for latent_frame, share in enumerate(shares):
        for clip in share:
            found[clip].append(latent_frame)
    return found


def _owners(
    shares: Sequence[Shares], read_by: Mapping[int, Sequence[int]], anchors: Mapping[int, int]
) -> Sequence[int]:
    """The clip that each latent frame reads.

    Args:
        shares: of each latent frame.
        read_by: every clip's latent frames, in order of time.
        anchors: the clip of the anchor in a latent frame.
    """
    owners = [_largest(share) for share in shares]
    counts = Counter(owners)

    def give(latent_frame: int, clip: int) -> None:
        counts[owners[latent_frame]] -= 1
        counts[clip] += 1
        owners[latent_frame] = clip

    for latent_frame, clip in anchors.items():
        if counts[owners[latent_frame]] > 1 or not counts[clip]:
            give(latent_frame, clip)
    for clip, latent_frames in read_by.items():
        if counts[clip]:
            continue
        # Its best latent frame of a clip that reads elsewhere too, if there is one; the anchor's last.
        free = [k for k in latent_frames if counts[owners[k]] > 1]
        if free:
            give(max(free, key=lambda k: (anchors.get(k) != owners[k], shares[k][clip])), clip)
    return owners


def _largest(share: Shares) -> int:
    """The clip with the largest share, the later one of two."""
    return max(share, key=lambda index: (share[index], index))


def _reason(
    latent_frames: Sequence[int], shares: Sequence[Shares], owners: Sequence[int], anchors: Mapping[int, int]
) -> str:
    """Why a clip of these latent frames reads nowhere: each is the only one of another clip."""
    for k in latent_frames:
        is_largest = shares[k].get(owners[k], 0.0) == max(shares[k].values())
        if k in anchors and not is_largest:
            return "the image's clip has no other latent frame"
    return "the clips beside it have no other latent frame"
