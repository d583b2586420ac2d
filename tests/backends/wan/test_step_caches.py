"""Step caches and compilation: right, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FasterCacheConfig, FirstBlockCacheConfig, MagCacheConfig, PyramidAttentionBroadcastConfig
from diffusers.hooks import SeaCacheConfig, TaylorSeerCacheConfig, TextKVCacheConfig

from reasondiff.backends.wan.step_caches import compile_blocks
from reasondiff.errors import InputError, UnsupportedError
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.pipeline.magcache import MagRatios, calibrate
from tests import tiny
from tests.tiny.pipelines import IMAGE, STORY, close, latents, pipeline

SKIP_ALL = MagRatios(ratios=(1.0,) * 4)


@pytest.fixture(scope="module")
def deep() -> ReasonDiffPipeline:
    return pipeline(transformer=tiny.transformer(num_layers=3))


@pytest.fixture
def pipe(deep: ReasonDiffPipeline) -> Any:
    yield deep
    deep.transformer.disable_cache()


def mag(steps: int = 4, ratio: float = 1.0, **options: Any) -> MagCacheConfig:
    return MagRatios(ratios=(ratio,) * steps).config(steps, **({"retention_ratio": 0.0} | options))


def counted(pipe: ReasonDiffPipeline, **options: Any) -> tuple[torch.Tensor, int]:
    """The latents, and how often the last block was computed in full."""
    calls: list[object] = []
    handle = pipe.transformer.blocks[-1].ffn.register_forward_hook(lambda *_: calls.append(1))
    try:
        return latents(pipe, **options), len(calls)
    finally:
        handle.remove()


def callback() -> int:
    return 0


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "pab": (
        lambda: PyramidAttentionBroadcastConfig(
            spatial_attention_block_skip_range=2, current_timestep_callback=callback
        ),
        "would give the negative branch the attention of the positive one",
    ),
    "faster": (
        lambda: FasterCacheConfig(
            spatial_attention_block_skip_range=2, current_timestep_callback=callback, tensor_format="BCFHW"
        ),
        "needs both branches of guidance in one batch",
    ),
    "sea": (lambda: SeaCacheConfig(raw_vision_callback=lambda *_: None), "text-to-video Wan only"),
    "text": (TextKVCacheConfig, "TextKVCache does nothing for Wan"),
    "taylor": (TaylorSeerCacheConfig, "default names match no layer of Wan; give use_lite_mode=True"),
    "mag of other steps": (
        lambda: mag(steps=50),
        "is set for 50 steps and the run has 4; give MagCacheConfig",
    ),
}


@pytest.mark.parametrize("cache", REFUSED)
def test_caches_that_go_wrong_on_wan_are_refused_with_the_reason(pipe: ReasonDiffPipeline, cache: str) -> None:
    config, reason = REFUSED[cache]
    pipe.transformer._cache_config = config()  # as enable_cache leaves it; some of them fail in it already
    with pytest.raises(UnsupportedError) as caught:
        latents(pipe, num_inference_steps=4)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    pipe.transformer._cache_config = None


def test_taylorseer_with_names_that_match_skips(pipe: ReasonDiffPipeline) -> None:
    full = latents(pipe, num_inference_steps=6)
    names = [r"blocks\.\d+\.attn[12]", r"blocks\.\d+\.ffn"]
    config = TaylorSeerCacheConfig(cache_interval=2, disable_cache_before_step=2, cache_identifiers=names)
    pipe.transformer.enable_cache(config)
    skipped = latents(pipe, num_inference_steps=6)
    assert skipped.isfinite().all()
    assert not torch.equal(skipped, full)


def test_magcache_skips_what_its_ratios_allow_and_nothing_else(pipe: ReasonDiffPipeline) -> None:
    full, calls = counted(pipe, num_inference_steps=4)
    assert calls == 4 * 2
    pipe.transformer.enable_cache(mag(ratio=1.0, max_skip_steps=1))
    skipped, calls = counted(pipe, num_inference_steps=4)
    assert calls == 2 * 2  # of four steps every second one, in both branches
    assert not close(skipped, full)
    pipe.transformer.disable_cache()
    pipe.transformer.enable_cache(mag(ratio=2.0))
    assert torch.equal(latents(pipe, num_inference_steps=4), full)


def test_a_cache_starts_afresh_after_an_interrupted_run(pipe: ReasonDiffPipeline) -> None:
    pipe.transformer.enable_cache(mag(ratio=1.0, max_skip_steps=2))
    expected, calls = counted(pipe, num_inference_steps=4)

    def stop(*args: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        latents(pipe, num_inference_steps=4, callback_on_step_end=stop)
    again = counted(pipe, num_inference_steps=4)
    assert torch.equal(again[0], expected)
    assert again[1] == calls


def test_first_block_cache_in_the_whole_pipeline(pipe: ReasonDiffPipeline) -> None:
    full, _ = counted(pipe, num_inference_steps=4)
    pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=0.0))
    assert torch.equal(latents(pipe, num_inference_steps=4), full)
    pipe.transformer.disable_cache()
    pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=1e9))
    _, calls = counted(pipe, num_inference_steps=4)
    assert calls == 2  # the first step, in both branches
    assert torch.equal(latents(pipe, num_inference_steps=4), latents(pipe, num_inference_steps=4))


def test_two_experts_have_no_magcache() -> None:
    parts = {"transformer_2": tiny.transformer(seed=1), "boundary_ratio": 0.9}
    pipe = ReasonDiffPipeline(**tiny.pipeline().components | parts)
    pipe.transformer.enable_cache(mag())
    with pytest.raises(UnsupportedError, match="counts the steps of one transformer, not two"):
        pipe(IMAGE, narrative=STORY, num_inference_steps=4, width=64, height=64)
    with pytest.raises(UnsupportedError, match="counts the steps of one transformer, not two"):
        calibrate(pipe, IMAGE, narrative=STORY)


# -- compilation ----------------------------------------------------------------------------------------------------


class Backend:
    """Runs graphs as they are, and counts their calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, graph: Any, inputs: Any) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            self.calls += 1
            return graph.forward(*args)

        return run


