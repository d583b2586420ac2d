"""A maker whose speed and faults are scripted, and whose videos tell by their bytes what they were made from."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from reasondiff.errors import InputError, StoppedError
from reasondiff.narrative import Narrative
from reasondiff.narrative.editing import set_description
from reasondiff.server.jobs import Job, Kind
from reasondiff.server.worker import BEFORE, Made, Watch

MODEL = "storyworld-tiny"
STEPS = 4


def story(frames: int, prompt: str) -> Narrative:
    """What the fake narrator tells."""
    half = frames // 2
    return Narrative.from_ends([(half, "A vase stands."), (frames, f"{prompt} It breaks.")], frames - 3, frames)


class FakeMaker:
    """Makes a job in ``STEPS`` steps of ``seconds`` each.

    Its prompt may ask for more: ``fail``, ``break`` (a fault of ours), ``die`` (the process is killed), ``slow``.

    Args:
        seconds: of a step.
    """

    models = (MODEL,)
    kinds: tuple[Kind, ...] = ("story", "video")

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.made: list[str] = []
        self.stopped: list[str] = []

    def make(self, job: Job, images: Sequence[bytes], folder: Path, watch: Watch) -> Made:
        """See ``Maker``."""
        told = story(job.order.num_frames, job.order.prompt)
        if job.kind == "story" and job.narrative is not None:
            clip = int(job.order.options["clip"]) - 1
            again = set_description(Narrative.from_dict(job.narrative), clip, "Anew.")
            return Made({}, {"narrative": again.to_dict()})
        if job.kind == "story":
            other = told.with_anchor(0).to_dict()
            narrative = told.to_dict() | {"provenance": {"candidates": [other]}}
            return Made({}, {"narrative": narrative})
        watch.on_stage("narrate")
        narrative = dict(job.narrative) if job.narrative is not None else told.to_dict()
        watch.on_narrative(narrative)
        watch.on_stage("denoise")
        steps = 10_000 if "slow" in job.order.prompt else STEPS
        for step in range(steps):
            time.sleep(max(self.seconds, 0.01 if steps > STEPS else 0))
            watch.on_step(step + 1, steps)
            self._obey(job, step)
            if watch.stop.is_set():
                self.stopped.append(job.id)
                raise StoppedError("The job was stopped.")
        watch.on_stage("decode")
        self.made.append(job.id)
        return Made(self._files(job, images, narrative, folder), {"narrative": narrative})

    def _obey(self, job: Job, step: int) -> None:
        if step != 1:
            return
        if "fail" in job.order.prompt:
            raise InputError("The prompt cannot be told; write another one.")
        if "break" in job.order.prompt:
            raise AssertionError("a fault of ours")
        if "die" in job.order.prompt:
            os.kill(os.getpid(), signal.SIGKILL)

    def _files(self, job: Job, images: Sequence[bytes], narrative: object, folder: Path) -> dict[str, Path]:
        seen = hashlib.sha256(b"".join(images)).hexdigest()
        whole = [job.order.prompt, job.seed, narrative, seen]
        if job.order.redo is not None:
            whole += [job.order.redo.clip, (folder / BEFORE).read_text()]
        told = json.dumps(whole, sort_keys=True)
        names = {
            "video": "mp4", "thumbnail": "webp", "spritesheet": "jpg", "contact_sheet": "png", "gif": "gif",
            "record": "json",
        }  # fmt: skip
        files = {variant: folder / f"{variant}.{suffix}" for variant, suffix in names.items()}
        for variant, file in files.items():
            file.write_bytes(f"{variant} {told}".encode())
        return files
