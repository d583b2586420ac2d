"""A run that was killed goes on, and ends as if it had not been; and one can see what a run is becoming."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FirstBlockCacheConfig
from PIL import Image

from reasondiff.errors import InputError, ReasonDiffError, UnsupportedError
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
from reasondiff.pipeline.latent_preview import LatentPreview
from reasondiff.pipeline.magcache import MagRatios
from tests import tiny
from tests.tiny.pipelines import IMAGE, STORY, add_lora, alignformer, close, latents, pipeline

STEPS = 6


class KilledError(Exception):
    pass


def killed_at(step: int) -> Callable[..., dict[str, Any]]:
    def callback(pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        if index == step:
            raise KilledError
        return {}

    return callback


@pytest.fixture(scope="module")
def pipe() -> ReasonDiffPipeline:
    return pipeline(alignformer())


@pytest.mark.parametrize("scheduler", ["unipc", "euler"])
@pytest.mark.parametrize("step", [0, 3, STEPS - 1])
def test_a_continued_run_equals_one_in_one_piece(scheduler: str, step: int, tmp_path: Path) -> None:
    pipe = pipeline(scheduler=tiny.scheduler(scheduler))
    whole = latents(pipe, num_inference_steps=STEPS, seed=4)
    kept = tmp_path / "kept.safetensors"
    options = {"num_inference_steps": STEPS, "seed": 4, "progress": DenoisingCheckpoint(kept)}
    with pytest.raises(KilledError):
        latents(pipe, callback_on_step_end=killed_at(step), **options)
    assert kept.exists() == (step > 0)  # the step in which it was killed is lost
    calls: list[int] = []
    handle = pipe.transformer.register_forward_pre_hook(lambda *_: calls.append(1))
    fresh = pipeline(scheduler=tiny.scheduler(scheduler))
    fresh.transformer = pipe.transformer
    assert torch.equal(latents(fresh, **options), whole)
    handle.remove()
    assert len(calls) == 2 * (STEPS - step)
    assert not kept.exists()


def test_a_run_that_was_ended_early_can_go_on(pipe: ReasonDiffPipeline, tmp_path: Path) -> None:
    def enough(pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        if index == 3:
            pipe.stop()
        return {}

    whole = latents(pipe, num_inference_steps=STEPS, seed=4)
    options = {"num_inference_steps": STEPS, "seed": 4, "progress": DenoisingCheckpoint(tmp_path / "kept.safetensors")}
    assert not torch.equal(latents(pipe, callback_on_step_end=enough, **options), whole)
    assert list(tmp_path.iterdir()), "what is kept stays"
    calls: list[int] = []
    handle = pipe.transformer.register_forward_pre_hook(lambda *_: calls.append(1))
    assert torch.equal(latents(pipe, **options), whole)
    handle.remove()
    assert 0 < len(calls) < 2 * STEPS and not list(tmp_path.iterdir())


SCRIPT = """
import os, signal, sys, torch
torch.set_num_threads(1)
from tests.tiny.pipelines import alignformer, latents, pipeline
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
def die(pipe, step, timestep, tensors):
    if step == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return {}
