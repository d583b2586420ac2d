"""VisionNarrator (Sec. 3.2): ask a multi-modal model for a story, doubt the reply, keep a record.

The protocol is the same for every model; a ``Provider`` only carries messages.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from PIL import Image

from reasondiff.errors import InputError, NarrationError, ProviderError, UnsupportedError
from reasondiff.media import image_hash
from reasondiff.narrative import Narrative
from reasondiff.narrative.formats import MAX_FRAMES
from reasondiff.narrator.asking.form import Bounds, Form
from reasondiff.narrator.asking.instruction import Instruction
from reasondiff.narrator.cache import Cache
from reasondiff.narrator.providers.base import Message, Provider, Reply
from reasondiff.narrator.ranking import rank
from reasondiff.narrator.reading.consistency import Check
from reasondiff.narrator.reading.parse import Parsed, parse
from reasondiff.narrator.reading.positions import parse_images
from reasondiff.narrator.reading.texts import clean, shorten, without_markup

__all__ = ["NarrationWarning", "VisionNarrator"]

MAX_PROMPT = 4000
"""Characters of the user's text that are sent."""

MAX_QUOTED = 32_000
"""Characters of a raw reply that are sent back when asking again, and kept for the record."""

SAMPLED = 0.8
"""The temperature at which candidates and redraws are sampled."""


class NarrationWarning(UserWarning):
    """A story was told, but something about it should be looked at."""


