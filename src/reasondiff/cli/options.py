"""Options of the command line, derived from ``VideoRequest``: its names, types, defaults, ranges and help.

A verb takes a whole request (``takes_request``), only what a user changed (``takes_changes``), or single options by the
aliases below.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from reasondiff.errors import InputError
from reasondiff.jobs.options import Option, Request, options_of
from reasondiff.jobs.request import VideoRequest

__all__ = [
    "LOADING",
    "Guidance",
    "Model",
    "ModelName",
    "NarratorApi",
    "NarratorName",
    "NarratorTimeout",
    "NarratorUrl",
    "NumFrames",
    "OutputFile",
    "Prompt",
    "Revision",
    "SectionFrames",
    "Size",
    "Steps",
    "Threads",
    "takes_changes",
    "takes_request",
]  # fmt: skip

LOADING = (
    "model", "revision", "adapter", "lora", "lora_scale", "transformer", "preset", "device", "narrator", "narrator_url",
    "narrator_api", "narrator_timeout",
)  # fmt: skip
"""What every verb that runs a model takes: which one, how it is loaded, and who tells its stories."""

MAX_THREADS = 1024

_MORE = "more_images"
"""Given as ``--image`` once more, by verbs that take it."""

_NO_IMAGE = Path()
"""The image of a request whose verb has no such option, because it has many images or draws its own."""


def takes_request(
    *names: str, without: Iterable[str] = (), request: type[Request] = VideoRequest
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb the options of a request; it is called with ``request=`` and its own options.

    Args:
        names: of the options; all unless given.
        without: options that the verb has no use for.
        request: the class that the options belong to.
    """
    shown = [name for name in names or options_of(request) if name not in {*without, _MORE}]
    several = "image" in shown and _MORE in (names or options_of(request)) and _MORE not in set(without)

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(verb)
        def run(**given: Any) -> None:
            values = {name: given.pop(name) for name in shown}
            if "image" in options_of(request):
                values.setdefault("image", _NO_IMAGE)
            if several:
                first, *more = values["image"]
                values |= {"image": Path(first), _MORE: tuple(more)}
            verb(request=request(**values), **given)

        parameters = [_parameter(options_of(request)[name]) for name in shown]
        if several:
            parameters = [_several(each) if each.name == "image" else each for each in parameters]
        return _with_parameters(run, verb, "request", parameters)

    return decorate


def takes_changes(*names: str, **help: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb options of a request, none of which need be given; it is called with ``changes=``, those that are.

    Args:
        names: of the options.
        help: another help text, by name.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(verb)
        def run(**given: Any) -> None:
            values = {name: given.pop(name) for name in names}
            verb(changes={name: value for name, value in values.items() if value is not None}, **given)

        known = options_of(VideoRequest)
        parameters = [_parameter(known[name], optional=True, help=help.get(name)) for name in names]
        return _with_parameters(run, verb, "changes", parameters)

    return decorate


def _with_parameters(
    run: Callable[..., None], verb: Callable[..., None], hidden: str, parameters: list[inspect.Parameter]
) -> Callable[..., None]:
    """``run`` with the signature of ``verb``, in which ``parameters`` stand for the one that is ``hidden``."""
    own = dict(inspect.signature(verb, eval_str=True).parameters)
    del own[hidden]
    every = [*parameters, *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own.values())]
    needed = sorted(every, key=lambda each: each.default is not inspect.Parameter.empty)  # stable: first what must be
    run.__signature__ = inspect.Signature(needed)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in needed}
    return run


def _parameter(option: Option, *, optional: bool = False, help: str | None = None) -> inspect.Parameter:
    """An option as a parameter of a verb."""
    kind: Any = option.kind | None if option.optional or optional else option.kind
    default = None if optional else inspect.Parameter.empty if option.required else option.default
    annotation = Annotated[kind, shown(option.name, option, help=help)]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _several(image: inspect.Parameter) -> inspect.Parameter:
    """The option of an image as one that may be given several times."""
    return image.replace(annotation=Annotated[list[str], image.annotation.__metadata__[0]])


def shown(name: str, option: Option | None = None, *, flags: Iterable[str] = (), help: str | None = None) -> Any:
    """How typer shows an option of a request.

    Args:
        name: of the option.
        option: of another class than ``VideoRequest``.
        flags: other names on the command line.
        help: another help text.
    """
    option = option or options_of(VideoRequest)[name]
    flag = option.about.flag or f"--{name.replace('_', '-')}"
    if option.kind is bool:
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    hidden = option.required or option.default in (None, "")
    metavar = None if option.kind is bool else option.about.metavar
    return typer.Option(*(flags or (flag,)), help=help or option.help, metavar=metavar, show_default=not hidden)


Prompt = Annotated[str, shown("prompt")]
Model = Annotated[str, shown("model")]
Revision = Annotated[str | None, shown("revision")]
NarratorName = Annotated[str | None, shown("narrator")]
NarratorApi = Annotated[str | None, shown("narrator_api")]
NarratorTimeout = Annotated[float | None, shown("narrator_timeout")]
NarratorUrl = Annotated[str | None, shown("narrator_url")]
ModelName = Annotated[str, shown("narrator", help="Who is asked, as NAME[:MODEL].")]
NumFrames = Annotated[int | None, shown("num_frames", flags=("--frames", "--num-frames"))]
SectionFrames = Annotated[int | None, shown("section_frames")]
Steps = Annotated[int | None, shown("num_inference_steps")]
Guidance = Annotated[float | None, shown("guidance_scale")]
GuidanceStop = Annotated[float | None, shown("guidance_stop")]
Size = Annotated[str | None, shown("size")]
OutputFile = Annotated[
    Path, typer.Option("-o", "--output", help="The MP4 to write.", metavar="FILE", show_default=False)
]


def _use_threads(threads: int | None) -> int | None:
    """Compute with so many CPU threads from here on; None leaves torch its own number, one per core.

    A torch that is still to be imported reads it from the environment, and takes no more than there are cores.

    Raises:
        InputError: it is a number that nothing can compute with.
    """
    if threads is None:
        return None
    if not 1 <= threads <= MAX_THREADS:
        raise InputError(f"{threads} CPU threads cannot compute; give 1 to {MAX_THREADS}.")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)
    return threads


Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", help="CPU threads, at most one per core; so many unless given.", metavar="N", callback=_use_threads
    ),
]
DataWorkers = Annotated[
    int, typer.Option("--workers", help="Processes of this machine that work at the same time.", metavar="N")
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        help="Work on the Ray cluster of this address, such as auto (needs reasondiff[ray]).",
        metavar="ADDRESS",
    ),
]
