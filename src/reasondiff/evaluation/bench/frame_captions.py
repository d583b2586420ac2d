"""What a captioner says of frames, kept: a caption is part of a benchmark, paid for, and not given twice alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from reasondiff.data.captioning import Captioner
from reasondiff.errors import InputError
from reasondiff.files import append_lines, atomic_path
from reasondiff.media import image_hash

__all__ = ["FrameCaptions"]


@dataclass
class FrameCaptions:
    """Captions of frames, from a file and else from a model.

    Args:
        file: JSON Lines of the benchmark that is built, ``image_sha256`` and ``caption``; it grows as captions come.
        given: of an earlier benchmark, whose captions are taken as they are.
        captioner: is asked for those that neither has; None asks nobody.
        name: of the captioner, as it stands in the manifest.
    """

    file: Path
    given: Path | None = None
    captioner: Captioner | None = None
    name: str = ""
    _known: dict[str, str] = field(default_factory=dict, repr=False)
    _used: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.given is not None:
            self._known |= _read(self.given)
        if self.file.exists():
            self._known |= _read(self.file)

    def of(self, frames: Sequence[Image.Image], interval: float) -> tuple[str, ...]:
        """One caption per frame.

        Args:
            frames: of one clip.
            interval: seconds between them.

        Raises:
            InputError: a frame has no caption, and nobody can be asked.
            NarrationError: the model declines.
            ProviderError: it could not be asked.
        """
        hashes = [image_hash(frame) for frame in frames]
        missing = [place for place, each in enumerate(hashes) if each not in self._known]
        if missing and self.captioner is None:
            raise InputError(f"{len(missing)} of its frames have no caption in {str(self.given)!r}")
        if self.captioner is not None:
            for start in range(0, len(missing), self.captioner.together):
                group = missing[start : start + self.captioner.together]
                told = self.captioner.caption([frames[place] for place in group], interval=interval)
                self._keep({hashes[place]: caption.text for place, caption in zip(group, told, strict=True)})
        found = {each: self._known[each] for each in hashes}
        self._used |= found
        return tuple(found[each] for each in hashes)

    def _keep(self, captions: dict[str, str]) -> None:
        self._known |= captions
        self.file.parent.mkdir(parents=True, exist_ok=True)
        append_lines(self.file, _lines(captions))

    def keep_used(self) -> None:
        """Write the file anew with what the benchmark needs, in the order of its frames."""
        with atomic_path(self.file) as partial:
            partial.write_text(_lines(self._used), encoding="utf-8")


def _lines(captions: dict[str, str]) -> str:
    rows = ({"image_sha256": each, "caption": caption} for each, caption in captions.items())
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _read(path: Path) -> dict[str, str]:
    """Captions by the hash of their image; a line that a kill cut off is left out.

    Raises:
        InputError: there is no such file, or it holds other things.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "its text is not UTF-8"
        raise InputError(f"{str(path)!r} cannot be read ({reason}); give a benchmark's captions.jsonl.") from None
    found = {}
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            row = json.loads(line)
            found[str(row["image_sha256"])] = str(row["caption"])
        except (ValueError, KeyError, TypeError):
            if number == len(lines):
                continue
            raise InputError(f"Line {number} of {str(path)!r} is no caption of a frame; give another file.") from None
    return found
