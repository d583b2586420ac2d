"""What one OpenAI-compatible server understands, learnt from what it refuses.

Servers differ in how they take a JSON schema, what they call the token limit, and whether sampling can be set. A
request starts in the fullest dialect; a refusal leads to the next simpler one, and the one that worked is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from reasondiff.narrator.providers.refusals import Objection

__all__ = ["Dialect", "Limit", "Structure"]

Limit = Literal["max_tokens", "max_completion_tokens", "max_output_tokens"]
Structure = Literal["json_schema", "json_schema, unbounded", "structured_outputs", "json_object", "text"]
"""How the reply's form is enforced: strict schema, the same without length bounds, vLLM's own field, JSON mode, not."""

_LADDER: tuple[Structure, ...] = ("json_schema", "json_schema, unbounded", "structured_outputs", "json_object", "text")
_BOUNDS = {"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"}


@dataclass(frozen=True)
class Dialect:
    """How requests are put.

    Args:
        structure: how the reply's form is enforced.
        limit: what the token limit is called.
        renamed: the other name has been refused.
        sampling: temperature and seed are sent.
        share: of the token budget that is asked for, for servers that refuse more than their context holds.
        side: pixels of the longer side of images.
        system: the instruction has a turn of its own; else it is at the head of the user's.
    """

    structure: Structure = "json_schema"
    limit: Limit = "max_tokens"
    renamed: bool = False
    sampling: bool = True
    share: float = 1.0
    side: int = 2048
    system: bool = True

    def simpler(self, objection: Objection, said: str) -> Dialect | None:
        """What to try after a refusal; None if there is nothing left to give up.

        Args:
            objection: what the server objects to.
            said: its words.
        """
        if objection == "size":
            return replace(self, side=self.side // 2) if self.side > 256 else None
        if objection == "room":
            return replace(self, share=self.share / 2) if self.share > 0.1 else None
        if objection == "system":
            return replace(self, system=False) if self.system else None
        if objection not in {"schema", "request"}:
            return None
        text = said.casefold()
        if objection == "request" and self.limit != "max_output_tokens" and "max_completion_tokens" in text:
            other: Limit = "max_tokens" if self.limit == "max_completion_tokens" else "max_completion_tokens"
            return replace(self, limit=other, renamed=True) if not self.renamed else None
        if objection == "request" and self.sampling and re.search(r"temperature|\bseed\b", text):
            return replace(self, sampling=False)
        rung = _LADDER.index(self.structure)
        return replace(self, structure=_LADDER[rung + 1]) if rung + 1 < len(_LADDER) else None

    def shaped(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema, without what this server does not take in one."""
        return _unbounded(schema) if self.structure == "json_schema, unbounded" else schema

    def budget(self, max_tokens: int) -> dict[str, Any]:
        """The token limit."""
        return {self.limit: max(64, int(max_tokens * self.share))}


def _unbounded(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {key: _unbounded(value) for key, value in schema.items() if key not in _BOUNDS}
    if isinstance(schema, list):
        return [_unbounded(value) for value in schema]
    return schema
