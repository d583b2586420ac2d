"""A study is balanced and says nothing of methods; its analysis finds what simulated raters truly think."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from reasondiff.errors import InputError
from reasondiff.evaluation.metrics.user_rank import read_ranks
from reasondiff.evaluation.study.analysis import analyse, friedman, write_analysis
from reasondiff.evaluation.study.answers import Answer, Answers
from reasondiff.evaluation.study.app import study_app
from reasondiff.evaluation.study.build import alike, build_study
from reasondiff.evaluation.study.plan import SPOILED, Item, StudyPlan, assign
from reasondiff.evaluation.suites.base import Case
from reasondiff.evaluation.video_folder import find_systems_in
from reasondiff.media import Video, read_video, write_video

METHODS = ("ours", "wan", "ltx", "cog", "dynami")


def plan_of(items: int = 12, raters: int = 20, questions: int = 10, seed: int = 0) -> StudyPlan:
    tokens = [f"token-{number}" for number in range(raters)]
    made = [Item(f"{n:04d}", f"Prompt {n}.", dict.fromkeys(METHODS, "v.mp4"), "s.mp4", "i.png") for n in range(items)]
    return StudyPlan("Which?", METHODS, tuple(made), assign(METHODS, items, tokens, questions, seed), seed)


def test_items_places_and_checks_are_balanced() -> None:
    plan = plan_of()
    shown = Counter(q.item for rater in plan.raters for q in rater.questions if q.kind == "plain")
    assert sum(shown.values()) == 200 and max(shown.values()) - min(shown.values()) <= 1
    for item in range(12):
        orders = [q.order for rater in plan.raters for q in rater.questions if q.kind == "plain" and q.item == item]
        for place in range(5):
            at = Counter(order[place] for order in orders)
            assert max(at.values()) - min(at.get(method, 0) for method in METHODS) <= 1
    for rater in plan.raters:
        kinds = [question.kind for question in rater.questions]
        assert kinds.count("plain") == 10 and kinds.count("attention") == 1 and kinds[-1] == "repeat"
        plain = [question for question in rater.questions if question.kind == "plain"]
        assert len({question.item for question in plain}) == 10, "a rater is asked the same twice"
        again = rater.questions[-1]
        assert again.item == plain[0].item and again.order != plain[0].order and set(again.order) == set(METHODS)
        attention = next(question for question in rater.questions if question.kind == "attention")
        assert SPOILED in attention.order and len(set(attention.order)) == 5
        assert rater.questions.index(attention) >= 5
    assert plan_of() == plan and plan_of(seed=1) != plan


def test_numbers_that_make_no_study_are_refused() -> None:
    with pytest.raises(InputError, match="A rater cannot be asked 4 questions about 3 cases"):
        assign(METHODS, 3, ["t"], 4, 0)
    with pytest.raises(InputError, match="1 methods cannot be ranked"):
        assign(METHODS[:1], 3, ["t"], 1, 0)


def answers_of(
    plan: StudyPlan, strengths: Sequence[float], *, seed: int = 0, careless: Sequence[int] = ()
) -> list[Answer]:
    """Raters who rank by Plackett and Luce's model; careless ones rank by chance, and the spoiled video, too."""
    rng = np.random.default_rng(seed)
    answers = []
    for number, rater in enumerate(plan.raters):
        for place, question in enumerate(rater.questions):
            known = dict(zip(plan.methods, strengths, strict=True)) | {SPOILED: 1e-9}
            worth = [1.0 if number in careless else known[method] for method in question.order]
            keys = np.log(worth) + rng.gumbel(size=len(worth))
            ranking = tuple(question.order[each] for each in np.argsort(-keys))
            answers.append(Answer(number, place, ranking, 9000))
    return answers


def test_the_analysis_finds_the_known_truth() -> None:
    plan = plan_of(items=40, raters=60)
    truth = np.array([0.45, 0.25, 0.15, 0.10, 0.05])
    found = analyse(plan, answers_of(plan, truth), keep_failed=True, resamples=300)
    assert [method.name for method in found.methods] == list(METHODS)
    for method, strength in zip(found.methods, truth, strict=True):
        assert method.strength == pytest.approx(strength, rel=0.25)
        low, high = method.interval
        assert low < method.mean_rank < high and high - low < 0.6
    first, second = found.methods[:2]
    # Plackett and Luce: of two methods the first wins with the share of its strength.
    assert first.wins["wan"] == pytest.approx(0.45 / 0.70, abs=0.05)
    assert second.wins["ours"] == pytest.approx(1 - first.wins["wan"])
    assert sum(method.mean_rank for method in found.methods) == pytest.approx(15)
    assert found.rankings == 600 and found.p_value < 1e-6 and found.kendall_w > 0.5
    assert found.alpha is not None and 0.1 < found.alpha < 0.6


