"""Videos in a folder are paired by name, and nothing is paired, left out or made smaller in silence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.base import Need, Sample
from reasondiff.evaluation.metrics.clip_score import TextScore
from reasondiff.evaluation.metrics.motion_smoothness import MotionSmoothness
from reasondiff.evaluation.registry import metrics_of
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.rows import Row, append_row
from reasondiff.evaluation.runner import evaluate
from reasondiff.evaluation.scoring import keep_origins, missing_in_words, videos_in_words
from reasondiff.evaluation.suites.benchmark_folder import BenchmarkFolder
from reasondiff.evaluation.tables import failures_in_words, results_table
from reasondiff.evaluation.video_folder import find_systems_in, forget_changed
from reasondiff.media import write_video
from tests.evaluation.stubs import STUB, EncoderStub, InterpolatorStub, grey


@dataclass
class Brightness:
    """A metric that remembers which videos it has seen."""

    seen: list[str] = field(default_factory=list)
    name: str = "brightness"
    title: str = "brightness"
    unit: str = "of 255"
    higher_is_better: bool = True
    needs: tuple[Need, ...] = ()
    of_a_failure: float | None = 0.0

    def measure(self, sample: Sample) -> float:
        self.seen.append(f"{sample.system}/{sample.case.id}")
        return float(sample.output.frames.mean())


def benchmark(folder: Path, ids: Sequence[str] = ("a", "b"), captions: Sequence[str] = ()) -> BenchmarkFolder:
    folder.mkdir()
    Image.new("RGB", (16, 16), "black").save(folder / "black.png")
    rows = [{"id": name, "image": "black.png", "prompt": f"Prompt {name}.", "seed": 1} for name in ids]
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if captions:
        truth = [{"id": name, "frame": 0, "frames": len(captions), "captions": list(captions)} for name in ids]
        (folder / "truth.jsonl").write_text("".join(json.dumps(row) + "\n" for row in truth))
    return BenchmarkFolder(folder)


def video(path: Path, *levels: int, fps: float = 5.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, grey(*levels, height=16, width=16), fps)


def test_a_video_of_no_case_is_refused_and_never_paired_with_another(tmp_path: Path) -> None:
    cases = benchmark(tmp_path / "b").cases()
    video(tmp_path / "run/wan/c.mp4", 1)
    with pytest.raises(InputError, match=r"c.mp4' belongs to no case of the benchmark; name it after one, such as 'a'"):
        find_systems_in(tmp_path / "run", cases)


def test_two_videos_of_one_case_are_refused(tmp_path: Path) -> None:
    cases = benchmark(tmp_path / "b").cases()
    video(tmp_path / "run/wan/a.mp4", 1)
    (tmp_path / "run/wan/a.webm").write_bytes(b"")
    with pytest.raises(InputError, match=r"The case 'a' has two videos, .*a.mp4' and .*a.webm'"):
        find_systems_in(tmp_path / "run", cases)


def test_the_first_prompt_or_reference_never_stands_in_for_a_missing_one(tmp_path: Path) -> None:
    """The first documented fault: with prompt i missing, another tool compares with prompt 0."""
    suite = benchmark(tmp_path / "b", captions=["0", "0", "0"])
    truth = tmp_path / "b" / "truth.jsonl"
    truth.write_text(truth.read_text().splitlines()[0] + "\n")  # only case a has captions now
    rows = (tmp_path / "b" / "cases.jsonl").read_text().splitlines()
    second = {**json.loads(rows[1]), "prompt": ""}
    (tmp_path / "b" / "cases.jsonl").write_text(f"{rows[0].replace('Prompt a.', '0')}\n{json.dumps(second)}\n")
    for case in "ab":
        video(tmp_path / f"run/wan/{case}.mp4", 0, 0, 0)
    network = EncoderStub()
    metrics = [TextScore(network), TextScore(network, of="prompt")]
    systems = find_systems_in(tmp_path / "run", suite.cases())
    first, other = evaluate(systems, suite, metrics, Resources(tmp_path / "scores"))
    assert first.values == pytest.approx({"clip_text": 1, "clip_prompt": 1})
    assert other.values == {}
    assert other.missing == {
        "clip_text": "the case has no captions of its true frames",
        "clip_prompt": "the case has no text",
    }
    said = missing_in_words([first, other], systems, metrics)
    assert said[0].endswith("has no value for 1 of 2 of wan: the case has no captions of its true frames.")
    assert "of 1" in results_table([first, other], systems, metrics)[1][1]


def test_a_metric_whose_package_is_missing_ends_the_run_and_is_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second documented fault: another tool drops a metric with a line in its log."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    using = Resources(tmp_path)
    for name in ("dynamic_degree_dis", "motion_smoothness_rife", "conse_text", "offline", "imaging_quality", "paper"):
        with pytest.raises(InputError, match="; run: pip install "):
            metrics_of(using, ["sharpness", name])
    assert [metric.name for metric in metrics_of(using, ["sharpness"])] == ["sharpness"]


def test_a_video_that_is_missing_or_damaged_stays_in_the_denominator(tmp_path: Path) -> None:
    """The third documented fault: elsewhere, failed generations left the mean's denominator."""
    suite = benchmark(tmp_path / "b", ids=("a", "b", "c"))
    video(tmp_path / "run/wan/a.mp4", 90, 90, 90)
    (tmp_path / "run/wan/b.mp4").write_bytes(b"no video")
    metrics = [MotionSmoothness(InterpolatorStub()), Brightness()]
    systems = find_systems_in(tmp_path / "run", suite.cases())
    rows = evaluate(systems, suite, metrics, Resources(tmp_path / "scores"))
    assert [row.values["motion_smoothness"] for row in rows] == [1.0, 0.0, 0.0]
    assert results_table(rows, systems, metrics)[1][1].startswith("0.333 [")
    (sentence,) = failures_in_words(rows, systems)
    assert sentence.startswith("wan: no video of 2 of 3 cases, which count as failures; case b: The video ")
    assert rows[2].failure == "There is no video of case c."


