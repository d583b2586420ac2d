"""Goals on one GPU: Wan2.1-I2V-14B at full size with random weights. ``python -m benchmarks.h200``

Needs torch, triton, peft, transformers, the diffusers wheel and this repository; no weights, no network, no further
kernels. Every number comes from single calls, one warm-up and then the fastest of a few in turn, never from whole
videos. About 10 minutes on an H200; ``--tiny`` runs the same code on a CPU in seconds, where the ratios mean nothing.

B0 (stock diffusers) and B1 (the research code's way, generously resident) are explained in ``contestants.py`` and
``preparation.py``. *Lossless* is ours compiled, in bf16. *fp8* multiplies in 8 bits, scaled per row, in all blocks but
the first and the last. *fast* skips half of the calls besides, on a fixed schedule: with random weights an adaptive
threshold means nothing. At the end it runs the tests marked ``gpu``, where pytest is installed.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from diffusers import FirstBlockCacheConfig
from torch import Tensor, nn

from benchmarks import parts
from benchmarks.contestants import (
    CONTEXT,
    FULL,
    IMAGE_TOKENS,
    SMALLEST,
    TRAINING,
    Contest,
    Scale,
    full_checkpoint,
    keep_attention,
)
from benchmarks.counting import count
from benchmarks.fast import CompiledCheckpoint, Fast
from benchmarks.preparation import (
    AlignInputs,
    align_b1,
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
from reasondiff.backends.wan.framewise import FrameContext, install
from reasondiff.planning.transformer import Transformer

SEGMENTS = 4
GB = 1e9
GPU_TESTS = "tests/pipeline"


@dataclass
class Bench:
    """Where and how large, and the table."""

    device: str
    scale: Scale
    training: Scale
    rounds: int
    report: Report

    @property
    def backend(self) -> Any:
        """For torch.compile; without a GPU the graphs are made but not turned into kernels."""
        return "inductor" if self.device == "cuda" else "aot_eager"

    def add(self, name: str, what: str, *cells: str, reached: float, goal: float | None = None, **options: Any) -> None:
        """A row whose goal is a least ratio, and counts at full size on a GPU only."""
        aim = {"at_least": goal} if goal is not None and self.full else {}
        self.report.add(name, what, *cells, reached=reached, **aim, **options)

    def below(self, name: str, what: str, *cells: str, reached: float, goal: float, **options: Any) -> None:
        """A row whose goal is a greatest number, at full size on a GPU only."""
        self.report.add(name, what, *cells, reached=reached, at_most=goal if self.full else None, **options)

    def correct(self, what: str, reached: float, at_most: float) -> None:
        """A row about the outputs, which holds at any size."""
        self.report.add("ok", what, "", "", "", reached=reached, at_most=at_most, unit="")

    @property
    def full(self) -> bool:
        return self.scale is FULL and self.device == "cuda"

    @property
    def tolerance(self) -> float:
        """Of relative errors between two ways to compute the same."""
        return 1e-2 if self.scale.dtype == torch.bfloat16 else 1e-5


def calls(bench: Bench) -> None:
    """H1-H7: the transformer's calls, eager, compiled, in 8 bits, and skipped."""
    contest = Contest(bench.scale, bench.device)
    story, negative = contest.context(SEGMENTS), contest.context(1)
    compat = contest.context(SEGMENTS, "concat")
    eager = {
        "B0": contest.b0(),
        "B1": contest.b1(SEGMENTS),
        "ours": contest.ours(story),
        "negative": contest.ours(negative),
        "compat": contest.ours(compat),
    }
    out = {name: call().float() for name, call in eager.items()}
    one, fresh = contest.ours(negative)(), contest.ours(contest.context(SEGMENTS, cache=False))()
    bench.correct("compat and B1: relative L2", distance(out["compat"], out["B1"]), bench.tolerance)
    bench.correct("one description and B0: relative L2", distance(one, out["B0"]), bench.tolerance)
    bench.correct("kept and fresh keys and values: relative L2", distance(out["ours"], fresh), bench.tolerance)
    other = contest.ours(contest.context(1, prompt=1))()
    change = distance(other, one)
    bench.report.add("ok", "another negative prompt: relative L2", *[""] * 3, reached=change, at_least=1e-4, unit="")
    del one, fresh, other
    if bench.device == "cuda":
        show_kernels(eager["B0"])
    seconds = fastest(eager, bench.rounds, device=bench.device)
    pair = {"B0": 2 * seconds["B0"], "B1": seconds["B1"] + seconds["B0"], "ours": seconds["ours"] + seconds["negative"]}
    row(bench, "H1", "cond call, eager, B1 over ours", seconds["ours"], seconds["B0"], seconds["B1"], "B1", 1.14)
    row(bench, "H1", "compat call, eager, B1 over ours", seconds["compat"], seconds["B0"], seconds["B1"], "B1", None)
    row(bench, "H1", "CFG pair, eager, B1 over ours", pair["ours"], pair["B0"], pair["B1"], "B1", 1.07)
    held = {"B0": memory(bench, eager["B0"], contest.stock), "B1": memory(bench, eager["B1"], contest.concat)}

    lossless = Fast(contest, bench.backend, float8=False)
    quick = lossless.pair(story, negative)
    bench.correct("compiled and eager: relative L2", distance(quick["cond"](), out["ours"]), bench.tolerance)
    compiled = fastest(quick, bench.rounds, device=bench.device)
    both = compiled["cond"] + compiled["uncond"]
    row(bench, "H2", "cond call, lossless, B0 over ours", compiled["cond"], seconds["B0"], seconds["B1"], "B0", 1.12)
    rate = flops(bench.scale) / compiled["cond"] / 1e12
    bench.add("H2", "model rate, lossless", *[""] * 3, reached=rate, goal=600, unit=" TFLOP/s")
    row(bench, "H3", "CFG pair, lossless, B1 over ours", both, pair["B0"], pair["B1"], "B1", 1.20)
    held["ours"] = memory(bench, quick["cond"], lossless.model, story)
    shares = [f"{held[name] / GB:.2f} GB" for name in ("ours", "B0", "B1")]
    bench.below("H7", "peak memory, lossless, of B0", *shares, reached=held["ours"] / held["B0"], goal=1.07)
    skipped(bench, "H5", lossless, quick, compiled)
    del lossless, quick
    free()

    float8 = Fast(contest, bench.backend, float8=True)
    quick = float8.pair(story, negative)
    wrong = distance(quick["cond"](), out["ours"])
    bench.below("H4", "fp8 and bf16: relative L2", *[""] * 3, reached=wrong, goal=0.05, unit="")
    small = fastest(quick, bench.rounds, device=bench.device)
    both = small["cond"] + small["uncond"]
    row(bench, "H4", "cond call, fp8, B0 over ours", small["cond"], seconds["B0"], seconds["B1"], "B0", 1.28)
    row(bench, "H4", "CFG pair, fp8, B1 over ours", both, pair["B0"], pair["B1"], "B1", 1.38)
    held["fp8"] = memory(bench, quick["cond"], float8.model, story)
    shares = [f"{held[name] / GB:.2f} GB" for name in ("fp8", "B0", "B1")]
    bench.below("H7", "peak memory, fp8, of B0", *shares, reached=held["fp8"] / held["B0"], goal=0.65)
    half = (both + skipped(bench, "H6", float8, quick, small)) / 2
    row(bench, "H6", "CFG pair, fast, B0 over ours", half, pair["B0"], pair["B1"], "B0", 2.4)
    row(bench, "H6", "CFG pair, fast, B1 over ours", half, pair["B0"], pair["B1"], "B1", 2.6)
    end_to_end(bench, seconds["B0"], compiled["cond"])


