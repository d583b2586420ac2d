"""Model folders: what their names mean, whether they are whole and of the right kind, and what decides their output."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reasondiff.errors import CheckpointError, ReasonDiffError

__all__ = [
    "BUNDLED",
    "HUB",
    "LORA_FILE",
    "bundled_folder",
    "check_configs",
    "check_folder",
    "check_kind",
    "check_narrator",
    "check_ours",
    "file_hash",
    "find_model",
    "hub_configs",
    "hub_id",
    "in_one_sentence",
    "is_distilled",
    "ltx_defaults",
    "model_hashes",
    "read_config",
    "weight_hashes",
]

BUNDLED = ("storyworld-tiny",)
"""Models that come with the package."""

HUB = {
    "wan2.1-i2v-14b-480p": "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",
    "wan2.1-i2v-14b-720p": "Wan-AI/Wan2.1-I2V-14B-720P-Diffusers",
    "wan2.1-flf2v-14b-720p": "Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers",
    "wan2.2-i2v-a14b": "Wan-AI/Wan2.2-I2V-A14B-Diffusers",
    "wan2.1-vace-1.3b": "Wan-AI/Wan2.1-VACE-1.3B-diffusers",
    "wan2.1-vace-14b": "Wan-AI/Wan2.1-VACE-14B-diffusers",
    "wan2.2-vace-fun-a14b": "linoyts/Wan2.2-VACE-Fun-14B-diffusers",
    "ltx-video-2b-0.9.5": "Lightricks/LTX-Video-0.9.5",
    "ltx-video-13b-0.9.7-dev": "Lightricks/LTX-Video-0.9.7-dev",
    "ltx-video-13b-0.9.8-distilled": "Lightricks/LTX-Video-0.9.8-13B-distilled",
}
"""Short names of models on the Hugging Face hub."""

_LTX_DEFAULTS: Mapping[str, Any] = {
    "num_frames": 121,
    "interval": 1 / 24,
    "num_inference_steps": 40,
    "guidance_scale": 3.0,
    "area": 768 * 512,
    "negative_prompt": "worst quality, inconsistent motion, blurry, jittery, distorted",
    "shortest_clip": 1.0,
}
_LTX_DISTILLED: Mapping[str, Any] = {"num_inference_steps": 8, "guidance_scale": 1.0}

LORA_FILE = "pytorch_lora_weights.safetensors"
"""The LoRA that was trained with a model's AlignFormer."""

_LIBRARY_KEYS = {"_diffusers_version", "_name_or_path", "transformers_version"}
"""What the libraries write into a config about themselves and about where a model once lay; it decides nothing."""

_PACKAGE = Path(__file__).parent
_BUNDLED_FOLDERS = (_PACKAGE / "models", _PACKAGE.parents[1] / "models")
"""Where the bundled models lie: in an installed wheel, and in a checkout."""


def is_distilled(name: str) -> bool:
    """Whether a model says by its name that it was distilled: the last part of a path or a hub id."""
    return "distilled" in name.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()


def ltx_defaults(name: str, distilled: bool | None = None) -> Mapping[str, Any]:
    """What a published LTX-Video is run with, whose index does not say: as in its own examples, five seconds at 24
    frames per second. It was trained without frame-wise text, and short clips are told less reliably. A distilled one
    has few steps, and no guidance.

    Args:
        name: of the model, its folder or its repository.
        distilled: whether it is; None for what the name says.
    """
    few = is_distilled(name) if distilled is None else distilled
    return {**_LTX_DEFAULTS, **(_LTX_DISTILLED if few else {})}


def find_model(name: str) -> str:
    """What ``from_pretrained`` should be given for a name.

    Args:
        name: a name from ``BUNDLED`` or ``HUB``, a folder, or a hub id such as ``owner/model``.

    Returns:
        A folder that has been checked, or a hub id.

    Raises:
        CheckpointError: it is none of these, or the folder is not whole.
    """
    known = name.lower()
    if known in BUNDLED:
        return str(check_folder(bundled_folder(known)))
    if known in HUB:
        return HUB[known]
    if name and Path(name).is_dir():
        return str(check_folder(Path(name)))
    if hub_id(name):
        return name
    names = ", ".join((*BUNDLED, *HUB))
    raise CheckpointError(f"There is no model {name!r}; give one of {names}, a folder, or a hub id.")


