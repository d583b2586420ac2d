"""Verify and re-plan: look at a video, make its worst clip again, look again, and keep the best."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reasondiff.errors import NarrationError, ProviderError
from reasondiff.jobs.inputs import Inputs
from reasondiff.jobs.progress import StageProgress
from reasondiff.jobs.redo import FinishedVideo, redo
from reasondiff.jobs.request import MAX_SEED, RedoRequest
from reasondiff.jobs.session import GeneratedVideo, VideoSession

if TYPE_CHECKING:
    from reasondiff.narrator.verifier import Verification, Verifier

__all__ = ["VERIFIED", "Round", "verified", "verifier_for"]

VERIFIED = "verified"
"""The option of a record that holds every round, as JSON."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """One look at a video.

    Args:
        number: 0 for the video as it was first made.
        video: that was looked at.
        verification: what was said of its clips.
        order: by which it was made from the best one before; None for the first.
    """

    number: int
    video: GeneratedVideo
    verification: Verification
    order: RedoRequest | None = None

    def __str__(self) -> str:
        failed = self.verification.failed
        what = "as first made" if self.order is None else f"clip {self.order.clip} made again"
        told = f"round {self.number} ({what}): {self.verification.score:.1f} of 10"
        if not failed:
            return f"{told}, every clip came out."
        return f"{told}; clip {failed[0].clip + 1} did not come out: {failed[0].reason or 'no reason was given'}"


def verifier_for(session: VideoSession, inputs: Inputs) -> Verifier:
    """Who looks at a session's videos: the model of its narrator; for a bundled model, whose narrator tells stories
    alone, the network that compares StoryWorld's frames with captions.

    Raises:
        UnsupportedError: the narrator has no model that could look at a video.
        InputError: there is no narrator.
    """
    from reasondiff.checkpoints import BUNDLED
    from reasondiff.jobs.storyworld_verifier import StoryWorldVerifier
    from reasondiff.narrator import verifier_of

    asked = session.request
    if asked.model.lower() in BUNDLED and asked.narrator is None and asked.narrator_url is None:
        return StoryWorldVerifier()
    return verifier_of(session.pipeline.narrator, inputs.image, inputs.prompt)


def verified(
    session: VideoSession,
    video: GeneratedVideo,
    inputs: Inputs,
    verifier: Verifier,
    rounds: int,
    *,
    progress: StageProgress | None = None,
    stop: threading.Event | None = None,
    on_round: Callable[[Round], None] = lambda each: None,
) -> tuple[GeneratedVideo, tuple[Round, ...]]:
    """The best of a video and at most so many others, in each of which one more clip was made again.

    The worst clip is described in other words where the verifier has some, and drawn from another seed in any case.
    Each round goes on from the best so far; after one that was no better, the next worst clip is tried. Every round is
    in the record of the video that is kept.

    Args:
        session: with the model of the video.
        video: as it was made.
        inputs: it was made from.
        verifier: looks at it.
        rounds: 1 or more.
        progress: as for ``VideoSession.generate``, and so is ``stop``.
        on_round: is told of every look.

    Returns:
        The best video, and the rounds; none where the verifier had nothing usable to say, which is logged.

    Raises:
        StoppedError: as asked.
    """
    looked: list[Round] = []
    best: Round | None = None
    order: RedoRequest | None = None
    current = video
    for number in range(1 + rounds):
        try:
            verification = verifier.verify(current.frames, current.narrative, inputs.prompt)
        except (NarrationError, ProviderError) as error:
            logger.warning("The video could not be verified (%s), so the best of what was made is kept.", error)
            break
        this = Round(number, current, verification, order)
        looked.append(this)
        on_round(this)
        if best is None or verification.score > best.verification.score:
            best = this
        if not best.verification.failed or number == rounds:
            break
        worst = best.verification.failed[(number - best.number) % len(best.verification.failed)]
        order = RedoRequest(
            clip=worst.clip + 1,
            text=worst.description or None,
            seed=(video.record.seed + number + 1) & MAX_SEED,
        )
        current = redo(session, FinishedVideo.of(best.video, inputs), order, progress=progress, stop=stop)
    kept = best.video if best is not None else video
    if not looked:
        return kept, ()
    told = json.dumps({"by": verifier.name, "kept": best.number if best else 0, "rounds": [*map(_told, looked)]})
    record = replace(kept.record, options={**kept.record.options, VERIFIED: told})
    return replace(kept, record=record), tuple(looked)


def _told(each: Round) -> dict[str, object]:
    """A round for the record."""
    clips = [{"score": clip.score, "reason": clip.reason} for clip in each.verification.clips]
    told: dict[str, object] = {"score": round(each.verification.score, 3), "clips": clips}
    if each.order is not None:
        told |= {"clip": each.order.clip, "text": each.order.text, "seed": each.order.seed}
    return told
