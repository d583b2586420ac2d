"""What is said where a network is not here, and how frames are padded for one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from reasondiff.errors import CheckpointError, InputError
from reasondiff.evaluation.networks.base import hub_file, installed, pad_to_multiple, read_tensors, unpad
from reasondiff.evaluation.networks.clip import ClipNetwork


def test_a_package_that_is_missing_is_named_with_its_command() -> None:
    with pytest.raises(InputError, match=r"^The flow needs the package 'nowhere_at_all'; run: pip install nowhere$"):
        installed("nowhere_at_all.part", "nowhere", "The flow")


def test_weights_that_are_missing_are_fetched_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"^The flow needs a/b/c.pth, which is not here; give --fetch"):
        hub_file("a/b", "c.pth", needed_by="The flow", fetch=False)
    with pytest.raises(CheckpointError, match=r"^The CLIP score needs x/nothing, which is not here; give --fetch"):
        _ = ClipNetwork("x/nothing").origin


@pytest.mark.parametrize("size", [(8, 8), (13, 9), (1, 17)])
def test_padding_repeats_the_edges_on_both_sides_and_comes_off_again(size: tuple[int, int]) -> None:
    frames = torch.rand(1, 3, *size)
    padded = pad_to_multiple(frames, 8)
    assert [side % 8 for side in padded.shape[-2:]] == [0, 0]
    assert torch.equal(unpad(padded, frames.shape[-2:], 8), frames)
    top = (-size[0] % 8) // 2
    assert torch.equal(padded[..., 0, :], padded[..., top, :])


def test_tensors_and_nothing_else_are_read(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "tensors.pth")
    assert torch.equal(read_tensors(tmp_path / "tensors.pth")["weight"], torch.ones(2))
    torch.save({"weight": Calls(tmp_path / "called")}, tmp_path / "code.pth")
    (tmp_path / "short.pth").write_bytes((tmp_path / "tensors.pth").read_bytes()[:100])
    for name in ("code.pth", "short.pth", "none.pth"):
        with pytest.raises(CheckpointError, match=rf"{name}' cannot be read .*; fetch them again\."):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "called").exists()


class Calls:
    """Makes a folder where it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)
