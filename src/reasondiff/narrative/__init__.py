"""The story of a clip: what everything else reads, and a JSON file one can edit."""

from __future__ import annotations

from reasondiff.narrative.story import Anchor, AnchorPlace, Clip, Narrative

__all__ = ["Anchor", "AnchorPlace", "Clip", "Narrative"]
