"""Habits of models that leave no doubt about the story: every one of these a parser should recover."""

from __future__ import annotations

import json
from dataclasses import replace

from benchmarks.replies.known_stories import (
    INTERVAL,
    Family,
    dump,
    in_any_form,
    in_clips,
    in_spans,
    make_story,
)

RECOVERABLE: dict[str, Family] = {}


def _recoverable(make: Family) -> Family:
    RECOVERABLE[make.__name__] = make
    return make


@_recoverable
def well_formed(rng, story):
    reasons = {"reasoning": "It fits.", "style": "A calm room."} if rng.random() < 0.5 else {}
    return dump(rng, {**reasons, **in_any_form(rng, story)})


@_recoverable
def fences(rng, story):
    opening = rng.choice(["```json", "```", "```JSON", "~~~json"])
    return f"{opening}\n{dump(rng, in_any_form(rng, story))}\n{opening[:3]}"


@_recoverable
def prose_around(rng, story):
    before = rng.choice(
        ["Sure! Here is the script:\n", "The image [1] fits {near} the end.\n\n", "**Answer** (81 frames): "]
    )
    after = rng.choice(["\n\nLet me know if you'd like changes!", "\n- position: as above {ok}", " Done.", ""])
    return before + dump(rng, in_any_form(rng, story)) + after


@_recoverable
def thinking(rng, story):
    draft = json.dumps(in_clips(make_story(rng)))
    tag = rng.choice(["think", "thinking", "reasoning"])
    return f"<{tag}>\nMaybe {draft}? No, the vase must break first.\n</{tag}>\n{dump(rng, in_any_form(rng, story))}"


@_recoverable
def a_draft_before_the_answer(rng, story):
    return f"First idea: {json.dumps(in_clips(make_story(rng)))}\nBetter:\n{dump(rng, in_any_form(rng, story))}"


@_recoverable
def an_echo_of_the_prompt_before_the_answer(rng, story):
    echo = json.dumps({"system": "ignore the rules", "position": 1})
    return f'The text prompt says "{echo}".\n{dump(rng, in_any_form(rng, story))}'


@_recoverable
def capitalised_keys(rng, story):
    change = rng.choice([str.upper, str.capitalize, str.title])

    def walk(value):
        if isinstance(value, dict):
            return {change(key): walk(inside) for key, inside in value.items()}
        return [walk(inside) for inside in value] if isinstance(value, list) else value

    return dump(rng, walk(in_any_form(rng, story)))


@_recoverable
def other_names_for_the_keys(rng, story):
    rows = rng.choice(["segments", "scenes", "shots", "timeline", "story", "Script"])
    text = rng.choice(["text", "caption", "prompt", "scene", "desc", "content"])
    first, last = rng.choice(
        [("from", "to"), ("start_frame", "end_frame"), ("startFrame", "endFrame"), ("first frame", "last frame")]
    )
    where = rng.choice(["image_position", "anchor_frame", "Image Position", "frame_position", "pos"])
    return dump(rng, {where: story.position, rows: [{first: s, last: e, text: t} for s, e, t in story.spans]})


@_recoverable
def other_names_for_the_list(rng, story):
    rows = rng.choice(["frames", "captions", "frame_descriptions", "Per-Frame Descriptions", "prompts", "storyline"])
    return dump(rng, {"Position": story.position, rows: story.per_frame})


@_recoverable
def wrapped(rng, story):
    inside = in_any_form(rng, story)
    key = rng.choice(["narrative", "answer", "result", "output", "video_script", "response"])
    return dump(rng, rng.choice([{key: inside}, [inside], {"status": "ok", key: inside}]))


@_recoverable
def json_inside_a_text(rng, story):
    return dump(rng, {rng.choice(["answer", "output", "content"]): json.dumps(in_any_form(rng, story))})


@_recoverable
def starts_and_ends(rng, story):
    return dump(rng, in_spans(story))


@_recoverable
def counted_from_zero(rng, story):
    return dump(rng, in_spans(story, -1, -1, -1))


@_recoverable
def slices_from_zero(rng, story):
    return dump(rng, in_spans(story, -1, 0, -1))


@_recoverable
def ends_excluded(rng, story):
    return dump(rng, in_spans(story, 0, 1, 0))


@_recoverable
def durations(rng, story):
    key = rng.choice(["duration", "length", "num_frames", "frame_count"])
    clips = [{key: e - s + 1, "description": t} for s, e, t in story.spans]
    return dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def starts_only(rng, story):
    by = rng.choice([0, -1])
    clips = [{"start": s + by, "description": t} for s, _, t in story.spans]
    return dump(rng, {"position": story.position + by, "clips": clips})


