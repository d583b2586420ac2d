"""``reasondiff replay``: make a video again from its own recipe, and compare."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from reasondiff.jobs.session import Made
    from reasondiff.media import Recipe

__all__ = ["replay"]

MAX_SIDE = 8192
_KINDS = {"int": int, "float": float, "bool": bool}
"""How options are typed in ``Settings``; the others are texts."""

_OLD_NAMES = {"text_mode": "prompts", "use_adapter": "align"}
"""What options were called in videos of earlier versions."""


def replay(
    video: Annotated[Path, typer.Argument(help="An MP4 that 'reasondiff generate' wrote.", show_default=False)],
    output: common.OutputFile,
    image: Annotated[
        Path | None, typer.Option(help="The condition image, where the recipe was told not to keep it.", metavar="FILE")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Another place of the same model.")] = None,
    revision: Annotated[str | None, typer.Option(help="The model's revision, where the video names one.")] = None,
    adapter: Annotated[str | None, typer.Option(help="Another place of the same adapter.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed, for another video of the story.", metavar="N")] = None,
) -> None:
    """Generate a video again and compare the frames with what they were before encoding.

    Ends with 0 if they are equal, with 1 if they differ although nothing was changed.
    """
    import torch

    from reasondiff.cli.terminal import paths as checks
    from reasondiff.cli.terminal.notes import notes
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.jobs.session import Maker
    from reasondiff.media import fit_image, frames_hash, load_image, read_recipe, write_video
    from reasondiff.narrative import Narrative

    checks.writable(output, ".mp4", video, image)
    recipe = read_recipe(video)
    if recipe is None:
        raise InputError(f"{str(video)!r} has no recipe; give a video that 'reasondiff generate' wrote.")
    if seed is not None:
        checks.numbers(seed=seed)
    options = _options(recipe)
    if image is None:
        picture = recipe.open_image()
    else:
        picture = fit_image(load_image(image), options["width"], options["height"], options["fit"])
    story = Narrative.from_dict(dict(recipe.narrative))
    wanted = replace(recipe, model=model or _trusted(recipe.model), seed=recipe.seed if seed is None else seed)

    how = _how(recipe, adapter)
    if model is None and revision is None and (named := how["revision"]) is not None:
        raise InputError(
            f"The video's model is of revision {named[:200]!r}, which anybody may have pushed; if you trust it, give "
            "it as --revision."
        )
    how["revision"] = revision
    threads = torch.get_num_threads()
    torch.set_num_threads(recipe.threads)
    try:
        with notes():
            maker = Maker(wanted.model, **how)
            with StageBars() as bars:
                made = maker.make(
                    picture, recipe.prompt, narrative=story, seed=wanted.seed, bars=bars, fps=options.pop("fps"),
                    embed=recipe.image is not None, **options,
                )  # fmt: skip
    finally:
        torch.set_num_threads(threads)
    write_video(output, made.frames, made.fps, made.recipe)
    difference = recipe.first_difference(made.frames)
    if difference is None and frames_hash(made.frames) != recipe.frames_sha256:
        typer.echo("Each frame is equal, but the recipe's SHA-256 of all frames is not theirs: the recipe was edited.")
        raise typer.Exit(1)
    if difference is None:
        typer.echo(f"Equal: all {len(made.frames)} frames are those of {video.name}, bit by bit.")
        return
    typer.echo(_told(difference, made, video, output))
    changes = _changes(recipe, made.recipe)
    typer.echo(f"Changed since: {'; '.join(changes) or 'nothing that the recipe knows of'}.")
    raise typer.Exit(0 if seed is not None else 1)


def _trusted(model: str) -> str:
    """The recipe's model, unless it would fetch from a place that only the video names."""
    from reasondiff.checkpoints import BUNDLED, HUB

    if model.lower() in (*BUNDLED, *HUB) or Path(model).is_dir():
        return model
    raise InputError(f"The video's model {model[:200]!r} is not here; if you trust it, name it with --model.")


