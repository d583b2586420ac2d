"""Wan2.1-I2V-14B, the model that ReasonDiff is built on, as it is."""

from __future__ import annotations

from reasondiff.evaluation.baselines.base import DiffusersBaseline

__all__ = ["WAN"]

WAN = DiffusersBaseline(
    "wan-i2v",
    "Wan2.1-I2V-14B",
    repo="Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",
    settings={"num_frames": 81, "num_inference_steps": 50, "guidance_scale": 5.0},
)
