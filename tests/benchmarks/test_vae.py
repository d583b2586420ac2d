"""``benchmarks.vae``: its status says whether the gate is reached."""

from __future__ import annotations

import pytest

from benchmarks import vae
from reasondiff.training.vae import VaeStage


@pytest.mark.parametrize(("moving", "reached"), [(25.9, False), (26.0, True)])
def test_the_gate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], moving: float, reached: bool
) -> None:
    report = {"psnr_33": 32.5, "psnr_moving_33": moving, "psnr_last_33": 1.0}
    monkeypatch.setattr(VaeStage, "validate", lambda self, folder: report)
    monkeypatch.setattr("sys.argv", ["vae"])
    if reached:
        vae.main()
    else:
        with pytest.raises(SystemExit, match="not reached"):
            vae.main()
    assert f"psnr_moving_33  {moving:.2f} dB of 26" in capsys.readouterr().out
