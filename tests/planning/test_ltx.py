"""The closed forms of LTX-Video against the real classes."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.transformers import transformer_ltx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from reasondiff.errors import InputError
from reasondiff.planning import Job, architecture, job_of, plan
from reasondiff.planning.ltx import LtxTransformer, LtxVae
from reasondiff.planning.presets import PRESETS, preset
from reasondiff.planning.training import TrainingJob, plan_training
from tests.tiny import ltx

NAMES = ("ltx-video-2b-0.9.5", "ltx-video-13b-0.9.7-dev", "ltx-video-13b-0.9.8-distilled")
AS_VACE = {"num_frames": 81, "width": 832, "height": 480}


class Peak(TorchDispatchMode):
    """The most bytes that are alive at once, of what is made inside."""

    def __init__(self, given: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.alive = {tensor.untyped_storage()._cdata: 0 for tensor in given}
        self.now = self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor) and (key := tensor.untyped_storage()._cdata) not in self.alive:
                self.alive[key] = size = tensor.untyped_storage().nbytes()
                self.now += size
                self.most = max(self.most, self.now)
                weakref.finalize(tensor.untyped_storage(), self._free, key)
        return made

    def _free(self, key: int) -> None:
        self.now -= self.alive.pop(key, 0)


def test_a_folder_is_read_by_its_configs(tmp_path: Path) -> None:
    folder = ltx.checkpoint(tmp_path / "some-distilled")
    read, pipe = architecture(str(folder)), ltx.pipeline()
    for part in ("transformer", "vae", "text_encoder"):
        assert read.parameters[part] == ltx.parameters(getattr(pipe, part)), part
    assert (read.vae.stride, read.vae.scale) == (8, 32)
    assert job_of(read.defaults).num_inference_steps == 8  # as the folder's name says
    assert plan(read, preset("low-vram"), Job(num_frames=9, width=64, height=64, words=8)).memory < 1.1e9
    with pytest.raises(InputError, match="is LTX-Video, which takes no AlignFormer; give an image-to-video model"):
        plan_training(read, TrainingJob())


def test_the_published_ones_have_the_published_numbers_of_parameters() -> None:
    # Counted of the classes with the published configs: benchmarks are not needed, ``device="meta"`` holds no weights.
    two, thirteen = (architecture(name).parameters for name in NAMES[:2])
    assert (two["transformer"], thirteen["transformer"]) == (1_923_385_472, 13_042_569_344)
    assert round(two["text_encoder"] / 1e9, 2) == 4.76


@pytest.mark.parametrize(("heads", "width", "keys"), [(2, 64, 16), (4, 32, 64)])
def test_what_a_call_holds(heads: int, width: int, keys: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        transformer_ltx, "dispatch_attention_fn", lambda query, *args, **kwargs: torch.empty_like(query)
    )
    tokens, dim = 4000, heads * width
    config = {
        "num_attention_heads": heads,
        "attention_head_dim": width,
        "cross_attention_dim": dim,
        "caption_channels": 8,
    }
    with torch.device("meta"):
        model = ltx.transformer(**config).to(torch.bfloat16)
        half = {"dtype": torch.bfloat16}
        given = {
            "hidden_states": torch.empty(1, tokens, ltx.LATENT_CHANNELS, **half),
            "encoder_hidden_states": torch.empty(1, keys, 8, **half),
            "encoder_attention_mask": torch.empty(1, tokens, keys, **half),
            "timestep": torch.empty(1, tokens),
            "video_coords": torch.empty(1, 3, tokens),
        }
    with torch.no_grad(), Peak([*model.parameters(), *given.values()]) as peak:
        model(**given, return_dict=False)
    shape = LtxTransformer.from_config(model.config)
    assert peak.most == pytest.approx(shape.working_bytes(tokens, keys=keys), rel=0.15)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_what_decoding_holds(dtype: torch.dtype) -> None:
    with torch.device("meta"):
        vae = ltx.vae(decoder_block_out_channels=(64, 128, 256)).to(dtype)
        latents, timestep = torch.empty(1, ltx.LATENT_CHANNELS, 3, 4, 4, dtype=dtype), torch.empty(1, dtype=dtype)
    with torch.no_grad(), Peak([*vae.parameters(), *vae.buffers(), latents, timestep]) as peak:
        vae.decode(latents, timestep, return_dict=False)
    expected = LtxVae.from_config(vae.config).decode_bytes(17, 128, 128, dtype.itemsize)
    assert peak.most == pytest.approx(expected, rel=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_presets_need_less_and_less_memory(name: str) -> None:
    model = architecture(name)
    peaks = [plan(model, each, job_of(model.defaults, **AS_VACE)).memory for each in PRESETS.values()]
    assert peaks == sorted(peaks, reverse=True)


def test_cards_at_the_size_of_vace() -> None:
    """81 frames of 832x480."""

    def needed(name: str, how: str) -> float:
        model = architecture(name)
        return plan(model, preset(how), job_of(model.defaults, **AS_VACE)).memory / 2**30

    assert needed(NAMES[0], "balanced") < 12 and needed(NAMES[0], "low-vram") < 10.5
    assert needed(NAMES[2], "low-vram") < 10.5
