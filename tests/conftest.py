"""One thread and no deadlines: the tests say what is true, not how fast."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that tests start, whose last bits are then the same
settings.register_profile("reasondiff", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("reasondiff")


@pytest.fixture(autouse=True)
def attention_backend() -> Iterator[None]:
    """``set_attention_backend`` of one model is also diffusers' choice for all others; it ends with its test.

    Left at a backend that switches torch's kernels for a call, two threads would leave them switched for good.
    """
    yield
    if (dispatch := sys.modules.get("diffusers.models.attention_dispatch")) is not None:
        dispatch._AttentionBackendRegistry.set_active_backend(dispatch.AttentionBackendName.NATIVE)


@pytest.fixture
def all_templates_match(monkeypatch: pytest.MonkeyPatch) -> None:
    """The template judge passes every video: for tests of what verdicts are used for. It takes half of their time."""
    from reasondiff.storyworld import judges

    monkeypatch.setattr(judges, "judge_by_templates", lambda *_, **__: judges.TemplateVerdict(()))
