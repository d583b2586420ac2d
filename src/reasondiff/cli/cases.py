"""``reasondiff cases``: a folder of images with a prompts file, every case end to end, one sheet."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError, ReasonDiffError

if TYPE_CHECKING:
    from reasondiff.jobs.session import Maker
    from reasondiff.media import SheetRow
    from reasondiff.narrative import Narrative

__all__ = ["Case", "cases", "read_cases"]

MAX_CASES = 10_000


@dataclass(frozen=True)
class Case:
    """One line of a prompts file.

    Args:
        name: of its files in the output folder.
        image: the condition image.
        prompt: the user's text.
        narrative: a story file instead of a narrator.
    """

    name: str
    image: Path
    prompt: str
    narrative: Path | None = None

    def fingerprint(self, options: dict[str, Any]) -> str:
        """Changes with anything that decides the case's video; so an unchanged case need not be made again."""
        files = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (self.image, self.narrative) if file]
        text = json.dumps([files, self.prompt, options], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def cases(
    folder: Annotated[
        Path, typer.Argument(help="Images, and prompts.csv: image,prompt[,narrative].", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="A folder for everything.", show_default=False)],
    prompts: Annotated[Path | None, typer.Option(help="The prompts file, where it is another.", metavar="FILE")] = None,
    model: common.Model = "storyworld-tiny",
    revision: common.Revision = None,
    adapter: common.Adapter = None,
    preset: common.PresetName = None,
    narrator: common.NarratorName = None,
    narrator_url: common.NarratorUrl = None,
    num_frames: common.NumFrames = None,
    steps: common.Steps = None,
    guidance_scale: common.Guidance = None,
    negative_prompt: common.NegativePrompt = None,
    seed: common.Seed = 0,
    size: common.Size = None,
    fit: common.Fit = "crop",
    fps: common.Fps = None,
    threads: common.Threads = None,
) -> None:
    """Run every case of a folder: a video, its story and its timeline each, and one contact sheet of all.

    A case that fails is reported and the others go on. What is finished is kept: started again, only the rest is made.
    Ends with 1 if any case failed.
    """
    from PIL import Image

    from reasondiff.cli.terminal import paths as checks
    from reasondiff.cli.terminal.notes import notes
    from reasondiff.jobs.session import Maker
    from reasondiff.media import contact_sheet

    checks.numbers(seed=seed, fps=fps, steps=steps)
    settings: dict[str, Any] = {
        "num_frames": num_frames, "num_inference_steps": steps, "guidance_scale": guidance_scale,
        "negative_prompt": negative_prompt, "fit": fit,
    }  # fmt: skip
    options = {**settings, "seed": seed, "fps": fps, "size": checks.size(size) if size is not None else None}
    listed = read_cases(folder, prompts)
    checks.folder(output)
    written = (output / f"{case.name}{end}" for case in listed for end in (".mp4", ".json", "-timeline.png"))
    checks.spare((file for case in listed for file in (case.image, case.narrative)), output / "sheet.png", *written)

    faults: dict[str, str] = {}
    with notes():
        maker = Maker(
            model, narrator, url=narrator_url, revision=revision, adapter=adapter, preset=preset,
            job={"num_frames": num_frames, "num_inference_steps": steps, "guidance_scale": guidance_scale},
        )  # fmt: skip
        anything = Image.new("RGB", (1, 1))  # options that no picture goes with are refused once, not in every case
        maker.pipe.settings(anything, **(settings | maker.measures(anything, options["size"])))
    output.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(listed, 1):
        title = f"{number}/{len(listed)} {case.name}"
        try:
            with notes(title):
                made = _make(maker, case, output, options, [narrator, narrator_url], title)
            typer.echo(f"{title}: {'made' if made else 'kept'}")
        except Exception as error:  # whatever happens in one case, the others go on
            known = isinstance(error, ReasonDiffError)
            faults[case.name] = " ".join((str(error) if known else f"{type(error).__name__}: {error}").split())
            typer.echo(f"{title}: {faults[case.name]}", err=True)
    contact_sheet(_rows(listed, output, faults), output / "sheet.png", title=folder.resolve().name)
    typer.echo(f"{output / 'sheet.png'}: {len(listed) - len(faults)} of {len(listed)} cases made.")
    raise typer.Exit(1 if faults else 0)


def read_cases(folder: Path, prompts: Path | None = None) -> list[Case]:
    """The cases of a folder.

    Args:
        folder: what paths in the prompts file are relative to.
        prompts: a CSV with the columns ``image``, ``prompt`` and perhaps ``narrative``; others are ignored.

    Raises:
        InputError: there is no such file, or it has other columns or no cases.
    """
    path = prompts or folder / "prompts.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"The prompts file {str(path)!r} cannot be read ({reason}); write one with image,prompt."
        ) from None
    if not 1 <= len(rows) <= MAX_CASES:
        raise InputError(f"The prompts file {str(path)!r} has {len(rows)} cases; give 1 to {MAX_CASES:,}.")
    if missing := [column for column in ("image", "prompt") if column not in rows[0]]:
        raise InputError(
            f"The prompts file {str(path)!r} has no column {missing[0]!r}; let it start with image,prompt."
        )
    width = len(str(len(rows)))
    listed = []
    for number, row in enumerate(rows, 1):
        image = folder / (row["image"] or "")
        told = folder / row["narrative"] if row.get("narrative") else None
        listed.append(Case(f"{number:0{width}}-{image.stem}", image, row["prompt"] or "", told))
    return listed


