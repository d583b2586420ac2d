"""DynamiCrafter, which diffusers does not have: its own repository, in its own environment, as another process.

The place is its repository with ``checkpoints/dynamicrafter_256_v1/model.ckpt`` (the file that the paper names) and an
environment in ``.venv``. The checkpoint is a pickle: it is opened by that process, never by this one.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from reasondiff.checkpoints import file_hash
from reasondiff.errors import CheckpointError, InputError
from reasondiff.evaluation.outputs import Failure, Output
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Case
from reasondiff.media import fit_image, read_video

__all__ = ["DYNAMICRAFTER", "DynamiCrafter"]

_SCRIPT = "scripts/evaluation/inference.py"
_CHECKPOINT = "checkpoints/dynamicrafter_256_v1/model.ckpt"
_CONFIG = "configs/inference_256_v1.0.yaml"
_PYTHON = ".venv/bin/python"
_LAST_WORDS = 300
"""Characters of the process's own error that are shown."""
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "HF_HOME")
"""Of our environment; keys of services stay here."""


@dataclass(frozen=True)
class DynamiCrafter:
    """The original code, one process per case.

    Args:
        name: for files and options.
        title: for people.
        side: pixels of its model.
        frames: of a video; its model knows no other number.
        fps: at which they are shown, as in the published videos.
        stride: the model's frame stride, as its own script has it.
        steps: of DDIM.
        guidance: of the text.
        timeout: seconds for a video.
        repository: the folder.
    """

    name: str = "dynamicrafter"
    title: str = "DynamiCrafter"
    side: int = 256
    frames: int = 16
    fps: float = 8.0
    stride: int = 3
    steps: int = 50
    guidance: float = 7.5
    timeout: float = 3600.0
    repository: Path = Path()

    def at(self, place: str) -> DynamiCrafter:
        """The adapter for a repository.

        Raises:
            CheckpointError: something of it is not there; names it.
        """
        if not place:
            raise CheckpointError(
                f"{self.title} runs in its own repository; clone it, and give --method {self.name}:FOLDER."
            )
        for needed in (_SCRIPT, _CHECKPOINT, _CONFIG, _PYTHON):
            if not (Path(place) / needed).exists():
                raise CheckpointError(f"There is no {needed!r} in {place!r}; see the head of {self.name}.py for why.")
        return replace(self, repository=Path(place).absolute())

    def fingerprint(self) -> Mapping[str, object]:
        settings = {"side": self.side, "frames": self.frames, "fps": self.fps, "stride": self.stride}
        sampling = {"steps": self.steps, "guidance": self.guidance}
        return {**settings, **sampling, "weights": file_hash(self.repository / _CHECKPOINT)}

    def generate(self, cases: Sequence[Case], using: Resources) -> list[Output | Failure]:
        return [self._video(case) for case in cases]

    def _video(self, case: Case) -> Output | Failure:
        with TemporaryDirectory(prefix="reasondiff-") as folder:
            given, made = Path(folder) / "given", Path(folder) / "made"
            given.mkdir()
            fit_image(case.image, self.side, self.side).save(given / "case.png")
            (given / "prompts.txt").write_text(" ".join(case.prompt.split()) + "\n", encoding="utf-8")
            problem = self._run(self.arguments(given, made, case.seed))
            if problem:
                return Failure(problem)
            videos = sorted(made.rglob("*.mp4"))
            if len(videos) != 1:
                return Failure(f"{self.title} wrote {len(videos)} videos instead of one.")
            try:
                frames = read_video(videos[0]).frames
            except InputError as error:
                return Failure(str(error))
        return Output(frames, self.fps, anchor_frame=0)

    def arguments(self, given: Path, made: Path, seed: int) -> list[str]:
        """The command, as its own ``run.sh`` has it for this model."""
        options = {
            "--seed": seed,
            "--ckpt_path": self.repository / _CHECKPOINT,
            "--config": self.repository / _CONFIG,
            "--savedir": made,
            "--prompt_dir": given,
            "--n_samples": 1,
            "--bs": 1,
            "--height": self.side,
            "--width": self.side,
            "--video_length": self.frames,
            "--frame_stride": self.stride,
            "--ddim_steps": self.steps,
            "--ddim_eta": 1.0,
            "--unconditional_guidance_scale": self.guidance,
        }
        command = [str(self.repository / _PYTHON), str(self.repository / _SCRIPT), "--text_input"]
        for name, value in options.items():
            command += [name, str(value)]
        return command

    def _run(self, command: Sequence[str]) -> str:
        """Why the process made nothing; empty where it ended well."""
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            ended = subprocess.run(  # noqa: S603 - an argument list of our own, without a shell
                command, cwd=self.repository, env=environment, capture_output=True, timeout=self.timeout, check=False
            )
        except subprocess.TimeoutExpired:
            return f"{self.title} took more than {self.timeout:g} s."
        if ended.returncode == 0:
            return ""
        said = ended.stderr.decode("utf-8", "replace").strip()[-_LAST_WORDS:]
        return f"{self.title} ended with code {ended.returncode}: {' '.join(said.split())}"


DYNAMICRAFTER = DynamiCrafter()
