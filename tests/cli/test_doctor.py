"""``reasondiff doctor``: what is here, and no secret."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import Ran


def test_the_doctor_names_machine_models_and_what_is_missing(
    reasondiff: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    ran = reasondiff("doctor")
    assert ran.code == 0
    assert "sk-a-secret" not in ran.out + ran.err
    found = json.loads(reasondiff("doctor", "--json").out)
    assert found["Machine"]["OPENAI_API_KEY"] == "set"
    assert found["Machine"]["GPU"].startswith("none that torch can use")
    assert found["Models"]["storyworld-tiny"].startswith("runs, on a CPU too")
    assert found["Models"]["wan2.1-i2v-14b-480p"].startswith("does not fit; needs a GPU of 10 GB")
    for heading, lines in found.items():
        assert f"{heading}:" in ran.out
        assert all(f"  {name}: {value}" in ran.out for name, value in lines.items() if "free" not in value)
