"""``reasondiff models``: what is known of every model, in words and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable

from reasondiff.planning.catalogue import CATALOGUE


def test_models_in_words_and_as_json(reasondiff: Callable) -> None:
    words = reasondiff("models")
    assert words.code == 0
    listed = {each["name"]: each for each in json.loads(reasondiff("models", "--json").out)}
    assert list(listed) == list(CATALOGUE)
    for name, entry in CATALOGUE.items():
        assert name in words.out and listed[name]["licence"] == entry.licence
        assert all(f"cannot     {what}" in words.out for what in entry.cannot)
    vace = listed["wan2.1-vace-1.3b"]
    assert (vace["held_frames"], vace["adapter"], vace["anchors"], vace["apart"]) == ("any", "none taken", None, True)
    assert vace["source"] == "Wan-AI/Wan2.1-VACE-1.3B-diffusers"
    assert vace["memory_bytes"]["low-vram"] < vace["memory_bytes"]["balanced"] < 12 * 2**30
    assert "clings to the image" in listed["wan2.2-vace-fun-a14b"]["warning"]
