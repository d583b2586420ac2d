"""Where the judges' thresholds lie: ``python -m benchmarks.legibility`` in the repository's root.

Both judges weigh every frame: the oracle how sure it is of the agent, the template judge how much of what is there a
drawn agent explains. A clip's *clearness* is what its required share of frames exceeds. This prints it, judge by
judge and agent by agent: the lowest of drawn clips of the split ``validation`` that were made worse but in which a
person still names the agent (``nameable``), and the highest of the spoiled kinds in which nobody would; the judges'
thresholds lie between. The last column is the share of clips whose agent both judges tell by these frames. No
generator has any part in it. ``--sheet`` draws what was measured, so that a reader can say whether the names of the
two groups are earned.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from PIL import Image

from benchmarks.oracle import VAE, Change, blurred, noisy, round_trip
from reasondiff.evaluation.suites.storyworld_corruptions import SPOILED, Spoil, instead, middle_of, spoiled
from reasondiff.media.film_strip import film_strips
from reasondiff.storyworld import degradations, oracle, template_judge
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.palette import COLOURS
from reasondiff.storyworld.render import draw
from reasondiff.storyworld.stories import AGENTS, NUM_FRAMES, PAIRS, SIZE, Take

Kind = Callable[[Take, random.Random], np.ndarray | None]
NOT_LEGIBLE = [name for name in SPOILED if "changes" not in name]
"""The spoiled kinds that a single frame shows."""
_INSIDE = 14.0
"""An agent nearer to the edge than this is not weighed here: both judges allow for it."""
_NEAR = 9.0
"""Pixels between where the agent was drawn and where a judge sees it."""
_FRAMES, _ENDS = 6, 4
"""Frames with the agent that are weighed of a clip, and frames at either end that show the scene without it."""


def seen_through(change: Change) -> Kind:
    return lambda take, rng: change(draw(take))


def with_agent(spoil: Callable[[Take, random.Random], Spoil]) -> Kind:
    return lambda take, rng: spoiled(take, spoil(take, rng))


def melted(amount: float) -> Kind:
    def spoil(take: Take, rng: random.Random) -> Spoil:
        seed = rng.randrange(2**31)
        return lambda layer, frame: degradations.warp(layer, middle_of(take, frame), amount, seed)

    return with_agent(spoil)


def mottled(share: float) -> Kind:
    """The agent's colour runs over, patch by patch, into two others by ``share``."""

    def spoil(take: Take, rng: random.Random) -> Spoil:
        others = rng.sample([colour for colour in sorted(COLOURS) if colour != take.agent_colour], 2)
        layers = [instead(take, agent_colour=colour) for colour in (take.agent_colour, *others)]
        seed = rng.randrange(2**31)

        def patched(layer: np.ndarray, frame: int) -> np.ndarray:
            pieces = degradations.patch([each[frame] for each in layers], middle_of(take, frame), seed)[0]
            return (1 - share) * layer + share * pieces

        return patched

    return with_agent(spoil)


def turned(take: Take, rng: random.Random) -> np.ndarray | None:
    """A ball that rolls, as no drawn one does: its patches are turned by 20 to 40 degrees a frame."""
    if take.story.agent != "ball":
        return None
    video, step = draw(take), rng.uniform(20, 40)
    rows, columns = np.indices((SIZE, SIZE))
    for frame in range(NUM_FRAMES):
        if pose := take.agent_pose(frame):
            x, y, radius = pose.x, pose.y - 8 * take.agent_scale, 8 * take.agent_scale
            picture = Image.fromarray(video[frame])
            round_and_round = picture.rotate(step * frame, Image.Resampling.BICUBIC, center=(x, y))
            inside = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 < radius**2
            video[frame] = np.where(inside[..., None], np.asarray(round_and_round), video[frame])
    return video


def nameable(vae: AutoencoderKLWan) -> dict[str, Kind]:
    """Ways to make a clip worse after which a person still names its agent."""
    through = round_trip(vae)
    return {
        "drawn": seen_through(lambda video: video),
        "after the VAE": seen_through(through),
        "after the VAE twice": seen_through(lambda video: through(through(video))),
        "after the VAE, blur 0.8": seen_through(lambda video: blurred(0.8)(through(video))),
        "blur 0.5 pixels": seen_through(blurred(0.5)),
        "blur 0.8 pixels": seen_through(blurred(0.8)),
        "blur 1.1 pixels": seen_through(blurred(1.1)),
        "blur 1.5 pixels": seen_through(blurred(1.5)),
        "noise 0.05": seen_through(noisy(0.05)),
        "eight tenths of its ink": with_agent(lambda take, rng: lambda layer, frame: degradations.fade(layer, 0.8)),
        "smeared over 3 pixels": with_agent(lambda take, rng: lambda layer, frame: degradations.smear(layer, 3)),
        "melted by 0.5 pixels": melted(0.5),
        "mottled by a third": mottled(0.33),
        "a ball that turns": turned,
    }


