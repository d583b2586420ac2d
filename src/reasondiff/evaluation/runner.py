"""The main table: who tells the story of an unpaired image and text, judged by StoryWorld's oracle.

Every method gets the same image, the same text and the same seed; a method that is told a story gets the same one. What
a case produced is kept, so that a stopped evaluation goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reasondiff import storyworld
from reasondiff.backends.wan.conditioning import decode_video, encode_anchor_latents
from reasondiff.errors import InputError, NarrationError
from reasondiff.files import atomic_path
from reasondiff.media import write_video
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import Case
from reasondiff.storyworld.oracle import judge
from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import INTERVAL

__all__ = ["METHODS", "PAIRED", "Method", "Result", "check_folder", "evaluate", "video_path", "world_hash"]


@dataclass(frozen=True)
class Method:
    """One row of the table.

    Args:
        name: for files and options.
        title: for people.
        told: ``nothing`` but the user's text, the ``narrator``'s story, or the ``true`` one.
        options: for the pipeline.
    """

    name: str
    title: str
    told: str
    options: Mapping[str, Any] = field(default_factory=dict)


METHODS: tuple[Method, ...] = (
    Method(
        "wan", "Wan-tiny image-to-video", "nothing", {"text_mode": "single", "anchor": "first", "use_adapter": False}
    ),
    Method(
        "joined",
        "+ narrative in one prompt",
        "narrator",
        {"text_mode": "joined", "anchor": "first", "use_adapter": False},
    ),
    Method("anchored", "+ image at the narrator's frame", "narrator", {"text_mode": "joined", "use_adapter": False}),
    Method("framewise", "+ frame-wise prompts (training-free)", "narrator", {"use_adapter": False}),
    Method("reasondiff", "ReasonDiff", "narrator"),
    Method("truth", "ReasonDiff, true narrative", "true"),
)
"""From plain Wan to all of ReasonDiff; each of the second to fourth adds one thing to the one before."""

PAIRED = Method("paired", "Wan-tiny, paired", "true", {"text_mode": "joined", "anchor": "first", "use_adapter": False})
"""What plain image-to-video is made for: the clip's own first frame, and a text that tells the whole clip."""


@dataclass(frozen=True)
class Result:
    """What one method made of one case.

    Args:
        case: its number.
        method: its name.
        part: where the anchor truly is: ``start``, ``middle`` or ``end``.
        held_out: the pair was never shown in training.
        position: the frame the method was told to use, 0-based.
        passed: the oracle's verdict on the story.
        verdict: in words.
        agent: the named agent, and no other, is clearly seen.
        state: the object changes as it should.
        anchor_psnr: dB between the given image and the video at ``position``.
        vae_psnr: dB between the given image and itself through the VAE, the best that could be.
    """

    case: int
    method: str
    part: str
    held_out: bool
    position: int
    passed: bool
    verdict: str
    agent: bool
    state: bool
    anchor_psnr: float
    vae_psnr: float


def evaluate(
    pipe: ReasonDiffPipeline,
    cases: Sequence[Case],
    methods: Sequence[Method],
    folder: Path,
    *,
    batch: int = 8,
    on_video: Callable[[int], None] | None = None,
) -> list[Result]:
    """Run every method on every case, or read what ``folder`` holds already.

    Args:
        pipe: with a narrator, if a method needs one.
        cases: from ``storyworld.dataset.cases``.
        folder: gets ``results.jsonl``, the narratives and the videos; ``check_folder`` tells whether what it
            holds is of the same cases and model.
        batch: videos made together; seeds belong to cases, so it changes nothing but speed.
        on_video: called with the number of videos done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "results.jsonl"
    done = _read(log)
    if log.exists() and not log.read_bytes().endswith(b"\n"):  # a line cut off by a kill
        with open(log, "a", encoding="utf-8") as file:
            file.write("\n")
    if on_video:
        on_video(len(done))
    for method in methods:
        missing = [case for case in cases if (method.name, case.number) not in done]
        for start in range(0, len(missing), batch):
            some = missing[start : start + batch]
            for result in _run(pipe, some, method, folder):
                done[result.method, result.case] = result
                with open(log, "a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(result)) + "\n")
            if on_video:
                on_video(len(done))
    return [done[method.name, case.number] for method in methods for case in cases]


def narrated(pipe: ReasonDiffPipeline, case: Case, folder: Path) -> Narrative:
    """The narrator's story of a case; kept, so that all methods are told the same one."""
    path = folder / "narratives" / f"{case.number:04d}.json"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        prompt = captions.user_prompt(case.take, case.rng("prompt"))
        frames = pipe.defaults.num_frames
        image = draw_frame(case.take, case.anchor_frame)
        try:
            story = pipe.narrator.narrate(image, prompt, num_frames=frames, interval=INTERVAL)
        except NarrationError:  # a story of no use is the method's failure, not the evaluation's
            story = Narrative.from_ends([(frames, prompt)], 0, frames, interval=INTERVAL)
        story.save(path)
    return Narrative.load(path)


