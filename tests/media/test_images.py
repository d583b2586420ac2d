"""Any picture a person may have becomes plain RGB, or one sentence."""

from __future__ import annotations

import random
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.media import fit_image, load_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def halves(left: tuple[int, ...], right: tuple[int, ...], size: tuple[int, int] = (40, 20)) -> Image.Image:
    image = Image.new("RGB", size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, int, int], slack: int = 0) -> bool:
    return all(abs(a - b) <= slack for a, b in zip(image.getpixel(place), colour, strict=True))


def test_rgb_png_comes_back_exactly(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    loaded = load_image(tmp_path / "a.png")
    assert loaded.mode == "RGB"
    assert np.array_equal(np.asarray(loaded), pixels)


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    image = halves(RED, BLUE).convert("RGBA")
    image.putalpha(halves((255,) * 3, (0,) * 3).convert("L"))
    image.save(tmp_path / "a.png")
    loaded = load_image(tmp_path / "a.png")
    assert near(loaded, (2, 2), RED) and near(loaded, (38, 2), WHITE)


def test_half_transparent_black_is_grey(tmp_path: Path) -> None:
    Image.new("LA", (4, 4), (0, 128)).save(tmp_path / "a.png")
    assert near(load_image(tmp_path / "a.png"), (1, 1), (127, 127, 127), slack=1)


def test_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = halves(RED, BLUE).quantize(4)
    image.save(tmp_path / "a.png", transparency=image.getpixel((2, 2)))
    loaded = load_image(tmp_path / "a.png")
    assert near(loaded, (2, 2), WHITE) and near(loaded, (38, 2), BLUE, slack=8)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter clockwise
    halves(RED, BLUE).save(tmp_path / "a.jpg", exif=exif, quality=95)
    loaded = load_image(tmp_path / "a.jpg")
    assert loaded.size == (20, 40)
    assert near(loaded, (10, 2), RED, slack=12) and near(loaded, (10, 38), BLUE, slack=12)


def test_cmyk_is_converted(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    assert near(load_image(tmp_path / "a.jpg"), (8, 8), RED, slack=6)


def test_16_bit_grey_keeps_its_brightness(tmp_path: Path) -> None:
    levels = np.array([[0, 257 * 100, 257 * 200, 65535]], dtype=np.uint16)
    Image.fromarray(levels).save(tmp_path / "a.png")
    assert [pixel[0] for pixel in np.asarray(load_image(tmp_path / "a.png"))[0]] == [0, 100, 200, 255]


def test_one_bit_and_grey(tmp_path: Path) -> None:
    Image.new("1", (4, 4), 1).save(tmp_path / "a.png")
    Image.new("L", (4, 4), 77).save(tmp_path / "b.png")
    assert near(load_image(tmp_path / "a.png"), (0, 0), WHITE)
    assert near(load_image(tmp_path / "b.png"), (0, 0), (77, 77, 77))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff", "ppm"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    halves(RED, BLUE).save(tmp_path / f"a.{suffix}")
    assert near(load_image(tmp_path / f"a.{suffix}"), (2, 10), RED, slack=16)


def test_the_first_picture_of_a_phones_multi_picture_jpeg(tmp_path: Path) -> None:
    halves(RED, BLUE).save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[halves(GREEN, BLUE)])
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "MPO" and image.n_frames == 2
    assert near(load_image(tmp_path / "a.jpg"), (2, 10), RED, slack=16)


# -- refused, in a sentence --------------------------------------------------------------------------------------------


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as raised:
        load_image(path)
    message = str(raised.value)
    assert path.name in message and message.endswith(".") and "\n" not in message
    return message


def test_missing_folder_and_empty(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.png")
    assert "is a folder" in refusal(tmp_path)
    (tmp_path / "empty.png").touch()
    assert "empty (0 bytes)" in refusal(tmp_path / "empty.png")


def test_truncated(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for suffix in ("png", "jpg", "webp"):
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, format={"jpg": "JPEG"}.get(suffix, suffix.upper()))
        path = tmp_path / f"cut.{suffix}"
        path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
        assert "save or download it again" in refusal(path) or "not an image" in refusal(path)


def test_other_files_are_not_images(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("this is no picture")
    assert "not an image" in refusal(tmp_path / "text.png")
    (tmp_path / "print.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    assert "not an image" in refusal(tmp_path / "print.png")  # EPS would start Ghostscript


@pytest.mark.parametrize("side", [8200, 12_000, 60_000])
def test_a_small_file_that_claims_a_huge_image(tmp_path: Path, side: int) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )
    assert "scale it down" in refusal(path)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animated(tmp_path: Path, suffix: str) -> None:
    frames = [halves(RED, BLUE), halves(BLUE, RED), halves(GREEN, RED)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], duration=100)
    assert "holds 3 pictures" in refusal(tmp_path / f"a.{suffix}")


def test_damaged_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    draw = random.Random(0)
    for suffix in ("png", "jpg", "webp", "gif", "tiff", "bmp"):
        halves(RED, BLUE).save(tmp_path / f"good.{suffix}")
        good = (tmp_path / f"good.{suffix}").read_bytes()
        for _ in range(60):
            bad = bytearray(good)
            for _ in range(draw.randint(1, 8)):
                bad[draw.randrange(len(bad))] = draw.randrange(256)
            path = tmp_path / f"bad.{suffix}"
            path.write_bytes(bad)
            try:
                assert load_image(path).mode == "RGB"
            except InputError as error:
                assert "bad." in str(error)


# -- bringing to a size ------------------------------------------------------------------------------------------------


def test_crop_fills_letterbox_keeps_stretch_changes() -> None:
    image = halves(RED, BLUE, (80, 40))
    crop, box, wide = (fit_image(image, 40, 40, how) for how in ("crop", "letterbox", "stretch"))
    assert crop.size == box.size == wide.size == (40, 40)
    assert near(crop, (1, 1), RED) and near(crop, (38, 38), BLUE)
    assert near(box, (1, 1), (0, 0, 0)) and near(box, (1, 20), RED) and near(box, (1, 38), (0, 0, 0))
    assert near(wide, (1, 1), RED) and near(wide, (38, 38), BLUE)


def test_the_right_size_is_left_alone() -> None:
    image = halves(RED, BLUE)
    assert fit_image(image, *image.size, "letterbox") is image


def test_fit_refuses() -> None:
    with pytest.raises(InputError, match="0x5"):
        fit_image(halves(RED, BLUE), 0, 5)
    with pytest.raises(InputError, match="'fill'"):
        fit_image(halves(RED, BLUE), 5, 5, "fill")  # type: ignore[arg-type]