def test_nothing_is_found_where_nothing_is() -> None:
    found = analyse(
        plan_of(items=20, raters=30), answers_of(plan_of(items=20, raters=30), (1, 1, 1, 1, 1)), resamples=300
    )
    assert found.p_value > 0.01 and found.kendall_w < 0.35
    assert all(low < 3 < high for low, high in (method.interval for method in found.methods))


def test_raters_who_agree_wholly_have_an_alpha_of_one() -> None:
    plan = plan_of()
    answers = [
        Answer(r, q, tuple(sorted(question.order)), 1000)
        for r, rater in enumerate(plan.raters)
        for q, question in enumerate(rater.questions)
    ]
    found = analyse(plan, answers, keep_failed=True, resamples=50)
    assert found.alpha == pytest.approx(1) and found.kendall_w == pytest.approx(1)
    assert [method.name for method in found.methods] == sorted(METHODS)
    assert found.methods[0].interval == (1, 1) and found.methods[0].strength > 0.5


def test_careless_raters_are_found_and_left_out() -> None:
    plan = plan_of()
    answers = answers_of(plan, (100, 20, 4, 0.8, 0.1), careless=(3, 7))
    found = analyse(plan, answers, resamples=50)
    failed = {check.rater for check in found.checks if check.failed}
    attentive = {check.rater for check in found.checks if check.attentive}
    assert attentive >= set(range(20)) - {3, 7} and found.excluded == tuple(sorted(failed))
    assert {3, 7} & failed and found.rankings == 10 * (20 - len(failed))
    assert analyse(plan, answers, keep_failed=True, resamples=50).rankings == 200


def test_friedman_by_hand() -> None:
    # Three blocks that agree on four methods: chi-square = n (k - 1) = 9, and W = 1.
    agreeing = np.array([[1.0, 2, 3, 4]] * 3)
    assert friedman(agreeing) == (pytest.approx(9), pytest.approx(1))
    # Two that are opposite cancel out.
    assert friedman(np.array([[1.0, 2, 3], [3.0, 2, 1]])) == (0, 0)
    from scipy.stats import friedmanchisquare

    scores = np.random.default_rng(0).normal(size=(9, 5)).round(1)
    assert friedman(scores)[0] == pytest.approx(friedmanchisquare(*scores.T).statistic)


def test_ranks_are_read_by_the_metric(tmp_path: Path) -> None:
    plan = plan_of(items=2, raters=2, questions=2)
    answers = answers_of(plan, (100, 20, 4, 0.8, 0.1))
    text = write_analysis(tmp_path, plan, answers, analyse(plan, answers, keep_failed=True, resamples=20))
    ranks = read_ranks(tmp_path / "ranks.jsonl")
    assert len(ranks["ours", "0000"]) == 2 and set(ranks) == {(m, c) for m in METHODS for c in ("0000", "0001")}
    assert "4 rankings by 2 raters of 2 cases." in text and json.loads((tmp_path / "analysis.json").read_text())


@pytest.fixture
def study(tmp_path: Path) -> tuple[Path, StudyPlan]:
    """Three cases, two methods of different lengths, rates and sizes."""
    for name, count, fps, side in (("ours", 9, 5.0, 64), ("dynami", 4, 8.0, 32)):
        for case in "abc":
            path = tmp_path / "run" / "videos" / name / f"{case}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_video(path, np.full((count, side, side, 3), 50, np.uint8), fps)
    cases = [Case(name, Image.new("RGB", (32, 32), "red"), f"Prompt {name}.", 0) for name in "abc"]
    folder = tmp_path / "study"
    plan = build_study(folder, cases, find_systems_in(tmp_path / "run", cases), raters=2, questions=2)
    return folder, plan


def test_videos_are_alike_and_names_say_nothing(study: tuple[Path, StudyPlan]) -> None:
    folder, plan = study
    names = [name for item in plan.items for name in (*item.videos.values(), item.spoiled)]
    assert len(set(names)) == 9 and all(re.fullmatch(r"[0-9a-f]{24}\.mp4", name) for name in names)
    videos = [read_video(folder / "media" / name) for name in names]
    assert {video.frames.shape for video in videos} == {(9, 64, 64, 3)} and len({video.fps for video in videos}) == 1
    # 9 frames at 5 a second and 4 at 8 last 1.8 s and 0.5 s: all last 1.15 s now.
    assert len(videos[0].frames) / videos[0].fps == pytest.approx(1.15, abs=0.01)
    assert StudyPlan.load(folder) == plan and (folder / "plan.json").stat().st_mode & 0o077 == 0
    assert len({rater.token for rater in plan.raters}) == 2 and all(len(rater.token) >= 32 for rater in plan.raters)


