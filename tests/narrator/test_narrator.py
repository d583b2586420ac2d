"""The protocol around any model: examples, cache, checks, sources."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reasondiff.errors import InputError, NarrationError, ProviderError, UnsupportedError
from reasondiff.narrative import Narrative
from reasondiff.narrator import (
    Bounds,
    Cache,
    Instruction,
    NarrationWarning,
    Narrator,
    ScriptedNarrator,
    VisionNarrator,
    describe_clip_again,
    load_narrator,
    load_provider,
    parse,
    pick,
    retell_clip,
    write_reply,
)
from reasondiff.narrator.providers.base import Message, Reply
from tests.narrator.providers.misbehaving_server import Say, Server
from tests.narrator.stories import VASE, reply, same_story
from tests.tiny.narrators import byte_level_tokenizer

TELL = {"num_frames": 33, "interval": 0.2}


# -- a script, a file -------------------------------------------------------------------------------------------------


def test_scripts_of_every_kind(image: Image.Image) -> None:
    told = json.loads(reply())
    for script in (
        [reply()],
        [told],
        {"A cat": reply()},
        {"A cat": [reply()]},
        {"A cat": told},
        lambda picture, prompt: told,
    ):
        narrator = ScriptedNarrator(script)
        assert isinstance(narrator, Narrator)
        assert same_story(narrator.narrate(image, "A cat", **TELL), VASE)


def test_a_script_goes_through_re_asks_and_repairs(image: Image.Image) -> None:
    narrative = ScriptedNarrator(["What?", reply(position=99), reply()]).narrate(image, "A cat", **TELL)
    assert same_story(narrative, VASE) and narrative.provenance["reasks"] == 2
    with pytest.warns(NarrationWarning, match="repaired"):
        assert ScriptedNarrator([reply(position=99)] * 3).narrate(image, "A cat", **TELL).anchor_frame == 32
    with pytest.raises(ProviderError, match="no reply left"):
        ScriptedNarrator({"A dog": reply()}).narrate(image, "A cat", **TELL)


def test_a_faulty_reply_is_first_drawn_again(image: Image.Image) -> None:
    asked: list[tuple[int, float, int]] = []

    class Provider:
        name, identity = "own", {"name": "own"}

        def __init__(self, *replies: str) -> None:
            self.replies = list(replies)

        def complete(self, messages: Sequence[Message], *, temperature: float, seed: int, **rest: Any) -> Reply:
            asked.append((len(messages), temperature, seed))
            return Reply(text=self.replies.pop(0))

    narrator = VisionNarrator(Provider("What?", "Well.", "No.", reply()), redraws=2, reasks=1, seed=7)
    narrative = narrator.narrate(image, "A cat", **TELL)
    first, *drawn, last = asked
    assert drawn == [(first[0], 0.8, 8), (first[0], 0.8, 9)]  # the same question, by chance
    assert first[1:] == last[1:] == (0.0, 7) and last[0] == first[0] + 2  # with the reply and the complaint
    assert same_story(narrative, VASE)
    assert (narrative.provenance["requests"], narrative.provenance["reasks"]) == (4, 1)
    assert len(narrative.provenance["complaints"]) == 3 and not narrative.provenance["repairs"]
    with pytest.raises(InputError, match="-1 redraws do not work; give 0 or more"):
        VisionNarrator(Provider(), redraws=-1)


def test_half_a_character_in_a_reply_does_not_reach_the_file(tmp_path: Path, image: Image.Image) -> None:
    said = "A story \ud83d: " + reply(style="A grey \ud83d cat.")
    narrative = ScriptedNarrator([said]).narrate(image, "A cat", **TELL)
    narrative.save(tmp_path / "story.json")
    assert narrative.style == "A grey cat." and narrative.provenance["reply"].startswith("A story ?: {")


def test_a_script_file_and_a_narrative_file(tmp_path: Path, image: Image.Image) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"A cat": [json.loads(reply()), reply(position=1, image=None)]}))
    narrator = load_narrator(f"scripted:{script}")
    assert [narrator.narrate(image, "A cat", **TELL).anchor_frame for _ in range(2)] == [32, 0]
    VASE.save(tmp_path / "story.json")
    narrator = load_narrator(f"file:{tmp_path / 'story.json'}")
    assert same_story(narrator.narrate(image, "", **TELL), VASE)
    longer = narrator.narrate(image, "", num_frames=65, interval=0.1)
    assert longer == VASE.retime(65).__class__(
        **{**vars(VASE.retime(65)), "interval": 0.1, "provenance": longer.provenance}
    )
    assert longer.provenance["notes"] == ["retimed from 33 to 65 frames"]


@pytest.mark.parametrize(
    ("spec", "options", "words"),
    [
        ("gpt-4o", {}, "unknown; give one of openai"),
        ("transformers", {}, "names no file or model"),
        ("file:", {}, "names no file or model"),
        ("scripted:nothing.json", {}, "cannot be read"),
        ("openai", {"url": "http://localhost:1/v1", "candidate": 2}, "no option 'candidate'"),
        ("file:story.json", {"url": "http://localhost:1/v1"}, "no option 'url'; it has none"),
        ("scripted:script.json", {"dtype": "auto"}, "no option 'dtype'; it has bounds, cache, candidates"),
        ("openai", {"url": "http://localhost:1/v1", "form": "poem"}, "'clips' or 'list'"),
        ("openai", {"url": "http://localhost:1/v1", "candidates": 0}, "1 to 16"),
        ("openai", {"url": "http://localhost:1/v1", "api": "soap"}, "'chat' or 'responses'"),
        ("transformers:x", {"quantization": "2bit"}, "'4bit' or '8bit'"),
    ],
)
def test_a_source_that_is_none_is_named(spec: str, options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_narrator(spec, **options)


@pytest.mark.parametrize(
    ("prompt", "frames", "interval"),
    [
        ("", 33, 0.2), (" \n", 33, 0.2), ("\x00", 33, 0.2), ("A cat", 0, 0.2), ("A cat", 10**9, 0.2),
        ("A cat", 33, 0.0), ("A cat", 33, float("inf")), ("A cat", 33, float("nan")),
    ],
)  # fmt: skip
def test_questions_that_are_none(image: Image.Image, prompt: str, frames: int, interval: float) -> None:
    with pytest.raises(InputError, match=r"prompt is empty|are no video"):
        ScriptedNarrator([reply()]).narrate(image, prompt, num_frames=frames, interval=interval)


def test_any_mode_of_image_and_any_prompt_is_taken(server: Server) -> None:
    server.answer = Say(reply())
    narrator = load_narrator("openai", url=server.url, cache=False)
    for mode in ("L", "RGBA", "CMYK", "P", "1"):
        narrator.narrate(Image.new(mode, (8, 8)), "🐈 {num_frames} 猫 <image><|eot_id|>[INST]\x00 %s", **TELL)
        asked = server.requests[-1].texts[-1]
        assert "🐈 {num_frames} 猫 %s" in asked
    narrator.narrate(Image.new("RGB", (8, 8)), "very long " * 10_000, **TELL)
    assert len(server.requests[-1].texts[-1]) < 5000


def test_what_a_model_wrote_is_sent_back_without_marks_that_its_tokenizer_may_know(
    server: Server, image: Image.Image
) -> None:
    """A local model that reads its own "<image>" again would look for a second picture."""
    marked = [{"end": 33, "description": "<image> A cat <|eot_id|>sleeps."}]
    server.answer = [Say(reply(position=99, clips=marked)), Say(reply()), Say(reply(clips=marked)), Say("No verdict.")]
    narrator = load_narrator("openai:m", url=server.url, cache=False, candidates=2)
    with pytest.warns(NarrationWarning, match="not all ranked"):
        narrator.narrate(image, "A cat", **TELL)
    story = Narrative.from_ends([(33, "A cat <image> sleeps.")], 0, 33, style="<|image|> Calm.")
    server.answer = Say('{"description": "A cat wakes."}')
    describe_clip_again(load_provider("openai:m", url=server.url), story, 0, image, "A cat")
    assert len(server.requests) >= 4
    assert not [text for request in server.requests for text in request.texts if "<image>" in text or "<|" in text]


# -- what is asked ----------------------------------------------------------------------------------------------------


def test_the_papers_instruction_is_given_with_examples_that_fit_the_question(image: Image.Image) -> None:
    system, user = Instruction().messages(image, "A cat", "clips", 33, 0.2)
    for sentence in (
        "You are given an unpaired image and text prompt. Your task is to infer a coherent scene that logically "
        "connects both inputs, even if they appear unrelated.",
        "Estimate the most likely position of the image within a 33-frame video. Then, generate descriptions with rich "
        "information for each of the 33 frames that together form a consistent video script.",
        "Respond strictly in the following format: ",
        "Do not include any additional explanations, comments, or formatting.",
        "A broken vase",
    ):
        assert sentence in system.text
    assert user.images == (image,) and "0.2 seconds" in system.text and "6.6 seconds" in system.text


@pytest.mark.parametrize("form", ["clips", "list"])
@pytest.mark.parametrize("num_frames", [1, 5, 33, 81])
def test_every_example_is_a_reply_that_would_be_accepted(image: Image.Image, form: str, num_frames: int) -> None:
    system, _ = Instruction().messages(image, "A cat", form, num_frames, 0.2)
    shown = [line.removeprefix("Reply: ") for line in system.text.splitlines() if line.startswith("Reply: ")]
    places = []
    for text in shown:
        parsed = parse(text, num_frames)
        assert parsed.recovered and not parsed.notes, text
        places.append((parsed.narrative.anchor_frame + 1) / num_frames)
    if form == "clips" and num_frames >= 33:  # image at the end, in the middle, at the start
        assert places[0] == 1 and 0.3 < places[1] < 0.7 and places[2] < 0.05
    assert "{" + "num_frames}" not in system.text


def test_a_template_replaces_the_instruction(image: Image.Image) -> None:
    [only] = Instruction(template="{prompt} in {num_frames} ({interval} s) {else}").messages(
        image, "A {num_frames} cat", "clips", 33, 0.2
    )
    assert only.text == "A {num_frames} cat in 33 (0.2 s) {else}" and only.images == (image,)


def test_the_token_budget_follows_from_the_bounds() -> None:
    for form in ("clips", "list"):
        for frames in (1, 33, 81):
            bounds = Bounds(image=30, reasoning=40, style=20, description=50, clips=4)
            count = min(4, frames)
            ends = [(frames * n // count, "d" * 50) for n in range(1, count + 1)]
            longest = Narrative.from_ends(ends, frames - 1, frames, style="s" * 20, reasoning="r" * 40)
            assert len(write_reply(longest, form, image_shows="i" * 30)) <= bounds.characters(form, frames)
            assert bounds.max_tokens(form, frames) >= bounds.characters(form, frames) / 4
    without = Bounds(image=0, reasoning=0, style=0).schema("clips", 33)
    assert list(without["properties"]) == ["position", "clips"]
    with pytest.raises(InputError, match="'description' is 0"):
        Bounds(description=0)


def _vase_at_81(form: str) -> str:
    return write_reply(VASE.retime(81), form, image_shows="A broken vase in shards")


def test_clips_cost_at_most_a_third_of_the_tokens_of_the_list() -> None:
    """A byte-level BPE with few merges, trained on the prompts, where no published tokenizer is installed."""
    tokenizer = byte_level_tokenizer([], size=2000)
    clips, frames = (len(tokenizer(_vase_at_81(form))["input_ids"]) for form in ("clips", "list"))
    assert clips <= frames / 3


def test_clips_cost_at_most_a_third_by_a_published_tokenizer() -> None:
    mistral = pytest.importorskip("mistral_common.tokens.tokenizers.mistral", reason="mistral-common ships a tokenizer")
    tokenizer = mistral.MistralTokenizer.v3(is_tekken=True).instruct_tokenizer.tokenizer
    clips, frames = (len(tokenizer.encode(_vase_at_81(form), bos=False, eos=False)) for form in ("clips", "list"))
    assert clips <= frames / 3


# -- the cache --------------------------------------------------------------------------------------------------------


def test_the_same_question_is_asked_once(server: Server, image: Image.Image, tmp_path: Path) -> None:
    server.answer = Say(reply())

    def ask(
        picture: Image.Image = image, prompt: str = "A cat", frames: int = 33, interval: float = 0.2, **options
    ) -> Narrative:
        narrator = load_narrator("openai:m", url=server.url, cache=Cache(tmp_path), **options)
        return narrator.narrate(picture, prompt, num_frames=frames, interval=interval)

    first, again = ask(), ask()
    assert len(server.requests) == 1 and same_story(first, again)
    assert again.provenance == {**first.provenance, "cached": True} and again.style == first.style
    other = image.copy()
    other.putpixel((0, 0), (1, 2, 3))
    changes = [{"picture": other}, {"prompt": "A dog"}, {"interval": 0.1}, {"reasks": 1}, {"seed": 1}]
    changes += [{"api": "responses"}, {"bounds": Bounds(clips=3)}, {"instruction": Instruction(examples=1)}]
    for change in changes:
        asked = len(server.requests)
        ask(**change)
        assert len(server.requests) == asked + 1, change
        ask(**change)
        assert len(server.requests) == asked + 1, change


def test_the_cache_has_its_own_folder_and_a_damaged_file_is_asked_again(
    server: Server, image: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REASONDIFF_CACHE", str(tmp_path / "cache"))
    server.answer = Say(reply())
    narrator = load_narrator("openai:m", url=server.url)
    narrator.narrate(image, "A cat", **TELL)
    [path] = (tmp_path / "cache").rglob("*.json")
    assert Narrative.load(path).anchor_frame == 32
    path.write_text("{")
    assert "cached" not in narrator.narrate(image, "A cat", **TELL).provenance
    assert len(server.requests) == 2 and Narrative.load(path).anchor_frame == 32
    monkeypatch.setenv("REASONDIFF_CACHE", str(path))
    with pytest.warns(NarrationWarning, match="was not kept for another time .*REASONDIFF_CACHE"):
        assert same_story(narrator.narrate(image, "Another cat", **TELL), VASE)


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize("kind", ["a file", "no home", "full"])
def test_a_cache_that_cannot_be_written_loses_no_story(
    image: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("REASONDIFF_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if kind == "no home":
        monkeypatch.setattr(Path, "home", _no_home)
    elif kind == "full":
        monkeypatch.setattr(Narrative, "save", full)
    (tmp_path / "file").touch()
    cache = Cache(None if kind == "no home" else tmp_path / "file" / "x" if kind == "a file" else tmp_path)
    with pytest.warns(NarrationWarning, match="was not kept for another time"):
        assert same_story(ScriptedNarrator([reply()], cache=cache).narrate(image, "A cat", **TELL), VASE)


# -- checks, candidates -----------------------------------------------------------------------------------------------


def test_a_check_warns_and_is_recorded(image: Image.Image) -> None:
    def knows_cats(picture: Image.Image, prompt: str, narrative: Narrative) -> list[str]:
        assert picture.size == image.size and narrative.num_frames == 33
        return [] if "cat" in prompt else [f"This model does not know {prompt.split()[-1]!r}."]

    narrator = ScriptedNarrator(lambda *_: reply(), checks=(knows_cats,))
    assert narrator.narrate(image, "A cat", **TELL).provenance["warnings"] == []
    with pytest.warns(NarrationWarning, match="does not know 'zebra'"):
        narrative = narrator.narrate(image, "A zebra", **TELL)
    assert narrative.provenance["warnings"] == ["This model does not know 'zebra'."]


def test_a_runner_up_can_be_picked_and_put_back(image: Image.Image) -> None:
    def answer(n: int = iter(range(99)).__next__) -> str:
        verdicts = [
            {"story": 1, "reason": "a", "image": 9, "text": 9, "whole": 9},
            {"story": 2, "reason": "b", "image": 1, "text": 1, "whole": 1},
        ]
        return [reply(), reply(position=30), json.dumps({"verdicts": verdicts})][n()]

    best = ScriptedNarrator(lambda *_: answer(), candidates=2).narrate(image, "A cat", **TELL)
    other = pick(best, 1)
    assert (best.anchor_frame, other.anchor_frame) == (32, 29)
    assert [verdict["image"] for verdict in other.provenance["verdicts"]] == [1, 9]
    back = pick(Narrative.from_dict(json.loads(json.dumps(other.to_dict()))), 1)
    assert same_story(back, best) and back.provenance["verdicts"] == best.provenance["verdicts"]
    with pytest.raises(InputError, match="no candidate 2; the narrative keeps 1"):
        pick(best, 2)


# -- one clip again ---------------------------------------------------------------------------------------------------


def test_one_clip_is_told_again_with_its_neighbours_in_view(server: Server, image: Image.Image) -> None:
    provider = load_provider("openai:m", url=server.url)
    server.answer = Say('Sure: {"description": "A cat leaps\\n and the vase tips over.", "position": 3}')
    story = describe_clip_again(provider, VASE, 1, image, "A cat {clips}")
    assert [clip.description for clip in story.clips][1] == "A cat leaps and the vase tips over."
    assert same_story(replace(story, clips=VASE.clips), VASE)
    assert story.provenance["redone"][0]["was"] == VASE.clips[1].description
    asked = server.requests[0].texts[0]
    assert (
        "A cat {clips}" in asked and all(clip.description in asked for clip in VASE.clips) and "frames 9 to 18" in asked
    )


@pytest.mark.parametrize(
    "text", ["I'm sorry, I can't help with that.", '{"description": "..."}', "{}", VASE.clips[1].description]
)
def test_a_clip_that_is_not_told_again_stays(server: Server, image: Image.Image, text: str) -> None:
    server.answer = Say(text)
    with pytest.raises(NarrationError, match="wrote nothing new for clip 2"):
        describe_clip_again(load_provider("openai:m", url=server.url), VASE, 1, image, "A cat")
    with pytest.raises(InputError, match="no clip 5; the story has 4"):
        describe_clip_again(load_provider("openai:m", url=server.url), VASE, 4, image, "A cat")


class Sampler:
    """A model that tells another story for every seed."""

    name, identity = "sampler:m", {"model": "m"}

    def __init__(self, *stories: str) -> None:
        self.stories = stories

    def complete(self, messages: Sequence[Message], *, seed: int = 0, **options: Any) -> Reply:
        return Reply(self.stories[seed % len(self.stories)])


def test_a_narrator_of_whole_stories_lends_the_clip_of_the_most_alike(image: Image.Image) -> None:
    ends = [clip.end for clip in VASE.clips]

    def story(*texts: str) -> str:
        return reply(clips=[{"end": end, "description": text} for end, text in zip(ends, texts, strict=True)])

    first, old, *last = (clip.description for clip in VASE.clips)
    blue = story("A blue vase stands.", "A dog runs in and breaks the vase.", "The dog goes.", "Blue shards lie there.")
    narrator = VisionNarrator(
        Sampler(reply(), blue, story(first, "A cat jumps in and breaks the vase.", *last)),
        instruction=Instruction(template="{prompt}"),
    )
    told = retell_clip(narrator, VASE, 1, image, "A cat")
    assert [clip.description for clip in told.clips] == [first, "A cat jumps in and breaks the vase.", *last]
    assert same_story(replace(told, clips=VASE.clips), VASE)
    assert told.provenance["redone"] == [{"clip": 2, "was": old, "narrator": "sampler:m"}]
    texts = [first, "A blue cat jumps in and breaks the vase.", *last]
    clips = [{"end": end, "description": text} for end, text in zip(ends, texts, strict=True)]
    blue_cat = Sampler(reply(style="A blue cat and a white vase.", clips=clips))
    told = retell_clip(replace(narrator, provider=blue_cat), VASE, 1, image, "A cat")
    assert told.clips[1].description == "A grey cat jumps in and breaks the vase."
    same = VisionNarrator(Sampler(reply()), instruction=Instruction(template="{prompt}"))
    with pytest.raises(NarrationError, match="told nothing new for clip 2"):
        retell_clip(same, VASE, 1, image, "A cat")


def test_a_clip_is_told_again_by_whoever_narrates(server: Server, image: Image.Image) -> None:
    server.answer = Say('{"description": "A cat leaps."}')
    narrator = VisionNarrator(load_provider("openai:m", url=server.url))
    assert retell_clip(narrator, VASE, 1, image, "A cat").clips[1].description == "A cat leaps."
    with pytest.raises(UnsupportedError, match="write the clip yourself"):
        retell_clip(ScriptedNarrator([reply()]), VASE, 1, image, "A cat")
