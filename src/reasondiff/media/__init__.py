"""Images and videos as files: reading, writing, contact sheets, and the record inside an MP4."""

from __future__ import annotations

from reasondiff.media.clipbar import ClipSpan
from reasondiff.media.images import Fit, fit_image, frame_size, load_image
from reasondiff.media.record import GenerationRecord, frame_hashes, frames_hash, image_hash
from reasondiff.media.sheet import SheetRow, contact_sheet
from reasondiff.media.video import Video, read_video, write_video
from reasondiff.media.video_frames import TimedFrame, VideoInfo, read_record, timed_frames, video_frames, video_info

__all__ = [
    "ClipSpan",
    "Fit",
    "GenerationRecord",
    "SheetRow",
    "TimedFrame",
    "Video",
    "VideoInfo",
    "contact_sheet",
    "fit_image",
    "frame_hashes",
    "frame_size",
    "frames_hash",
    "image_hash",
    "load_image",
    "read_record",
    "read_video",
    "timed_frames",
    "video_frames",
    "video_info",
    "write_video",
]
