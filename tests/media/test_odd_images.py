"""Pictures as cameras, presses and other programs leave them: colours, depths, and what is broken beside the pixels."""

from __future__ import annotations

import os
import random
import struct
import threading
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from reasondiff.errors import InputError
from reasondiff.media import load_image
from tests.media import profiles
from tests.media.test_images import BLUE, RED, halves, near, refusal

P3 = profiles.of_rgb(profiles.DISPLAY_P3, 2.2)


# -- colours -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
def test_a_wide_gamut_photo_keeps_its_colour(suffix: str, tmp_path: Path) -> None:
    options = {"lossless": True} if suffix == "webp" else {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    Image.new("RGB", (16, 16), (93, 166, 77)).save(tmp_path / f"a.{suffix}", icc_profile=P3, **options)
    assert near(load_image(tmp_path / f"a.{suffix}"), (8, 8), (60, 170, 60), slack=6)


def test_transparency_stays_under_a_profile(tmp_path: Path) -> None:
    image = Image.new("RGBA", (16, 16), (93, 166, 77, 255))
    image.paste((0, 0, 0, 0), (0, 0, 8, 16))
    image.save(tmp_path / "a.png", icc_profile=P3)
    loaded = load_image(tmp_path / "a.png")
    assert near(loaded, (2, 2), (255, 255, 255)) and near(loaded, (12, 2), (60, 170, 60), slack=6)


def test_a_grey_profile(tmp_path: Path) -> None:
    Image.new("L", (16, 16), 128).save(tmp_path / "a.png", icc_profile=profiles.of_grey(1.0))
    assert near(load_image(tmp_path / "a.png"), (8, 8), (188, 188, 188), slack=3)  # half the light is 188 of 255


def test_a_presss_profile(tmp_path: Path) -> None:
    inks = {(0, 0, 0, 0): (100, 0, 0), (0, 1, 1, 0): (50, 60, 40)}
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.tiff", icc_profile=profiles.of_cmyk(inks))
    red, green, blue = load_image(tmp_path / "a.tiff").getpixel((8, 8))
    assert 195 <= red <= 225 and 60 <= green <= 90 and 50 <= blue <= 75  # Lab 50, 60, 40; not the 255, 0, 0 of no press


@pytest.mark.parametrize("broken", [b"", b"nonsense", P3[:200], P3[:-300], profiles.of_grey(1.0), bytes(len(P3))])
def test_a_broken_profile_changes_nothing(broken: bytes, tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), (93, 166, 77)).save(tmp_path / "a.png", icc_profile=broken)
    assert near(load_image(tmp_path / "a.png"), (8, 8), (93, 166, 77))


# -- depths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "white"),
    [(np.float32, 1.0), (np.float32, 255.0), (np.float32, 65535.0), (np.int32, 255), (np.int32, 65535)],
)
def test_depths_whose_white_is_clear(kind: type, white: float, tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, white / 5, white]]).astype(kind)).save(tmp_path / "a.tiff")
    assert [pixel[0] for pixel in np.asarray(load_image(tmp_path / "a.tiff"))[0]] == [0, 51, 255]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_a_dark_picture_of_16_bits_stays_dark(suffix: str, tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 200, 2570]], np.uint16)).save(tmp_path / f"a.{suffix}")
    assert [pixel[0] for pixel in np.asarray(load_image(tmp_path / f"a.{suffix}"))[0]] == [0, 1, 10]


@pytest.mark.parametrize(
    "values", [[0, 1.7], [-0.5, 1], [0, np.nan], [0, np.inf], [0, 1e9], np.array([0, 2**30]), np.array([-3, 9])]
)
def test_depths_whose_white_is_not_clear_are_one_sentence(values: object, tmp_path: Path) -> None:
    numbers = np.asarray(values)
    kind = np.float32 if numbers.dtype.kind == "f" else np.int32
    Image.fromarray(numbers.astype(kind)[None]).save(tmp_path / "a.tiff")
    assert "none is known to be white; save it as a PNG" in refusal(tmp_path / "a.tiff")


# -- what is beside the pixels -----------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    checked = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checked)


