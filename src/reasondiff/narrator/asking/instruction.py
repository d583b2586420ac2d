"""What a narrator is told: versioned prompt files, filled in."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from PIL import Image

from reasondiff.narrative import Narrative
from reasondiff.narrator.asking.form import Form, write_reply
from reasondiff.narrator.providers.base import Message
from reasondiff.narrator.reading.texts import without_markup

__all__ = ["Instruction", "fill", "read_prompt"]


@cache
def read_prompt(name: str) -> str:
    """The text of a file in ``narrator/asking/prompts``."""
    return resources.files("reasondiff.narrator.asking").joinpath("prompts", name).read_text(encoding="utf-8").strip()


def fill(template: str, **values: object) -> str:
    """Put values in the place of ``{name}``; other braces, and braces inside the values, stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda match: str(values.get(match[1], match[0])), template)


@dataclass(frozen=True)
class Instruction:
    """How a narrator is asked: the paper's three-part instruction (Sec. 3.2) with in-context examples.

    Args:
        version: of the prompt files.
        template: a short instruction instead, for a model trained on it; it holds ``{prompt}`` and may hold
            ``{num_frames}`` and ``{interval}``.
        examples: how many in-context examples to show at most. A list of f descriptions is long, so that form gets one.
    """

    version: str = "v1"
    template: str = ""
    examples: int = 3

    @property
    def fingerprint(self) -> str:
        """Changes with every word that a narrator is told."""
        names = ("narrate", "form.clips", "form.list", "user", "another", "reask", "rank")
        files = [read_prompt(f"{name}.{self.version}.txt") for name in names] + [self._example_file()]
        told = json.dumps([self.template, self.examples, *files])
        return f"{self.version}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    def messages(
        self,
        image: Image.Image,
        prompt: str,
        form: Form,
        num_frames: int,
        interval: float,
        told: Sequence[Narrative] = (),
        more: Sequence[Image.Image] = (),
        pinned: Mapping[int, int] | None = None,
    ) -> tuple[Message, ...]:
        """The conversation that asks for one story.

        Args:
            image: the condition image.
            prompt: the user's text; it is data, and braces in it are left alone.
            form: of the reply.
            num_frames: f.
            interval: seconds between frames.
            told: stories that were told already; another one is asked for.
            more: images beside the first, which are to be ordered and placed as well.
            pinned: frames of images that are placed already, by number, both 0-based.
        """
        times = {"num_frames": num_frames, "interval": f"{interval:g}", "duration": f"{num_frames * interval:.3g}"}
        if self.template:
            return (Message("user", fill(self.template, prompt=prompt, **times), (image,)),)
        shape, _, rules = read_prompt(f"form.{form}.{self.version}.txt").partition("\n")
        shape, rules = fill(shape, **times), fill(rules, **times)
        system = fill(read_prompt(f"narrate.{self.version}.txt"), format=shape, rules=rules, **times)
        if shown := self._examples(form, num_frames):
            system += "\n\nExamples, in which the image is given in words:\n\n" + "\n\n".join(shown)
        user = fill(read_prompt(f"user.{self.version}.txt"), prompt=prompt, **times)
        if told:
            listed = "\n".join(f"- position {story.anchor_frame + 1}: {_outline(story)}" for story in told)
            user += "\n\n" + fill(read_prompt(f"another.{self.version}.txt"), told=listed)
        if more:
            user += "\n\n" + self.several(1 + len(more), pinned or {})
        return Message("system", system), Message("user", user, (image, *more))

    def several(self, count: int, pinned: Mapping[int, int]) -> str:
        """What is said of several images, and of those that are placed already."""
        placed = (f"Image {image + 1} is at position {frame + 1}." for image, frame in sorted(pinned.items()))
        return " ".join([fill(read_prompt(f"images.{self.version}.txt"), count=count), *placed])

    def ask_again(self, faults: Sequence[str]) -> Message:
        """The complaint about a reply."""
        listed = "\n".join(f"- {fault}" for fault in faults)
        return Message("user", fill(read_prompt(f"reask.{self.version}.txt"), faults=listed))

    def _example_file(self) -> str:
        return read_prompt(f"examples.{self.version}.json")

    def _examples(self, form: Form, num_frames: int) -> list[str]:
        """In-context examples, retimed to f frames so that their numbers fit the question."""
        shown = []
        for example in json.loads(self._example_file())[: min(self.examples, 1 if form == "list" else 99)]:
            ends = [(clip["end"], clip["description"]) for clip in example["clips"]]
            story = Narrative.from_ends(
                ends, example["position"] - 1, ends[-1][0], style=example["style"], reasoning=example["reasoning"]
            )
            if num_frames >= len(story.clips):
                reply = write_reply(story.retime(num_frames), form, image_shows=example["image"])
                shown.append(f"Image: {example['image']}\nText prompt: {example['prompt']}\nReply: {reply}")
        return shown


def _outline(story: Narrative) -> str:
    return without_markup(" / ".join(clip.description for clip in story.clips))
