"""docs/extending.md: every block of the page is run, and what it adds is used by the code that it is added to."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from safetensors.torch import save_file
from typer.testing import CliRunner

import reasondiff.recipes as recipes
from reasondiff.cli import app as verbs
from reasondiff.cli.generate import generate as generate_verb
from reasondiff.cli.options import takes_request
from reasondiff.data.clips import ClipSource
from reasondiff.errors import InputError
from reasondiff.evaluation import registry
from reasondiff.evaluation.metrics.base import Metric, Sample
from reasondiff.evaluation.outputs import Failure
from reasondiff.evaluation.report.runs import read_runs
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.systems import System
from reasondiff.media import read_video
from reasondiff.narrative import Narrative
from reasondiff.narrator import Narrator
from reasondiff.pipeline import any_model
from reasondiff.pipeline.generate import generate
from reasondiff.recipes.base import Recipe
from reasondiff.recipes.components import AlignFormerConfig, LoraOptions
from reasondiff.training.optimization import Optimization
from reasondiff.training.stages.flow import FlowOptions
from reasondiff.training.trainer import fit
from tests import tiny
from tests.pages import blocks, run
from tests.tiny.pipelines import IMAGE, STORY, pipeline

PAGE = "extending.md"
SECTIONS = (
    "A narrator", "A base model", "A clip source", "A recipe", "A baseline", "A metric", "A suite",
    "An option of a video",
)  # fmt: skip
RED = Image.new("RGB", (64, 64), "red")


@pytest.fixture(scope="module")
def scope() -> dict[str, Any]:
    """The names of the whole page, as of one module."""
    module = ModuleType("holidays")
    sys.modules["holidays"] = module
    for heading in SECTIONS:
        run(PAGE, heading, module.__dict__)
    return module.__dict__


def test_every_block_of_the_page_is_run_here() -> None:
    assert tuple(blocks(PAGE)) == SECTIONS


def test_a_narrator(scope: dict[str, Any]) -> None:
    narrator = scope["HalfwayNarrator"]()
    assert isinstance(narrator, Narrator)
    pipe = pipeline()
    pipe.narrator = narrator
    told = pipe(IMAGE, "A cat plays.", output_type="latent", num_inference_steps=1).narrative
    assert told.anchor_frame == 4
    assert told.per_frame() == ("Nothing has happened yet.",) * 4 + ("A cat plays.",) * 5


def test_a_base_model(scope: dict[str, Any]) -> None:
    model, narrator = scope["Painter"](), scope["HalfwayNarrator"]()
    made = generate(model, lambda: narrator, RED, "A cat plays.", None)
    assert made.frames.shape == (1, 3, 64, 64, 3)
    assert made.frames[0, :, 0, 0].tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]  # frame 4 is in latent frame 1
    stopped = generate(model, lambda: narrator, RED, "A cat plays.", None, seed=1, stopped=lambda: True)
    assert not np.array_equal(stopped.frames, made.frames)


def test_a_folder_of_a_base_model_is_taken_by_every_face(
    scope: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(any_model.OTHER_MODELS, "Painter", any_model.Kind(scope["load_painter"]))  # type: ignore[arg-type]
    model, image, story, video = (tmp_path / name for name in ("painter", "red.png", "story.json", "out.mp4"))
    model.mkdir()
    (model / "model_index.json").write_text('{"_class_name": "Painter"}')
    RED.save(image)
    STORY.save(story)
    asked = ["--image", image, "--narrative", story, "--model", model, "--seed", 3, "-o", video]
    ran = CliRunner().invoke(verbs, ["generate", *map(str, asked)])
    assert ran.exit_code == 0, ran.output
    made = read_video(video)
    assert made.record is not None and made.record.seed == 3 and made.record.weights.keys() == {"model_index.json"}
    assert made.frames.shape == (3, 64, 64, 3)
    assert made.frames[:, 0, 0, 0].tolist() == pytest.approx([0, 0, 255], abs=4)  # frame 9 is in the last latent frame
    refused = CliRunner().invoke(verbs, ["generate", *map(str, asked), "--preset", "balanced"])
    assert isinstance(refused.exception, InputError) and "is for models of Wan's kind" in str(refused.exception)


def test_a_clip_source_and_its_recipe_train(scope: dict[str, Any], tmp_path: Path) -> None:
    videos = tiny.randn(4, tiny.LATENT_CHANNELS, 3, 8, 8)
    source: ClipSource = scope["HolidayClips"](videos)
    save_file({"videos": videos}, tmp_path / "holidays.safetensors")
    pipeline(image_tokens=False).save_pretrained(tmp_path / "model")
    recipe: Recipe = scope["HolidayRecipe"](
        name="holidays/stage1",
        purpose="the page's clips",
        optimization=Optimization(steps=2, precision="fp32"),
        flow=FlowOptions(batch=2),
        clips=len(source),
        alignformer=AlignFormerConfig(
            in_channels=tiny.LATENT_CHANNELS, text_dim=tiny.TEXT_DIM, dim=16, patch_size=(1, 2, 2)
        ),
        lora=LoraOptions(),
        beta=0.2,
    )
    recipe.check(tmp_path / "model")
    stage = recipe.build(tmp_path / "model", tmp_path, "cpu")
    before = {name: parameter.detach().clone() for name, parameter in stage.trainable().items()}
    assert fit(stage, recipe.optimization, tmp_path / "run") == 2
    assert any(not torch.equal(before[name], parameter) for name, parameter in stage.trainable().items())


def test_a_variant_of_a_recipe_is_found_by_its_name(scope: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    patient = scope["PATIENT"]
    monkeypatch.setitem(recipes.RECIPES, patient.name, ("holidays", "PATIENT"))
    found = recipes.resolve(patient.name, changes=["flow.batch=4"])
    assert (found.optimization.steps, found.optimization.lr) == (18_000, 5e-4)
    assert json.loads(json.dumps(found.to_dict()))["flow"]["batch"] == 4


def test_a_baseline_and_a_metric(scope: dict[str, Any], tmp_path: Path) -> None:
    system: System = scope["StillImage"]()
    metric: Metric = scope["Brightness"]()
    cases = [Case("a", RED, "A cat plays.", seed=0), Case("b", RED, "", seed=1)]
    made, failure = system.generate(cases, Resources(tmp_path))
    assert isinstance(failure, Failure) and not isinstance(made, Failure)
    assert made.frames.shape == (9, 64, 64, 3)
    assert metric.measure(Sample(cases[0], made)) == 85.0


def test_a_suite_a_baseline_and_a_metric_are_found_by_their_lines_in_the_registry(
    scope: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.SUITES, "red", scope["RedStaysRed"])  # type: ignore[arg-type]
    monkeypatch.setitem(registry.SYSTEMS, "still", scope["StillImage"]())  # type: ignore[arg-type]
    monkeypatch.setitem(registry.METRICS, "brightness", lambda using: scope["Brightness"]())  # type: ignore[arg-type]
    monkeypatch.setattr(registry, "MAIN_TABLE", ("story_success", "brightness"))
    asked = ["evaluate", "--suite", "red", "--cases", "2", "--method", "still", "-o", str(tmp_path)]
    ran = CliRunner().invoke(verbs, asked)
    assert ran.exit_code == 0, ran.output
    (run,) = read_runs([tmp_path])
    assert [row.values for row in run.rows] == [{"story_success": 1, "brightness": red / 3} for red in (255, 254)]
    assert sorted(run.cases) == ["red-254", "red-255"], "the report draws the suite's cases again"


def test_an_option_of_a_video(scope: dict[str, Any]) -> None:
    request = scope["GrainyRequest"](image=Path("a.png"), film_grain=0.25)
    assert replace(request, seed=1).film_grain == 0.25
    assert scope["GrainyRequest"].json_schema()["properties"]["film_grain"]["maximum"] == 1
    app = typer.Typer()
    app.command()(takes_request(request=scope["GrainyRequest"])(generate_verb.__wrapped__))
    assert "--film-grain" in CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output


def test_a_story_of_the_page_is_one(scope: dict[str, Any]) -> None:
    source = scope["HolidayClips"](torch.zeros(1, 4, 3, 8, 8))
    told = source.narrative(0, 5, None)
    assert isinstance(told, Narrative) and told.num_frames == STORY.num_frames and told.anchor_frame == 5
