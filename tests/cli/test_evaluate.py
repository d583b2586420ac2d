"""``reasondiff evaluate``: the table from the command line; and ``reasondiff storyworld``, whose clips it judges."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from reasondiff.checkpoints import bundled_folder
from reasondiff.cli.cases import read_cases
from reasondiff.errors import NarrationError, ProviderError
from reasondiff.jobs.session import VideoSession
from reasondiff.media import read_video
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.storyworld.dataset import cases
from reasondiff.storyworld.oracle import ORACLE
from reasondiff.storyworld.stories import NUM_FRAMES
from tests import tiny

pytestmark = pytest.mark.usefixtures("all_templates_match")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model of StoryWorld's length and size."""
    defaults = {"num_frames": NUM_FRAMES, "num_inference_steps": 1, "guidance_scale": 1.0, "area": 64 * 64}
    folder = tmp_path_factory.mktemp("models") / "tiny"
    ReasonDiffPipeline(**tiny.pipeline().components, reasondiff=defaults).save_pretrained(folder)
    return folder


def test_the_table_goes_on_where_it_was(reasondiff: Callable, model: Path, tmp_path: Path) -> None:
    asked = ("evaluate", "--model", model, "--cases", 3, "--batch", 2, "-o", tmp_path / "made")
    assert reasondiff(*asked, "--method", "wan").code == 0
    log = tmp_path / "made" / "results.jsonl"
    before = log.read_text()
    ran = reasondiff(*asked, "--method", "wan", "--method", "truth", "--sheet", 2)
    assert ran.code == 0 and log.read_text().startswith(before) and (tmp_path / "made" / "verdicts.png").exists()
    table = (tmp_path / "made" / "table.md").read_text()
    assert [row.split(" | ")[0] for row in table.splitlines()[2:]] == [
        "| Wan-tiny image-to-video", "| ReasonDiff, true narrative"
    ]  # fmt: skip


