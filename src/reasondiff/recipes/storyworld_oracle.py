"""The oracle's eye, from nothing; the model card says what the one that is shipped had other than this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reasondiff.recipes.base import NetworkRecipe
from reasondiff.storyworld.oracle.detector import Detector
from reasondiff.training.optimization import Optimization
from reasondiff.training.storyworld.oracle import OracleStage
from reasondiff.training.storyworld.oracle_scenes import CLASSES
from reasondiff.training.trainer import Stage

__all__ = ["ORACLE", "OracleRecipe"]


@dataclass(frozen=True, kw_only=True)
class OracleRecipe(NetworkRecipe):
    """A network of 0.36 M parameters that sees who and what is where in a frame.

    Args:
        widths: of the network's levels.
        deep_layers: at its coarsest.
        batch: frames per step and process.
        perturbed: share of frames in which things are moved, dropped, doubled or covered.
        rolling: share of frames in which balls are turned.
        blended: share of frames that are two pictures in one.
        blurred: share of frames in which one thing has run into a blob.
        spoiled: share of frames in which one thing is a shade, smeared, of many colours or of wrong parts.
        clean: share of frames that are not made worse.
    """

    widths: tuple[int, ...] = (32, 64, 112)
    deep_layers: int = 2
    batch: int = 96
    perturbed: float = 0.5
    rolling: float = 0.6
    blended: float = 0.2
    blurred: float = 0.08
    spoiled: float = 0.3
    clean: float = 0.15

    @property
    def continues_from(self) -> tuple[str, ...]:
        return self.exports

    @property
    def exports(self) -> tuple[str, ...]:
        return ("config.json", "diffusion_pytorch_model.safetensors")

    def build(self, model: Path, cache: Path, device: str) -> Stage:
        if self.from_weights is not None:
            net = Detector.from_pretrained(self.from_weights, local_files_only=True, use_safetensors=True).float()
        else:
            net = self.seeded(
                lambda: Detector(classes=list(CLASSES), widths=list(self.widths), deep_layers=self.deep_layers)
            )
        return OracleStage(
            net.to(device),
            batch=self.batch,
            perturbed=self.perturbed,
            rolling=self.rolling,
            blended=self.blended,
            blurred=self.blurred,
            spoiled=self.spoiled,
            clean=self.clean,
        )


ORACLE = OracleRecipe(
    name="storyworld-tiny/oracle",
    purpose="the judge's eye: who and what is where, in one frame",
    optimization=Optimization(
        steps=3600, lr=2e-3, warmup_steps=100, decay_fraction=0.4, ema_decay=0.998, precision="fp32"
    ),
    validate_every=600,
)
