"""Any picture a person may have, as plain RGB."""

from __future__ import annotations

import math
import os
import re
import stat
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal, get_args

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from reasondiff.errors import InputError
from reasondiff.media.colour import in_srgb
from reasondiff.media.png_chunks import SIGNATURE, bare_png

__all__ = ["Fit", "decode_image", "fit_image", "frame_size", "load_image"]

Fit = Literal["crop", "letterbox", "stretch"]

MAX_PIXELS = 2**26
"""An 8192 x 8192 image. A file of a few kilobytes can claim far more and would fill the memory when opened."""

MAX_PIPED = 2**28
"""Bytes that are taken from a pipe: an 8192 x 8192 image without any compression has fewer."""

_DARK = 16
"""Floats up to 1 have 1 for white, and up to 255 have 255; a brightest value between 1 and this may be either."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each orientation of EXIF."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
"""Named, because Pillow would also open formats whose reader starts another program (EPS)."""


def load_image(path: str | Path) -> Image.Image:
    """Read an image as RGB, the way a viewer shows it.

    EXIF rotation and colour profiles are applied, CMYK, greyscale and deeper images are converted, and transparent ones
    are laid over white. What else a file holds (texts, workflows, broken tags) is passed over. Of a phone's
    multi-picture JPEG the first picture is taken.

    Args:
        path: a PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000 or PPM file, or a pipe that gives one.

    Returns:
        A new image in mode RGB, 8 bits per channel.

    Raises:
        InputError: the file is missing, empty, damaged, of another kind, animated, larger than 2^26 pixels, or of
            numbers of which none is known to be white.
    """
    path = Path(path)
    name = f"The image {str(path)!r}"
    try:
        if os.path.isdir(path):
            raise InputError(f"{name} is a folder; give an image file in it.")
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe: standard input, or a shell's <(...)
            return decode_image(_piped(path, name), name)
        if found.st_size == 0:
            raise InputError(f"{name} is empty (0 bytes); save or download it again.")
    except FileNotFoundError:
        fix = "download it, and give the file" if re.match(r"https?:/", str(path)) else "check the path"
        raise InputError(f"{name} does not exist; {fix}.") from None
    except InputError:
        raise
    except (OSError, ValueError) as error:  # a name that is too long, or holds a null character
        raise InputError(f"{name} cannot be read ({_reason(error)}); check the path.") from None
    return decode_image(path, name)


def _piped(path: Path, name: str) -> BytesIO:
    with path.open("rb") as pipe:
        content = pipe.read(MAX_PIPED + 1)
    if not content:
        raise InputError(f"{name} is empty (0 bytes); save or download it again.")
    if len(content) > MAX_PIPED:
        raise InputError(f"{name} gives more than {MAX_PIPED:,} bytes; save it to a file first.")
    return BytesIO(content)


def decode_image(source: Path | BytesIO, name: str, formats: Sequence[str] = FORMATS) -> Image.Image:
    """Read an image as ``load_image`` does, from a file or from bytes; ``name`` starts every error.

    Raises:
        InputError: as ``load_image``.
    """
    try:
        with ExitStack() as opened:
            opened.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module="PIL")  # remarks about damaged tags are not the reader's concern
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.init()  # loads the readers; an older Pillow lacks some
            file: BinaryIO = source if isinstance(source, BytesIO) else opened.enter_context(source.open("rb"))
            start, profile = file.read(len(SIGNATURE)), None
            file.seek(0)
            if start == SIGNATURE:
                file, profile = bare_png(file)
            readers = [known for known in formats if known in Image.OPEN]
            image = opened.enter_context(Image.open(file, formats=readers))
            _check(image, name)
            return _upright(_to_rgb(image, profile or image.info.get("icc_profile"), name), _orientation(image))
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


def frame_size(image: tuple[int, int], area: int, multiple: int) -> tuple[int, int]:
    """Width and height that keep an image's aspect within an area, both multiples of ``multiple``.

    Args:
        image: width and height, in any unit.
        area: pixels that the frame may have.
        multiple: pixels per token of the transformer.
    """
    width, height = (round(math.sqrt(area * ratio)) for ratio in (image[0] / image[1], image[1] / image[0]))
    width, height = (max(1, length // multiple) * multiple for length in (width, height))
    # A thin image's short side was raised to one token, so its long side must give way.
    longest = max(1, area // min(width, height) // multiple) * multiple
    return min(width, longest), min(height, longest)


def _check(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise InputError(f"{name} is {image.width}x{image.height}, over {MAX_PIXELS:,} pixels; scale it down first.")
    pictures = getattr(image, "n_frames", 1)
    if pictures > 1 and image.format != "MPO":
        raise InputError(f"{name} holds {pictures} pictures; save the one you mean as a PNG of its own.")


def _to_rgb(image: Image.Image, profile: object, name: str) -> Image.Image:
    image.load()
    if image.mode == "F" or image.mode == "I" or image.mode.startswith("I;16"):
        image = Image.fromarray(_in_8_bits(np.asarray(image), image.format or "", name))
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
    elif image.mode in ("P", "1", "YCbCr", "LAB", "HSV"):
        image = image.convert("RGB")
    seen = (in_srgb(image, profile) if isinstance(profile, bytes) else image).convert("RGB")
    if alpha is None:
        return seen
    return Image.composite(seen, Image.new("RGB", seen.size, "white"), alpha)


def _in_8_bits(values: np.ndarray, kind: str, name: str) -> np.ndarray:
    """Grey of more than 8 bits at its own brightness, which Pillow's own conversion would clip.

    Raises:
        InputError: it cannot be told which value is white.
    """
    white = _white_of(values, kind)
    if white is None:
        low, high = float(values.min()), float(values.max())
        raise InputError(
            f"{name} holds numbers from {low:g} to {high:g}, and none is known to be white; save it as a PNG of 8 bits."
        )
    return np.floor(values.astype(np.float64) * (255 / white) + 0.5).clip(0, 255).astype(np.uint8)


def _white_of(values: np.ndarray, kind: str) -> float | None:
    """The value that is white in an image of that file format; None where it cannot be told."""
    low, high = float(values.min()), float(values.max())
    whole = values.dtype.kind in "iu"
    sixteen_bits = kind in ("PNG", "PPM", "JPEG2000") or values.dtype.itemsize == 2
    if whole and sixteen_bits:
        return 65535.0
    is_number = np.isfinite([low, high]).all()
    if not is_number or low < 0 or high > 65535:
        return None
    if whole or high >= _DARK:
        return 255.0 if high <= 255 else 65535.0
    if high <= 1:
        return 1.0
    return None


def _orientation(image: Image.Image) -> int:
    """How the camera was held, 1 to 8; 1 where the file does not say so in a readable way."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # broken tags may raise anything, and say nothing about the pixels
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).splitlines()[0] if str(error) else type(error).__name__
