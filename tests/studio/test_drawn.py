"""The server that the browser's tests of the page run on still starts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[2]


def test_it_serves_the_page_and_its_model(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.studio.drawn", str(tmp_path), "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            assert found is not None
            assert "<reasondiff-studio>" in httpx2.get(found[0], timeout=60).text
            models = httpx2.get(f"{found[0]}/v1/models", timeout=60).json()["data"]
            assert models[0]["reasondiff"]["num_frames"] == 33 and models[0]["reasondiff"]["memory_gb"] > 0
        finally:
            server.kill()
