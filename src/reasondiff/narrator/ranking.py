"""Several stories for the same inputs: which one uses both best, by a second look of the same model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from reasondiff.errors import InputError, ProviderError
from reasondiff.narrative import Narrative
from reasondiff.narrator.asking import schema as json_schema
from reasondiff.narrator.asking.instruction import fill, read_prompt
from reasondiff.narrator.providers.base import Message, Provider, Reply
from reasondiff.narrator.reading.loose_json import find_values
from reasondiff.narrator.reading.texts import clean, shorten, without_markup

__all__ = ["Ranking", "pick", "rank"]

_SCORES = ("image", "text", "whole")
_REASON = 300


@dataclass(frozen=True)
class Ranking:
    """The best story first.

    Args:
        order: indices of the stories.
        verdicts: one per story, in the stories' own order: scores from 0 to 10 and a reason; ``{}`` without one.
        replies: what it took.
        warnings: sentences for the user.
    """

    order: tuple[int, ...]
    verdicts: tuple[dict[str, Any], ...]
    replies: tuple[Reply, ...] = ()
    warnings: tuple[str, ...] = ()


def rank(provider: Provider, version: str, image: Image.Image, prompt: str, stories: Sequence[Narrative]) -> Ranking:
    """Let the model judge each clip list against the image and the text.

    A judgement that fails, or says nothing about a story, leaves the stories in the order they were told.
    """
    told = "\n\n".join(f"Story {number}:\n{_clip_list(story)}" for number, story in enumerate(stories, 1))
    ask = fill(read_prompt(f"rank.{version}.txt"), num_frames=stories[0].num_frames, prompt=prompt, stories=told)
    try:
        reply = provider.complete(
            [Message("user", ask, (image,))], schema=_schema(len(stories)), max_tokens=300 * len(stories)
        )
    except ProviderError as error:
        return Ranking(tuple(range(len(stories))), ({},) * len(stories), (), (f"The stories were not ranked: {error}",))
    verdicts = _read(reply.text, len(stories))
    order = sorted(range(len(stories)), key=lambda n: -sum(verdicts[n].get(score, 0) for score in _SCORES))
    warned = () if all(verdicts) else ("The stories were not all ranked: the narrator's verdict could not be read.",)
    return Ranking(tuple(order), tuple(verdicts), (reply,), warned)


def pick(narrative: Narrative, number: int) -> Narrative:
    """Swap the story for its ``number``-th runner-up (from 1), which takes its place among the candidates.

    Raises:
        InputError: there is no such candidate.
    """
    others = list(narrative.provenance.get("candidates", ()))
    if not 1 <= number <= len(others):
        raise InputError(f"There is no candidate {number}; the narrative keeps {len(others)}.")
    chosen = Narrative.from_dict(others[number - 1])
    shared = {key: value for key, value in narrative.provenance.items() if key not in {"candidates", "verdicts"}}
    others[number - 1] = replace(narrative, provenance=shared).to_dict()
    verdicts = list(narrative.provenance.get("verdicts", ()))
    if len(verdicts) == len(others) + 1:
        verdicts[0], verdicts[number] = verdicts[number], verdicts[0]
    record = {**chosen.provenance, "candidates": others, "verdicts": verdicts}
    return replace(chosen, provenance=record)


def _clip_list(story: Narrative) -> str:
    lines = [f"The image is seen at frame {story.anchor_frame + 1}."]
    for clip in story.clips:
        here = " (the image is seen here)" if story.anchor_frame in clip else ""
        lines.append(f"Frames {clip.start + 1}-{clip.end}{here}: {clip.description}")
    return without_markup("\n".join(lines))


def _schema(count: int) -> json_schema.Schema:
    scores = dict.fromkeys(_SCORES, json_schema.integer(0, 10))
    verdict = json_schema.object(
        {"story": json_schema.integer(1, count), "reason": json_schema.string(_REASON), **scores}
    )
    return json_schema.object({"verdicts": json_schema.array(verdict, count, count)})


def _read(reply: str, count: int) -> list[dict[str, Any]]:
    """Verdicts by story; only scores within 0..10 and a short reason leave here."""
    verdicts: list[dict[str, Any]] = [{} for _ in range(count)]
    for found in find_values(reply):
        rows = found.value.get("verdicts") if isinstance(found.value, dict) else found.value
        for place, each in enumerate(rows if isinstance(rows, list) else [], 1):
            if not isinstance(each, dict):
                continue
            number = each.get("story", place)
            scores = {score: each.get(score) for score in _SCORES}
            if number not in range(1, count + 1) or not all(map(_is_score, scores.values())):
                continue
            verdicts[number - 1] = {**scores, "reason": shorten(clean(str(each.get("reason", ""))), _REASON)}
    return verdicts


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 10
