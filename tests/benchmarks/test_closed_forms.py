"""The closed forms agree with the real classes, counted on the meta device at the real widths."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel, WanVACETransformer3DModel
from transformers import CLIPVisionConfig, CLIPVisionModel, UMT5Config, UMT5EncoderModel

from benchmarks.contestants import FULL, TRAINING, Contest, Scale
from benchmarks.counting import count
from reasondiff.alignformer import AlignFormer
from reasondiff.backends.wan.framewise import FrameContext, FramePlan
from reasondiff.checkpoints import HUB
from reasondiff.planning import Job
from reasondiff.planning.architecture import named_configs
from reasondiff.planning.encoders import AlignFormerShape, ImageEncoder, TextEncoder
from reasondiff.planning.transformer import Transformer
from reasondiff.planning.vae import Vae
from tests import tiny

WAN = named_configs("wan2.1-i2v-14b-480p")
SMALL_VAE: dict[str, Any] = {"base_dim": 8, "z_dim": 4, "dim_mult": [1, 2, 2], "num_res_blocks": 1}
SMALL_VAE["temperal_downsample"] = [True, True]
IMAGE_TOKENS, CONTEXT = 257, 512


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def meta(*shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    return torch.empty(*shape, dtype=dtype, device="meta")


@pytest.fixture(autouse=True)
def _without_gradients() -> Any:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("name", [name for name in HUB if name.startswith("wan") and name != "wan2.1-i2v-14b-720p"])
def test_transformer_parameters(name: str) -> None:
    config = named_configs(name)["transformer"]
    kind = WanVACETransformer3DModel if "vace_layers" in config else WanTransformer3DModel
    with torch.device("meta"):
        model = kind(**config)
    assert parameters(model) == Transformer.from_config(config).parameters
    assert Transformer.from_config(model.config) == Transformer.from_config(config)


def test_transformer_parameters_of_another_shape() -> None:
    for model in (tiny.transformer(cross_attn_norm=False), tiny.transformer(image_tokens=False, num_layers=3)):
        assert parameters(model) == Transformer.from_config(model.config).parameters


@pytest.fixture(scope="module")
def contest() -> Contest:
    return Contest(FULL.with_layers(2), "meta")


def test_a_stock_call_with_its_keys_and_values(contest: Contest) -> None:
    shape = Transformer.from_config(contest.scale.config)
    tokens = shape.tokens(21, FULL.height, FULL.width)
    assert tokens == 32760
    closed = shape.forward(tokens, text_tokens=CONTEXT, image=IMAGE_TOKENS, keys=CONTEXT)
    closed += shape.keys_values(CONTEXT, IMAGE_TOKENS)
    counted = count(contest.b0())
    assert (counted.flops, counted.attention) == (closed.flops, closed.attention)
    assert closed.moved == pytest.approx(counted.moved, rel=0.05)
    assert shape.working_bytes(tokens) == pytest.approx(counted.peak, rel=0.05)


def test_a_call_of_vace_goes_through_both_branches() -> None:
    config = named_configs("wan2.1-vace-1.3b")["transformer"] | {"num_layers": 3, "vace_layers": [0, 2]}
    with torch.device("meta"):
        model = WanVACETransformer3DModel(**config).to(torch.bfloat16).eval()
    shape = Transformer.from_config(config)
    assert parameters(model) == shape.parameters
    tokens = shape.tokens(21, FULL.height, FULL.width)
    noisy, control = meta(1, 16, 21, FULL.height, FULL.width), meta(1, 96, 21, FULL.height, FULL.width)
    text, timestep = meta(1, CONTEXT, 4096), torch.empty(1, dtype=torch.int64, device="meta")

    def call() -> torch.Tensor:
        return model(noisy, timestep, text, control_hidden_states=control, return_dict=False)[0]

    closed = shape.forward(tokens, text_tokens=CONTEXT, image=0, keys=CONTEXT) + shape.keys_values(CONTEXT)
    counted = count(call)
    assert (counted.flops, counted.attention) == (closed.flops, closed.attention)
    assert closed.moved == pytest.approx(counted.moved, rel=0.05)
    assert shape.working_bytes(tokens) == pytest.approx(counted.peak, rel=0.05)


@pytest.mark.parametrize("segments", [1, 4])
def test_a_frame_wise_call_with_kept_keys_and_values(contest: Contest, segments: int) -> None:
    shape, text_tokens = Transformer.from_config(contest.scale.config), Job(words=FULL.words).text_tokens
    context = contest.context(segments)
    call = contest.ours(context)
    call()
    closed = shape.forward(32760, text_tokens=segments * text_tokens, image=IMAGE_TOKENS, keys=text_tokens)
    assert count(call).flops == closed.flops
    first = count(contest.ours(contest.context(segments, cache=False)))
    assert first.flops == (closed + shape.keys_values(segments * text_tokens, IMAGE_TOKENS)).flops
    with contest.framewise.use(context):
        kept = [(*block.attn2.processor.text, *block.attn2.processor.image) for block in contest.transformer.blocks]
    size = sum(each.numel() * each.element_size() for layer in kept for each in layer)
    assert size == shape.cache_bytes(segments * text_tokens + IMAGE_TOKENS)


def test_memory_of_a_call_in_fp32_is_that_of_the_feed_forward_layer() -> None:
    scale = Scale("", WAN["transformer"] | {"num_layers": 1}, WAN, 33, 64, 64, dtype=torch.float32)
    shape = Transformer.from_config(scale.config)
    closed = shape.working_bytes(shape.tokens(9, 64, 64), itemsize=4)
    assert closed == pytest.approx(count(Contest(scale, "meta").b0()).peak, rel=0.05)


def test_attention_that_is_kept_for_the_backward_pass() -> None:
    def peak(layers: int, *, keep: bool) -> float:
        contest = Contest(TRAINING.with_layers(layers), "meta")
        contest.add_lora()
        contest.transformer.train()
        contest.transformer.enable_gradient_checkpointing(partial(contest.framewise.checkpoint, keep_attention=keep))
        call = contest.ours(contest.context(2, cache=False))
        with torch.enable_grad():
            return count(call).peak

    kept, again = (peak(3, keep=keep) - peak(2, keep=keep) for keep in (True, False))
    transformer = Transformer.from_config(TRAINING.config)
    tokens = transformer.tokens(9, 64, 64)
    assert again == pytest.approx(2 * transformer.dim * tokens, rel=0.02)
    assert kept - again == pytest.approx(transformer.attention_outputs() * tokens, rel=0.05)


@pytest.mark.parametrize("words", [1, 5, 6, 7, 48, 64, 126, 509, 510, 511, 512])
def test_rows_are_those_of_a_context(words: int) -> None:
    context = FrameContext.build(FramePlan.single("a", 3), {"a": torch.zeros(words, 2)}, text_length=CONTEXT)
    assert Job(words=words).text_tokens == context.text_tokens


@pytest.mark.parametrize("config", [WAN["vae"], SMALL_VAE])
def test_vae(config: dict[str, Any]) -> None:
    with torch.device("meta"):
        vae = AutoencoderKLWan(**config).to(torch.bfloat16)
    shape = Vae.from_config(vae.config)
    assert parameters(vae) == shape.parameters
    height, width = 4 * shape.scale, 6 * shape.scale
    for number in (1, 9):
        counted = count(lambda number=number: vae.encode(meta(1, 3, number, height, width)))
        assert shape.encode(number, height, width).flops == counted.flops
    for number in (1, 3):
        counted = count(lambda number=number: vae.decode(meta(1, shape.latent, number, 4, 6)))
        assert shape.decode(number, 4, 6).flops == counted.flops


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_memory_of_the_vae(dtype: torch.dtype) -> None:
    with torch.device("meta"):
        vae = AutoencoderKLWan(**WAN["vae"]).to(dtype)
    shape, size, item = Vae.from_config(WAN["vae"]), (240, 416), dtype.itemsize
    encoded = count(lambda: vae.encode(meta(1, 3, 5, *size, dtype=dtype))).peak
    assert shape.encode_bytes(5, *size, item) == pytest.approx(encoded, rel=0.1)
    decoded = count(lambda: vae.decode(meta(1, 16, 5, 30, 52, dtype=dtype))).peak
    assert shape.decode_bytes(17, *size, item) == pytest.approx(decoded, rel=0.1)


def test_text_encoder() -> None:
    config = WAN["text_encoder"]
    with torch.device("meta"):
        whole = UMT5EncoderModel(UMT5Config(**config))
        short = UMT5EncoderModel(UMT5Config(**(config | {"num_layers": 2}))).eval()
    assert parameters(whole) == TextEncoder.from_config(config).parameters
    for tokens in (48, 512):
        counted = count(lambda tokens=tokens: short(meta(1, tokens, dtype=torch.long)))
        assert TextEncoder.from_config(config | {"num_layers": 2}).encode(tokens).flops == counted.flops


def test_what_stays_in_bf16_of_an_8_bit_text_encoder() -> None:
    encoder = tiny.text_encoder()
    kept = sum(
        p.numel() for name, p in encoder.named_parameters() if any(part in name for part in ("wo", "norm", "shared"))
    )
    assert TextEncoder.from_config(encoder.config.to_diff_dict()).kept_parameters == kept


def test_image_encoder() -> None:
    config = WAN["image_encoder"]
    with torch.device("meta"):
        whole = CLIPVisionModel(CLIPVisionConfig(**config))
        short = CLIPVisionModel(CLIPVisionConfig(**(config | {"num_hidden_layers": 2}))).eval()
    assert parameters(whole) == ImageEncoder.from_config(config).parameters
    shape = ImageEncoder.from_config(config | {"num_hidden_layers": 2})
    assert shape.tokens == IMAGE_TOKENS
    assert shape.encode().flops == count(lambda: short(meta(1, 3, 224, 224, dtype=torch.float32))).flops


@pytest.mark.parametrize("segments", [1, 4, 21])
def test_alignformer(segments: int) -> None:
    with torch.device("meta"):
        former = AlignFormer(**WAN["alignformer"])
    shape = AlignFormerShape.from_config(WAN["alignformer"])
    assert parameters(former) == shape.parameters
    counted = count(
        lambda: former(
            meta(1, 16, 2, 60, 104),
            meta(1, dtype=torch.long),
            meta(1, segments, 64, 4096),
            meta(1, segments, dtype=torch.long),
            meta(1, 21, dtype=torch.long),
        )
    )
    assert shape.align(21, 1560, segments, 64).flops == counted.flops
