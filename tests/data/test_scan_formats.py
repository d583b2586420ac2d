"""Each convention is detected and read, and what of it was not used is listed."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from reasondiff.data.formats.table import CAPTION_COLUMNS, VIDEO_COLUMNS
from reasondiff.data.scan import Scan, scan
from reasondiff.errors import InputError
from tests.data.videos import video


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three short videos, the last in a folder of its own."""
    for name in ("a.mp4", "b.mp4", "deep/c.mp4"):
        video(tmp_path / name, 5)
    return tmp_path


def told(found: Scan) -> dict[str, tuple[str, ...]]:
    return {record.name: record.captions for record in found.records}


def problems(found: Scan) -> list[str]:
    return [f"{row.row}: {row.reason}: {row.detail}" for row in found.unusable]


@pytest.mark.parametrize("video_column", VIDEO_COLUMNS)
@pytest.mark.parametrize("caption_column", CAPTION_COLUMNS)
def test_every_alias(video_column: str, caption_column: str, folder: Path) -> None:
    (folder / "metadata.csv").write_text(f"{video_column.upper()}, {caption_column},score\na.mp4,A cat.,3\nb.mp4,,4\n")
    found = scan(folder)
    assert told(found) == {"a.mp4": ("A cat.",), "b.mp4": ()}
    assert found.unused == ("column 'score'",) and problems(found) == ["deep/c.mp4: no row names it: "]


@pytest.mark.parametrize(
    "data",
    [
        '\ufefffile_name;text\r\na.mp4;Eine Katze, grau.\r\ndeep/c.mp4;"Ein Hund; \u2028braun."\r\n'.encode(),
        "file_name\ttext\na.mp4\tEine Katze, grau.\ndeep/c.mp4\tEin Hund; \u2028braun.\n".encode("utf-16"),
        b'file_name,text\na.mp4,"Eine Katze, grau."\ndeep/c.mp4,"Ein Hund;\nbraun."\n',
    ],
)
def test_spreadsheets(data: bytes, folder: Path) -> None:
    (folder / "metadata.csv").write_bytes(data)
    assert told(scan(folder)) == {"a.mp4": ("Eine Katze, grau.",), "deep/c.mp4": ("Ein Hund; braun.",)}


def test_a_cut_off_caption_is_noticed(folder: Path) -> None:
    (folder / "metadata.csv").write_text("file_name,text\na.mp4,A cat, grey\n")
    assert problems(scan(folder / "metadata.csv"))[0].startswith(
        "metadata.csv row 1: it has more cells than the header"
    )


def test_json_lines(folder: Path) -> None:
    lines = [
        {"video_path": "a.mp4", "caption": ["A cat.", "A tom."]},
        {"video_path": "deep/c.mp4", "caption": "A\ndog."},
    ]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\nnonsense\n\n")
    found = scan(folder)
    assert told(found) == {"a.mp4": ("A cat.", "A tom."), "deep/c.mp4": ("A dog.",)}
    assert problems(found)[0] == "metadata.jsonl row 3: it is no JSON object: "


