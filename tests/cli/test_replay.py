"""``reasondiff replay``: equal on this machine, and where it differs if something was changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from reasondiff.errors import InputError
from reasondiff.jobs.request import VideoRequest
from reasondiff.jobs.session import VideoSession
from reasondiff.media import read_record, read_video, write_video
from tests import tiny
from tests.cli.test_generate import given


@pytest.fixture
def video(reasondiff: Callable, here: Path, model: Path) -> Path:
    assert reasondiff(*given(model, size="32x32", seed=3)).code == 0
    return here / "out.mp4"


def edited(video: Path, **changes: object) -> Path:
    """The same video, bit by bit, with its record changed."""
    path = video.with_name("edited.mp4")
    with av.open(str(video)) as source, av.open(str(path), "w") as copy:
        copy.metadata["comment"] = replace(read_record(video), **changes).to_json()
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return path


def test_equal_and_equal_again(reasondiff: Callable, video: Path) -> None:
    ran = reasondiff("replay", video, "-o", "again.mp4")
    assert ran.code == 0 and "Equal: all 9 frames" in ran.out
    assert Path("again.mp4").read_bytes() == video.read_bytes()
    assert "Equal" in reasondiff("replay", "again.mp4", "-o", "third.mp4").out


def test_a_video_made_from_a_narrator_replays_without_it(reasondiff: Callable, here: Path, model: Path) -> None:
    Path("script.json").write_text(
        '[{"position": 9, "clips": [{"end": 4, "description": "A vase."}, {"end": 9, "description": "Broken."}]}]'
    )
    ran = reasondiff(*given(model, size=32, narrative=None, narrator="scripted:script.json"))
    assert ran.code == 0, ran
    Path("script.json").unlink()
    assert "Equal" in reasondiff("replay", "out.mp4", "-o", "again.mp4").out


def test_a_video_that_was_made_before_is_made_again(reasondiff: Callable, here: Path, model: Path) -> None:
    """Commit 9e37bcd wrote it with ``conftest.model``: under an early mark, with early names of options, and with the
    hashes of weights only. Its frames need not be equal on another machine, whose sums are rounded otherwise.
    """
    video = Path(__file__).parent / "made_before" / "2026-11-28.mp4"
    with av.open(str(video)) as file:
        raw = json.loads(file.metadata["comment"])
    assert "reasondiff_recipe" in raw and raw["options"]["prompts"] == "framewise" and raw["options"]["align"] is True
    ran = reasondiff("replay", video, "-o", "again.mp4", "--model", model)
    assert ran.code == 0 or "Different from frame" in ran.out, ran
    before, after = read_video(video), read_video("again.mp4")
    assert before.record is not None and after.record is not None
    assert before.record.weights.items() <= after.record.weights.items()
    assert (after.record.options["text_mode"], after.record.options["use_adapter"]) == ("framewise", True)
    assert (after.record.seed, after.record.narrative) == (before.record.seed, before.record.narrative)
    assert after.record.image_sha256 == before.record.image_sha256
    assert np.abs(before.frames.astype(int) - after.frames).max() <= 8


def test_another_seed_gives_other_frames(reasondiff: Callable, video: Path) -> None:
    ran = reasondiff("replay", video, "-o", "again.mp4", "--seed", 4)
    assert ran.code == 0  # asked for
    assert "Different from frame 1 of 9 on" in ran.out and "seed 3 then, 4 now" in ran.out
    before, after = read_video(video), read_video("again.mp4")
    assert f"up to {np.abs(before.frames.astype(int) - after.frames).max()} of 255" in ran.out
    assert after.record.seed == 4 and after.record.frames_sha256 != before.record.frames_sha256


def test_an_edited_seed_in_the_record_gives_other_frames(reasondiff: Callable, video: Path) -> None:
    same = reasondiff("replay", edited(video), "-o", "again.mp4")
    assert same.code == 0 and "Equal" in same.out
    other = reasondiff("replay", edited(video, seed=8), "-o", "again.mp4")
    assert other.code == 1 and "Different from frame 1 of 9 on" in other.out
    assert read_record("again.mp4").frames_sha256 != read_record(video).frames_sha256


def test_an_edited_hash_of_all_frames_is_not_called_equal(reasondiff: Callable, video: Path) -> None:
    ran = reasondiff("replay", edited(video, frames_sha256="0" * 64), "-o", "again.mp4")
    assert ran.code == 1 and "SHA-256 of all frames" in ran.out and "Equal" not in ran.out


def test_the_first_differing_frame_is_found(reasondiff: Callable, video: Path) -> None:
    true = read_record(video).frame_sha256
    hashes = (*true[:6], "0" * 64, *true[7:])
    ran = reasondiff("replay", edited(video, frame_sha256=hashes), "-o", "again.mp4")
    assert ran.code == 1 and "Different from frame 7 of 9 on: by up to 0 of 255" in ran.out


def test_a_changed_setting_of_the_model_is_named(reasondiff: Callable, video: Path, model: Path) -> None:
    other = shutil.copytree(model, video.parent / "other")
    scheduler = other / "scheduler" / "scheduler_config.json"
    scheduler.write_text(json.dumps(json.loads(scheduler.read_text()) | {"flow_shift": 9.0}))
    ran = reasondiff("replay", video, "-o", "again.mp4", "--model", other)
    assert ran.code == 1
    assert "Changed since: weights or settings of the model (scheduler/scheduler_config.json)." in ran.out


def test_a_record_that_knows_of_weights_only_still_replays(reasondiff: Callable, video: Path) -> None:
    known = read_record(video).weights
    early = {name: value for name, value in known.items() if name.endswith(".safetensors")}
    assert 0 < len(early) < len(known)
    assert "Equal" in reasondiff("replay", edited(video, weights=early), "-o", "again.mp4").out
    lost = edited(video, weights=dict(list(early.items())[1:]), seed=8)
    ran = reasondiff("replay", lost, "-o", "again.mp4")
    assert ran.code == 1 and f"Changed since: weights or settings of the model ({next(iter(early))})." in ran.out


def test_without_the_image_it_must_be_given(reasondiff: Callable, refused: Callable, here: Path, model: Path) -> None:
    assert reasondiff(*given(model, size="32x32"), "--no-embed").code == 0
    assert "give --image" in refused("replay", "out.mp4", "-o", "again.mp4")
    assert "Equal" in reasondiff("replay", "out.mp4", "-o", "again.mp4", "--image", "vase.png").out


def test_the_records_thread_count_is_used(refused: Callable, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def stop(*_: object, **__: object) -> None:
        raise InputError(f"There are {torch.get_num_threads()} threads.")

    monkeypatch.setattr("reasondiff.jobs.session.VideoSession.generate", stop)
    threads = torch.get_num_threads()
    assert "There are 3 threads." in refused("replay", edited(video, threads=3), "-o", "again.mp4")
    assert torch.get_num_threads() == threads


def test_refused(refused: Callable, video: Path, here: Path) -> None:
    frames = np.zeros((3, 32, 32, 3), np.uint8)
    write_video("plain.mp4", frames, 5)
    recipe = read_record(video)
    assert "has no record" in refused("replay", "plain.mp4", "-o", "again.mp4")
    assert "There is no video" in refused("replay", "none.mp4", "-o", "again.mp4")
    assert "cannot be written" in refused("replay", video, "-o", "none/again.mp4")
    assert "seed -1" in refused("replay", video, "-o", "again.mp4", "--seed", "-1")
    for changes, message in (
        ({"model": "someone/else"}, "if you trust it, name it with --model"),
        ({"model": "../elsewhere"}, "is not here"),
        ({"options": {**recipe.options, "num_inference_steps": "many"}}, "'num_inference_steps'"),
        ({"options": {**recipe.options, "num_inference_steps": 10**9}}, "'num_inference_steps'"),
        ({"options": {**recipe.options, "use_adapter": 1}}, "'use_adapter'"),
        ({"options": {**recipe.options, "guidance_scale": 1e300}}, "'guidance_scale'"),
        ({"options": {**recipe.options, "mag_ratios": "1 many"}}, "impossible ratios"),
        ({"prompt": "cat " * 1001}, "4,004 characters"),
        ({"options": {**recipe.options, "revision": "refs/pr/7"}}, "which anybody may have pushed"),
        ({"options": {}}, "impossible"),
        ({"options": {**recipe.options, "num_frames": 10**9 + 1}}, "'num_frames'"),
        ({"options": {**recipe.options, "num_frames": 13}}, "another video"),
        ({"options": {**recipe.options, "size": "1000000x32"}}, "'size'"),
        ({"options": {**recipe.options, "width": 10**6, "height": 32}}, "'size'"),
        ({"narrative": {"position": 1}}, "'clips' or 'descriptions'"),
        ({"threads": 10**6}, "'threads'"),
    ):
        assert message in refused("replay", edited(video, **changes), "-o", "again.mp4")
    assert not Path("again.mp4").exists()


def test_what_a_program_has_changed_is_not_replayed(refused: Callable, here: Path, model: Path) -> None:
    request = VideoRequest(image=Path("vase.png"), narrative=Path("story.json"), model=str(model), size="32")
    session = VideoSession(request)
    session.pipe.scheduler = tiny.scheduler("euler")
    session.generate(request).save("out.mp4")
    told = refused("replay", "out.mp4", "-o", "again.mp4", "--model", model)
    assert told == "A program had changed the model of 'out.mp4' (another scheduler), which a replay cannot do."
    assert not Path("again.mp4").exists()
