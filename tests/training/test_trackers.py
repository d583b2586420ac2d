"""What the log is told is told to trackers too: TensorBoard's real files, and the others' calls."""

from __future__ import annotations

import struct
import sys
import types
from pathlib import Path

import pytest
from accelerate.utils import LoggerType

from reasondiff.errors import InputError
from reasondiff.training import trackers as tracking
from reasondiff.training.log import read_log
from reasondiff.training.trackers import Tracking, trackers
from reasondiff.training.trainer import fit
from tests.training.test_trainer import PLAN, Line

event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """The curves in TensorBoard's files; a record is length, checksum, data, checksum."""
    curves: dict[str, dict[int, float]] = {}
    for file in sorted(folder.rglob("events.*")):
        data, place = file.read_bytes(), 0
        while place < len(data):
            (length,) = struct.unpack_from("<Q", data, place)
            event = event_pb2.Event.FromString(data[place + 12 : place + 12 + length])
            place += 16 + length
            for value in event.summary.value:
                if value.WhichOneof("value") == "simple_value":
                    curves.setdefault(value.tag, {})[event.step] = value.simple_value
    return curves


def test_tensorboard_draws_what_the_log_says_also_after_a_stop(tmp_path: Path) -> None:
    told = Tracking(("tensorboard",), {"optimization.lr": 0.1, "phases": [1, 2], "lora": None})
    fit(Line(), PLAN, tmp_path, log_every=5, tracking=told, stop_after_minutes=0)
    fit(Line(), PLAN, tmp_path, log_every=5, tracking=told)
    curves = scalars(tmp_path / "tensorboard")
    rows = {row["step"]: row for row in read_log(tmp_path) if "loss" in row}
    assert curves["loss"].keys() == rows.keys() == {5, 10, 15, 20, 25, 30}
    for step, row in rows.items():
        for name in ("loss", "grad_norm", "lr", "samples_per_second"):
            assert curves[name][step] == pytest.approx(row[name], rel=1e-6)
    assert curves["validation/weight"].keys() == {30}


def test_without_a_name_it_is_tensorboard_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trackers() == ("tensorboard",)
    assert trackers(["none"]) == ()
    monkeypatch.setattr(tracking, "find_spec", lambda package: None)
    assert trackers() == ()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mlflow", "There is no tracker 'mlflow'; give one of tensorboard, wandb, trackio, or none."),
        ("wandb", "The tracker 'wandb' is not installed; pip install wandb, or leave it out."),
        ("tensorboard", r"is not installed; pip install 'reasondiff\[tensorboard\]', or leave it out."),
    ],
)
def test_one_that_is_not_there_is_one_sentence(name: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda package: None)
    with pytest.raises(InputError, match=told):
        trackers([name])


def test_trackio_is_called_by_accelerate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in of the package; its own server is not ours to test."""
    calls: list[tuple[str, object]] = []

    class Run:
        def log(self, values: dict[str, float], step: int | None = None, **kwargs: object) -> None:
            calls.append(("log", {**values, "step": step}))

        def finish(self) -> None:
            calls.append(("finish", None))

    def init(project: str, **kwargs: object) -> Run:
        calls.append(("init", project))
        return Run()

    stand_in = types.ModuleType("trackio")
    stand_in.init, stand_in.log, stand_in.finish = init, Run().log, Run().finish
    stand_in.config = {}
    monkeypatch.setitem(sys.modules, "trackio", stand_in)
    monkeypatch.setattr("accelerate.tracking.get_available_trackers", lambda: [LoggerType.TRACKIO])
    fit(Line(), PLAN, tmp_path, log_every=10, tracking=Tracking(("trackio",), {"beta": 0.2}))
    assert stand_in.config["beta"] == 0.2
    assert calls[0] == ("init", "reasondiff") and calls[-1] == ("finish", None)
    logged = [values for kind, values in calls if kind == "log"]
    assert [values["step"] for values in logged if "loss" in values] == [10, 20, 30]
