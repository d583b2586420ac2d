"""One clip again: what is kept is kept, bit by bit in latents and within the VAE's error in frames."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reasondiff.errors import InputError, NarrativeError, StoppedError
from reasondiff.jobs.inputs import Inputs
from reasondiff.jobs.record import REDONE, request_of
from reasondiff.jobs.redo import FinishedVideo, redo
from reasondiff.jobs.request import RedoRequest, VideoRequest
from reasondiff.jobs.session import VideoSession
from reasondiff.media.frame_image import FrameImage
from reasondiff.media.tensors import psnr
from reasondiff.narrative import Narrative
from tests import tiny
from tests.jobs.test_session import Log
from tests.tiny.pipelines import IMAGE

OTHER = tiny.image(64, 64, seed=5)
STORY = Narrative.from_ends([(5, "A vase stands."), (9, "A cat comes."), (13, "The vase is broken.")], 12, 13)


@pytest.fixture(scope="module")
def session(tiny_model: Path) -> VideoSession:
    return VideoSession(VideoRequest(image=Path(), model=str(tiny_model), size="32x32", seed=3))


@pytest.fixture(scope="module")
def finished(session: VideoSession) -> FinishedVideo:
    inputs = Inputs(IMAGE, "A cat plays.", STORY)
    return FinishedVideo.of(session.generate(session.request, inputs), inputs)


def test_latents_beside_the_clip_are_the_old_ones_bit_by_bit(session: VideoSession, finished: FinishedVideo) -> None:
    again = redo(session, finished, RedoRequest(clip=2, text="A dog comes."))
    before, after = finished.latents, again.latents
    assert before is not None and after is not None and before.shape[2] == 4
    assert torch.equal(after[:, :, [0, 1, 3]], before[:, :, [0, 1, 3]])  # frames 6 to 9 are latent frame 2
    assert not torch.equal(after[:, :, 2], before[:, :, 2])
    assert again.redone == range(5, 9)
    assert np.array_equal(again.frames[:5], finished.frames[:5])  # a causal VAE: nothing before the clip sees it
    assert not np.array_equal(again.frames[5:9], finished.frames[5:9])
    kept = [*range(5), *range(9, 13)]
    assert again.kept_psnr == psnr(again.frames[kept], finished.frames[kept])
    assert [join.frame for join in again.joins] == [5, 9]


def test_a_clip_that_shares_latent_frames_takes_its_neighbours_frames_along(
    session: VideoSession, finished: FinishedVideo
) -> None:
    story = Narrative.from_ends([(4, "A vase stands."), (11, "A cat comes."), (13, "Broken.")], 12, 13)
    other = replace(finished, record=replace(finished.record, narrative=story.to_dict()))
    assert redo(session, other, RedoRequest(clip=2)).redone == range(1, 13)  # latent frames 1 to 3
    assert redo(session, other, RedoRequest(clip=1)).redone == range(5)


def test_the_record_tells_what_was_made_again_and_of_what(session: VideoSession, finished: FinishedVideo) -> None:
    words = redo(session, finished, RedoRequest(clip=2, text=" A dog\ncomes. "))
    assert [clip.description for clip in words.narrative.clips] == [
        "A vase stands.", "A dog comes.", "The vase is broken.",
    ]  # fmt: skip
    assert words.record.seed == 3  # other words from the same noise
    second = FinishedVideo.of(words, finished.inputs)
    noise = redo(session, second, RedoRequest(clip=3))
    assert noise.record.seed == 4 and noise.narrative.clips == words.narrative.clips
    assert redo(session, finished, RedoRequest(clip=3, seed=9)).record.seed == 9
    first, then = json.loads(str(noise.record.options[REDONE]))
    assert first == {"clip": 2, "text": " A dog\ncomes. ", "seed": 3, "of": finished.record.frames_sha256}
    assert then == {"clip": 3, "text": None, "seed": 4, "of": second.record.frames_sha256}


def test_from_a_file_the_frames_are_encoded_and_a_second_time_is_the_same(
    session: VideoSession, finished: FinishedVideo, tmp_path: Path
) -> None:
    made = session.generate(session.request, finished.inputs)
    made.save(tmp_path / "a.mp4")
    read = FinishedVideo.read(tmp_path / "a.mp4")
    assert read.latents is None and read.narrative == STORY
    one, two = (redo(session, read, RedoRequest(clip=2, seed=8)) for _ in range(2))
    assert np.array_equal(one.frames, two.frames)
    encoded = session.pipe.model.encode_video(read.frames)
    assert one.latents is not None and torch.equal(one.latents[:, :, [0, 1, 3]], encoded[:, :, [0, 1, 3]])


def test_a_story_of_one_clip_is_made_anew(session: VideoSession) -> None:
    story = Narrative.from_ends([(9, "A vase stands.")], 8, 9)
    inputs = Inputs(IMAGE, "A cat plays.", story)
    old = FinishedVideo.of(session.generate(session.request, inputs), inputs)
    again = redo(session, old, RedoRequest(clip=1, seed=5))
    assert again.kept_psnr is None and again.joins == ()
    assert np.array_equal(again.frames, session.generate(replace(session.request, seed=5), inputs).frames)


def test_another_models_clip_is_logged(
    session: VideoSession, finished: FinishedVideo, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        redo(session, finished, RedoRequest(clip=1))
        assert not caplog.messages
        other = replace(finished, record=replace(finished.record, weights={"vae": "0" * 64}))
        redo(session, other, RedoRequest(clip=1))
    assert "made with other weights" in caplog.text


def test_it_reports_and_stops_as_any_job(session: VideoSession, finished: FinishedVideo) -> None:
    import threading

    stop, log = threading.Event(), Log()
    redo(session, finished, RedoRequest(clip=2), progress=log)
    assert log.stages == ["encode", "align", "denoise", "decode", ""]
    stop.set()
    with pytest.raises(StoppedError):
        redo(session, finished, RedoRequest(clip=2), stop=stop)


def test_refused(session: VideoSession, finished: FinishedVideo, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no clip 4; the video's story has clips 1\.\.3"):
        redo(session, finished, RedoRequest(clip=4))
    with pytest.raises(InputError, match="There is no clip 0; clips count from 1"):
        RedoRequest(clip=0)
    with pytest.raises(NarrativeError, match="no description"):
        redo(session, finished, RedoRequest(clip=2, text="  "))
    with pytest.raises(InputError, match="5 frames of 32x32, and 13 of 32x32"):
        redo(session, replace(finished, frames=finished.frames[:5], latents=None), RedoRequest(clip=2))
    with pytest.raises(InputError, match="There is no video"):
        FinishedVideo.read(tmp_path / "none.mp4")
    assert RedoRequest.from_json({"clip": 2, "text": "A dog."}) == RedoRequest(clip=2, text="A dog.")
    with pytest.raises(InputError, match="has no 'clip'"):
        RedoRequest.from_json({"text": "A dog."})


def test_a_clip_of_a_video_of_sections_is_made_in_a_section_and_the_rest_stays(
    session: VideoSession, tmp_path: Path
) -> None:
    story = Narrative.from_ends([(9, "A vase stands."), (17, "A cat comes."), (25, "The vase is broken.")], 24, 25)
    asked = replace(session.request, section_frames=17)
    inputs = Inputs(IMAGE, "A cat plays.", story)
    made = session.generate(asked, inputs)
    assert [join.frame for join in made.joins] == [8] and made.latents is None
    made.save(tmp_path / "long.mp4")
    recorded = request_of(made.record.of_frames(made.frames), tmp_path / "long.mp4", VideoRequest)
    assert recorded.section_frames == 17 and recorded.num_frames == 25
    assert np.array_equal(session.generate(recorded, inputs).frames, made.frames)

    again = redo(session, FinishedVideo.of(made, inputs), RedoRequest(clip=2, text="A dog comes."))
    assert again.redone == range(9, 17) and again.kept_psnr == 100
    kept = [*range(9), *range(17, 25)]
    assert np.array_equal(again.frames[kept], made.frames[kept])
    assert not np.array_equal(again.frames[9:17], made.frames[9:17])
    assert again.narrative.num_frames == 25 and again.narrative.clips[1].description == "A dog comes."
    assert again.record.options["num_frames"] == 25 and [join.frame for join in again.joins] == [9, 17]
    with pytest.raises(InputError, match="split the clip"):
        whole = FinishedVideo.of(made, inputs)
        redo(session, replace(whole, record=replace(whole.record, narrative=ONE.to_dict())), RedoRequest(clip=1))


ONE = Narrative.from_ends([(20, "A vase stands."), (25, "The vase is broken.")], 24, 25)


def test_a_clip_of_a_video_of_several_images(tmp_path: Path) -> None:
    model = tmp_path / "vace"
    tiny.vace_pipeline().save_pretrained(model)
    session = VideoSession(VideoRequest(image=Path(), model=str(model), size="32x32", num_frames=13, shortest_clip=0))
    images = (FrameImage(IMAGE), FrameImage(OTHER))
    inputs = Inputs(IMAGE, "A cat plays.", STORY.with_images({0: 12, 1: 0}), images)
    made = session.generate(session.request, inputs)
    finished = FinishedVideo.of(made, inputs)
    again = redo(session, finished, RedoRequest(clip=2, seed=9))
    assert made.latents is not None and again.latents is not None
    assert torch.equal(again.latents[:, :, [0, 1, 3]], made.latents[:, :, [0, 1, 3]])
    assert not torch.equal(again.latents[:, :, 2], made.latents[:, :, 2])
    assert again.narrative.anchors == made.narrative.anchors
    again.save(tmp_path / "again.mp4")
    read = FinishedVideo.read(tmp_path / "again.mp4")
    assert [each.image.size for each in read.inputs.frame_images] == [(32, 32)] * 2
    assert read.narrative == again.narrative
