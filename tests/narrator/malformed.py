"""Replies as models write them, made from stories that are known: what a parser must recover, and what it must doubt.

A family is one habit or failure. Families marked ``recoverable`` say beyond doubt which story they mean; the others have
lost something, and only have to be noticed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from reasondiff.narrative import Narrative

FRAMES = (17, 33, 49, 81)
INTERVAL = 0.2


@dataclass(frozen=True)
class Story:
    """What the writer means."""

    num_frames: int
    position: int  # from 1
    ends: tuple[int, ...]
    texts: tuple[str, ...]

    @property
    def starts(self) -> tuple[int, ...]:
        return (1, *(end + 1 for end in self.ends[:-1]))

    @property
    def spans(self) -> list[tuple[int, int, str]]:
        return list(zip(self.starts, self.ends, self.texts, strict=True))

    @property
    def per_frame(self) -> list[str]:
        return [text for start, end, text in self.spans for _ in range(start, end + 1)]

    def is_told_by(self, narrative: Narrative) -> bool:
        told = [(clip.start + 1, clip.end, clip.description) for clip in narrative.clips]
        return told == self.spans and narrative.anchor_frame + 1 == self.position


@dataclass(frozen=True)
class Malformed:
    family: str
    recoverable: bool
    story: Story
    text: str
    cut: bool = False


_WHO = ("A grey cat", "The cat's kitten", "A man in a coat", "Mr. O'Neil", "Une fille", "犬", "A dog (brown)", "Two boys")
_DOES = ("enters the room", "runs past, fast", "breaks the vase", "looks up; waits", "opens the window: wind blows",
         "jumps - and falls", "blows out 3 of 5 candles", "turns 50% of the pages", "sits at the café", "is gone 🐈", "says “no”")
_HOW = ("", " slowly", ", then rests", " while it's raining", " at 10:30", " [off screen]", " / twice", " {blurred}", " #1", " on frame-like tiles")


def make_story(rng: random.Random) -> Story:
    frames = rng.choice(FRAMES)
    count = rng.randint(2, 6)
    ends = (*sorted(rng.sample(range(1, frames), count - 1)), frames)
    texts = []
    while len(texts) < count:
        text = f"{rng.choice(_WHO)} {rng.choice(_DOES)}{rng.choice(_HOW)}."
        if text not in texts:
            texts.append(text)
    position = rng.choice([1, frames, rng.randint(1, frames), rng.randint(1, frames)])
    return Story(frames, position, ends, tuple(texts))


# -- writing a story --------------------------------------------------------------------------------------------------


def _clips(story: Story) -> dict:
    return {"position": story.position, "clips": [{"end": end, "description": text} for _, end, text in story.spans]}


def _spans(story: Story, start_by: int = 0, end_by: int = 0, position_by: int = 0) -> dict:
    clips = [{"start": s + start_by, "end": e + end_by, "description": text} for s, e, text in story.spans]
    return {"position": story.position + position_by, "clips": clips}


def _list(story: Story) -> dict:
    return {"position": story.position, "descriptions": story.per_frame}


def _dump(rng: random.Random, data: object) -> str:
    return json.dumps(data, indent=rng.choice([None, None, 2, 4]), ensure_ascii=rng.random() < 0.3)


def _any(rng: random.Random, story: Story) -> dict:
    return rng.choice([_clips, _clips, _spans, _list])(story)


Family = Callable[[random.Random, Story], str | tuple[str, Story]]
"""Returns the text and, where it cannot mean exactly the given story, the one it means."""
RECOVERABLE: dict[str, Family] = {}
LOST: dict[str, Family] = {}


def _recoverable(make: Family) -> Family:
    RECOVERABLE[make.__name__] = make
    return make


def _lost(make: Family) -> Family:
    LOST[make.__name__] = make
    return make


@_recoverable
def well_formed(rng, story):
    reasons = {"reasoning": "It fits.", "style": "A calm room."} if rng.random() < 0.5 else {}
    return _dump(rng, {**reasons, **_any(rng, story)})


@_recoverable
def fences(rng, story):
    opening = rng.choice(["```json", "```", "```JSON", "~~~json"])
    return f"{opening}\n{_dump(rng, _any(rng, story))}\n{opening[:3]}"


@_recoverable
def prose_around(rng, story):
    before = rng.choice(["Sure! Here is the script:\n", "The image [1] fits {near} the end.\n\n", "**Answer** (81 frames): "])
    after = rng.choice(["\n\nLet me know if you'd like changes!", "\n- position: as above {ok}", " Done.", ""])
    return before + _dump(rng, _any(rng, story)) + after


@_recoverable
def thinking(rng, story):
    draft = json.dumps(_clips(make_story(rng)))
    tag = rng.choice(["think", "thinking", "reasoning"])
    return f"<{tag}>\nMaybe {draft}? No, the vase must break first.\n</{tag}>\n{_dump(rng, _any(rng, story))}"


@_recoverable
def a_draft_before_the_answer(rng, story):
    return f"First idea: {json.dumps(_clips(make_story(rng)))}\nBetter:\n{_dump(rng, _any(rng, story))}"


@_recoverable
def an_echo_of_the_prompt_before_the_answer(rng, story):
    echo = json.dumps({"system": "ignore the rules", "position": 1})
    return f'The text prompt says "{echo}".\n{_dump(rng, _any(rng, story))}'


@_recoverable
def capitalised_keys(rng, story):
    change = rng.choice([str.upper, str.capitalize, str.title])

    def walk(value):
        if isinstance(value, dict):
            return {change(key): walk(inside) for key, inside in value.items()}
        return [walk(inside) for inside in value] if isinstance(value, list) else value

    return _dump(rng, walk(_any(rng, story)))


@_recoverable
def other_names_for_the_keys(rng, story):
    rows = rng.choice(["segments", "scenes", "shots", "timeline", "story", "Script"])
    text = rng.choice(["text", "caption", "prompt", "scene", "desc", "content"])
    first, last = rng.choice([("from", "to"), ("start_frame", "end_frame"), ("startFrame", "endFrame"), ("first frame", "last frame")])
    where = rng.choice(["image_position", "anchor_frame", "Image Position", "frame_position", "pos"])
    return _dump(rng, {where: story.position, rows: [{first: s, last: e, text: t} for s, e, t in story.spans]})


@_recoverable
def other_names_for_the_list(rng, story):
    rows = rng.choice(["frames", "captions", "frame_descriptions", "Per-Frame Descriptions", "prompts", "storyline"])
    return _dump(rng, {"Position": story.position, rows: story.per_frame})


@_recoverable
def wrapped(rng, story):
    inside = _any(rng, story)
    key = rng.choice(["narrative", "answer", "result", "output", "video_script", "response"])
    return _dump(rng, rng.choice([{key: inside}, [inside], {"status": "ok", key: inside}]))


@_recoverable
def json_inside_a_text(rng, story):
    return _dump(rng, {rng.choice(["answer", "output", "content"]): json.dumps(_any(rng, story))})


@_recoverable
def starts_and_ends(rng, story):
    return _dump(rng, _spans(story))


@_recoverable
def counted_from_zero(rng, story):
    return _dump(rng, _spans(story, -1, -1, -1))


@_recoverable
def slices_from_zero(rng, story):
    return _dump(rng, _spans(story, -1, 0, -1))


@_recoverable
def ends_excluded(rng, story):
    return _dump(rng, _spans(story, 0, 1, 0))


@_recoverable
def durations(rng, story):
    key = rng.choice(["duration", "length", "num_frames", "frame_count"])
    clips = [{key: e - s + 1, "description": t} for s, e, t in story.spans]
    return _dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def starts_only(rng, story):
    by = rng.choice([0, -1])
    clips = [{"start": s + by, "description": t} for s, _, t in story.spans]
    return _dump(rng, {"position": story.position + by, "clips": clips})


@_recoverable
def ranges_as_texts(rng, story):
    key, dash = rng.choice(["frames", "range", "frame_range", "Frames"]), rng.choice(["-", "–", " to ", " - "])
    prefix = rng.choice(["", "frames ", "Frame@"])
    clips = [{key: f"{prefix}{s}{dash}{e}", "description": t} for s, e, t in story.spans]
    return _dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def ranges_as_pairs(rng, story):
    key = rng.choice(["frames", "range", "span"])
    return _dump(rng, {"position": story.position, "segments": [{key: [s, e], "text": t} for s, e, t in story.spans]})


@_recoverable
def ranges_as_keys(rng, story):
    prefix = rng.choice(["", "Frames ", "frame_", "Frame@"])
    rows = {f"{prefix}{s}-{e}": t for s, e, t in story.spans}
    return _dump(rng, {"position": story.position, **rng.choice([rows, {"descriptions": rows}, {"script": rows}])})


@_recoverable
def clips_as_a_dict(rng, story):
    prefix = rng.choice(["clip", "clip_", "Clip ", "segment"])
    clips = {f"{prefix}{n}": {"start": s, "end": e, "description": t} for n, (s, e, t) in enumerate(story.spans, 1)}
    return _dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def a_dict_of_frames(rng, story):
    prefix, by = rng.choice(["", "frame ", "frame_", "Frame ", "f"]), rng.choice([0, 0, -1])
    frames = {f"{prefix}{n + by}": text for n, text in enumerate(story.per_frame, 1)}
    return _dump(rng, {"position": story.position + by, "descriptions": frames})


@_recoverable
def an_object_per_frame(rng, story):
    key, text, by = rng.choice(["frame", "index", "frame_number"]), rng.choice(["description", "text"]), rng.choice([0, 0, -1])
    rows = [{key: n + by, text: t} for n, t in enumerate(story.per_frame, 1)]
    return _dump(rng, {"position": story.position + by, "descriptions": rows})


@_recoverable
def a_label_before_each_description(rng, story):
    rows = [f"Frame {n}: {t}" for n, t in enumerate(story.per_frame, 1)]
    return _dump(rng, {"position": story.position, "descriptions": rows})


@_recoverable
def a_range_before_each_description(rng, story):
    prefix = rng.choice(["Frame@", "Frames ", "", "frame "])
    return _dump(rng, {"position": story.position, "clips": [f"{prefix}{s}-{e}: {t}" for s, e, t in story.spans]})


@_recoverable
def a_script_without_json(rng, story):
    bullet, prefix = rng.choice(["- ", "* ", "", "• "]), rng.choice(["Frame@", "Frames ", "**Frames "])
    closing = "**" if prefix.startswith("**") else ""
    rows = [f"{bullet}{prefix}{s}-{e}{closing}: {t}" for s, e, t in story.spans]
    where = rng.choice(["Position: {}", "**Position:** {}", "Image position: frame {}"]).format(story.position)
    return "\n".join([where, *rows] if rng.random() < 0.7 else [*rows, where])


@_recoverable
def numbers_as_texts(rng, story):
    write = rng.choice([str, "frame {}".format, f"{{}}/{story.num_frames}".format, "Frame #{}".format])
    clips = [{"start": write(s), "end": write(e), "description": t} for s, e, t in story.spans]
    return _dump(rng, {"position": write(story.position), "clips": clips})


@_recoverable
def numbers_with_a_point(rng, story):
    clips = [{"end": float(e), "description": t} for _, e, t in story.spans]
    return _dump(rng, {"position": float(story.position), "clips": clips})


@_recoverable
def the_position_in_words(rng, story):
    told = rng.choice([f"{story.position} of {story.num_frames}", f"frame {story.position}", f"{story.position} (see above)"])
    if story.position == story.num_frames:
        told = rng.choice(["last", "final frame", "the last frame", "end"])
    elif story.position == 1:
        told = rng.choice(["first", "start", "the first frame", "beginning"])
    return _dump(rng, {**_any(rng, story), "position": told})


@_recoverable
def the_position_as_an_object(rng, story):
    return _dump(rng, {**_any(rng, story), "position": rng.choice([{"frame": story.position}, [story.position]])})


def _at(frames: int) -> float:
    return round(frames * INTERVAL, 3)


@_recoverable
def seconds(rng, story):
    clips = [{"start": _at(s - 1), "end": _at(e), "description": t} for s, e, t in story.spans]
    return _dump(rng, {"position": _at(story.position - 1), "clips": clips})


@_recoverable
def seconds_with_a_unit(rng, story):
    unit = rng.choice(["s", " s", " sec", " seconds"])
    clips = [{"start": f"{_at(s - 1)}{unit}", "end": f"{_at(e)}{unit}", "description": t} for s, e, t in story.spans]
    return _dump(rng, {"position": f"{_at(story.position - 1)}{unit}", "clips": clips})


@_recoverable
def seconds_of_first_and_last_frames(rng, story):
    clips = [{"start_seconds": _at(s - 1), "end_seconds": _at(e - 1), "description": t} for s, e, t in story.spans]
    return _dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def times_on_a_clock(rng, story):
    def clock(frames: int) -> str:
        return f"{int(_at(frames) // 60):02}:{_at(frames) % 60:04.1f}"

    clips = [{"time": f"{clock(s - 1)}-{clock(e)}", "description": t} for s, e, t in story.spans]
    return _dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def percent(rng, story):
    digits = rng.choice([1, 2])

    def share(frame: int) -> str:
        return f"{100 * frame / story.num_frames:.{digits}f}%"

    clips = [{"end": share(e), "description": t} for _, e, t in story.spans]
    return _dump(rng, {"position": share(story.position), "clips": clips})


@_recoverable
def shares(rng, story):
    clips = [{"end": round(e / story.num_frames, 4), "description": t} for _, e, t in story.spans]
    return _dump(rng, {"position": round(story.position / story.num_frames, 4), "clips": clips})


@_recoverable
def clips_out_of_order(rng, story):
    data = _spans(story)
    rng.shuffle(data["clips"])
    return _dump(rng, data)


@_recoverable
def other_fields(rng, story):
    data = _spans(story)
    for clip in data["clips"]:
        clip |= {"camera": "static", "id": rng.randint(100, 999), "mood": ["calm"]}
    return _dump(rng, {"title": "The vase", "fps": 5, **data, "confidence": 0.93, "notes": None})


@_recoverable
def trailing_commas(rng, story):
    text = json.dumps(_any(rng, story), indent=2, ensure_ascii=False)
    return text.replace("\n}", ",\n}").replace('"\n    }', '",\n    }').replace("\n  ]", ",\n  ]")


@_recoverable
def missing_commas(rng, story):
    return json.dumps(_clips(story), indent=2, ensure_ascii=False).replace(",\n", "\n")


@_recoverable
def python_literals(rng, story):
    return repr({**_any(rng, story), "checked": True, "other": None})


@_recoverable
def single_quotes_unescaped(rng, story):
    text = json.dumps(_clips(story), ensure_ascii=False)
    return text.replace('"', "'")


@_recoverable
def curly_quotes(rng, story):
    text, out, opened = json.dumps(_clips(story), ensure_ascii=False), "", False
    for char in text:
        out += ("”" if opened else "“") if char == '"' else char
        opened ^= char == '"'
    return out


@_recoverable
def keys_without_quotes(rng, story):
    text = json.dumps(_any(rng, story), ensure_ascii=False)
    for key in ("position", "clips", "descriptions", "start", "end", "description"):
        text = text.replace(f'"{key}":', f"{key if rng.random() < 0.5 else key.capitalize()}:")
    return text


@_recoverable
def comments(rng, story):
    text = json.dumps(_clips(story), indent=2, ensure_ascii=False)
    return text.replace("\n", "  // as asked\n", 1).replace('"clips"', '/* the story */ "clips"').replace("\n  ]", "\n  ] # end")


@_recoverable
def quotes_inside_a_text(rng, story):
    texts = story.texts
    for word in rng.sample(["the", "room", "vase", "past", "up", "window", "is gone"], 4):
        texts = tuple(text.replace(f" {word}", f' "{word}"') for text in texts)
    meant = replace(story, texts=texts)
    return json.dumps(_clips(meant), ensure_ascii=False).replace('\\"', '"'), meant


@_recoverable
def line_breaks_inside_a_text(rng, story):
    text = json.dumps(_clips(story), ensure_ascii=False)
    return text.replace(" the ", "\nthe ").replace(" past", "\n\tpast")


@_recoverable
def control_characters(rng, story):
    text = json.dumps(_clips(story), ensure_ascii=False)
    return "\ufeff" + text.replace("the ", "the\u200b ").replace("A ", "A\u202e ").replace(" up", "\\u0000 up")


@_recoverable
def forgotten_brackets(rng, story):
    text = json.dumps(_any(rng, story), ensure_ascii=False)
    return text[: -rng.choice([1, 2])]


@_recoverable
def a_forgotten_bracket_inside(rng, story):
    return json.dumps(_clips(story), ensure_ascii=False).removesuffix("]}") + "}"


# -- what is lost -----------------------------------------------------------------------------------------------------


@_lost
def cut_off(rng, story):
    text = json.dumps(_any(rng, story), ensure_ascii=False)
    return text[: rng.randint(len(text) // 3, int(len(text) * 0.9))]


@_lost
def too_few_descriptions(rng, story):
    data = _list(story)
    data["descriptions"] = data["descriptions"][: rng.randint(1, story.num_frames - 1)]
    return _dump(rng, data)


@_lost
def too_many_descriptions(rng, story):
    data = _list(story)
    data["descriptions"] += [story.texts[-1]] * rng.randint(1, 2 * story.num_frames)
    return _dump(rng, data)


@_lost
def another_number_of_frames(rng, story):
    data, factor = _clips(story), rng.choice([2, 3, 4])
    for clip in data["clips"]:
        clip["end"] *= factor
    return _dump(rng, data)


@_lost
def gaps(rng, story):
    data = _spans(story)
    for clip in data["clips"][1:]:
        clip["start"] = min(clip["start"] + rng.randint(2, 5), story.num_frames + 9)
    return _dump(rng, data)


@_lost
def overlaps(rng, story):
    data = _spans(story)
    for clip in data["clips"][1:]:
        clip["start"] -= rng.randint(2, 6)
    return _dump(rng, data)


@_lost
def shared_boundaries(rng, story):
    data = _spans(story)
    for before, after in zip(data["clips"], data["clips"][1:], strict=False):
        after["start"] = before["end"]
    return _dump(rng, data)


@_lost
def ends_that_go_back(rng, story):
    data = _clips(story)
    for clip in data["clips"][:-1]:
        clip["end"] = rng.choice([0, -3, story.num_frames + 7])
    return _dump(rng, data)


@_lost
def an_ellipsis_from_the_example(rng, story):
    middle = rng.choice(["...", "…", '"..."', '"…"', '"(same as above)"'])
    return f'{{"position": {story.position}, "descriptions": [{json.dumps(story.texts[0])}, {middle}, {json.dumps(story.texts[-1])}]}}'


@_lost
def placeholders(rng, story):
    rows = [f"description for frame {n}" for n in range(1, story.num_frames + 1)]
    return _dump(rng, {"position": story.position, "descriptions": rows})


@_lost
def empty_descriptions(rng, story):
    data = _clips(story)
    rng.choice(data["clips"])["description"] = rng.choice(["", "  ", None, "..."])
    return _dump(rng, data)


@_lost
def the_same_description_everywhere(rng, story):
    data = rng.choice([_clips, _list])(Story(story.num_frames, story.position, story.ends, (story.texts[0],) * len(story.ends)))
    return _dump(rng, data)


@_lost
def no_position(rng, story):
    data = _any(rng, story)
    data["position"] = rng.choice([None, "somewhere", "between 3 and 9", [], {}])
    return _dump(rng, data)


@_lost
def a_position_outside(rng, story):
    return _dump(rng, {**_any(rng, story), "position": rng.choice([-1, -9, story.num_frames + 1, 10**9, 1e308, "frame 9999"])})


@_lost
def only_prose(rng, story):
    return f"The image belongs at frame {story.position}. " + " Then ".join(story.texts)


@_lost
def refusals(rng, story):
    return rng.choice(["I'm sorry, but I can't assist with that.", "I cannot help with this image.", "As an AI, I can’t identify people."])


@_lost
def nothing(rng, story):
    return rng.choice(["", " \n", "null", "{}", "[]", '""', "```json\n```", "<think>", "{", "[[[[", '{"clips": {}}', '{"clips": []}'])


@_lost
def noise(rng, story):
    alphabet = '{}[]":,0123456789-.…\\/\'“”‘’\n\t eElnrutf#%s\x00\u202e' + "aé犬🐈"
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
    return _mutate(rng, json.dumps(_any(rng, story), ensure_ascii=False))


def replies(per_family: int = 25, seed: int = 0) -> list[Malformed]:
    """The same replies for the same arguments."""
    made = []
    for recoverable, families in ((True, RECOVERABLE), (False, LOST)):
        for name, family in families.items():
            rng = random.Random(f"{seed}/{name}")
            for _ in range(per_family):
                story = make_story(rng)
                written = family(rng, story)
                text, story = (written, story) if isinstance(written, str) else written
                cut = name == "cut_off" and rng.random() < 0.5  # the other half says nothing about it
                made.append(Malformed(name, recoverable, story, text, cut))
    return made
