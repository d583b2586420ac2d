"""What the bundled VAE keeps of unseen clips: ``python -m benchmarks.vae`` in the repository's root.

Prints peak signal-to-noise ratios in dB over 33 and 81 frames: overall, of what moves, and of the last eight frames;
the validation that its recipe logs. ``-o`` also keeps a sheet of true and decoded frames.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan

from reasondiff.training.vae import VaeStage

MODEL = Path(__file__).parents[1] / "models" / "storyworld-tiny"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("-o", "--output", type=Path, help="folder for the sheet")
    options = parser.parse_args()
    stage = VaeStage(AutoencoderKLWan.from_pretrained(options.model / "vae").eval(), steps=1, phases=[])
    with tempfile.TemporaryDirectory() as nowhere, torch.no_grad():
        folder = options.output or Path(nowhere)
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in stage.validate(folder).items():
            print(f"{name:>16} {value:6.2f} dB")


if __name__ == "__main__":
    main()
