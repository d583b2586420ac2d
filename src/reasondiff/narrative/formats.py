"""Stories in the files people have, told apart by their content.

- ours, and the paper's ``{"position", "descriptions"}`` (see ``narrative.py``);
- Prompt Relay's ``{"global_prompt", "local_prompts", "segment_lengths"}``, lengths in latent frames;
- the released research code's text: a caption a line and, optionally, a line ``cond_idx: N``;
- a line of ``reasondiff narrate --batch``.

Ours is what is written: ``Narrative.save``. Schedules of other programs are refused: taken for captions, they would
make a story of their frame numbers.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from pathlib import Path

from reasondiff.errors import InputError, NarrativeError
from reasondiff.narrative import Narrative
from reasondiff.timeline import Timeline

__all__ = ["parse_narrative", "read_narrative"]

MAX_BYTES = 2**24
MAX_FRAMES = 10_000

READ = (
    "a narrative of ours, {'position', 'descriptions'}, Prompt Relay's {'global_prompt', 'local_prompts', "
    "'segment_lengths'}, or a caption a line"
)
"""The known forms, for a refusal."""

_RELAY_KEYS = ("global_prompt", "local_prompts", "segment_lengths")

_KEYED = re.compile(r"""(?:-\s+)?[\[({"'@]*[\w.+-]+["'\])}]*(?:\s*(?:-|-->|to|\.\.)\s*[\w.:,]+["'\])}]*)?\s*[:=|]""")
"""``0: text``, ``"16": text``, ``[0-16]: text``, ``prompt = text``, ``- frame: 0``, ``00:00:01,000 --> ...``."""

_NUMBERED = re.compile(
    r"[\[({<\"'@#]*(?:[A-Za-z]+ ?#?)?\d[\d.:]*(?:\s*(?:-|–|to|\.\.)\s*\d[\d.:]*)?(?:s|ms|f|sec)?"
    r"(?:\s*[])}>|:=;,\t]|\s+[-–—]\s|\s*\.\s|(?<=s)\s|(?<=f)\s)"
)
"""``Frame 0: text``, ``Scene 2 - text``, ``1. text``, ``1) text``, ``[0-16] text``, ``0,text``, ``0s text``."""

_BRACKETED = re.compile(r"[\[{]\s*\d[\d.:,\s–-]*(?:s|ms|f|sec)?\s*[\]}]\s*\w")
"""``[0-16] text``, which begins like JSON."""

_LISTED = re.compile(r"(?:[-*+•]|#{1,6})\s+\S")
"""A line of Markdown's lists, or one of its titles."""

_COLUMNS = {"caption", "description", "duration", "end", "file_name", "frame", "prompt", "start", "text", "time"}
"""A table of other programs has one of these columns."""

_MARKUP = re.compile(r"\s*(?:<|#!|---\s*$|import\s+\w|from\s+\w+\s+import\b|def\s+\w+\(|class\s+\w+|WEBVTT)")
"""How HTML, scripts, YAML and subtitles begin."""


def read_narrative(path: str | Path, *, stride: int = 4) -> Narrative:
    """Read a story from a file of any of the known forms.

    Args:
        path: a UTF-8 file of at most 16 MiB.
        stride: pixel frames per latent frame, for the form that counts latent frames.

    Raises:
        InputError: the file cannot be read.
        NarrativeError: it holds no story; the message starts with its name.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"There is no narrative file {str(path)!r}; write one with 'reasondiff narrate'.") from None
    except UnicodeDecodeError:
        raise NarrativeError(f"The narrative file {str(path)!r} is not UTF-8 text; save it as such.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"The narrative file {str(path)!r} cannot be read: {reason}; check the path.") from None
    if len(content) > MAX_BYTES:
        raise NarrativeError(f"The narrative file {str(path)!r} is over {MAX_BYTES:,} bytes; it is not a narrative.")
    try:
        return parse_narrative(text, stride=stride)
    except NarrativeError as error:
        raise NarrativeError(f"{path.name}: {error}") from None


def parse_narrative(text: str, *, stride: int = 4) -> Narrative:
    """Read a story from a file's content; JSON is known by its first character.

    Raises:
        NarrativeError: it is none of the known forms.
    """
    if not text.strip():
        raise NarrativeError("The file is empty; write a narrative with 'reasondiff narrate'.")
    if text.lstrip()[0] not in "{[" or _BRACKETED.match(text.lstrip()):
        return _from_lines(text)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        if str(error).startswith("Extra data") and '"narrative"' in text.splitlines()[0]:
            raise NarrativeError("The file holds many rows of a batch; put one of its lines into a file.") from None
        raise NarrativeError(f"This is not JSON ({error}); check its quotes and commas.") from None
    if isinstance(data, dict) and "local_prompts" in data:
        return _from_prompt_relay(data, stride)
    if isinstance(data, dict) and {"key", "status"} <= data.keys():
        return _from_batch_line(data)
    return Narrative.from_dict(data)


def _from_batch_line(data: dict[str, object]) -> Narrative:
    if "narrative" not in data:
        raise NarrativeError(f"This row of a batch has no story ({data.get('error')}); take another row.")
    return Narrative.from_dict(data["narrative"])


def _from_lines(text: str) -> Narrative:
    """The released code's text. Its index is 0-based; without one that code places the image last."""
    captions, frame = [], None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    _check_captions(lines)
    for line in lines:
        if match := re.match(r"cond_idx\s*:\s*(.*)", line, re.IGNORECASE):
            if frame is not None or not re.fullmatch(r"-?\d{1,9}", match[1]):
                raise NarrativeError(f"The line {line[:80]!r} is not one index; write 'cond_idx: 0', once.")
            frame = int(match[1])
        else:
            captions.append(line)
    if not captions:
        raise NarrativeError("The file has no captions; write one a line, as many as frames.")
    if len(captions) > MAX_FRAMES:
        raise NarrativeError(f"The file has {len(captions):,} lines, more than a video has frames; give one per frame.")
    last = len(captions) - 1
    return Narrative.from_descriptions(captions, last if frame in (None, -1) else int(frame))


