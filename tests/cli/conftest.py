"""Running the command as a shell would, in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from reasondiff.cli import main
from reasondiff.narrative import Narrative
from tests import tiny
from tests.narrator.conftest import _running, server  # noqa: F401 - fixtures


class Ran(NamedTuple):
    """What a shell sees of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def reasondiff(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run ``reasondiff`` with arguments; a traceback fails the test."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["reasondiff", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def refused(reasondiff: Callable[..., Ran]) -> Callable[..., str]:
    """Run ``reasondiff`` with bad input; return the one sentence on standard error."""

    def run(*arguments: object) -> str:
        ran = reasondiff(*arguments)
        assert ran.code == 2, ran
        sentence = ran.err.strip()
        assert "\n" not in sentence and sentence.endswith("."), ran
        return sentence

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model, in a folder like that of a real one."""
    from reasondiff.pipeline import ReasonDiffPipeline

    defaults = {
        "num_frames": 9,
        "num_inference_steps": 2,
        "guidance_scale": 3.0,
        "area": 64 * 64,
        "negative_prompt": "",
    }
    pipe = ReasonDiffPipeline(**tiny.pipeline().components, reasondiff=defaults)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    pipe.save_pretrained(folder)
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an image and a story in it."""
    tiny.image(96, 64).save(tmp_path / "vase.png")
    story = Narrative.from_ends([(5, "A vase stands."), (9, "A cat breaks the vase.")], 6, 9)
    story.save(tmp_path / "story.json")
    monkeypatch.chdir(tmp_path)
    return tmp_path
