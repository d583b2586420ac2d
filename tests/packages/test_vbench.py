"""The protocol of the paper's metrics against VBench's own code, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reasondiff
from reasondiff.media import write_video
from tests.packages.conftest import PACKAGES

PYTHON = PACKAGES / "vbench" / "bin" / "python"
SCRIPT = Path(__file__).with_name("vbench_values.py")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pattern that moves fast, one that moves slowly, and one that stands still; lossless, so that decoders agree."""
    folder = tmp_path_factory.mktemp("videos")
    squares = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    pattern = squares.repeat(8, axis=0).repeat(8, axis=1)  # of fewer than 128 pixels AMT-S makes no numbers
    for name, count, step, fps in (("fast", 7, 3, 8.0), ("slow", 6, 1, 16.0), ("still", 5, 0, 8.0)):
        frames = np.stack([np.roll(pattern, step * frame, axis=1) for frame in range(count)])
        write_video(folder / f"{name}.mp4", frames, fps, lossless=True)
        Image.fromarray(frames[2]).save(folder / f"{name}.png")
    return folder


@pytest.mark.packages
@pytest.mark.parametrize(
    "metric", ["motion_smoothness", "dynamic_degree", "imaging_quality", "i2v_subject", "raft_flow"]
)
def test_the_same_values_as_vbench(videos: Path, metric: str) -> None:
    if not PYTHON.exists():
        pytest.skip(f"there is no {str(PYTHON)!r}; run 'make test-packages'")
    environment = os.environ | {"PYTHONPATH": str(Path(reasondiff.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [str(PYTHON), str(SCRIPT), str(videos), metric]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200)
    assert ended.returncode == 0, ended.stderr[-2000:]
    pairs = json.loads(ended.stdout.splitlines()[-1])[metric]
    assert len(pairs) == 3 and len({theirs for _, theirs in pairs}) > 1
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs, abs=1e-4), pairs