def _check_captions(lines: list[str]) -> None:
    """Raise ``NarrativeError`` for what is no list of captions: a script, a page, a table, a schedule with keys."""
    captions = [line for line in lines if not line.lower().startswith("cond_idx")]
    kind = _other_kind(captions) if captions else None
    if kind:
        raise NarrativeError(f"The line {captions[0][:60]!r} looks like {kind}; what is read is {READ}.")


def _other_kind(lines: list[str]) -> str | None:
    """What the lines are, if they are no captions."""
    if _MARKUP.match(lines[0]):
        return "a file of another kind"
    if _names_columns(lines[0]):
        return "a table"
    if any("-->" in line for line in lines) or all(map(_is_scheduled, lines)):
        return "a schedule"
    if all(map(_LISTED.match, lines)):
        return "a list of Markdown's"
    if all(" | " in line for line in lines):
        return "many prompts in one line"
    return None


def _is_scheduled(line: str) -> bool:
    return bool(_KEYED.match(line) or _NUMBERED.match(line))


def _names_columns(line: str) -> bool:
    cells = [cell.strip(' "').lower() for cell in re.split(r"[,;|\t]", line)]
    return len(cells) > 1 and all(re.fullmatch(r"\w+", cell) for cell in cells) and not _COLUMNS.isdisjoint(cells)


def _from_prompt_relay(data: dict[str, object], stride: int) -> Narrative:
    """Prompt Relay's JSON. It places no image; image-to-video models that it drives take theirs first."""
    if unknown := sorted(set(data) - set(_RELAY_KEYS)):
        raise NarrativeError(
            f"The key {unknown[0]!r} beside 'local_prompts' is not read; give {', '.join(map(repr, _RELAY_KEYS))} "
            "only, lengths in latent frames."
        )
    prompts, lengths, style = data["local_prompts"], data.get("segment_lengths"), data.get("global_prompt", "")
    if isinstance(prompts, str):
        prompts = [prompt.strip() for prompt in prompts.split("|")]
    if isinstance(lengths, str) and re.fullmatch(r"\s*\d{1,5}(\s*[,|]\s*\d{1,5})*\s*", lengths):
        lengths = [int(length) for length in re.split(r"[,|]", lengths)]
    if (
        not isinstance(style, str)
        or not isinstance(prompts, list)
        or not all(isinstance(text, str) for text in prompts)
    ):
        raise NarrativeError("'global_prompt' or 'local_prompts' has another shape; give a text and a list of texts.")
    if not isinstance(lengths, list) or not all(
        type(length) is int and 1 <= length <= MAX_FRAMES for length in lengths
    ):
        raise NarrativeError(f"'segment_lengths' is {str(lengths)[:80]}; give a list of counts of latent frames.")
    if len(lengths) != len(prompts) or not prompts:
        raise NarrativeError(f"{len(prompts)} prompts have {len(lengths)} lengths; give one length per prompt.")
    if sum(lengths) > MAX_FRAMES:
        raise NarrativeError(f"The lengths add up to {sum(lengths):,} latent frames; no video is that long.")
    timeline = Timeline.from_latent(sum(lengths), stride)
    ends = [timeline.frames_of(end - 1).stop for end in accumulate(lengths)]
    return Narrative.from_ends(zip(ends, prompts, strict=True), 0, timeline.num_frames, style=style)