def test_parquet(folder: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"media_path": ["a.mp4"], "prompt": ["A cat."]}), folder / "metadata.parquet")
    assert told(scan(folder)) == {"a.mp4": ("A cat.",)}
    (folder / "metadata.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="no Parquet file"):
        scan(folder)


def test_parquet_without_its_package_names_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (folder / "metadata.parquet").touch()
    with pytest.raises(InputError, match=r"reasondiff\[parquet\]"):
        scan(folder)


def test_the_research_codes_captions_per_frame(folder: Path) -> None:
    five = "One.|Two.|Three.|Four.|Five."
    (folder / "metadata.csv").write_text(f"file_name,text\na.mp4,{five}\nb.mp4,{five}|Six\ndeep/c.mp4,{five}\n")
    found = scan(folder)
    assert [(record.name, len(record.frame_captions), record.captions) for record in found.records] == [
        ("a.mp4", 5, ()), ("deep/c.mp4", 5, ())
    ]  # fmt: skip
    assert problems(found) == ["metadata.csv row 2: a '|' within a caption, or one missing: 6 parts, others 5"]
    video(folder / "a.mp4", 9)
    assert "not one per frame: 5 captions, 9 frames" in " ".join(problems(scan(folder)))


def test_a_bar_in_an_ordinary_caption_stays(folder: Path) -> None:
    (folder / "metadata.csv").write_text("file_name,text\na.mp4,A | B\nb.mp4,A dog.\n")
    found = scan(folder)
    assert told(found)["a.mp4"] == ("A | B",) and any("kept as it is" in note for note in found.notes)


def test_a_dataset_file_of_musubi_tuner(folder: Path) -> None:
    (folder / "a.cap").write_text("A cat.")
    (folder / "rows.jsonl").write_text(
        json.dumps({"video_path": "deep/c.mp4", "caption": "A dog.", "control_path": "x"})
    )
    (folder / "dataset.toml").write_text(
        '[general]\nresolution = [960, 544]\ncaption_extension = ".cap"\n'
        '[[datasets]]\nvideo_directory = "."\ntarget_frames = [1, 25]\nsource_fps = 30.0\n'
        '[[datasets]]\nvideo_jsonl_file = "rows.jsonl"\nnum_repeats = 2\n'
        '[[datasets]]\nvideo_directory = "."\n'
        '[[datasets]]\nimage_directory = "images"\n'
    )
    found = scan(folder)
    assert told(found) == {"a.mp4": ("A cat.",), "b.mp4": (), "deep/c.mp4": ("A dog.",)}
    assert [record.fps for record in found.records] == [30, 30, None]
    assert [name for name in found.unused if name.startswith("key")] == [
        "key 'general.resolution'", "key 'datasets[0].target_frames'", "key 'datasets[1].num_repeats'",
        "key 'datasets[3].image_directory'",
    ]  # fmt: skip
    assert "column 'control_path'" in found.unused and any("taken once" in note for note in found.notes)


def test_a_dataset_file_of_diffusion_pipe(folder: Path) -> None:
    (folder / "b.txt").write_text("A dog.")
    (folder / "captions.json").write_text(json.dumps({"a.mp4": ["A cat.", "A tom."]}))
    (folder / "dataset.toml").write_text(
        f"resolutions = [512]\nframe_buckets = [1, 33]\n[[directory]]\npath = '{folder}'\nnum_repeats = 1\n"
    )
    found = scan(folder / "dataset.toml")
    assert told(found) == {"a.mp4": ("A cat.", "A tom."), "b.mp4": ("A dog.",)}
    assert found.unused == ("key 'resolutions'", "key 'frame_buckets'", "key 'directory[0].num_repeats'")
    assert "diffusion-pipe" in found.conventions[0]


def pack(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def test_webdataset_tars(folder: Path) -> None:
    clip = (folder / "a.mp4").read_bytes()
    pack(
        folder / "shards.tar",
        {
            "one.mp4": clip, "one.txt": b"A cat.\nA tom.", "one.json": b'{"caption": "Not this."}', "one.npy": b"1",
            "x/two.mp4": clip, "x/two.json": b'{"caption": "A dog."}',
            "three.mp4": clip, "three.json": b"{", "four.txt": b"No video.", "five.mp4": b"",
            "../six.mp4": clip,
        },
    )  # fmt: skip
    found = scan(folder / "shards.tar")
    assert told(found) == {
        "shards.tar::one.mp4": ("A cat.", "A tom."), "shards.tar::x/two.mp4": ("A dog.",), "shards.tar::../six.mp4": (),
    }  # fmt: skip
    text = "\n".join(problems(found))
    for reason in ("three: its caption cannot be read", "four: it has no video", "five.mp4: it is empty"):
        assert reason in text, text
    assert found.unused == ("1 members that end in '.npy'",)

    data = (folder / "shards.tar").read_bytes()
    (folder / "shards.tar").write_bytes(data[: 512 + len(clip) // 2])
    assert "the tar is damaged: unexpected end of data" in "\n".join(problems(scan(folder / "shards.tar")))


def test_webvid(folder: Path) -> None:
    video(folder / "videos" / "000001_000050" / "21179416.mp4", 5)
    (folder / "b.mp4").rename(folder / "deep" / "77.mp4")
    (folder / "results_2M_val.csv").write_text(
        "videoid,contentUrl,duration,page_dir,name\n21179416,https://x/1.mp4,PT00H00M11S,000001_000050,Aerial shot\n"
        "77,https://x/2.mp4,PT1S,,Found elsewhere\n78,https://x/3.mp4,PT1S,000001_000050,Missing\n"
    )
    found = scan(folder)
    assert told(found) == {"videos/000001_000050/21179416.mp4": ("Aerial shot",), "deep/77.mp4": ("Found elsewhere",)}
    assert found.unused == ("column 'contenturl'", "column 'duration'")
    assert "row 3: there is no such file" in problems(found)[0]


def test_openvid(folder: Path) -> None:
    video(folder / "deep" / "b.mp4", 5)
    (folder / "OpenVid-1M.csv").write_text(
        "video,caption,aesthetic score,motion score,fps\n"
        "c.mp4,A dog.,5.0,3.0,24\na.mp4,A cat.,5.0,3.0,24\nb.mp4,A tom.,5,3,1\n"
    )
    found = scan(folder)
    assert told(found) == {"deep/c.mp4": ("A dog.",), "a.mp4": ("A cat.",), "b.mp4": ("A tom.",)}
    assert found.conventions == ("OpenVid's CSV",) and "column 'fps'" in found.unused
    (folder / "b.mp4").rename(folder / "deep" / "deeper.mp4")
    video(folder / "more" / "b.mp4", 5)
    assert "several files have its name" in "\n".join(problems(scan(folder)))


def test_activitynet(folder: Path) -> None:
    video(folder / "v_abc.mkv", 50)
    spans = [{"segment": [0.2, 1.0], "label": "Sailing"}, {"segment": [9, 10], "label": "Late"}, {"segment": [2, 1]}]
    database = {"abc": {"subset": "training", "annotations": spans}, "def": {"annotations": []}}
    (folder / "activity_net.v1-3.min.json").write_text(json.dumps({"version": "1.3", "database": database}))
    found = scan(folder)
    assert [(record.path, record.start, record.end, record.captions) for record in found.records] == [
        ("v_abc.mkv", 0.2, 1.0, ("Sailing",))
    ]
    text = "\n".join(problems(found))
    assert "begins after the video's end" in text and "ends before it begins" in text
    assert any("1 videos" in note and "no span" in note for note in found.notes)

    sentences = {"v_abc": {"duration": 2, "timestamps": [[0, 1], [1, 2]], "sentences": ["He sails.", "He lands."]}}
    (folder / "activity_net.v1-3.min.json").write_text(json.dumps(sentences))
    assert [record.captions for record in scan(folder).records] == [("He sails.",), ("He lands.",)]


@pytest.mark.parametrize(("rows", "key"), [("sentences", "video_id"), ("annotations", "image_id")])
def test_msr_vtt_in_both_flavours(rows: str, key: str, folder: Path) -> None:
    video(folder / "TrainValVideo" / "video0.mp4", 5)
    told_of = [
        {key: "video0", "caption": "A car is shown."},
        {key: "video0", "caption": "A man drives."},
        {"caption": 1},
    ]
    value: dict[str, object] = {rows: told_of}
    if rows == "sentences":
        value["videos"] = [{"video_id": "video0", "start time": 1.0, "end time": 2.0}, {"video_id": "video1"}]
    (folder / "train_val_videodatainfo.json").write_text(json.dumps(value))
    found = scan(folder)
    assert told(found) == {"TrainValVideo/video0.mp4": ("A car is shown.", "A man drives.")}
    text = "\n".join(problems(found))
    assert "sentence 3" in text and ("video1: there is no such file" in text) == (rows == "sentences")
