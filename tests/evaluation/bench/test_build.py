"""Benchmarks are what their source says, the same bytes each time, and nothing is put in another one's place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reasondiff.data.captioning import Captioner
from reasondiff.errors import InputError, ProviderError
from reasondiff.evaluation.bench.check import check_benchmark
from reasondiff.evaluation.bench.clips import TrueClip, chance, paired_case, unpaired_case
from reasondiff.evaluation.bench.frame_captions import FrameCaptions
from reasondiff.evaluation.bench.given_images import GivenImagesBuilder
from reasondiff.evaluation.bench.layout import BuiltCase, read_manifest, write_benchmark
from reasondiff.evaluation.bench.rise_video import RiseVideoBuilder
from reasondiff.evaluation.bench.storyworld import StoryWorldBuilder
from reasondiff.evaluation.bench.videos import ClipShape, VideosBuilder
from reasondiff.evaluation.suites.benchmark_folder import BenchmarkFolder
from reasondiff.narrator.providers.base import Message, Reply
from reasondiff.storyworld import captions, dataset
from reasondiff.storyworld.render import draw, draw_frame
from tests.data.videos import level_of, video

SHAPE = ClipShape(num_frames=5, step=0.2, width=32, height=32)


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Greys:
    """A model that says how bright a frame is, counts its questions and refuses one."""

    name = "greys"

    def __init__(self, fails: int = 0) -> None:
        self.questions, self.fails = 0, fails

    def complete(self, messages: Sequence[Message], **options: object) -> Reply:
        self.questions += 1
        if self.questions == self.fails:
            raise ProviderError("The server refuses the connection.")
        (frame,) = messages[0].images
        return Reply(f"Grey {level_of(np.asarray(frame))}.")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos of 6.8 s and one that is too short."""
    folder = tmp_path_factory.mktemp("videos")
    for name in "abc":
        video(folder / f"{name}.mp4", 40, fps=10)
        (folder / f"{name}.txt").write_text(f"What {name} shows.\nSaid otherwise.\n")
    video(folder / "short.mp4", 5, fps=10)
    (folder / "short.txt").write_text("A moment.\n")
    return folder


def test_unpaired_is_one_end_and_the_caption_of_the_other(videos: Path, tmp_path: Path) -> None:
    model = Greys()
    told = FrameCaptions(tmp_path / "b" / "captions.jsonl", captioner=Captioner(model), name="greys")
    builder = VideosBuilder("unpaired", videos, 3, shape=SHAPE, seed=1, captions=told)
    assert write_benchmark(tmp_path / "b", "unpaired", builder.build()) == 3
    cases, truths = rows_of(tmp_path / "b" / "cases.jsonl"), rows_of(tmp_path / "b" / "truth.jsonl")
    for case, truth in zip(cases, truths, strict=True):
        # 40 frames at 10 a second are 4 s, the clip's 0.8 s lie in the middle of them: it begins at 1.6 s.
        assert truth["captions"] == [f"Grey {level}." for level in (16, 18, 20, 22, 0)]
        assert truth["frame"] in (0, 4) and truth["frames"] == 5 and truth["fps"] == 5
        assert case["prompt"] == truth["captions"][4 - truth["frame"]]
        assert truth["strata"] == {"image_at": "first" if truth["frame"] == 0 else "last"}
        shown = (tmp_path / "b" / case["image"]).read_bytes()
        frames = sorted((tmp_path / "b" / case["reference"]["frames"]).iterdir())
        assert [path.name for path in frames] == ["00.png", "01.png", "02.png", "03.png", "04.png"]
        assert shown == frames[truth["frame"]].read_bytes()
    assert [case["id"] for case in cases] == ["0000", "0001", "0002"] and [case["seed"] for case in cases] == [0, 1, 2]
    assert "frame" not in cases[0] and "origin" not in cases[0]
    left_out = read_manifest(tmp_path / "b")["left_out"]
    assert not left_out or left_out == [
        {"row": "short.mp4", "reason": "it is too short: 0.50 s, and a clip needs more than 0.8 s"}
    ]
    assert not check_benchmark(tmp_path / "b")


