"""How often the bundled model's verifier is right, by the oracle: ``python -m benchmarks.verifier``.

Drawn clips of the split ``test``, true and told wrongly in each of the suite's ways, are shown to the verifier with the
story that they should tell; a video passes where every clip came out. The oracle is asked of the same video.

    python -m benchmarks.verifier --clips 20
"""

from __future__ import annotations

import argparse
import random
from collections import Counter

import numpy as np

from reasondiff.evaluation.suites.storyworld_corruptions import FURTHER, REQUIRED, SPOILED
from reasondiff.jobs.storyworld_verifier import StoryWorldVerifier
from reasondiff.narrator.verifier import Verifier
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.oracle import judge
from reasondiff.storyworld.render import draw
from reasondiff.storyworld.stories import NUM_FRAMES, Take

__all__ = ["count", "main"]

_FIRST = 100
"""The verifier's threshold was chosen on clips before this one."""

Counts = Counter[tuple[bool, bool]]
"""Videos by whether the oracle and the verifier let them pass."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20)
    given = parser.parse_args(arguments)
    takes = TakeSet("test")
    by_kind = count(StoryWorldVerifier(), [takes[number] for number in range(_FIRST, _FIRST + given.clips)])
    total: Counts = Counter()
    print("kind, videos, passed by the oracle, passed by the verifier, of one opinion")
    for kind, counts in by_kind.items():
        print(f"{kind}, {_row(counts)}")
        total += counts
    print(f"all, {_row(total)}")
    for oracle, word in ((True, "passes"), (False, "fails")):
        asked = total[oracle, True] + total[oracle, False]
        if asked:
            right = 100 * total[oracle, oracle] / asked
            print(f"of {asked} that the oracle {word}, the verifier says so of {right:.0f} %")


def count(verifier: Verifier, takes: list[Take]) -> dict[str, Counts]:
    """True clips and wrong ones by kind."""
    kinds = {**REQUIRED, **FURTHER, **SPOILED}
    found: dict[str, Counts] = {"true": Counter(), **{kind: Counter() for kind in kinds}}
    for number, take in enumerate(takes):
        story = captions.narrative(take, NUM_FRAMES // 2, random.Random(number))
        videos = {"true": draw(take), **{kind: make(take, random.Random(number)) for kind, make in kinds.items()}}
        for kind, video in videos.items():
            if video is None:  # the take does not lend itself to it
                continue
            frames = np.asarray(video)
            by_oracle = judge(frames, take.story, variant=take.variant).passed
            by_verifier = not verifier.verify(frames, story, "").failed
            found[kind][by_oracle, by_verifier] += 1
    return found


def _row(counts: Counts) -> str:
    oracle, verifier = counts[True, True] + counts[True, False], counts[True, True] + counts[False, True]
    agreed = counts[True, True] + counts[False, False]
    return f"{counts.total()}, {oracle}, {verifier}, {agreed}"


if __name__ == "__main__":
    main()
