"""How well does the bundled narrator read StoryWorld, against rules that need no narrator, and does it know its limits?

    python benchmarks/narrator_storyworld.py [--cases 200] [--model models/storyworld-tiny/narrator] [--images FOLDER]

Positions count as right within 3 frames of the nearest frame drawn exactly like the image; "off" is how many frames
they are from it, on average. Words are marked clip by clip. "Pace" is the share of ways in and out that last as long as
the way told takes at a speed of this world, to a frame. "Valid" is a reply that is taken without repair, "at once" the
first one. "Shuffled" gives each case another case's image or prompt; the score must fall. ``--images`` adds a folder's
own images, such as photographs, to those that should be taken for unknown. Ends with 1 if it misses what it must reach
(``missed``).
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

from reasondiff.evaluation.statistics import wilson
from reasondiff.evaluation.suites.storyworld_narration import (
    RULES,
    WORDS,
    Told,
    distance,
    image_of,
    narrate_cases,
    prompt_of,
    within,
)
from reasondiff.evaluation.suites.unknown_images import unknown_images
from reasondiff.media import load_image
from reasondiff.narrator import VisionNarrator, load_narrator
from reasondiff.narrator.domain import DomainCheck
from reasondiff.storyworld.dataset import Case, cases

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
    console = Console(width=160)
    narrator = load_narrator(f"transformers:{model}", constrained=False)
    started = time.perf_counter()
    core, hard = cases(count), cases(count, level="hard")
    told = {"core": narrate_cases(narrator, core), "hard": narrate_cases(narrator, hard)}
    seconds = (time.perf_counter() - started) / (2 * count)
    shown, prompts = [image_of(case) for case in core], [prompt_of(case) for case in core]
    told["core, images shuffled"] = narrate_cases(narrator, core, images=shown[1:] + shown[:1])
    told["core, prompts shuffled"] = narrate_cases(narrator, core, prompts=prompts[1:] + prompts[:1])
    rules = {
        level: {name: [distance(c.take, c.anchor_frame, rule(c)) for c in chosen] for name, rule in RULES.items()}
        for level, chosen in (("core", core), ("hard", hard))
    }
    console.print(_positions(told, rules, {"core": core, "hard": hard}))
    console.print(_words(told))
    unknown: list[bool] = []
    if isinstance(narrator, VisionNarrator) and narrator.checks and isinstance(narrator.checks[0], DomainCheck):
        table, unknown = _limits(narrator.checks[0], core + hard, images)
        console.print(table)
    console.print(f"{seconds:.2f} s per narrative.")
    if faults := missed(told, rules["core"], unknown):
        raise SystemExit(f"Not reached: {'; '.join(faults)}.")


def missed(told: dict[str, list[Told]], rules: dict[str, list[int]], unknown: Sequence[bool]) -> list[str]:
    """What the narrator must reach on ``core``, and does not.

    Args:
        told: by name of the table's row.
        rules: per rule without a narrator, the distance of its position in each case.
        unknown: of unseen StoryWorld images as drawn, which are taken for unknown.
    """
    core, shuffled = told["core"], (told["core, images shuffled"], told["core, prompts shuffled"])
    near = sum(each.near for each in core)
    best = max(sum(map(within, distances)) for distances in rules.values())
    low, _ = wilson(near, len(core))
    asked = {
        "95 % of the positions within 3 frames": near >= 0.95 * len(core),
        "clearly better than every rule": low > best / len(core),
        "every reply valid": all(each.valid for each in core),
        "shuffled images or prompts destroy the score": all(
            sum(each.whole for each in other) < 0.5 * sum(each.whole for each in core) for other in shuffled
        ),
        "at most 2 % of its own images unknown": sum(unknown) <= 0.02 * len(unknown),
    }
    return [what for what, reached in asked.items() if not reached]


def _positions(
    told: dict[str, list[Told]], rules: dict[str, dict[str, list[int]]], levels: dict[str, list[Case]]
) -> Table:
    columns = ("", "all", "off", "agent in view", "start", "middle", "end", "held-out pair", "pace", "valid", "at once")
    table = Table(*columns, title="Positions within 3 frames, % [95 % interval]")
    for name, results in told.items():
        pace = [mark for result in results for mark in result.pace]
        shares = (_share(pace), *(_share([getattr(r, kind) for r in results]) for kind in ("valid", "first")))
        table.add_row(name, *_parts([result.case for result in results], [r.away for r in results]), *shares)
    for level, chosen in levels.items():
        table.add_section()
        for name, distances in rules[level].items():
            table.add_row(f"{level}: {name}", *_parts(chosen, distances), "", "", "")
    return table


def _parts(chosen: Sequence[Case], distances: Sequence[int]) -> list[str]:
    right = [within(away) for away in distances]

    def where(condition: Callable[[Case], bool]) -> str:
        return _share([mark for case, mark in zip(chosen, right, strict=True) if condition(case)])

    low, high = wilson(sum(right), len(right))
    return [
        f"{100 * sum(right) / len(right):.1f} [{100 * low:.0f}, {100 * high:.0f}]",
        f"{np.mean(distances):.1f}",
        where(lambda case: case.take.visible(case.anchor_frame)),
        *(where(lambda case, phase=phase: case.anchor_phase == phase) for phase in ("start", "middle", "end")),  # type: ignore[misc]
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


def _limits(knowledge: DomainCheck, chosen: Sequence[Case], folder: Path | None) -> tuple[Table, list[bool]]:
    """The table, and which of the cases' images as drawn are taken for unknown."""
    assert knowledge.looks is not None
    table = Table("images", "taken for unknown", title="What it says it does not know, %")
    worn = {name: [wear(image_of(case)) not in knowledge.looks for case in chosen] for name, wear in WORN.items()}
    for name, flags in worn.items():
        table.add_row(f"{len(flags)} unseen StoryWorld images, {name}", _share(flags))
    files = sorted(folder.iterdir()) if folder else []
    own = {file.name: load_image(file) for file in files if file.suffix.lower() in Image.registered_extensions()}
    for name, image in (unknown_images() | own).items():
        table.add_row(name, "yes" if image not in knowledge.looks else "NO")
    return table, worn["as drawn"]


def _share(marks: Sequence[bool]) -> str:
    return f"{100 * float(np.mean(marks)):.1f}" if len(marks) else "–"


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


if __name__ == "__main__":
    typer.run(main)