def test_a_failure_and_its_reason_stand_under_the_table(
    reasondiff: Callable, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(error: Exception) -> object:
        def narrate(*_: object, **__: object) -> Narrative:
            raise error

        return SimpleNamespace(narrate=narrate)

    asked = ("evaluate", "--model", model, "--cases", 2, "--method", "joined", "-o", tmp_path / "made")
    monkeypatch.setattr(ReasonDiffPipeline, "narrator", failing(ProviderError("The server refuses the connection.")))
    ended = reasondiff(*asked)
    assert ended.code == 2 and ended.err.rstrip().endswith("The server refuses the connection.")
    assert not list((tmp_path / "made").rglob("*.failure.json")) and not list((tmp_path / "made").rglob("*.mp4"))
    monkeypatch.setattr(ReasonDiffPipeline, "narrator", failing(NarrationError("The reply is empty.")))
    ran = reasondiff(*asked)
    sentence = "no video of 2 of 2 cases, which count as failures; case 0000: The reply is empty."
    assert ran.code == 0 and sentence in ran.out
    assert sentence in (tmp_path / "made" / "table.md").read_text()


def test_paired_is_the_first_frame_and_the_whole_text(reasondiff: Callable, model: Path, tmp_path: Path) -> None:
    ran = reasondiff("evaluate", "--model", model, "--cases", 2, "--paired", "-o", tmp_path / "made")
    assert ran.code == 0 and "Wan-tiny, paired" in ran.out
    rows = [json.loads(line) for line in (tmp_path / "made" / "results.jsonl").read_text().splitlines()]
    found = [(row["system"], row["position"], row["strata"]["anchor_phase"]) for row in rows]
    assert found == [("paired", 1, "start")] * 2


def test_the_splits_are_other_cases(reasondiff: Callable, refused: Callable, model: Path, tmp_path: Path) -> None:
    asked = ("evaluate", "--model", model, "--cases", 1, "--method", "wan", "-o")
    for split in ("test", "validation"):
        assert reasondiff(*asked, tmp_path / split, "--split", split).code == 0
    films = [read_video(tmp_path / split / "videos" / "wan" / "0000.mp4").frames for split in ("test", "validation")]
    assert not np.array_equal(*films)
    assert "holds results of other cases" in refused(*asked, tmp_path / "test", "--split", "validation")


def test_a_table_is_of_one_oracle(
    reasondiff: Callable, refused: Callable, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("evaluate", "--model", model, "--cases", 1, "--method", "wan", "-o", tmp_path / "made")
    assert reasondiff(*asked).code == 0
    begun = tmp_path / "made" / "evaluation.json"
    settings = json.loads(begun.read_text())
    assert "diffusion_pytorch_model.safetensors" in settings["judged_by"]["oracle"]
    begun.write_text(json.dumps({**settings, "world": "of a version ago"}))
    assert "holds results of other cases; give a new folder." in refused(*asked)
    begun.write_text(json.dumps(settings))
    other = shutil.copytree(bundled_folder(ORACLE), tmp_path / ORACLE)
    weights = other / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    monkeypatch.setattr("reasondiff.checkpoints._BUNDLED_FOLDERS", (tmp_path,))
    assert "was judged by another oracle; have its videos judged anew by 'reasondiff score" in refused(*asked)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--cases", 0), "0 cases are none; give 1 or more."),
        (("--batch", 0), "A batch of 0 makes nothing; give 1 or more."),
        (("--method", "lucky"), "There is no method 'lucky'; choose from wan, joined,"),
        (("--paired", "--method", "wan"), "leave out --method wan."),
        (("--method", "paired"), "The method 'paired' is for the clips' own first frames; give --paired instead."),
        (("--split", "train"), "There are no unseen cases in the split 'train'; choose test or validation."),
        (("--level", "hrad"), "StoryWorld has no level 'hrad'; give 'core' or 'hard'."),
        (("-o", "file"), "'file' cannot be made a folder (File exists); give another one."),
        (("-o", "damaged"), "'damaged/evaluation.json' is damaged; give a new folder."),
    ],
)
def test_bad_input(
    refused: Callable, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    Path("damaged").mkdir()
    Path("damaged", "evaluation.json").write_text("{")
    assert told in refused("evaluate", "--model", model, *arguments)


def test_a_drawn_dataset_is_what_cases_reads(reasondiff: Callable, refused: Callable, tmp_path: Path) -> None:
    world = tmp_path / "world"
    assert reasondiff("storyworld", "-o", world, "--count", 3, "--split", "validation").code == 0
    listed, drawn = read_cases(world), cases(3, split="validation")
    assert len(listed) == 3
    for case in drawn:
        name = f"{case.number:04d}"
        assert len(read_video(world / "videos" / f"{name}.mp4").frames) == NUM_FRAMES
        assert Narrative.load(world / "narratives" / f"{name}.json").anchor_frame == case.anchor_frame
    lines = [json.loads(line) for line in (world / "captions.jsonl").read_text().splitlines()]
    assert [len(line["captions"]) for line in lines] == [NUM_FRAMES] * 3
    assert all(case.take.story.object in line["caption"] for case, line in zip(drawn, lines, strict=True))
    assert "exists already; give the name of a new folder." in refused("storyworld", "-o", world)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--count", 0), "0 clips are none; give 1 or more."),
        (("--split", "tset"), "StoryWorld has no split 'tset'; give one of train, validation, test, clip."),
        (("--level", "hrad"), "StoryWorld has no level 'hrad'; give 'core' or 'hard'."),
        *((("--held-out", share), f"A share of {share} held-out pairs cannot be drawn; give 0 to 1.")
          for share in ("nan", "5", "-1")),
    ],
)  # fmt: skip
def test_what_storyworld_cannot_draw(refused: Callable, tmp_path: Path, arguments: tuple, told: str) -> None:
    assert told in refused("storyworld", "-o", tmp_path / "world", *arguments)
    assert not list(tmp_path.iterdir())