def test_the_same_source_gives_the_same_bytes_also_after_a_build_that_was_stopped(videos: Path, tmp_path: Path) -> None:
    def builder(folder: Path, model: Greys | None, given: Path | None = None) -> VideosBuilder:
        captioner = None if model is None else Captioner(model)
        told = FrameCaptions(folder / "captions.jsonl", given, captioner, name="greys")
        return VideosBuilder("unpaired", videos, 3, shape=SHAPE, captions=told)

    once, stopped, given = tmp_path / "once", tmp_path / "stopped", tmp_path / "given"
    model = Greys()
    write_benchmark(once, "unpaired", builder(once, model).build())
    asked = model.questions
    model = Greys(fails=4)
    with pytest.raises(ProviderError):
        write_benchmark(stopped, "unpaired", builder(stopped, model).build())
    with pytest.raises(InputError, match=r"is no finished benchmark, for it has no manifest.json"):
        check_benchmark(stopped)
    again = Greys()
    write_benchmark(stopped, "unpaired", builder(stopped, again).build())
    assert again.questions == asked - 3, "captions that had come were asked for again"
    write_benchmark(given, "unpaired", builder(given, None, once / "captions.jsonl").build())
    assert content_of(once) == content_of(stopped) == content_of(given)
    write_benchmark(once, "unpaired", builder(once, Greys(fails=1)).build())  # nobody is asked
    assert content_of(once) == content_of(stopped)


