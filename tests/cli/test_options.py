"""Every verb that runs a model takes the same options for it, and honours them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reasondiff.cli.options import LOADING
from reasondiff.jobs.session import VideoSession
from reasondiff.media import read_record
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.storyworld.stories import NUM_FRAMES
from tests import tiny
from tests.narrator.providers.misbehaving_server import Say, running
from tests.tiny.pipelines import add_lora, alignformer, pipeline

pytestmark = pytest.mark.usefixtures("all_templates_match")

VERBS = ("generate", "attention", "calibrate", "cases", "demo", "evaluate", "replay")
STORY = {
    "position": 9,
    "clips": [{"end": 4, "description": "A vase."}, {"end": NUM_FRAMES, "description": "It breaks."}],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model of StoryWorld's length, which ``evaluate`` needs."""
    defaults = {"num_frames": NUM_FRAMES, "num_inference_steps": 1, "guidance_scale": 1.0, "area": 64 * 64}
    folder = tmp_path_factory.mktemp("models") / "tiny"
    ReasonDiffPipeline(**tiny.pipeline().components, reasondiff=defaults).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pipe = pipeline(alignformer())
    add_lora(pipe)
    folder = tmp_path_factory.mktemp("adapters") / "tales"
    pipe.save_adapter(folder)
    return folder


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[VideoSession]:
    """Every session that is started."""
    started: list[VideoSession] = []
    start = VideoSession.__init__

    def noted(self: VideoSession, *arguments: Any, **options: Any) -> None:
        start(self, *arguments, **options)
        started.append(self)

    monkeypatch.setattr(VideoSession, "__init__", noted)
    return started


@pytest.mark.parametrize("verb", VERBS)
def test_help_names_them(reasondiff: Callable, verb: str) -> None:
    shown = reasondiff(verb, "--help").out
    # A replay has the story, the transformer and the LoRA's scale in the video.
    held = {name for name in LOADING if name.startswith("narrator")} | {"transformer", "lora_scale"}
    names = set(LOADING) - (held if verb == "replay" else set())
    assert {name for name in names if f"--{name.replace('_', '-')}" in shown} == names
    assert "quality, balanced, fast or low-vram" in shown or verb == "replay"


@pytest.mark.parametrize("verb", VERBS[:-1])
def test_each_verb_honours_them(
    reasondiff: Callable, here: Path, model: Path, tales: Path, sessions: list[VideoSession], verb: str
) -> None:
    Path("script.json").write_text(json.dumps([STORY]))
    Narrative.from_ends([(4, "A vase."), (NUM_FRAMES, "It breaks.")], 8, NUM_FRAMES).save("told.json")
    Path("cases").mkdir()
    shutil.copy("vase.png", "cases")
    Path("cases", "prompts.csv").write_text("image,prompt\nvase.png,A cat plays.\n")
    image = ("--image", "vase.png", "--prompt", "A cat plays.", "--size", 32)
    own: dict[str, tuple[Any, ...]] = {
        "generate": (*image, "-o", "out.mp4"),
        "attention": (*image, "-o", "out.mp4", "--word", "breaks"),
        "calibrate": (*image, "-o", "out.json"),
        "cases": ("cases", "-o", "made", "--size", 32),
        "demo": ("-o", "made"),
        "evaluate": ("-o", "made", "--cases", 1, "--method", "reasondiff"),
    }
    told_by = "file:told.json" if verb == "demo" else "scripted:script.json"
    how = ("--model", model, "--adapter", tales, "--preset", "balanced", "--device", "cpu", "--narrator", told_by)
    ran = reasondiff(verb, *own[verb], *how)
    assert ran.code == 0, ran
    (session,) = sessions
    assert session.preset is not None and session.preset.name == "balanced"
    assert session.pipe.active_adapter == "tales" and session.pipe.alignformer is not None
    assert str(session.pipe.device) == "cpu" and session.pipe.transformer.dtype == session.pipe.text_encoder.dtype
    assert session.pipe.narrator.name.startswith(told_by.split(":")[0])
    if verb in ("generate", "cases", "demo"):
        video = {"generate": "out.mp4", "cases": "made/1-vase.mp4", "demo": "made/cat.mp4"}[verb]
        held = read_record(video)
        assert (held.options["preset"], held.options["adapter"]) == ("balanced", str(tales))
        assert held.narrative["clips"][1]["description"] == "It breaks."


def test_replay_honours_them(
    reasondiff: Callable, here: Path, model: Path, tales: Path, sessions: list[VideoSession]
) -> None:
    Narrative.from_ends([(4, "A vase."), (NUM_FRAMES, "It breaks.")], 8, NUM_FRAMES).save("told.json")
    given = ("--image", "vase.png", "--narrative", "told.json", "--size", 32, "--model", model, "--adapter", tales)
    assert reasondiff("generate", *given, "-o", "out.mp4").code == 0
    ran = reasondiff("replay", "out.mp4", "-o", "again.mp4", "--preset", "low-vram", "--device", "cpu")
    assert ran.code == 0, ran  # another preset was asked for, and may differ
    assert sessions[1].preset.name == "low-vram" and sessions[1].request.device == "cpu"
    assert "Equal" in ran.out or "preset None then, low-vram now" in ran.out


@pytest.mark.parametrize("verb", ["demo", "evaluate"])
def test_a_revision_is_for_the_hub_in_every_verb(refused: Callable, here: Path, model: Path, verb: str) -> None:
    sentence = refused(verb, "--model", model, "--revision", "v1", "-o", "made")
    assert "A revision is for models on the hub" in sentence
    assert not Path("made").exists()


def test_text_mode_anchor_and_adapter_are_options_and_replay(reasondiff: Callable, here: Path, model: Path) -> None:
    Narrative.from_ends([(4, "A vase."), (NUM_FRAMES, "It breaks.")], 8, NUM_FRAMES).save("told.json")
    given = ("--image", "vase.png", "--narrative", "told.json", "--size", 32, "--model", model, "-o", "out.mp4")
    ran = reasondiff("generate", *given, "--text-mode", "joined", "--anchor", "last", "--no-use-adapter")
    assert ran.code == 0 and f"image at position {NUM_FRAMES}" in ran.out, ran
    held = read_record("out.mp4").options
    assert (held["text_mode"], held["use_adapter"]) == ("joined", False)
    assert "Equal" in reasondiff("replay", "out.mp4", "-o", "again.mp4").out


def test_a_server_that_does_not_answer_is_given_up_in_time(refused: Callable, here: Path, model: Path) -> None:
    with running() as server:
        server.answer = Say(delay=3)
        given = ("--image", "vase.png", "--prompt", "A.", "-o", "out.mp4", "--model", model)
        asked = ("--narrator", "openai:m", "--narrator-url", server.url, "--narrator-timeout", 0.1)
        told = refused("generate", *given, *asked)
        assert "gave no answer within 0.1 s (tried 2 times)" in told and "--narrator-timeout" in told
        server.answer = Say(status=404, answer={"detail": "Not Found"})
        assert "has no Responses API" in refused("generate", *given, *asked[:4], "--narrator-api", "responses")
    assert refused("generate", *given, "--narrator-timeout", 5).startswith("--narrator-timeout is for a server")