def test_frames_are_measured_as_they_are_and_what_they_are_is_written_down(tmp_path: Path) -> None:
    suite = benchmark(tmp_path / "b", ids=("a",), captions=["0", "90"])
    video(tmp_path / "run/wan/a.mp4", 0, 10, 20, 30, 90, fps=15)
    video(tmp_path / "run/ltx/a.mp4", 0, 10, 90, fps=8)
    systems = find_systems_in(tmp_path / "run", suite.cases())
    assert [(system.name, system.title) for system in systems] == [("ltx", "ltx"), ("wan", "wan")]
    ltx, wan = evaluate(systems, suite, [TextScore(EncoderStub())], Resources(tmp_path / "scores"))
    about = {"frames": 5, "fps": 15.0, "width": 16, "height": 16, "codec": "h264"}
    assert {key: wan.video[key] for key in about} == about and len(str(wan.video["sha256"])) == 64
    assert (ltx.frames_of, wan.frames_of) == ({"clip_text": [0, 2]}, {"clip_text": [0, 4]})
    assert Row.from_json(wan.to_json()) == wan
    said = videos_in_words([ltx, wan], systems)
    assert said[0] == "ltx: 1 of 3 frames at 8 fps, 16x16, h264." and "no two videos frame by frame" in said[2]


def test_a_run_of_ours_tells_where_the_image_was_to_be_and_why_there_is_no_video(tmp_path: Path) -> None:
    suite = benchmark(tmp_path / "b")
    video(tmp_path / "run/videos/reasondiff/a.mp4", 5, 0, 5)
    made = Row("b", "a", "reasondiff", 1, 1, {}, {}, {}, "", None, "", "", "")
    append_row(tmp_path / "run/results.jsonl", made)
    failed = Row("b", "b", "reasondiff", 1, None, {}, {}, {}, "", "The reply is empty.", "", "", "")
    append_row(tmp_path / "run/results.jsonl", failed)
    systems = find_systems_in(tmp_path / "run", suite.cases())
    assert systems[0].title == "ReasonDiff"
    metrics = metrics_of(Resources(tmp_path), ["anchor_offset"])
    rows = evaluate(systems, suite, metrics, Resources(tmp_path / "scores"))
    assert rows[0].anchor_frame == 1 and rows[0].values == {"anchor_offset": 0}
    assert rows[1].failure == "The reply is empty."


