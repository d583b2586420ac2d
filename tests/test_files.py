"""What is written takes its place whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from reasondiff import files
from reasondiff.errors import OutputError
from reasondiff.files import append_lines, atomic_path, check_place, in_words, write_or_keep


@pytest.mark.parametrize("folder", [False, True])
def test_a_failed_block_leaves_what_was_there(folder: bool, tmp_path: Path) -> None:
    path = _there(tmp_path, folder)
    with pytest.raises(KeyboardInterrupt), atomic_path(path, folder=folder) as partial:
        _write(partial, folder, "new")
        raise KeyboardInterrupt
    assert _read(path, folder) == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("folder", [False, True])
def test_a_failed_replacement_leaves_what_was_there(
    folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replace = _there(tmp_path, folder), os.replace

    def failing(source: Path, target: Path) -> None:
        if target == path and source.name == path.name:
            raise KeyboardInterrupt
        replace(source, target)

    with pytest.raises(KeyboardInterrupt), atomic_path(path, folder=folder) as partial:
        _write(partial, folder, "new")
        monkeypatch.setattr(os, "replace", failing)
    assert _read(path, folder) == "old" and list(tmp_path.iterdir()) == [path]


def _there(tmp_path: Path, folder: bool) -> Path:
    path = tmp_path / "made"
    if folder:
        path.mkdir()
    _write(path, folder, "old")
    return path


def _write(path: Path, folder: bool, text: str) -> None:
    (path / "inner" if folder else path).write_text(text)


def _read(path: Path, folder: bool) -> str:
    return (path / "inner" if folder else path).read_text()


# -- what a disk can do ------------------------------------------------------------------------------------------------


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """No file may grow over 100 kB: a disk that is full, as far as a writer can tell."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _by_python(path: Path) -> None:
    path.write_bytes(bytes(200_000))


def _by_safetensors(path: Path) -> None:
    save_file({"a": torch.zeros(50_000)}, path)


def _by_torch(path: Path) -> None:
    torch.save(torch.zeros(50_000), path)


def _by_pillow(path: Path) -> None:
    Image.effect_noise((600, 600), 100).save(path)


def _by_numpy(path: Path) -> None:
    np.save(path, np.zeros(50_000))


@pytest.mark.parametrize("write", [_by_python, _by_safetensors, _by_torch, _by_pillow, _by_numpy])
def test_a_full_disk_is_one_sentence_whoever_writes(
    write: Callable[[Path], None], tmp_path: Path, small_files: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PROBE", small_files + 1)  # a disk that is full takes no probe either
    path = tmp_path / "made.png"
    path.write_text("old")
    wanted = r"made.png' cannot be written: File too large; choose another place\."
    with pytest.raises(OutputError, match=wanted), atomic_path(path) as partial:
        write(partial)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_written_in_parts_names_itself(tmp_path: Path, small_files: int) -> None:
    with pytest.raises(OutputError) as caught, atomic_path(tmp_path / "clips", folder=True) as folder:
        (folder / "videos").mkdir()
        with atomic_path(folder / "videos" / "1.mp4") as partial:
            _by_python(partial)
    assert caught.value.path == tmp_path / "clips" and list(tmp_path.iterdir()) == []


def test_another_error_in_the_block_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="elsewhere"), atomic_path(tmp_path / "made"):
        (tmp_path / "elsewhere").read_text()
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "made"):
        _ = 1 / 0


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_written_through(there: bool, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "target.txt", tmp_path / "link.txt"
    if there:
        target.write_text("old")
    link.symlink_to(Path("far") / "target.txt")
    check_place(link)
    with atomic_path(link) as partial:
        partial.write_text("new")
    assert link.is_symlink() and target.read_text() == "new" and not target.is_symlink()


def test_a_link_to_a_folder_is_written_through(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir()
    (target / "old").touch()
    link.symlink_to("target")
    with atomic_path(link, folder=True) as partial:
        (partial / "new").touch()
    assert link.is_symlink() and [path.name for path in target.iterdir()] == ["new"]


def test_links_in_a_ring_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OutputError), atomic_path(tmp_path / "a"):
        pass


def busy(monkeypatch: pytest.MonkeyPatch, target: Path) -> None:
    """Let ``target`` be one that cannot be replaced by a rename, as a file that is mounted alone."""
    replace = os.replace

    def refusing(source: Path, place: Path) -> None:
        if Path(place) == target:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(source), None, str(place))
        replace(source, place)

    monkeypatch.setattr(os, "replace", refusing)