def _run(pipe: ReasonDiffPipeline, cases: Sequence[Case], method: Method, folder: Path) -> list[Result]:
    images = [draw_frame(case.take, case.anchor_frame) for case in cases]
    prompts = [captions.user_prompt(case.take, case.rng("prompt")) for case in cases]
    stories = None
    if method.told == "narrator":
        stories = [narrated(pipe, case, folder) for case in cases]
    elif method.told == "true":
        stories = [captions.narrative(case.take, case.anchor_frame, case.rng("narrative")) for case in cases]
    output = pipe(
        images, prompts, narrative=stories, seed=[case.number for case in cases], output_type="uint8", **method.options
    )
    results = []
    for case, image, story, video in zip(cases, images, output.stories, output.frames, strict=True):
        given, position = np.asarray(image), story.narrative.anchor_frame
        verdict = judge(video, case.take.story, position, given, variant=case.take.variant)
        result = Result(
            case=case.number,
            method=method.name,
            part=case.part,
            held_out=case.held_out,
            position=position,
            passed=verdict.passed,
            verdict=str(verdict),
            agent=verdict.agent_right,
            state=verdict.state_right,
            anchor_psnr=psnr(video[position], given),
            vae_psnr=psnr(_through_vae(pipe, given, first=position == 0), given),
        )
        path = video_path(folder, result)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, video, fps=1 / INTERVAL)
        results.append(result)
    return results


def video_path(folder: Path, result: Result) -> Path:
    """Where the evaluation in ``folder`` keeps the video of ``result``."""
    return folder / "videos" / result.method / f"{result.case:04d}.mp4"


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 images."""
    error = np.square(one.astype(float) - other.astype(float)).mean() / 255**2
    return round(float(-10 * np.log10(max(error, 1e-10))), 2)


@torch.no_grad()
def _through_vae(pipe: ReasonDiffPipeline, image: np.ndarray, *, first: bool) -> np.ndarray:
    """The image as the VAE gives it back, in the place in its causal chunk that an anchor has."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    video = decode_video(pipe.vae, encode_anchor_latents(pipe.vae, pixels))
    frame = video[0, :, 0 if first else -1].float()
    return ((frame.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()


def _read(log: Path) -> dict[tuple[str, int], Result]:
    if not log.exists():
        return {}
    results = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            result = Result(**json.loads(line))
        except (ValueError, TypeError):  # a line cut off by a kill; its case is made again
            continue
        results[result.method, result.case] = result
    return results


def world_hash() -> str:
    """SHA-256 of StoryWorld's source: the cases, how they are drawn and told, and the rules that judge them."""
    sources = sorted(Path(storyworld.__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in sources)).hexdigest()


def check_folder(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write down what the folder's results are of, or refuse to mix them with others.

    Raises:
        InputError: the folder was begun with other settings, or cannot be one.
    """
    path = folder / "evaluation.json"
    if path.exists():
        try:
            same = json.loads(path.read_text(encoding="utf-8")) == dict(settings)
        except ValueError:
            raise InputError(f"{str(path)!r} is damaged; give a new folder.") from None
        if not same:
            raise InputError(
                f"{str(folder)!r} holds results of another evaluation, model or oracle; give a new folder."
            )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{str(folder)!r} cannot be made a folder ({error.strerror}); give another one.") from None
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
