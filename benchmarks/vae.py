"""What the bundled VAE keeps of unseen clips: ``python -m benchmarks.vae`` in the repository's root.

Prints peak signal-to-noise ratios in dB over 33 and 81 frames: overall, of what moves, and of the last eight frames;
the validation that its recipe logs. ``-o`` also keeps a sheet of true and decoded frames. Ends with status 1 where the
gate, without which nothing should be trained on this VAE, is not reached.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan

from reasondiff.training.vae import VaeStage

MODEL = Path(__file__).parents[1] / "models" / "storyworld-tiny"
GATE = {"psnr_33": 32.0, "psnr_moving_33": 26.0}
"""In dB, at least; the oracle's verdicts after the round trip, the gate's other half, are in ``benchmarks.oracle``."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("-o", "--output", type=Path, help="folder for the sheet")
    options = parser.parse_args()
    stage = VaeStage(AutoencoderKLWan.from_pretrained(options.model / "vae").eval(), steps=1, phases=[])
    with tempfile.TemporaryDirectory() as nowhere, torch.no_grad():
        folder = options.output or Path(nowhere)
        folder.mkdir(parents=True, exist_ok=True)
        report = stage.validate(folder)
    for name, value in report.items():
        print(f"{name:>16} {value:6.2f} dB" + (f" of {GATE[name]:.0f}" if name in GATE else ""))
    if any(report[name] < least for name, least in GATE.items()):
        raise SystemExit("The gate is not reached.")


if __name__ == "__main__":
    main()
