"""Whether an encoded set feeds a trainer of ten steps a second: ``python -m benchmarks.feeding``.

Writes a set of the paper's size (33 frames of 512x512, latents [16, 9, 64, 64], nine captions a clip, of 64 tokens of
umt5-xxl's width) with random numbers in place of a model's. Then the recipes' own dataset and loader draw batches of
one clip: its latents, an anchor frame decoded from its MP4, its texts. The trainer only sleeps for the rest of a tenth
of a second. Prints, by the processes that draw ahead, the steps a second that were reached, the share of the time that
the trainer waited, and the CPU-seconds that a step took of all processes together, which other work on the machine does
not change. ``--profile`` prints what of a step in this process takes how long.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import torch

from reasondiff.data.encoded import ENCODED, EncodedClip, Manifest, write_encoded
from reasondiff.data.loader import step_dataloader
from reasondiff.data.precompute import CLIPS_PER_SHARD, TEXTS_PER_SHARD, text_key
from reasondiff.data.shards import fill_shards
from reasondiff.data.videos import StoredTexts, VideoClips
from reasondiff.media import write_video
from reasondiff.training.stages.flow import FlowOptions
from reasondiff.training.stages.reason import ReasonDataset

LATENTS = (16, 9, 64, 64)
TEXT_DIM, TOKENS, CAPTIONS = 4096, 64, 9
FRAMES, SIDE, STEP = 33, 512, 0.2
STEP_SECONDS = 0.1


def write_set(folder: Path, clips: int) -> None:
    """An encoded set of moving noise."""
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 256, (SIDE // 8, SIDE // 8 + FRAMES, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    frames = np.stack([wide[:, 8 * number : 8 * number + SIDE] for number in range(FRAMES)])
    texts = {
        clip: [f"What frame {number} of clip {clip} shows." for number in range(CAPTIONS)] for clip in range(clips)
    }
    (folder / "clips").mkdir()
    write_video(folder / "clips" / "0.mp4", frames, 1 / STEP)
    for clip in range(1, clips):
        (folder / "clips" / f"{clip}.mp4").write_bytes((folder / "clips" / "0.mp4").read_bytes())

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.bfloat16)

    keys = [text_key(text) for each in ([""], *texts.values()) for text in each]
    fill_shards(
        folder / ENCODED / "texts", keys, "benchmark", lambda wanted: (random(TOKENS, TEXT_DIM) for _ in wanted),
        per_shard=TEXTS_PER_SHARD,
    )  # fmt: skip
    shards = fill_shards(
        folder / ENCODED / "latents", [str(clip) for clip in range(clips)], "benchmark",
        lambda wanted: (random(*LATENTS) for _ in wanted), per_shard=CLIPS_PER_SHARD,
    )  # fmt: skip
    rows = [
        EncodedClip(
            str(clip), f"{clip}.mp4", f"clips/{clip}.mp4", 0.0, STEP, shards.shard_of[str(clip)], "latent",
            tuple(texts[clip]), "benchmark",
        )
        for clip in range(clips)
    ]  # fmt: skip
    manifest = Manifest(
        vae="", text_encoder={}, model="benchmark", num_frames=FRAMES, stride=4, width=SIDE, height=SIDE, step=STEP,
        latent_shape=LATENTS, text_dim=TEXT_DIM, computed_in="bf16", clips=clips, texts=len(keys), bytes={},
        captions={},
    )  # fmt: skip
    write_encoded(folder, manifest, rows, "jsonl")


def fed(folder: Path, *, steps: int, workers: int) -> tuple[float, float, float]:
    """Steps a second, the share of the time that the trainer waited, and CPU-seconds per step, after the first step."""
    dataset = ReasonDataset(VideoClips(folder), FlowOptions(batch=1, timesteps="uniform"), per_frame=0.5)
    texts = StoredTexts(folder, text_length=512, device=torch.device("cpu"))
    batches = iter(step_dataloader(dataset, seed=0, steps=range(steps + 1), workers=workers))
    texts.context(next(batches).plans)
    begun, waited, used = time.monotonic(), 0.0, cpu_seconds()
    for _ in range(steps):
        asked = time.monotonic()
        inputs = next(batches)
        texts.context(inputs.plans)
        took = time.monotonic() - asked
        waited += took
        time.sleep(max(0.0, STEP_SECONDS - took))
    seconds = time.monotonic() - begun
    return steps / seconds, waited / seconds, (cpu_seconds() - used) / steps


def cpu_seconds() -> float:
    """Of this process and those that it has started and that still run."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def profile(folder: Path, steps: int) -> None:
    """Print the functions of this project, and those of PyAV and torch, that a step spends most time in."""
    with cProfile.Profile() as profiler:
        fed(folder, steps=steps, workers=0)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(15)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feeding")
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as name:
        write_set(Path(name), asked.clips)
        if asked.profile:
            profile(Path(name), asked.steps)
            return
        print("| processes that draw ahead | steps a second, of 10 asked for | waiting | CPU-seconds a step |")
        print("|---|---|---|---|")
        for workers in asked.workers:
            rate, waited, used = fed(Path(name), steps=asked.steps, workers=workers)
            print(f"| {workers} | {rate:.1f} | {100 * waited:.0f} % | {used:.3f} |", flush=True)


if __name__ == "__main__":
    main()
