"""A session: reports, stops, goes on, takes turns, and shares nothing with another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reasondiff.errors import CheckpointError, InputError, StoppedError
from reasondiff.jobs.inputs import Inputs
from reasondiff.jobs.record import request_of
from reasondiff.jobs.request import VideoRequest
from reasondiff.jobs.session import VideoSession, run_in_background
from reasondiff.media import read_video
from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
from tests import tiny
from tests.tiny.pipelines import IMAGE, STORY, add_lora, alignformer, pipeline


class Log:
    """Keeps what a job reports; may do something at a step."""

    def __init__(self, at_step: Any = None) -> None:
        self.stages: list[str] = []
        self.steps: list[tuple[int, int]] = []
        self.at_step = at_step

    def on_stage(self, name: str) -> None:
        self.stages.append(name)

    def on_step(self, done: int, total: int) -> None:
        self.steps.append((done, total))
        if self.at_step is not None:
            self.at_step(done)


@pytest.fixture
def session(request_: VideoRequest) -> VideoSession:
    return VideoSession(request_)


def test_a_job_reports_its_stages_and_steps(session: VideoSession, request_: VideoRequest, inputs: Inputs) -> None:
    log = Log()
    made = session.generate(request_, inputs, progress=log)
    assert log.stages == ["encode", "align", "denoise", "decode", ""]  # the story is told already
    assert log.steps == [(1, 2), (2, 2)]
    assert set(made.seconds) == set(log.stages[:-1])
    plain = Log()
    session.generate(replace(request_, use_adapter=False), inputs, progress=plain)
    assert plain.stages == ["encode", "denoise", "decode", ""]  # and nothing is aligned


def test_a_stage_in_which_nobody_is_asked_is_not_shown(session: VideoSession, request_: VideoRequest) -> None:
    log, plain = Log(), replace(request_, text_mode="single", anchor="first", use_adapter=False)
    session.generate(plain, Inputs(IMAGE, "A cat plays."), progress=log)
    assert "narrate" not in log.stages


def test_a_video_is_saved_with_its_record_and_made_again(
    session: VideoSession, request_: VideoRequest, inputs: Inputs, tmp_path: Path
) -> None:
    asked = replace(request_, seed=5, text_mode="joined", fps=10.0, num_inference_steps=3)
    made = session.generate(asked, inputs)
    made.save(tmp_path / "a.mp4")
    video = read_video(tmp_path / "a.mp4")
    assert video.record is not None and video.fps == made.fps == 10 and made.pace == 5
    again = request_of(video.record, tmp_path / "a.mp4", VideoRequest)
    assert (again.seed, again.text_mode, again.num_frames, again.size) == (5, "joined", 9, "32x32")
    assert np.array_equal(session.generate(again, inputs).frames, made.frames)


def test_a_stop_request_ends_a_job_after_its_step_and_the_next_job_runs(
    session: VideoSession, request_: VideoRequest, inputs: Inputs
) -> None:
    stop, asked = threading.Event(), replace(request_, num_inference_steps=5)
    log = Log(lambda done: stop.set() if done == 2 else None)
    with pytest.raises(StoppedError, match="stopped in the stage 'denoise'"):
        session.generate(asked, inputs, progress=log, stop=stop)
    assert log.steps == [(1, 5), (2, 5)] and log.stages[-1] == "denoise"
    whole = session.generate(asked, inputs, stop=threading.Event())
    assert np.array_equal(whole.frames, VideoSession(request_).generate(asked, inputs).frames)
    with pytest.raises(StoppedError):
        session.generate(asked, inputs, stop=stop)  # still set: it does not even begin


def test_a_job_that_goes_on_says_after_which_step(
    session: VideoSession, request_: VideoRequest, inputs: Inputs, tmp_path: Path
) -> None:
    place, asked = tmp_path / "a.steps", replace(request_, num_inference_steps=4)

    def fail(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.generate(asked, inputs, progress=Log(fail), checkpoint=DenoisingCheckpoint(place))
    log = Log()
    made = session.generate(asked, inputs, progress=log, checkpoint=DenoisingCheckpoint(place))
    assert (made.first_step, log.steps) == (2, [(3, 4), (4, 4)])
    whole = session.generate(asked, inputs)
    assert whole.first_step == 0 and np.array_equal(made.frames, whole.frames)


def test_a_job_that_was_killed_after_its_last_step_says_so_too(
    session: VideoSession, request_: VideoRequest, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(session.pipe.model), "decode", fail)
        with pytest.raises(KeyboardInterrupt):
            session.generate(request_, inputs, checkpoint=DenoisingCheckpoint(tmp_path / "a.steps"))
    assert session.generate(request_, inputs, checkpoint=DenoisingCheckpoint(tmp_path / "a.steps")).first_step == 2


def test_two_sessions_and_two_jobs_at_once_are_as_each_alone(request_: VideoRequest, inputs: Inputs) -> None:
    first, second = VideoSession(request_), VideoSession(request_)
    asked = [replace(request_, seed=seed, use_adapter=seed % 2 == 0) for seed in range(3)]
    alone = [first.generate(each, inputs).frames for each in asked]
    jobs = [(session, number) for session in (first, second) for number in range(3)]
    futures = [run_in_background(lambda s=session, n=number: s.generate(asked[n], inputs)) for session, number in jobs]
    for (_, number), future in zip(jobs, futures, strict=True):
        assert np.array_equal(future.result(timeout=120).frames, alone[number])
    assert first.pipe is not second.pipe and first.pipe.scheduler is not second.pipe.scheduler


def test_a_session_makes_videos_of_its_own_model_only(
    session: VideoSession, request_: VideoRequest, inputs: Inputs
) -> None:
    assert session.holds(replace(request_, seed=4, num_frames=13))
    for other in ({"model": "storyworld-tiny"}, {"preset": "low-vram"}, {"adapter": "tales"}):
        with pytest.raises(InputError, match="This session holds another model"):
            session.generate(replace(request_, **other), inputs)


def test_the_inputs_are_read_from_the_request(session: VideoSession, request_: VideoRequest, tmp_path: Path) -> None:
    IMAGE.save(tmp_path / "a.png")
    STORY.save(tmp_path / "a.json")
    asked = replace(request_, image=tmp_path / "a.png", narrative=tmp_path / "a.json", prompt="A\ncat ")
    assert Inputs.read(asked) == Inputs(Inputs.read(asked).image, "A cat", STORY)
    assert session.generate(asked).narrative == STORY


def test_too_little_gpu_memory_is_said_and_not_called_a_fault(
    session: VideoSession, request_: VideoRequest, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(type(session.pipe.model), "denoise", fail)
    with pytest.raises(InputError, match="give --preset low-vram"):
        session.generate(request_, inputs)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"model": "nonsense"}, CheckpointError, "There is no model 'nonsense'"),
        ({"revision": "v1"}, InputError, "A revision is for models on the hub"),
        ({"adapter": "none"}, CheckpointError, "There is no 'none'; give a folder, or a hub id"),
        ({"transformer": Path("none.gguf")}, CheckpointError, "There is no 'none.gguf'"),
        ({"mag_ratios": Path("none.json")}, InputError, "There is no 'none.json'"),
        ({"preset": "best"}, InputError, "There is no preset 'best'"),
        ({"narrator": "oracle"}, InputError, "'oracle' is unknown"),
    ],
)
def test_a_mistyped_name_is_refused(
    request_: VideoRequest, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        VideoSession(replace(request_, **changes))


@pytest.fixture
def adapted(request_: VideoRequest, tmp_path: Path) -> VideoSession:
    """Of a model whose adapter has a LoRA."""
    pipe = pipeline(alignformer())
    add_lora(pipe)
    pipe.save_pretrained(tmp_path / "adapted")
    return VideoSession(replace(request_, model=str(tmp_path / "adapted")))


def weaker(session: VideoSession) -> None:
    session.pipe.use_adapter("reasondiff", 0.5)


def another_schedule(session: VideoSession) -> None:
    session.pipe.scheduler = tiny.scheduler("euler")


def another_lora(session: VideoSession) -> None:
    add_lora(session.pipe, "style", seed=3)
    session.pipe.set_adapters(["reasondiff", "style"], [1.0, 0.3])


CHANGES = {
    weaker: "the adapter 'reasondiff', the LoRA 'reasondiff' at 0.5",
    another_schedule: "another scheduler",
    another_lora: "the adapter 'reasondiff', the LoRA 'reasondiff' at 1, the LoRA 'style' at 0.3",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
def test_what_a_program_changes_is_recorded(
    adapted: VideoSession, inputs: Inputs, change: Callable[[VideoSession], None]
) -> None:
    before = adapted.generate(adapted.request, inputs)
    change(adapted)
    made = adapted.generate(adapted.request, inputs)
    assert "changed" not in before.record.options and made.record.options["changed"] == CHANGES[change]
    assert not np.array_equal(made.frames, before.frames)


def test_the_base_model_alone_is_recorded_as_such(adapted: VideoSession, inputs: Inputs) -> None:
    plain = adapted.generate(replace(adapted.request, use_adapter=False), inputs)
    adapted.pipe.use_adapter(None)
    made = adapted.generate(adapted.request, inputs)
    assert made.record.options["use_adapter"] is False and "changed" not in made.record.options
    assert np.array_equal(made.frames, plain.frames)
    adapted.pipe.use_adapter("reasondiff")
    assert adapted.generate(adapted.request, inputs).record.options["use_adapter"] is True
