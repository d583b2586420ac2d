"""``benchmarks.generate``: what it measures runs on as many cores as it says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks import generate


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot hold a process to some cores")
def test_the_command_is_held_to_its_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "reasondiff"
    command.write_text(f"#!{sys.executable}\nimport os\nprint('imports', len(os.sched_getaffinity(0)), 's')\n")
    command.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(generate, "CORES", 1)
    before = os.sched_getaffinity(0)
    assert generate.measured(Path("image.png"), Path("out.mp4"))[2] == "1"
    assert os.sched_getaffinity(0) == before
