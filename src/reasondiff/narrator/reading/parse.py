"""A reply, as models really write it, to a narrative.

One pure function. What the reply says beyond doubt is *recovered*; a fault is named, so that the narrator can be asked
again, together with the best repair, which stays unused unless the narrator fails again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reasondiff.narrative import Narrative
from reasondiff.narrator.reading.consistency import story_faults
from reasondiff.narrator.reading.draft import DraftReply, read_draft, read_script
from reasondiff.narrator.reading.loose_json import LenientValue, decode_twice, find_values
from reasondiff.narrator.reading.spans import place_anchor, place_items
from reasondiff.narrator.reading.texts import clean, is_ellipsis, is_placeholder, shorten

__all__ = ["THINKING", "Parsed", "is_refusal", "parse"]

MAX_REPLY = 256 * 1024
"""Characters of a reply that are read: four times the longest list of 81 descriptions that was asked for."""

LIMITS = {"description": 600, "style": 600, "reasoning": 4000, "image": 600}
"""Characters kept of each text, twice what the schema allows or more; umT5 reads 512 tokens."""

THINKING = re.compile(r"<(think|thinking|thought|reasoning|reflection)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
"""What a model thinks before it answers."""

_REFUSAL = re.compile(
    r"\b(?:i'?m sorry|i am sorry|i apologi[sz]e|i (?:can(?:no|')?t|am unable to|'m unable to|won'?t|will not) "
    r"(?:assist|help|comply|do|provide|create|generate|fulfil|continue|process|identify|describe)|as an ai\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Parsed:
    """What a reply told.

    Args:
        narrative: valid, covering every frame exactly once; None if the reply holds no story.
        faults: sentences to the narrator, precise enough to correct the reply; empty if the reply stands.
        repairs: what was changed or invented to make ``narrative`` valid.
        notes: what was only read differently; nothing was changed.
        image_shows: what the narrator said that the image shows.
        refused: the narrator declined; asking again the same way is no use.
    """

    narrative: Narrative | None
    faults: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    image_shows: str = ""
    refused: bool = False

    @property
    def recovered(self) -> bool:
        """The story is the writer's own in position, boundaries and texts."""
        return self.narrative is not None and not self.faults and not self.repairs


def parse(reply: str, num_frames: int, interval: float = 0.2, *, cut: bool = False, refusal: str = "") -> Parsed:
    """Read a reply.

    Args:
        reply: the narrator's text, in any shape.
        num_frames: f, the frames that were asked for.
        interval: seconds between frames, for replies written in seconds.
        cut: the narrator was stopped by its token limit.
        refusal: the narrator's refusal, where the server names it.

    Returns:
        What the reply told. It never raises for what a reply holds.
    """
    if refusal:
        return Parsed(None, (f"You declined: {shorten(clean(refusal), 300)}",), refused=True)
    if not reply.strip():
        return Parsed(None, ("Your reply was empty.",))
    if len(reply) > MAX_REPLY:
        return Parsed(None, (f"Your reply has {len(reply):,} characters; keep it below {MAX_REPLY:,}.",))
    text = THINKING.sub("", reply)
    notes = ["a passage of thinking left out"] if text != reply else []
    if cut and not text.strip():
        return Parsed(None, ("You used all tokens for thinking; think less, and write the story.",))
    decoded = decode_twice(text)
    notes += ["decoded twice"] * (decoded != text)
    text = decoded
    draft, found, cut = _choose(text, cut)
    if draft is None:
        if not found and is_refusal(text):
            return Parsed(None, (f"You declined: {shorten(clean(text), 300)}",), refused=True)
        fault = (
            "Your reply was cut off before the story."
            if cut
            else "Your reply holds no JSON object with position and clips."
        )
        return Parsed(None, (fault,))
    notes += found.notes if found else ["read without JSON"]
    return _tell(draft, num_frames, interval, cut, notes)


def is_refusal(text: str) -> bool:
    """A short text that declines instead of answering."""
    return len(text) < 2000 and _REFUSAL.search(text.replace("’", "'")) is not None


def _choose(text: str, cut: bool) -> tuple[DraftReply | None, LenientValue | None, bool]:
    """The last story in the text (an earlier one may be a draft, or quoted from the prompt), and whether it was cut."""
    values = find_values(text)
    last: tuple[DraftReply, LenientValue] | None = None
    for value in reversed(values):
        draft = read_draft(value.value)
        if not draft or not draft.items:
            continue
        if draft.position:  # better than a later one that has none
            last = draft, value
            break
        last = last or (draft, value)
    if last:
        draft, value = last
        return draft, value, value.cut or (cut and not value.closed)

    was_cut = cut or any(value.cut for value in values)
    script = read_script(text)
    if script or not values:
        return script, None, was_cut
    return None, values[-1], was_cut