@pytest.mark.parametrize(
    "cache", [None, FirstBlockCacheConfig(threshold=0.0), mag(ratio=2.0)], ids=["no", "fbc", "mag"]
)
def test_compiled_blocks_stay_compiled_under_a_cache(cache: Any) -> None:
    pipe, backend = pipeline(transformer=tiny.transformer(num_layers=3)), Backend()
    expected = latents(pipe, num_inference_steps=4)
    torch._dynamo.reset()
    compile_blocks(pipe.transformer, fullgraph=True, backend=backend)
    if cache is not None:
        pipe.transformer.enable_cache(cache)
        with pytest.raises(UnsupportedError, match="compile first, then enable it"):
            compile_blocks(pipe.transformer)
    compiled = latents(pipe, num_inference_steps=4)
    assert backend.calls == 3 * 2 * 4  # every block of every branch and step
    assert (compiled - expected).norm() / expected.norm() <= 1e-5
    torch._dynamo.reset()


def test_magcache_over_repeated_blocks_is_refused_because_it_runs_eagerly() -> None:
    pipe = pipeline()
    pipe.transformer.compile_repeated_blocks(backend="eager")
    pipe.transformer.enable_cache(mag())
    with pytest.raises(UnsupportedError, match="MagCache would run every block uncompiled; use compile_blocks"):
        latents(pipe, num_inference_steps=4)


# -- calibration ----------------------------------------------------------------------------------------------------


def test_measured_ratios_are_those_of_diffusers(pipe: ReasonDiffPipeline, capsys: pytest.CaptureFixture[str]) -> None:
    before = latents(pipe, num_inference_steps=4)
    measured = calibrate(pipe, IMAGE, narrative=STORY, num_inference_steps=4, guidance_scale=1.0)
    assert torch.equal(latents(pipe, num_inference_steps=4), before)  # no hook is left
    pipe.transformer.enable_cache(MagCacheConfig(calibrate=True, num_inference_steps=4))
    latents(pipe, num_inference_steps=4, guidance_scale=1.0)
    printed = capsys.readouterr().out.split("[", 2)[2].split("]")[0]
    assert measured.ratios[0] == 1.0
    assert measured.ratios == pytest.approx([float(number) for number in printed.split(",")], abs=1e-6)
    with pytest.raises(UnsupportedError, match=r"call disable_cache\(\) first"):
        calibrate(pipe, IMAGE, narrative=STORY)


def test_of_two_branches_the_ratio_that_skips_less_counts(pipe: ReasonDiffPipeline) -> None:
    guided = calibrate(pipe, IMAGE, narrative=STORY, num_inference_steps=3, guidance_scale=3.0)
    assert len(guided.ratios) == 3
    assert guided.guidance_scale == 3.0


def test_ratios_are_written_and_read(tmp_path: Path) -> None:
    ratios = MagRatios(ratios=(1.0, 1.1, 0.9), model="tiny", guidance_scale=5.0)
    ratios.save(tmp_path / "ratios.json")
    assert MagRatios.read(tmp_path / "ratios.json") == ratios
    assert len(ratios.config(7).mag_ratios) == 7
    with pytest.raises(InputError, match="There is no"):
        MagRatios.read(tmp_path / "none.json")
    for content in ("[]", "{", '{"ratios": [], "model": "", "guidance_scale": 1}', '{"ratios": [1, -1]}', "3"):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(InputError, match="holds no ratios; write them with"):
            MagRatios.read(tmp_path / "bad.json")


def test_a_step_cache_is_told_where_the_run_is_as_by_stock_text_to_video(
    pipe: ReasonDiffPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    tell = pipe.transformer.cache_context
    monkeypatch.setattr(
        pipe.transformer, "cache_context", lambda name, **where: told.append((name, where)) or tell(name, **where)
    )
    latents(pipe, num_inference_steps=3)
    assert [name for name, _ in told] == ["cond", "uncond"] * 3
    assert [where["step_index"] for _, where in told] == [0, 0, 1, 1, 2, 2]
    assert {where["num_inference_steps"] for _, where in told} == {3}
    assert [where["sigma"] for _, where in told[::2]] == [float(sigma) for sigma in pipe.scheduler.sigmas[:3]]