def test_a_missing_prompt_is_an_error_and_never_another_ones(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no captions of its frames; name a model for them by --captioner"):
        write_benchmark(tmp_path / "u", "unpaired", VideosBuilder("unpaired", videos, 2, shape=SHAPE).build())
    silent = tmp_path / "silent"
    for name in "ab":
        video(silent / f"{name}.mp4", 40, fps=10)
    with pytest.raises(InputError, match=r"gives 0 clips of 1, and 2 videos cannot be used; .* it has no caption"):
        write_benchmark(tmp_path / "p", "paired", VideosBuilder("paired", silent, 1, shape=SHAPE).build())
    with pytest.raises(InputError, match=r"The case 'x' \(from y\) has no prompt; give its video a caption."):
        BuiltCase("x", Image.new("RGB", (4, 4)), "  ", 0, origin="from y")
    with pytest.raises(InputError, match="has 1 captions for 2 frames"):
        BuiltCase("x", Image.new("RGB", (4, 4)), "A.", 0, frames=np.zeros((2, 4, 4, 3), np.uint8), captions=("A.",))


def test_fewer_videos_than_asked_for_is_an_error(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gives 3 clips of 4, and 1 videos cannot be used; give --cases 3 or less"):
        write_benchmark(tmp_path / "b", "paired", VideosBuilder("paired", videos, 4, shape=SHAPE).build())


@pytest.mark.parametrize("flavour", ["sentences", "annotations"])
def test_paired_is_msrvtts_first_frame_and_its_first_sentence(tmp_path: Path, flavour: str) -> None:
    folder = tmp_path / "set"
    for number in range(3):
        video(folder / "clips" / f"video{number}.mp4", 40, fps=10)
    told = [(f"Sentence {n} of {v}.", f"video{v}", 10 * v + n) for n in (1, 0) for v in range(3)]
    if flavour == "sentences":
        splits = ("train", "validate", "validate")
        data = {
            "videos": [{"video_id": f"video{v}", "split": splits[v], "id": v} for v in range(3)],
            "sentences": [{"caption": text, "video_id": name, "sen_id": n} for text, name, n in told],
        }
    else:
        data = {"annotations": [{"caption": text, "image_id": name} for text, name, _ in told]}
    (folder / "set.json").write_text(json.dumps(data))
    split = "validate" if flavour == "sentences" else None
    write_benchmark(tmp_path / "b", "paired", VideosBuilder("paired", folder, 2, split, SHAPE).build())
    cases, truths = rows_of(tmp_path / "b" / "cases.jsonl"), rows_of(tmp_path / "b" / "truth.jsonl")
    wanted = 0 if flavour == "sentences" else 1  # the lowest sen_id; without one the first in the file
    for case, truth in zip(cases, truths, strict=True):
        number = truth["origin"].removeprefix("clips/video").removesuffix(".mp4")
        assert case["prompt"] == case["reference"]["caption"] == f"Sentence {wanted} of {number}."
        assert truth["frame"] == 0 and (split is None or number in "12")
    with pytest.raises(
        InputError, match=r"There is no split 'test' in this set, which (has train, validate|names none)"
    ):
        VideosBuilder("paired", folder, 1, "test", SHAPE).build()


def test_activitynets_spans_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    video(folder / "v_one.mp4", 80, fps=10)
    spans = [{"segment": [0.0, 2.0], "label": "Standing"}, {"segment": [4.0, 7.0], "label": "Running"}]
    data = {"database": {"one": {"subset": "validation", "annotations": spans}}}
    (folder / "activity_net.json").write_text(json.dumps(data))
    write_benchmark(tmp_path / "b", "paired", VideosBuilder("paired", folder, 2, "validation", SHAPE).build())
    truths = {row["origin"]: row for row in rows_of(tmp_path / "b" / "truth.jsonl")}
    assert set(truths) == {"v_one.mp4 0-2 s", "v_one.mp4 4-7 s"}
    frames = sorted((tmp_path / "b" / "reference" / truths["v_one.mp4 4-7 s"]["id"]).iterdir())
    # The middle 0.8 s of 4 to 7 s begin at 5.1 s, which is frame 51; greys repeat after 24.
    assert level_of(np.asarray(Image.open(frames[0]))) == 51 % 24


def test_drawn_benchmarks_have_the_drawn_truth(tmp_path: Path) -> None:
    for form in ("unpaired", "paired", "user"):
        write_benchmark(tmp_path / form, f"storyworld-{form}", StoryWorldBuilder(form, 3).build())
        assert not check_benchmark(tmp_path / form)
    drawn = dataset.cases(3)
    suites = {form: BenchmarkFolder(tmp_path / form) for form in ("unpaired", "paired", "user")}
    for number, case in enumerate(drawn):
        unpaired, paired, user = (suites[form].cases()[number] for form in suites)
        truth = rows_of(tmp_path / "unpaired" / "truth.jsonl")[number]
        assert truth["frame"] in (0, 32) and unpaired.prompt == truth["captions"][32 - truth["frame"]]
        assert np.array_equal(unpaired.image, draw_frame(case.take, truth["frame"]))
        assert np.array_equal(paired.image, draw_frame(case.take, 0))
        assert paired.prompt == captions.clip_caption(case.take, case.rng("caption"))
        assert np.array_equal(user.image, draw_frame(case.take, case.anchor_frame))
        assert user.prompt == captions.user_prompt(case.take, case.rng("prompt"))
        assert user.true_narrative is not None and user.true_narrative.anchor_frame == case.anchor_frame
        assert user.true_narrative.style == captions.style(case.take) and user.read_reference is not None
        assert np.array_equal(user.read_reference(), draw(case.take))
        judgement = suites["user"].judge(user, draw(case.take), case.anchor_frame)
        assert judgement is not None and judgement.passed, judgement
    assert [stratum.title for stratum in suites["unpaired"].strata] == ["first frame given", "last frame given"]


def test_one_image_is_given_with_texts_of_three_agents(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "b", "storyworld-customised", StoryWorldBuilder("customised", 2).build())
    assert not check_benchmark(tmp_path / "b")
    suite = BenchmarkFolder(tmp_path / "b")
    cases = suite.cases()
    agents = [case.id.removeprefix(f"{number:04d}-") for number in range(2) for case in cases[3 * number :][:3]]
    assert len(cases) == 6 and len(set(agents[:3])) == len(set(agents[3:])) == 3
    for number in range(2):
        of_image = cases[3 * number :][:3]
        assert len({case.image.tobytes() for case in of_image}) == 1, "whoever was there is gone"
        assert len({case.prompt for case in of_image}) == 3 and len({case.seed for case in of_image}) == 1
        for case in of_image:
            assert case.read_reference is not None and np.array_equal(case.read_reference()[-1], case.image)
    own, other = cases[0], cases[1]
    assert own.read_reference is not None
    told = suite.judge(own, own.read_reference(), 32), suite.judge(other, own.read_reference(), 32)
    assert told[0] is not None and told[0].passed
    assert told[1] is not None and not told[1].passed, "another agent is another story"
    with pytest.raises(InputError, match="in core stories only; leave out --level"):
        StoryWorldBuilder("customised", 2, level="hard").build()


def test_a_larger_benchmark_begins_with_the_smaller_one(tmp_path: Path) -> None:
    for count in (2, 3):
        write_benchmark(tmp_path / str(count), "storyworld-user", StoryWorldBuilder("user", count).build())
    two, three = ((tmp_path / str(count) / "truth.jsonl").read_text() for count in (2, 3))
    assert three.startswith(two)


def test_which_end_is_given_depends_on_the_clip_and_the_seed_alone() -> None:
    clip = TrueClip(np.zeros((3, 4, 4, 3), np.uint8), 5.0, ("A.", "B.", "C."), "All.", "clip 7")
    given = [unpaired_case(clip, number, seed=0).frame for number in range(5)]
    assert len(set(given)) == 1
    draws = [unpaired_case(replace(clip, origin=str(n)), 0, seed=0).frame for n in range(400)]
    assert 160 < draws.count(0) < 240 and set(draws) == {0, 2}
    assert paired_case(clip, 3).prompt == "All." and paired_case(clip, 3).frame == 0
    assert 0 <= chance("a") < 1 and chance("a") == chance("a") != chance("b")


def test_rise_videos_samples(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (20, 10), "red").save(tmp_path / "images" / "1.png")
    sample = {"task_id": "log 1", "image_path": "images/1.png", "sub_task": "Logical Capability", "text": "It melts."}
    (tmp_path / "v5.json").write_text(json.dumps([sample]))
    write_benchmark(tmp_path / "b", "rise-video", RiseVideoBuilder(tmp_path).build())
    (case,) = BenchmarkFolder(tmp_path / "b").cases()
    assert (case.id, case.prompt, case.image.size, case.read_reference) == ("log_1", "It melts.", (20, 10), None)
    assert case.true_narrative is None and not check_benchmark(tmp_path / "b")
    for changed, said in (
        ({"text": " "}, "The sample 'log 1' has 0 texts among the keys task_id, image_path, sub_task, text"),
        ({"prompt": "Or this."}, "The sample 'log 1' has 2 texts"),
        ({"image_path": "../other.png"}, "The image '../other.png' lies outside"),
        ({"image_path": "images/2.png"}, "2.png' does not exist"),
    ):
        (tmp_path / "v5.json").write_text(json.dumps([sample | changed]))
        with pytest.raises(InputError, match=said.replace(".", r"\.")):
            write_benchmark(tmp_path / "c", "rise-video", RiseVideoBuilder(tmp_path).build())


def test_images_with_texts_of_ones_own(tmp_path: Path) -> None:
    for name, colour in (("vase", "red"), ("book", "blue")):
        Image.new("RGB", (20, 10), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "prompts.csv").write_text("image,prompt\nvase.png,A cat.\nbook.png,A man.\nvase.png,A dog.\n")
    write_benchmark(tmp_path / "b", "images", GivenImagesBuilder(tmp_path).build())
    cases = BenchmarkFolder(tmp_path / "b").cases()
    assert [(case.id, case.prompt, case.seed) for case in cases] == [
        ("vase-1", "A cat.", 0), ("book", "A man.", 1), ("vase-2", "A dog.", 2)
    ]  # fmt: skip
    assert cases[1].image.getpixel((3, 3)) == (0, 0, 255) and cases[0].read_reference is None
    assert not check_benchmark(tmp_path / "b")
    write_benchmark(tmp_path / "one", "images", GivenImagesBuilder(tmp_path, 1).build())
    assert [case.id for case in BenchmarkFolder(tmp_path / "one").cases()] == ["vase"]
    for table, said in (
        ("vase.png,\n", "Row 1 of .* is no case: "),
        ("gone.png,A cat.\n", "Row 1 of .* is no case: .*gone.png"),
        ("vase.png,A cat.\nother/vase.png,A dog.\n", "would both be the case 'vase'; rename one"),
    ):
        (tmp_path / "other").mkdir(exist_ok=True)
        Image.new("RGB", (20, 10)).save(tmp_path / "other" / "vase.png")
        (tmp_path / "prompts.csv").write_text("image,prompt\n" + table)
        with pytest.raises(InputError, match=said):
            GivenImagesBuilder(tmp_path).build()
    with pytest.raises(InputError, match="has 2 cases, not 5; give --cases 1 to 2"):
        GivenImagesBuilder(tmp_path, 5).build()


def test_check_names_every_fault(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    write_benchmark(folder, "storyworld-user", StoryWorldBuilder("user", 3).build())
    (folder / "images" / "0001.png").unlink()
    (folder / "reference" / "0002" / "05.png").write_bytes(b"")
    (folder / "reference" / "0002" / "06.png").unlink()
    (folder / "stray.txt").write_text("")
    cases = rows_of(folder / "cases.jsonl")
    cases[0]["prompt"] = ""
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in cases))
    assert check_benchmark(folder) == [
        "cases.jsonl is not the one that was built.",
        "images/0001.png is missing.",
        "reference/0002/05.png is not the one that was built.",
        "reference/0002/06.png is missing.",
        "stray.txt does not belong to the benchmark.",
        "Case 0000 has no prompt.",
        "Case 0001 has no image, images/0001.png is missing.",
        "Case 0002 has 32 reference frames of 33.",
    ]
    manifest = read_manifest(folder)
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 0}))
    with pytest.raises(InputError, match="is a benchmark of format 0, and this program reads 1; build it again"):
        check_benchmark(folder)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("Dear")
    with pytest.raises(InputError, match="holds other files; give a new folder"):
        write_benchmark(tmp_path, "storyworld-user", StoryWorldBuilder("user", 1).build())
    write_benchmark(tmp_path / "b", "storyworld-user", StoryWorldBuilder("user", 1).build())
    with pytest.raises(InputError, match="holds the benchmark 'storyworld-user' with other settings"):
        write_benchmark(tmp_path / "b", "storyworld-user", StoryWorldBuilder("user", 2).build())