def bundled_folder(name: str) -> Path:
    """Where a model that comes with the package lies.

    Raises:
        CheckpointError: it is not there.
    """
    for folder in _BUNDLED_FOLDERS:
        if (folder / name).is_dir():
            return folder / name
    raise CheckpointError(f"The bundled model {name!r} is not in this installation; install reasondiff again.")


def hub_id(name: str) -> bool:
    """Whether ``name`` can be ``owner/name`` on the hub, and not a mistyped path."""
    return bool(re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name)) and not Path(name).parent.exists()


def hub_configs(repo: str, **options: Any) -> Path:
    """The configs of a model on the hub, a few kilobytes, in a folder of the hub's cache.

    Args:
        repo: ``owner/name``.
        options: ``revision``, ``cache_dir``, ``local_files_only`` and ``token``, as in diffusers.

    Raises:
        CheckpointError: they cannot be had.
    """
    from huggingface_hub import snapshot_download

    with in_one_sentence(repo):
        return Path(snapshot_download(repo, allow_patterns=["model_index.json", "*/config.json"], **options))


def check_configs(folder: Path) -> None:
    """Raise ``CheckpointError`` where a folder's configs, as far as they are whole, are of another kind of model."""

    def read(name: str) -> dict[str, Any]:
        file = folder / name
        data = _read_json(file) if file.is_file() else {}
        return data if isinstance(data, dict) else {}

    vae, expands = read("vae/config.json"), bool(read("model_index.json").get("expand_timesteps"))
    channels, down = vae.get("z_dim"), vae.get("temperal_downsample")
    if isinstance(channels, int) and isinstance(down, list):
        stride = vae.get("scale_factor_temporal", 2 ** sum(map(bool, down)))
        for part in ("transformer", "transformer_2"):
            config = read(f"{part}/config.json")
            if isinstance(config.get("in_channels"), int):
                check_kind(config, channels, stride, scale=2 ** len(down), expand_timesteps=expands)


def check_kind(
    config: Mapping[str, Any], channels: int, stride: int, *, scale: int = 8, expand_timesteps: bool = False
) -> None:
    """Raise unless a transformer can be given an image in its place.

    Args:
        config: of the transformer. One of image-to-video takes noisy latents, a mask with a channel per frame, and the
            condition's latents; one of VACE takes control latents, known and unknown, and a mask with a channel per
            pixel.
        channels: of the latents.
        stride: pixel frames per latent frame.
        scale: pixels per latent, each way.
        expand_timesteps: as in the pipeline's config.

    Raises:
        CheckpointError: it cannot.
    """
    if expand_timesteps:
        raise CheckpointError("Wan2.2-TI2V-5B has no mask to place an image with; use an I2V model such as Wan2.1-I2V.")
    if "vace_layers" in config:
        if (reads := config.get("vace_in_channels", 96)) != (wanted := 2 * channels + scale**2):
            raise CheckpointError(
                f"The VACE transformer reads {reads} control channels, not the {wanted} of this VAE; use another model."
            )
    elif (reads := config["in_channels"]) != (wanted := 2 * channels + stride):
        raise CheckpointError(
            f"The transformer reads {reads} channels, not the {wanted} of image-to-video; use an I2V or VACE model."
        )


@contextmanager
def in_one_sentence(name: str, kind: str = "model") -> Iterator[None]:
    """What loading a model can raise becomes one sentence that names it and the fix; a mistake in code stays one."""
    try:
        yield
    except ReasonDiffError:
        raise
    except Exception as error:
        fix = _fix_of(error)
        if fix is None:
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        reason = f"{reason[:200]} …" if len(reason) > 200 else reason.rstrip(".")
        raise CheckpointError(f"The {kind} {name!r} cannot be loaded ({reason}); {fix}.") from error


