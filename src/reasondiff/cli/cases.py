"""``reasondiff cases``: a folder of images with a prompts file, every case end to end, one sheet."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.errors import InputError, OutputError, ProviderError
from reasondiff.jobs.options import options_of
from reasondiff.jobs.request import VideoRequest

if TYPE_CHECKING:
    from reasondiff.jobs.session import VideoSession
    from reasondiff.media import SheetRow
    from reasondiff.narrative import Narrative

__all__ = ["Case", "cases", "fingerprint", "read_cases"]

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

    def asked(self, request: VideoRequest) -> VideoRequest:
        """A request for this case, with the options of all."""
        return replace(request, image=self.image, prompt=self.prompt, narrative=self.narrative)


def fingerprint(request: VideoRequest, weights: Mapping[str, str]) -> str:
    """Changes with anything that decides a case's video; so an unchanged case need not be made again."""
    named = [file for file in (request.image, request.narrative, request.mag_ratios) if file is not None]
    files = [hashlib.sha256(file.read_bytes()).hexdigest() for file in named]
    options = {name: each.write(getattr(request, name)) for name, each in options_of(type(request)).items()}
    for place in ("image", "narrative", "model", "mag_ratios"):  # wherever it lies, its content decides
        del options[place]
    del options["narrator_timeout"]  # how long it was waited for decides nothing
    text = json.dumps([files, options, dict(weights)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@common.takes_request(without=("image", "prompt", "narrative", "position", "embed", "verify"))
def cases(
    request: VideoRequest,
    folder: Annotated[
        Path, typer.Argument(help="Images, and prompts.csv: image,prompt[,narrative].", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="A folder for everything.", show_default=False)],
    prompts: Annotated[Path | None, typer.Option(help="The prompts file, where it is another.", metavar="FILE")] = None,
    threads: common.Threads = None,
) -> None:
    """Run every case of a folder: a video, its story and its timeline each, and one contact sheet of all.

    A case that fails is reported and the others go on. What is finished is kept: started again, only the rest is made.
    Ends with 1 if any case failed.
    """
    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.faults import one_line, show_traceback
    from reasondiff.cli.terminal.user_warnings import user_warnings
    from reasondiff.jobs.session import VideoSession
    from reasondiff.media import contact_sheet

    listed = read_cases(folder, prompts)
    paths.folder(output)
    written = (output / f"{case.name}{end}" for case in listed for end in (".mp4", ".json", "-timeline.png"))
    paths.spare((file for case in listed for file in (case.image, case.narrative)), output / "sheet.png", *written)

    with user_warnings():
        session = VideoSession(request)
        _refuse_options(session, request)
    output.mkdir(parents=True, exist_ok=True)
    faults: dict[str, str] = {}
    told: dict[str, str] = {}
    with paths.only_writer(output):
        for number, case in enumerate(listed, 1):
            title = f"{number}/{len(listed)} {case.name}"
            try:
                with user_warnings(title, told):
                    made = _make(session, case.asked(request), output / case.name, title)
                typer.echo(f"{title}: {'made' if made else 'kept'}")
            except ProviderError:  # the narrator cannot be asked, of no case
                raise
            except Exception as error:  # whatever happens in one case, the others go on
                faults[case.name] = one_line(error)
                typer.echo(f"{title}: {faults[case.name]}", err=True)
                show_traceback(error)
        contact_sheet(_rows(listed, output, faults), output / "sheet.png", title=folder.resolve().name)
    typer.echo(f"{output / 'sheet.png'}: {len(listed) - len(faults)} of {len(listed)} cases made.")
    raise typer.Exit(1 if faults else 0)


def _refuse_options(session: VideoSession, request: VideoRequest) -> None:
    """Options that no picture goes with are refused once, not in every case."""
    from PIL import Image

    from reasondiff.jobs.inputs import Inputs

    session.check(request, Inputs(Image.new("RGB", (1, 1)), ""))


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
    except UnicodeDecodeError:
        raise InputError(f"The prompts file {str(path)!r} is not UTF-8 text; save it as CSV in UTF-8.") from None
    except (OSError, csv.Error) as error:
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


def _make(session: VideoSession, request: VideoRequest, place: Path, title: str) -> bool:
    """Make a case's files, named as ``place``, unless they are there; whether they had to be made."""
    from reasondiff.cli.terminal.stage_bars import StageBars
    from reasondiff.files import atomic_path
    from reasondiff.jobs.inputs import Inputs
    from reasondiff.media.storyboard import timeline_image

    inputs = Inputs.read(request)
    chosen = None if session.preset is None else session.preset.name
    mark = fingerprint(replace(request, preset=chosen), session.weights)
    video = place.with_name(f"{place.name}.mp4")
    if _mark_of(video) == mark:
        return False
    with StageBars(title) as bars:
        made = session.generate(request, inputs, progress=bars)
    try:
        made.narrative.save(video.with_suffix(".json"))
        with atomic_path(place.with_name(f"{place.name}-timeline.png")) as picture:
            timeline_image(made.narrative, inputs.image, title=inputs.prompt or place.name).save(picture)
    except OutputError:
        made.save(video)
        raise
    record = replace(made.record, options={**made.record.options, "case": mark})
    replace(made, record=record).save(video)  # last: it is what says that the case is finished
    return True


def _mark_of(video: Path) -> object:
    from reasondiff.media import read_record

    try:
        record = read_record(video)
    except InputError:
        return None
    return record.options.get("case") if record else None


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
