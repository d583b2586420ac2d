"""Every system, metric and suite by name; a new one is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reasondiff.errors import InputError
from reasondiff.evaluation.ablations import ABLATIONS
from reasondiff.evaluation.metrics.anchor import AnchorFlash, AnchorOffset, BestFramePsnr, NarratorAnchorError
from reasondiff.evaluation.metrics.anchor_psnr import AnchorPsnr, VaePsnr
from reasondiff.evaluation.metrics.base import Metric
from reasondiff.evaluation.metrics.identity import IdentityDrift
from reasondiff.evaluation.metrics.story import JudgedPart, StorySuccess
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Suite
from reasondiff.evaluation.suites.storyworld import StoryWorldSuite
from reasondiff.evaluation.systems import METHODS, PAIRED, System
from reasondiff.evaluation.training_free import TRAINING_FREE

__all__ = ["MAIN_TABLE", "METRICS", "SUITES", "SYSTEMS", "find_systems", "metrics_of"]

SYSTEMS: Mapping[str, System] = {system.name: system for system in (*METHODS, PAIRED, *ABLATIONS, *TRAINING_FREE)}

GROUPS: Mapping[str, Sequence[System]] = {"ablations": ABLATIONS, "training-free": TRAINING_FREE}
"""Systems that are asked for together, by one name."""

SUITES: Mapping[str, Callable[..., Suite]] = {"storyworld": StoryWorldSuite}

METRICS: Mapping[str, Callable[[Resources], Metric]] = {
    "story_success": lambda using: StorySuccess(),
    "agent": lambda using: JudgedPart("agent", "agent"),
    "state": lambda using: JudgedPart("state", "state"),
    "anchor_psnr": lambda using: AnchorPsnr(),
    "vae_psnr": VaePsnr,
    "best_frame_psnr": lambda using: BestFramePsnr(),
    "anchor_offset": lambda using: AnchorOffset(),
    "narrator_anchor_error": lambda using: NarratorAnchorError(),
    "anchor_flash_motion": lambda using: AnchorFlash("motion"),
    "anchor_flash_colour": lambda using: AnchorFlash("colour"),
    "identity_drift": lambda using: IdentityDrift(),
}

MAIN_TABLE = ("story_success", "agent", "state", "anchor_psnr", "vae_psnr")
"""Metrics of the table in the README, in its order."""


def find_systems(names: Sequence[str]) -> list[System]:
    """Systems by name, or by a group's, each once.

    Raises:
        InputError: a name that no system and no group has.
    """
    if unknown := sorted(set(names) - set(SYSTEMS) - set(GROUPS)):
        raise InputError(f"There is no method {unknown[0]!r}; choose from {', '.join((*SYSTEMS, *GROUPS))}.")
    found = (GROUPS.get(name) or (SYSTEMS[name],) for name in names)
    return list({system.name: system for group in found for system in group}.values())


def metrics_of(using: Resources, names: Sequence[str] = MAIN_TABLE) -> list[Metric]:
    """Metrics by name, the main table's by default.

    Raises:
        InputError: a name that no metric has.
    """
    if unknown := sorted(set(names) - set(METRICS)):
        raise InputError(f"There is no metric {unknown[0]!r}; choose from {', '.join(METRICS)}.")
    return [METRICS[name](using) for name in dict.fromkeys(names)]
