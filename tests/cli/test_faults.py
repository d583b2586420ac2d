"""An error is told as what it is: the user's in one sentence, ours as a fault of ours, either with its traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled
from safetensors import SafetensorError

from reasondiff.cli import main
from tests.cli.test_generate import given


def raising(error: Exception, module: str) -> Callable[..., None]:
    """A function of ``module`` that raises ``error``."""
    scope = {"__name__": module, "error": error}
    exec("def fail(*arguments, **options):\n    raise error", scope)
    return scope["fail"]


LOADING = [
    OSError("Error no file named model.safetensors"),
    PermissionError(13, "Permission denied"),
    ConnectionError("refused"),
    TimeoutError("timed out"),
    SafetensorError("Error while deserializing header"),
    ValueError("Unrecognized model"),
    json.JSONDecodeError("Expecting value", "{", 0),
    HFValidationError("Repo id must be"),
    OfflineModeIsEnabled("offline"),
    ImportError("UMT5 requires the sentencepiece library"),
    RuntimeError("Error(s) in loading state_dict for UMT5EncoderModel"),
    Exception("data did not match any variant of untagged enum"),
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError(),
]
"""What a library raises about files, servers and machines."""

MISTAKES = [
    TypeError("unexpected keyword argument 'dtpye'"),
    KeyError("dim"),
    AttributeError("no attribute 'shape'"),
    NameError("name 'np' is not defined"),
    IndexError("list index out of range"),
    ZeroDivisionError("division by zero"),
    AssertionError("never"),
    NotImplementedError("later"),
]
"""What only a programmer can mend, wherever it is raised."""


def names(error: Exception) -> str:
    return type(error).__name__


@pytest.mark.parametrize("error", LOADING, ids=names)
def test_what_a_component_raises_about_its_files_is_the_users_to_mend(
    refused: Callable, here: Path, model: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(transformers.UMT5EncoderModel, "from_pretrained", raising(error, "transformers.fake"))
    sentence = refused(*given(model))
    assert f"The model {str(model)!r} cannot be loaded (" in sentence or "GPU's memory is not enough" in sentence
    assert "fault of reasondiff" not in sentence


@pytest.mark.parametrize("error", MISTAKES, ids=names)
def test_a_mistake_in_code_is_called_one(
    reasondiff: Callable, here: Path, model: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(transformers.UMT5EncoderModel, "from_pretrained", raising(error, "transformers.fake"))
    ran = reasondiff(*given(model))
    assert ran.code == 1, ran
    assert f"This is a fault of reasondiff and not yours ({names(error)}: " in ran.err
    assert "--debug" in ran.err and "cannot be loaded" not in ran.err and not Path("out.mp4").exists()


@pytest.mark.parametrize("error", [ValueError("no such recipe"), RuntimeError("state"), ImportError("no reasondiff.x")])
def test_our_own_code_is_not_excused_by_the_kind_of_its_error(
    reasondiff: Callable, here: Path, model: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(transformers.UMT5EncoderModel, "from_pretrained", raising(error, "reasondiff.fake"))
    ran = reasondiff(*given(model))
    assert ran.code == 1 and "fault of reasondiff" in ran.err, ran


@pytest.mark.parametrize(
    ("error", "code"), [(None, 2), (OSError("gone"), 2), (ZeroDivisionError("division by zero"), 1)]
)
def test_debug_shows_every_traceback_and_changes_no_exit_code(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    error: Exception | None, code: int,
) -> None:  # fmt: skip
    arguments = given(model if error is not None else "nonsense")
    if error is not None:
        monkeypatch.setattr(transformers.UMT5EncoderModel, "from_pretrained", raising(error, "transformers.fake"))
    for debug in (["--debug"], []):
        monkeypatch.setattr(sys, "argv", ["reasondiff", *debug, *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        shown = capsys.readouterr().err
        assert stopped.value.code == code
        assert ("Traceback (most recent call last)" in shown) == bool(debug)
        assert shown.splitlines()[-1].endswith(".")


EARLY = """
import sys
sys.argv = ["reasondiff", *sys.argv[1:]]
from reasondiff.cli import main
try: main()
except SystemExit as stop: print("code", stop.code)
print("torch" in sys.modules, "diffusers" in sys.modules)
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("generate", "--image", "none.png", "--prompt", "A cat.", "-o", "a.mp4"), "'none.png' does not exist"),
        (("generate", "--image", "vase.png", "--narrative", "none.json", "-o", "a.mp4"), "'none.json'"),
        (("generate", "--image", "vase.png", "--prompt", "A.", "-o", "a.mp4", "--model", "storywrold"), "'storywrold'"),
        (("generate", "--image", "vase.png", "--prompt", "A.", "-o", "a.mp4", "--preset", "best"), "'best'"),
        (("generate", "--image", "vase.png", "--prompt", "A.", "-o", "a.mp4", "--adapter", "none"), "'none'"),
        (("generate", "--image", "vase.png", "--prompt", "A.", "-o", "a.mp4", "--narrator", "orcale"), "'orcale'"),
        (("generate", "--image", "vase.png", "--prompt", "A.", "-o", "a.mp4", "--mag-ratios", "x.json"), "'x.json'"),
        (("generate", "--image", "vase.png", "--prompt", "A.", "-o", "a.mp4", "--steps", "0"), "0 denoising steps"),
        (("attention", "--image", "none.png", "--prompt", "A.", "-o", "a.mp4", "--word", "cat"), "'none.png'"),
        (("calibrate", "--image", "none.png", "--prompt", "A.", "-o", "a.json"), "'none.png'"),
        (("cases", "nowhere", "-o", "made"), "prompts.csv"),
        (("replay", "none.mp4", "-o", "a.mp4"), "'none.mp4'"),
        (("demo", "-o", "made", "--model", "storywrold"), "'storywrold'"),
        (("evaluate", "-o", "made", "--model", "storywrold"), "'storywrold'"),
    ],
)
def test_no_is_said_before_torch_is_imported(here: Path, arguments: tuple[str, ...], told: str) -> None:
    done = subprocess.run([sys.executable, "-c", EARLY, *arguments], capture_output=True, text=True, timeout=60)
    assert told in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert done.stdout.splitlines() == ["code 2", "False False"]
