"""How fast the 33 frames of a clip come out of a video: ``python -m benchmarks.decoding``.

Every contestant takes the frames that are shown every 0.2 s from the same video, as uint8 RGB arrays, and they take
turns. Plain PyAV converts what it needs and knows nothing of rotation, variable rates or damaged files; torchcodec and
decord take part where they are installed. Prints the median seconds and CPU-seconds of all threads, which other work on
the machine hardly changes, and how many frames of the video a second these are.

torchcodec wants FFmpeg's libraries, and the wheels of some versions CUDA's as well; those of PyAV will do, under their
plain names, in a folder that LD_LIBRARY_PATH names.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import av
import numpy as np

from reasondiff.data.frames import frames_at
from reasondiff.data.spans import Span

SPAN = Span(0.0, 0.2, 33)
FPS = 30


def write(path: Path, width: int, height: int, seconds: float) -> int:
    """A video of moving noise, which costs a decoder about what a film does; returns its number of frames."""
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 256, (height // 8, width // 8 + 64, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    count = round(seconds * FPS)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "20", "g": "60"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(count):
            image = np.ascontiguousarray(texture[:, number : number + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return count


def ours(path: Path) -> np.ndarray:
    [images] = frames_at(path, [SPAN])
    assert images is not None
    return np.stack(images)


def plain_pyav(path: Path) -> np.ndarray:
    times = SPAN.times()
    images: list[np.ndarray] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        shown = None
        for frame in container.decode(stream):
            while len(images) < len(times) and frame.time > times[len(images)] + 1e-6 and shown is not None:
                images.append(shown.to_ndarray(format="rgb24"))
            shown = frame
            if len(images) == len(times):
                break
    return np.stack(images)


def torchcodec(path: Path) -> np.ndarray:
    from torchcodec.decoders import VideoDecoder

    return VideoDecoder(str(path)).get_frames_played_at(seconds=SPAN.times()).data.permute(0, 2, 3, 1).numpy()


def decord(path: Path) -> np.ndarray:
    from decord import VideoReader

    reader = VideoReader(str(path))
    return reader.get_batch([round(time * FPS) for time in SPAN.times()]).asnumpy()


def contestants(path: Path) -> dict[str, Callable[[Path], np.ndarray]]:
    """Those that are installed and work."""
    found: dict[str, Callable[[Path], np.ndarray]] = {"reasondiff": ours, "plain PyAV": plain_pyav}
    for name, decode in (("torchcodec", torchcodec), ("decord", decord)):
        if find_spec(name) is None:
            print(f"{name} is not installed.")
            continue
        try:
            decode(path)
        except Exception as error:  # another package's fault is a line of the report
            print(f"{name} does not work here: {' '.join(str(error).split())[:80]}")
            continue
        found[name] = decode
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--seconds", type=float, default=7.0)
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        write(path, width, height, options.seconds)
        needed = round(SPAN.times()[-1] * FPS) + 1
        taken: dict[str, list[float]] = {}
        computed: dict[str, list[float]] = {}
        decoders = contestants(path)
        for _ in range(options.rounds):
            for name, decode in decoders.items():
                start, used = time.perf_counter(), time.process_time()
                frames = decode(path)
                taken.setdefault(name, []).append(time.perf_counter() - start)
                computed.setdefault(name, []).append(time.process_time() - used)
                assert frames.shape == (SPAN.num_frames, height, width, 3), name
    print(
        f"{SPAN.num_frames} frames every {SPAN.step} s of {options.size} at {FPS} a second, {options.rounds} rounds; "
        f"each decodes {needed}:"
    )
    print("| | seconds | CPU-seconds | frames per CPU-second | of plain PyAV's CPU-seconds |")
    print("|---|---|---|---|---|")
    plain = median(computed["plain PyAV"])
    for name, seconds in taken.items():
        used = median(computed[name])
        print(f"| {name} | {median(seconds):.3f} | {used:.3f} | {needed / used:.0f} | {used / plain:.2f} |")


if __name__ == "__main__":
    main()