def skipped(
    bench: Bench, name: str, fast: Fast, pair: dict[str, Callable[[], Tensor]], full: dict[str, float]
) -> float:
    """H5: seconds of a CFG pair that the step cache skips; whether a call is skipped is forced, not judged."""
    fast.model.enable_cache(FirstBlockCacheConfig(threshold=-1.0))
    leader = fast.model.blocks[0]._diffusers_hook.get_hook("fbc_leader_block_hook")
    for call in pair.values():  # the residuals to skip with
        call()
    runs = fast.graphs.runs
    for call in pair.values():
        call()
    bench.report.add(
        "ok",
        "compiled graphs run per pair under the cache, of blocks",
        *[""] * 3,
        reached=(fast.graphs.runs - runs) / (2 * len(fast.model.blocks)),
        at_least=1,
        unit="",
    )
    leader.threshold = float("inf")
    seconds = fastest(pair, bench.rounds, device=bench.device)
    fast.model.disable_cache()
    both, whole = sum(seconds.values()), sum(full.values())
    times = (f"{1e3 * both:.1f} ms", "", "")
    bench.below(name, "a skipped pair, of a full one", *times, reached=both / whole, goal=0.03)
    if name == "H5":
        half = (both + whole) / 2
        bench.add("H5", "half of the calls skipped, speed-up", f"{half:.4f} s", "", "", reached=whole / half, goal=1.9)
    return both


