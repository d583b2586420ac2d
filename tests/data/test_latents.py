"""Encoded clips: what was encoded once is never encoded again, unless another encoder or other clips are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist

from reasondiff.backends.wan.building import WanVae, new_vae
from reasondiff.data import latents
from reasondiff.data.latents import LatentSet, encode_clips
from tests import gloo

FRAMES, SIDE = 5, 8


class Squares:
    """Clips of noise, by number; it counts what is asked for, and may be stopped by Ctrl-C."""

    name = "squares"

    def __init__(self, look: str = "noise", stop_at: int | None = None) -> None:
        self.look = look
        self.stop_at = stop_at
        self.asked: list[int] = []

    def fingerprint(self) -> str:
        return self.look

    def frames(self, index: int) -> np.ndarray:
        if index == self.stop_at:
            raise KeyboardInterrupt
        self.asked.append(index)
        chance = np.random.default_rng(index)
        return chance.integers(0, 256, (FRAMES, SIDE, SIDE, 3), dtype=np.uint8)

    def anchor_frames(self, index: int, count: int) -> list[int]:
        return [(index + number) % FRAMES for number in range(count)]


@pytest.fixture(scope="module")
def vae() -> WanVae:
    return small_vae()


def small_vae() -> WanVae:
    torch.manual_seed(0)
    config = {"base_dim": 4, "z_dim": 4, "dim_mult": [1, 1, 1], "num_res_blocks": 1, "attn_scales": []}
    scale = {"latents_mean": [0.0] * 4, "latents_std": [1.0] * 4, "temperal_downsample": [True, True]}
    return new_vae({**config, **scale, "scale_factor_temporal": 4, "scale_factor_spatial": 4})


@pytest.fixture(autouse=True)
def _shards_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "_SHARD", 3)


def alike(one: LatentSet, other: LatentSet) -> bool:
    names = ("clean", "first_frame_condition", "anchor_frames", "anchors")
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.mark.parametrize("stop_at", [0, 1, 2, 3, 4])
def test_a_stop_loses_no_clip_that_was_encoded(stop_at: int, vae: WanVae, tmp_path: Path) -> None:
    stopped, resumed, straight = Squares(stop_at=stop_at), Squares(), Squares()
    with pytest.raises(KeyboardInterrupt):
        encode_clips(vae, stopped, 5, tmp_path / "stopped")
    found = encode_clips(vae, resumed, 5, tmp_path / "stopped")
    assert stopped.asked + resumed.asked == [0, 1, 2, 3, 4]
    assert alike(found, encode_clips(vae, straight, 5, tmp_path / "straight"))


def test_more_or_fewer_clips_encode_what_is_missing(vae: WanVae, tmp_path: Path) -> None:
    first, more, fewer = Squares(), Squares(), Squares()
    encode_clips(vae, first, 2, tmp_path)
    whole = encode_clips(vae, more, 7, tmp_path)
    assert (len(whole), more.asked) == (7, [2, 3, 4, 5, 6])
    assert alike(encode_clips(vae, fewer, 4, tmp_path), whole.first(4)) and not fewer.asked


def test_other_clips_or_another_encoder_are_encoded_anew(vae: WanVae, tmp_path: Path) -> None:
    encode_clips(vae, Squares(), 2, tmp_path)
    assert encode_clips(vae, other := Squares("lines"), 2, tmp_path) and other.asked == [0, 1]
    with torch.no_grad():
        vae.quant_conv.bias.add_(1.0)
    assert encode_clips(vae, again := Squares("lines"), 2, tmp_path) and again.asked == [0, 1]
    with torch.no_grad():
        vae.post_quant_conv.bias.add_(1.0)  # the decoder may improve
    assert encode_clips(vae, same := Squares("lines"), 2, tmp_path) and not same.asked


def test_shapes_and_anchors(vae: WanVae, tmp_path: Path) -> None:
    found = encode_clips(vae, Squares(), 4, tmp_path, anchors=2)
    assert found.clean.shape == found.first_frame_condition.shape == (4, 4, 2, 2, 2)
    assert found.anchors.shape == (4, 2, 4, 2, 2, 2) and found.clean.dtype == torch.bfloat16
    assert found.anchor_frames.tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]


def encode_in_a_group(folder: str) -> None:
    latents._SHARD = 3
    clips = Squares()
    clean = encode_clips(small_vae(), clips, 10, Path(folder) / "shared", precision="fp32").clean
    torch.save({"asked": clips.asked, "clean": clean}, f"{folder}/{dist.get_rank()}.pt")


def test_two_processes_share_the_shards_out_and_both_read_all(tmp_path: Path) -> None:
    vae, shared, alone = small_vae(), tmp_path / "shared", tmp_path / "alone"
    encode_clips(vae, Squares(), 3, shared, precision="fp32")  # the first shard is there
    gloo.run(tmp_path, encode_in_a_group, str(tmp_path))
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert (first["asked"], second["asked"]) == ([3, 4, 5, 9], [6, 7, 8])
    expected = encode_clips(vae, Squares(), 10, alone, precision="fp32")
    assert torch.equal(first["clean"], expected.clean) and torch.equal(second["clean"], expected.clean)
    shards = sorted(path.name for path in alone.iterdir())
    assert len(shards) == 4 and shards == sorted(path.name for path in shared.iterdir())
    assert all((shared / name).read_bytes() == (alone / name).read_bytes() for name in shards)