def _tell(draft: DraftReply, num_frames: int, interval: float, cut: bool, notes: list[str]) -> Parsed:
    """A draft as a narrative, with its faults and repairs."""
    faults: list[str] = []
    if cut:
        faults.append("Your reply was cut off before its end; write shorter descriptions or fewer clips.")
    items = list(draft.items)
    if any(item.elided for item in items):
        faults.append("Your reply leaves descriptions out with an ellipsis; write every description in full.")
        items = [item for item in items if not item.elided]
    if not any(_usable(item.text) for item in items):
        return Parsed(None, (*faults, "Your reply holds no descriptions."), notes=tuple(notes))
    placed = place_items(items, num_frames, interval, cut=cut)
    faults += placed.faults
    texts, text_faults, repairs = _texts([items[n].text for n in placed.order])
    faults += text_faults
    ends, kept = _owners(placed.ends, texts, num_frames)
    image_shows = shorten(clean(draft.image), LIMITS["image"])
    if draft.position is None:
        return Parsed(
            None, (*faults, f"Your reply has no position; say which of the frames 1..{num_frames} the image is.")
        )
    anchor, fault, note = place_anchor(draft.position, placed, num_frames, interval)
    if fault:
        faults.append(fault)
        repairs.append(f"position taken as {anchor + 1}")
    if faults and placed.counted != num_frames and anchor < placed.counted:
        anchor = round(anchor * (num_frames - 1) / max(1, placed.counted - 1))
    if placed.faults or cut or len(kept) < len(texts):
        shown = ", ".join(map(str, ends[:12])) + (", ..." if len(ends) > 12 else "")
        repairs.append(f"clips taken to end at frames {shown}")
    style, reasoning = (shorten(clean(getattr(draft, name)), LIMITS[name]) for name in ("style", "reasoning"))
    fields = {"interval": interval, "style": style, "reasoning": reasoning}
    told = Narrative.from_ends(zip(ends, kept, strict=True), anchor, num_frames, **fields)
    in_clips = any(item.start or item.end or item.length for item in items)
    narrative = told if in_clips else Narrative.from_descriptions(told.per_frame(), anchor, **fields)
    notes = [*dict.fromkeys([*notes, *placed.notes, *([note] if note else [])])]
    if not faults:
        faults += story_faults(narrative, image_shows)
    return Parsed(narrative, tuple(faults), tuple(repairs), tuple(notes), image_shows)


def _usable(text: str | None) -> bool:
    tidy = clean(text or "")
    return bool(tidy) and not is_ellipsis(tidy) and not is_placeholder(tidy) and not _is_json(tidy)


def _is_json(text: str) -> bool:
    """The text is an object written as JSON, which describes nothing."""
    return text.startswith("{") and text.endswith("}") and any(isinstance(f.value, dict) for f in find_values(text))


def _texts(raw: Iterable[str | None]) -> tuple[list[str], list[str], list[str]]:
    """Clean texts ("" where there is none), their faults, and the repairs that changed them."""
    texts: list[str] = []
    faults: list[str] = []
    repairs: list[str] = []
    for number, text in enumerate(raw, 1):
        tidy = clean(text or "")
        if not tidy:
            faults.append(f"Description {number} is empty.")
        elif not _usable(tidy):
            faults.append(f"Description {number} is only {shorten(tidy, 60)!r}; write it in full.")
            tidy = ""
        elif len(tidy) > LIMITS["description"]:
            tidy = shorten(tidy, LIMITS["description"])
            repairs.append(f"description {number} shortened to {len(tidy)} characters")
        texts.append(tidy)
    if len(faults) > 5:
        faults = [*faults[:4], f"So are {len(faults) - 4} more descriptions."]
    return texts, faults, repairs


def _owners(ends: Sequence[int], texts: Sequence[str], num_frames: int) -> tuple[list[int], list[str]]:
    """Leave out clips without a text or without frames; the clip before (after the first) takes their frames."""
    kept_ends: list[int] = []
    kept: list[str] = []
    previous = 0
    for end, text in zip(ends, texts, strict=True):
        if end == previous:
            continue
        if text:
            kept_ends.append(end)
            kept.append(text)
        elif kept_ends:
            kept_ends[-1] = end
        previous = end
    if not kept:  # the only clips with a text have no frames
        return [num_frames], [next(text for text in texts if text)]
    return kept_ends, kept
