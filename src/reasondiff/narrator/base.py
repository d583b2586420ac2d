"""What a narrator is, and how one is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from PIL import Image

from reasondiff.errors import CheckpointError, InputError
from reasondiff.narrative import Narrative
from reasondiff.narrator.asking.form import Bounds
from reasondiff.narrator.asking.instruction import Instruction
from reasondiff.narrator.cache import Cache
from reasondiff.narrator.domain import DomainCheck
from reasondiff.narrator.providers.base import Provider
from reasondiff.narrator.providers.local import LocalModel, find_file, read_settings
from reasondiff.narrator.providers.openai_server import Server
from reasondiff.narrator.scripted import FileNarrator, ScriptedNarrator
from reasondiff.narrator.vision_narrator import VisionNarrator

__all__ = ["NarratesImages", "Narrator", "ScriptedNarrator", "load_narrator", "load_provider"]

_SETTINGS = {
    "form": "form", "max_new_tokens": "max_tokens", "redraws": "redraws", "reasks": "reasks", "frames": "frames",
    "max_prompt": "max_prompt",
}  # fmt: skip
"""Keys of a ``narrator.json`` that are options of ``VisionNarrator``."""

SOURCES = ("openai[:MODEL]", "transformers:PATH_OR_HUB_ID", "file:PATH", "scripted:PATH")


@runtime_checkable
class Narrator(Protocol):
    """Anything that tells where an image belongs in a clip and what happens in every frame."""

    @property
    def name(self) -> str:
        """``NAME:MODEL``, as in ``--narrator``."""
        ...

    def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
        """The story of ``image`` and ``prompt``.

        Args:
            image: the condition image.
            prompt: the user's text.
            num_frames: f, the frames of the video.
            interval: seconds between frames.

        Raises:
            NarrationError: no usable story came back.
            ProviderError: the model could not be asked.
        """
        ...


@runtime_checkable
class NarratesImages(Protocol):
    """What a narrator may offer: to order and place several images."""

    def narrate_images(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        num_frames: int,
        interval: float,
        pinned: Mapping[int, int] | None = None,
    ) -> Narrative:
        """The story of all images, which are given in any order.

        Args:
            images: one or more.
            prompt: the user's text.
            num_frames: f.
            interval: seconds between frames.
            pinned: frames of images that are placed already, by number, both 0-based.

        Returns:
            A narrative with an anchor for each image, in order of time.
        """
        ...


def load_narrator(spec: str, **options: Any) -> Narrator:
    """The narrator that ``spec`` names.

    Args:
        spec: ``openai[:MODEL]``, ``transformers:PATH_OR_HUB_ID``, ``file:PATH`` or ``scripted:PATH``.
        options: of ``VisionNarrator`` (``form``, ``candidates``, ``reasks``...) and of the source: ``Server`` (``url``,
            ``api``, ``timeout``, ``retries``) or ``LocalModel`` (``device_map``, ``dtype``, ``quantization``...). A
            file has none. None stands for the default. ``cache`` may be True, False or a ``Cache``; by default servers
            have one.

    Raises:
        InputError: an unknown name or option, or a source that cannot be used.
        CheckpointError: a local model's folder is not whole.
    """
    source, _, rest = spec.partition(":")
    options = {name: value for name, value in options.items() if value is not None}
    own = {each.name for each in fields(VisionNarrator)} - {"provider"}
    if source == "file":
        _refuse_unknown(spec, options, set())
        return FileNarrator(Path(_named(spec, rest)))
    if source == "scripted":
        _refuse_unknown(spec, options, own)
        return ScriptedNarrator.load(_named(spec, rest), **_with_cache(options, False))
    chosen = {name: options.pop(name) for name in own & set(options)}
    provider = _provider(spec, **options)
    chosen = _with_cache(chosen, source == "openai")
    revision = options.get("revision")
    settings = read_settings(rest, revision) if source == "transformers" else {}
    return VisionNarrator(provider, **{**_from_settings(settings, rest, revision), **chosen})


def load_provider(spec: str, **options: Any) -> Provider:
    """The model that ``spec`` names, for questions other than a story; ``options`` as of ``load_narrator``.

    Raises:
        InputError: an unknown name or option, a source that cannot be used, or a model with a prompt of its own, which
            never learnt to answer anything else.
    """
    source, _, rest = spec.partition(":")
    if source == "transformers" and rest and "prompt" in read_settings(rest, options.get("revision")):
        raise InputError(
            f"The narrator {spec!r} tells whole stories and never learnt to answer anything else; give a model of "
            f"general use, such as openai:gpt-4o."
        )
    return _provider(spec, **options)


def _provider(spec: str, **options: Any) -> Provider:
    source, _, rest = spec.partition(":")
    options = {name: value for name, value in options.items() if value is not None}
    if source == "openai":
        kind: Any = Server
        options |= {"model": rest} if rest else {}
    elif source == "transformers":
        kind, options = LocalModel, {**options, "model": _named(spec, rest)}
    elif source in {"file", "scripted"}:
        raise InputError(f"The narrator {spec!r} has no model to ask; give {' or '.join(SOURCES[:2])}.")
    else:
        raise InputError(f"The narrator {spec!r} is unknown; give one of {', '.join(SOURCES)}.")
    _refuse_unknown(spec, options, {each.name for each in fields(kind) if each.init})
    return kind(**options)


def _refuse_unknown(spec: str, options: Mapping[str, object], known: Set[str]) -> None:
    if unknown := sorted(set(options) - known):
        has = ", ".join(sorted(known - {"model"})) or "none"
        raise InputError(f"The narrator {spec!r} has no option {unknown[0]!r}; it has {has}.")


def _with_cache(options: dict[str, object], default: bool) -> dict[str, object]:
    """``cache`` as ``VisionNarrator`` takes it."""
    cache = options.get("cache", default)
    return {**options, "cache": (Cache() if cache else None) if isinstance(cache, bool) else cache}


def _named(spec: str, rest: str) -> str:
    if not rest:
        raise InputError(f"The narrator {spec!r} names no file or model; write {spec.rstrip(':')}:PATH.")
    return rest


def _from_settings(settings: dict[str, Any], model: str, revision: str | None) -> dict[str, Any]:
    """A checkpoint's ``narrator.json`` as options: what it was trained on decides how it is asked."""
    try:
        options: dict[str, Any] = {}
        if "prompt" in settings:
            options["instruction"] = Instruction(template=str(settings["prompt"]), examples=0)
        elif "examples" in settings:
            options["instruction"] = Instruction(examples=int(settings["examples"]))
        if "bounds" in settings:
            options["bounds"] = Bounds(**settings["bounds"])
        if "knows" in settings:
            looks = find_file(model, str(settings["knows"].get("looks")), revision)
            options["checks"] = (DomainCheck.load(settings["knows"], looks.parent if looks else Path(model)),)
        for key, name in _SETTINGS.items():
            if key in settings:
                options[name] = settings[key]
    except (AttributeError, TypeError, ValueError) as error:
        raise CheckpointError(f"narrator.json of {model!r} cannot be used ({error}); restore the file.") from None
    return options
