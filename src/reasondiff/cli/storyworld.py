"""``reasondiff storyworld``: draw clips whose true story is known, and write them as a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["storyworld"]


def storyworld(
    output: Annotated[Path, typer.Option("-o", "--output", help="A new folder.", show_default=False)],
    count: Annotated[int, typer.Option(help="Clips to draw.")] = 12,
    split: Annotated[str, typer.Option(help="train, validation or test; their clips never overlap.")] = "test",
    level: Annotated[str, typer.Option(help="core or hard.")] = "core",
    held_out: Annotated[float, typer.Option(help="Share of pairs that training never shows.")] = 0.25,
    dataset: Annotated[
        bool, typer.Option("--dataset", help="Write a set to train on, as 'data sample' and 'data caption' do.")
    ] = False,
) -> None:
    """Draw unpaired cases: a video, one of its frames, a text that does not describe it, and the true story.

    The folder holds videos/, images/, narratives/, captions.jsonl (one caption per frame) and prompts.csv, which
    'reasondiff cases' reads. The same options always draw the same clips. With --dataset it is a set for
    'data precompute': clips as they are drawn, with a true caption per frame.
    """
    import csv
    import json

    from reasondiff.errors import InputError
    from reasondiff.files import atomic_path
    from reasondiff.media import write_video
    from reasondiff.storyworld import captions
    from reasondiff.storyworld.dataset import cases
    from reasondiff.storyworld.render import draw, draw_frame
    from reasondiff.storyworld.stories import INTERVAL

    if count < 1:
        raise InputError(f"{count} clips are none; give 1 or more.")
    if dataset:
        _write_set(output, count, split)
        return
    if output.exists():
        raise InputError(f"{str(output)!r} exists already; give the name of a new folder.")
    drawn = cases(count, split=split, level=level, held_out=held_out)
    with atomic_path(output, folder=True) as folder:
        for name in ("videos", "images", "narratives"):
            (folder / name).mkdir()
        prompts, lines = [], []
        with typer.progressbar(drawn, label="drawing") as progress:
            for case in progress:
                name = f"{case.number:04d}"
                take, frame = case.take, case.anchor_frame
                write_video(folder / "videos" / f"{name}.mp4", draw(take), fps=1 / INTERVAL)
                draw_frame(take, frame).save(folder / "images" / f"{name}.png")
                captions.narrative(take, frame, case.rng("narrative")).save(folder / "narratives" / f"{name}.json")
                lines.append(
                    {
                        "video": f"videos/{name}.mp4",
                        "caption": captions.clip_caption(take, case.rng("clip")),
                        "captions": captions.frame_captions(take, case.rng("frames")),
                    }
                )
                prompts.append((f"images/{name}.png", captions.user_prompt(take, case.rng("prompt"))))
        with open(folder / "prompts.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("image", "prompt"))
            writer.writerows(prompts)
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "captions.jsonl").write_text(text, encoding="utf-8")
    typer.echo(f"{count} clips are in {output}.")


def _write_set(output: Path, count: int, split: str) -> None:
    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.set_report import progress_bar
    from reasondiff.storyworld.dataset import TakeSet
    from reasondiff.training.storyworld.written_set import write_storyworld_set

    takes = TakeSet(split)
    paths.folder(output)
    output.mkdir(parents=True, exist_ok=True)
    with paths.only_writer(output), progress_bar("Drawing") as progress:
        write_storyworld_set(output, takes, count, progress=progress)
    typer.echo(f"{output}: {count} clips. Next: reasondiff data precompute {output} --model storyworld-tiny")
