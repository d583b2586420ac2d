"""Goals that can be counted: Wan2.1-I2V-14B at full size on the meta device. ``python -m benchmarks.flops``

Nothing is computed, so there is no noise, and the exit code is 1 if a gate is missed. Blocks are all alike: one and two
are counted, and the rest follow. B0 and B1 are explained in ``contestants.py`` and ``preparation.py``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from benchmarks import parts
from benchmarks.contestants import CONTEXT, FULL, TRAINING, Contest, Scale, full_checkpoint, keep_attention
from benchmarks.counting import Count, count
from benchmarks.preparation import AlignInputs, align_b1, image_ours, research_aligner, starts, texts, tiles
from benchmarks.report import Report, heading

SEGMENTS = 4
T = 1e12


def transformer(scale: Scale, make: Callable[[Contest], Callable[[], Any]], *, warm: bool = False) -> Count:
    """A whole call, from models of one and two blocks.

    Args:
        scale: of everything.
        make: the call.
        warm: call once before counting, so that kept keys and values are there.
    """
    counts = []
    for layers in (1, 2):
        call = make(Contest(scale.with_layers(layers), "meta"))
        with torch.no_grad():
            if warm:
                call()
            counts.append(count(call))
    return counts[1].more(counts[0], scale.layers - 2)


def calls(report: Report) -> None:
    """M1, M2: the transformer's calls."""
    counts = calls_at(report, FULL, of_b1=0.845, of_b0=0.999, pair=0.915)
    elementwise(report, counts)
    calls_at(report, SQUARE, pair=0.89)


def calls_at(
    report: Report, scale: Scale, *, pair: float, of_b1: float | None = None, of_b0: float | None = None
) -> dict[str, Count]:
    """The goals are ours over the other's."""
    frames = scale.timeline.num_latent_frames
    b0 = transformer(scale, lambda c: c.b0())
    b1 = transformer(scale, lambda c: c.b1(SEGMENTS))
    ours = transformer(scale, lambda c: c.ours(c.context(SEGMENTS)), warm=True)
    compat = transformer(scale, lambda c: c.ours(c.context(SEGMENTS, "concat")), warm=True)
    distinct = transformer(scale, lambda c: c.ours(c.context(frames)), warm=True)
    negative = transformer(scale, lambda c: c.ours(c.context(1)), warm=True)

    def row(
        name: str, what: str, mine: float, stock: float, research: float, theirs: float, goal: float | None
    ) -> None:
        numbers = (f"{value / T:.1f}" for value in (mine, stock, research))
        report.add(name, f"{what}, {scale.size}, TFLOP", *numbers, reached=mine / theirs, at_most=goal)

    each = (b0.flops, b1.flops)
    row("M1", "cond call, of B1", ours.flops, *each, b1.flops, of_b1)
    row("M1", "cond call, of B0", ours.flops, *each, b0.flops, of_b0)
    row("M1", f"cond call, {frames} descriptions, of B0", distinct.flops, *each, b0.flops, None)
    row("M1", "compat mode (B1's own function), of B1", compat.flops, *each, b1.flops, None)
    pairs = (2 * b0.flops, b1.flops + b0.flops)
    row("M2", "CFG pair, of B1", ours.flops + negative.flops, *pairs, pairs[1], pair)
    return {"ours": ours, "B0": b0, "B1": b1}


def elementwise(report: Report, counts: dict[str, Count]) -> None:
    """M4: what a custom fused kernel would save. There is none; these are the bytes that compiling has to remove."""
    numbers = [f"{each.moved / FULL.layers / 1e9:.1f}" for each in counts.values()]
    ratio = counts["ours"].moved / counts["B0"].moved
    report.add("M4", "eager element-wise traffic per block, of B0, GB", *numbers, reached=ratio)


