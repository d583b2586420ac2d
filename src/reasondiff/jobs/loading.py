"""Loading what a request names: narrator, preset, device, model; nothing heavy before the names are right."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasondiff.checkpoints import HUB, file_hash, find_model, model_hashes
from reasondiff.errors import InputError
from reasondiff.jobs.request import VideoRequest

if TYPE_CHECKING:
    from reasondiff.narrator import Narrator
    from reasondiff.pipeline.any_model import Pipeline
    from reasondiff.planning.presets import Preset

__all__ = [
    "check_room",
    "device_of",
    "enough_memory",
    "hashes_of",
    "load_model",
    "named_narrator",
    "own_narrator",
    "preset_of",
    "silence_libraries",
]


logger = logging.getLogger(__name__)


def named_narrator(request: VideoRequest) -> Narrator | None:
    """The narrator that a request names; an address alone is meant, too.

    Raises:
        InputError: it cannot be asked, or how to ask a server is said and no server is named.
    """
    from reasondiff.narrator import load_narrator

    name = request.narrator or ("openai" if request.narrator_url else None)
    how = {"url": request.narrator_url, "api": request.narrator_api, "timeout": request.narrator_timeout}
    if name is not None:
        return load_narrator(name, **how)
    if given := [option for option, value in how.items() if value is not None]:
        raise InputError(f"--narrator-{given[0]} is for a server, and none is named; give --narrator openai:MODEL.")
    return None


def own_narrator(model: str) -> tuple[str, int, float]:
    """A model's own narrator, and the frames and the interval in which the model makes videos.

    Raises:
        CheckpointError: the model cannot be read.
        InputError: it has no narrator.
    """
    import json

    from reasondiff.backends.defaults import Defaults
    from reasondiff.checkpoints import in_one_sentence

    found = find_model(model)
    folder = Path(found)
    with in_one_sentence(found):
        if not folder.is_dir():
            from huggingface_hub import snapshot_download

            folder = Path(snapshot_download(found, allow_patterns=["model_index.json", "narrator/*"]))
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        defaults = Defaults.from_config(index.get("reasondiff"))
    if not (folder / "narrator").is_dir():
        raise InputError(f"The model {model!r} has no narrator; give --narrator, such as openai:gpt-4o.")
    return f"transformers:{folder / 'narrator'}", defaults.num_frames, defaults.interval


def silence_libraries() -> None:
    """For the whole process: our bar shows the stages of a video; theirs, files of a folder."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()


def device_of(request: VideoRequest) -> str:
    """Where a request's model computes.

    Raises:
        InputError: there is no such device here.
    """
    import torch

    if request.device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = request.device.partition(":")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise InputError(f"There is no device {request.device!r} here; give --device cpu, or leave it out.")
    return request.device


def preset_of(request: VideoRequest) -> Preset | None:
    """The preset that is named or fits; None for a model as it is."""
    import torch

    from reasondiff.pipeline.any_model import kind_of
    from reasondiff.planning.fitting import FreeMemory, preset_for

    kind = kind_of(find_model(request.model), request.revision)
    if kind is not None and not kind.presets:
        return None
    device, free = device_of(request), None
    if device != "cpu":
        size, _ = torch.cuda.mem_get_info(device)
        free = FreeMemory(size, float8_products=torch.cuda.get_device_capability(device) >= (8, 9))
    return preset_for(request.model, request.preset, request.job(), free, revision=request.revision)


