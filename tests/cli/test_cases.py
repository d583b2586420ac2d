"""``reasondiff cases``: every case end to end, and one that fails stops nobody."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reasondiff.cli.cases import fingerprint, read_cases
from reasondiff.errors import InputError
from reasondiff.jobs.request import VideoRequest
from reasondiff.media import SheetRow, read_record
from reasondiff.narrative import Narrative
from tests import tiny

SCRIPT = {
    "A cat plays.": {
        "position": 9,
        "clips": [{"end": 4, "description": "A vase."}, {"end": 9, "description": "Broken."}],
    },
    "A dog runs.": {"position": 1, "clips": [{"end": 9, "description": "A dog runs."}]},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four cases: two that a scripted narrator tells, one with a story file, one without an image."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "cases"
    folder.mkdir()
    for number, name in enumerate(("vase", "bicycle", "book")):
        tiny.image(64, 64, seed=number).save(folder / f"{name}.png")
    Narrative.from_descriptions(["A book lies."] * 5 + ["Its pages turn."] * 4, 7).save(folder / "book.json")
    (folder / "prompts.csv").write_text(
        "image,prompt,implied_story,narrative\n"
        "vase.png,A cat plays.,The vase breaks.,\n"
        "missing.png,A pig comes.,,\n"
        "bicycle.png,A dog runs.,,\n"
        "book.png,,,book.json\n"
    )
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    return folder


def arguments(model: Path, *more: Any) -> list[Any]:
    return [
        "cases", "cases", "-o", "made", "--model", model, "--narrator", "scripted:script.json", "--size", "32x32",
        *more,
    ]  # fmt: skip


def test_every_case_and_one_sheet(reasondiff: Callable, folder: Path, model: Path) -> None:
    ran = reasondiff(*arguments(model))
    assert ran.code == 1  # one failed
    assert "2/4 2-missing: The image 'cases/missing.png' does not exist" in ran.err
    assert "3 of 4 cases made" in ran.out
    assert {path.name for path in Path("made").iterdir()} == {
        f"{name}{end}" for name in ("1-vase", "3-bicycle", "4-book") for end in (".mp4", ".json", "-timeline.png")
    } | {"sheet.png"}
    assert [Narrative.load(f"made/{name}.json").anchor_frame for name in ("1-vase", "3-bicycle", "4-book")] == [8, 0, 7]
    assert read_record("made/1-vase.mp4").prompt == "A cat plays."
    with Image.open("made/sheet.png") as sheet:
        assert sheet.width > 1500 and sheet.height > 1000


def test_what_the_narrator_says_is_told_of_its_case_and_written_on_the_sheet(
    reasondiff: Callable, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beyond = {prompt: {**told, "position": 99} for prompt, told in SCRIPT.items()}
    Path("script.json").write_text(json.dumps(beyond))
    rows: list[SheetRow] = []
    monkeypatch.setattr("reasondiff.media.contact_sheet", lambda given, *_, **__: rows.extend(given))
    said = "The narrator's reply was repaired (position taken as 9): Position 99 is outside 1..9."
    ran = reasondiff(*arguments(model))
    for title in ("1/4 1-vase", "3/4 3-bicycle"):
        assert ran.err.count(f"Note: {title}: {said}") == 1, ran
    assert ran.err.count("Note: ") == 2
    assert [row.note for row in rows] == [
        f"A cat plays. Note: {said}", "A pig comes.", f"A dog runs. Note: {said}", "",
    ]  # fmt: skip

    story = json.loads((folder / "book.json").read_text())
    (folder / "book.json").write_text(json.dumps({**story, "provenance": {"warnings": 5}}))  # edited by hand
    ran = reasondiff(*arguments(model))
    assert "Note: " not in ran.err and rows[7].note == "", ran
    assert rows[4].note == rows[0].note  # kept, and so is what was said


def test_what_is_finished_is_kept(reasondiff: Callable, folder: Path, model: Path) -> None:
    reasondiff(*arguments(model))
    times = {path.name: path.stat().st_mtime_ns for path in Path("made").glob("*.mp4")}
    Path("made/3-bicycle.mp4").write_bytes(b"cut off")
    tiny.image(64, 64, seed=9).save(folder / "missing.png")
    Path("script.json").write_text(json.dumps(SCRIPT | {"A pig comes.": SCRIPT["A dog runs."]}))

    ran = reasondiff(*arguments(model))
    assert ran.code == 0 and "4 of 4 cases made" in ran.out
    assert [line.split(": ")[1] for line in ran.out.splitlines()[:4]] == ["kept", "made", "made", "kept"]
    assert Path("made/1-vase.mp4").stat().st_mtime_ns == times["1-vase.mp4"]


def test_another_setting_of_the_model_makes_a_case_again(reasondiff: Callable, folder: Path, model: Path) -> None:
    (folder / "one.csv").write_text("image,prompt\nvase.png,A cat plays.\n")
    other = shutil.copytree(model, folder.parent / "other")
    index = json.loads((other / "model_index.json").read_text())
    done = []
    for steps in (1, 1, 2):
        index["reasondiff"]["num_inference_steps"] = steps
        (other / "model_index.json").write_text(json.dumps(index))
        done.append(reasondiff(*arguments(other, "--prompts", "cases/one.csv")).out.splitlines()[0])
    assert done == ["1/1 1-vase: made", "1/1 1-vase: kept", "1/1 1-vase: made"]


def test_whatever_decides_a_video_changes_its_fingerprint(folder: Path) -> None:
    book = read_cases(folder)[3].asked(VideoRequest(image=folder))
    others = [replace(book, seed=1), replace(book, prompt="x"), replace(book, text_mode="joined")]
    marks = [fingerprint(each, {"vae": "a"}) for each in (book, *others)]
    assert fingerprint(replace(book, model="elsewhere"), {"vae": "a"}) == marks[0]
    marks.append(fingerprint(book, {"vae": "b"}))
    Narrative.load(book.narrative).with_anchor(0).save(book.narrative)
    marks.append(fingerprint(book, {"vae": "a"}))
    tiny.image(64, 64, seed=10).save(book.image)
    marks.append(fingerprint(book, {"vae": "a"}))
    assert len(set(marks)) == 7


def test_an_unexpected_error_stops_nobody(
    reasondiff: Callable, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reasondiff.jobs.session import VideoSession

    make = VideoSession.generate

    def fail_once(self: VideoSession, request: VideoRequest, *inputs: Any, **options: Any) -> Any:
        if request.prompt == "A cat plays.":
            raise ZeroDivisionError("of our own\nmaking")
        return make(self, request, *inputs, **options)

    monkeypatch.setattr(VideoSession, "generate", fail_once)
    ran = reasondiff(*arguments(model))
    assert ran.code == 1 and "1/4 1-vase: ZeroDivisionError: of our own making" in ran.err
    assert "2 of 4 cases made" in ran.out


def test_bad_input(refused: Callable, folder: Path, model: Path) -> None:
    assert "steps" in refused(*arguments(model, "--steps", 0))
    assert "There is no model" in refused(*arguments(Path("nonsense")))
    Path("file").touch()
    assert "'file' cannot be written" in refused("cases", "cases", "-o", "file")
    assert "cannot be read" in refused("cases", "none", "-o", "made")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--num-frames", 10, "10 frames do not fit this VAE"),
        ("--fit", "fill", "'fill' is unknown; give one of crop, letterbox, stretch."),
        ("--guidance-scale", "nan", "The guidance scale is nan"),
        ("--size", "60x64", "60x64 does not divide into 16x16 pixels"),
        ("--narrator", "oracle", "'oracle'"),
    ],
)
def test_what_every_case_would_fail_for_is_said_once(
    refused: Callable, folder: Path, model: Path, option: str, value: Any, told: str
) -> None:
    before = sorted(folder.parent.rglob("*"))
    assert told in refused(*arguments(model, option, value))
    assert sorted(folder.parent.rglob("*")) == before


def test_prompts_files(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    for encoding in ("cp1252", "utf-16"):
        path.write_text("image,prompt\na.png,Ein Hügel\n", encoding=encoding)
        with pytest.raises(InputError, match="is not UTF-8 text; save it as CSV in UTF-8"):
            read_cases(tmp_path)
    path.write_text('\ufeffimage,prompt\n"a b/c.png","One, ""two"""\n' + "d.png\n" * 9, encoding="utf-8")
    cases = read_cases(tmp_path)
    assert (cases[0].name, cases[0].image, cases[0].prompt) == ("01-c", tmp_path / "a b" / "c.png", 'One, "two"')
    assert (cases[9].name, cases[9].prompt) == ("10-d", "")
    for text, message in (("", "0 cases"), ("image,prompt\n", "0 cases"), ("image,text\na,b\n", "column 'prompt'")):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_cases(tmp_path)
    path.write_bytes(b"image,prompt\n\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_cases(tmp_path)
