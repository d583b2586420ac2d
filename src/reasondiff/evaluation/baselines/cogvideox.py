"""CogVideoX1.5-5B-I2V: 81 frames, dynamic guidance."""

from __future__ import annotations

from reasondiff.evaluation.baselines.base import DiffusersBaseline

__all__ = ["COGVIDEOX"]

COGVIDEOX = DiffusersBaseline(
    "cogvideox1.5-5b-i2v",
    "CogVideoX1.5-5B-I2V",
    repo="zai-org/CogVideoX1.5-5B-I2V",
    settings={"num_frames": 81, "num_inference_steps": 50, "guidance_scale": 6.0, "use_dynamic_cfg": True},
)
