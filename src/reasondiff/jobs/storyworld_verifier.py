"""A second look at a video of StoryWorld, by the network that compares frames with captions.

The bundled narrator tells stories and nothing else. This network (``storyworld-clip``) was trained on drawn clips, and
shares neither weights nor rules with the oracle, which says how often it is right: ``python -m benchmarks.verifier``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from reasondiff.narrator.verifier import ClipVerdict, Verification, sampled

if TYPE_CHECKING:
    import numpy as np

    from reasondiff.narrative import Narrative

__all__ = ["StoryWorldVerifier", "wrong_descriptions"]


LENIENT = 0.8
"""Added to the logit of the own description: chosen on ten drawn clips, of which all that were true then passed."""


@dataclass(frozen=True)
class StoryWorldVerifier:
    """How likely the network takes a frame for its own clip's description, and not for one that contradicts it: with
    another agent, with the object in another state, or of a clip of the story in which somebody is there where here is
    nobody, and the other way round. A clip's score is ten times that, at the sampled frame that shows it best.
    """

    name: str = "storyworld-clip"

    def verify(self, frames: np.ndarray, narrative: Narrative, prompt: str) -> Verification:
        """See ``narrator.verifier.Verifier``; there are no other words to try."""
        import numpy as np

        from reasondiff.storyworld.clip import encode_captions, encode_frames, load_clip

        net, tokenizer = load_clip()
        shown = sampled(narrative)
        seen = float(net.scale.detach()) * encode_frames(net, frames[list(shown)])
        told = [clip.description for clip in narrative.clips]
        verdicts = []
        for number, clip in enumerate(narrative.clips):
            own = [place for place, frame in enumerate(shown) if clip.start <= frame < clip.end]
            wrong = [text for text in told if _somebody(text) != _somebody(clip.description)]
            texts = list(dict.fromkeys([clip.description, *wrong, *wrong_descriptions(clip.description)]))
            if not own or len(texts) == 1:  # nothing was looked at, or nothing contradicts it
                verdicts.append(ClipVerdict(number, 10.0))
                continue
            logits = seen[own] @ encode_captions(net, tokenizer, texts).T
            likely = 1 / (1 + np.exp(logits[:, 1:].max(1) - logits[:, 0] - LENIENT))
            nearest = texts[int(logits.mean(0).argmax())]
            reason = "" if nearest == clip.description else f"It looks more like: {nearest}"
            verdicts.append(ClipVerdict(number, 10 * float(likely.max()), reason))
        return Verification(tuple(verdicts))


def _somebody(description: str) -> bool:
    """Whether an agent is named, in its colour."""
    return _agent_in(description) is not None


def wrong_descriptions(description: str) -> list[str]:
    """The description with every other agent in place of its own, and with an object in another state."""
    return list(dict.fromkeys([*_other_agents(description), *_other_states(description)]))


def _other_agents(description: str) -> Iterator[str]:
    from reasondiff.storyworld.stories import AGENTS

    if (found := _agent_in(description)) is None:
        return
    for agent in AGENTS:
        if agent != found[2]:
            yield description.replace(found[0], f"{found[1]} {agent}")


def _agent_in(description: str) -> re.Match[str] | None:
    """The first words that name an agent: its colour and its kind."""
    from reasondiff.storyworld.palette import COLOURS
    from reasondiff.storyworld.stories import AGENTS

    return re.search(rf"\b({'|'.join(COLOURS)}) ({'|'.join(AGENTS)})\b", description)


def _other_states(description: str) -> Iterator[str]:
    from reasondiff.storyworld.captions import STATES
    from reasondiff.storyworld.palette import COLOURS

    for (thing, state), wordings in STATES.items():
        others = [other for (name, changed), other in STATES.items() if name == thing and changed != state]
        for wording in wordings:
            for colour in COLOURS:
                said = re.compile(rf"\b(an? )?{re.escape(wording.format(c=colour))}", re.IGNORECASE)
                if said.search(description):
                    yield from (said.sub(partial(_instead, other[0].format(c=colour)), description) for other in others)


def _instead(noun: str, found: re.Match[str]) -> str:
    """A noun in the place of another, with its article and its capital."""
    from reasondiff.storyworld.captions import article

    text = article(noun) if found[1] else noun
    return text[0].upper() + text[1:] if found[0][0].isupper() else text
