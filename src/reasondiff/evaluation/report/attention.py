"""Attention strips of a run (Figure 7): where a video looks when it reads the name of what the image shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from reasondiff.evaluation.outputs import Failure
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Case
from reasondiff.media import contact_sheet
from reasondiff.pipeline.word_attention import watch_word

__all__ = ["FOLDER", "draw_attention"]

FOLDER = "attention"
"""Of a run, where the report looks for strips."""


def draw_attention(cases: Sequence[Case], using: Resources) -> list[Path]:
    """Draw strips of cases whose story names what their image shows; strips that are there stay.

    Args:
        cases: with a ``label``, what the image shows in a word.
        using: has the model, the stories and the folder.

    Returns:
        The pictures.
    """
    drawn = []
    for case in cases:
        story = using.story_of(case)
        path = using.folder / FOLDER / f"{case.id}-{case.label}.png"
        if isinstance(story, Failure) or not _names(story.per_frame(), case.label):
            continue
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            watched = watch_word(using.pipe, case.image, case.prompt, case.label, narrative=story, seed=case.seed)
            contact_sheet(watched.strips(), path, title=case.prompt)
        drawn.append(path)
    return drawn


def _names(descriptions: Sequence[str], word: str) -> bool:
    return bool(word) and any(re.search(rf"\b{re.escape(word)}\b", text) for text in descriptions)
