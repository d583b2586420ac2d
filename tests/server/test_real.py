"""`reasondiff serve` as it is started by a user: real processes, the bundled model, OpenAI's client."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import openai
import pytest

from reasondiff.media import read_record, read_video
from reasondiff.server.queue import JobQueue
from reasondiff.server.tables import open_database

pytestmark = pytest.mark.server

IMAGE = Path(__file__).parents[2] / "docs" / "images" / "demo.png"


@contextmanager
def served(data: Path, *options: str) -> Iterator[str]:
    """The address of a server that was started from a command line."""
    command = [sys.executable, "-m", "reasondiff", "serve", "--data", str(data), "--port", "0", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    line = process.stdout.readline()
    address = re.search(r"http://\S+:\d+", line)
    assert address is not None, line
    try:
        yield address[0]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
        process.stdout.close()


@pytest.fixture
def picture(tmp_path: Path) -> bytes:
    """A vase of the model's own world."""
    from PIL import Image

    file = tmp_path / "image.png"
    Image.open(IMAGE).convert("RGB").resize((64, 64)).save(file)
    return file.read_bytes()


def until(client: openai.OpenAI, video: str, condition: Any) -> Any:
    for _ in range(3000):
        if condition(found := client.videos.retrieve(video)):
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def test_a_killed_worker_a_stopped_video_and_the_same_video_again(tmp_path: Path, picture: bytes) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    queue = JobQueue(open_database(f"sqlite:///{tmp_path}/queue.db"))
    with served(tmp_path) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        story = httpx2.post(
            f"{url}/v1/narratives", data={"prompt": "A cat plays."}, files={"image": picture}, timeout=300
        )
        told = story.json()["narrative"]

        def ask(seed: int, steps: int = 6) -> str:
            body = {"seed": seed, "num_inference_steps": steps, "narrative": json.dumps(told)}
            return client.videos.create(prompt="A cat plays.", input_reference=("x", picture), extra_body=body).id

        def frames(video: str) -> tuple[str, ...]:
            film = tmp_path / f"{video}.mp4"
            film.write_bytes(client.videos.download_content(video).content)
            record = read_record(film)
            assert record is not None
            return record.frame_sha256

        whole = ask(3)
        assert until(client, whole, lambda video: video.status in ("completed", "failed")).status == "completed"
        assert client.videos.download_content(whole, variant="thumbnail").content[8:12] == b"WEBP"
        assert client.videos.download_content(whole, variant="spritesheet").content[:2] == b"\xff\xd8"
        assert client.videos.download_content(whole, variant="contact_sheet").content[1:4] == b"PNG"

        killed = ask(3)
        until(client, killed, lambda video: (video.model_extra["reasondiff"]["step"] or 0) >= 2)
        os.kill(int(queue.get(killed).worker.split(":")[1]), signal.SIGKILL)
        assert until(client, killed, lambda video: video.status in ("completed", "failed")).status == "completed"
        assert queue.get(killed).attempts == 2 and frames(killed) == frames(whole)

        stopped = ask(4, 200)
        until(client, stopped, lambda video: (video.model_extra["reasondiff"]["step"] or 0) >= 2)
        assert client.videos.download_content(stopped, variant="preview").content[1:4] == b"PNG"
        httpx2.post(f"{url}/v1/videos/{stopped}/cancel")
        asked = time.monotonic()
        after = ask(5, 2)
        until(client, after, lambda video: video.status != "queued")
        print(f"The next video began {time.monotonic() - asked:.1f} s after one of 200 steps was cancelled.")
        begun = ask(6, 200)
        until(client, after, lambda video: video.status == "completed")
        until(client, begun, lambda video: video.status == "in_progress")
    assert queue.get(begun).status == "queued" and queue.get(begun).attempts == 0  # SIGTERM gives a job back
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) in ([], [begun])
    queue.database.close()


def test_a_clip_again_another_story_and_a_longer_one(tmp_path: Path, picture: bytes) -> None:
    """What varies a finished video, by the bundled model and over HTTP."""
    warnings.simplefilter("ignore", DeprecationWarning)
    with served(tmp_path) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)

        def done(video: str) -> Any:
            found = until(client, video, lambda each: each.status in ("completed", "failed"))
            assert found.status == "completed", found.error
            return found.model_extra["reasondiff"]

        def asked(route: str, **body: Any) -> str:
            answer = httpx2.post(f"{url}/v1/videos/{route}", json=body, timeout=60)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["id"])

        def frames(video: str) -> np.ndarray:
            film = tmp_path / f"{video}.mp4"
            film.write_bytes(client.videos.download_content(video).content)
            return read_video(film).frames.astype(np.float64)

        body = {"seed": 3, "num_inference_steps": 4}
        first = client.videos.create(prompt="A cat plays.", input_reference=("x", picture), extra_body=body).id
        told, whole = done(first)["narrative"], frames(first)
        clip = len(told["clips"]) // 2
        span = slice(told["clips"][clip]["start"] - 1, told["clips"][clip]["end"])
        redone = asked("edits", video={"id": first}, clip=clip + 1, prompt="A dog plays in the room.")
        other = {**told, "clips": [{**each, "description": "A dog plays in the room."} for each in told["clips"]]}
        edited = asked("edits", video={"id": first}, prompt="A dog plays.", narrative=other)
        longer = asked("extensions", video={"id": first}, prompt="It rains.", seconds=1)
        clips = done(redone)["narrative"]["clips"]
        assert [each["description"] for each in clips] == [
            "A dog plays in the room." if number == clip else each["description"]
            for number, each in enumerate(told["clips"])
        ]
        error = np.square(frames(redone) - whole).mean(axis=(1, 2, 3))
        held = np.delete(error, np.r_[span])
        assert 10 * np.log10(255**2 / held.mean()) > 26, "frames that are held pass through the VAE once more"
        assert done(edited)["narrative"]["clips"] == other["clips"] and frames(edited).shape == whole.shape
        about = done(longer)
        assert about["narrative"]["clips"][-1]["description"] == "It rains."
        assert len(frames(longer)) == about["num_frames"] > len(whole)
