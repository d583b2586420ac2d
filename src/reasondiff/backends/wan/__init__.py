"""Wan2.1 image-to-video, on stock diffusers classes."""
