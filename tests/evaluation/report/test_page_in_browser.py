"""The page in a real browser: from disk, without a network, its videos in step."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reasondiff.evaluation.report.runs import read_runs
from reasondiff.evaluation.report.writer import write_report
from reasondiff.media import write_video
from tests.evaluation.report.conftest import MakeRun
from tests.evaluation.stubs import grey

pytestmark = pytest.mark.browser

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """A headless browser, spoken to by two pipes."""

    def __init__(self, said: Any, heard: Any) -> None:
        self.said, self.heard, self.number = said, heard, 0
        self.problems: list[str] = []
        self.session: str | None = None

    def ask(self, method: str, **parameters: Any) -> Any:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.said.write(json.dumps(message).encode() + b"\0")
        self.said.flush()
        while True:
            reply = self._next()
            if reply.get("id") == self.number:
                assert "error" not in reply, reply
                return reply["result"]
            if reply.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded", "Network.requestWillBeSent"):
                self.problems.append(json.dumps(reply["params"])[:300])

    def _next(self) -> Any:
        text = bytearray()
        while (byte := self.heard.read(1)) != b"\0":
            assert byte, "the browser is gone"
            text += byte
        return json.loads(text)

    def value(self, script: str) -> Any:
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, page: Path) -> None:
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Runtime.enable")
        self.ask("Log.enable")
        self.ask("Page.enable")
        self.ask("Page.navigate", url=page.as_uri())
        self.until("document.readyState == 'complete' && typeof show == 'function'")

    def until(self, condition: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not self.value(f"Boolean({condition})"):
            assert time.monotonic() < end, condition
            time.sleep(0.1)


@contextmanager
def running(folder: Path) -> Iterator[Browser]:
    assert BROWSER is not None
    to_browser, from_us = os.pipe()
    from_browser, to_us = os.pipe()

    def wire() -> None:
        os.dup2(to_browser, 3)
        os.dup2(to_us, 4)

    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-pipe",
        f"--user-data-dir={folder}",
    ]
    process = subprocess.Popen(
        [BROWSER, *options, "--autoplay-policy=no-user-gesture-required"],
        preexec_fn=wire,
        pass_fds=(3, 4, to_browser, to_us),
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(to_us)
    try:
        with os.fdopen(from_us, "wb") as said, os.fdopen(from_browser, "rb", buffering=0) as heard:
            yield Browser(said, heard)
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_all_methods_of_a_case_play_in_step(make_run: MakeRun, benchmark: Path, tmp_path: Path) -> None:
    folder = make_run(wan=[0.1, 0.2, None], reasondiff=[0.6, 0.7, 0.8])
    for case in ("0000", "0001"):  # of other lengths and rates than each other
        write_video(folder / f"videos/wan/{case}.mp4", grey(*range(0, 240, 3), height=16, width=16), 16.0)
        write_video(folder / f"videos/reasondiff/{case}.mp4", grey(*range(0, 240, 16), height=16, width=16), 5.0)
    write_report(read_runs([folder], benchmark), tmp_path / "report", sheets=0)
    with running(tmp_path / "profile") as browser:
        browser.open(tmp_path / "report" / "index.html")
        browser.until("videos.length == 2 && videos.every((video) => video.readyState >= 3)")
        browser.value("stop(), seek(0), start(), 0")
        browser.until("share > 0.4")
        places = browser.value("videos.map((video) => video.currentTime / video.duration)")
        assert len(places) == 2 and all(0.15 < place <= 1 for place in places)
        assert abs(places[0] - places[1]) < 0.15
        browser.value("stop(), seek(0.5), 0")
        browser.until("videos.every((video) => Math.abs(video.currentTime / video.duration - 0.5) < 0.02)")
        browser.value("at('on').click(), 0")
        browser.until("videos.every((video) => Math.abs(video.currentTime / video.duration - 0.5125) < 0.002)")
        assert browser.value("at('prompt').textContent") == "A cat."
        browser.value("show(1), 0")
        assert browser.value("at('prompt').textContent") == "A <b>dog</b> & </script> more."
        browser.value("show(2), 0")
        assert browser.value("document.querySelector('.none').textContent") == "The reply is empty."
        browser.value("at('filter').value = 'fail wan', choose(), 0")
        assert browser.value("shown.map((one) => one.id)") == ["0000", "0001", "0002"]
        browser.value("at('filter').value = 'pass wan', choose(), 0")
        assert browser.value("at('count').textContent") == "0 cases"
        assert browser.problems == []