def preparation(report: Report) -> None:
    """M3: texts, image latent and AlignFormer."""
    height, width = 8 * FULL.height, 8 * FULL.width
    encoder_layers = FULL.parts["text_encoder"]["num_layers"]
    vae, former, aligner = parts.vae(FULL, "meta"), parts.alignformer(FULL, "meta"), research_aligner(FULL, "meta")

    def text(tokens: int, number: int) -> Count:
        counts = []
        for layers in (1, 2):
            encoder = parts.text_encoder(FULL, "meta", num_layers=layers)
            ids = [torch.zeros(number, tokens, dtype=torch.long, device="meta")]
            counts.append(count(lambda encoder=encoder, ids=ids: texts(encoder, ids)))
        return counts[1].more(counts[0], encoder_layers - 2)

    def video(num_frames: int, height: int, width: int) -> Count:
        clip = torch.empty(1, 3, num_frames, height, width, dtype=FULL.dtype, device="meta")
        return count(lambda: vae.encode(clip))

    def clip(height: int, width: int) -> Count:
        """The whole clip: one frame alone, then chunks of four that cost the same each."""
        return video(5, height, width).more(video(1, height, width), (FULL.num_frames - 5) // 4)

    tile, stride = tiles(FULL)
    number = len(starts(FULL.height, tile[0], stride[0])) * len(starts(FULL.width, tile[1], stride[1]))
    inputs = AlignInputs.random(FULL, "meta", SEGMENTS)
    image = torch.empty(1, 3, height, width, dtype=FULL.dtype, device="meta")
    with torch.no_grad():
        b1 = {
            "texts": text(CONTEXT, FULL.num_frames + 1),
            "image": clip(8 * tile[0], 8 * tile[1]).times(number),
            "AlignFormer": count(lambda: align_b1(aligner, inputs)),
        }
        ours = {
            "texts": text(FULL.words, 1).times(SEGMENTS + 1),
            "image": count(lambda: image_ours(vae, image)),
            "AlignFormer": count(lambda: former(*inputs.ours)),
        }
        b0 = {"texts": text(CONTEXT, 2), "image": clip(height, width)}
        at_start = count(lambda: image_ours(vae, image, repeated=False))

    for part, mine in ours.items():
        theirs = f"{b0[part].flops / T:.1f}" if part in b0 else ""
        numbers = (f"{mine.flops / T:.2f}", theirs, f"{b1[part].flops / T:.1f}")
        report.add("M3", f"{part}, B1 over ours, TFLOP", *numbers, reached=b1[part].flops / mine.flops)
    total = {name: sum(each.flops for each in parts.values()) for name, parts in {"ours": ours, "B1": b1}.items()}
    stock = f"{sum(each.flops for each in b0.values()) / T:.1f}"
    least = total["ours"] - ours["image"].flops + at_start.flops
    for where, mine, goal in (("held", total["ours"], 30), ("at frame 0", least, 50)):
        numbers = (f"{mine / T:.2f}", stock, f"{total['B1'] / T:.1f}")
        what = f"all of it, anchor {where}, B1 over ours"
        report.add("M3", what, *numbers, reached=total["B1"] / mine, at_least=goal)


def memory(report: Report) -> None:
    """M5: kept keys and values, read off the layers themselves."""
    for collapse, goal in ((True, 60), (False, 450)):
        contest = Contest(FULL.with_layers(1), "meta")
        context = contest.context(SEGMENTS, collapse=collapse)
        with torch.no_grad(), contest.framewise.use(context):
            kept = contest.transformer.blocks[0].attn2.processor.text
        size = FULL.layers * sum(each.numel() * each.element_size() for each in kept) / SEGMENTS / 1e6
        text_tokens = context.text_tokens
        report.add(
            "M5",
            f"keys and values per segment ({text_tokens} tokens), MB",
            "",
            "",
            "",
            reached=size,
            at_most=goal,
            unit="",
        )


def training(report: Report) -> None:
    """M6: a LoRA step of one sample, forward, recomputation and backward; the base is frozen."""

    def step(make: Callable[[Contest], Callable[[], Any]]) -> Count:
        counts = []
        for layers in (1, 2):
            contest = Contest(TRAINING.with_layers(layers), "meta")
            contest.add_lora()
            counts.append(count(make(contest)))
        return counts[1].more(counts[0], TRAINING.layers - 2)

    def ours(contest: Contest, checkpointing: Any) -> Callable[[], Any]:
        call = contest.ours(contest.context(SEGMENTS, cache=False))
        return contest.training_step(contest.transformer, call, checkpointing)

    b0 = step(lambda c: c.training_step(c.stock, c.b0(), full_checkpoint))
    b1 = step(lambda c: c.training_step(c.concat, c.b1(SEGMENTS), full_checkpoint))
    all_again = step(lambda c: ours(c, c.framewise.checkpoint))
    kept = step(lambda c: ours(c, partial(keep_attention, c.framewise)))
    for what, mine, goal in (("attention kept", kept, 0.80), ("all recomputed", all_again, None)):
        numbers = (f"{each.flops / T:.0f}" for each in (mine, b0, b1))
        name = f"LoRA step, {TRAINING.size}, {what}, of B1, TFLOP"
        report.add("M6", name, *numbers, reached=mine.flops / b1.flops, at_most=goal)


SQUARE = replace(FULL, height=64, width=64)

PARTS = {"calls": calls, "preparation": preparation, "memory": memory, "training": training}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), help="parts of the table; all by default")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(heading("the meta device"))
    report = Report(
        f"{FULL.name} at full size, counted, {SEGMENTS} descriptions of {FULL.words} tokens", ("ours", "B0", "B1")
    )
    for name, part in PARTS.items():
        if not options.only or name in options.only:
            part(report)
    if report.missed:
        print(f"\nMissed: {', '.join(report.missed)}.")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
