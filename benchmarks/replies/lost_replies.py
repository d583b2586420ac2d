"""Failures that lose part of the story, or all of it: a parser has to notice, and to survive."""

from __future__ import annotations

import json
import random

from benchmarks.replies.known_stories import (
    Family,
    Story,
    dump,
    in_a_list,
    in_any_form,
    in_clips,
    in_spans,
)

LOST: dict[str, Family] = {}


def _lost(make: Family) -> Family:
    LOST[make.__name__] = make
    return make


@_lost
def cut_off(rng, story):
    text = json.dumps(in_any_form(rng, story), ensure_ascii=False)
    return text[: rng.randint(len(text) // 3, int(len(text) * 0.9))]


@_lost
def too_few_descriptions(rng, story):
    data = in_a_list(story)
    data["descriptions"] = data["descriptions"][: rng.randint(1, story.num_frames - 1)]
    return dump(rng, data)


@_lost
def too_many_descriptions(rng, story):
    data = in_a_list(story)
    data["descriptions"] += [story.texts[-1]] * rng.randint(1, 2 * story.num_frames)
    return dump(rng, data)


@_lost
def another_number_of_frames(rng, story):
    data, factor = in_clips(story), rng.choice([2, 3, 4])
    for clip in data["clips"]:
        clip["end"] *= factor
    return dump(rng, data)


@_lost
def gaps(rng, story):
    data = in_spans(story)
    for clip in data["clips"][1:]:
        clip["start"] = min(clip["start"] + rng.randint(2, 5), story.num_frames + 9)
    return dump(rng, data)


@_lost
def overlaps(rng, story):
    data = in_spans(story)
    for clip in data["clips"][1:]:
        clip["start"] -= rng.randint(2, 6)
    return dump(rng, data)


@_lost
def shared_boundaries(rng, story):
    data = in_spans(story)
    for before, after in zip(data["clips"], data["clips"][1:], strict=False):
        after["start"] = before["end"]
    return dump(rng, data)


@_lost
def ends_that_go_back(rng, story):
    data = in_clips(story)
    for clip in data["clips"][:-1]:
        clip["end"] = rng.choice([0, -3, story.num_frames + 7])
    return dump(rng, data)


@_lost
def an_ellipsis_from_the_example(rng, story):
    middle = rng.choice(["...", "…", '"..."', '"…"', '"(same as above)"'])
    first, last = json.dumps(story.texts[0]), json.dumps(story.texts[-1])
    return f'{{"position": {story.position}, "descriptions": [{first}, {middle}, {last}]}}'


@_lost
def placeholders(rng, story):
    rows = [f"description for frame {n}" for n in range(1, story.num_frames + 1)]
    return dump(rng, {"position": story.position, "descriptions": rows})


@_lost
def empty_descriptions(rng, story):
    data = in_clips(story)
    rng.choice(data["clips"])["description"] = rng.choice(["", "  ", None, "..."])
    return dump(rng, data)


@_lost
def the_same_description_everywhere(rng, story):
    data = rng.choice([in_clips, in_a_list])(
        Story(story.num_frames, story.position, story.ends, (story.texts[0],) * len(story.ends))
    )
    return dump(rng, data)


@_lost
def no_position(rng, story):
    data = in_any_form(rng, story)
    data["position"] = rng.choice([None, "somewhere", "between 3 and 9", [], {}])
    return dump(rng, data)


@_lost
def a_position_outside(rng, story):
    outside = rng.choice([-1, -9, story.num_frames + 1, 10**9, 1e308, "frame 9999"])
    return dump(rng, {**in_any_form(rng, story), "position": outside})


@_lost
def only_prose(rng, story):
    return f"The image belongs at frame {story.position}. " + " Then ".join(story.texts)


@_lost
def refusals(rng, story):
    return rng.choice(
        [
            "I'm sorry, but I can't assist with that.",
            "I cannot help with this image.",
            "As an AI, I can’t identify people.",
        ]
    )


@_lost
def nothing(rng, story):
    return rng.choice(
        ["", " \n", "null", "{}", "[]", '""', "```json\n```", "<think>", "{", "[[[[", '{"clips": {}}', '{"clips": []}']
    )


@_lost
def noise(rng, story):
    alphabet = "{}[]\":,0123456789-.…\\/'“”‘’\n\t eElnrutf#%s\x00\u202e" + "aé犬🐈"
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 400)))


@_lost
def depth(rng, story):
    return rng.choice(["[", '{"clips":', '{"a":[', '"', "{'"]) * rng.randint(1000, 3000)


def _mutate(rng: random.Random, text: str) -> str:
    chars = list(text)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(chars))
        rng.choice([
            lambda at=at: chars.pop(at) if len(chars) > 1 else None,
            lambda at=at: chars.insert(at, rng.choice('{}[]":,\'0 \\\n')),
            lambda at=at: chars.__setitem__(at, rng.choice('{}[]":,\'9 .-')),
        ])()  # fmt: skip
    return "".join(chars)


@_lost
def typing_errors(rng, story):
    return _mutate(rng, json.dumps(in_any_form(rng, story), ensure_ascii=False))