@pytest.mark.parametrize("old", ["", "o", "old" * 99])
def test_a_mounted_file_is_filled(old: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mounted.txt"
    path.write_text(old)
    number = path.stat().st_ino
    busy(monkeypatch, path)
    with atomic_path(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new" and path.stat().st_ino == number and list(tmp_path.iterdir()) == [path]


def test_a_file_in_a_folder_without_rights_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "closed" / "made.txt"
    path.parent.mkdir()
    path.write_text("old")
    closed(monkeypatch, path.parent)
    check_place(path)
    with atomic_path(path) as partial:
        assert partial.parent.parent != path.parent and partial.suffix == ".txt"
        partial.write_text("new")
    assert path.read_text() == "new"
    for act in (check_place, lambda place: atomic_path(place).__enter__()):
        with pytest.raises(OutputError, match="cannot be written: Read-only file system; choose another place"):
            act(path.with_name("other.txt"))


def closed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let nothing new be made in ``folder``, as on a read-only disk; rights alone do not stop an administrator."""
    failure = OSError(errno.EROFS, os.strerror(errno.EROFS))
    mkdtemp, access, temporary, replace = tempfile.mkdtemp, os.access, tempfile.NamedTemporaryFile, os.replace

    def refuse(place: object) -> None:
        if place is not None and Path(str(place)) == folder:
            raise failure

    def no_mkdtemp(suffix: str | None = None, prefix: str | None = None, dir: object = None) -> str:
        refuse(dir)
        return mkdtemp(suffix, prefix, dir)

    def no_file(*arguments: object, dir: object = None, **options: object) -> object:
        refuse(dir)
        return temporary(*arguments, dir=dir, **options)

    def no_replace(source: Path, place: Path) -> None:
        refuse(Path(place).parent)
        replace(source, place)

    monkeypatch.setattr(tempfile, "mkdtemp", no_mkdtemp)
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", no_file)
    monkeypatch.setattr(os, "replace", no_replace)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder and access(path, mode))


def test_what_is_finished_and_cannot_take_its_place_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "made.txt"  # something puts a folder there while the work is done
    with pytest.raises(OutputError) as caught, atomic_path(path) as partial:
        partial.write_text("new")
        path.mkdir()
    kept = caught.value.kept
    assert kept == tmp_path / "made-1.txt" and kept.read_text() == "new"
    assert f"what was made is kept as {str(kept)!r}." in str(caught.value)


@pytest.mark.parametrize("gone", ["folder", "rights"])
def test_a_result_goes_to_the_nearest_place_that_takes_it(
    gone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    place = tmp_path / "results" / "made.txt"
    if gone == "rights":
        place.parent.mkdir()
        closed(monkeypatch, place.parent)

    def write(path: Path) -> None:
        with atomic_path(path) as partial:
            partial.write_text("new")

    # Only the folder itself is closed here, and not its disk.
    monkeypatch.setattr(files, "_disk", lambda folder: str(folder))
    with pytest.raises(OutputError, match="what was made is kept as") as caught:
        write_or_keep(place, write)
    kept = tmp_path / "made.txt" if gone == "folder" else tmp_path / "here" / "made.txt"
    assert caught.value.kept == kept and kept.read_text() == "new"


def test_a_full_disk_is_not_tried_under_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Path] = []

    def full(path: Path) -> None:
        tried.append(path)
        raise OutputError(path, errno.ENOSPC)

    monkeypatch.setattr(files, "_disk", lambda folder: 1)
    with pytest.raises(OutputError, match="No space left on device; make room, or choose another place"):
        write_or_keep(tmp_path / "made.txt", full)
    assert tried == [tmp_path / "made.txt"]


def test_without_a_home_and_a_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    written: list[Path] = []

    def write(path: Path) -> None:
        if path.name == "made.txt" and path.parent == tmp_path / "none":
            raise OutputError(path, errno.ENOENT)
        written.append(path)

    with pytest.raises(OutputError, match="is kept"):
        write_or_keep(tmp_path / "none" / "made.txt", write)
    assert written == [tmp_path / "made.txt"]


ODD_NAMES = [
    "12:30.txt",
    "cat: the movie.txt",
    "%d %03d.txt",
    "-.txt",
    " .txt",
    "\n.txt",
    "猫" * 83 + ".txt",
    "a" * 255,
]


@pytest.mark.parametrize("name", [*ODD_NAMES, os.fsdecode(b"not \xff utf-8.txt")])
def test_any_name_that_the_disk_takes(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    check_place(path)
    for text in ("new", "newer"):
        with atomic_path(path) as partial:
            partial.write_text(text)
    assert path.read_text() == "newer" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a" * 256, "a\0b", "none/a"])
def test_a_name_that_the_disk_does_not_take(name: str, tmp_path: Path) -> None:
    def write(path: Path) -> None:
        with atomic_path(path) as partial:
            partial.write_text("new")

    for act in (check_place, write):
        with pytest.raises(OutputError, match=r"cannot be written: [^\n]+; choose another place\."):
            act(tmp_path / name)


def test_a_pipe_takes_the_content(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    check_place(tmp_path / "pipe.txt")
    reading = os.open(tmp_path / "pipe.txt", os.O_RDONLY | os.O_NONBLOCK)
    with atomic_path(tmp_path / "pipe.txt") as partial:
        partial.write_text("new")
    assert os.read(reading, 99) == b"new" and stat.S_ISFIFO(os.stat(tmp_path / "pipe.txt").st_mode)
    os.close(reading)


def test_a_failure_of_the_system_in_words() -> None:
    error = OSError(errno.EACCES, "Permission denied", "a.json")
    assert in_words(error) == "'a.json' cannot be used: Permission denied; check that it is there and may be used."
    assert in_words(OSError(errno.ENOSPC, "No space left on device")).endswith("No space left on device; make room.")
    assert in_words(OSError("odd")) == "A file cannot be used: odd; check that it is there and may be used."


@pytest.mark.parametrize(("before", "after"), [("", ""), ("one\n", "one\n"), ("one\ntw", "one\ntw\n")])
def test_lines_are_added_after_ending_one_that_was_cut_off(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    if before:
        path.write_text(before)
    append_lines(path, "three é\n")
    append_lines(path, "four\n")
    assert path.read_text(encoding="utf-8") == after + "three é\nfour\n"
