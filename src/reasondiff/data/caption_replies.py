"""The replies to caption requests: each is asked for once, kept as it comes, here or on other machines."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Protocol

from PIL import Image

from reasondiff.data.captioning import Caption, Captioner
from reasondiff.data.captions import Per, caption_frames
from reasondiff.data.records import digest
from reasondiff.data.sample import ClipRecord
from reasondiff.data.workers import Over
from reasondiff.errors import InputError, OutputError, ReasonDiffError
from reasondiff.media import video_frames
from reasondiff.narrator import Provider, load_provider
from reasondiff.timeline import Timeline

__all__ = ["REPLIES", "Asked", "Kept", "Replies", "collect_replies", "manner", "told_of"]

REPLIES = "caption-replies.jsonl"


class Kept(Protocol):
    """Where replies are kept, by the digest of their question."""

    def get(self, question: str, count: int) -> list[str] | None:
        """So many texts; None where the question was not asked."""

    def put(self, question: str, texts: list[str]) -> None:
        """Keep a reply."""


@dataclass(frozen=True)
class Asked:
    """A model to be asked, by its name: other processes load their own.

    Args:
        narrator: as of ``load_provider``, and so are the others.
        url: of a server.
        api: that it speaks.
        timeout: seconds.
    """

    narrator: str
    url: str | None = None
    api: str | None = None
    timeout: float | None = None

    def load(self) -> Provider:
        """It, ready to be asked."""
        return load_provider(self.narrator, url=self.url, api=self.api, timeout=self.timeout)


def manner(captioner: Captioner) -> object:
    """The model and how it is asked; where it is served may change from one day to the next."""
    model = {key: value for key, value in captioner.provider.identity.items() if key != "url"}
    return [sorted(model.items()), captioner.version, captioner.max_tokens]


def questions_about(clip: ClipRecord, captioner: Captioner, per: Per, stride: int) -> dict[str, list[int]]:
    """The requests for a clip by their digest, in order: which pixel frames each shows, 0-based."""
    numbers = caption_frames(per, Timeline(clip.num_frames, stride))
    groups = [numbers] if per == "clip" else [[number] for number in numbers]
    return {digest(clip.id, group, manner(captioner)): group for group in groups}


def told_of(folder: Path, clip: ClipRecord, captioner: Captioner, per: Per, stride: int, replies: Kept) -> list[str]:
    """The model's own words for each of a clip's frames that are looked at; asked for where no reply is known.

    Raises:
        ReasonDiffError: the model declined, or cannot be asked; what it has told is in ``replies``.
    """
    frames: dict[int, Image.Image] | None = None
    raw: list[str] = []
    for question, group in questions_about(clip, captioner, per, stride).items():
        texts = replies.get(question, len(group))
        if texts is None:
            frames = frames or _frames(folder / clip.path, caption_frames(per, Timeline(clip.num_frames, stride)))
            one = replace(captioner, together=len(group), hygiene=False)
            seconds = stride * clip.step if per != "frame" else clip.step
            told: list[Caption] = one.caption([frames[number] for number in group], interval=seconds)
            texts = [each.text for each in told]
            replies.put(question, texts)
        raw += texts
    return raw


def _frames(path: Path, numbers: Sequence[int]) -> dict[int, Image.Image]:
    """Some frames of a clip, by their number.

    Raises:
        InputError: the clip is damaged or shorter than it should be.
    """
    wanted = set(numbers)
    found = {number: Image.fromarray(frame) for number, frame in enumerate(video_frames(path)) if number in wanted}
    if len(found) < len(wanted):
        raise InputError(f"{str(path)!r} has fewer frames than its record; run reasondiff data sample again.")
    return found


class Replies:
    """Every reply to a caption request, kept as it comes; a line that a kill has cut off is left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, list[str]] = {}
        self._lock = Lock()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Replies:
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.is_file() else []
        for line in lines:
            try:
                row = json.loads(line)
                self._known[row["question"]] = [str(text) for text in row["texts"]]
            except (ValueError, TypeError, KeyError):
                continue
        try:
            self._file = self.path.open("ab")
        except OSError as error:
            raise OutputError(self.path, error.errno) from None
        if lines and not lines[-1].endswith(b"\n"):
            self._file.write(b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    def get(self, question: str, count: int) -> list[str] | None:
        texts = self._known.get(question)
        return texts if texts is not None and len(texts) == count else None

    def among(self, questions: Iterable[str]) -> dict[str, list[str]]:
        """The replies to these that are known."""
        return {question: self._known[question] for question in questions if question in self._known}

    def put(self, question: str, texts: list[str]) -> None:
        line = json.dumps({"question": question, "texts": texts}, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            self._known[question] = texts
            if self._file is None:  # the run has ended meanwhile
                return
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())


@dataclass(frozen=True)
class _Request:
    """A clip that is asked for in another process, and what is known of it."""

    folder: Path
    clip: ClipRecord
    asked: Asked
    per: Per
    stride: int
    known: Mapping[str, list[str]]


@dataclass
class _Fresh:
    """Replies in memory; ``new`` are those that were asked for."""

    known: Mapping[str, list[str]]
    new: dict[str, list[str]] = field(default_factory=dict)

    def get(self, question: str, count: int) -> list[str] | None:
        texts = self.known.get(question)
        return texts if texts is not None and len(texts) == count else None

    def put(self, question: str, texts: list[str]) -> None:
        self.new[question] = texts


def collect_replies(
    folder: Path,
    clips: Sequence[ClipRecord],
    asked: Asked,
    per: Per,
    over: Over,
    *,
    stride: int = 4,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Ask for clips in other processes, and keep every reply as it comes; what fails is left for ``caption_set``.

    Args:
        folder: of the set, which those processes see under the same name.
        clips: that are to be asked for.
        asked: the model.
        per: what a text describes.
        over: where it is asked.
        stride: pixel frames per latent frame after the first.
        progress: called with the number of clips that were asked for, and of all.

    Raises:
        OutputError: there is no room; what is kept stays.
    """
    with Replies(folder / REPLIES) as replies:
        captioner = Captioner(asked.load())
        requests = [
            _Request(folder, clip, asked, per, stride, replies.among(questions_about(clip, captioner, per, stride)))
            for clip in clips
        ]
        for number, new in enumerate(over(_answers, requests), 1):
            for question, texts in new.items():
                try:
                    replies.put(question, texts)
                except OSError as error:
                    raise OutputError(folder / REPLIES, error.errno) from None
            if progress is not None:
                progress(number, len(requests))


@lru_cache(maxsize=1)
def _loaded(asked: Asked) -> Provider:
    return asked.load()


def _answers(request: _Request) -> dict[str, list[str]]:
    fresh = _Fresh(request.known)
    with suppress(ReasonDiffError):  # asked again, and told of, by the one who collects
        told_of(request.folder, request.clip, Captioner(_loaded(request.asked)), request.per, request.stride, fresh)
    return fresh.new