def with_chunk(path: Path, extra: bytes) -> None:
    """A PNG of two halves with one more chunk after its header."""
    buffer = BytesIO()
    halves(RED, BLUE).save(buffer, "PNG")
    data = buffer.getvalue()
    path.write_bytes(data[:33] + extra + data[33:])


HUGE = zlib.compress(bytes(3 * 2**20))
EXTRAS = {
    "a workflow of megabytes": chunk(b"zTXt", b"workflow\0\0" + HUGE),
    "the same in UTF-8": chunk(b"iTXt", b"workflow\0\1\0\0\0" + HUGE),
    "plain text of megabytes": chunk(b"tEXt", b"workflow\0" + b"x" * (3 * 2**20)),
    "many texts": chunk(b"tEXt", b"a\0" + b"x" * 900_000) * 80,
    "a huge profile": chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(2**25))),
    "a profile that is no stream": chunk(b"iCCP", b"name\0\0nonsense"),
    "broken EXIF": chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff nonsense"),
    "empty EXIF": chunk(b"eXIf", b""),
    "a wrong checksum": chunk(b"tEXt", b"a\0b", crc=1),
    "a text without an end": chunk(b"zTXt", b"nothing"),
    "a broken resolution": chunk(b"pHYs", b"\0"),
    "an odd gamma": chunk(b"gAMA", b""),
}


@pytest.mark.parametrize("what", EXTRAS)
def test_nothing_but_pixels_refuses_a_png(what: str, tmp_path: Path) -> None:
    with_chunk(tmp_path / "a.png", EXTRAS[what])
    loaded = load_image(tmp_path / "a.png")
    assert near(loaded, (2, 2), RED) and near(loaded, (38, 2), BLUE)


def test_a_real_large_profile_is_applied(tmp_path: Path) -> None:
    padded = P3 + random.Random(0).randbytes(2 * 2**20)  # over Pillow's own limit for a chunk
    large = struct.pack(">I", len(padded)) + padded[4:]
    Image.new("RGB", (16, 16), (93, 166, 77)).save(tmp_path / "a.png", icc_profile=large)
    assert near(load_image(tmp_path / "a.png"), (8, 8), (60, 170, 60), slack=6)


@pytest.mark.parametrize("suffix", ["webp", "jpg"])
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0nonsense", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"]
)
def test_broken_exif_refuses_nothing(suffix: str, exif: bytes, tmp_path: Path) -> None:
    halves(RED, BLUE).save(tmp_path / f"a.{suffix}", exif=exif)
    assert near(load_image(tmp_path / f"a.{suffix}"), (2, 10), RED, slack=16)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_every_orientation_is_undone(orientation: int, suffix: str, tmp_path: Path) -> None:
    shown = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    stored = {
        1: shown, 2: shown[:, ::-1], 3: shown[::-1, ::-1], 4: shown[::-1], 5: shown.transpose(1, 0, 2),
        6: np.rot90(shown), 7: shown[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(shown, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / f"a.{suffix}", exif=exif, **options)
    assert np.array_equal(np.asarray(load_image(tmp_path / f"a.{suffix}")), shown)


def test_texts_of_a_usual_size_change_nothing(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", "a cat")
    halves(RED, BLUE).save(tmp_path / "a.png", pnginfo=texts)
    assert near(load_image(tmp_path / "a.png"), (2, 2), RED)


# -- pipes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["PNG", "JPEG"])
def test_a_pipe_is_read(suffix: str, tmp_path: Path) -> None:
    buffer = BytesIO()
    halves(RED, BLUE, (400, 200)).save(buffer, suffix)
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb") as sink:
            sink.write(buffer.getvalue())

    thread = threading.Thread(target=write)
    thread.start()
    loaded = load_image(f"/dev/fd/{reading}")
    thread.join()
    os.close(reading)
    assert loaded.size == (400, 200) and near(loaded, (20, 20), RED, slack=4)


def test_an_empty_pipe_is_empty(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(InputError, match="is empty"):
        load_image(f"/dev/fd/{reading}")
    os.close(reading)
