"""Twenty raters in Chromium, with the server killed in between: every answer that a rater saw accepted is kept."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reasondiff.evaluation.study.analysis import analyse
from reasondiff.evaluation.study.answers import Answers
from reasondiff.evaluation.study.build import build_study
from reasondiff.evaluation.study.plan import SPOILED, StudyPlan
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.video_folder import find_systems_in
from reasondiff.media import write_video

pytestmark = pytest.mark.browser

METHODS = ("best", "good", "fair", "poor", "worst")
CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium") or "/usr/bin/chromium")


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


class Server:
    """``reasondiff study serve`` as a process that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        code = "from reasondiff.cli import main; main()"
        command = [sys.executable, "-c", code, "study", "serve", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(600):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("the server does not listen")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def study(tmp_path: Path) -> tuple[Path, StudyPlan]:
    rng = np.random.default_rng(0)
    cases = [
        Case(f"c{n}", Image.new("RGB", (64, 64), (40 * n, 90, 160)), f"Something happens, {n}.", 0) for n in range(4)
    ]
    for method in METHODS:
        for case in cases:
            path = tmp_path / "run" / method / f"{case.id}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_video(path, rng.integers(0, 256, (9, 64, 64, 3), dtype=np.uint8), 5.0)
    folder = tmp_path / "study"
    return folder, build_study(folder, cases, find_systems_in(tmp_path / "run", cases), raters=20, questions=2)


@pytest.fixture
def server(study: tuple[Path, StudyPlan]) -> Iterator[Server]:
    made = Server(study[0])
    yield made
    made.kill()


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def wanted(order: tuple[str, ...]) -> list[int]:
    """The place of every shown video in the order that all raters truly have."""
    ranked = sorted(order, key=lambda method: (*METHODS, SPOILED).index(method))
    return [ranked.index(method) for method in order]


def test_twenty_raters_rank_and_nothing_is_lost(
    study: tuple[Path, StudyPlan], server: Server, browser: Any, tmp_path: Path
) -> None:
    folder, plan = study
    problems: list[str] = []
    for number, rater in enumerate(plan.raters):
        phone = number % 4 == 3
        context = browser.new_context(
            viewport={"width": 390, "height": 844} if phone else {"width": 1200, "height": 900}
        )
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{server.url}/r/{rater.token}")
        for place, question in enumerate(rater.questions):
            page.get_by_text(f"Question {place + 1} of 4").wait_for()
            assert page.locator("#send").is_disabled()
            places = wanted(question.order)
            rank(page, places, by=("radio", "keys", "drag")[number % 3])
            if number == 0 and place == 0:
                page.screenshot(path=os.environ.get("SHOTS", str(tmp_path)) + "/study.png", full_page=True)
                page = closed_and_opened_again(context, page, places)
            if number == 3 and place == 0:
                page.screenshot(path=os.environ.get("SHOTS", str(tmp_path)) + "/study-phone.png", full_page=True)
            if number in (1, 2) and place == 1:
                server.kill()
                page.locator("#send").click()
                page.get_by_text("could not be sent and is kept here").wait_for()
                server.start()
            page.locator("#send").click()
        page.get_by_text("Thank you").wait_for()
        if number == 0:
            page.screenshot(path=os.environ.get("SHOTS", str(tmp_path)) + "/study-end.png")
        context.close()
    server.kill()
    assert not problems, problems
    answers = Answers(f"sqlite:///{folder / 'answers.db'}").all()
    assert len(answers) == 20 * 4
    for answer in answers:
        order = plan.raters[answer.rater].questions[answer.question].order
        assert answer.ranking == tuple(sorted(order, key=lambda method: (*METHODS, SPOILED).index(method)))
    found = analyse(plan, answers, resamples=100)
    assert [method.name for method in found.methods] == list(METHODS) and not found.excluded
    assert found.rankings == 40 and found.alpha == pytest.approx(1)


def rank(page: Any, places: list[int], by: str) -> None:
    """Give every video its place, with a mouse, with keys alone, or by dragging letters afterwards."""
    for video, place in enumerate(places):
        if by == "keys":
            page.locator(f"input[name=place-{video}]").first.focus()
            page.keyboard.press(str(place + 1))
        elif by == "radio":
            page.get_by_label(f"Video {'ABCDE'[video]}: place {place + 1}").check()
        else:
            page.get_by_label(f"Video {'ABCDE'[video]}: place {video + 1}").check()
    if by == "drag":
        for video, place in enumerate(places):
            source, target = page.locator(".chip", has_text="ABCDE"[video]), page.locator("#places li").nth(place)
            source.scroll_into_view_if_needed()
            start, end = source.bounding_box(), target.bounding_box()
            page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
            page.mouse.down()
            page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=4)
            page.mouse.up()


def closed_and_opened_again(context: Any, page: Any, places: list[int]) -> Any:
    """The page, after it was closed before the answer was sent: the places are still there."""
    url = page.url
    page.close()
    page = context.new_page()
    page.goto(url)
    page.locator("#send:not([disabled])").wait_for()
    for video, place in enumerate(places):
        assert page.get_by_label(f"Video {'ABCDE'[video]}: place {place + 1}").is_checked()
    return page
