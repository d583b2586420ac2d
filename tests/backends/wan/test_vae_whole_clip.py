"""All frames at once are what diffusers makes chunk by chunk: the VAE is trained one way and used the other."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

from reasondiff.backends.wan import vae_whole_clip

LAYOUTS = {
    "StoryWorld's": {"dim_mult": [1, 2, 4], "temperal_downsample": [True, True], "num_res_blocks": 1},
    "Wan2.1's": {"dim_mult": [1, 2, 2, 2], "temperal_downsample": [False, True, True], "num_res_blocks": 2},
}


@pytest.mark.parametrize("frames", [1, 5, 13])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_at_once_is_chunk_by_chunk(layout: str, frames: int) -> None:
    torch.manual_seed(0)
    vae = AutoencoderKLWan(base_dim=4, z_dim=4, **LAYOUTS[layout])
    clips = torch.rand(2, 3, frames, 16, 24) * 2 - 1
    with torch.no_grad():
        latents = vae_whole_clip.encode(vae, clips)
        torch.testing.assert_close(latents, vae.encode(clips).latent_dist.mode(), atol=1e-5, rtol=0)
        decoded = vae_whole_clip.decode(vae, latents)
        torch.testing.assert_close(decoded.clamp(-1, 1), vae.decode(latents).sample, atol=1e-5, rtol=0)
