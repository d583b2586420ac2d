"""What colours alone tell: ``python -m benchmarks.colour_histograms`` in the repository's root.

A linear classifier that sees how much of each colour a frame has, and no shape, learns on drawn frames which of its two
states an object is in, and which agent is there, and is tried on other ones. What it tells beyond chance, a generator
could learn to show without drawing the thing. Prints its accuracy beside chance (the commonest of the answers).
"""

from __future__ import annotations

import argparse
import random

import numpy as np
import torch
from torch import nn

from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import AGENTS, PAIRS, Story

BINS = 6
"""Per channel."""


def histogram(frame: np.ndarray) -> np.ndarray:
    """The share of each of 6 x 6 x 6 colours in a frame, its square root: float32 [216]."""
    bins = (frame.reshape(-1, 3).astype(int) * BINS) // 256
    counts = np.bincount(bins @ np.array([BINS * BINS, BINS, 1]), minlength=BINS**3)
    return np.sqrt(counts / counts.sum()).astype(np.float32)


def accuracy(examples: list[tuple[np.ndarray, int]], classes: int) -> tuple[float, float]:
    """Of a linear classifier that learnt two thirds of the examples, on the others; and of the commonest answer."""
    features = torch.from_numpy(np.stack([feature for feature, _ in examples]))
    answers = torch.tensor([answer for _, answer in examples])
    known = 2 * len(examples) // 3
    mean = features[:known].mean(0)
    torch.manual_seed(0)
    net = nn.Linear(features.shape[1], classes)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03, weight_decay=1e-4)
    for _ in range(400):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(features[:known] - mean), answers[:known]).backward()
        optimizer.step()
    with torch.inference_mode():
        told = net(features[known:] - mean).argmax(1)
    rest = answers[known:]
    chance = torch.bincount(rest, minlength=classes).max().item() / len(rest)
    return (told == rest).float().mean().item(), chance


def states(thing: str, count: int) -> list[tuple[np.ndarray, int]]:
    """Frames without an agent, half of them with the object as before and half as after."""
    pairs = tuple((thing, agent) for agent in AGENTS if (thing, agent) in PAIRS and Story(thing, agent).changes)
    takes, found = TakeSet("validation", pairs=pairs), []
    for index in range(count):
        phase = takes[index].phases["before" if index % 2 else "after"]
        found.append((histogram(np.asarray(draw_frame(takes[index], phase[0]))), index % 2))
    return found


def agents(count: int) -> list[tuple[np.ndarray, int]]:
    """Frames of a scene outdoors with an agent in its middle, each agent as often as the others."""
    found = []
    for index in range(count):
        agent = AGENTS[index % len(AGENTS)]
        take = TakeSet("validation", pairs=(("bicycle", agent),))[index]
        inside = [f for f in range(33) if (pose := take.agent_pose(f)) and 16 < pose.x < 48]
        frame = random.Random(index).choice(inside)
        found.append((histogram(np.asarray(draw_frame(take, frame))), index % len(AGENTS)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=900, help="per question; a third of them are asked")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'what':24}{'told':>8}{'chance':>8}")
    for thing in ("vase", "table", "candle", "window", "book", "dog"):
        told, chance = accuracy(states(thing, options.frames), 2)
        print(f"{'state of the ' + thing:24}{told:8.1%}{chance:8.1%}", flush=True)
    told, chance = accuracy(agents(options.frames), len(AGENTS))
    print(f"{'which agent':24}{told:8.1%}{chance:8.1%}")


if __name__ == "__main__":
    main()