def _make(
    maker: Maker, case: Case, output: Path, options: dict[str, Any], told_by: list[str | None], title: str
) -> bool:
    """Make a case's files unless they are there; whether they had to be made."""
    from reasondiff.cli.terminal import paths as checks
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.files import atomic_path
    from reasondiff.media import load_image, write_video
    from reasondiff.media.storyboard import timeline_image
    from reasondiff.narrative.formats import read_narrative

    image, prompt = load_image(case.image), checks.prompt(case.prompt)
    story = read_narrative(case.narrative) if case.narrative else None
    mark = case.fingerprint({**options, "narrator": told_by, "weights": maker.weights, "preset": maker.how["preset"]})
    video = output / f"{case.name}.mp4"
    if _mark_of(video) == mark:
        return False
    with StageBars(title) as bars:
        made = maker.make(image, prompt, narrative=story, bars=bars, **options)
    made.narrative.save(video.with_suffix(".json"))
    with atomic_path(output / f"{case.name}-timeline.png") as partial:
        timeline_image(made.narrative, image, title=prompt or case.name).save(partial)
    recipe = replace(made.recipe, options={**made.recipe.options, "case": mark})
    write_video(video, made.frames, made.fps, recipe)  # last: it is what says that the case is finished
    return True


def _mark_of(video: Path) -> Any:
    from reasondiff.media import read_recipe

    try:
        recipe = read_recipe(video)
    except InputError:
        return None
    return recipe.options.get("case") if recipe else None


def _rows(listed: list[Case], output: Path, faults: dict[str, str]) -> Iterator[SheetRow]:
    """The sheet's rows, one at a time: all videos at once might not fit into memory."""
    from reasondiff.media import SheetRow, load_image, read_video
    from reasondiff.media.storyboard import clip_spans
    from reasondiff.narrative.formats import read_narrative

    for case in listed:
        if fault := faults.get(case.name):
            yield SheetRow(case.image.name, note=case.prompt, verdict=fault, passed=False)
            continue
        video = read_video(output / f"{case.name}.mp4")
        story = read_narrative(output / f"{case.name}.json")
        yield SheetRow(
            case.image.name, video.frames, story.anchor_frame, clip_spans(story), note=_note(case.prompt, story),
            fps=1 / story.interval, given=load_image(case.image),
        )  # fmt: skip


def _note(prompt: str, story: Narrative) -> str:
    """A case's line on the sheet: its text, and what should be known of its story."""
    warned = story.provenance.get("warnings")
    listed = warned if isinstance(warned, list) else []  # a user's own file may hold anything there
    return " ".join([prompt, *(f"Note: {text}" for text in listed)]).strip()
