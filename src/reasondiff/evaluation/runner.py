"""Run every system on every case of a suite and measure what comes out; the log keeps what is done.

Every system gets the same image, text and seed, and one that is told a story gets the same one. A system's failure on
a case is a result and counts as one. Anything else that goes wrong ends the run, and the same call goes on from there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import reasondiff
from reasondiff.evaluation.metrics.base import ChoosesFrames, Measured, Metric, Sample, measure, not_measured
from reasondiff.evaluation.outputs import Failure, Output
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.rows import Row, append_row
from reasondiff.evaluation.shares import Share, known_rows
from reasondiff.evaluation.suites.base import Case, Suite, checked_cases
from reasondiff.evaluation.systems import System, may_see_truth
from reasondiff.files import atomic_path
from reasondiff.media import frames_hash, image_hash, write_video

__all__ = ["evaluate", "video_path"]


def evaluate(
    systems: Sequence[System],
    suite: Suite,
    metrics: Sequence[Metric],
    using: Resources,
    *,
    batch: int = 8,
    keep_videos: bool = False,
    share: Share = Share(),  # noqa: B008
    on_video: Callable[[int], None] = lambda done: None,
) -> list[Row]:
    """Run every system on every case, or read what the folder holds already.

    A case is done when its row has every metric that is asked for, as a value or with a reason. A row that lacks some
    keeps what it has, as long as the video is the same.

    Args:
        systems: each with a name of its own.
        suite: has the cases.
        metrics: what is measured on every video.
        using: has the folder, which gets ``results.jsonl``, the stories and the videos; ``run_folder`` tells
            whether what it holds is of the same suite and model.
        batch: videos made together; seeds belong to cases, so it changes nothing but speed.
        keep_videos: also copy videos that a system read from files; those that it made are kept in any case.
        share: the part of the cases that this process makes, where several share them; ``gather`` ends it.
        on_video: called with the number of rows that are done, of systems times this share's cases.

    Returns:
        A row per system and case of this share, all cases of a system in the suite's order.

    Raises:
        InputError: the suite has no cases, or two of one id.
        ProviderError: a model could not be asked; what is done is kept.
    """
    using.folder.mkdir(parents=True, exist_ok=True)
    log = share.log(using.folder)
    log.parent.mkdir(exist_ok=True)
    cases = share.part(checked_cases(suite))
    wanted = [(system.name, case.id) for system in systems for case in cases]
    asked = {metric.name for metric in metrics}
    kept = known_rows(using.folder)
    done = {key: kept[key] for key in wanted if key in kept and asked <= {*kept[key].values, *kept[key].missing}}
    on_video(len(done))
    for system in systems:
        left = [case for case in cases if (system.name, case.id) not in done]
        for start in range(0, len(left), batch):
            some = left[start : start + batch]
            given = some if may_see_truth(system) else [case.as_given() for case in some]
            for case, output in zip(some, system.generate(given, using), strict=True):
                before = kept.get((system.name, case.id))
                row = _row(system, suite, case, output, metrics, using.folder, keep_videos, before)
                append_row(log, row)
                done[system.name, case.id] = row
            on_video(len(done))
    return [done[key] for key in wanted]


def video_path(folder: Path, row: Row) -> Path:
    """Where the video of ``row`` is, a row of the evaluation in ``folder``."""
    if "file" in row.video:
        return folder / str(row.video["file"])
    return folder / "videos" / row.system / f"{row.case}.mp4"


def _row(
    system: System,
    suite: Suite,
    case: Case,
    output: Output | Failure,
    metrics: Sequence[Metric],
    folder: Path,
    keep_videos: bool,
    before: Row | None,
) -> Row:
    """Measure a video and keep it, or write down why there is none; what was measured on the same one before stays."""
    frames_sha256 = frames_hash(output.frames) if isinstance(output, Output) else ""
    if before is not None and (before.frames_sha256, before.failure) != (frames_sha256, _failure(output)):
        before = None
    if before is not None:
        metrics = [metric for metric in metrics if metric.name not in {*before.values, *before.missing}]
    verdict = before.verdict if before else ""
    frames_of = dict(before.frames_of) if before else {}
    anchor_frame: int | None = None
    video: dict[str, str | int | float] = {}
    if isinstance(output, Failure):
        measured = not_measured(metrics, output.sentence)
    else:
        judgement = None
        if not verdict or any("judgement" in metric.needs for metric in metrics):
            judgement = suite.judge(case, output.frames, output.anchor_frame)
            verdict = judgement.sentence if judgement else ""
        sample = Sample(case, output, judgement, system.name)
        measured = measure(metrics, sample)
        anchor_frame = output.anchor_frame
        video = _about(output, folder, keep_videos)
        frames_of |= _frames_of(metrics, sample, measured)
    row = Row(
        suite=suite.name,
        case=case.id,
        system=system.name,
        seed=case.seed,
        anchor_frame=anchor_frame,
        strata=case.strata,
        values={**(before.values if before else {}), **measured.values},
        missing={**(before.missing if before else {}), **measured.missing},
        verdict=verdict,
        failure=_failure(output),
        image_sha256=image_hash(case.image),
        frames_sha256=frames_sha256,
        version=reasondiff.__version__,
        video=video,
        frames_of=frames_of,
    )
    if isinstance(output, Output) and (output.source is None or keep_videos):
        _keep_video(video_path(folder, row), output)
    return row


def _failure(output: Output | Failure) -> str | None:
    return output.sentence if isinstance(output, Failure) else None


def _keep_video(path: Path, output: Output) -> None:
    """Write a video; the file that it was read from is copied as it is, where it is an MP4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if output.source is None or output.source.path.suffix.lower() != ".mp4":
        write_video(path, output.frames, fps=output.fps)
        return
    with atomic_path(path) as partial:
        shutil.copyfile(output.source.path, partial)


def _about(output: Output, folder: Path, keep_videos: bool) -> dict[str, str | int | float]:
    """What is written of a video; where its file stays elsewhere, its place as seen from ``folder``."""
    frames, height, width, _ = output.frames.shape
    about: dict[str, str | int | float] = {"frames": frames, "fps": output.fps, "width": width, "height": height}
    if output.source is not None:
        source = output.source
        about |= {"codec": source.codec, "sha256": source.sha256}
        if not keep_videos:
            about["file"] = os.path.relpath(source.path, folder)
    return about


def _frames_of(metrics: Sequence[Metric], sample: Sample, measured: Measured) -> dict[str, list[int]]:
    """Which frames each metric that has a value looked at, where it chose."""
    chosen = {}
    for metric in metrics:
        if isinstance(metric, ChoosesFrames) and metric.name in measured.values:
            chosen[metric.name] = list(metric.frames_of(sample))
    return chosen
