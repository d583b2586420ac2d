"""How often StoryWorld's network of captions puts what is true before what is wrong, on clips of the split ``test``.

python -m benchmarks.clip --clips 60 [--model FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from reasondiff.storyworld.clip import load_clip
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.stories import HELD_OUT, PAIRS
from reasondiff.training.storyworld.clip import rankings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--model", type=Path, help="the network's folder; the bundled one unless given")
    asked = parser.parse_args()
    net, tokenizer = load_clip(asked.model)
    for name, pairs in (("all pairs", PAIRS), ("held-out pairs", tuple(sorted(HELD_OUT)))):
        drawn = TakeSet("test", pairs=pairs)
        found = rankings(net, tokenizer, [drawn[number] for number in range(asked.clips)], drawn)
        shown = ", ".join(f"{kind} {100 * share:.1f} %" for kind, share in found.items())
        print(f"{name}, {asked.clips} clips: {shown}")


if __name__ == "__main__":
    main()
