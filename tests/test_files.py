"""What is written takes its place whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reasondiff.files import atomic_path


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
