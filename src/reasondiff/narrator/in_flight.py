"""Questions to a server, several of them in flight at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeVar

__all__ = ["in_flight"]

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def in_flight(
    questions: Sequence[Question], answer: Callable[[Question], Answer], concurrency: int
) -> Iterator[Answer]:
    """One answer per question, as they come. Closing the iterator lets no further question be asked.

    Args:
        questions: all of them.
        answer: safe to call from several threads; returns its errors and raises none.
        concurrency: questions in flight at the same time.
    """
    waiting, answers = SimpleQueue[Question](), SimpleQueue[Answer]()
    for question in questions:
        waiting.put(question)
    stopped = Event()

    def work() -> None:
        while not stopped.is_set():
            try:
                question = waiting.get_nowait()
            except Empty:
                return
            answers.put(answer(question))

    # Daemons: a batch that is interrupted ends now, not when the last server has answered.
    for number in range(min(concurrency, len(questions))):
        Thread(target=work, name=f"question-{number}", daemon=True).start()
    try:
        for _ in questions:
            yield answers.get()
    finally:
        stopped.set()
