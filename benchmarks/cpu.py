"""Goals on a laptop: a narrow Wan on one CPU thread. ``python -m benchmarks.cpu``

Every row is counted and timed. The goals are held against the counted ratio, which has no noise, and the exit code is 1
if one is missed; the measured ratio stands beside it. B0 and B1 are explained in ``contestants.py`` and
``preparation.py``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from benchmarks import parts
from benchmarks.contestants import CONTEXT, SMALLEST, TINY, Contest, Scale
from benchmarks.counting import Count, count
from benchmarks.preparation import (
    AlignInputs,
    align_b1,
    align_one_by_one,
    image_b0,
    image_b1,
    image_ours,
    research_aligner,
    texts,
    tiles,
)
from benchmarks.report import Report, heading
from benchmarks.rounds import fastest
from reasondiff.backends.wan.conditioning import decode_video

SEGMENTS = 4

Calls = Mapping[str, Callable[[], Any]]
"""By contestant."""


@dataclass
class Bench:
    """Counts on the meta device, times on the CPU, and writes rows."""

    scale: Scale
    rounds: int
    report: Report

    @property
    def steps(self) -> int:
        """Of a whole run."""
        return 8 if self.scale is TINY else 1

    def compare(
        self, name: str, what: str, make: Callable[[str], Calls], goal: float, rounds: int | None = None
    ) -> Calls:
        """How many times less ours does than B1.

        Args:
            name: of the goal.
            what: is compared.
            make: the calls, on a device.
            goal: for the counted ratio.
            rounds: fewer, for what takes long.

        Returns:
            The calls on the CPU.
        """
        counts = {who: count(call) for who, call in make("meta").items()}
        calls = make("cpu")
        self.row(name, what, counts, fastest(calls, rounds or self.rounds), "ours", "B1", goal)
        return calls

    def row(
        self,
        name: str,
        what: str,
        counts: Mapping[str, Count],
        seconds: Mapping[str, float],
        mine: str,
        theirs: str,
        goal: float | None,
        *,
        gate: bool = True,
    ) -> None:
        flops = [f"{counts[who].flops / 1e9:.2f}" for who in (mine, theirs)]
        times = f"{1e3 * seconds[mine]:.0f} / {1e3 * seconds[theirs]:.0f}"
        self.report.add(
            name,
            f"{what}: {theirs} over {mine}",
            *flops,
            times,
            f"{seconds[theirs] / seconds[mine]:.2f}x",
            reached=counts[theirs].flops / counts[mine].flops,
            at_least=goal if self.scale is TINY else None,
            gate=gate,
        )

    def exact(self, name: str, what: str, one: Tensor, other: Tensor) -> None:
        """Two ways to compute the same."""
        gap = (one - other).abs().max().item()
        self.report.add(name, f"{what}: max abs diff", "", "", "", "", reached=gap, at_most=1e-5, unit="")


def calls(bench: Bench) -> None:
    """C1-C3: one call of the transformer."""
    frames = bench.scale.timeline.num_latent_frames

    def make(device: str) -> Calls:
        contest = Contest(bench.scale, device)
        made = {
            "B0": contest.b0(),
            "B1": contest.b1(SEGMENTS),
            "ours": contest.ours(contest.context(SEGMENTS)),
            "compat": contest.ours(contest.context(SEGMENTS, "concat")),
            "distinct": contest.ours(contest.context(frames)),
            "one": contest.ours(contest.context(1)),
            "fresh": contest.ours(contest.context(SEGMENTS, cache=False)),
        }
        for name in ("ours", "compat", "distinct", "one"):
            made[name]()  # keys and values are kept from here on
        return made

    made = make("meta")
    counts = {who: count(call) for who, call in made.items()}
    on_cpu = make("cpu")
    timed = {who: on_cpu[who] for who in ("B0", "B1", "ours", "compat", "distinct")}
    seconds = fastest(timed, bench.rounds)
    bench.row("C1", f"cond call, {SEGMENTS} descriptions", counts, seconds, "ours", "B1", 3.0)
    bench.row("C2", "cond call, B1's own function", counts, seconds, "compat", "B1", 3.2)
    bench.exact("C2", "compat and B1", on_cpu["compat"](), on_cpu["B1"]())
    bench.row("C3", f"cond call, {SEGMENTS} descriptions", counts, seconds, "ours", "B0", 1.0)
    bench.row("C3", f"cond call, {frames} descriptions", counts, seconds, "distinct", "B0", 0.97)
    kernels = [f"{counts[who].kernels:.0f}" for who in ("distinct", "B0")]
    share = counts["B0"].kernels / counts["distinct"].kernels
    bench.report.add(
        "C3", f"kernels, {frames} descriptions: B0 over ours", *kernels, "", "", reached=share,
        at_least=0.97 if bench.scale is TINY else None,
    )  # fmt: skip
    bench.exact("C3", "one description and B0", on_cpu["one"](), on_cpu["B0"]())
    bench.exact("C3", "kept and fresh keys and values", on_cpu["ours"](), on_cpu["fresh"]())


def encode_texts(bench: Bench) -> None:
    """C4: umT5, one distinct text at a time and without padding."""
    scale = bench.scale
    lengths = [scale.words - 3 * k for k in range(SEGMENTS)]
    of_frame = [SEGMENTS * frame // scale.num_frames for frame in range(scale.num_frames)]

    def make(device: str) -> Calls:
        encoder, own = parts.text_encoder(scale, device), [ids(length, k, device) for k, length in enumerate(lengths)]
        batch = torch.zeros(scale.num_frames, CONTEXT, dtype=torch.long, device=device)
        mask = torch.zeros_like(batch)
        for frame, segment in enumerate(of_frame):
            batch[frame, : lengths[segment]] = own[segment]
            mask[frame, : lengths[segment]] = 1
        masks = None if device == "meta" else [mask]
        alone = None if device == "meta" else [torch.ones_like(text) for text in own]
        return {"B1": lambda: texts(encoder, [batch], masks), "ours": lambda: texts(encoder, own, alone)}

    made = bench.compare("C4", f"texts, {SEGMENTS} distinct", make, goal=40, rounds=1)
    padded, own = made["B1"](), made["ours"]()
    theirs = torch.cat([text[: lengths[segment]] for text, segment in zip(padded, of_frame, strict=True)])
    mine = torch.cat([own[segment] for segment in of_frame])
    bench.exact("C4", "texts", mine, theirs)


def encode_image(bench: Bench) -> None:
    """C5: the anchor's latents."""
    scale = bench.scale
    tile, stride = tiles(scale)

    def make(device: str) -> Calls:
        vae, image = parts.vae(scale, device), picture(scale, device)
        return {
            "B0": lambda: image_b0(vae, image, scale.num_frames),
            "B1": lambda: image_b1(vae, image, scale.num_frames, tile, stride),
            "ours": lambda: image_ours(vae, image),
            "at frame 0": lambda: image_ours(vae, image, repeated=False),
        }

    counts = {who: count(call) for who, call in make("meta").items()}
    made = make("cpu")
    seconds = fastest(made, 1)
    bench.row("C5", "image latent, anchor held", counts, seconds, "ours", "B0", 12)
    bench.row("C5", "image latent, anchor", counts, seconds, "at frame 0", "B0", 35)
    bench.row("C5", "image latent, anchor held, tiled", counts, seconds, "ours", "B1", None)
    bench.exact("C5", "the image as a first frame", made["ours"]()[:, :, 0], made["B0"]()[:, :, 0])


