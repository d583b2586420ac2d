"""Every way in which models are known to spoil a reply, sent by a real server and read through the official client."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from PIL import Image

from reasondiff.errors import NarrationError
from reasondiff.narrative import Narrative
from reasondiff.narrator import NarrationWarning, Narrator, load_narrator
from tests.narrator.providers.misbehaving_server import Say, Server
from tests.narrator.stories import VASE, reply, same_story

FRAMES = [clip.description for clip in VASE.clips for _ in range(len(clip))]
SPANS = [{"start": c.start + 1, "end": c.end, "description": c.description} for c in VASE.clips]


def listed(**changes: object) -> str:
    """The story in the list form."""
    return json.dumps({"position": 33, "descriptions": FRAMES, **changes})


def shifted(start: int, end: int, position: int) -> str:
    """The story in spans that are counted otherwise."""
    spans = [{**span, "start": span["start"] + start, "end": span["end"] + end} for span in SPANS]
    return json.dumps({"position": position, "clips": spans})


READ: dict[str, str] = {
    "fence": f"```json\n{reply()}\n```",
    "prose around": f"Certainly! Here is the script.\n{reply()}\nAnything else?",
    "thinking": f"<think>{reply(position=1)} No, the vase is broken.</think>{reply()}",
    "an answer quoted before": f"Your example says {reply(position=2)}. Mine: {reply()}",
    "capital keys": json.dumps({"Position": 33, "Descriptions": FRAMES}),
    "a dict of frames": listed(descriptions={str(n): text for n, text in enumerate(FRAMES, 1)}),
    "an object per frame": listed(descriptions=[{"frame": n, "text": text} for n, text in enumerate(FRAMES, 1)]),
    "the paper's list": listed(),
    "start and end": json.dumps({"position": 33, "clips": SPANS}),
    "counted from 0": shifted(-1, -1, 32),
    "ends excluded": shifted(0, 1, 33),
    "position as words": reply(position="frame 33"),
    "position as a float": reply(position=33.0),
    "position in percent": reply(position="100%"),
    "position in seconds": reply(position="6.4 s"),
    "numbers as texts": reply(clips=[{"end": str(c.end), "description": c.description} for c in VASE.clips]),
    "trailing comma": reply().removesuffix("}") + ",}",
    "single quotes": repr(json.loads(reply())),
    "no closing brackets": reply().removesuffix("]}"),
}
"""Replies that leave no doubt: read as they are, without asking again."""


@dataclass(frozen=True)
class Lost:
    """A reply with a fault, what the narrator is told, and what is made of it if it insists."""

    text: str
    complaint: str
    repair: str = ""
    finish: str = "stop"
    asked: int = 3


ONE = [{"end": 33, "description": "A cat."}]
LOST: dict[str, Lost] = {
    "cut by the token limit": Lost(reply()[:-70], "cut off before its end", "8, 33", finish="length"),
    "too few descriptions": Lost(listed(descriptions=FRAMES[:20]), "20 descriptions where 33 are needed", "end at"),
    "too many descriptions": Lost(listed(descriptions=[*FRAMES, *FRAMES]), "66 descriptions where 33 are", "end at"),
    "an ellipsis": Lost(listed(descriptions=[FRAMES[0], "...", FRAMES[-1]]), "Description 2 is only '...'", "end at"),
    "a bare ellipsis": Lost('{"position": 33, "descriptions": ["A vase.", ..., "Shards."]}', "ellipsis", "end at"),
    "a gap": Lost(json.dumps({"position": 33, "clips": [SPANS[0], *SPANS[2:]]}), "9..18 are described by no",
                  "8, 28, 33"),
    "an overlap": Lost(json.dumps({"position": 33, "clips": [SPANS[0], {**SPANS[1], "start": 5}, *SPANS[2:]]}),
                       "5..8 are in both clip 1 and clip 2", "8, 18, 28, 33"),
    "an empty description": Lost(reply(clips=[{"end": 9, "description": " "}, *ONE]), "Description 1 is empty", "33"),
    "a position beyond the end": Lost(reply(position=40), r"40 is outside 1\.\.33", "position taken as 33"),
    "all the same": Lost(reply(clips=ONE, image=None), "same description", asked=2),
    "a position that contradicts the story": Lost(reply(position=1), "fit it better", asked=2),
}  # fmt: skip
"""Replies that have lost something."""


@pytest.fixture(scope="module")
def narrators(_running: Server) -> dict[str, Narrator]:
    """One client for each request form."""
    options = {"url": _running.url, "cache": False, "retries": 0}
    return {api: load_narrator("openai:m", api=api, **options) for api in ("chat", "responses")}


@pytest.fixture(params=["chat", "responses"])
def tell(
    request: pytest.FixtureRequest, server: Server, image: Image.Image, narrators: dict[str, Narrator]
) -> Callable[[], Narrative]:
    return lambda: narrators[request.param].narrate(image, "A cat plays in the room", num_frames=33, interval=0.2)


@pytest.mark.parametrize("name", READ)
def test_what_leaves_no_doubt_is_read_at_once(server: Server, tell: Callable, name: str) -> None:
    server.answer = Say(READ[name])
    narrative = tell()
    assert same_story(narrative, VASE) and len(server.requests) == 1
    assert narrative.provenance["repairs"] == narrative.provenance["warnings"] == []
    assert narrative.provenance["reply"] == READ[name]


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_complained_of_and_the_correction_taken(server: Server, tell: Callable, name: str) -> None:
    server.answer = [Say(LOST[name].text, finish=LOST[name].finish), Say(reply())]
    narrative = tell()
    assert same_story(narrative, VASE) and len(server.requests) == 2 and narrative.provenance["reasks"] == 1
    [complaints] = narrative.provenance["complaints"]
    assert re.search(LOST[name].complaint, " ".join(complaints))
    assert all(complaint in server.requests[1].texts[-1] for complaint in complaints)


@pytest.mark.parametrize("name", LOST)
def test_a_model_that_insists_is_repaired_and_recorded(server: Server, tell: Callable, name: str) -> None:
    lost = LOST[name]
    server.answer = Say(lost.text, finish=lost.finish)
    with pytest.warns(NarrationWarning, match=lost.complaint):
        narrative = tell()
    assert len(server.requests) == lost.asked and bool(narrative.provenance["repairs"]) == bool(lost.repair)
    assert re.search(lost.repair, "; ".join(narrative.provenance["repairs"]))
    assert narrative.provenance["reply"] == lost.text
    clips = narrative.clips
    assert (clips[0].start, clips[-1].end) == (0, 33) and all(a.end == b.start for a, b in pairwise(clips))


@pytest.mark.parametrize("say", [Say(refusal="No."), Say("I'm sorry, I can't help."), Say("", finish="content_filter")])
def test_a_refusal_is_quoted_and_not_argued_with(server: Server, tell: Callable, say: Say) -> None:
    server.answer = say
    with pytest.raises(NarrationError, match=r"declined; reword the prompt.* It replied: .*(No|sorry|filter)"):
        tell()
    assert len(server.requests) == 1


def test_a_slow_line_is_read_to_its_end(server: Server, tell: Callable) -> None:
    server.answer = Say(reply(), pieces=20, delay=0.005)
    assert same_story(tell(), VASE)