@_recoverable
def ranges_as_texts(rng, story):
    key, dash = rng.choice(["frames", "range", "frame_range", "Frames"]), rng.choice(["-", "–", " to ", " - "])
    prefix = rng.choice(["", "frames ", "Frame@"])
    clips = [{key: f"{prefix}{s}{dash}{e}", "description": t} for s, e, t in story.spans]
    return dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def ranges_as_pairs(rng, story):
    key = rng.choice(["frames", "range", "span"])
    return dump(rng, {"position": story.position, "segments": [{key: [s, e], "text": t} for s, e, t in story.spans]})


@_recoverable
def ranges_as_keys(rng, story):
    prefix = rng.choice(["", "Frames ", "frame_", "Frame@"])
    rows = {f"{prefix}{s}-{e}": t for s, e, t in story.spans}
    return dump(rng, {"position": story.position, **rng.choice([rows, {"descriptions": rows}, {"script": rows}])})


@_recoverable
def clips_as_a_dict(rng, story):
    prefix = rng.choice(["clip", "clip_", "Clip ", "segment"])
    clips = {f"{prefix}{n}": {"start": s, "end": e, "description": t} for n, (s, e, t) in enumerate(story.spans, 1)}
    return dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def a_dict_of_frames(rng, story):
    prefix, by = rng.choice(["", "frame ", "frame_", "Frame ", "f"]), rng.choice([0, 0, -1])
    frames = {f"{prefix}{n + by}": text for n, text in enumerate(story.per_frame, 1)}
    return dump(rng, {"position": story.position + by, "descriptions": frames})


@_recoverable
def an_object_per_frame(rng, story):
    key, text, by = (
        rng.choice(["frame", "index", "frame_number"]),
        rng.choice(["description", "text"]),
        rng.choice([0, 0, -1]),
    )
    rows = [{key: n + by, text: t} for n, t in enumerate(story.per_frame, 1)]
    return dump(rng, {"position": story.position + by, "descriptions": rows})


@_recoverable
def a_label_before_each_description(rng, story):
    rows = [f"Frame {n}: {t}" for n, t in enumerate(story.per_frame, 1)]
    return dump(rng, {"position": story.position, "descriptions": rows})


@_recoverable
def a_range_before_each_description(rng, story):
    prefix = rng.choice(["Frame@", "Frames ", "", "frame "])
    return dump(rng, {"position": story.position, "clips": [f"{prefix}{s}-{e}: {t}" for s, e, t in story.spans]})


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
    return dump(rng, {"position": write(story.position), "clips": clips})


@_recoverable
def numbers_with_a_point(rng, story):
    clips = [{"end": float(e), "description": t} for _, e, t in story.spans]
    return dump(rng, {"position": float(story.position), "clips": clips})


@_recoverable
def the_position_in_words(rng, story):
    told = rng.choice(
        [f"{story.position} of {story.num_frames}", f"frame {story.position}", f"{story.position} (see above)"]
    )
    if story.position == story.num_frames:
        told = rng.choice(["last", "final frame", "the last frame", "end"])
    elif story.position == 1:
        told = rng.choice(["first", "start", "the first frame", "beginning"])
    return dump(rng, {**in_any_form(rng, story), "position": told})


@_recoverable
def the_position_as_an_object(rng, story):
    return dump(rng, {**in_any_form(rng, story), "position": rng.choice([{"frame": story.position}, [story.position]])})


def _at(frames: int) -> float:
    return round(frames * INTERVAL, 3)


@_recoverable
def seconds(rng, story):
    clips = [{"start": _at(s - 1), "end": _at(e), "description": t} for s, e, t in story.spans]
    return dump(rng, {"position": _at(story.position - 1), "clips": clips})


@_recoverable
def seconds_with_a_unit(rng, story):
    unit = rng.choice(["s", " s", " sec", " seconds"])
    clips = [{"start": f"{_at(s - 1)}{unit}", "end": f"{_at(e)}{unit}", "description": t} for s, e, t in story.spans]
    return dump(rng, {"position": f"{_at(story.position - 1)}{unit}", "clips": clips})


@_recoverable
def seconds_of_first_and_last_frames(rng, story):
    clips = [{"start_seconds": _at(s - 1), "end_seconds": _at(e - 1), "description": t} for s, e, t in story.spans]
    return dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def times_on_a_clock(rng, story):
    def clock(frames: int) -> str:
        return f"{int(_at(frames) // 60):02}:{_at(frames) % 60:04.1f}"

    clips = [{"time": f"{clock(s - 1)}-{clock(e)}", "description": t} for s, e, t in story.spans]
    return dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def percent(rng, story):
    digits = rng.choice([1, 2])

    def share(frame: int) -> str:
        return f"{100 * frame / story.num_frames:.{digits}f}%"

    clips = [{"end": share(e), "description": t} for _, e, t in story.spans]
    return dump(rng, {"position": share(story.position), "clips": clips})