def test_scoring_goes_on_where_it_was_and_a_changed_video_is_measured_again(tmp_path: Path) -> None:
    suite, metric = benchmark(tmp_path / "b"), Brightness()
    for case in "ab":
        video(tmp_path / f"run/wan/{case}.mp4", 60)

    def scored() -> list[Row]:
        systems = find_systems_in(tmp_path / "run", suite.cases())
        forget_changed(tmp_path / "scores/results.jsonl", systems)
        return evaluate(systems, suite, [metric], Resources(tmp_path / "scores"))

    assert scored() == scored() and metric.seen == ["wan/a", "wan/b"]
    video(tmp_path / "run/wan/b.mp4", 90)
    assert scored()[1].values["brightness"] == pytest.approx(90, abs=1)
    (tmp_path / "run/wan/a.mp4").unlink()
    assert scored()[0].failure == "There is no video of case a."
    assert metric.seen == ["wan/a", "wan/b", "wan/b"]


def test_values_through_another_network_are_not_mixed(tmp_path: Path) -> None:
    keep_origins(tmp_path, [MotionSmoothness(InterpolatorStub())])
    keep_origins(tmp_path, [MotionSmoothness(InterpolatorStub()), Brightness()])
    other = InterpolatorStub(origin=type(STUB)("a stub", "2", "MIT"))
    with pytest.raises(InputError, match=r"has values of 'motion smoothness \(a stub 1, Apache-2.0\)', and this would"):
        keep_origins(tmp_path, [MotionSmoothness(other)])
    assert set(json.loads((tmp_path / "metrics.json").read_text())) == {"motion_smoothness", "brightness"}


@pytest.mark.parametrize(
    ("places", "fault"),
    [
        ((), "There are no videos in"),
        (("run/a.mp4", "run/wan/a.mp4"), "holds videos (a.mp4) and folders of videos (wan); give each method a folder"),
    ],
)
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, places: tuple[str, ...], fault: str) -> None:
    cases = benchmark(tmp_path / "b").cases()
    with pytest.raises(InputError, match="There is no folder"):
        find_systems_in(tmp_path / "run", cases)
    (tmp_path / "run").mkdir()
    for place in places:
        video(tmp_path / place, 1)
    with pytest.raises(InputError) as error:
        find_systems_in(tmp_path / "run", cases)
    assert fault in str(error.value)


@pytest.mark.parametrize(
    ("line", "fault"),
    [("{", "is no object"), ("[]", "is no object"), ('{"id": "a", "image": "x.png"}', "has no 'prompt'")],
)
def test_a_benchmark_that_is_damaged_is_told(tmp_path: Path, line: str, fault: str) -> None:
    (tmp_path / "cases.jsonl").write_text(f"{line}\n")
    with pytest.raises(InputError, match=f"Line 1 of .*cases.jsonl' {fault}"):
        BenchmarkFolder(tmp_path).cases()
    with pytest.raises(InputError, match="cannot be read"):
        BenchmarkFolder(tmp_path / "none").cases()


def test_one_method_can_be_the_folder_itself(tmp_path: Path) -> None:
    cases = benchmark(tmp_path / "b").cases()
    video(tmp_path / "mine/a.mp4", 1)
    (system,) = find_systems_in(tmp_path / "mine", cases)
    assert system.name == "mine" and set(system.videos) == {"a"}
    assert np.array_equal(system.generate(cases[:1], Resources(tmp_path))[0].frames.shape, (1, 16, 16, 3))  # type: ignore[union-attr]
