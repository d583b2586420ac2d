"""HDR video as a screen without it shows it: the light of PQ and HLG (ITU-R BT.2100) in sRGB's range and colours.

Taken as they are, such frames look grey and pale: their code values stand for light of up to 10,000 cd/m².
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["HDR", "PQ", "as_srgb"]

PQ, HLG = 16, 18
HDR = (PQ, HLG)
"""Transfer functions by their numbers in ITU-T H.273, as FFmpeg has them."""

_WHITE = 203.0
"""cd/m² of a white sheet of paper in HDR (ITU-R BT.2408), which is sRGB's white."""

_KNEE = 0.75
"""Share of that white up to which light stays as it is; what is brighter is pressed into the rest."""

_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)

_BT2020_TO_SRGB = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
"""ITU-R BT.2087."""


def as_srgb(codes: np.ndarray, transfer: int) -> np.ndarray:
    """An HDR picture in sRGB.

    Args:
        codes: uint16 [height, width, 3], RGB code values of BT.2020, 65535 the largest.
        transfer: ``PQ`` or ``HLG``.

    Returns:
        uint8 [height, width, 3].
    """
    light = _light(transfer)[codes]
    if transfer == HLG:  # so far the light of the scene; a screen shows it with more contrast
        luma = np.maximum(light @ _LUMA, 1e-6)[..., None]
        light = _HLG_PEAK / _WHITE * luma ** (_HLG_GAMMA - 1) * light
    light = light @ _BT2020_TO_SRGB.T
    brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    light = np.clip(light * (_pressed(brightest) / brightest), 0, 1)  # one factor for all three keeps the hue
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8)


def _pressed(light: np.ndarray) -> np.ndarray:
    above = np.maximum(light - _KNEE, 0)
    return np.minimum(light, _KNEE) + above / (1 + above / (1 - _KNEE))


@lru_cache
def _light(transfer: int) -> np.ndarray:
    """For every code value: light as a share of white (PQ), or of the scene's brightest (HLG)."""
    code = np.arange(2**16) / (2**16 - 1)
    if transfer == HLG:
        return np.where(code <= 0.5, code**2 / 3, (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12).astype(
            np.float32
        )
    root = code ** (1 / 78.84375)
    nits = 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    return (nits / _WHITE).astype(np.float32)
