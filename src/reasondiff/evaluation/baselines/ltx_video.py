"""LTX-Video-2B 0.9.6, distilled: eight steps, no guidance, a decoder that is told how clean its latents are."""

from __future__ import annotations

from reasondiff.evaluation.baselines.base import DiffusersBaseline

__all__ = ["LTX_VIDEO"]

LTX_VIDEO = DiffusersBaseline(
    "ltx-video",
    "LTX-Video-2B 0.9.6 distilled",
    repo="",
    settings={
        "num_frames": 81,
        "num_inference_steps": 8,
        "guidance_scale": 1.0,
        "frame_rate": 15,
        "decode_timestep": 0.05,
        "image_cond_noise_scale": 0.025,
    },
    multiple=32,
    pipeline="LTXConditionPipeline",
)
"""Its weights are published as one file, ``ltxv-2b-0.9.6-distilled-04-25``, and not in diffusers' layout."""