def test_frames_are_paired_from_the_first_to_the_last() -> None:
    long, short = (np.arange(count, dtype=np.uint8)[:, None, None, None] for count in (7, 3))
    videos = {"long": long, "short": short}
    made = alike({name: Video(np.broadcast_to(v, (len(v), 4, 4, 3)), 5.0) for name, v in videos.items()})
    assert [int(frame.mean()) for frame in made["short"][0]] == [0, 0, 1, 1, 1, 2, 2]
    assert [int(frame.mean()) for frame in made["long"][0]] == list(range(7))


def test_a_method_without_a_case_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run" / "ours").mkdir(parents=True)
    write_video(tmp_path / "run" / "ours" / "a.mp4", np.zeros((3, 16, 16, 3), np.uint8), 5.0)
    cases = [Case(name, Image.new("RGB", (8, 8)), "P.", 0) for name in "ab"]
    with pytest.raises(InputError, match="'ours' has no video of 1 of 2 cases, the first 'b'"):
        build_study(tmp_path / "s", cases, find_systems_in(tmp_path / "run", cases), raters=1, questions=1)


def test_the_server_tells_a_rater_nothing_but_the_question(study: tuple[Path, StudyPlan]) -> None:
    folder, plan = study
    answers = Answers(f"sqlite:///{folder / 'answers.db'}")
    client = TestClient(study_app(folder, answers))
    mine, other = (f"/r/{rater.token}" for rater in plan.raters)
    told = client.get(f"{mine}/question").json()
    item = plan.items[plan.raters[0].questions[0].item]
    assert told == {"done": 0, "of": 4, "text": plan.text, "number": 0, "prompt": item.prompt, "videos": 2}
    page = client.get(mine)
    assert page.status_code == 200 and "default-src 'self'" in page.headers["content-security-policy"]
    for path in (mine, f"{mine}/question", f"{mine}/video/0/0", f"{mine}/image/0", "/page/study.js"):
        answer = client.get(path)
        said = f"{answer.headers} {answer.content[:100000]!r}"
        assert answer.status_code == 200 and "etag" not in answer.headers
        assert not any(word in said for word in ("ours", "dynami", *item.videos.values())) or path == "/page/study.js"
    part = client.get(f"{mine}/video/0/1", headers={"Range": "bytes=0-9"})
    assert part.status_code == 206 and len(part.content) == 10
    assert client.post(f"{mine}/answers/0", json={"ranking": [1, 0], "milliseconds": 5}).status_code == 204
    order = plan.raters[0].questions[0].order
    assert answers.all() == [Answer(0, 0, (order[1], order[0]), 5)]
    assert client.get(f"{mine}/question").json()["number"] == 1, "it goes on where it was"
    assert client.get(f"{other}/question").json()["done"] == 0
    client.post(f"{mine}/answers/0", json={"ranking": [0, 1], "milliseconds": 7})
    assert [answer.ranking for answer in answers.all()] == [order], "the latest counts"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/r/guess", 404), ("/r/guess/question", 404), ("/r/guess/video/0/0", 404), ("/r/T/video/9/0", 404),
        ("/r/T/video/0/9", 404), ("/r/T/image/9", 404), ("/page/plan.json", 404), ("/page/..%2fplan.py", 404),
        ("/", 404), ("/plan.json", 404),
    ],
)  # fmt: skip
def test_what_is_not_a_raters_is_not_there(study: tuple[Path, StudyPlan], path: str, status: int) -> None:
    folder, plan = study
    client = TestClient(study_app(folder, Answers(f"sqlite:///{folder / 'answers.db'}")))
    assert client.get(path.replace("/T/", f"/{plan.raters[0].token}/")).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'{"ranking": [0, 0], "milliseconds": 1}', b'{"ranking": [0], "milliseconds": 1}',
        b'{"ranking": [0, 1, 2], "milliseconds": 1}', b'{"ranking": [true, false], "milliseconds": 1}',
        b'{"ranking": [0, 1], "milliseconds": -1}', b'{"ranking": [0, 1], "milliseconds": 1e400}',
        b'{"ranking": ["0", 1], "milliseconds": 1}', b'{"ranking": [0, 1]}', b"[" * 3000, b"x" * 9000,
    ],
)  # fmt: skip
def test_what_is_no_strict_ranking_is_refused(study: tuple[Path, StudyPlan], body: bytes) -> None:
    folder, plan = study
    answers = Answers(f"sqlite:///{folder / 'answers.db'}")
    client = TestClient(study_app(folder, answers))
    answer = client.post(f"/r/{plan.raters[0].token}/answers/0", content=body)
    assert answer.status_code == (413 if len(body) > 4096 else 422) and not answers.all()


def test_a_database_that_cannot_be_used_is_named_without_its_password() -> None:
    with pytest.raises(InputError, match="The sqlite database cannot be used"):
        Answers("sqlite:////nowhere/at/all/secret.db")
    with pytest.raises(InputError, match="'nonsense' database is none that is known"):
        Answers("nonsense://user:password@host/db")
