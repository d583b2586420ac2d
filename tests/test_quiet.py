"""Real processes, whose standard error a user reads: while a model is loaded it has nothing of other libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny.pipelines import IMAGE, add_lora, alignformer, pipeline

LOADS = """
import sys
from PIL import Image
from reasondiff import ReasonDiffPipeline
pipe = ReasonDiffPipeline.from_pretrained(sys.argv[1])
pipe.save_adapter("adapter", base_model=sys.argv[1])
pipe.load_adapter("adapter", "mine")
print(type(pipe).__name__)
"""
STORY = """{"position": 9, "clips": [
  {"start": 1, "end": 4, "description": "A vase."}, {"start": 5, "end": 9, "description": "It breaks."}]}"""
GENERATES = ["generate", "--image", "a.png", "--narrative", "story.json", "-o", "out.mp4"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quiet")
    model = pipeline(alignformer())
    add_lora(model)
    model.save_pretrained(folder / "model")
    IMAGE.save(folder / "a.png")
    (folder / "story.json").write_text(STORY)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param(["-c", LOADS, "model"], "ReasonDiffPipeline\n", id="a program"),
        pytest.param(
            ["-c", "from reasondiff.cli import main; main()", *GENERATES, "--model", "model"], "", id="the command line"
        ),
    ],
)
def test_standard_error_is_ours(command: list[str], said: str, here: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("TRANSFORMERS_", "DIFFUSERS_"))
    }
    done = subprocess.run(
        [sys.executable, *command], cwd=here, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert [
        line for line in lines if not line.lstrip().startswith(("encode", "denoise", "align", "decode", "note:"))
    ] == []
