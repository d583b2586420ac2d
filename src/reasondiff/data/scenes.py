"""Where a video cuts to another scene, by PySceneDetect."""

from __future__ import annotations

from pathlib import Path

from reasondiff.errors import InputError

__all__ = ["check_scenes", "find_scenes"]


def check_scenes() -> None:
    """Raise ``InputError`` unless PySceneDetect and OpenCV are installed."""
    try:
        import cv2
        import scenedetect
    except ImportError:
        raise InputError("Finding scenes needs PySceneDetect; run pip install 'reasondiff[scenes]'.") from None
    assert cv2 and scenedetect


def find_scenes(path: Path) -> list[tuple[float, float]]:
    """The scenes of a video as (start, end), in seconds from its first frame; a video without a cut is one scene.

    Raises:
        InputError: PySceneDetect is not installed, or cannot read the video.
    """
    check_scenes()
    from scenedetect import ContentDetector, SceneManager, VideoOpenFailure, open_video

    try:
        video = open_video(str(path), backend="pyav")
        manager = SceneManager()
        manager.add_detector(ContentDetector())
        manager.detect_scenes(video)
    except (VideoOpenFailure, OSError) as error:
        raise InputError(f"its scenes cannot be found: {' '.join(str(error).split())}") from None
    scenes = [(start.seconds, end.seconds) for start, end in manager.get_scene_list(start_in_scene=True)]
    first = scenes[0][0] if scenes else 0.0
    return [(start - first, end - first) for start, end in scenes]
