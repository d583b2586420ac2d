"""Colours as they are meant: an embedded profile says what a file's numbers look like."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageCms

__all__ = ["in_srgb"]

_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
"""Which profiles are for which of Pillow's modes."""


def in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An image whose numbers mean colours of sRGB, as screens and models take them.

    Args:
        image: L, LA, RGB, RGBA or CMYK; of another mode, it comes back as it is.
        profile: ICC. One that is broken, of another kind of colours or of sRGB itself changes nothing.

    Returns:
        RGB where the profile is applied, without transparency.
    """
    opaque = image.convert(image.mode[:-1]) if image.mode in ("LA", "RGBA") else image
    try:
        read = ImageCms.ImageCmsProfile(BytesIO(profile))
        kind, name = read.profile.xcolor_space.strip(), read.profile.profile_description or ""
        if kind == "RGB" and opaque.mode == "L":
            opaque = opaque.convert("RGB")
        if kind != _SPACES.get(opaque.mode) or "srgb" in name.lower():
            return image
        # Whites stay white, and blacks are not lifted: what viewers do.
        converted = ImageCms.profileToProfile(
            opaque, read, ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):  # broken, or a Pillow without colours
        return image
    return image if converted is None else converted
