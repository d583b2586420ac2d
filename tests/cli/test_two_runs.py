"""Two runs with one output are noticed; a run that goes on with a killed one says so."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reasondiff.claims import only_writer
from reasondiff.errors import InputError
from tests.cli.test_generate import given

HOLDER = """
import sys, time
from pathlib import Path
from reasondiff.claims import only_writer
with only_writer(Path(sys.argv[1])):
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_second_run_says_so_until_the_first_has_ended(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "out"
    if kind == "folder":
        place.mkdir()
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(place)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None and first.stdout.readline() == "writing\n"
        with pytest.raises(InputError, match=r"Another run is writing .*; wait for it, or choose another place\."):
            only_writer(place).__enter__()
        with only_writer(tmp_path / "other"):
            pass
        os.kill(first.pid, signal.SIGKILL)
    with only_writer(place):  # whatever a killed run has left is no obstacle
        pass
    assert not [file for file in tmp_path.rglob("*") if "lock" in file.name]


@pytest.mark.parametrize("verb", ["generate", "replay", "attention", "calibrate", "cases", "demo", "evaluate"])
def test_every_verb_notices_it(refused: Callable, reasondiff: Callable, here: Path, model: Path, verb: str) -> None:
    Path("cases").mkdir()
    Path("cases", "prompts.csv").write_text("image,prompt\nnone.png,A cat.\n")
    arguments: dict[str, list[object]] = {
        "generate": given(model, output="busy.mp4"),
        "attention": ["attention", *given(model, output="busy.mp4", word="cat")[1:]],
        "calibrate": ["calibrate", *given(model, output="busy.json")[1:]],
        "replay": ["replay", "made.mp4", "-o", "busy.mp4"],
        "cases": ["cases", "cases", "-o", "busy", "--model", model],
        "demo": ["demo", "-o", "busy", "--model", model],
        "evaluate": ["evaluate", "-o", "busy", "--model", model, "--method", "wan", "--cases", 1],
    }
    if verb == "replay":
        assert reasondiff(*given(model, output="made.mp4", size=32)).code == 0
    output = next(Path(str(name)) for name in arguments[verb] if str(name).startswith("busy"))
    if not output.suffix:
        output.mkdir()
    with only_writer(output):
        assert f"Another run is writing {str(output)!r}" in refused(*arguments[verb])


def test_a_folder_is_claimed_before_it_is_there(tmp_path: Path) -> None:
    with only_writer(tmp_path / "new" / "run", folder=True):
        assert (tmp_path / "new" / "run").is_dir()
        with pytest.raises(InputError, match="Another run is writing"):
            only_writer(tmp_path / "new" / "run").__enter__()


def test_a_story_that_is_being_told_or_changed_is_left_to_its_run(refused: Callable, here: Path) -> None:
    before = Path("story.json").read_bytes()
    told = ("--image", "vase.png", "--prompt", "A cat.", "--narrator", "file:other.json", "-o", "story.json")
    Path("other.json").write_bytes(before)
    with only_writer(Path("story.json")):
        for verb in (("narrate", *told), ("narrate", "edit", "story.json", "--move-anchor", 2)):
            assert refused(*verb).startswith("Another run is writing 'story.json'")
    assert Path("story.json").read_bytes() == before


def no_lock(file: int, operation: int) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


def no_file(path: Path, flags: int, mode: int) -> int:
    raise OSError(errno.EROFS, "Read-only file system")


@pytest.mark.parametrize(("where", "instead"), [("fcntl.flock", no_lock), ("os.open", no_file)])
def test_where_no_lock_can_be_kept_the_output_is_written_all_the_same(
    where: str, instead: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "out.json"
    with monkeypatch.context() as patch:
        patch.setattr(f"reasondiff.claims.{where}", instead)
        claim = only_writer(place)
        claim.__enter__()
    place.write_text("{}")
    claim.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == [place]


def test_two_trainings_of_one_run_are_noticed(refused: Callable, here: Path) -> None:
    run = Path("runs", "storyworld-tiny", "vae")
    with only_writer(run, folder=True):
        told = refused(
            "train", "--recipe", "storyworld-tiny/vae", "--model", "model", "--minutes", 0, "--device", "cpu"
        )
    assert told.startswith(f"Another run is writing {str(run)!r}") and not Path("runs").exists()


def test_a_resumed_run_says_so_and_from_which_step(
    reasondiff: Callable, here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint

    arguments = (*given(model, size=32, steps=4), "--resume")
    save = DenoisingCheckpoint.save

    def killed(self: DenoisingCheckpoint, step: int, *state: object) -> None:
        save(self, step, *state)
        if step == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DenoisingCheckpoint, "save", killed)
        assert reasondiff(*arguments).code == 130
    assert Path("out.steps").exists()
    ran = reasondiff(*arguments)
    assert ran.code == 0, ran
    assert "goes on after 2 of 4 steps of an earlier run." in ran.err
    assert "It went on after step 2 of an earlier run." in ran.out
    fresh = reasondiff(*arguments)
    assert fresh.code == 0 and "earlier run" not in fresh.out + fresh.err