def _how(recipe: Recipe, adapter: str | None) -> dict[str, Any]:
    """How the model was loaded and run, with the adapter from elsewhere where one is named.

    Raises:
        InputError: with something that is not here.
    """
    from reasondiff.pipeline.magcache import MagRatios

    names = ("preset", "revision", "adapter", "transformer")
    how = {name: None if (value := recipe.options.get(name)) is None else str(value) for name in names}
    fixes = {"transformer": "put it there", "adapter": "put it there, or name it with --adapter"}
    if adapter is not None:
        del how["adapter"], fixes["adapter"]
    for name, fix in fixes.items():
        if (place := how[name]) is not None and not Path(place).exists():
            raise InputError(f"The video's {name} {place[:200]!r} is not here; {fix}.")
    ratios = recipe.options.get("mag_ratios")
    try:
        numbers = tuple(float(ratio) for ratio in str(ratios or "").split())
    except ValueError:
        raise InputError("The video's recipe has impossible ratios; use an unedited copy of the video.") from None
    transformer = Path(how["transformer"]) if how["transformer"] is not None else None
    return {
        "adapter": adapter,
        **how,
        "transformer": transformer,
        "ratios": MagRatios(ratios=numbers) if numbers else None,
    }


def _options(recipe: Recipe) -> dict[str, Any]:
    """The pipeline's options and ``fps`` from a recipe.

    Raises:
        InputError: one is missing or of another type, or they are not those of the hashed frames.
    """
    from reasondiff.pipeline import Settings

    kinds = {item.name: _KINDS.get(str(item.type), str) for item in fields(Settings)} | {"fps": float}
    options: dict[str, Any] = {}
    for name, kind in kinds.items():
        value = recipe.options.get(name, recipe.options.get(_OLD_NAMES.get(name, "")))
        value = float(value) if kind is float and type(value) is int else value
        if type(value) is not kind:
            raise InputError(f"The video's recipe has an impossible {name!r}; use an unedited copy of the video.")
        options[name] = value
    if options["num_frames"] != len(recipe.frame_sha256) or max(options["width"], options["height"]) > MAX_SIDE:
        raise InputError("The video's recipe is for another video; use an unedited copy.")
    for name in ("interval", "num_videos_per_prompt"):
        del options[name]
    if options["guidance_scale_2"] == options["guidance_scale"]:
        del options["guidance_scale_2"]  # models with one transformer take none
    return options


def _told(difference: int, made: Made, video: Path, output: Path) -> str:
    """Where two videos differ. The hashes say which frame is the first; how far apart they are is seen as played."""
    import numpy as np

    from reasondiff.media import read_video

    text = f"Different from frame {difference + 1} of {len(made.frames)} on"
    before, after = read_video(video).frames, read_video(output).frames
    if before.shape != after.shape:
        return f"{text}: {list(before.shape)} then, {list(after.shape)} now."
    apart = np.abs(before.astype(np.int16) - after)
    return f"{text}: by up to {apart.max()} of 255 in the files as played, {apart.mean():.2f} on average."


def _changes(before: Recipe, after: Recipe) -> list[str]:
    changes = [
        f"{name} {then} then, {now} now"
        for name, then, now in (
            ("seed", before.seed, after.seed),
            ("threads", before.threads, after.threads),
            ("device", before.options.get("device"), after.options.get("device")),
            *((name, then, after.versions.get(name)) for name, then in before.versions.items()),
        )
        if then != now
    ]
    names = {*before.weights, *after.weights}
    if "model_index.json" not in before.weights:  # an early recipe, which knows of weights only
        names = {name for name in names if name in before.weights or name.endswith(".safetensors")}
    if differ := sorted(name for name in names if before.weights.get(name) != after.weights.get(name)):
        changes.append(f"weights or settings of the model ({', '.join(differ)})")
    if before.image_sha256 != after.image_sha256:
        changes.append("the image")
    return changes