_AGAIN = "check its name, or download or export it again"
_LIBRARIES = (
    "accelerate", "diffusers", "gguf", "huggingface_hub", "jinja2", "json", "peft", "safetensors", "sentencepiece",
    "tokenizers", "torch", "transformers",
)  # fmt: skip
"""Whose complaints about a file are taken for what they say; the same kinds of error from our own code are mistakes."""


def _fix_of(error: Exception) -> str | None:
    """What a user can do about an error while a model was loaded; None where it is a mistake in code.

    Files and servers raise ``OSError``, safetensors its own kind. Of files that are whole but do not fit, libraries
    complain with ``ValueError``, PyTorch with ``RuntimeError`` and tokenizers with a bare ``Exception``.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"OutOfMemoryError", "MemoryError"}:
        return "give it more memory, or choose --preset low-vram"
    if kinds & {"ConnectError", "ConnectionError", "TimeoutException", "OfflineModeIsEnabled"}:
        return "check its name and the connection"
    if isinstance(error, OSError) or kinds & {"SafetensorError", "HTTPError", "HfHubHTTPError", "GatedRepoError"}:
        return _AGAIN
    library = _library_of(error)
    if library is None:
        return None
    if isinstance(error, ImportError):
        return "install what it needs"
    if isinstance(error, ValueError) or type(error) is Exception:
        return _AGAIN
    if isinstance(error, RuntimeError) and _is_about_a_file(error, library):
        return _AGAIN
    return None


def _is_about_a_file(error: RuntimeError, library: str) -> bool:
    """Whether a library's error is about what it reads: PyTorch's own is, where tensors are not the model's."""
    if "state_dict" in str(error) or "meta tensor" in str(error):
        return True
    return library != "torch" and type(error) is RuntimeError


