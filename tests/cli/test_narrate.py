"""``reasondiff narrate`` as a user meets it, with a server of one's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from PIL import Image

from reasondiff.checkpoints import find_model
from reasondiff.narrative import Narrative
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import NUM_FRAMES
from tests import tiny
from tests.narrator.providers.misbehaving_server import Request, Say, Server
from tests.narrator.stories import VASE, reply, same_story
from tests.tiny.pipelines import on_hub

TELL = ("narrate", "--image", "vase.png", "--prompt", "A cat plays.", "--num-frames", 33, "--no-cache")


def told(server: Server) -> tuple[Any, ...]:
    return (*TELL, "--narrator-url", server.url)


NO_KEY = "OPENAI_API_KEY is not set, so gpt-4o cannot be asked; export a key"


@pytest.mark.parametrize(
    ("say", "arguments", "words"),
    [
        (Say(), ("--narrator", "openai"), NO_KEY),
        (Say(), ("--narrator-url", "localhost:8000"), "'localhost:8000' is no address; give one such as http://"),
        (Say(), ("--narrator-url", "{root}"), "has no such path (404); check that the address ends in /v1."),
        (Say(), ("--narrator-url", "http://127.0.0.1:9/v1"), "cannot be reached"),
        (Say(status=404, error="The model `none-Vision` does not exist."), ("--narrator", "openai:none-Vision"),
         "has no model 'none-Vision' (The model `none-Vision` does not exist.); it has gpt-4o, qwen-vl."),
        (Say(status=400, error="qwen is not a multimodal model"), ("--narrator", "openai:qwen"),
         "The model 'qwen' at {url} takes no images (qwen is not a multimodal model); choose one with vision."),
        (Say(status=413, error="Request Entity Too Large"), (), "finds even a small copy of the image too large"),
        (Say(status=401, error="Incorrect API key"), (), "wants a key (401: Incorrect API key); export OPENAI"),
        (Say(delay=2), ("--narrator-timeout", 0.1), "gave no answer within 0.1 s"),
    ],
    ids=["key", "address", "path", "down", "model", "vision", "size", "refused", "slow"],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_leaves_nothing(
    refused: Callable,
    server: Server,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    say: Say,
    arguments: tuple,
    words: str,
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # the client's waits between its tries
    server.answer = say
    given = tuple(str(argument).replace("{root}", server.url.removesuffix("/v1")) for argument in arguments)
    own = () if "--narrator-url" in given or words == NO_KEY else ("--narrator-url", server.url)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    sentence = refused(*TELL, *own, *given, "-o", "told.json")
    assert words.replace("{url}", server.url) in sentence
    assert not Path("told.json").exists()


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (Say(refusal="I can't help."), "declined; reword the prompt or choose another --narrator. It replied: "),
        (
            Say("What a vase!"),
            "gave no usable story (its reply holds no JSON object with position and clips), "
            "and its server does not enforce the reply's form; reword",
        ),
    ],
    ids=["declined", "prose"],
)
def test_a_reply_that_is_no_story_is_quoted(
    reasondiff: Callable, server: Server, here: Path, say: Say, words: str
) -> None:
    server.answer = say
    ran = reasondiff(*told(server), "-o", "told.json")
    assert ran.code == 2 and ran.err.count("\n") == 1 and words in ran.err
    assert (say.refusal or say.text) in ran.err and not Path("told.json").exists()


def test_an_image_too_large_for_the_server_is_sent_smaller_and_that_is_recorded(
    reasondiff: Callable,
    server: Server,
    here: Path,
) -> None:
    def answer(request: Request) -> Say:
        fits = max(request.images[0].size) <= 1024
        return Say(reply()) if fits else Say(status=400, error="Image size must not exceed 1024 pixels.")

    server.answer = answer
    Image.new("RGB", (3000, 1500)).save("vase.png")
    assert reasondiff(*told(server), "-o", "told.json").code == 0
    record = Narrative.load("told.json").provenance
    assert (record["image_sizes"], record["sent_sizes"]) == ([[3000, 1500]], [[1024, 512]])


def test_candidates_are_told_ranked_and_picked(reasondiff: Callable, server: Server, here: Path) -> None:
    marks = [{"story": n, "reason": "So.", **dict.fromkeys(("image", "text", "whole"), m)} for n, m in ((1, 2), (2, 9))]
    server.answer = [Say(reply(position=30)), Say(reply()), Say(json.dumps({"verdicts": marks}))]
    ran = reasondiff(*told(server), "--candidates", 2, "-o", "told.json")
    assert ran.code == 0 and "image at position 33" in ran.out and "3 requests" in ran.out
    ran = reasondiff("narrate", "edit", "told.json", "--pick", 1, "-o", "other.json")
    assert ran.code == 0 and "position 30 of 33" in ran.out
    assert Narrative.load("other.json").anchor_frame == 29
    reasondiff("narrate", "edit", "other.json", "--pick", 1, "-o", "back.json")
    assert same_story(Narrative.load("back.json"), VASE)


def test_one_clip_is_told_again_for_the_same_text(reasondiff: Callable, server: Server, here: Path) -> None:
    server.answer = [Say(reply()), Say('{"description": "A cat leaps."}')]
    reasondiff(*told(server), "-o", "told.json")
    ran = reasondiff("narrate", "edit", "told.json", "--redo", 2, "--image", "vase.png", "--narrator-url", server.url)
    assert ran.code == 0 and "A cat leaps." in ran.out
    asked = server.requests[1].texts[0]
    assert "A cat plays." in asked and all(clip.description in asked for clip in VASE.clips)


def test_a_file_or_a_script_has_no_model_to_set(reasondiff: Callable, refused: Callable, here: Path) -> None:
    Path("script.json").write_text(json.dumps([json.loads(reply())]))
    assert "has no option 'url'" in refused(*TELL[:-1], "--narrator", "file:story.json", "--narrator-url", "http://x/v1",
                                            "-o", "a.json")  # fmt: skip
    redo = ("narrate", "edit", "story.json", "--redo", 1, "--image", "vase.png", "--narrator", "scripted:script.json")
    assert "has no model to ask; give openai[:MODEL] or transformers:" in refused(*redo)
    ran = reasondiff(*TELL[:-1], "--narrator", "scripted:script.json", "-o", "a.json")
    assert ran.code == 0 and "1 requests, 0 re-asks" in ran.out
    ran = reasondiff(*TELL[:-1], "--narrator", "file:a.json", "-o", "b.json")
    assert ran.out == "b.json: 4 clips, the image at position 33.\n"  # the cost is that of another day
    assert same_story(Narrative.load("b.json"), Narrative.load("a.json"))


def test_a_batch_tells_what_it_can_and_ends_with_1(reasondiff: Callable, server: Server, here: Path) -> None:
    server.answer = lambda request: Say(refusal="No.") if "pig" in request.texts[-1] else Say(reply())
    Path("rows.csv").write_text("image,prompt\nvase.png,A cat.\nnone.png,A cat.\nvase.png,A pig.\n")
    batch = ("narrate", "--batch", "rows.csv", "--num-frames", 33, "--narrator-url", server.url, "--no-cache")
    ran = reasondiff(*batch, "-o", "told.jsonl")
    assert ran.code == 1 and "1 of 3 rows told, 0 of them before" in ran.out
    assert "Stories" in ran.err and "2 rows failed" in ran.err
    server.answer = Say(reply())
    ran = reasondiff(*batch, "--retry-failed", "-o", "told.jsonl")
    assert ran.code == 1 and "2 of 3 rows told, 1 of them before" in ran.out
    assert len(Path("told.jsonl").read_text().splitlines()) == 3


def test_without_a_key_the_models_own_narrator_tells_the_story_in_the_models_frames(
    reasondiff: Callable, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    draw_frame(TakeSet("test", pairs=(("vase", "cat"),))[0], NUM_FRAMES - 1).save("broken.png")
    command = ("narrate", "--prompt", "A cat plays in the room.", "-o", "told.json")
    ran = reasondiff(*command, "--image", "broken.png")
    assert ran.code == 0 and ran.out.startswith("told.json: ") and not ran.err, ran
    story = Narrative.load("told.json")
    assert (story.num_frames, story.interval) == (33, 0.2) and story.anchor_frame > 16
    assert story.provenance["narrator"].endswith("storyworld-tiny/narrator")
    ran = reasondiff(*command, "--image", "vase.png", "--num-frames", 9, "--interval", 0.5)
    assert ran.code == 0 and "Note: This narrator knows StoryWorld's drawings" in ran.err, ran
    story = Narrative.load("told.json")
    assert (story.num_frames, story.interval) == (9, 0.5)
    Path("rows.csv").write_text("image,prompt\nbroken.png,A cat plays.\n")
    assert reasondiff("narrate", "--batch", "rows.csv", "-o", "told.jsonl").code == 0
    assert json.loads(Path("told.jsonl").read_text())["narrative"]["num_frames"] == 33


def test_a_model_without_a_narrator_says_so(refused: Callable, here: Path, model: Path) -> None:
    tell = ("narrate", "--image", "vase.png", "--prompt", "A cat plays.", "-o", "told.json")
    sentence = f"The model {str(model)!r} has no narrator; give --narrator, such as openai:gpt-4o."
    assert refused(*tell, "--model", model) == sentence
    assert "There is no model 'none'" in refused(*tell, "--model", "none")
    assert not Path("told.json").exists()


def test_a_model_on_the_hub_may_have_a_narrator(
    reasondiff: Callable, refused: Callable, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(here / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    bundled, commit = Path(find_model("storyworld-tiny")), "a" * 40
    snapshot = on_hub(here / "hub", "owner/model", commit, {"main": commit})
    snapshot.mkdir()
    shutil.copy(bundled / "model_index.json", snapshot)
    tell = ("narrate", "--image", "vase.png", "--prompt", "A cat plays.", "--model", "owner/model", "-o", "told.json")
    assert "The model 'owner/model' has no narrator" in refused(*tell)
    shutil.copytree(bundled / "narrator", snapshot / "narrator")
    assert reasondiff(*tell).code == 0
    assert Narrative.load("told.json").provenance["narrator"] == f"transformers:{snapshot / 'narrator'}"


@pytest.mark.parametrize("named", [(), ("--narrator", "openai")])
def test_a_narrator_of_ones_own_choice_is_asked_for_81_frames(
    reasondiff: Callable, server: Server, here: Path, named: tuple
) -> None:
    server.answer = Say(reply(clips=[{"end": 81, "description": "A vase stands."}]))
    tell = ("narrate", "--image", "vase.png", "--prompt", "A cat plays.", "--no-cache", "-o", "told.json")
    assert reasondiff(*tell, *named, "--narrator-url", server.url).code == 0
    story = Narrative.load("told.json")
    assert (story.num_frames, story.interval) == (81, 0.2) and server.requests[0].body["model"] == "gpt-4o"


@pytest.mark.parametrize("named", [(), ("--narrator", "openai:qwen-vl")])
def test_generate_asks_the_same_narrator(
    reasondiff: Callable,
    server: Server,
    here: Path,
    model: Path,
    named: tuple,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REASONDIFF_CACHE", str(here / "cache"))
    ends = [{"end": end, "description": text} for end, text in ((4, "A vase."), (9, "Broken."))]
    server.answer = Say(reply(position=9, clips=ends))
    ran = reasondiff(
        "generate", "--image", "vase.png", "--prompt", "A cat plays.", "--model", model, "--size", "32x32", *named,
        "--narrator-url", server.url, "-o", "out.mp4", "--save-narrative", "told.json",
    )  # fmt: skip
    assert ran.code == 0, ran
    assert [clip.description for clip in Narrative.load("told.json").clips] == ["A vase.", "Broken."]
    assert server.requests[0].body["model"] == (named[1].removeprefix("openai:") if named else "gpt-4o")


def test_several_images_are_told_together_and_pinned_ones_stay(
    reasondiff: Callable, refused: Callable, here: Path
) -> None:
    clips = [{"end": 4, "description": "A vase."}, {"end": 9, "description": "Broken."}]
    told = {"clips": clips, "positions": [{"image": 1, "position": 9}, {"image": 2, "position": 2}]}
    Path("script.json").write_text(json.dumps([told, told]))
    tiny.image(64, 64, seed=1).save("whole.png")
    tell = ("narrate", "--image", "vase.png", "--prompt", "A cat plays.", "--num-frames", 9)
    scripted = ("--narrator", "scripted:script.json", "-o", "told.json")
    ran = reasondiff(*tell, "--image", "whole.png", *scripted)
    assert ran.code == 0, ran
    assert "told.json: 2 clips, image 2 at position 2, image 1 at position 9." in ran.out
    assert [(a.frame, a.image) for a in Narrative.load("told.json").anchors] == [(1, 1), (8, 0)]
    ran = reasondiff(*tell, "--image", "whole.png@first", *scripted)
    assert "image 2 at position 1, image 1 at position 9" in ran.out, ran
    assert "Two images are pinned to position 3" in refused(
        "narrate", "--image", "vase.png@3", "--image", "whole.png@3", "--prompt", "A cat.", "--num-frames", 9, *scripted
    )
    assert "pinned to position 12, and the video has 9 frames" in refused(*tell, "--image", "whole.png@12", *scripted)
    ran = reasondiff("narrate", "edit", "told.json", "--move-image", "2:3", "-o", "moved.json")
    assert ran.code == 0 and "Image 2 at position 3, image 1 at position 9, of 9." in ran.out
    assert "no image 3" in refused("narrate", "edit", "told.json", "--move-image", "3:3")
    assert "write it as" in refused("narrate", "edit", "told.json", "--move-image", "3")


def test_one_image_that_is_pinned_is_told_and_put_there(reasondiff: Callable, here: Path) -> None:
    clips = [{"end": 4, "description": "A vase."}, {"end": 9, "description": "Broken."}]
    Path("script.json").write_text(json.dumps([{"clips": clips, "position": 9}]))
    ran = reasondiff(
        "narrate", "--image", "vase.png@2", "--prompt", "A cat plays.", "--num-frames", 9,
        "--narrator", "scripted:script.json", "-o", "told.json",
    )  # fmt: skip
    assert ran.code == 0 and "the image at position 2" in ran.out
