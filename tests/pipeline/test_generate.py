"""Narrate, encode, align, denoise, decode."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig
from PIL import Image
from torch import Tensor, nn

from reasondiff.alignformer import AlignFormer
from reasondiff.backends.defaults import Defaults
from reasondiff.backends.wan.conditioning import anchor_mask, encode_anchor_latents, encode_on_grey, timeline_of
from reasondiff.backends.wan.framewise import AttentionRecord
from reasondiff.errors import CheckpointError, InputError, NarrativeError, ReasonDiffError, UnsupportedError
from reasondiff.evaluation.systems import METHODS
from reasondiff.media import read_video
from reasondiff.narrative import Anchor, Clip, Narrative
from reasondiff.pipeline import ReasonDiffPipeline, frame_size
from reasondiff.pipeline.generate import draw_noise
from tests import tiny

BUNDLED = Path(__file__).parents[2] / "models" / "storyworld-tiny"
IMAGE = tiny.image(64, 64)
STORY = Narrative.from_ends([(6, "An intact vase"), (12, "A cat breaks it"), (17, "A broken vase")], 16, 17)
TINY = {"num_frames": 17, "num_inference_steps": 2, "guidance_scale": 3.0, "area": 64 * 64, "negative_prompt": ""}


class Asked:
    """A narrator that remembers what it was asked."""

    name = "asked"

    def __init__(self, answer: Narrative = STORY) -> None:
        self.answer = answer
        self.questions: list[tuple[str, int, float]] = []

    def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
        self.questions.append((prompt, num_frames, interval))
        return self.answer


def alignformer(*, trained: bool = True) -> AlignFormer:
    with tiny.seeded(0):
        former = AlignFormer(in_channels=tiny.LATENT_CHANNELS, text_dim=tiny.TEXT_DIM, dim=16, num_heads=8).eval()
        if trained:
            nn.init.normal_(former.proj_out.weight, std=0.3)
    return former


def pipeline(former: AlignFormer | None = None, **parts: Any) -> ReasonDiffPipeline:
    pipe = ReasonDiffPipeline(**tiny.pipeline(**parts).components, alignformer=former, reasondiff=TINY)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def add_lora(pipe: ReasonDiffPipeline, name: str = "reasondiff", seed: int = 0) -> None:
    config = LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
    with tiny.seeded(seed):
        pipe.transformer.add_adapter(config, adapter_name=name)


@pytest.fixture(scope="module")
def plain() -> ReasonDiffPipeline:
    return pipeline()


@pytest.fixture(scope="module")
def aligned() -> ReasonDiffPipeline:
    return pipeline(alignformer())


def latents(pipe: ReasonDiffPipeline, **options: Any) -> Tensor:
    return pipe(IMAGE, **({"narrative": STORY, "output_type": "latent"} | options)).frames


@contextmanager
def calls(module: nn.Module) -> Iterator[list[dict[str, Any]]]:
    """The keyword arguments of every call of ``module`` inside the block."""
    seen: list[dict[str, Any]] = []
    handle = module.register_forward_pre_hook(lambda _, args, kwargs: seen.append(kwargs), with_kwargs=True)
    try:
        yield seen
    finally:
        handle.remove()


def close(first: Tensor, second: Tensor) -> bool:
    return torch.allclose(first, second, atol=1e-5, rtol=0)


# -- the six methods of the table -----------------------------------------------------------------------------------


def test_each_method_is_a_choice_of_arguments(aligned: ReasonDiffPipeline) -> None:
    seen = {}
    for method in METHODS:
        aligned.narrator = narrator = Asked()
        story = STORY.with_anchor(5) if method.narrative_from == "truth" else None
        with calls(aligned.transformer) as forwards:
            options = {"anchor": method.anchor, **method.options}
            result = aligned(IMAGE, "A cat plays", narrative=story, output_type="latent", **options)
        texts = result.stories[0].texts
        channels = forwards[0]["hidden_states"].shape[1] - 4 - tiny.LATENT_CHANNELS
        flagged = forwards[0]["hidden_states"][0, channels : channels + 4].any(dim=0).flatten(1).any(1).nonzero()
        seen[method.name] = (
            len(narrator.questions),
            texts.prompts,
            flagged.flatten().tolist(),
            result.predicted is not None,
        )
    clips = ("An intact vase", "A cat breaks it", "A broken vase")
    joined = (" ".join(clips),)
    assert seen == {
        "wan": (0, ("A cat plays",), [0], False),
        "joined": (1, joined, [0], False),
        "anchored": (1, joined, [4], False),
        "framewise": (1, clips, [4], False),
        "reasondiff": (1, clips, [4], True),
        "truth": (0, clips, [2], True),
    }


@pytest.mark.parametrize("text_mode", ["mean", "concat"])
def test_the_other_ways_of_reading_text_run_and_differ(plain: ReasonDiffPipeline, text_mode: str) -> None:
    assert not close(latents(plain, text_mode=text_mode), latents(plain))


# -- narrate --------------------------------------------------------------------------------------------------------


def test_the_narrator_is_told_the_models_frames_and_interval(plain: ReasonDiffPipeline) -> None:
    plain.narrator = narrator = Asked()
    result = plain(IMAGE, "A cat plays", output_type="latent")
    assert narrator.questions == [("A cat plays", 17, 0.2)]
    assert result.narrative == STORY


def test_a_position_wins_over_the_narrative_and_sets_the_mask(plain: ReasonDiffPipeline) -> None:
    masks = []

    def remember(pipe: Any, step: int, timestep: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        masks.append(tensors["condition"][:, :4])
        return {}

    options = {"callback_on_step_end": remember, "callback_on_step_end_tensor_inputs": ["condition"]}
    for position in (None, 1, 7, 17):
        result = plain(
            IMAGE, narrative=STORY, position=position, num_inference_steps=1, output_type="latent", **options
        )
        assert result.narrative.anchor_frame == (16 if position is None else position - 1)
    for mask, frame in zip(masks, (16, 0, 6, 16), strict=True):
        assert torch.equal(mask, anchor_mask(timeline_of(plain.vae, 17), [frame], 8, 8))


def test_the_anchors_latent_frame_reads_the_anchors_clip(plain: ReasonDiffPipeline) -> None:
    # Frames 6..9 share a latent frame with frame 5, whose clip would own one frame of four.
    story = Narrative.from_ends([(6, "first"), (17, "second")], 0, 17)
    moved = plain(IMAGE, narrative=story, position=6, num_inference_steps=1, output_type="latent").stories[0]
    assert [moved.plan.prompts[k] for k in moved.plan.segment_of] == ["first", "first", "first", "second", "second"]


def test_another_number_of_frames_retimes_the_narrative_and_says_so(
    plain: ReasonDiffPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    result = plain(IMAGE, narrative=STORY, num_frames=9, output_type="latent", num_inference_steps=1)
    assert result.narrative == STORY.retime(9)
    assert result.frames.shape[2] == 3
    assert "The narrative of 17 frames is retimed to 9." in caplog.text


def test_another_interval_than_the_models_is_said(plain: ReasonDiffPipeline, caplog: pytest.LogCaptureFixture) -> None:
    slow = replace(STORY, interval=0.5)
    result = plain(IMAGE, narrative=slow, output_type="latent", num_inference_steps=1)
    assert result.narrative == replace(slow, interval=0.2)
    assert "The narrative's frames are 0.5 s apart and the model's 0.2 s" in caplog.text


def test_a_clip_that_no_latent_frame_reads_is_reported_with_its_text(
    plain: ReasonDiffPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    ends = [(5, "intact"), (6, "it falls"), (9, "it breaks"), (17, "broken")]  # 5..8 share a latent frame
    result = plain(IMAGE, narrative=Narrative.from_ends(ends, 16, 17), num_inference_steps=1, output_type="latent")
    assert [lost.clip for lost in result.stories[0].plan.lost] == [Clip(5, 6, "it falls")]
    assert "clip 6..6 ('it falls'), because the clips beside it have no other latent frame" in caplog.text


# -- encode ---------------------------------------------------------------------------------------------------------


def test_every_distinct_text_is_encoded_once(aligned: ReasonDiffPipeline) -> None:
    story = Narrative.from_ends([(6, "a"), (12, "b"), (17, "a")], 16, 17)
    with calls(aligned.text_encoder) as encoded:
        aligned([IMAGE, IMAGE], narrative=[story, STORY], num_videos_per_prompt=2, num_inference_steps=1)
    assert len(encoded) == 2 + 3 + 1  # a, b; three clips; the negative prompt


def test_texts_encoded_without_padding_equal_stock_encoding(plain: ReasonDiffPipeline) -> None:
    texts = ["A cat", "", "  Two\n\ncats &amp; a vase. "]
    text_embeds = plain.model.encode_texts(texts, longest=40)
    stock = plain._get_t5_prompt_embeds(texts, max_sequence_length=40)
    for text, row in zip(texts, stock, strict=True):
        padded = torch.cat([text_embeds[text], torch.zeros(40 - len(text_embeds[text]), tiny.TEXT_DIM)])
        torch.testing.assert_close(padded, row, atol=1e-5, rtol=0)


def test_a_prompt_that_is_too_long_is_cut_and_said(plain: ReasonDiffPipeline, caplog: pytest.LogCaptureFixture) -> None:
    story = Narrative.from_ends([(17, "a very long tale")], 16, 17)
    with calls(plain.text_encoder):
        plain(IMAGE, narrative=story, max_sequence_length=8, num_inference_steps=1, output_type="latent")
    assert "is cut to 8: 'a very long tale'" in caplog.text


# -- align ----------------------------------------------------------------------------------------------------------


def test_the_condition_is_the_mask_and_the_predicted_latents(aligned: ReasonDiffPipeline) -> None:
    with calls(aligned.alignformer) as runs:
        result = aligned(IMAGE, narrative=STORY, num_videos_per_prompt=2, num_inference_steps=2, output_type="latent")
    assert len(runs) == 1  # once per story: not per step, branch or video
    with torch.no_grad():
        pixels = aligned.video_processor.preprocess(IMAGE)
        held = encode_anchor_latents(aligned.vae, pixels)[:, :, 1]
    assert torch.equal(result.predicted[:, :, 4], held)  # frame 17 lies in the last of five latent frames
    assert not close(result.predicted[:, :, 3], held)


def test_an_untrained_alignformer_repeats_the_anchor() -> None:
    pipe = pipeline(alignformer(trained=False))
    predicted = pipe(IMAGE, narrative=STORY, num_inference_steps=1, output_type="latent").predicted
    with torch.no_grad():
        first, held = encode_anchor_latents(pipe.vae, pipe.video_processor.preprocess(IMAGE)).unbind(2)
    assert torch.equal(predicted, torch.stack([first, held, held, held, held], dim=2))
    at_start = pipe(IMAGE, narrative=STORY, position=1, num_inference_steps=1, output_type="latent").predicted
    assert close(at_start, torch.stack([first] * 5, dim=2))  # one frame is encoded then, not five


def test_without_alignformer_the_condition_is_wans_own(plain: ReasonDiffPipeline) -> None:
    with calls(plain.transformer) as forwards:
        result = plain(IMAGE, narrative=STORY, position=8, num_inference_steps=1, output_type="latent")
    assert result.predicted is None
    with torch.no_grad():
        pixels = plain.video_processor.preprocess(IMAGE)
        grey = encode_on_grey(plain.vae, pixels[:, None], [7], timeline_of(plain.vae, 17))
    assert torch.equal(forwards[0]["hidden_states"][:, -tiny.LATENT_CHANNELS :], grey)


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")  # peft's remark on a second adapter
def test_align_false_runs_the_base_model_with_other_loras_as_they_are() -> None:
    pipe = pipeline(alignformer())
    base = latents(pipe, use_adapter=False)
    add_lora(pipe, "community", seed=1)
    pipe.set_adapters("community", 0.5)
    styled = latents(pipe, use_adapter=False)
    assert not close(styled, base)
    add_lora(pipe)
    pipe.set_adapters(["community", "reasondiff"], [0.5, 1.0])
    with_both = latents(pipe)
    assert close(latents(pipe, use_adapter=False), styled)
    assert torch.equal(latents(pipe), with_both)  # switched on again
    pipe.fuse_lora(adapter_names=["reasondiff"])
    with pytest.raises(UnsupportedError, match="merged into the transformer"):
        latents(pipe, use_adapter=False)


# -- denoise --------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_video_and_another_one_another(aligned: ReasonDiffPipeline) -> None:
    assert torch.equal(latents(aligned, seed=5), latents(aligned, seed=5))
    assert not close(latents(aligned, seed=5), latents(aligned, seed=6))


@pytest.mark.parametrize("former", [False, True], ids=["wan's own condition", "alignformer"])
def test_a_video_does_not_depend_on_its_batch(former: bool) -> None:
    pipe = pipeline(alignformer() if former else None)
    images = [IMAGE, tiny.image(64, 64, seed=1)]
    stories = [STORY, Narrative.from_ends([(3, "A very different beginning of the day"), (17, "night")], 4, 17)]
    together = pipe(images, narrative=stories, seed=[3, 9], output_type="latent").frames
    for video, (image, story, seed) in enumerate(zip(images, stories, (3, 9), strict=True)):
        alone = pipe(image, narrative=story, seed=seed, output_type="latent").frames
        torch.testing.assert_close(together[video : video + 1], alone, atol=1e-5, rtol=0)


def test_several_videos_count_on_from_the_seed(aligned: ReasonDiffPipeline) -> None:
    result = aligned(IMAGE, narrative=STORY, seed=5, num_videos_per_prompt=2, output_type="latent")
    assert result.seeds == (5, 6)
    torch.testing.assert_close(result.frames[1:], latents(aligned, seed=6), atol=1e-5, rtol=0)


def test_noise_is_drawn_per_video(plain: ReasonDiffPipeline) -> None:
    settings = plain.settings(IMAGE, num_videos_per_prompt=3)
    noise, seeds = draw_noise(plain.model, 1, settings, seed=7)
    assert seeds == (7, 8, 9)
    assert torch.equal(noise[1], torch.randn(4, 5, 8, 8, generator=torch.Generator().manual_seed(8)))


def test_the_negative_prompt_matters(plain: ReasonDiffPipeline) -> None:
    assert not close(latents(plain, negative_prompt="blurred"), latents(plain))


def test_the_negative_branch_differs_in_its_text_only(aligned: ReasonDiffPipeline) -> None:
    with calls(aligned.transformer) as forwards:
        latents(aligned, num_inference_steps=1)
    positive, negative = forwards
    assert torch.equal(positive["hidden_states"], negative["hidden_states"])
    assert positive["encoder_hidden_states_image"] is negative["encoder_hidden_states_image"]
    assert positive["encoder_hidden_states"].shape != negative["encoder_hidden_states"].shape


@pytest.mark.parametrize(("guidance", "branches"), [(1.0, 1), (3.0, 2)])
def test_guidance_of_1_computes_no_negative_branch(plain: ReasonDiffPipeline, guidance: float, branches: int) -> None:
    with calls(plain.transformer) as forwards, calls(plain.text_encoder) as encoded:
        latents(plain, guidance_scale=guidance, num_inference_steps=3)
    assert len(forwards) == 3 * branches
    assert len(encoded) == 2 + branches


def test_progress_reaches_the_callbacks(aligned: ReasonDiffPipeline) -> None:
    stages, steps = [], []

    def step_end(pipe: Any, step: int, timestep: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        steps.append((step, len(pipe.scheduler.timesteps), tuple(tensors)))
        return tensors

    latents(aligned, on_stage=stages.append, callback_on_step_end=step_end)
    assert stages == ["narrate", "encode", "align", "denoise", "decode"]
    assert steps == [(0, 2, ("latents",)), (1, 2, ("latents",))]


def test_a_callback_can_change_the_latents_and_can_stop(plain: ReasonDiffPipeline) -> None:
    def zero(pipe: Any, step: int, timestep: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        pipe.stop()
        return {"latents": torch.zeros_like(tensors["latents"])}

    with calls(plain.transformer) as forwards:
        stopped = latents(plain, callback_on_step_end=zero, num_inference_steps=4, guidance_scale=1.0)
    assert len(forwards) == 1
    assert not stopped.any()
    assert latents(plain).any()  # the next call is not interrupted


def test_a_keyboard_interrupt_leaves_the_pipeline_usable(aligned: ReasonDiffPipeline) -> None:
    def stop(*args: Any) -> dict[str, Tensor]:
        raise KeyboardInterrupt

    before = latents(aligned)
    with pytest.raises(KeyboardInterrupt):
        latents(aligned, callback_on_step_end=stop)
    assert torch.equal(latents(aligned), before)


def test_attention_to_a_word_can_be_watched(plain: ReasonDiffPipeline) -> None:
    record = AttentionRecord({"A cat breaks it": [2, 3, 4]}, layers=[1])
    watched = latents(plain, record=record)
    assert torch.equal(watched, latents(plain))
    seen = record.mean(1)[0]  # [latent frames, tokens]
    assert [bool(frame.any()) for frame in seen] == [False, False, True, True, False]


def test_group_offload_changes_nothing() -> None:
    pipe = pipeline(alignformer())
    expected = latents(pipe)
    pipe.transformer.enable_group_offload(onload_device=torch.device("cpu"), offload_type="leaf_level")
    assert close(latents(pipe), expected)


def test_half_precision_runs(aligned: ReasonDiffPipeline) -> None:
    pipe = pipeline(alignformer())
    expected = latents(pipe, num_inference_steps=1)
    pipe.to(dtype=torch.bfloat16)
    torch.testing.assert_close(latents(pipe, num_inference_steps=1), expected, atol=0.2, rtol=0)


# -- decode ---------------------------------------------------------------------------------------------------------


def test_output_types(plain: ReasonDiffPipeline) -> None:
    clean = latents(plain, num_inference_steps=1)
    floats, bytes_ = plain.model.decode(clean), plain.model.decode(clean, "uint8")
    assert floats.shape == bytes_.shape == (1, 17, 64, 64, 3)
    assert bytes_.dtype == np.uint8
    assert np.abs(bytes_ - floats * 255).max() <= 0.5
    assert plain.model.decode(clean, "pt").shape == (1, 17, 3, 64, 64)
    assert plain.model.decode(clean, "pil")[0][16].size == (64, 64)


# -- sizes ----------------------------------------------------------------------------------------------------------


def test_sizes_of_the_480p_model() -> None:
    assert frame_size((832, 480), 832 * 480, 16) == (832, 480)
    assert frame_size((480, 832), 832 * 480, 16) == (480, 832)
    assert frame_size((512, 512), 832 * 480, 16) == (624, 624)
    assert frame_size((64, 64), 64 * 64, 16) == (64, 64)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(4, 40), st.sampled_from([8, 16, 32]))
def test_a_size_keeps_the_area_and_about_the_aspect(width: int, height: int, tokens: int, multiple: int) -> None:
    area = (tokens * multiple) ** 2
    w, h = frame_size((width, height), area, multiple)
    assert w % multiple == h % multiple == 0
    assert 0 < w * h <= area
    assert frame_size((height, width), area, multiple) == (h, w)
    if max(width, height) <= 2 * min(width, height):
        exact = (area * width / height) ** 0.5, (area * height / width) ** 0.5
        assert abs(w - exact[0]) < multiple + 1 and abs(h - exact[1]) < multiple + 1


def test_the_size_follows_the_image_unless_given(plain: ReasonDiffPipeline) -> None:
    def size(**options: Any) -> tuple[int, int]:
        settings = plain.settings(tiny.image(60, 120), **options)
        return settings.width, settings.height

    assert size() == (32, 80)  # within 64 x 64 pixels
    assert size(width=64) == (64, 128)
    assert size(height=64) == (32, 64)
    assert size(width=96, height=64) == (96, 64)


def test_the_image_is_fitted_as_asked(plain: ReasonDiffPipeline) -> None:
    wide = Image.new("RGB", (128, 64), "white")
    options = {"narrative": STORY, "width": 64, "height": 64, "num_inference_steps": 1, "output_type": "latent"}
    corners = {fit: plain(wide, fit=fit, **options).stories[0].image.getpixel((0, 0)) for fit in ("crop", "letterbox")}
    assert corners == {"crop": (255, 255, 255), "letterbox": (0, 0, 0)}


def test_other_patches_and_vaes_are_not_taken_for_wans() -> None:
    vae = tiny.vae(dim_mult=[1, 1, 1], temperal_downsample=[True, True], scale_factor_spatial=4)
    pipe = pipeline(alignformer(), vae=vae, transformer=tiny.transformer(patch_size=(1, 4, 4)))
    assert pipe.pixels_per_token == 16
    assert pipe(tiny.image(32, 32), narrative=STORY, width=32, height=32).frames.shape == (1, 17, 32, 32, 3)


def test_a_video_is_no_longer_or_wider_than_the_transformers_places() -> None:
    pipe = pipeline(transformer=tiny.transformer(rope_max_seq_len=4))
    options = {"narrative": STORY, "num_frames": 13, "width": 64, "height": 32, "output_type": "latent"}
    assert pipe(IMAGE, **options).frames.shape[-3:] == (4, 4, 8)
    for change, message in (
        ({"num_frames": 17}, r"^This model has no place for 17 frames; give at most 13\.$"),
        ({"height": 80}, r"^This model has no place for the size 64x80; give at most 64 a side\.$"),
    ):
        with pytest.raises(InputError, match=message):
            pipe(IMAGE, **(options | change))


# -- the model folder -----------------------------------------------------------------------------------------------


def test_saving_and_loading_gives_the_same_video(tmp_path: Path, aligned: ReasonDiffPipeline) -> None:
    aligned.save_pretrained(tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text())
    assert index["alignformer"] == ["reasondiff.alignformer", "AlignFormer"]
    assert index["reasondiff"] == TINY and index["alignformer_lora"] is False  # so none is missed
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".bin", ".pt", ".pth", ".pkl"}]
    loaded = ReasonDiffPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert loaded.defaults == aligned.defaults
    assert close(latents(loaded), latents(aligned))  # not bit for bit: mapped weights are aligned otherwise in memory


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
def test_a_lora_is_saved_and_loaded_beside_the_base_weights(tmp_path: Path) -> None:
    pipe = pipeline(alignformer())
    base = latents(pipe, use_adapter=False)
    add_lora(pipe)
    expected = latents(pipe)
    pipe.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "model_index.json").read_text())["alignformer_lora"] is True
    loaded = ReasonDiffPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    for each in (pipe, loaded):
        assert close(latents(each), expected)
        assert close(latents(each, use_adapter=False), base)
    pipeline(alignformer()).save_pretrained(tmp_path)  # one without, in its place
    assert not (tmp_path / "pytorch_lora_weights.safetensors").exists()
    add_lora(pipe, "community")
    with pytest.raises(UnsupportedError, match="'community' has no place in a model folder"):
        pipe.save_pretrained(tmp_path / "other")


def test_a_narrator_in_the_folder_is_loaded_when_first_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.checkpoint(tmp_path / "model")
    (tmp_path / "model" / "narrator").mkdir()
    (tmp_path / "model" / "narrator" / "config.json").write_text("{}")
    asked: list[str] = []
    monkeypatch.setattr("reasondiff.narrator.load_narrator", lambda spec: asked.append(spec) or Asked())
    pipe = ReasonDiffPipeline.from_pretrained(tmp_path / "model")
    assert asked == []
    assert pipe.narrator is pipe.narrator
    assert asked == [f"transformers:{tmp_path / 'model' / 'narrator'}"]
    pipe.save_pretrained(tmp_path / "copy")
    assert (tmp_path / "copy" / "narrator" / "config.json").read_text() == "{}"


def test_a_stock_wan_folder_gets_the_papers_defaults(tmp_path: Path) -> None:
    pipe = ReasonDiffPipeline.from_pretrained(tiny.checkpoint(tmp_path), alignformer=alignformer())
    assert pipe.alignformer is not None
    assert pipe.defaults == Defaults()
    settings = pipe.settings(tiny.image(416, 240))
    assert (settings.num_frames, settings.num_inference_steps, settings.guidance_scale) == (81, 50, 5.0)
    assert (settings.width, settings.height, settings.interval, settings.max_sequence_length) == (832, 480, 0.2, 512)
    assert settings.negative_prompt.startswith("色调艳丽")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def drop_a_weight(path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(path)
    weights.pop("proj_out.weight")
    save_file(weights, path)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "missing weights": ("alignformer/diffusion_pytorch_model.safetensors", Path.unlink),
    "truncated weights": ("transformer/diffusion_pytorch_model.safetensors", truncate),
    "truncated text encoder": ("text_encoder/model.safetensors", truncate),
    "a lacking weight": ("alignformer/diffusion_pytorch_model.safetensors", drop_a_weight),
    "missing config": ("vae/config.json", Path.unlink),
    "truncated config": ("vae/config.json", truncate),
    "missing index": ("model_index.json", Path.unlink),
    "truncated index": ("model_index.json", truncate),
    "missing tokenizer": ("tokenizer/tokenizer.json", Path.unlink),
    "missing tokenizer settings": ("tokenizer/tokenizer_config.json", Path.unlink),
    "missing LoRA": ("pytorch_lora_weights.safetensors", Path.unlink),
    "truncated LoRA": ("pytorch_lora_weights.safetensors", truncate),
    "missing narrator settings": ("narrator/narrator.json", Path.unlink),
    "truncated narrator settings": ("narrator/narrator.json", truncate),
    "narrator settings that are a list": ("narrator/narrator.json", lambda path: path.write_text("[1]")),
    "missing narrator template": ("narrator/chat_template.jinja", Path.unlink),
    "missing narrator tokenizer settings": ("narrator/tokenizer_config.json", Path.unlink),
    "missing narrator processor settings": ("narrator/processor_config.json", Path.unlink),
    "missing narrator looks": ("narrator/looks.safetensors", Path.unlink),
    "missing scheduler": ("scheduler/scheduler_config.json", Path.unlink),
    "missing AlignFormer config": ("alignformer/config.json", Path.unlink),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with everything that a folder can hold; of the bundled narrator only how it wants to be asked."""
    folder, pipe = tmp_path_factory.mktemp("whole"), pipeline(alignformer())
    add_lora(pipe)
    pipe.save_pretrained(folder)
    (folder / "narrator").mkdir()
    for file in (BUNDLED / "narrator").iterdir():
        if file.name not in ("model.safetensors", "config.json"):
            shutil.copy(file, folder / "narrator")
    ReasonDiffPipeline.from_pretrained(folder)
    return folder


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_is_refused_in_one_sentence(whole: Path, tmp_path: Path, damage: str) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    name, harm = DAMAGE[damage]
    harm(tmp_path / name)
    with pytest.raises(CheckpointError) as caught:
        ReasonDiffPipeline.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    assert name.split("/")[0] in str(caught.value).lower()


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    pipeline(alignformer()).save_pretrained(tmp_path)
    weights = tmp_path / "alignformer" / "diffusion_pytorch_model.safetensors"
    torch.save(alignformer().state_dict(), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(CheckpointError):
        ReasonDiffPipeline.from_pretrained(tmp_path, use_safetensors=False)
    with pytest.raises(CheckpointError):
        ReasonDiffPipeline.from_pretrained(tmp_path, alignformer=tmp_path)
    torch.save({}, tmp_path / "pytorch_lora_weights.bin")
    with pytest.raises(Exception, match="pytorch_lora_weights"):
        pipeline().load_lora_weights(str(tmp_path))


@pytest.mark.parametrize("name", ["/no/such/folder", "./absent", "absent"])
def test_a_folder_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match="There is no model"):
        ReasonDiffPipeline.from_pretrained(name)


