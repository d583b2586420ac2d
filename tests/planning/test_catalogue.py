"""The list of known models is whole, and its numbers are those of the plans."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reasondiff.checkpoints import BUNDLED, HUB
from reasondiff.planning import Job, architecture, plan
from reasondiff.planning.catalogue import CATALOGUE, entry_of, listings
from reasondiff.planning.presets import preset
from tests.tiny.pipelines import on_hub


def test_every_name_is_listed_and_nothing_else() -> None:
    assert set(CATALOGUE) == {*BUNDLED, *HUB}
    assert all(entry.name == name and entry.licence for name, entry in CATALOGUE.items())


def test_a_model_is_found_by_its_name_or_its_hub_id() -> None:
    vace = CATALOGUE["wan2.1-vace-1.3b"]
    assert entry_of("Wan2.1-VACE-1.3B") is entry_of("Wan-AI/Wan2.1-VACE-1.3B-diffusers") is vace
    assert entry_of("owner/model") is None


def test_sizes_are_those_of_the_plan_and_the_cache(tmp_path: Path) -> None:
    blobs = on_hub(tmp_path, HUB["wan2.1-vace-1.3b"], "0" * 40, {"main": "0" * 40}).parents[1] / "blobs"
    blobs.mkdir()
    (blobs / "a").write_bytes(bytes(1000))
    listed = {each.entry.name: each for each in listings(tmp_path)}
    one = listed["wan2.1-vace-1.3b"]
    assert one.download == sum(architecture("wan2.1-vace-1.3b").disk.values())
    assert one.missing == one.download - 1000 and not one.cached
    assert one.memory["balanced"] == plan(architecture("wan2.1-vace-1.3b"), preset("balanced"), Job()).memory
    assert listed["storyworld-tiny"].cached and listed["storyworld-tiny"].job.num_frames == 33


def test_published_sizes_of_vace_14b() -> None:
    """As the hub shows them: 81.2 GB in all; 34.7 GB for each of Wan2.2's experts."""
    assert sum(architecture("wan2.1-vace-14b").disk.values()) / 1e9 == pytest.approx(81.2, abs=0.1)
    assert architecture("wan2.2-vace-fun-a14b").disk["transformer_2"] / 1e9 == pytest.approx(34.7, abs=0.05)


def test_vace_1_3b_is_for_cards_of_12_gigabytes() -> None:
    model = architecture("wan2.1-vace-1.3b")
    assert plan(model, preset("balanced"), Job()).memory < 12 * 2**30
    assert plan(model, preset("low-vram"), Job()).memory < 10.5 * 2**30


def test_the_list_needs_no_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from reasondiff.planning.catalogue import listings; "
        "list(listings(Path('nowhere'))); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
