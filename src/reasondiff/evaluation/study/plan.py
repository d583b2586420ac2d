"""Who is shown what, in which order: balanced, drawn by a seed, and fixed before the first rater comes."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from reasondiff.errors import InputError
from reasondiff.files import atomic_path

__all__ = ["PLAN", "Item", "Question", "Rater", "StudyPlan", "assign"]

PLAN = "plan.json"
"""In the study's folder. It says which method made which video: the server reads it, and gives it to nobody."""

FORMAT = 1

SPOILED = "spoiled"
"""Stands for a method whose video anybody sees to be the worst."""

Kind = Literal["plain", "repeat", "attention"]


@dataclass(frozen=True)
class Item:
    """A case with its videos.

    Args:
        case: its id.
        prompt: the given text.
        videos: the name of the file by method; the name says nothing.
        spoiled: the name of a video of noise, for attention questions.
        image: the name of the given image's file.
    """

    case: str
    prompt: str
    videos: Mapping[str, str]
    spoiled: str
    image: str


@dataclass(frozen=True)
class Question:
    """One ranking that a rater is asked for.

    Args:
        item: index among the study's.
        order: the methods from left to right.
        kind: ``repeat`` asks a question of before again; ``attention`` has one video that anybody ranks last.
    """

    item: int
    order: tuple[str, ...]
    kind: Kind = "plain"


@dataclass(frozen=True)
class Rater:
    """A rater.

    Args:
        token: in the link; nobody can guess it.
        questions: in order.
    """

    token: str = field(repr=False)
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class StudyPlan:
    """A whole study.

    Args:
        text: the question that is asked of every item.
        methods: whose videos are ranked.
        items: all of them.
        raters: all of them.
        seed: of the assignment.
    """

    text: str
    methods: tuple[str, ...]
    items: tuple[Item, ...]
    raters: tuple[Rater, ...]
    seed: int

    def save(self, folder: Path) -> None:
        with atomic_path(folder / PLAN) as partial:
            partial.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> StudyPlan:
        """Read a study's plan.

        Raises:
            InputError: there is none, or it is damaged.
        """
        try:
            data = json.loads((folder / PLAN).read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                raise InputError(f"{str(folder)!r} is a study of format {data['format']}; build it again.")
            items = tuple(Item(**item) for item in data["items"])
            raters = tuple(_rater(rater) for rater in data["raters"])
            return cls(data["text"], tuple(data["methods"]), items, raters, data["seed"])
        except FileNotFoundError:
            raise InputError(f"{str(folder)!r} is no study; make one with 'study build'.") from None
        except InputError:
            raise
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{str(folder / PLAN)!r} is damaged; build the study again.") from None


def _rater(data: Mapping[str, Any]) -> Rater:
    questions = tuple(Question(each["item"], tuple(each["order"]), each["kind"]) for each in data["questions"])
    return Rater(data["token"], questions)


def assign(
    methods: Sequence[str], items: int, tokens: Sequence[str], questions: int, seed: int, *, checks: bool = True
) -> tuple[Rater, ...]:
    """Questions for every rater.

    Items are shown equally often, or once more; within an item every method stands equally often at every place, or
    once more (a cyclic Latin square). At the end a rater is asked one question again, in another order, and somewhere
    in the second half one whose worst video is of noise.

    Args:
        methods: two or more.
        items: how many there are.
        tokens: one per rater.
        questions: that count, per rater.
        seed: of all draws.
        checks: with the repeated and the attention question.

    Raises:
        InputError: more questions than items, or fewer than two methods.
    """
    if len(methods) < 2:
        raise InputError(f"{len(methods)} methods cannot be ranked; give two or more.")
    if not 1 <= questions <= items:
        raise InputError(f"A rater cannot be asked {questions} questions about {items} cases; give 1 to {items}.")
    rng = random.Random(f"study/{seed}")
    deck = list(range(items))
    rng.shuffle(deck)
    base = [rng.sample(list(methods), len(methods)) for _ in range(items)]
    shown = [0] * items

    def question(item: int, kind: Kind) -> Question:
        turn = shown[item] % len(methods)
        shown[item] += 1
        return Question(item, tuple(base[item][turn:] + base[item][:turn]), kind)

    raters = []
    for number, token in enumerate(tokens):
        mine = [deck[(number * questions + place) % items] for place in range(questions)]
        rng.shuffle(mine)
        asked = [question(item, "plain") for item in mine]
        if checks:
            asked = _with_checks(asked, methods, rng)
        raters.append(Rater(token, tuple(asked)))
    return tuple(raters)


def _with_checks(asked: list[Question], methods: Sequence[str], rng: random.Random) -> list[Question]:
    """The questions with an attention question in their second half and the first of them once more at the end."""
    again = asked[0]
    order = list(again.order)
    while tuple(order) == again.order:
        rng.shuffle(order)
    repeat = Question(again.item, tuple(order), "repeat")
    kept = rng.sample(list(methods), len(methods) - 1)
    attentive = [*kept, SPOILED]
    rng.shuffle(attentive)
    attention = Question(rng.choice(asked).item, tuple(attentive), "attention")
    place = rng.randint((len(asked) + 1) // 2, len(asked))
    return [*asked[:place], attention, *asked[place:], repeat]