def test_parts_that_do_not_fit_are_refused() -> None:
    parts = tiny.pipeline().components
    text_to_video = tiny.transformer(in_channels=tiny.LATENT_CHANNELS)
    with pytest.raises(CheckpointError, match="reads 4 channels, not the 12 of image-to-video"):
        ReasonDiffPipeline(**(parts | {"transformer": text_to_video}))
    with pytest.raises(CheckpointError, match="no mask to place an image with"):
        ReasonDiffPipeline(**parts, expand_timesteps=True)
    with pytest.raises(CheckpointError, match="16 latent channels and texts of width 32, not 4 and 32"):
        ReasonDiffPipeline(**parts, alignformer=AlignFormer(in_channels=16, text_dim=32, dim=16))
    with pytest.raises(CheckpointError, match="'fps' is unknown here"):
        ReasonDiffPipeline(**parts, reasondiff={"fps": 15})


# -- bad input ------------------------------------------------------------------------------------------------------

OTHER = Narrative(STORY.clips, (Anchor(0), Anchor(16, image=1)), 17)
BAD: dict[str, tuple[dict[str, Any], type[ReasonDiffError], str]] = {
    "steps": ({"num_inference_steps": 0}, InputError, "0 denoising steps make no video; give 1 or more."),
    "videos": ({"num_videos_per_prompt": 0}, InputError, "0 videos per prompt are none; give 1 or more."),
    "tokens": ({"max_sequence_length": 0}, InputError, "Prompts of 0 tokens say nothing; give 1 or more."),
    "guidance": ({"guidance_scale": float("nan")}, InputError, "The guidance scale is nan; give a number, such as 5."),
    "long guidance": ({"guidance_stop": 1.5}, InputError, "Guidance for 1.5 of the steps is no share; give 0 to 1."),
    "two guidances": ({"guidance_scale_2": 3.0}, InputError, "A second guidance scale is for models with two"),
    "frames": ({"num_frames": 18}, InputError, "18 frames do not fit this VAE, which takes 4k+1; give 17 or 21."),
    "position": ({"position": 18}, NarrativeError, "Position 18 is outside 1..17; give a position in that range."),
    "position 0": ({"position": 0}, NarrativeError, "Position 0 is outside 1..17; give a position in that range."),
    "size": ({"width": 70, "height": 64}, InputError, "The size 70x64 does not divide into 16x16 pixels; give 64x64."),
    "no size": ({"width": 0, "height": 64}, InputError, "The size 0x64 does not divide into 16x16 pixels; give 16x64."),
    "no place": ({"width": 9999, "height": 9999}, InputError, "no place for the size 9999x9999; give at most 1024 a"),
    "fit": ({"fit": "squeeze"}, InputError, "'squeeze' is unknown; give one of crop, letterbox, stretch."),
    "text mode": ({"text_mode": "all"}, InputError, "'all' is unknown; give one of framewise, soft, mean, concat,"),
    "anchor": ({"anchor": "middle"}, InputError, "The anchor 'middle' is unknown; give one of narrative, first, last."),
    "no text": ({"narrative": None}, InputError, "The prompt is empty; say in a few words what should happen."),
    "blank text": ({"narrative": None, "prompt": " \n"}, InputError, "The prompt is empty; say in a few words"),
    "no narrator": ({"narrative": None, "prompt": "A cat"}, InputError, "This model has no narrator; give a narrative"),
    "counts": ({"prompt": ["a", "b"], "narrative": [STORY] * 3}, InputError, "narratives differ (1, 2, 3); give"),
    "image": ({"image": np.zeros((8, 8, 3))}, InputError, "The image is a ndarray; give a PIL image"),
    "seeds": ({"seed": [1, 2]}, InputError, "There are 2 seeds for 1 videos; give one for each."),
    "latents": ({"latents": torch.zeros(1, 4, 5, 4, 4)}, InputError, "The latents are [1, 4, 5, 4, 4]; give"),
    "callback": (
        {"callback_on_step_end_tensor_inputs": ["prompt_embeds"]},
        InputError,
        "Callbacks cannot have 'prompt_embeds'; they can have 'latents', 'condition', 'clean'.",
    ),
    "second image": ({"narrative": OTHER}, InputError, "The narrative places image 2, and a story has one;"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_with_its_fix(aligned: ReasonDiffPipeline, case: str) -> None:
    options, error, message = BAD[case]
    aligned.narrator = None
    with pytest.raises(error) as caught:
        aligned(**({"image": IMAGE, "narrative": STORY} | options))
    assert str(caught.value).startswith(message) or message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_option_is_a_type_error(plain: ReasonDiffPipeline) -> None:
    with pytest.raises(TypeError, match="'steps' is no option; the options are num_frames,"):
        plain(IMAGE, narrative=STORY, steps=3)


def test_a_video_is_saved_at_the_storys_pace(tmp_path: Path) -> None:
    pipe = pipeline()
    output = pipe(IMAGE, narrative=STORY, num_videos_per_prompt=2, num_inference_steps=1)
    output.save(tmp_path / "second.mp4", 1)
    saved = read_video(tmp_path / "second.mp4")
    assert saved.fps == 5 and saved.record is None and saved.frames.shape == (17, 64, 64, 3)
    exact = pipe(IMAGE, narrative=STORY, num_videos_per_prompt=2, num_inference_steps=1, output_type="uint8")
    exact.save(tmp_path / "same.mp4", 1)
    assert np.array_equal(read_video(tmp_path / "same.mp4").frames, saved.frames)
    with pytest.raises(InputError, match="no video 2 of 2"):
        output.save(tmp_path / "third.mp4", 2)
    latents = pipe(IMAGE, narrative=STORY, num_inference_steps=1, output_type="latent")
    with pytest.raises(InputError, match="Only decoded frames make a file"):
        latents.save(tmp_path / "latents.mp4")
