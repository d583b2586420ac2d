"""A batch of four times as many rows takes four times as much."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from reasondiff.narrative import Narrative
from reasondiff.narrator.batch import read_rows, run_batch
from tests.growth import LINEAR, growth


def test_a_long_batch_is_told_and_continued_in_linear_time(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    class Told:
        def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
            return Narrative.from_ends([(4, "A vase."), (num_frames, prompt)], 6, num_frames, interval=interval)

    runs = 0

    def tell(count: int) -> None:
        nonlocal runs
        runs += 1
        (tmp_path / "rows.csv").write_text(
            "image,prompt\n" + "".join(f"a.png,Story {number}\n" for number in range(count))
        )
        rows, out = read_rows(tmp_path / "rows.csv", num_frames=9, interval=0.2), tmp_path / f"{runs}.jsonl"
        half = [row for number, row in enumerate(rows) if number % 2]
        assert len(list(run_batch(half, Told(), out, concurrency=1))) == count // 2
        assert len(list(run_batch(rows, Told(), out, concurrency=1))) == count - count // 2

    assert growth(tell, 20) < LINEAR
