"""Clips show what a player shows at their times, whatever the file is like."""

from __future__ import annotations

import json
import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from reasondiff.data.frames import frames_at
from reasondiff.data.records import VideoRecord, write_lines
from reasondiff.data.sample import ClipRecord, Sampled, sample
from reasondiff.data.scan import scan
from reasondiff.data.sets import source_of, write_set
from reasondiff.data.spans import Sampling, Span, plan_spans
from reasondiff.errors import InputError
from reasondiff.media import read_video, video_frames
from tests.data.videos import LEVELS, level_of, torture, video

SMALL = Sampling(width=32, height=32)


def in_time(found: list[np.ndarray] | None) -> list[int]:
    assert found is not None
    return [level_of(image) for image in found]


def a_set(folder: Path, *records: VideoRecord) -> Path:
    """A set of these records, or of all that the folder holds."""
    made = folder.parent / f"{folder.name}-set"
    made.mkdir(exist_ok=True)
    if records:
        write_lines(made / "videos.jsonl", records)
    else:
        write_set(made, scan(folder))
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("fps", [5, 24, 25, 30, 60])
def test_frames_are_those_shown_at_the_times(fps: int, tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", round(7 * fps), fps)
    span = Span(0.1, 0.2, 33)
    (found,) = frames_at(path, [span])
    wanted = [int(time * fps + 1e-6) % LEVELS for time in span.times()]
    assert in_time(found) == wanted


def test_a_variable_rate_follows_the_time_stamps(tmp_path: Path) -> None:
    steps = [20, 60, 40, 80, 30, 170] * 20
    stamps = [5000 + sum(steps[:number]) for number in range(120)]  # does not begin at 0, either
    path = video(tmp_path / "a.mkv", 120, stamps=stamps)
    span = Span(0.0, 0.2, 33)
    (found,) = frames_at(path, [span])
    late = [
        max(number for number in range(120) if stamps[number] - 5000 <= 1000 * time + 1e-3) for time in span.times()
    ]
    assert in_time(found) == [number % LEVELS for number in late]


def test_several_spans_in_one_pass_and_one_beyond_the_end(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", 100, 10)
    spans = [Span(0.0, 0.2, 5), Span(1.0, 0.3, 9), Span(3.5, 0.1, 3), Span(9.0, 0.5, 3)]
    found = list(frames_at(path, spans))
    assert in_time(found[0]) == [0, 2, 4, 6, 8]
    assert in_time(found[1]) == [number % LEVELS for number in range(10, 35, 3)]
    assert in_time(found[2]) == [35 % LEVELS, 36 % LEVELS, 37 % LEVELS]
    assert found[3] is None


def test_a_rate_that_is_known_better_than_the_files(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", 20, 50)
    (found,) = frames_at(path, [Span(0.0, 0.2, 9)], fps=10)
    assert in_time(found) == list(range(0, 17, 2))


@pytest.mark.parametrize(("fps", "fewest"), [(24, 154), (25, 161), (30, 193)])
def test_the_shortest_video_that_holds_the_papers_clip(fps: int, fewest: int) -> None:
    assert plan_spans(fewest / fps, fps, Sampling()) == [Span(pytest.approx(0, abs=0.03), 0.2, 33)]
    with pytest.raises(InputError, match="too short: "):
        plan_spans((fewest - 1) / fps, fps, Sampling())


@pytest.mark.parametrize("clips", [0, 1, 2, 3])
def test_several_clips_never_overlap_and_never_leave_the_span(clips: int) -> None:
    spans = plan_spans(60.0, 25, Sampling(clips=clips), start=2.0, end=30.0)
    assert len(spans) == (clips or 4)
    times = [time for span in spans for time in span.times()]
    assert times == sorted(times) and min(times) >= 2 and max(times) < 30
    assert all(after.start - before.start >= 6.6 - 0.002 for before, after in pairwise(spans))


def test_a_short_video_gets_a_smaller_step_that_is_recorded(tmp_path: Path) -> None:
    video(tmp_path / "in" / "a.mp4", 100, 25)
    (tmp_path / "in" / "a.txt").write_text("A cat.")
    made = a_set(tmp_path / "in")
    refused = sample(made, tmp_path / "in", SMALL)
    assert not refused.clips and refused.unusable[0].reason == "it is too short"
    assert refused.unusable[0].detail == "4.00 s, and a clip needs more than 6.4 s"
    done = sample(made, tmp_path / "in", Sampling(width=32, height=32, min_step=0.1))
    (clip,) = done.clips
    assert clip.step == 0.123 and clip.captions == ("A cat.",)
    assert read_video(made / clip.path).fps == pytest.approx(1 / 0.123, rel=1e-3)
    (found,) = frames_at(tmp_path / "in" / "a.mp4", [Span(clip.start, clip.step, 33)])
    assert found is not None and len({level_of(image) for image in found}) > 20
    for few in (Sampling(min_step=0.15), Sampling(num_frames=121, min_step=0.01)):
        assert not sample(made, tmp_path / "in", few).clips


@pytest.mark.parametrize("fit", ["crop", "letterbox"])
def test_the_whole_size_is_filled_or_barred(fit: str, tmp_path: Path) -> None:
    video(tmp_path / "in" / "a.mp4", 20, 5, size=(128, 64))
    done = sample(
        made := a_set(tmp_path / "in"), tmp_path / "in", Sampling(9, width=64, height=64, fit=fit)  # type: ignore[arg-type]
    )  # fmt: skip
    frames = read_video(made / done.clips[0].path).frames
    first = level_of(frames[0])
    assert frames.shape == (9, 64, 64, 3)
    assert (frames[0, 2].mean() < 5) == (fit == "letterbox") and 0 <= first < LEVELS


def test_every_usable_odd_file_gives_a_clip(tmp_path: Path) -> None:
    expected = torture(tmp_path / "in")
    made = a_set(tmp_path / "in")
    done = sample(made, tmp_path / "in", SMALL)
    assert {clip.origin for clip in done.clips} == {name for name, reason in expected.items() if reason is None}
    assert not done.unusable
    for clip in done.clips:
        levels = [level_of(frame) for frame in video_frames(made / clip.path)]
        # Frames 0.2 s apart are 5 apart at 25 a second; the variable rate's are up to two more or less.
        steps = [(after - before) % LEVELS for before, after in pairwise(levels)]
        assert len(levels) == 33 and set(steps) <= ({2, 3, 4, 5, 6, 7, 8} if "variable" in clip.origin else {5}), clip


def test_a_damaged_tail_loses_its_clip_only(tmp_path: Path) -> None:
    path = video(tmp_path / "in" / "a.mkv", 500, 25)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * 0.6)] + bytes(len(whole) - int(len(whole) * 0.6)))
    record = VideoRecord("0", "a.mkv")
    done = sample(a_set(tmp_path / "in", record), tmp_path / "in", Sampling(width=32, height=32, clips=0))
    assert done.clips and all(clip.start + 6.4 < 13 for clip in done.clips)