def _library_of(error: Exception) -> str | None:
    """Which of ``_LIBRARIES`` has raised an error; None where it was other code, such as ours."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = str(trace.tb_frame.f_globals.get("__name__", "")) if trace is not None else ""
    package = module.split(".")[0]
    return package if package in _LIBRARIES else None


def check_folder(folder: Path) -> Path:
    """Return ``folder`` if it is a whole diffusers folder; costs milliseconds whatever its size.

    Raises:
        CheckpointError: names the file that is missing, cut off or of the wrong kind.
    """
    index = read_config(folder / "model_index.json")
    for component, kind in index.items():
        if component.startswith("_") or not isinstance(kind, list) or not any(kind):
            continue
        if not (folder / component).is_dir():
            raise CheckpointError(f"The model {str(folder)!r} lacks its {component!r} folder; download it again.")
        holds_weights = (folder / component / "config.json").exists() and not re.search(
            "Tokenizer|Processor|Scheduler", str(kind[-1])
        )
        if holds_weights and not any((folder / component).glob("*.safetensors")):
            raise CheckpointError(
                f"{str(folder / component)!r} holds no *.safetensors file; download it again, in that format."
            )
    for file in sorted(folder.rglob("*.json")):
        data = _read_json(file)
        if file.name.endswith(".safetensors.index.json"):
            _check_shards(file, data)
    for file in sorted(folder.rglob("*.safetensors")):
        _check_safetensors(file)
    check_ours(folder)
    return folder


def check_ours(folder: Path) -> None:
    """Raise ``CheckpointError`` where a file is missing without which a model would work, but not as it was trained.

    An AlignFormer comes with its LoRA, unless the index says ``"alignformer_lora": false``, as ``save_pretrained`` does
    for one that has none.
    """
    index = read_config(folder / "model_index.json")
    kind, expected = index.get("alignformer"), index.get("alignformer_lora", True)
    if isinstance(kind, list) and any(kind) and expected and not (folder / LORA_FILE).is_file():
        raise CheckpointError(
            f"The model {str(folder)!r} lacks {LORA_FILE!r}, which its AlignFormer was trained with; download or "
            "export it again."
        )
    check_narrator(folder / "narrator")


def check_narrator(folder: Path) -> None:
    """Raise ``CheckpointError`` where a narrator that was trained here lacks a file that says how to ask it."""
    settings, looks = folder / "narrator.json", folder / "looks.safetensors"
    said = _read_json(settings) if settings.is_file() else {}
    if not isinstance(said, dict):
        raise CheckpointError(f"{str(settings)!r} is no table of settings; download or export the narrator again.")
    knows = said.get("knows")
    ours = looks.is_file() or (isinstance(knows, dict) and "looks" in knows)
    for name in _ASKING if ours else ():
        if not (folder / name).is_file():
            raise CheckpointError(
                f"The narrator {str(folder)!r} lacks its {name!r}, which says how to ask it; download or export it "
                "again."
            )


_ASKING = (
    "narrator.json", "looks.safetensors", "chat_template.jinja", "processor_config.json", "tokenizer_config.json",
)  # fmt: skip
"""Without the last three transformers asks in a way that the narrator was not trained for, and says nothing."""


def model_hashes(folder: str | Path) -> dict[str, str]:
    """SHA-256 of every file below ``folder`` that decides what comes out, by its path within it: weights and settings.

    Settings are all JSON files (the index with the model's defaults, the scheduler's and the components' configs,
    ``narrator.json``, tokenizers), chat templates and SentencePiece models. Of a JSON file its content is hashed,
    whatever its layout, without ``_LIBRARY_KEYS``: a model saved again by another version is the same model.
    """
    hashes = _hashes(folder, "*.safetensors", "*.jinja", "*.model")
    for file in sorted(Path(folder).rglob("*.json")):
        content = json.dumps(_without_library_keys(_read_json(file)), sort_keys=True)
        hashes[file.relative_to(folder).as_posix()] = hashlib.sha256(content.encode()).hexdigest()
    return hashes


def weight_hashes(folder: str | Path) -> dict[str, str]:
    """SHA-256 of every weight file below ``folder``, by its path within it."""
    return _hashes(folder, "*.safetensors")


def _hashes(folder: str | Path, *patterns: str) -> dict[str, str]:
    """A file of the hub's own cache is a link to one whose name is its SHA-256, which is then taken as it is."""
    hashes = {}
    for file in sorted(file for pattern in patterns for file in Path(folder).rglob(pattern)):
        blob = file.resolve().name if file.is_symlink() else ""
        if not re.fullmatch("[0-9a-f]{64}", blob):
            blob = file_hash(file)
        hashes[file.relative_to(folder).as_posix()] = blob
    return hashes


def _without_library_keys(data: object) -> object:
    if isinstance(data, dict):
        return {key: _without_library_keys(value) for key, value in data.items() if key not in _LIBRARY_KEYS}
    return [_without_library_keys(value) for value in data] if isinstance(data, list) else data


def file_hash(file: Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _read_json(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"There is no {str(file)!r}; give a folder in diffusers' layout.") from None
    except (OSError, ValueError, RecursionError):
        raise CheckpointError(f"{str(file)!r} is damaged; download the model again.") from None


def read_config(file: Path) -> dict[str, Any]:
    """The JSON object in a file of a model's folder.

    Raises:
        CheckpointError: there is no such file, or it is damaged.
    """
    data = _read_json(file)
    if not isinstance(data, dict):
        raise CheckpointError(f"{str(file)!r} is not an object; download the model again.")
    return data


def _check_shards(file: Path, index: object) -> None:
    shards = index.get("weight_map") if isinstance(index, dict) else None
    for shard in sorted(set(map(str, shards.values()))) if isinstance(shards, dict) else ():
        if not (file.parent / shard).is_file():
            raise CheckpointError(f"The model lacks {str(file.parent / shard)!r}; download it again.")


def _check_safetensors(file: Path) -> None:
    """A safetensors file is eight bytes of header length, the header, and exactly the tensors it names."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header = json.loads(opened.read(length)) if 2 <= length <= size else {}
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        whole = header and 8 + length + max(ends, default=0) == size
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        whole = False
    if not whole:
        raise CheckpointError(f"The weights {str(file)!r} are damaged or cut off; download or copy them again.")