def check_room(request: VideoRequest, chosen: Preset | None) -> None:
    """Before a model that is known by name is fetched from the hub: that it can run here, and what is downloaded.

    Raises:
        InputError: this machine has no GPU for it, or its disk no room.
    """
    from reasondiff.planning import architecture, job_of, plan, this_machine
    from reasondiff.planning.catalogue import entry_of
    from reasondiff.planning.machine import check_machine, downloads
    from reasondiff.planning.presets import preset

    if request.model.lower() not in HUB or request.revision is not None:
        return
    model = architecture(request.model)
    job = job_of(model.defaults, **request.job())
    machine = this_machine()
    check_machine(model, plan(model, chosen or preset("quality"), job).flops, machine, device=request.device)
    entry = entry_of(request.model)
    if missing := downloads(model, machine.cache):
        licence = f" Their licence: {entry.licence}." if entry is not None else ""
        logger.warning("%.0f GB of weights are downloaded to %s, once.%s", missing / 1e9, machine.cache, licence)
    if entry is not None and entry.warning:
        logger.warning("%s: %s", entry.name, entry.warning)


def load_model(request: VideoRequest, chosen: Preset | None, *, measuring: bool = False) -> Pipeline:
    """The pipeline that a request names, on its device.

    Args:
        request: see ``VideoRequest``; only its options of the group "model" are read.
        chosen: how it is loaded and run; None for the model as it is.
        measuring: without compilation and step cache, so that every block runs and can be watched.

    Raises:
        CheckpointError: it cannot be loaded.
        InputError: the GPU's memory is too small, or the request names what only Wan can take.
    """
    from reasondiff.pipeline import ReasonDiffPipeline
    from reasondiff.pipeline.any_model import Wanted, kind_of
    from reasondiff.pipeline.loading import load_preset

    found, device = find_model(request.model), device_of(request)
    kind = kind_of(found, request.revision)
    if kind is not None:
        _refuse_what_is_wans(request, presets=kind.presets)
        with enough_memory():
            return kind.load(Wanted(found, device, chosen, request.revision))
    parts: dict[str, Any] = {} if request.transformer is None else {"transformer": request.transformer}
    with enough_memory():
        if chosen is None:
            pipe = ReasonDiffPipeline.from_pretrained(found, revision=request.revision, **parts)
            pipe.to(device)
            if request.adapter is not None:
                pipe.load_adapter(request.adapter)
            if request.lora is not None:
                pipe.load_lora(request.lora, scale=request.lora_scale)
        else:
            if measuring:
                chosen = replace(chosen, compiled=False, step_cache=None)
            loras = {} if request.lora is None else {request.lora: request.lora_scale}
            pipe = load_preset(
                found, chosen, device, adapter=request.adapter, loras=loras, revision=request.revision, **parts
            )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _refuse_what_is_wans(request: VideoRequest, *, presets: bool) -> None:
    for name in ("adapter", "lora", "transformer", "mag_ratios", *(() if presets else ("preset",))):
        if getattr(request, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} is for models of Wan's kind, and {request.model!r} is none; leave it out.")


@contextmanager
def enough_memory() -> Iterator[None]:
    """The GPU's memory is the user's to spare: too little of it is no fault of the program."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise InputError(
            "The GPU's memory is not enough for this; give --preset low-vram, fewer frames or a smaller size."
        ) from error


def hashes_of(request: VideoRequest) -> dict[str, str]:
    """SHA-256 of every file that ``load_model`` reads, by its path within the model."""
    from reasondiff.backends.wan.fetching import fetched

    hashes = model_hashes(_folder_of(find_model(request.model), request.revision))
    if request.adapter is not None:
        hashes |= {f"adapter/{name}": value for name, value in model_hashes(fetched(request.adapter)).items()}
    if request.lora is not None:
        place = fetched(request.lora)
        own = {place.name: file_hash(place)} if place.is_file() else model_hashes(place)
        hashes |= {f"lora/{name}": value for name, value in own.items()}
    if request.transformer is not None:
        hashes[f"--transformer {request.transformer.name}"] = file_hash(request.transformer)
    return hashes


def _folder_of(found: str, revision: str | None) -> Path:
    """Where a model's files lie; ``from_pretrained`` has put a hub model into the hub's cache."""
    if Path(found).is_dir():
        return Path(found)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(found, revision=revision, local_files_only=True))
