"""Goal M7, bytes of text on disk per training clip: ``python -m benchmarks.text_bytes``.

Writes the embeddings of many clips' captions with the very function of ``data precompute``, at the width of umt5-xxl
and with 64 tokens a caption, and measures the files, headers included. The released research code stores 33 embeddings
of 512 tokens per clip.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from reasondiff.data.precompute import BYTES, PADDED_TOKENS, TEXTS_PER_SHARD, text_key
from reasondiff.data.shards import fill_shards

TEXT_DIM = 4096
TOKENS = 64
FRAMES = 33
RESEARCH_CODE = FRAMES * PADDED_TOKENS * TEXT_DIM * BYTES


def bytes_per_clip(captions: int, clips: int) -> float:
    """Of clips with so many distinct captions each."""
    keys = [text_key(f"{clip}/{caption}") for clip in range(clips) for caption in range(captions)]
    embeds = torch.ones(TOKENS, TEXT_DIM, dtype=torch.bfloat16)
    with TemporaryDirectory() as folder:
        made = fill_shards(
            Path(folder), keys, "benchmark", lambda wanted: (embeds.clone() for _ in wanted), per_shard=TEXTS_PER_SHARD
        )
        return made.size / clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=64)
    options = parser.parse_args()
    print(f"research code: {RESEARCH_CODE / 1e6:.1f} MB per clip")
    for captions, goal in ((FRAMES, None), (9, 14), (4, 60)):
        size = bytes_per_clip(captions, options.clips)
        ratio = RESEARCH_CODE / size
        met = "" if goal is None else f", goal 1/{goal}: {'met' if ratio >= goal else 'missed'}"
        print(f"{captions:2d} captions: {size / 1e6:5.2f} MB per clip, 1/{ratio:.1f}{met}")


if __name__ == "__main__":
    main()
