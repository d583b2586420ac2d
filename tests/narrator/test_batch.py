"""A row in, a row out: through failures, rate limits and a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reasondiff.errors import InputError, NarrationError, ProviderError
from reasondiff.narrative import Narrative
from reasondiff.narrator import load_narrator
from reasondiff.narrator.batch import finished, read_rows, run_batch
from reasondiff.narrator.providers.base import UnavailableError
from tests.narrator.providers.misbehaving_server import Request, Say, Server
from tests.narrator.stories import VASE, reply, same_story

TELL = {"num_frames": 33, "interval": 0.2}


@pytest.fixture
def rows_csv(tmp_path: Path) -> Path:
    """Twelve rows over three images."""
    for name in ("red", "green", "blue"):
        Image.new("RGB", (16, 16), name).save(tmp_path / f"{name}.png")
    lines = [f"{name}.png,Story {n} of {name}" for n in range(4) for name in ("red", "green", "blue")]
    (tmp_path / "rows.csv").write_text("image,prompt\n" + "\n".join(lines) + "\n")
    return tmp_path / "rows.csv"


PIPES: dict[str, Any] = {
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
    "text": True,
    # A shell's background jobs, and all that they start, ignore Ctrl-C.
    "preexec_fn": partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
}


def narrate_batch(server: Server, rows: Path, out: Path) -> list[str]:
    """The command, as a shell would start it."""
    command = [sys.executable, "-c", "from reasondiff.cli import main; main()", "narrate", "--narrator", "openai:m"]
    command += ["--batch", str(rows), "-o", str(out), "--narrator-url", server.url, "--no-cache"]
    return [*command, "--num-frames", "33", "--concurrency", "2"]


def results(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


class Told:
    """Tells the vase story and counts."""

    def __init__(self, fail: str = "\x00") -> None:
        self.asked: list[str] = []
        self.fail = fail

    def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
        self.asked.append(prompt)
        if self.fail in prompt:
            raise NarrationError("It declined.", "No.")
        return VASE.retime(num_frames)


def test_one_result_per_row_and_failures_stay_in_their_row(rows_csv: Path, tmp_path: Path) -> None:
    text = rows_csv.read_text().splitlines()
    text[3] = "missing.png,A cat"
    text[5] = "red.png,"
    text[7] = "rows.csv,A cat"
    rows_csv.write_text("\n".join(text) + "\n")
    rows, out = read_rows(rows_csv, **TELL), tmp_path / "out.jsonl"
    seen = list(run_batch(rows, Told(fail="of blue"), out))
    assert len(seen) == len(rows) == 12 and {r.row.key for r in seen} == {row.key for row in rows} == set(finished(out))
    told = {entry["prompt"] + entry["image"]: entry for entry in results(out)}
    assert len(told) == 12
    failed = [entry for entry in told.values() if entry["status"] == "failed"]
    errors = "\n".join(sorted(entry["error"] for entry in failed))
    assert "missing.png' does not exist" in errors and "has no prompt" in errors and "not an image" in errors
    assert errors.count("It declined.") == len(failed) - 3
    for entry in told.values():
        if entry["status"] == "ok":
            assert same_story(Narrative.from_dict(entry["narrative"]), VASE)


@pytest.mark.parametrize("patience", [True, False])
def test_a_narrator_that_can_be_asked_nothing_ends_the_batch_and_loses_no_row(
    rows_csv: Path, tmp_path: Path, patience: bool
) -> None:
    """A row that fails by itself is a failed row; a server that is down fails them all, and none is to blame."""

    class Down(Told):
        def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
            told = super().narrate(image, prompt, num_frames=num_frames, interval=interval)
            if len(self.asked) > 3:
                raise UnavailableError("The server cannot be reached.") if patience else ProviderError("Too long.")
            return told

    rows, out = read_rows(rows_csv, **TELL), tmp_path / "out.jsonl"
    if patience:
        with pytest.raises(ProviderError, match=r"5 rows in a row, the last: .*cannot be reached\. The same command"):
            list(run_batch(rows, Down(), out, concurrency=1))
        assert len(results(out)) == 3
    else:
        assert len(list(run_batch(rows, Down(), out, concurrency=1))) == len(results(out)) == 12
    list(run_batch(rows, Told(), out, retry_failed=not patience))
    assert Counter(entry["key"] for entry in results(out)) == Counter(row.key for row in rows)
    assert all(entry["status"] == "ok" for entry in results(out))


def test_a_second_run_on_one_output_says_so(rows_csv: Path, tmp_path: Path) -> None:
    rows, out = read_rows(rows_csv, **TELL), tmp_path / "out.jsonl"
    first = run_batch(rows, Told(), out, concurrency=1)
    next(first)
    with pytest.raises(InputError, match="Another run is writing"):
        list(run_batch(rows, Told(), out))
    first.close()
    list(run_batch(rows, Told(), out))
    assert Counter(entry["key"] for entry in results(out)) == Counter(row.key for row in rows)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_finished_batch_asks_nothing_and_failed_rows_are_asked_again_on_request(
    rows_csv: Path, tmp_path: Path
) -> None:
    rows, out = read_rows(rows_csv, **TELL), tmp_path / "out.jsonl"
    list(run_batch(rows, Told(fail="Story 2"), out))
    again = Told()
    assert list(run_batch(rows, again, out)) == [] and again.asked == []
    list(run_batch(rows, again, out, retry_failed=True))
    assert sorted(again.asked) == sorted(row.prompt for row in rows if "Story 2" in row.prompt)
    assert Counter(entry["key"] for entry in results(out)) == Counter(row.key for row in rows)
    assert all(entry["status"] == "ok" for entry in results(out))


def test_rows_added_later_are_told_and_equal_rows_each_get_a_result(rows_csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    list(run_batch(read_rows(rows_csv, **TELL), Told(), out))
    with rows_csv.open("a") as file:
        file.write("red.png,Story 0 of red\nred.png,A new one\n")
    rows, narrator = read_rows(rows_csv, **TELL), Told()
    list(run_batch(rows, narrator, out))
    assert sorted(narrator.asked) == ["A new one", "Story 0 of red"] and len(results(out)) == 14


def test_a_line_torn_by_a_kill_is_dropped_and_its_row_asked_again(rows_csv: Path, tmp_path: Path) -> None:
    rows, out = read_rows(rows_csv, **TELL), tmp_path / "out.jsonl"
    list(run_batch(rows, Told(), out))
    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:5]) + lines[5][:40])
    narrator = Told()
    list(run_batch(rows, narrator, out))
    assert len(narrator.asked) == 7 and Counter(e["key"] for e in results(out)) == Counter(row.key for row in rows)


def test_a_file_that_holds_other_things_is_left_alone(rows_csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text('{"my": "notes"}\n')
    with pytest.raises(InputError, match="holds other things"):
        list(run_batch(read_rows(rows_csv, **TELL), Told(), out))
    assert out.read_text() == '{"my": "notes"}\n'


def test_every_kind_of_source(rows_csv: Path, tmp_path: Path) -> None:
    csv_rows = read_rows(rows_csv, **TELL)
    lines = [{"image": Path(row.image).name, "prompt": row.prompt} for row in csv_rows]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert read_rows(tmp_path / "rows.jsonl", **TELL) == csv_rows
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a", "b", "c"):
        Image.new("RGB", (8, 8)).save(folder / f"{name}.png")
    (folder / "a.txt").write_text("A cat\n")
    (folder / "b.txt").write_bytes(b"\xff\xfe\xff")
    rows = read_rows(folder, **TELL)
    assert [(Path(row.image).name, row.prompt, bool(row.fault)) for row in rows] == [
        ("a.png", "A cat", False), ("b.png", "", True), ("c.png", "", True),
    ]  # fmt: skip
    (folder / "prompts.csv").write_text("image,prompt,num_frames,interval\na.png,A dog,81,0.1\nb.png,A pig,many,\n")
    first, second = read_rows(folder, **TELL)
    assert (first.prompt, first.num_frames, first.interval) == ("A dog", 81, 0.1) and "no number" in second.fault


def test_a_row_that_is_no_text_stays_one_row(tmp_path: Path) -> None:
    """Other encodings, byte order marks and line breaks inside a text are each common, and stop nobody."""
    (tmp_path / "rows.csv").write_bytes(b"\xef\xbb\xbfimage,prompt\na.png,A caf\xe9\na.png,A cat\n")
    bad, good = read_rows(tmp_path / "rows.csv", **TELL)
    assert "save the file as UTF-8" in bad.fault and (good.prompt, good.fault) == ("A cat", "")
    lines = [json.dumps({"image": "a.png", "prompt": "A cat\u2028\x85plays"}, ensure_ascii=False), "{broken", "[1]"]
    (tmp_path / "rows.jsonl").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    good, broken, other = read_rows(tmp_path / "rows.jsonl", **TELL)
    assert good.prompt == "A cat\u2028\x85plays" and not good.fault
    assert "not JSON" in broken.fault and "not a JSON object" in other.fault
    told = Told()
    assert len(list(run_batch([bad, broken], told, tmp_path / "out.jsonl"))) == 2 and not told.asked


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", "", "no rows"),
        ("x.csv", "a,b\n1,2\n", "no columns 'image' and 'prompt'"),
        ("x.jsonl", "{]\n[1]\n", "no columns"),
        ("none.csv", None, "cannot be read"),
    ],
)
def test_a_source_without_rows_is_one_sentence(tmp_path: Path, name: str, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=words):
        read_rows(tmp_path / name, **TELL)


def test_what_a_spreadsheet_calls_unicode_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("image,prompt\na.png,A cat\n", encoding="utf-16")
    with pytest.raises(InputError, match="is not UTF-8 text; save it as CSV in UTF-8"):
        read_rows(tmp_path / "rows.csv", **TELL)


def test_no_more_questions_at_a_time_than_allowed(server: Server, rows_csv: Path, tmp_path: Path) -> None:
    server.answer = Say(reply(), delay=0.03)
    narrator = load_narrator("openai:m", url=server.url, cache=False)
    list(run_batch(read_rows(rows_csv, **TELL), narrator, tmp_path / "out.jsonl", concurrency=3))
    assert len(server.requests) == 12 and 2 <= server.most_at_once <= 3


def test_a_server_that_limits_the_rate_is_waited_for(server: Server, rows_csv: Path, tmp_path: Path) -> None:
    turned_away: set[str] = set()

    def answer(request: Request) -> Say:
        prompt = request.texts[-1]
        if prompt in turned_away:
            return Say(reply())
        turned_away.add(prompt)
        return Say(status=429, headers={"retry-after-ms": "20"})

    server.answer = answer
    narrator = load_narrator("openai:m", url=server.url, cache=False, retries=8)
    list(run_batch(read_rows(rows_csv, **TELL), narrator, tmp_path / "out.jsonl"))
    assert len(server.requests) == 24 and all(entry["status"] == "ok" for entry in results(tmp_path / "out.jsonl"))


def test_an_interrupted_batch_ends_at_once(server: Server, rows_csv: Path, tmp_path: Path) -> None:
    server.answer = Say(reply(), delay=12)
    process = subprocess.Popen(narrate_batch(server, rows_csv, tmp_path / "out.jsonl"), **PIPES)
    deadline = time.monotonic() + 60
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=10)
    assert process.returncode == 130 and "Traceback" not in told


def test_a_killed_batch_is_continued_and_no_finished_row_is_asked_again(
    server: Server, rows_csv: Path, tmp_path: Path
) -> None:
    server.answer = Say(reply(), delay=0.05)
    out = tmp_path / "out.jsonl"
    command = narrate_batch(server, rows_csv, out)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while (not out.exists() or out.read_bytes().count(b"\n") < 3) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = out.read_bytes()
    done = before.count(b"\n")
    assert 3 <= done < 12
    asked = len(server.requests)
    finished_process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert finished_process.returncode == 0, finished_process.stderr
    assert f"12 of 12 rows told, {done} of them before, 0 repaired now." in finished_process.stdout
    assert len(server.requests) - asked == 12 - done
    rows = read_rows(rows_csv, **TELL)
    assert Counter(entry["key"] for entry in results(out)) == Counter(row.key for row in rows)
    assert out.read_bytes().startswith(before[: before.rindex(b"\n") + 1])
