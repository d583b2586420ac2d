"""The page that raters see, as one process; a rater's link is the key to the rater's own questions and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from reasondiff.evaluation.study.answers import Answer, Answers
from reasondiff.evaluation.study.plan import SPOILED, Question, StudyPlan
from reasondiff.web.app import finish
from reasondiff.web.guard import Rules
from reasondiff.web.refusal import Refusal

__all__ = ["study_app"]

_MAX_MILLISECONDS = 10**10
"""A hundred days; more is no time that a rater took."""

_RULES = Rules(
    body=4096,  # an answer is a ranking and a time
    seconds=60,
    own_pages=False,  # a link is a key that no other page knows
    headers={"cache-control": "no-store"},
    untold=("etag", "last-modified"),  # they would tell which videos are of one method
)

_PAGES = Path(__file__).parent / "page"


def study_app(folder: Path, answers: Answers) -> Starlette:
    """The study in a folder.

    Args:
        folder: that ``build_study`` wrote.
        answers: where they go.

    Raises:
        InputError: it is no study.
    """
    study = _Study(folder, StudyPlan.load(folder), answers)
    routes = [
        Route("/r/{token}", study.page),
        Route("/r/{token}/question", study.question),
        Route("/r/{token}/answers/{number:int}", study.answer, methods=["POST"]),
        Route("/r/{token}/image/{number:int}", study.image),
        Route("/r/{token}/video/{number:int}/{place:int}", study.video),
    ]
    app = Starlette(routes=routes)
    finish(app, _RULES, pages=_PAGES, at="/page")
    return app


class _Study:
    """What the routes share."""

    def __init__(self, folder: Path, plan: StudyPlan, answers: Answers) -> None:
        self.media = folder / "media"
        self.plan = plan
        self.answers = answers
        self.numbers: Mapping[str, int] = {rater.token: number for number, rater in enumerate(plan.raters)}

    def rater_of(self, request: Request) -> int:
        number = self.numbers.get(request.path_params["token"])
        if number is None:
            raise Refusal(404, "This link is not known; ask for the one that was sent to you.")
        return number

    def asked(self, request: Request) -> tuple[int, int, Question]:
        """The rater, the number of a question, and the question."""
        rater, number = self.rater_of(request), request.path_params["number"]
        questions = self.plan.raters[rater].questions
        if number >= len(questions):
            raise Refusal(404, "There is no such question.")
        return rater, number, questions[number]

    async def page(self, request: Request) -> Response:
        self.rater_of(request)
        return FileResponse(_PAGES / "index.html")

    async def question(self, request: Request) -> Response:
        """The first question that the rater has not answered; it says nothing of methods or of other raters."""
        rater = self.rater_of(request)
        questions = self.plan.raters[rater].questions
        done = await run_in_threadpool(self.answers.answered, rater)
        left = [number for number in range(len(questions)) if number not in done]
        told: dict[str, Any] = {"done": len(questions) - len(left), "of": len(questions), "text": self.plan.text}
        if left:
            question = questions[left[0]]
            told |= {"number": left[0], "prompt": self.plan.items[question.item].prompt, "videos": len(question.order)}
        return JSONResponse(told)

    async def answer(self, request: Request) -> Response:
        """Keep a ranking; it is in the database before this answers."""
        rater, number, question = self.asked(request)
        body = await request.body()
        try:
            data = json.loads(body)
            ranking, milliseconds = data["ranking"], data["milliseconds"]
            fits = sorted(ranking) == list(range(len(question.order))) and all(type(each) is int for each in ranking)
            timed = type(milliseconds) is int and 0 <= milliseconds <= _MAX_MILLISECONDS
        except (ValueError, KeyError, TypeError, RecursionError):
            fits = timed = False
        if not (fits and timed):
            raise Refusal(422, "Rank every video, each at a place of its own.")
        ranked = tuple(question.order[place] for place in ranking)
        await run_in_threadpool(self.answers.add, Answer(rater, number, ranked, milliseconds))
        return Response(status_code=204)

    async def image(self, request: Request) -> Response:
        _, _, question = self.asked(request)
        return FileResponse(self.media / self.plan.items[question.item].image, media_type="image/png")

    async def video(self, request: Request) -> Response:
        _, _, question = self.asked(request)
        place = request.path_params["place"]
        if place >= len(question.order):
            raise Refusal(404, "There is no such video.")
        item, method = self.plan.items[question.item], question.order[place]
        name = item.spoiled if method == SPOILED else item.videos[method]
        return FileResponse(self.media / name, media_type="video/mp4")
