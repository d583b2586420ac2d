"""How far the judges can be trusted: ``python -m benchmarks.oracle`` in the repository's root.

Prints, with 95 % intervals, how many true unseen clips pass, how many still pass after the bundled VAE's round trip,
how many clips with one thing wrong pass, and how the share of true clips that pass falls with noise, blur and loss of
colour. A clip passes if the oracle and the template judge pass it; each one's own count, and in how many clips they
agree, stand beside. Ends with 1, and names them, where rows miss what is required of them.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from PIL import Image, ImageFilter

from reasondiff.evaluation.suites.storyworld_corruptions import FURTHER, REQUIRED, SPOILED, Corruption
from reasondiff.media.film_strip import film_strips
from reasondiff.media.tensors import to_pixels, to_tensor
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.judges import StoryVerdict, judge_story
from reasondiff.storyworld.oracle import Detector, load_detector
from reasondiff.storyworld.render import draw
from reasondiff.storyworld.stories import NUM_FRAMES, PAIRS, Take

VAE = Path(__file__).parents[1] / "models" / "storyworld-tiny" / "vae"
REQUIRED_SHARES = {"true": 0.99, "true, after the VAE": 0.97, **dict.fromkeys(REQUIRED | SPOILED, 0.02)}
"""Of true clips at least so many must pass, of corrupted ones at most, on either level."""
Change = Callable[[np.ndarray], np.ndarray]


def interval(hits: int, count: int, error: float = 0.05) -> tuple[float, float]:
    """Clopper and Pearson's exact interval of a share."""

    def tail(p: float, ks: range) -> float:
        return sum(math.comb(count, k) * p**k * (1 - p) ** (count - k) for k in ks)

    def solve(ks: range, rising: bool) -> float:
        low, high = 0.0, 1.0
        for _ in range(40):
            p = (low + high) / 2
            low, high = (p, high) if (tail(p, ks) < error / 2) == rising else (low, p)
        return (low + high) / 2

    lower = solve(range(hits, count + 1), rising=True) if hits else 0.0
    upper = solve(range(hits + 1), rising=False) if hits < count else 1.0
    return lower, upper


def judge_true(
    take: Take, index: int, level: str, change: Change, detector: Detector | None = None
) -> tuple[np.ndarray, StoryVerdict]:
    """A true clip, seen through ``change``, with an anchor at a random frame whose image is as drawn."""
    video = draw(take)
    frame = random.Random(f"anchor/{level}/{index}").randrange(NUM_FRAMES)
    seen = change(video)
    return seen, judge_story(seen, take.story, frame, video[frame], variant=take.variant, detector=detector)


class Table:
    """Prints rows as they are measured and keeps the clips that were judged wrongly; ``missed`` names rows."""

    def __init__(self, sheets: Path | None) -> None:
        self.sheets = sheets
        self.missed: list[str] = []
        print(f"{'level':6}{'clips':36}{'pass':>9}{'share':>8}  {'95 % interval':18}oracle templates agree")

    def row(self, level: str, name: str, verdicts: Iterator[tuple[np.ndarray, StoryVerdict]], wanted: bool) -> None:
        judged = list(verdicts)
        wrong = [video for video, verdict in judged if verdict.passed != wanted]
        hits = sum(verdict.passed for _, verdict in judged)
        low, high = interval(hits, len(judged))
        share = hits / len(judged)
        required = REQUIRED_SHARES.get(name, share)
        if share < required if wanted else share > required:
            self.missed.append(f"{level} {name}")
        oracle = sum(verdict.oracle.passed for _, verdict in judged)
        templates = sum(verdict.templates.passed for _, verdict in judged)
        agree = sum(verdict.agree for _, verdict in judged)
        spread = f"{low:.1%} .. {high:.1%}"
        print(
            f"{level:6}{name:36}{hits:4}/{len(judged):<4}{share:8.1%}  {spread:18}{oracle:6}{templates:10}{agree:6}",
            flush=True,
        )
        reasons = Counter(verdict.reasons[0] for _, verdict in judged if wanted and not verdict.passed)
        for reason, count in reasons.most_common(5):
            print(f"{'':6}  {count:3} x {reason}")
        if self.sheets and wrong:
            self.sheets.mkdir(parents=True, exist_ok=True)
            film_strips(wrong[:12], self.sheets / f"{level}-{name.replace(' ', '-')}.png", columns=16)


