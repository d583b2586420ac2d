"""``reasondiff doctor``: what this machine has, and which models it can run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reasondiff.planning import Machine

__all__ = ["doctor"]

_EXTRAS = {
    "openai": "narrators on a server",
    "xgrammar": "local narrators that cannot break the reply's form",
    "gguf": "transformers in GGUF files",
    "torchao": "the preset 'fast'",
    "torchvision": "local narrators of the SmolVLM, InternVL and Qwen-VL families",
}
"""Libraries that are not needed for everything, and what for."""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Print what this machine has (GPU, memory, disk, key, libraries) and which models fit."""
    found = _examine()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for heading, lines in found.items():
        typer.echo(f"{heading}:")
        for name, value in lines.items():
            typer.echo(f"  {name}: {value}")


def _examine() -> dict[str, dict[str, str]]:
    import os
    import platform
    from importlib.util import find_spec

    import torch

    from reasondiff import __version__
    from reasondiff.planning import this_machine
    from reasondiff.planning.machine import GIB

    machine = this_machine()
    if machine.gpu is not None:
        gpu = f"{machine.gpu}, {machine.gpu_memory / GIB:.0f} GB, {machine.gpu_free / GIB:.1f} GB free"
    elif torch.version.cuda is None:
        gpu = "none that torch can use; this torch is built for CPUs, see pytorch.org for one with CUDA"
    else:
        gpu = f"none that torch can use (it is built for CUDA {torch.version.cuda}); check the driver with nvidia-smi"
    key = "set" if os.environ.get("OPENAI_API_KEY") else "not set; needed for openai narrators that want one"
    return {
        "Versions": {"reasondiff": __version__, "python": platform.python_version(), "torch": torch.__version__},
        "Machine": {
            "GPU": gpu,
            "memory": f"{machine.memory / GIB:.0f} GB, {machine.memory_free / GIB:.1f} GB free",
            "models from the hub": f"{machine.cache} ({machine.cache_free / 1e9:.0f} GB free)",
            "OPENAI_API_KEY": key,
        },
        "Optional libraries": {
            name: "installed" if find_spec(name) else f"not installed; for {purpose}"
            for name, purpose in _EXTRAS.items()
        },
        "Models": _models(machine),
    }


def _models(machine: Machine) -> dict[str, str]:
    from reasondiff.checkpoints import BUNDLED, HUB
    from reasondiff.planning import architecture, fitting_preset, job_of, plan, smallest_card
    from reasondiff.planning.machine import downloads
    from reasondiff.planning.presets import PRESETS

    answers = dict.fromkeys(BUNDLED, "runs, on a CPU too; draws its own small world only")
    for name in HUB:
        model = architecture(name)
        job = job_of(model.defaults)
        fits = fitting_preset(model, job, machine.gpu_free, float8_products=machine.float8_products)
        smallest = min(plan(model, preset, job).memory for preset in PRESETS.values())
        if machine.gpu is not None and fits is not None:
            answer = f"fits with --preset {fits.name}"
        else:
            answer = f"does not fit; needs a GPU of {smallest_card(smallest)} GB"
        missing = downloads(model, machine.cache)
        answers[name] = f"{answer}; {f'{missing / 1e9:.0f} GB to download' if missing else 'downloaded'}"
    return answers