kept = DenoisingCheckpoint(sys.argv[1])
latents(pipeline(alignformer()), num_inference_steps=6, progress=kept, callback_on_step_end=die)
"""


def test_a_process_killed_in_the_middle_goes_on_in_another(pipe: ReasonDiffPipeline, tmp_path: Path) -> None:
    kept = tmp_path / "kept.safetensors"
    command = [sys.executable, "-c", SCRIPT, str(kept)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    died = subprocess.run(command, cwd=Path(__file__).parents[2], env=environment, check=False)
    assert died.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["kept.safetensors"]
    calls: list[int] = []
    handle = pipe.transformer.register_forward_pre_hook(lambda *_: calls.append(1))
    made = latents(pipe, num_inference_steps=STEPS, progress=DenoisingCheckpoint(kept))
    handle.remove()
    assert len(calls) == 2 * (STEPS - 3)
    assert close(made, latents(pipe, num_inference_steps=STEPS))
    assert not kept.exists()


def test_progress_of_another_run_or_a_damaged_one_is_refused(pipe: ReasonDiffPipeline, tmp_path: Path) -> None:
    kept = tmp_path / "kept.safetensors"
    with pytest.raises(KilledError):
        latents(pipe, num_inference_steps=3, progress=DenoisingCheckpoint(kept), callback_on_step_end=killed_at(1))
    content = kept.read_bytes()
    for change in ({"seed": 1}, {"guidance_scale": 2.0}, {"position": 2}, {"num_inference_steps": 4}):
        with pytest.raises(InputError, match=r"is of another run; delete it, or give that run's options again\.$"):
            latents(pipe, **({"num_inference_steps": 3, "progress": DenoisingCheckpoint(kept)} | change))
    for damaged in (content[:-40], b"", b"no safetensors"):
        kept.write_bytes(damaged)
        with pytest.raises(InputError, match=r"is no kept progress; delete it, or give another name\.$"):
            latents(pipe, num_inference_steps=3, progress=DenoisingCheckpoint(kept))


def test_other_weights_do_not_go_on_with_it(tmp_path: Path) -> None:
    pipe, kept = pipeline(alignformer()), tmp_path / "kept.safetensors"
    add_lora(pipe)
    with pytest.raises(KilledError):
        latents(pipe, num_inference_steps=3, progress=DenoisingCheckpoint(kept), callback_on_step_end=killed_at(1))
    changed = [pipe.alignformer.proj_out.bias, *(p for n, p in pipe.transformer.named_parameters() if ".lora_B" in n)]
    for weight in changed[:2]:
        with torch.no_grad():
            weight += 1
        with pytest.raises(InputError, match="is of another run"):
            latents(pipe, num_inference_steps=3, progress=DenoisingCheckpoint(kept))
        with torch.no_grad():
            weight -= 1


def test_a_story_that_is_told_again_goes_on(pipe: ReasonDiffPipeline, tmp_path: Path) -> None:
    """A narrator writes down how long it took and whether it knew the story; none of it changes the video."""
    kept = tmp_path / "kept.safetensors"
    once, again = (replace(STORY, provenance=record) for record in ({"seconds": 2.5}, {"seconds": 0.0, "cached": True}))
    with pytest.raises(KilledError):
        latents(pipe, narrative=once, progress=DenoisingCheckpoint(kept), callback_on_step_end=killed_at(1))
    assert torch.equal(latents(pipe, narrative=again, progress=DenoisingCheckpoint(kept)), latents(pipe))


def test_step_caches_that_count_steps_cannot_be_continued(tmp_path: Path) -> None:
    pipe = pipeline()
    pipe.transformer.enable_cache(MagRatios(ratios=(1.0, 1.0)).config(2))
    with pytest.raises(UnsupportedError, match="counts from the first step; use FirstBlockCacheConfig"):
        latents(pipe, progress=DenoisingCheckpoint(tmp_path / "kept.safetensors"))
    pipe.transformer.disable_cache()
    pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=0.0))
    latents(pipe, progress=DenoisingCheckpoint(tmp_path / "kept.safetensors"))


# -- previews -------------------------------------------------------------------------------------------------------


def test_the_prediction_so_far_ends_as_the_video(pipe: ReasonDiffPipeline) -> None:
    seen: list[torch.Tensor] = []

    def look(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        seen.append(tensors["clean"])
        return {}

    options = {"callback_on_step_end": look, "callback_on_step_end_tensor_inputs": ("clean",)}
    made = latents(pipe, num_inference_steps=4, **options)
    assert torch.allclose(seen[-1], made, atol=1e-4)
    assert not close(seen[0], made)


def test_a_preview_is_drawn_every_few_steps_and_can_end_the_run(pipe: ReasonDiffPipeline, tmp_path: Path) -> None:
    preview = LatentPreview(IMAGE, tmp_path / "look.png", every=2)
    drawn: list[int] = []

    def watch(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        preview(pipe, step, timestep, tensors)
        if preview.path.exists():
            drawn.append(step)
            preview.path.rename(tmp_path / f"{step}.png")
        if step == 3:  # whoever has seen enough
            pipe.stop()
        return {}

    options = {"callback_on_step_end": watch, "callback_on_step_end_tensor_inputs": LatentPreview.inputs}
    latents(pipe, num_inference_steps=8, num_videos_per_prompt=2, **options)
    assert drawn == [1, 3]
    with Image.open(tmp_path / "3.png") as image:
        assert image.size == (3 * 8 * 12, 2 * 8 * 12)  # three latent frames across, two videos down, 8 to 96 pixels


def test_colours_are_right_where_latents_are_linear_in_them() -> None:
    """With a latent that is a linear function of colour, the map found on the anchor inverts it for any frame."""
    height = width = 8
    anchor, other = (tiny.image(width, height, seed=seed) for seed in (0, 1))

    def encoded(image: Image.Image) -> torch.Tensor:
        pixels = torch.tensor(list(image.tobytes())).view(height, width, 3) / 255
        return (pixels @ tiny.randn(3, 4, seed=9) + tiny.randn(4, seed=8)).permute(2, 0, 1)

    clean = torch.stack([encoded(anchor), encoded(other)], dim=1)[None]
    colours = LatentPreview(anchor, "x.png").colours(clean, encoded(anchor), scale=1)
    for found, image in zip(colours[0], (anchor, other), strict=True):
        wanted = torch.tensor(list(image.tobytes())).view(height, width, 3) / 255
        assert (found - wanted).abs().max() <= 0.1


def test_impossible_previews_are_refused() -> None:
    attempts: list[tuple[type[ReasonDiffError], str, Callable[[], object]]] = [
        (InputError, "not the name of a PNG file", lambda: LatentPreview(IMAGE, "look.jpg")),
        (InputError, "A preview every 0 steps is none", lambda: LatentPreview(IMAGE, "look.png", every=0)),
    ]
    for error, message, attempt in attempts:
        with pytest.raises(error, match=message):
            attempt()