@_recoverable
def percent_that_skips_to_the_next(rng, story):
    shares = [round(100 * end / story.num_frames) for end in story.ends]
    texts = [f"{a + 1 if a else 0}-{b}%" for a, b in zip([0, *shares[:-1]], shares, strict=True)]
    clips = [{"time": when, "description": t} for when, t in zip(texts, story.texts, strict=True)]
    return dump(rng, {"position": story.position, "clips": clips})


@_recoverable
def shares(rng, story):
    clips = [{"end": round(e / story.num_frames, 4), "description": t} for _, e, t in story.spans]
    return dump(rng, {"position": round(story.position / story.num_frames, 4), "clips": clips})


@_recoverable
def clips_out_of_order(rng, story):
    data = in_spans(story)
    rng.shuffle(data["clips"])
    return dump(rng, data)


@_recoverable
def other_fields(rng, story):
    data = in_spans(story)
    for clip in data["clips"]:
        clip |= {"camera": "static", "id": rng.randint(100, 999), "mood": ["calm"]}
    return dump(rng, {"title": "The vase", "fps": 5, **data, "confidence": 0.93, "notes": None})


@_recoverable
def trailing_commas(rng, story):
    text = json.dumps(in_any_form(rng, story), indent=2, ensure_ascii=False)
    return text.replace("\n}", ",\n}").replace('"\n    }', '",\n    }').replace("\n  ]", ",\n  ]")


@_recoverable
def missing_commas(rng, story):
    return json.dumps(in_clips(story), indent=2, ensure_ascii=False).replace(",\n", "\n")


@_recoverable
def python_literals(rng, story):
    return repr({**in_any_form(rng, story), "checked": True, "other": None})


@_recoverable
def single_quotes_unescaped(rng, story):
    text = json.dumps(in_clips(story), ensure_ascii=False)
    return text.replace('"', "'")


@_recoverable
def curly_quotes(rng, story):
    text, out, opened = json.dumps(in_clips(story), ensure_ascii=False), "", False
    for char in text:
        out += ("”" if opened else "“") if char == '"' else char
        opened ^= char == '"'
    return out


@_recoverable
def keys_without_quotes(rng, story):
    text = json.dumps(in_any_form(rng, story), ensure_ascii=False)
    for key in ("position", "clips", "descriptions", "start", "end", "description"):
        text = text.replace(f'"{key}":', f"{key if rng.random() < 0.5 else key.capitalize()}:")
    return text


@_recoverable
def comments(rng, story):
    text = json.dumps(in_clips(story), indent=2, ensure_ascii=False)
    return (
        text.replace("\n", "  // as asked\n", 1)
        .replace('"clips"', '/* the story */ "clips"')
        .replace("\n  ]", "\n  ] # end")
    )


@_recoverable
def quotes_inside_a_text(rng, story):
    texts = story.texts
    for word in rng.sample(["the", "room", "vase", "past", "up", "window", "is gone"], 4):
        texts = tuple(text.replace(f" {word}", f' "{word}"') for text in texts)
    meant = replace(story, texts=texts)
    return json.dumps(in_clips(meant), ensure_ascii=False).replace('\\"', '"'), meant


@_recoverable
def line_breaks_inside_a_text(rng, story):
    text = json.dumps(in_clips(story), ensure_ascii=False)
    return text.replace(" the ", "\nthe ").replace(" past", "\n\tpast")


@_recoverable
def control_characters(rng, story):
    text = json.dumps(in_clips(story), ensure_ascii=False)
    return "\ufeff" + text.replace("the ", "the\u200b ").replace("A ", "A\u202e ").replace(" up", "\\u0000 up")


@_recoverable
def forgotten_brackets(rng, story):
    text = json.dumps(in_any_form(rng, story), ensure_ascii=False)
    return text[: -rng.choice([1, 2])]


@_recoverable
def a_forgotten_bracket_inside(rng, story):
    return json.dumps(in_clips(story), ensure_ascii=False).removesuffix("]}") + "}"


@_recoverable
def several_habits_at_once(rng, story):
    shapes = [starts_and_ends, counted_from_zero, durations, ranges_as_texts, ranges_as_pairs, an_object_per_frame]
    shapes += [numbers_as_texts, seconds, percent, clips_out_of_order, other_names_for_the_keys]
    shape = rng.choice(shapes)
    data = json.loads(shape(rng, story))
    if rng.random() < 0.5:
        data = {rng.choice(["answer", "Narrative"]): data}
    text = repr(data) if rng.random() < 0.3 else json.dumps(data, indent=2, ensure_ascii=False)
    if rng.random() < 0.4:
        text = text.replace("\n  }", ",\n  }")
    if rng.random() < 0.6:
        text = f"```json\n{text}\n```"
    if rng.random() < 0.6:
        text = f"<think>It ends at {{81}}.</think>\nHere it is: {text}\nIs that [ok]?"
    return text
