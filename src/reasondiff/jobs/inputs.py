"""What a video is to be made from, read and checked before the long work begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasondiff.cli.terminal import paths as checks
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    from reasondiff.narrative import Narrative

__all__ = ["Given"]


@dataclass(frozen=True)
class Given:
    """An image and a text, or a story instead of a text.

    Args:
        image: in mode RGB.
        prompt: the user's text; may be empty where there is a story.
        story: from a file, or None to ask the narrator.
        size: see ``checks.size``; None for the model's area at the image's aspect.
    """

    image: Image.Image = field(repr=False)
    prompt: str
    story: Narrative | None
    size: tuple[int, int | None] | None

    @classmethod
    def read(cls, image: Path, prompt: str, narrative: Path | None, size: str | None) -> Given:
        """From the command line's options.

        Raises:
            InputError: one of them cannot be used.
        """
        from reasondiff.media import load_image
        from reasondiff.narrative.formats import read_narrative

        prompt = checks.prompt(prompt)
        if not prompt and narrative is None:
            raise InputError("The prompt is empty; say in a few words what should happen.")
        return cls(
            size=checks.size(size) if size is not None else None,
            image=load_image(image),
            prompt=prompt,
            story=read_narrative(narrative) if narrative is not None else None,
        )

    def job(self, options: dict[str, Any]) -> dict[str, Any]:
        """These options and the size, for whether it fits into the GPU's memory."""
        if self.size is None:
            return options
        width, height = self.size
        return options | {"width": width, "height": height or width}
