"""``reasondiff adapt``: from a folder of videos to an adapter, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.cli.data import sample, scan
from reasondiff.cli.data_caption import DEFAULT_CAPTIONER, caption
from reasondiff.cli.data_precompute import precompute
from reasondiff.cli.train import train
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasondiff.recipes.wan_videos import VideoReasonRecipe

__all__ = ["adapt"]

STAGES = ("stage1", "stage2")


def adapt(
    folder: Annotated[
        Path, typer.Argument(help="A folder of videos; or a table, a .toml dataset file, a .tar.", metavar="FOLDER")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The adapter's folder.", show_default=False)],
    base: Annotated[str, typer.Option(help="wan-14b, or wan-1.3b for a card of 24 GB.")] = "wan-14b",
    narrator: common.ModelName = DEFAULT_CAPTIONER,
    narrator_url: common.NarratorUrl = None,
    per: Annotated[str, typer.Option(help="Captions: latent, frame or clip, as in 'data caption'.")] = "latent",
    clips: Annotated[int, typer.Option(help="Most clips of one video; 0: as many as fit.", metavar="N")] = 1,
    min_step: Annotated[
        float | None, typer.Option(help="Take short videos with a smaller step, down to this.", metavar="X")
    ] = 0.1,
    steps: Annotated[int | None, typer.Option(help="Of each stage; one epoch unless given.", metavar="N")] = None,
    batch: Annotated[int | None, typer.Option(help="Clips at once; the recipe's unless given.", metavar="N")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A value of both stages' recipes, or of stage1.NAME or stage2.NAME.", metavar="NAME=VALUE"
        ),
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="Set, runs and checkpoints; beside the adapter unless given.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cuda or cpu; the best there is unless given.")] = None,
    precision: Annotated[str, typer.Option(help="auto (bf16 where the hardware has it), bf16 or fp32.")] = "auto",
    workers: common.DataWorkers = 1,
    ray: common.Ray = None,
    threads: common.Threads = None,
) -> None:
    """Find videos, cut clips, caption and encode them, and train the paper's two stages on them.

    The same as 'data scan', 'sample', 'caption', 'precompute' and two times 'train', with their defaults. The same
    command goes on wherever it was stopped, also after captions were corrected or videos added.
    """
    from reasondiff.cli.terminal import paths
    from reasondiff.data.encoded import encoded_hash
    from reasondiff.recipes import RECIPES

    families = sorted({name.split("/")[0] for name in RECIPES if name.startswith("wan-")})
    if base not in families:
        raise InputError(f"There is no base {base!r}; give one of {', '.join(families)}.")
    paths.folder(output)
    place = work or output.with_name(f"{output.name}.work")
    first = _recipe(base, "stage1", changes or ())
    assert first.base_model is not None, "these recipes have one"
    videos = place / "set"
    _heading("Videos")
    scan(folder, output=videos)
    _heading("Clips")
    size = f"{first.width}x{first.height}"
    sample(videos, first.num_frames, first.interval, size, clips=clips, min_step=min_step, workers=workers, ray=ray)
    _heading("Captions")
    caption(videos, narrator, narrator_url, per=per, ray=ray)
    _heading("Encoding")
    precompute(videos, first.base_model, device=device, precision=precision, workers=workers, ray=ray)
    runs = place / "runs" / encoded_hash(videos)[:8]
    for stage in STAGES:
        name = f"{base}/{stage}"
        target = output if stage == STAGES[-1] else runs / name / "adapter"
        _heading(f"Training {name}")
        if _finished(target, name, encoded_hash(videos)):
            typer.echo(f"{target} is finished.")
            continue
        train(
            name,
            model=target,
            data=videos,
            runs=runs,
            cache=place / "cache",
            changes=_of_stage(stage, changes or ()),
            steps=steps,
            batch=batch,
            device=device,
            precision=precision,
        )
    typer.echo(f"Use it: reasondiff generate --model {first.base_model} --adapter {output} --image ... --prompt ...")


def _heading(text: str) -> None:
    typer.echo(f"\n{text}")


def _of_stage(stage: str, changes: Sequence[str]) -> list[str]:
    """The changes that concern a stage, without its name before them."""
    found: list[str] = []
    for change in changes:
        prefix, _, rest = change.partition(".")
        if prefix in STAGES:
            found += [rest] if prefix == stage else []
        else:
            found.append(change)
    return found


def _recipe(base: str, stage: str, changes: Sequence[str]) -> VideoReasonRecipe:
    from reasondiff.recipes import resolve
    from reasondiff.recipes.wan_videos import VideoReasonRecipe

    found = resolve(f"{base}/{stage}", changes=_of_stage(stage, changes))
    assert isinstance(found, VideoReasonRecipe)
    return found


def _finished(adapter: Path, recipe: str, data_hash: str) -> bool:
    """Whether an adapter was made by this recipe on this very set."""
    import json

    try:
        made = json.loads((adapter / "adapter.json").read_text(encoding="utf-8"))["recipe"]
        return bool(made["recipe"] == recipe and made["data_hash"] == data_hash)
    except (OSError, ValueError, KeyError, TypeError):
        return False
