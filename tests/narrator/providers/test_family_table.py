"""Every family of servers tells its story in as few requests as its quirks allow, and what it taught is kept."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from reasondiff.narrator import load_narrator
from tests.narrator.providers.misbehaving_server import Server
from tests.narrator.providers.server_families import FAMILIES, answers
from tests.narrator.stories import VASE, same_story


@pytest.mark.parametrize("name", FAMILIES)
def test_it_tells_a_story_and_what_it_taught_is_kept(server: Server, image: Image.Image, name: str) -> None:
    family = FAMILIES[name]
    server.answer = answers(family)
    narrator = load_narrator("openai:m", url=server.url, api=family.api, cache=False, retries=1)
    story = narrator.narrate(image, "A cat plays", num_frames=33, interval=0.2)
    assert same_story(story, VASE) and story.provenance["structure"] == family.structure
    taken = len(server.requests)
    assert taken <= family.requests
    again = narrator.narrate(image, "A dog plays", num_frames=33, interval=0.2)
    assert same_story(again, VASE)
    extra = family.structure.endswith("not kept")  # the form below is tried once
    assert len(server.requests) - taken <= 1 + extra
    json.dumps(again.to_dict())