def end_to_end(bench: Bench, b0: float, ours: float) -> None:
    """H9: what a 4-step model without guidance takes: four calls, encoding and decoding."""
    scale, steps = bench.scale, 4
    image = picture(bench)
    latents = torch.randn(1, 16, scale.timeline.num_latent_frames, scale.height, scale.width, device=bench.device)
    vaes = {"B0": parts.vae(scale, bench.device, torch.float32), "ours": parts.vae(scale, bench.device)}
    with torch.no_grad():
        seconds = fastest(
            {
                "B0 encode": lambda: image_b0(vaes["B0"], image.float(), scale.num_frames),
                "ours encode": lambda: image_ours(vaes["ours"], image),
                "B0 decode": lambda: decode_video(vaes["B0"], latents),
                "ours decode": lambda: decode_video(vaes["ours"], latents),
            },
            1,
            device=bench.device,
        )
    for part in ("encode", "decode"):
        mine, theirs = seconds[f"ours {part}"], seconds[f"B0 {part}"]
        row(bench, "H9", f"VAE, {part}, B0 over ours", mine, theirs, None, "B0", None)
    mine, theirs = (
        steps * each + seconds[f"{who} encode"] + seconds[f"{who} decode"] for who, each in (("ours", ours), ("B0", b0))
    )
    row(bench, "H9", "4 steps without guidance, B0 over ours", mine, theirs, None, "B0", 1.3)


def preparation(bench: Bench) -> None:
    """H10: texts, image latent and AlignFormer."""
    scale, device = bench.scale, bench.device
    encoder, vae = parts.text_encoder(scale, device), parts.vae(scale, device)
    former, aligner = parts.alignformer(scale, device), research_aligner(scale, device)
    inputs, image, (tile, stride) = AlignInputs.random(scale, device, SEGMENTS), picture(bench), tiles(scale)
    long = torch.ones(1, CONTEXT, dtype=torch.long, device=device)
    short, mask = long[:, : scale.words], torch.ones_like(long)

    def b1_texts() -> None:
        batch = long.expand(scale.num_frames, -1)
        texts(encoder, [batch, long], [mask.expand(scale.num_frames, -1), mask])

    def b1_image() -> None:
        image_b1(vae, image, scale.num_frames, tile, stride)

    calls = {
        "texts ours": lambda: texts(encoder, [short] * (SEGMENTS + 1), [mask[:, : scale.words]] * (SEGMENTS + 1)),
        "texts B1": b1_texts,
        "image ours": lambda: image_ours(vae, image),
        "image B1": b1_image,
        "AlignFormer ours": lambda: former(*inputs.ours),
        "AlignFormer B1": lambda: align_b1(aligner, inputs),
    }
    seconds = fastest(calls, 1, device=device)
    for part in ("texts", "image", "AlignFormer"):
        row(bench, "H10", f"{part}, B1 over ours", seconds[f"{part} ours"], None, seconds[f"{part} B1"], "B1", None)
    mine, theirs = (sum(s for name, s in seconds.items() if name.endswith(who)) for who in ("ours", "B1"))
    row(bench, "H10", "all of it, B1 over ours", mine, None, theirs, "B1", 20)


