"""LTX-Video: images at any frame as keyframe tokens, and each latent frame's own text."""