def test_captions_per_frame_take_every_frame(tmp_path: Path) -> None:
    video(tmp_path / "in" / "a.mp4", 9, 30)
    (tmp_path / "in" / "metadata.csv").write_text("file_name,text\na.mp4," + "|".join(f"Frame {n}." for n in range(9)))
    made = a_set(tmp_path / "in")
    (clip,) = sample(made, tmp_path / "in", Sampling(9, width=32, height=32)).clips
    assert [level_of(frame) for frame in video_frames(made / clip.path)] == list(range(9))
    assert clip.frame_captions[8] == "Frame 8." and clip.step == pytest.approx(1 / 30)
    assert sample(made, tmp_path / "in", SMALL).unusable[0].reason == "its captions are for another length"


def test_the_same_command_keeps_what_is_there_and_another_leaves_nothing_stale(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        video(tmp_path / "in" / name)
    made = a_set(tmp_path / "in")
    first = sample(made, tmp_path / "in", SMALL)
    whole = files(made)
    assert len(first.clips) == 2 and first.kept == 0
    (made / first.clips[0].path).unlink()  # as if it had been stopped before
    (made / "clips.jsonl").unlink()
    (made / "clips" / "mine.mp4").touch()
    again = sample(made, tmp_path / "in", SMALL)
    assert again.kept == 1 and again.clips == first.clips
    (made / "clips" / "mine.mp4").rename(made / "clips" / "mine.txt")
    assert files(made) == whole | {"clips/mine.txt": b""}
    other = sample(made, tmp_path / "in", Sampling(width=48, height=32))
    assert {path.name for path in (made / "clips").glob("*.mp4")} == {f"{clip.id}.mp4" for clip in other.clips}
    video(tmp_path / "in" / "a.mp4", 180)  # another video under the same name is another clip
    changed = sample(made, tmp_path / "in", Sampling(width=48, height=32))
    assert changed.kept == 1 and changed.clips[0].id != other.clips[0].id
    assert json.loads((made / "clips.jsonl").read_text().splitlines()[0])["id"] == changed.clips[0].id


def test_scenes_are_not_crossed(tmp_path: Path) -> None:
    video(tmp_path / "in" / "a.mp4", 250, 25)

    def scenes(_: Path) -> list[tuple[float, float]]:
        return [(0.0, 1.0), (1.0, 3.5), (3.5, 10.0)]

    def clips(**options: int) -> tuple[ClipRecord, ...]:
        sampling = Sampling(9, 0.2, 32, 32, **options)  # type: ignore[arg-type]
        done: Sampled = sample(made, tmp_path / "in", sampling, split=scenes)
        return done.clips

    made = a_set(tmp_path / "in")
    assert all(clip.start >= 3.5 and clip.start + 1.6 < 10 for clip in clips())
    starts = [clip.start for clip in clips(clips=0)]
    assert len(starts) == 4 and sum(1 <= start < 3.5 for start in starts) == 1 and starts == sorted(starts)


def test_pyscenedetect_finds_a_cut(tmp_path: Path) -> None:
    pytest.importorskip("scenedetect")
    pytest.importorskip("cv2")
    from reasondiff.data.scenes import find_scenes
    from reasondiff.media import write_video

    rng = np.random.default_rng(0)
    shots = [np.broadcast_to(rng.integers(0, 256, (1, 64, 64, 3), dtype=np.uint8), (40, 64, 64, 3)) for _ in range(2)]
    write_video(tmp_path / "a.mp4", np.concatenate(shots), 20)
    assert find_scenes(tmp_path / "a.mp4") == [pytest.approx((0, 2)), pytest.approx((2, 4))]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_frames": 32}, "do not fit this VAE"),
        ({"step": 0}, "step of 0"),
        ({"step": float("nan")}, "step of nan"),
        ({"min_step": 0.3}, "smallest step"),
        ({"clips": -1}, "-1 clips"),
        ({"fit": "fill"}, "'fill' is unknown"),
        ({"width": 500}, "500x512"),
    ],
)
def test_settings_that_make_no_clip(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Sampling(**options)  # type: ignore[arg-type]


def test_sets_whose_videos_moved_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no set"):
        source_of(tmp_path)
    video(tmp_path / "in" / "a.mp4")
    made = a_set(tmp_path / "in")
    assert source_of(made) == tmp_path / "in"
    (tmp_path / "in").rename(tmp_path / "moved")
    with pytest.raises(InputError, match="--source"):
        source_of(made)
    assert len(sample(made, source_of(made, tmp_path / "moved"), SMALL).clips) == 1
    (tmp_path / "moved" / "a.mp4").unlink()
    assert "There is no video" in sample(made, tmp_path / "moved", SMALL).unusable[0].reason
    (made / "scan.json").write_text("{}")
    with pytest.raises(InputError, match="is damaged"):
        source_of(made)


def test_killed_anywhere_the_same_command_gives_the_same_set(tmp_path: Path) -> None:
    for number in range(4):
        video(tmp_path / "videos" / f"{number}.mp4", 60 + number)
    found = scan(tmp_path / "videos")

    def sampled(name: str) -> dict[str, bytes]:
        write_set(tmp_path / name, found)
        sample(tmp_path / name, tmp_path / "videos", Sampling(9, 0.2, 32, 32))
        return {path: data for path, data in files(tmp_path / name).items() if "/." not in f"/{path}"}

    kills = 0
    for number in range(20):
        child = os.fork()
        if child == 0:
            sampled("killed")
            os._exit(0)
        time.sleep(0.005 + 0.02 * (number % 7))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            break
        kills += 1
    assert kills >= 2
    after = sampled("killed")
    assert after == sampled("whole") and sum(path.startswith("clips/") for path in after) == 4
