"""Any picture a person may have, as plain RGB."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from reasondiff.errors import InputError

__all__ = ["Fit", "decode_image", "fit_image", "load_image"]

Fit = Literal["crop", "letterbox", "stretch"]

MAX_PIXELS = 2**26
"""An 8192 x 8192 image. A file of a few kilobytes can claim far more and would fill the memory when opened."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
"""Named, because Pillow would also open formats whose reader starts another program (EPS)."""


def load_image(path: str | Path) -> Image.Image:
    """Read an image as RGB, the way a viewer shows it.

    EXIF rotation is applied, CMYK, greyscale and 16-bit images are converted, and transparent ones are laid over white.
    Of a phone's multi-picture JPEG the first picture is taken.

    Args:
        path: a PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000 or PPM file.

    Returns:
        A new image in mode RGB, 8 bits per channel.

    Raises:
        InputError: the file is missing, empty, damaged, of another kind, animated, or larger than 2^26 pixels.
    """
    path = Path(path)
    name = f"The image {str(path)!r}"
    try:
        if path.is_dir():
            raise InputError(f"{name} is a folder; give an image file in it.")
        if path.stat().st_size == 0:
            raise InputError(f"{name} is empty (0 bytes); save or download it again.")
    except FileNotFoundError:
        raise InputError(f"{name} does not exist; check the path.") from None
    except (OSError, ValueError) as error:  # a name that is too long, or holds a null character
        raise InputError(f"{name} cannot be read ({_reason(error)}); check the path.") from None
    return decode_image(path, name)


def decode_image(source: Path | BytesIO, name: str, formats: Sequence[str] = FORMATS) -> Image.Image:
    """Read an image as ``load_image`` does, from a file or from bytes; ``name`` starts every error.

    Raises:
        InputError: as ``load_image``.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")  # remarks about damaged tags are not the reader's concern
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.init()  # loads the readers; an older Pillow lacks some
            with Image.open(source, formats=[known for known in formats if known in Image.OPEN]) as image:
                _check(image, name)
                return _to_rgb(ImageOps.exif_transpose(image))
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"{name} is larger than {MAX_PIXELS:,} pixels; scale it down first.") from None
    except UnidentifiedImageError:
        raise InputError(f"{name} is not an image this program can read; save it as PNG or JPEG.") from None
    except Exception as error:  # a decoder given damaged bytes may raise anything
        raise InputError(f"{name} cannot be read ({_reason(error)}); save or download it again.") from None


def fit_image(image: Image.Image, width: int, height: int, how: Fit = "crop") -> Image.Image:
    """Bring an image to a size.

    Args:
        image: in mode RGB.
        width: wanted, in pixels.
        height: wanted, in pixels.
        how: "crop" fills the size and cuts what stands out, around the centre; "letterbox" keeps everything and adds
            black bars; "stretch" changes the aspect.

    Raises:
        InputError: a size below 1, or another word for ``how``.
    """
    if width < 1 or height < 1:
        raise InputError(f"The size {width}x{height} is empty; give a width and a height of at least 1.")
    if image.size == (width, height):
        return image
    match how:
        case "crop":
            return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
        case "letterbox":
            return ImageOps.pad(image, (width, height), Image.Resampling.LANCZOS, color="black")
        case "stretch":
            return image.resize((width, height), Image.Resampling.LANCZOS)
    raise InputError(f"An image cannot be fitted by {how!r}; give one of {', '.join(get_args(Fit))}.")


def _check(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise InputError(f"{name} is {image.width}x{image.height}, over {MAX_PIXELS:,} pixels; scale it down first.")
    pictures = getattr(image, "n_frames", 1)
    if pictures > 1 and image.format != "MPO":
        raise InputError(f"{name} holds {pictures} pictures; save the one you mean as a PNG of its own.")


def _to_rgb(image: Image.Image) -> Image.Image:
    image.load()
    if image.mode == "I" or image.mode.startswith("I;16"):  # 16-bit grey, which Pillow's own conversion would clip
        grey = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = Image.fromarray(((grey + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).splitlines()[0] if str(error) else type(error).__name__