def corrupted(
    takes: TakeSet, corruption: Corruption, count: int, level: str, detector: Detector | None = None
) -> Iterator[tuple[np.ndarray, StoryVerdict]]:
    index = found = 0
    while found < count:
        take = takes[100_000 + index]
        video = corruption(take, random.Random(f"{level}/{index}"))
        index += 1
        if video is not None:
            found += 1
            yield video, judge_story(video, take.story, variant=take.variant, detector=detector)


def round_trip(vae: AutoencoderKLWan) -> Change:
    @torch.inference_mode()
    def through(video: np.ndarray) -> np.ndarray:
        return to_pixels(vae.decode(vae.encode(to_tensor(video[None])).latent_dist.mode()).sample)[0]

    return through


def noisy(sigma: float) -> Change:
    """Gaussian noise; ``sigma`` of the whole range of brightness."""

    def change(video: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(0).normal(0, sigma * 255, video.shape)
        return (video + noise).clip(0, 255).round().astype(np.uint8)

    return change


def blurred(sigma: float) -> Change:
    """A Gaussian blur of ``sigma`` pixels."""

    def change(video: np.ndarray) -> np.ndarray:
        blur = ImageFilter.GaussianBlur(sigma)
        return np.stack([np.asarray(Image.fromarray(frame).filter(blur)) for frame in video])

    return change


def faded(share: float) -> Change:
    """``share`` of the colour removed; 1 is grey."""

    def change(video: np.ndarray) -> np.ndarray:
        grey = video @ np.array([0.299, 0.587, 0.114])
        return (video * (1 - share) + grey[..., None] * share).clip(0, 255).round().astype(np.uint8)

    return change


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=300, help="per row of the table")
    parser.add_argument("--curve-clips", type=int, default=100, help="per point of the curves; 0 for none")
    parser.add_argument("--split", default="test", help="which takes: train, validation or test")
    parser.add_argument("--levels", nargs="+", default=["core", "hard"])
    parser.add_argument("--only", nargs="+", help="rows to measure; all by default")
    parser.add_argument("--sheets", type=Path, help="folder for pictures of the clips that were judged wrongly")
    parser.add_argument("--oracle", type=Path, help="folder of the oracle's network; the bundled one by default")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    detector = load_detector(options.oracle)
    table = Table(options.sheets)
    if not VAE.is_dir():
        raise SystemExit(
            f"There is no {VAE}, whose round trip true clips must survive; train storyworld-tiny/vae first."
        )
    vae = AutoencoderKLWan.from_pretrained(VAE).eval()

    for level in options.levels:
        takes = TakeSet(options.split, hard=float(level == "hard"), pairs=PAIRS)

        def true(count: int, change: Change, takes: TakeSet = takes, level: str = level) -> Iterator:
            return (judge_true(takes[index], index, level, change, detector) for index in range(count))

        rows = {
            "true": lambda: true(options.clips, lambda video: video),
            "true, after the VAE": lambda: true(options.clips, round_trip(vae)),
        }
        for name, verdicts in rows.items():
            if not options.only or name in options.only:
                table.row(level, name, verdicts(), wanted=True)
        for name, corruption in (REQUIRED | SPOILED | FURTHER).items():
            if not options.only or name in options.only:
                table.row(level, name, corrupted(takes, corruption, options.clips, level, detector), wanted=False)

    curves = {
        "noise, standard deviation": (noisy, (0.0, 0.03, 0.06, 0.1, 0.15, 0.2)),
        "blur, pixels": (blurred, (0.5, 1.0, 1.5, 2.0, 2.5)),
        "colour removed": (faded, (0.25, 0.5, 0.75, 1.0)),
    }
    for name, (change, amounts) in curves.items() if options.curve_clips else ():
        for level in options.levels:
            takes = TakeSet(options.split, hard=float(level == "hard"), pairs=PAIRS)
            for amount in amounts:
                judged = (judge_true(takes[k], k, level, change(amount), detector) for k in range(options.curve_clips))
                table.row(level, f"true, {name} {amount:g}", judged, wanted=True)
    if table.missed:
        raise SystemExit(f"Required and missed: {', '.join(table.missed)}.")


if __name__ == "__main__":
    main()
