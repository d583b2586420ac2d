"""How much of the image is left in its frame, by position: ``python -m benchmarks.anchor_by_position``.

For each position the PSNR between the image and the frame that was to show it, of the model without an adapter and,
where it has one, with it. The image is one frame of a drawn clip, the story the clip's own, the seed always the same.

    python -m benchmarks.anchor_by_position --model wan2.1-vace-1.3b --steps 20 --positions 1,21,41,61,81
"""

from __future__ import annotations

import argparse
import random

import numpy as np

from reasondiff.media.tensors import psnr
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.storyworld import captions
from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import NUM_FRAMES, sample_take


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="storyworld-tiny")
    parser.add_argument("--positions", default="1,9,17,25,33", help="counted from 1")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    pipe = ReasonDiffPipeline.from_pretrained(given.model)
    pipe.to(given.device)
    pipe.set_progress_bar_config(disable=True)
    ways = [False, True] if pipe.alignformer is not None else [False]
    print(" ".join(["position", *("with adapter" if way else "training-free" for way in ways)]))
    for position in map(int, given.positions.split(",")):
        print(position, *(f"{measured(pipe, position, given.steps, use_adapter=way):.1f} dB" for way in ways))


def measured(pipe: ReasonDiffPipeline, position: int, steps: int | None, *, use_adapter: bool) -> float:
    """PSNR in dB of the frame at ``position``, counted from 1, against the image at the video's size."""
    take = sample_take(random.Random(0), pairs=[("vase", "cat")])
    frames = pipe.defaults.num_frames
    drawn = min(NUM_FRAMES - 1, round((position - 1) * (NUM_FRAMES - 1) / max(1, frames - 1)))
    story: Narrative = captions.narrative(take, drawn, random.Random(0)).retime(frames).with_anchor(position - 1)
    output = pipe(
        draw_frame(take, drawn),
        narrative=story,
        output_type="uint8",
        num_inference_steps=steps,
        use_adapter=use_adapter,
    )
    return psnr(output.frames[0][position - 1], np.asarray(output.stories[0].image))


if __name__ == "__main__":
    main()
