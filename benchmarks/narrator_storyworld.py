"""How well does the bundled narrator read StoryWorld, against rules that need no narrator, and does it know its limits?

    python benchmarks/narrator_storyworld.py [--cases 200] [--model models/storyworld-tiny/narrator] [--images FOLDER]

Positions count as right within 3 frames of the nearest frame drawn exactly like the image. Words are marked clip by
clip. "Pace" is the share of ways in and out that last as long as the way told takes at a speed of this world, to a
frame. "Valid" is a reply that is taken without repair, "at once" the first one. "Shuffled" gives each case another
case's image or prompt; the score must fall. ``--images`` adds a folder's own images, such as photographs, to those that
should be taken for unknown.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from reasondiff.evaluation.narration import (
    RULES,
    WORDS,
    Told,
    distance,
    image_of,
    narrate_cases,
    prompt_of,
    within,
)
from reasondiff.evaluation.statistics import wilson
from reasondiff.media import load_image
from reasondiff.narrator import VisionNarrator, load_narrator
from reasondiff.narrator.knowledge import Knowledge
from reasondiff.storyworld.dataset import Case, cases
from tests.storyworld.strangers import strangers

Wear = Callable[[Image.Image], Image.Image]
WORN: dict[str, Wear] = {
    "as drawn": lambda image: image,
    "enlarged to 512 x 512": lambda image: image.resize((512, 512), Image.Resampling.BICUBIC),
    "enlarged, nearest": lambda image: image.resize((512, 512), Image.Resampling.NEAREST),
    "JPEG, quality 85": lambda image: _jpeg(image, 85),
    "enlarged, then JPEG, quality 75": lambda image: _jpeg(image.resize((512, 512), Image.Resampling.BICUBIC), 75),
}


def main(
    count: Annotated[int, typer.Option("--cases", help="Unseen cases per level.")] = 200,
    model: Annotated[Path, typer.Option(help="The narrator's folder.")] = Path("models/storyworld-tiny/narrator"),
    images: Annotated[
        Path | None, typer.Option(help="A folder of images that it cannot know.", exists=True, file_okay=False)
    ] = None,
) -> None:
    """Print positions, words, shuffles, held-out pairs and self-knowledge."""
    console = Console()
    narrator = load_narrator(f"transformers:{model}", constrained=False)
    started = time.perf_counter()
    core, hard = cases(count), cases(count, level="hard")
    told = {"core": narrate_cases(narrator, core), "hard": narrate_cases(narrator, hard)}
    seconds = (time.perf_counter() - started) / (2 * count)
    shown, prompts = [image_of(case) for case in core], [prompt_of(case) for case in core]
    told["core, images shuffled"] = narrate_cases(narrator, core, images=shown[1:] + shown[:1])
    told["core, prompts shuffled"] = narrate_cases(narrator, core, prompts=prompts[1:] + prompts[:1])
    console.print(_positions(told, {"core": core, "hard": hard}))
    console.print(_words(told))
    if isinstance(narrator, VisionNarrator) and narrator.checks and isinstance(narrator.checks[0], Knowledge):
        console.print(_limits(narrator.checks[0], core + hard, images))
    console.print(f"{seconds:.2f} s per narrative.")


def _positions(told: dict[str, list[Told]], levels: dict[str, list[Case]]) -> Table:
    columns = ("", "all", "agent in view", "start", "middle", "end", "held-out pair", "pace", "valid", "at once")
    table = Table(*columns, title="Positions within 3 frames, % [95 % interval]")
    for name, results in told.items():
        near = [result.near for result in results]
        pace = [mark for result in results for mark in result.pace]
        shares = (_share(pace), *(_share([getattr(r, kind) for r in results]) for kind in ("valid", "first")))
        table.add_row(name, *_parts([result.case for result in results], near), *shares)
    for level, chosen in levels.items():
        table.add_section()
        for name, rule in RULES.items():
            near = [within(distance(case.take, case.anchor_frame, rule(case))) for case in chosen]
            table.add_row(f"{level}: {name}", *_parts(chosen, near), "", "", "")
    return table


def _parts(chosen: Sequence[Case], right: Sequence[bool]) -> list[str]:
    def where(condition: Callable[[Case], bool]) -> str:
        return _share([mark for case, mark in zip(chosen, right, strict=True) if condition(case)])

    low, high = wilson(sum(right), len(right))
    return [
        f"{100 * sum(right) / len(right):.1f} [{100 * low:.0f}, {100 * high:.0f}]",
        where(lambda case: case.take.visible(case.anchor_frame)),
        *(where(lambda case, part=part: case.part == part) for part in ("start", "middle", "end")),  # type: ignore[misc]
        where(lambda case: case.held_out),
    ]


def _words(told: dict[str, list[Told]]) -> Table:
    table = Table("", *WORDS, "all right, and the position", title="Words of the descriptions, % of clips")
    groups: dict[str, list[Told]] = {}
    for name, results in told.items():
        groups[name] = results
        if name in ("core", "hard"):
            groups[f"{name}, held-out pairs"] = [r for r in results if r.case.held_out]
    for name, results in groups.items():
        shares = [_share([mark for result in results for mark in result.words[kind]]) for kind in WORDS]
        table.add_row(name, *shares, _share([result.whole for result in results]))
    return table


def _limits(knowledge: Knowledge, chosen: Sequence[Case], folder: Path | None) -> Table:
    assert knowledge.looks is not None
    table = Table("images", "taken for unknown", title="What it says it does not know, %")
    for name, wear in WORN.items():
        flags = [wear(image_of(case)) not in knowledge.looks for case in chosen]
        table.add_row(f"{len(flags)} unseen StoryWorld images, {name}", _share(flags))
    files = sorted(folder.iterdir()) if folder else []
    own = {file.name: load_image(file) for file in files if file.suffix.lower() in Image.registered_extensions()}
    for name, image in (strangers() | own).items():
        table.add_row(name, "yes" if image not in knowledge.looks else "NO")
    return table


def _share(marks: Sequence[bool]) -> str:
    return f"{100 * float(np.mean(marks)):.1f}" if len(marks) else "–"


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


if __name__ == "__main__":
    typer.run(main)
