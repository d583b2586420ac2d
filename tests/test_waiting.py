"""Threads that wait for each other sleep, unless the user has said how they should wait."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

POLICY = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def ran(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in POLICY}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("code", ["import reasondiff, torch", "from reasondiff.cli import app; import torch"])
def test_torchs_own_openmp_is_told_to_sleep(code: str) -> None:
    """As the runtime itself reports when torch loads it."""
    assert re.search(r"OMP_WAIT_POLICY\s*=\s*'PASSIVE'", ran(code, OMP_DISPLAY_ENV="TRUE").stderr)


@pytest.mark.parametrize("name", POLICY)
def test_what_a_user_has_set_stands_for_all_of_it(name: str) -> None:
    told = ran(f"import os, reasondiff; print([os.environ.get(name) for name in {POLICY}])", **{name: "7"})
    assert told.stdout == f"{['7' if each == name else None for each in POLICY]}\n"