def test_a_benchmarks_folder_is_evaluated_by_name_and_by_videos(
    reasondiff: Callable, refused: Callable, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark, made = tmp_path / "benchmark", tmp_path / "made"
    assert reasondiff("bench", "build", "storyworld-user", "-o", benchmark, "--cases", 2).code == 0
    assert reasondiff("bench", "check", benchmark).code == 0
    asked = ("evaluate", "--benchmark", benchmark, "--model", model, "-o", made)
    ran = reasondiff(*asked, "--method", "wan", "--method", "oracle-narrative")
    assert ran.code == 0 and "story success" in ran.out
    rows = [json.loads(line) for line in (made / "results.jsonl").read_text().splitlines()]
    truth = [json.loads(line)["frame"] for line in (benchmark / "truth.jsonl").read_text().splitlines()]
    assert [(row["system"], row["position"]) for row in rows] == [
        ("wan", 1), ("wan", 1), ("oracle-narrative", truth[0] + 1), ("oracle-narrative", truth[1] + 1)
    ]  # fmt: skip
    assert rows[0]["strata"]["anchor_phase"] == "start" and "story_success" in rows[0]["values"]

    published = tmp_path / "published" / "theirs"
    published.mkdir(parents=True)
    shutil.copy(made / "videos" / "wan" / "0000.mp4", published / "0000.mp4")
    with monkeypatch.context() as patched:
        patched.setattr(VideoSession, "__init__", lambda *_: pytest.fail("a model was loaded"))
        ran = reasondiff(*asked, "--method", f"videos-in-folder:{published.parent}")
    assert ran.code == 0 and "no video of 1 of 2 cases, which count as failures" in ran.out, ran
    copy = made / "videos" / "theirs" / "0000.mp4"
    assert copy.read_bytes() == (published / "0000.mp4").read_bytes(), "frames and rate stay as they are"
    rows = [json.loads(line) for line in (made / "results.jsonl").read_text().splitlines()]
    assert len(rows) == 6 and rows[5]["failure"] == "There is no video of case 0001."
    assert rows[4]["video"]["frames"] == 33 and rows[4]["position"] is None

    assert "A benchmark has its own cases; leave out --suite" in refused(*asked, "--paired")
    assert "has 2 cases; give --cases 1 to 2." in refused(*asked, "--cases", 3)
    assert "There is no folder 'nowhere'" in refused(*asked, "--method", "videos-in-folder:nowhere")
    known = json.loads((made / "systems.json").read_text())
    assert set(known) == {"wan", "oracle-narrative"}
    known["wan"]["weights"] = {"transformer": "others"}
    (made / "systems.json").write_text(json.dumps(known))
    assert "holds results of 'wan' with another model or settings; give a new folder." in refused(
        *asked, "--method", "wan"
    )
    (benchmark / "images" / "0001.png").unlink()
    ended = reasondiff("bench", "check", benchmark)
    assert ended.code == 2 and "images/0001.png is missing." in ended.err and "has 2 faults" in ended.err


@pytest.mark.slow
def test_two_processes_share_the_cases_and_leave_the_folder_of_one(
    reasondiff: Callable, model: Path, tmp_path: Path
) -> None:
    asked = ("evaluate", "--model", model, "--cases", 3, "--batch", 1, "--method", "wan", "--method", "truth", "-o")
    assert reasondiff(*asked, tmp_path / "one").code == 0
    together = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*together, "-m", "reasondiff", *map(str, asked), str(tmp_path / "two")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("ReasonDiff ahead by") == 1, "one process prints the table"
    for number in (2, 1):
        ran = reasondiff(*asked, tmp_path / "apart", "--share", f"{number}/2")
        assert ran.code == 0 and f"Share {number}/2: {2 * (3 - number)} videos." in ran.out
    assert reasondiff(*asked, tmp_path / "apart").code == 0
    one, two, apart = (_contents(tmp_path / name) for name in ("one", "two", "apart"))
    assert one == two == apart and any(name.endswith("truth/0002.mp4") for name in one)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