def align(bench: Bench) -> None:
    """C6: AlignFormer, beside the research code's and beside itself frame by frame."""
    scale, frames = bench.scale, bench.scale.timeline.num_latent_frames

    def make(device: str, segments: int = SEGMENTS) -> Calls:
        former, aligner = parts.alignformer(scale, device), research_aligner(scale, device)
        inputs = AlignInputs.random(scale, device, segments, frames // 2)
        made: dict[str, Callable[[], Any]] = {
            "ours": lambda: former(*inputs.ours),
            "B1": lambda: align_b1(aligner, inputs),
        }
        if device == "cpu":
            made["one by one"] = lambda: align_one_by_one(former, inputs)
        return made

    made = bench.compare("C6", f"AlignFormer, {SEGMENTS} descriptions", make, goal=2)
    bench.compare("C6", f"AlignFormer, {frames} descriptions", lambda device: make(device, frames), goal=1.7)
    bench.exact("C6", "AlignFormer, all frames at once and one by one", made["ours"](), made["one by one"]())
    held = {who: count(call).peak for who, call in make("meta").items()}
    sizes = [f"{held[who] / 1e6:.1f} MB" for who in ("ours", "B1")]
    bench.report.add("C6", "AlignFormer, memory held: B1 over ours", *sizes, "", "", reached=held["B1"] / held["ours"])


def whole(bench: Bench) -> None:
    """C7: all stages of one video, with guidance."""
    scale = bench.scale
    frames = scale.timeline.num_latent_frames
    tile, stride = tiles(scale)

    def make(device: str) -> Calls:
        contest, vae, image = Contest(scale, device), parts.vae(scale, device), picture(scale, device)
        encoder, former = parts.text_encoder(scale, device), parts.alignformer(scale, device)
        aligner, inputs = research_aligner(scale, device), AlignInputs.random(scale, device, SEGMENTS)
        short, long = ids(scale.words, 0, device), ids(CONTEXT, 0, device)
        latents = torch.randn(1, 16, frames, scale.height, scale.width, device=device)

        def b0() -> None:
            texts(encoder, [long] * 2)
            image_b0(vae, image, scale.num_frames)
            denoise(contest.b0(), contest.b0())
            decode_video(vae, latents)

        def b1() -> None:
            texts(encoder, [long.expand(scale.num_frames, -1), long])
            image_b1(vae, image, scale.num_frames, tile, stride)
            align_b1(aligner, inputs)
            denoise(contest.b1(SEGMENTS), contest.b0())
            decode_video(vae, latents)

        def ours() -> None:
            texts(encoder, [short] * (SEGMENTS + 1))
            image_ours(vae, image)
            former(*inputs.ours)
            denoise(contest.ours(contest.context(SEGMENTS)), contest.ours(contest.context(1)))
            decode_video(vae, latents)

        return {"B0": b0, "B1": b1, "ours": ours}

    def denoise(*branches: Callable[[], Any]) -> None:
        for _ in range(bench.steps):
            for branch in branches:
                branch()

    counts = {who: count(call) for who, call in make("meta").items()}
    seconds = fastest(make("cpu"), 1)
    for theirs, goal in (("B1", 2), ("B0", 1.05)):
        bench.row("C7", f"all stages, {bench.steps} steps", counts, seconds, "ours", theirs, goal)
        ratio = (seconds[theirs] / seconds["ours"]) / (counts[theirs].flops / counts["ours"].flops)
        bench.report.add(
            "C7", f"measured over counted ratio, {theirs}", *[""] * 4, reached=ratio, at_least=0.85, gate=False
        )


def training(bench: Bench) -> None:
    """C8: forward and backward of a LoRA step."""
    scale = bench.scale
    if scale is TINY:
        scale = replace(scale, num_frames=33, height=32, width=32)

    def make(device: str) -> Calls:
        contest = Contest(scale, device)
        contest.add_lora()
        ours = contest.ours(contest.context(SEGMENTS, cache=False))
        return {
            "B1": contest.training_step(contest.concat, contest.b1(SEGMENTS)),
            "ours": contest.training_step(contest.transformer, ours),
        }

    with torch.enable_grad():
        bench.compare("C8", f"LoRA step, {scale.size}", make, goal=1.7)


def ids(length: int, seed: int, device: str) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(2, 64, (1, length), generator=generator).to(device)


def picture(scale: Scale, device: str) -> Tensor:
    torch.manual_seed(2)
    return torch.rand(1, 3, 8 * scale.height, 8 * scale.width).to(device) * 2 - 1


PARTS = {
    "C1": calls,
    "C4": encode_texts,
    "C5": encode_image,
    "C6": align,
    "C7": whole,
    "C8": training,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="of timing; the fastest counts, for what takes long one")
    parser.add_argument("--smallest", action="store_true", help="a size of seconds, without goals for the ratios")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="C1 includes C2 and C3; all by default")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    scale = SMALLEST if options.smallest else TINY
    print(heading("one CPU thread"))
    columns = ("ours, GFLOP", "theirs, GFLOP", "ms of CPU time, ours / theirs", "measured")
    bench = Bench(scale, options.rounds, Report(f"{scale.name}, {scale.size}", columns))
    for name, part in PARTS.items():
        if not options.only or name in options.only:
            with torch.no_grad():
                part(bench)
    if bench.report.missed:
        print(f"\nMissed: {', '.join(bench.report.missed)}.")
    return bench.report.exit_code


if __name__ == "__main__":
    sys.exit(main())