def training(bench: Bench) -> None:
    """T1, T2: a LoRA step."""
    contest = Contest(bench.training, bench.device)
    contest.add_lora()
    story = contest.context(SEGMENTS, cache=False)
    model = contest.transformer
    compiled = CompiledCheckpoint(bench.backend)
    steps = {
        "B0": contest.training_step(contest.stock, contest.b0(), full_checkpoint),
        "B1": contest.training_step(contest.concat, contest.b1(SEGMENTS), full_checkpoint),
        "eager": contest.training_step(model, contest.ours(story), partial(keep_attention, contest.framewise)),
        "ours": with_context(contest, story, compiled),
    }
    plain = contest.training_step(model, contest.ours(story), contest.framewise.checkpoint)
    with torch.enable_grad():
        wrong = distance(steps["ours"](), plain())
        bench.correct("gradient of the condition, compiled and eager: relative L2", wrong, 10 * bench.tolerance)
        seconds = fastest(steps, min(2, bench.rounds), device=bench.device)
    row(bench, "T1", "LoRA step, attention kept, B1 over ours", seconds["eager"], *_rest(seconds), "B1", None)
    row(bench, "T1", "LoRA step, compiled too, B1 over ours", seconds["ours"], *_rest(seconds), "B1", 1.40)
    row(bench, "T1", "LoRA step, compiled too, B0 over ours", seconds["ours"], *_rest(seconds), "B0", 1.2)
    bench.below("T1", "seconds per sample", *[""] * 3, reached=seconds["ours"], goal=1.65, unit=" s")
    del contest, story, steps, plain, model
    free()
    for float8, goal in ((False, 95), (True, 76)):
        held = batch_of_eight(bench, float8=float8)
        what = f"LoRA step of 8 samples, {'8-bit' if float8 else 'bf16'} base, peak GB"
        bench.below("T2", what, *[""] * 3, reached=held / GB, goal=goal, unit="")
        free()


def features(bench: Bench) -> None:
    """Offload, kernels, 8-bit formats, ring attention: the tests marked ``gpu``, which nothing else runs."""
    if bench.device != "cuda" or find_spec("pytest") is None:
        print("\nTests marked gpu: not run, for lack of a GPU or of pytest.")
        return
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-rs", "-o", "addopts=", "-o", "filterwarnings=default"]
    code = subprocess.run([*command, GPU_TESTS], cwd=Path(__file__).parents[1], check=False).returncode
    bench.correct("tests marked gpu: exit code", reached=code, at_most=0)


def with_context(contest: Contest, context: FrameContext, checkpointing: Any) -> Callable[[], Tensor]:
    """A training step whose backward runs inside ``use``."""
    step = contest.training_step(contest.transformer, contest.ours(context), checkpointing)

    def run() -> Tensor:
        with contest.framewise.use(context):
            return step()

    return run


def batch_of_eight(bench: Bench, *, float8: bool) -> float:
    """Peak bytes of a step, everything but the base's weights in bf16; nothing but the blocks' inputs is kept."""
    contest = Contest(bench.training, bench.device, batch=8)
    del contest.stock, contest.concat
    model = contest.transformer
    contest.add_lora(only=[model])
    if float8:
        skip = (*model._skip_layerwise_casting_patterns, "lora", "proj_out")
        model.enable_layerwise_casting(torch.float8_e4m3fn, bench.scale.dtype, skip_modules_pattern=skip)
        free()
    context = contest.context(SEGMENTS, cache=False)
    step = contest.training_step(model, contest.ours(context), contest.framewise.checkpoint)
    with torch.enable_grad():
        return memory(bench, step, model)


def align_memory(bench: Bench) -> None:
    """T3: what a training step of AlignFormer holds beside its weights."""
    scale, device = bench.training, bench.device
    former, aligner = parts.alignformer(scale, device), research_aligner(scale, device)
    inputs = AlignInputs.random(scale, device, SEGMENTS)
    with torch.enable_grad():
        held = {
            "ours": memory(bench, lambda: former(*inputs.ours).float().square().mean().backward()),
            "B1": memory(bench, lambda: align_b1(aligner, inputs).float().square().mean().backward()),
        }
    cells = f"{held['ours'] / GB:.3f} GB", "", f"{held['B1'] / GB:.3f} GB"
    bench.below("T3", "AlignFormer's activations, of B1", *cells, reached=held["ours"] / held["B1"], goal=0.2)


