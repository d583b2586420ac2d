"""What a worker does with a job, with a real session of a tiny model."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from reasondiff.errors import InputError
from reasondiff.jobs.request import VideoRequest
from reasondiff.media import read_record
from reasondiff.narrative.place import Place
from reasondiff.server.jobs import Job, Order
from reasondiff.server.making import VideoMaker
from reasondiff.server.served import OPTIONS, Served
from tests.tiny.pipelines import IMAGE, STORY, pipeline


class Watching:
    """Nobody who listens."""

    def __init__(self) -> None:
        self.stop = threading.Event()

    def on_stage(self, name: str) -> None: ...

    def on_step(self, done: int, total: int) -> None: ...

    def on_narrative(self, narrative: Mapping[str, Any]) -> None: ...

    def on_preview(self, picture: Path) -> None: ...


def test_a_video_that_is_looked_at_again(tmp_path: Path) -> None:
    looks = [
        {"clips": [{"score": score, "reason": "So.", "description": ""} for score in pair]} for pair in [(8, 1), (8, 9)]
    ]
    (tmp_path / "script.json").write_text(json.dumps(looks))
    pipeline(image_tokens=False).save_pretrained(tmp_path / "model")
    asked = VideoRequest(
        image=Path(), model=str(tmp_path / "model"), size="32x32", narrator=f"scripted:{tmp_path / 'script.json'}"
    )
    maker = VideoMaker(Served.of(asked))
    order = Order(
        prompt="A cat plays.", options={"verify": 2}, images=(), places=(Place(),), image_size=IMAGE.size, num_frames=9,
        size="32x32", interval=0.2,
    )  # fmt: skip
    times = dict.fromkeys(
        ("started_at", "completed_at", "expires_at", "stage", "step", "steps", "eta", "worker", "error")
    )
    job = Job(
        id="v", owner="me", kind="video", model=maker.models[0], order=order, seed=3, narrative=STORY.to_dict(),
        parent=None, body_hash=None, status="in_progress", rank=0, created_at=0, attempts=1, **times,
    )  # fmt: skip
    picture = BytesIO()
    IMAGE.save(picture, "PNG")
    made = maker.make(job, [picture.getvalue()], tmp_path, Watching())
    record = read_record(made.files["video"])
    assert record is not None
    told = json.loads(str(record.options["verified"]))
    assert told["kept"] == 1 and [each["score"] for each in told["rounds"]] == [4.5, 8.5]


def test_how_often_is_an_option_with_a_range() -> None:
    assert OPTIONS["verify"].about.maximum == 20
    with pytest.raises(InputError, match="21 rounds of verifying do not work; give 0 to 20"):
        VideoRequest(image=Path(), verify=21)
