"""What cannot run here is refused before anything is fetched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reasondiff.errors import InputError
from reasondiff.planning import GPUS, architecture, smallest_card, this_machine
from reasondiff.planning.machine import GIB, Machine, check_machine, downloads

WAN = architecture("wan2.1-i2v-14b-480p")
TINY = architecture("storyworld-tiny")


def machine(tmp_path: Path, **other: object) -> Machine:
    with_gpu = Machine("RTX 4090", 24 * GIB, 23 * GIB, True, 64 * GIB, 60 * GIB, tmp_path, 200e9)
    return replace(with_gpu, **other)


def test_a_large_model_wants_a_gpu_or_somebody_who_insists(tmp_path: Path) -> None:
    without = machine(tmp_path, gpu=None)
    with pytest.raises(InputError, match=r"23 billion .* about 4 days on the CPU; .* --device cpu to insist"):
        check_machine(WAN, 167e15, without)
    check_machine(WAN, 167e15, without, device="cpu")
    check_machine(WAN, 167e15, machine(tmp_path))
    check_machine(TINY, 1e12, without)


def test_a_disk_without_room_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"takes 91 GB of disk in .*, where 40 GB are free; set HF_HOME"):
        check_machine(WAN, 167e15, machine(tmp_path, cache_free=40e9))
    check_machine(TINY, 1e12, machine(tmp_path, cache_free=0.0))  # nothing is fetched for a folder


def test_what_is_in_the_cache_is_not_downloaded_again(tmp_path: Path) -> None:
    whole = sum(WAN.disk.values())
    assert downloads(WAN, tmp_path) == whole
    blobs = tmp_path / "models--Wan-AI--Wan2.1-I2V-14B-480P-Diffusers" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "one").write_bytes(bytes(1000))
    assert downloads(WAN, tmp_path) == whole - 1000


def test_cards_are_named_as_they_are_sold() -> None:
    assert [gpu.size for gpu in GPUS] == [141, 80, 80, 32, 24, 24, 16, 12, 8]
    assert smallest_card(9.8 * GIB) == 11
    assert smallest_card(9.6 * GIB) == 10
    assert smallest_card(0) == 6
    assert smallest_card(1000 * GIB) is None


def test_this_machine_is_one() -> None:
    here = this_machine()
    assert here.memory > here.memory_free > 0
    assert here.cache_free > 0
    assert (here.gpu is None) == (here.gpu_memory == 0)