@dataclass(frozen=True)
class Clearness:
    """Of one clip, 0..1, by each judge; and whether that is enough for both."""

    oracle: float
    templates: float
    told: bool


class Measure:
    """Both judges' look at the frames of a clip that show its agent."""

    def __init__(self) -> None:
        self.net = oracle.load_detector()

    def of(self, video: np.ndarray, take: Take, frames: Sequence[int]) -> Clearness:
        sure, explained = [], []
        for frame, sightings in zip(frames, oracle.detect(self.net, video[list(frames)]), strict=True):
            x = _x(take, frame)
            there = [one.score for one in sightings if one.name == take.story.agent and abs(one.x - x) < _NEAR]
            sure.append(max(there, default=0.0))
        chosen = [*range(_ENDS), *frames, *range(NUM_FRAMES - _ENDS, NUM_FRAMES)]
        reading = template_judge.read(video[chosen], take.story, take.variant)
        for frame, match in zip(frames, reading.agent[_ENDS:], strict=False):
            explained.append(match.explained if match and abs(match.x - _x(take, frame)) < _NEAR else 0.0)
        by_oracle = float(np.quantile(sure, 1 - oracle.THRESHOLDS.legible, method="lower"))
        by_templates = float(np.quantile(explained, 1 - template_judge.THRESHOLDS.told, method="lower"))
        told = by_oracle >= oracle.THRESHOLDS.named and by_templates >= template_judge.THRESHOLDS.fits[take.story.agent]
        return Clearness(by_oracle, by_templates, told)


def _x(take: Take, frame: int) -> float:
    pose = take.agent_pose(frame)
    assert pose is not None, "only frames with the agent are chosen"
    return pose.x


def frames_with_agent(take: Take) -> list[int]:
    """Some frames in which it is well inside."""
    inside = [f for f in range(NUM_FRAMES) if (p := take.agent_pose(f)) and _INSIDE <= p.x <= SIZE - _INSIDE]
    inside = [f for f in inside if _ENDS <= f < NUM_FRAMES - _ENDS]
    return [inside[k] for k in sorted({round(k) for k in np.linspace(0, len(inside) - 1, _FRAMES)})] if inside else []


def clips(kind: Kind, name: str, agent: str, count: int) -> list[tuple[Take, np.ndarray, list[int]]]:
    """Takes of an agent, made worse, and the frames to look at."""
    takes = TakeSet("validation", pairs=tuple(pair for pair in PAIRS if pair[1] == agent))
    found: list[tuple[Take, np.ndarray, list[int]]] = []
    for index in range(4 * count):
        take = takes[index]
        frames = frames_with_agent(take)
        video = kind(take, random.Random(f"{name}/{index}")) if frames and len(found) < count else None
        if video is not None:
            found.append((take, video, frames))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=12, help="of each agent and kind")
    parser.add_argument("--kinds", nargs="+", help="only these; all by default")
    parser.add_argument("--sheet", type=Path, help="PNG of one clip of each kind and agent")
    options = parser.parse_args()
    torch.set_num_threads(1)
    good = nameable(AutoencoderKLWan.from_pretrained(VAE).eval())
    kinds = good | {name: SPOILED[name] for name in NOT_LEGIBLE}
    measure = Measure()
    strips: list[np.ndarray] = []
    print(f"{'oracle / templates':28}{''.join(f'{agent:>12}' for agent in AGENTS)}{'told':>12}")
    for name, kind in kinds.items():
        if options.kinds and name not in options.kinds:
            continue
        worst = min if name in good else max
        cells: list[str] = []
        measured: list[Clearness] = []
        for agent in AGENTS:
            some = clips(kind, name, agent, options.clips)
            here = [measure.of(video, take, frames) for take, video, frames in some]
            cells.append(_cell(here, worst))
            measured += here
            strips += [some[0][1][some[0][2]]] if some else []
        told = f"{sum(one.told for one in measured)}/{len(measured)}"
        print(f"{name:28}{''.join(cells)}{told:>12}", flush=True)
    if options.sheet:
        film_strips(strips, options.sheet, columns=_FRAMES)


def _cell(clearness: Sequence[Clearness], worst: Callable[[list[float]], float]) -> str:
    if not clearness:
        return f"{'':>12}"
    sure, explained = worst([c.oracle for c in clearness]), worst([c.templates for c in clearness])
    return f"{f'{sure:.2f}/{explained:.2f}':>12}"


if __name__ == "__main__":
    main()