@dataclass
class _Cost:
    """What a narrative took, summed over its requests."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    requests: int = 0
    reasks: int = 0
    failed: int = 0
    started: float = field(default_factory=time.perf_counter)

    def add(self, reply: Reply) -> None:
        if reply.tokens_in is not None:
            self.tokens_in = (self.tokens_in or 0) + reply.tokens_in
        if reply.tokens_out is not None:
            self.tokens_out = (self.tokens_out or 0) + reply.tokens_out

    def record(self) -> dict[str, Any]:
        seconds = round(time.perf_counter() - self.started, 3)
        return {"tokens_in": self.tokens_in, "tokens_out": self.tokens_out, "requests": self.requests,
                "reasks": self.reasks, "failed_requests": self.failed, "seconds": seconds}  # fmt: skip


@dataclass(frozen=True)
class _Shown:
    """The images beside the first, and the frames of those that are pinned."""

    more: tuple[Image.Image, ...] = ()
    pinned: Mapping[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return 1 + len(self.more)

    def parse(self, reply: Reply, num_frames: int, interval: float) -> Parsed:
        how: dict[str, Any] = {"cut": reply.cut, "refusal": reply.refusal}
        if not self.more:
            return parse(reply.text, num_frames, interval, **how)
        return parse_images(reply.text, self.count, self.pinned, num_frames, interval, **how)


@dataclass(frozen=True)
class VisionNarrator:
    """A narrator on top of any multi-modal model.

    Args:
        provider: carries messages to the model and back.
        form: of the replies asked for; both are understood.
        bounds: the most a reply may hold.
        instruction: what the model is told.
        redraws: how often a faulty reply is first drawn again, by sampling: for a model too small to read a complaint.
        reasks: how often a faulty reply is asked for again, with the complaint; then it is repaired.
        candidates: stories to ask for; with more than one, a second look ranks them and the others are kept in
            ``provenance["candidates"]``.
        temperature: of sampling; None for 0, or 0.8 with several candidates.
        seed: of sampling.
        max_tokens: of one reply; None for as many as the schema's bounds allow.
        cache: where narratives are kept and found again; None to ask every time.
        checks: looks at the chosen story whose sentences become warnings.
        max_prompt: characters of the user's text that are sent.
        frames: the only number of frames that the model can tell a story in; another one is retimed. None for any.
    """

    provider: Provider
    form: Form = "clips"
    bounds: Bounds = field(default_factory=Bounds)
    instruction: Instruction = field(default_factory=Instruction)
    redraws: int = 0
    reasks: int = 2
    candidates: int = 1
    temperature: float | None = None
    seed: int = 0
    max_tokens: int | None = None
    cache: Cache | None = None
    checks: tuple[Check, ...] = ()
    max_prompt: int = MAX_PROMPT
    frames: int | None = None

    def __post_init__(self) -> None:
        if self.form not in {"clips", "list"}:
            raise InputError(f"The reply form {self.form!r} is unknown; give 'clips' or 'list'.")
        if self.redraws < 0:
            raise InputError(f"{self.redraws} redraws do not work; give 0 or more.")
        if self.reasks < 0 or not 1 <= self.candidates <= 16:
            raise InputError(
                f"{self.reasks} re-asks and {self.candidates} candidates do not work; give 0 or more and 1 to 16."
            )

    @property
    def name(self) -> str:
        return self.provider.name

    def model_for(self, image: Image.Image, prompt: str) -> Provider:
        """The model, for other questions than a story; see ``AsksModel``.

        Raises:
            UnsupportedError: it has a prompt of its own, and never learnt to answer anything else.
        """
        if self.instruction.template:
            raise UnsupportedError(
                f"The narrator {self.name} tells whole stories and never learnt to look at a video; give --narrator, "
                "such as openai:gpt-4o."
            )
        return self.provider

    def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
        """The story of ``image`` and ``prompt``; see ``Narrator``.

        Warns:
            NarrationWarning: the reply was repaired, or a check found the story doubtful.

        Raises:
            InputError: an empty prompt, or no frames.
            NarrationError: the model declined, or gave no usable story; the message quotes it.
            ProviderError: the model could not be asked.
        """
        return self.narrate_images([image], prompt, num_frames=num_frames, interval=interval)

    def narrate_images(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        num_frames: int,
        interval: float,
        pinned: Mapping[int, int] | None = None,
    ) -> Narrative:
        """The story of several images in any order and ``prompt``; see ``NarratesImages``.

        Raises:
            UnsupportedError: several images, and a model that was trained to place one.
        """
        if len(images) > 1 and self.instruction.template:
            raise UnsupportedError(f"The narrator {self.name} was trained to place one image; pin the others.")
        given = clean(without_markup(prompt))
        prompt = shorten(given, self.max_prompt)
        if not prompt:
            raise InputError("The prompt is empty; say in a few words what the video should tell.")
        if not 1 <= num_frames <= MAX_FRAMES or not 0 < interval < math.inf:
            raise InputError(
                f"{num_frames} frames, {interval} s apart, are no video; give 1 to {MAX_FRAMES:,} and positive seconds."
            )
        image, *more = (each.convert("RGB") for each in images)
        shown = _Shown(tuple(more), dict(pinned or {}))
        question = self._question(image, prompt, num_frames, interval, shown)
        if self.cache and (known := self.cache.get(question)):
            narrative = replace(known, provenance={**known.provenance, "cached": True})
        else:
            narrative = self._tell_and_choose(image, prompt, self.frames or num_frames, interval, shown)
            narrative = _with_record(_in_frames(narrative, num_frames), prompt=prompt)
            warned = [sentence for check in self.checks for sentence in check(image, prompt, narrative)]
            narrative = _with_record(narrative, warnings=[*narrative.provenance["warnings"], *warned])
            if prompt != given:
                narrative = _with_note(narrative, f"{len(prompt)} of the prompt's {len(given)} characters read")
            if self.cache and not narrative.provenance["failed_requests"]:  # another time it may be told in full
                problem = self.cache.put(question, narrative)
                if problem:
                    warnings.warn(problem, NarrationWarning, stacklevel=2)
        for sentence in narrative.provenance.get("warnings", ()):
            warnings.warn(sentence, NarrationWarning, stacklevel=2)
        return narrative

    def _question(
        self, image: Image.Image, prompt: str, num_frames: int, interval: float, shown: _Shown
    ) -> dict[str, Any]:
        options: dict[str, Any] = {
            "form": self.form,
            "bounds": asdict(self.bounds),
            "reasks": self.reasks,
            "seed": self.seed,
        }
        options |= {"candidates": self.candidates, "temperature": self.temperature, "max_tokens": self.max_tokens}
        options |= {"redraws": self.redraws} if self.redraws else {}
        if shown.more:
            options["more_images"] = [image_hash(each) for each in shown.more]
            options["of_images"] = self.instruction.several(shown.count, shown.pinned)
        return {
            "model": dict(self.provider.identity), "prompts": self.instruction.fingerprint, "image": image_hash(image),
            "text": prompt, "num_frames": num_frames, "interval": interval, "options": options,
        }  # fmt: skip

    def _tell_and_choose(
        self, image: Image.Image, prompt: str, num_frames: int, interval: float, shown: _Shown
    ) -> Narrative:
        cost = _Cost()
        stories: list[Narrative] = []
        failure: NarrationError | ProviderError | None = None
        for number in range(self.candidates):
            ask = self.instruction.messages(
                image, prompt, self.form, num_frames, interval, stories, shown.more, shown.pinned
            )
            try:
                stories.append(self._tell(ask, num_frames, interval, self.seed + number, cost, shown))
            except NarrationError as error:
                failure = error
            except ProviderError as error:  # what cannot be asked now will not be a moment later
                failure = error
                break
        if not stories:
            assert failure
            raise failure
        chosen = stories[0]
        if failure:
            were = "was" if len(stories) == 1 else "were"
            said = f"{len(stories)} of {self.candidates} stories {were} told: {failure}"
            chosen = _with_record(chosen, warnings=[*chosen.provenance["warnings"], said])
        record: dict[str, Any] = {}
        if len(stories) > 1 and self.instruction.template:  # a model with a prompt of its own never learnt to judge
            record = {"candidates": [story.to_dict() for story in stories[1:]]}
        elif len(stories) > 1:
            stories[0] = chosen
            cost.requests += 1
            ranking = rank(self.provider, self.instruction.version, image, prompt, stories)
            for reply in ranking.replies:
                cost.add(reply)
            chosen, *others = (stories[n] for n in ranking.order)
            record = {
                "verdicts": [ranking.verdicts[n] for n in ranking.order],
                "candidates": [s.to_dict() for s in others],
            }
            chosen = _with_record(chosen, warnings=[*chosen.provenance["warnings"], *ranking.warnings])
        return _with_record(chosen, **cost.record(), **record)

    def _tell(
        self, ask: tuple[Message, ...], num_frames: int, interval: float, seed: int, cost: _Cost, shown: _Shown
    ) -> Narrative:
        """One story: ask, doubt, draw or ask again, and take the best reply if none is flawless."""
        budget = self.max_tokens or self.bounds.max_tokens(self.form, num_frames)
        temperature = self.temperature if self.temperature is not None else SAMPLED if self.candidates > 1 else 0.0
        messages, complaints = ask, list[list[str]]()
        best: tuple[Parsed, Reply] | None = None
        for attempt in range(1 + self.redraws + self.reasks):
            redrawn = 0 < attempt <= self.redraws
            cost.requests += 1
            cost.reasks += attempt > self.redraws
            try:
                reply = self.provider.complete(
                    messages,
                    schema=self.bounds.schema(self.form, num_frames, shown.count),
                    max_tokens=budget,
                    temperature=temperature or SAMPLED if redrawn else temperature,
                    seed=seed + attempt if redrawn else seed,
                )
            except ProviderError as error:
                cost.failed += 1
                if best is None or best[0].narrative is None:
                    raise
                return self._with_provenance(*best, complaints, not_asked=f"It could not be asked again: {error}")
            cost.add(reply)
            parsed = shown.parse(reply, num_frames, interval)
            if best is None or _rank(parsed) <= _rank(best[0]):
                best = parsed, reply
            only_doubtful = parsed.narrative is not None and not parsed.repairs and attempt > self.redraws
            if not parsed.faults or parsed.refused or only_doubtful:
                break
            complaints.append(list(parsed.faults))
            if attempt < self.redraws:
                continue
            if reply.cut:
                budget *= 2
            said = without_markup(shorten(reply.text, MAX_QUOTED)) or "(nothing)"
            messages = (*ask, Message("assistant", said), self.instruction.ask_again(parsed.faults))
        assert best
        return self._with_provenance(*best, complaints)

    def _with_provenance(
        self, parsed: Parsed, reply: Reply, complaints: list[list[str]], not_asked: str = ""
    ) -> Narrative:
        if parsed.narrative is None:
            fault = parsed.faults[-1].removesuffix(".").replace("Your reply", "its reply")
            why = "declined" if parsed.refused else f"gave no usable story ({fault})"
            if str(reply.details.get("structure", "")).endswith("not kept") and not parsed.refused:
                why += ", and its server does not enforce the reply's form"
            raise NarrationError(
                f"The narrator {self.name} {why}; reword the prompt or choose another --narrator.",
                reply.refusal or reply.text,
            )
        warned = list(parsed.faults)
        if parsed.repairs:
            warned = [
                f"The narrator's reply was repaired ({'; '.join(parsed.repairs)}): {' '.join(parsed.faults)}".strip()
            ]
        if not_asked:
            warned = [" ".join([*warned, not_asked])]
        return _with_record(
            parsed.narrative,
            narrator=self.name,
            prompts=self.instruction.fingerprint,
            form=self.form,
            reply=shorten(reply.text.encode(errors="replace").decode(), MAX_QUOTED),  # half a character is not JSON
            image_shows=parsed.image_shows,
            notes=list(parsed.notes),
            complaints=complaints,
            repairs=list(parsed.repairs),
            warnings=warned,
            **reply.details,
        )


def _rank(parsed: Parsed) -> tuple[bool, int, int]:
    """Fewer is better: no story at all, then changes to it, then doubts about it."""
    return parsed.narrative is None, len(parsed.repairs), len(parsed.faults)


def _in_frames(narrative: Narrative, num_frames: int) -> Narrative:
    """The story in another number of frames, and a note of it; of more clips than frames, those about the image."""
    if narrative.num_frames == num_frames:
        return narrative
    note = f"told in {narrative.num_frames} frames and retimed to {num_frames}"
    if (spare := len(narrative.clips) - num_frames) > 0:
        here = narrative.clip_index(narrative.anchor_frame)
        first = min(max(here - num_frames // 2, 0), spare)
        kept = narrative.clips[first : first + num_frames]
        note += f", {spare} clips left out"
        narrative = replace(
            narrative,
            clips=tuple(replace(clip, start=clip.start - kept[0].start, end=clip.end - kept[0].start) for clip in kept),
            anchors=tuple(replace(anchor, frame=anchor.frame - kept[0].start) for anchor in narrative.anchors),
            num_frames=kept[-1].end - kept[0].start,
        )
    return _with_note(narrative.retime(num_frames), note)


def _with_note(narrative: Narrative, note: str) -> Narrative:
    return _with_record(narrative, notes=[*narrative.provenance["notes"], note])


def _with_record(narrative: Narrative, **record: Any) -> Narrative:
    return replace(narrative, provenance={**narrative.provenance, **record})
