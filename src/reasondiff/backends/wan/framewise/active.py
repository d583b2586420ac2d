"""What the layers of a frame-wise transformer read during a call; the controller sets it, the processors read it."""

from __future__ import annotations

from dataclasses import dataclass

from reasondiff.backends.wan.framewise.context import FrameContext
from reasondiff.backends.wan.framewise.record import AttentionRecord

__all__ = ["Active"]


@dataclass(eq=False)
class Active:
    """Shared by all layers of one transformer.

    Args:
        context: the text and image tokens of the call; None outside of ``Framewise.use``.
        record: watches the attention of the call, if anything does.
        tokens_per_frame: tokens of a latent frame in the call.
    """

    context: FrameContext | None = None
    record: AttentionRecord | None = None
    tokens_per_frame: int = 0
