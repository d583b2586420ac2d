"""Images that are not StoryWorld's: noise, ramps, flat colours, clouds like photographs, other drawings."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw_frame

__all__ = ["unknown_images"]


def unknown_images(seed: int = 0) -> dict[str, Image.Image]:
    """By name, in several sizes."""
    rng = np.random.default_rng(seed)
    ramp = Image.linear_gradient("L")
    known = draw_frame(TakeSet("test")[90_000], 10)
    images = {
        "noise": Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)),
        "a grey ramp": ramp.convert("RGB"),
        "a coloured ramp": Image.merge("RGB", (ramp, ramp.rotate(90), ramp.rotate(180))),
        "black": Image.new("RGB", (100, 80)),
        "red": Image.new("RGB", (64, 64), (208, 48, 48)),
        "a page of lines": _lines(),
        "a negative": ImageOps.invert(known),
        "upside down": ImageOps.flip(known),
    }
    for number in range(4):
        images[f"clouds {number + 1}"] = _clouds(rng, steep=1.2 + 0.3 * number)
    return images


def _clouds(rng: np.random.Generator, steep: float, side: int = 256) -> Image.Image:
    """Three channels whose amplitudes fall with frequency, as those of photographs do."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1
    planes = []
    for _ in range(3):
        waves = np.exp(2j * np.pi * rng.random((side, side))) / frequency**steep
        plane = np.fft.ifft2(waves).real
        planes.append(128 + 45 * (plane - plane.mean()) / plane.std())
    return Image.fromarray(np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8))


def _lines() -> Image.Image:
    page = Image.new("RGB", (200, 280), (250, 250, 250))
    pen = ImageDraw.Draw(page)
    for y in range(20, 270, 14):
        pen.line([(20, y), (180, y)], fill=(30, 30, 30), width=5)
    return page
