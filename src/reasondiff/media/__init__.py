"""Images and videos as files: reading, writing, contact sheets, and the recipe inside an MP4."""

from __future__ import annotations

from reasondiff.media.clipbar import ClipSpan
from reasondiff.media.images import Fit, fit_image, load_image
from reasondiff.media.record import Recipe, frame_hashes, frames_hash, image_hash
from reasondiff.media.sheet import SheetRow, contact_sheet
from reasondiff.media.video import Video, read_recipe, read_video, write_video

__all__ = [
    "ClipSpan",
    "Fit",
    "Recipe",
    "SheetRow",
    "Video",
    "contact_sheet",
    "fit_image",
    "frame_hashes",
    "frames_hash",
    "image_hash",
    "load_image",
    "read_recipe",
    "read_video",
    "write_video",
]
