"""Every network that metrics know, each made once and loaded when it is first looked through."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from reasondiff.evaluation.networks.amt import AmtInterpolator
from reasondiff.evaluation.networks.clip import ClipNetwork, DinoNetwork
from reasondiff.evaluation.networks.conse import ConseNetwork
from reasondiff.evaluation.networks.efficientnet import EfficientNetLite
from reasondiff.evaluation.networks.musiq import MusiqNetwork
from reasondiff.evaluation.networks.opencv import DisFlow, DisInterpolator
from reasondiff.evaluation.networks.raft import RaftFlow
from reasondiff.evaluation.networks.rife import RifeInterpolator
from reasondiff.evaluation.networks.storyworld import StoryWorldClipNetwork

__all__ = ["Networks"]


@dataclass(frozen=True)
class Networks:
    """The networks of one evaluation.

    Args:
        fetch: download weights that are not here; otherwise a metric that needs them says so and nothing is computed.
        device: to compute on.
    """

    fetch: bool = False
    device: str = "cpu"

    @cached_property
    def clip(self) -> ClipNetwork:
        return ClipNetwork(fetch=self.fetch, device=self.device)

    @cached_property
    def dino(self) -> DinoNetwork:
        return DinoNetwork(fetch=self.fetch, device=self.device)

    @cached_property
    def musiq(self) -> MusiqNetwork:
        return MusiqNetwork(self.fetch, self.device)

    @cached_property
    def amt(self) -> AmtInterpolator:
        return AmtInterpolator(self.fetch, self.device)

    @cached_property
    def raft(self) -> RaftFlow:
        return RaftFlow(self.fetch, self.device)

    @cached_property
    def dis_flow(self) -> DisFlow:
        return DisFlow()

    @cached_property
    def dis_interpolator(self) -> DisInterpolator:
        return DisInterpolator(self.dis_flow)

    @cached_property
    def rife(self) -> RifeInterpolator:
        return RifeInterpolator(self.device)

    @cached_property
    def efficientnet(self) -> EfficientNetLite:
        return EfficientNetLite(self.device)

    @cached_property
    def storyworld_clip(self) -> StoryWorldClipNetwork:
        return StoryWorldClipNetwork()

    @cached_property
    def conse(self) -> ConseNetwork:
        return ConseNetwork(self.efficientnet)
