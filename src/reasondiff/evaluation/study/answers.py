"""Answers in a database: written before they are confirmed, never changed, the latest of a question counts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from reasondiff.web.database import Database

__all__ = ["Answer", "Answers"]

_METADATA = sa.MetaData()

_ANSWERS = sa.Table(
    "study_answers",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("rater", sa.Integer, nullable=False, index=True),
    sa.Column("question", sa.Integer, nullable=False),
    sa.Column("ranking", sa.JSON, nullable=False),
    sa.Column("milliseconds", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)


@dataclass(frozen=True)
class Answer:
    """One ranking.

    Args:
        rater: index among the study's.
        question: index among the rater's.
        ranking: methods, the best first.
        milliseconds: that the rater took.
    """

    rater: int
    question: int
    ranking: tuple[str, ...]
    milliseconds: int


class Answers:
    """The answers of a study.

    Args:
        url: see ``Database``.

    Raises:
        InputError: there is no such database.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, _METADATA)

    def add(self, answer: Answer) -> None:
        """Write an answer; when this returns, it survives whatever comes."""
        row = {
            "rater": answer.rater,
            "question": answer.question,
            "ranking": list(answer.ranking),
            "milliseconds": answer.milliseconds,
            "at": time.time(),
        }
        with self._database.writing() as connection:
            connection.execute(_ANSWERS.insert(), row)

    def answered(self, rater: int) -> set[int]:
        """The questions that a rater has answered."""
        asked = sa.select(_ANSWERS.c.question).where(_ANSWERS.c.rater == rater)
        with self._database.reading() as connection:
            return {int(row.question) for row in connection.execute(asked)}

    def all(self) -> Sequence[Answer]:
        """The latest answer to every question, by rater and question."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(_ANSWERS).order_by(_ANSWERS.c.id)).all()
        latest = {}
        for row in rows:
            latest[row.rater, row.question] = Answer(row.rater, row.question, tuple(row.ranking), row.milliseconds)
        return [latest[key] for key in sorted(latest)]

    def close(self) -> None:
        """Let go of the connections."""
        self._database.close()
