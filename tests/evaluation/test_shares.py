"""Several processes that share an evaluation leave the folder that one leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.anchor import BestFramePsnr
from reasondiff.evaluation.metrics.sharpness import Sharpness
from reasondiff.evaluation.outputs import Failure, Output
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.rows import read_rows
from reasondiff.evaluation.runner import evaluate
from reasondiff.evaluation.shares import Share, gather, known_rows
from reasondiff.evaluation.suites.base import Case, Judgement, Stratum

METRICS = (BestFramePsnr(), Sharpness())


@dataclass(frozen=True)
class Noise:
    """A suite: pictures of noise."""

    count: int = 5
    name: str = "noise"
    strata: tuple[Stratum, ...] = ()
    has_judge: bool = False

    def cases(self) -> list[Case]:
        return [Case(f"n{number}", _noise(number), "It stays.", seed=number) for number in range(self.count)]

    def judge(self, case: Case, frames: np.ndarray, anchor_frame: int | None) -> Judgement | None:
        return None

    def fingerprint(self) -> dict[str, object]:
        return {"count": self.count}

    def judged_by(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True)
class Fading:
    """A system: the image goes dark; of one case it makes nothing."""

    name: str
    title: str = "fading"

    def generate(self, cases: Sequence[Case], using: Resources) -> list[Output | Failure]:
        return [self._video(case) for case in cases]

    def _video(self, case: Case) -> Output | Failure:
        if case.id == "n3":
            return Failure("It was too dark.")
        levels = np.linspace(1, 0, 3)[:, None, None, None]
        return Output((np.asarray(case.image)[None] * levels).astype(np.uint8), fps=5.0, anchor_frame=0)


SYSTEMS = (Fading("one"), Fading("other"))


def _noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8))


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _run(folder: Path, *shares: Share, count: int = 5) -> None:
    for share in shares:
        evaluate(SYSTEMS, Noise(count), METRICS, Resources(folder), batch=2, share=share)
    gather(folder, [system.name for system in SYSTEMS], Noise(count).cases())


def test_shares_put_together_are_the_folder_of_one_process(tmp_path: Path) -> None:
    _run(tmp_path / "one", Share())
    _run(tmp_path / "three", Share(3, 3), Share(1, 3), Share(2, 3))
    one = _contents(tmp_path / "one")
    assert one == _contents(tmp_path / "three") and len(one) == 1 + 2 * 4
    assert not (tmp_path / "three" / "shares").exists()


def test_a_share_makes_its_own_cases_and_nothing_that_is_there(tmp_path: Path) -> None:
    rows = evaluate(SYSTEMS[:1], Noise(), METRICS, Resources(tmp_path), share=Share(2, 2))
    assert [row.case for row in rows] == ["n1", "n3"]
    assert not (tmp_path / "results.jsonl").exists()
    seen: list[int] = []
    evaluate(SYSTEMS[:1], Noise(), METRICS, Resources(tmp_path), on_video=seen.append)
    assert seen[0] == 2, "another process, alone now, goes on from what the share has made"
    assert len(read_rows(tmp_path / "results.jsonl")) == 3 and len(known_rows(tmp_path)) == 5
    gather(tmp_path, ["one"], Noise().cases())
    assert list(read_rows(tmp_path / "results.jsonl")) == [("one", f"n{number}") for number in (0, 2, 4, 1, 3)]
    _run(tmp_path, Share(1, 2), Share(2, 2), count=7)
    assert len(read_rows(tmp_path / "results.jsonl")) == 14


def test_a_share_that_was_killed_goes_on(tmp_path: Path) -> None:
    _run(tmp_path / "one", Share())
    folder = tmp_path / "two"
    evaluate(SYSTEMS, Noise(), METRICS, Resources(folder), share=Share(1, 2))
    log = folder / "shares" / "1-of-2.jsonl"
    log.write_text(log.read_text()[:-40])  # the kill came while the last line was written
    _run(folder, Share(2, 2), Share(1, 2))
    assert _contents(folder) == _contents(tmp_path / "one")


def test_what_is_no_share_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Share.parse("2/4") == Share(2, 4)
    for text in ("0/4", "5/4", "1/0"):
        with pytest.raises(InputError, match=f"There is no share {text}"):
            Share.parse(text)
    with pytest.raises(InputError, match="write 2/4 for the second of four"):
        Share.parse("half")
    assert Share.of_environment() == Share()
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert Share.of_environment() == Share(4, 8)
