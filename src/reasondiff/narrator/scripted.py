"""A narrator that answers from a script, and one that reads a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from reasondiff.errors import InputError, ProviderError
from reasondiff.narrative import Narrative
from reasondiff.narrative.formats import read_narrative
from reasondiff.narrator.providers.base import Message, Provider, Reply
from reasondiff.narrator.vision_narrator import VisionNarrator

__all__ = ["FileNarrator", "ScriptedNarrator"]

Script = Mapping[str, Any] | Sequence[Any] | Callable[[Image.Image, str], Any]


class ScriptedNarrator:
    """Answers from a script, through the same parser, re-asks and repairs as a model's replies: for tests.

    Args:
        replies: what a model might reply. A mapping from prompt to one reply or to a list of replies used in order, a
            sequence used in order, or a callable of (image, prompt). A reply that is not a text is written as JSON.
        options: as of ``VisionNarrator``.
    """

    name = "scripted"

    def __init__(self, replies: Script, **options: Any) -> None:
        self._replies = replies
        self._options = options
        self._used: dict[str, int] = {}

    @classmethod
    def load(cls, path: str | Path, **options: Any) -> ScriptedNarrator:
        """From a JSON file that holds a mapping or a list of replies; ``options`` as above.

        Raises:
            InputError: the file cannot be read.
        """
        try:
            replies = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"The script {str(path)!r} cannot be read ({error.strerror}); check the path.") from None
        except ValueError as error:
            raise InputError(f"The script {str(path)!r} is not JSON ({error}); check its quotes and commas.") from None
        if not isinstance(replies, dict | list):
            raise InputError(f"The script {str(path)!r} holds no replies; give an object of prompts or a list.")
        return cls(replies, **options)

    def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
        """The next scripted reply to ``prompt`` as a narrative; see ``Narrator``.

        Raises:
            NarrationError: its replies are unusable.
            ProviderError: the script is at its end.
        """
        narrator = VisionNarrator(_Script(self._answers(image, prompt)), **self._options)
        return narrator.narrate(image, prompt, num_frames=num_frames, interval=interval)

    def narrate_images(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        num_frames: int,
        interval: float,
        pinned: Mapping[int, int] | None = None,
    ) -> Narrative:
        """The same for several images; a callable script is given the first."""
        narrator = VisionNarrator(_Script(self._answers(images[0], prompt)), **self._options)
        return narrator.narrate_images(images, prompt, num_frames=num_frames, interval=interval, pinned=pinned)

    def model_for(self, image: Image.Image, prompt: str) -> Provider:
        """Answers other questions by the same script, in the same order; see ``AsksModel``."""
        return _Script(self._answers(image, prompt))

    def _answers(self, image: Image.Image, prompt: str) -> Iterator[Any]:
        if callable(self._replies):
            while True:
                yield self._replies(image, prompt)
        replies, key = self._replies, ""
        if isinstance(replies, Mapping):
            if prompt not in replies:
                return
            replies, key = replies[prompt], prompt
            if not isinstance(replies, list):
                while True:
                    yield replies
        while (number := self._used.get(key, 0)) < len(replies):
            self._used[key] = number + 1
            yield replies[number]


@dataclass(frozen=True)
class _Script:
    answers: Iterator[Any]
    name: str = "scripted"
    identity: Mapping[str, Any] = field(default_factory=dict)

    def complete(self, messages: Sequence[Message], **_: Any) -> Reply:
        try:
            answer = next(self.answers)
        except StopIteration:
            raise ProviderError("The script has no reply left for this prompt; add one.") from None
        return Reply(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))


@dataclass(frozen=True)
class FileNarrator:
    """Tells the story of a narrative file, whatever the inputs.

    Args:
        path: a file in any of the forms of ``narrator.formats``.
    """

    path: Path

    @property
    def name(self) -> str:
        return f"file:{self.path}"

    def narrate(self, image: Image.Image, prompt: str, *, num_frames: int, interval: float) -> Narrative:
        """The file's story, in ``num_frames`` frames ``interval`` seconds apart; what had to change is recorded.

        Raises:
            InputError: the file cannot be read, or is no narrative.
        """
        told = read_narrative(self.path)
        story = replace(told.retime(num_frames), interval=interval)
        notes = list(told.provenance.get("notes", ()))
        if told.num_frames != num_frames:
            notes.append(f"retimed from {told.num_frames} to {num_frames} frames")
        record = {key: value for key, value in told.provenance.items() if key != "cached"}
        return replace(story, provenance={**record, "file": self.path.name, "notes": notes})

    def narrate_images(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        num_frames: int,
        interval: float,
        pinned: Mapping[int, int] | None = None,
    ) -> Narrative:
        """The same; whether the file places all images is seen by who asked."""
        return self.narrate(images[0], prompt, num_frames=num_frames, interval=interval)
