"""``benchmarks.vae``: its status says whether the gate is reached."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks import vae
from reasondiff.training.storyworld.vae import VaeStage


@pytest.mark.parametrize(
    ("moving", "drift", "missed"),
    [(25.9, -0.9, "psnr_moving_33"), (26.0, -1.1, "drift_third_81"), (26.0, -1.0, "")],
)
def test_the_gate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], moving: float, drift: float, missed: str
) -> None:
    report = {"psnr_33": 32.5, "psnr_moving_33": moving, "psnr_last_33": 1.0}
    monkeypatch.setattr(VaeStage, "validate", lambda self, folder: report)
    monkeypatch.setattr(vae, "drift", lambda model, count: {"drift_third_33": 1.7, "drift_third_81": drift})
    monkeypatch.setattr("sys.argv", ["vae"])
    if missed:
        with pytest.raises(SystemExit, match=f"^The gate is not reached by {missed}\\.$"):
            vae.main()
    else:
        vae.main()
    assert f"psnr_moving_33  {moving:.2f} dB of 26" in capsys.readouterr().out


def test_drift_is_how_much_better_the_last_part_is() -> None:
    """A VAE that gives everything back but for an error, which is ten times as large (20 dB) after two thirds."""

    class Drifting:
        def encode(self, clean: Tensor) -> Any:
            return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: clean))

        def decode(self, clean: Tensor) -> Any:
            late = torch.arange(clean.shape[2]) >= clean.shape[2] * 2 // 3
            error = torch.where(late, 0.2, 0.02)[:, None, None]
            return SimpleNamespace(sample=clean - error * clean.sign())

    found = vae.drift(Drifting(), 1)  # type: ignore[arg-type]
    for length in ("third_33", "third_81", "same_81"):
        parts = [found[f"{part}_{length}"] for part in ("first", "last", "drift")]
        assert parts == pytest.approx([40.0, 20.0, -20.0], abs=0.01)