def memory(
    bench: Bench, call: Callable[[], Any], model: nn.Module | None = None, context: FrameContext | None = None
) -> float:
    """Peak bytes of a call: its model's weights, the keys and values kept for it, and all that it holds meanwhile."""
    weights = sum(p.numel() * p.element_size() for p in (*model.parameters(), *model.buffers())) if model else 0
    kept = 0.0
    if context is not None:
        with install(model).use(context):  # type: ignore[arg-type]
            processors = [block.attn2.processor for block in model.blocks]  # type: ignore[union-attr]
            held = [each for processor in processors for each in (*processor.text, *processor.image)]
            kept = sum(each.numel() * each.element_size() for each in held)
    if bench.device != "cuda":
        with torch.compiler.set_stance("force_eager"):
            return weights + kept + count(call).peak
    call()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    call()
    torch.cuda.synchronize()
    return weights + kept + torch.cuda.max_memory_allocated() - before


def show_kernels(call: Callable[[], Any], most: int = 6) -> None:
    """Print the kernels that take longest, so that the table says which attention it is about."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        call()
        torch.cuda.synchronize()
    events = sorted(profiler.key_averages(), key=lambda event: -event.device_time_total)[:most]
    print("\nKernels of B0: " + "; ".join(f"{e.key[:60]} {e.device_time_total / 1e3:.0f} ms" for e in events) + "\n")


def flops(scale: Scale) -> float:
    """Of one call of ours, keys and values kept; a test counts the closed form."""
    shape, text_tokens = Transformer.from_config(scale.config), (scale.words + 2 + 7) // 8 * 8
    tokens = shape.tokens(scale.timeline.num_latent_frames, scale.height, scale.width)
    return shape.forward(tokens, text_tokens=SEGMENTS * text_tokens, image=IMAGE_TOKENS, keys=text_tokens).flops


def row(
    bench: Bench,
    name: str,
    what: str,
    ours: float,
    b0: float | None,
    b1: float | None,
    over: str,
    goal: float | None,
) -> None:
    """Seconds of each, and how many times longer the other takes."""
    cells = ("" if seconds is None else f"{seconds:.4f} s" for seconds in (ours, b0, b1))
    theirs = b0 if over == "B0" else b1
    assert theirs is not None
    bench.add(name, what, *cells, reached=theirs / ours, goal=goal)


def _rest(seconds: dict[str, float]) -> tuple[float, float]:
    return seconds["B0"], seconds["B1"]


def distance(one: Tensor, other: Tensor) -> float:
    """Relative L2."""
    return ((one.float() - other.float()).norm() / other.float().norm()).item()


def picture(bench: Bench) -> Tensor:
    shape = (1, 3, 8 * bench.scale.height, 8 * bench.scale.width)
    return torch.rand(shape, device=bench.device).mul(2).sub(1).to(bench.scale.dtype)


def free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


PARTS: dict[str, Callable[[Bench], None]] = {
    "calls": calls,
    "preparation": preparation,
    "training": training,
    "align-memory": align_memory,
    "features": features,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a size of seconds, on the CPU if there is no GPU")
    parser.add_argument("--rounds", type=int, default=4, help="of timing; the fastest counts")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="all by default")
    options = parser.parse_args(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not options.tiny:
        parser.error("there is no GPU here; add --tiny to run the same code at a tiny size on the CPU")
    if device == "cpu":
        torch.set_num_threads(1)
    scale = SMALLEST if options.tiny else FULL
    trained = SMALLEST if options.tiny else TRAINING
    print(heading(device))
    report = Report(f"{scale.name}, {scale.size}, {SEGMENTS} descriptions", ("ours", "B0", "B1"))
    bench = Bench(device, scale, trained, 1 if options.tiny else options.rounds, report)
    for name, part in PARTS.items():
        if not options.only or name in options.only:
            with torch.no_grad():
                part(bench)
            free()
    if report.missed:
        print(f"\nMissed: {', '.join(dict.fromkeys(report.missed))}.")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
