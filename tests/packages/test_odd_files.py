"""Real files that other programs are tested with: each is read as what it is, or refused in one sentence."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from reasondiff.errors import InputError
from reasondiff.media import load_image, video_frames, video_info
from tests.packages.conftest import FILES, of_files

pytestmark = pytest.mark.packages

READ = {
    "10min.mkv": (600, 1, (288, 384)),
    "breakdance.flv": (45, 24, (240, 320)),  # names no average rate, and is cut off
    "flashmob.mkv": (446, 25, (288, 384)),
    "quicktime.mp4": (149, 30, (240, 190)),
    "sample.ts": (2, 12.5, (576, 1024)),  # interlaced, 64:45, and 80 ms lie between its two whole frames
    "cityCC0.mpg": (190, 25, (405, 720)),
    "Megamind.avi": (270, 23.976, (528, 720)),
    "Megamind_bugy.avi": (270, 30, (528, 720)),
    "sample.mp4": (23, 23.976, (1080, 1920)),
}
REFUSED = {
    "Panasonic_AG_HMC_151.MTS": "has no frames",
    "firstrun.rm": "its text is not UTF-8",
    "matrix_ping_pong.wmv": "has no frames",
    "pentax_320x240.mov": "has no frames",
    "smallville.s03e02.avi": "has no frames",
    "issue55.flv": "holds no video",
    "mp4-with-audio.mp4": "holds no video",
    "sample.mkv": "cannot be read",
}


@pytest.mark.parametrize("name", READ)
def test_a_video_is_read_as_it_is_shown(name: str) -> None:
    file, (count, fps, size) = of_files(name), READ[name]
    info = video_info(file)
    assert info.num_frames == count and info.fps == pytest.approx(fps, rel=1e-3)
    shapes = [frame.shape for frame in islice(video_frames(file), 40)]
    assert shapes == [(*size, 3)] * min(40, count)


@pytest.mark.parametrize("name", REFUSED)
def test_what_holds_no_picture_is_one_sentence(name: str) -> None:
    file = of_files(name)
    with pytest.raises(InputError, match=REFUSED[name]) as caught:
        list(video_frames(file))
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


PICTURES = {
    "article01.bmp": (74, 100), "gps.jpg": (144, 176), "green_fire.jpg": (64, 64), "india_map.gif": (790, 794),
    "jpeg.exif.photoshop.jpg": (124, 100), "kde_haypo_corner.bmp": (189, 43), "logo-kubuntu.png": (331, 90),
    "sample.tif": (1600, 2100), "usa_railroad.jpg": (600, 400), "chelsea.png": (451, 300), "retina.jpg": (1411, 1411),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_read(name: str) -> None:
    image = load_image(of_files(name))
    assert (image.size, image.mode) == (PICTURES[name], "RGB")


def test_every_other_file_is_one_sentence() -> None:
    """Programs, archives, fonts, sounds, file systems, a raw photo, a truncated PNG and pictures of rare formats."""
    folder = of_files("png_331x90x8_truncated.png").parent
    refused = 0
    for file in sorted(folder.iterdir()):
        try:
            load_image(file)
        except InputError as error:
            assert str(error).endswith(".") and "\n" not in str(error), file.name
            refused += 1
    assert refused > 80 and Path(FILES).is_dir()
