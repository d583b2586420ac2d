"""Captions for all clips of a set (Sec. 3.4), by the models that narrate; each request is paid for once.

``caption-replies.jsonl`` keeps every reply as it comes, so a run that is stopped, or asked again after other clips were
added, asks only for what is missing. ``captions.jsonl`` is made from it, from captions that came with the videos, and
from what a person corrected in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from reasondiff.data.caption_replies import REPLIES, Replies, manner, told_of
from reasondiff.data.captioning import Captioner, tidy_caption
from reasondiff.data.captions import READY_MADE, ClipCaptions, Per, read_captions
from reasondiff.data.records import Unusable, digest, read_lines, write_lines
from reasondiff.data.sample import ClipRecord
from reasondiff.errors import InputError, NarrationError, OutputError, ProviderError, ReasonDiffError
from reasondiff.narrator.in_flight import in_flight
from reasondiff.narrator.providers.base import UnavailableError
from reasondiff.timeline import Timeline

__all__ = ["Captioned", "Captioning", "caption_set", "clips_of", "questions_of"]

PATIENCE = 3
"""Clips in a row that nobody can be asked for, before the rest is left for another time."""


@dataclass(frozen=True)
class Captioning:
    """How a set is captioned.

    Args:
        per: "latent" asks once per latent group, "frame" for every frame (the paper's way), "clip" for all latent
            groups in one request, which keeps names and looks the same.
        ready_made: use captions that came with the videos.
        hygiene: take out "The image depicts" and watermark sentences.
        concurrency: clips that are asked for at the same time.
    """

    per: Per = "latent"
    ready_made: bool = True
    hygiene: bool = True
    concurrency: int = 4

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise InputError(f"{self.concurrency} questions at a time ask nothing; give 1 or more.")


@dataclass(frozen=True)
class Captioned:
    """What became of a set's captions.

    Args:
        captions: of all clips that have some, in the set's order.
        unusable: clips that have none, and why.
        asked: clips that were asked for in this run.
    """

    captions: tuple[ClipCaptions, ...]
    unusable: tuple[Unusable, ...]
    asked: int


def clips_of(folder: Path) -> list[ClipRecord]:
    """The sampled clips of a set.

    Raises:
        InputError: it has none.
    """
    try:
        clips = read_lines(folder / "clips.jsonl", ClipRecord)
    except FileNotFoundError:
        clips = []
    if not clips:
        raise InputError(f"{str(folder)!r} has no clips; run reasondiff data sample {folder} first.")
    return clips


def questions_of(folder: Path, captioner: Captioner, captioning: Captioning) -> list[ClipRecord]:
    """The clips of a set that will be asked for.

    Raises:
        InputError: the set has no clips, or a line of its captions is damaged.
    """
    before = read_captions(folder)
    waiting: list[ClipRecord] = []
    for clip in clips_of(folder):
        if _kept(clip, before.get(clip.id), captioning, _question(clip, captioner, captioning)) is None:
            waiting.append(clip)
    return waiting


def caption_set(
    folder: Path,
    captioner: Captioner,
    captioning: Captioning,
    *,
    stride: int = 4,
    progress: Callable[[int, int], None] | None = None,
) -> Captioned:
    """Write ``captions.jsonl``; what is there already, ready-made or corrected is not asked for.

    Args:
        folder: of a set with clips.
        captioner: the model.
        captioning: how it is asked.
        stride: pixel frames per latent frame after the first.
        progress: called with the number of clips that were asked for, and of all that will be.

    Raises:
        InputError: the set has no clips, or a line of its captions is damaged.
        ProviderError: nobody can be asked; what is captioned is kept.
        OutputError: there is no room; likewise.
    """
    clips = clips_of(folder)
    asked = {clip.id: _question(clip, captioner, captioning) for clip in clips}
    before = read_captions(folder)
    done = {clip.id: _kept(clip, before.get(clip.id), captioning, asked[clip.id]) for clip in clips}
    for clip in clips:
        if (kept := done[clip.id]) is not None:
            kept.check(Timeline(clip.num_frames, stride))
    waiting = [clip for clip in clips if done[clip.id] is None]
    failed: dict[str, str] = {}
    try:
        with Replies(folder / REPLIES) as replies:
            work = _Work(folder, captioner, captioning, stride, replies)
            answers = in_flight(waiting, work.answer, captioning.concurrency)
            in_vain = 0
            for count, answer in enumerate(answers, 1):
                if isinstance(answer.error, OutputError):
                    raise answer.error
                if answer.error is None:
                    done[answer.clip.id] = replace(answer.captions, asked=asked[answer.clip.id]).stamped()
                    in_vain = 0
                else:
                    failed[answer.clip.id] = " ".join(str(answer.error).split())
                    in_vain = in_vain + 1 if isinstance(answer.error, UnavailableError) else 0
                    if in_vain == PATIENCE or (count == 1 and _concerns_all(answer.error)):
                        raise answer.error
                if progress is not None:
                    progress(count, len(waiting))
                if in_vain and count == len(waiting):
                    assert answer.error is not None, "it is what counts as in vain"
                    raise answer.error
    finally:  # also on Ctrl-C: what is captioned is kept
        found = tuple(kept for clip in clips if (kept := done[clip.id]) is not None)
        if found:
            write_lines(folder / "captions.jsonl", found)
    unusable = tuple(Unusable.of(clip.origin, f"it was not captioned: {failed[clip.id]}") for clip in clips
                     if clip.id in failed)  # fmt: skip
    write_lines(folder / "captions-unusable.jsonl", unusable)
    return Captioned(found, unusable, len(waiting))


def _concerns_all(error: ReasonDiffError) -> bool:
    return isinstance(error, ProviderError) or (isinstance(error, NarrationError) and "JSON" in str(error))


def _kept(clip: ClipRecord, before: ClipCaptions | None, captioning: Captioning, asked: str) -> ClipCaptions | None:
    """The captions of a clip that need not be asked for; None where they must."""
    if before is not None and before.corrected:
        return before
    if captioning.ready_made and clip.frame_captions:
        return ClipCaptions(clip.id, clip.origin, "frame", clip.frame_captions, READY_MADE).stamped()
    if captioning.ready_made and clip.captions:
        return ClipCaptions(clip.id, clip.origin, "clip", clip.captions, READY_MADE).stamped()
    return before if before is not None and before.asked == asked else None


def _question(clip: ClipRecord, captioner: Captioner, captioning: Captioning) -> str:
    """A digest of all that decides a clip's captions."""
    return digest(clip.id, captioning.per, captioning.hygiene, manner(captioner))


@dataclass(frozen=True)
class _Answer:
    clip: ClipRecord
    captions: ClipCaptions
    error: ReasonDiffError | None = None


@dataclass(frozen=True)
class _Work:
    """Asks for one clip after the other; safe to call from several threads."""

    folder: Path
    captioner: Captioner
    captioning: Captioning
    stride: int
    replies: Replies

    def answer(self, clip: ClipRecord) -> _Answer:
        per: Per = "frame" if self.captioning.per == "frame" else "latent"
        nothing = ClipCaptions(clip.id, clip.origin, per, ("-",), self.captioner.provider.name)
        try:
            raw = told_of(self.folder, clip, self.captioner, self.captioning.per, self.stride, self.replies)
        except ReasonDiffError as error:
            return _Answer(clip, nothing, error)
        except OSError as error:
            return _Answer(clip, nothing, OutputError(self.folder / REPLIES, error.errno))
        texts = tuple(tidy_caption(each).text if self.captioning.hygiene else each for each in raw)
        return _Answer(clip, replace(nothing, texts=texts))
