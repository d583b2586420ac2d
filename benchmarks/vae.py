"""What the bundled VAE keeps of unseen clips: ``python -m benchmarks.vae`` in the repository's root.

Prints peak signal-to-noise ratios in dB over 33 and 81 frames: overall, of what moves, and of the last eight frames;
the validation that its recipe logs. Then, of the same clips at both lengths, the first and the last third, and of the
longer the 17 pictures that it begins and ends with; a drift is how much better the later part is. ``-o`` also keeps a
sheet of true and decoded frames. Ends with status 1 where the gate, without which nothing should be trained on this
VAE, is not reached.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan

from reasondiff.media.tensors import psnr, to_tensor
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw
from reasondiff.training.storyworld.vae import VaeStage

MODEL = Path(__file__).parents[1] / "models" / "storyworld-tiny"
GATE = {"psnr_33": 32.0, "psnr_moving_33": 26.0, "drift_third_33": -1.0, "drift_third_81": -1.0}
"""In dB, at least; the oracle's verdicts after the round trip, the gate's other half, are in ``benchmarks.oracle``."""


@torch.no_grad()
def drift(vae: AutoencoderKLWan, count: int) -> dict[str, float]:
    """PSNR in dB of parts of ``count`` unseen clips, and of the same clips played forth, back and forth again."""
    videos = np.stack([draw(TakeSet("validation")[index]) for index in range(count)])
    long = np.concatenate([videos, videos[:, -2::-1], videos[:, 1:17]], axis=1)
    report = {}
    for frames, parts in ((videos, {"third_33": 11}), (long, {"third_81": 27, "same_81": 17})):
        clean = to_tensor(frames)
        decoded = torch.cat([vae.decode(vae.encode(clip[None]).latent_dist.mode()).sample for clip in clean])
        for name, length in parts.items():
            first, last = (psnr(decoded[:, :, part], clean[:, :, part]) for part in (np.s_[:length], np.s_[-length:]))
            report |= {f"first_{name}": first, f"last_{name}": last, f"drift_{name}": round(last - first, 2)}
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--clips", type=int, default=8, help="to measure drift on")
    parser.add_argument("-o", "--output", type=Path, help="folder for the sheet")
    options = parser.parse_args()
    stage = VaeStage(AutoencoderKLWan.from_pretrained(options.model / "vae").eval(), steps=1, phases=[])
    with tempfile.TemporaryDirectory() as nowhere, torch.no_grad():
        folder = options.output or Path(nowhere)
        folder.mkdir(parents=True, exist_ok=True)
        report = stage.validate(folder) | drift(stage.vae, options.clips)
    for name, value in report.items():
        print(f"{name:>16} {value:6.2f} dB" + (f" of {GATE[name]:.0f}" if name in GATE else ""))
    if missed := [name for name, least in GATE.items() if report[name] < least]:
        raise SystemExit(f"The gate is not reached by {', '.join(missed)}.")


if __name__ == "__main__":
    main()
