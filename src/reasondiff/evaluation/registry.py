"""Every system, metric and suite by name; a new one is a file of its own and a line here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reasondiff.errors import InputError
from reasondiff.evaluation.ablations import ABLATIONS, NEAR_ANCHOR, TRAINED_VARIANTS
from reasondiff.evaluation.baselines import BASELINES
from reasondiff.evaluation.metrics.anchor import AnchorFlash, AnchorOffset, BestFramePsnr, NarratorAnchorError
from reasondiff.evaluation.metrics.anchor_psnr import AnchorPsnr, VaePsnr
from reasondiff.evaluation.metrics.base import Metric
from reasondiff.evaluation.metrics.clip_score import ImageScore, TextScore
from reasondiff.evaluation.metrics.dynamic_degree import DynamicDegree
from reasondiff.evaluation.metrics.identity import IdentityDrift
from reasondiff.evaluation.metrics.image_consistency import ImageConsistency
from reasondiff.evaluation.metrics.imaging_quality import ImagingQuality
from reasondiff.evaluation.metrics.motion_smoothness import MotionSmoothness
from reasondiff.evaluation.metrics.normalised import NormalisedTextScore
from reasondiff.evaluation.metrics.sharpness import Sharpness
from reasondiff.evaluation.metrics.story import JudgedPart, StorySuccess
from reasondiff.evaluation.metrics.user_rank import UserRank, read_ranks
from reasondiff.evaluation.resources import Resources
from reasondiff.evaluation.suites.base import Case, DrawsCases, Suite
from reasondiff.evaluation.suites.storyworld import StoryWorldSuite
from reasondiff.evaluation.systems import METHODS, PAIRED, System
from reasondiff.evaluation.training_free import TRAINING_FREE
from reasondiff.evaluation.true_clips import TrueClips
from reasondiff.evaluation.video_folder import find_systems_in

__all__ = [
    "MAIN_TABLE",
    "METRICS",
    "METRIC_GROUPS",
    "SUITES",
    "SYSTEMS",
    "WITHOUT_JUDGE",
    "find_suite",
    "find_suite_of_run",
    "find_systems",
    "metrics_of",
]

_SYSTEMS: Sequence[System] = (*METHODS, PAIRED, *ABLATIONS, NEAR_ANCHOR, *TRAINING_FREE, TrueClips())

SYSTEMS: Mapping[str, System] = {system.name: system for system in _SYSTEMS}

_PER_FRAME = ("text-mean", "reasondiff")

GROUPS: Mapping[str, Sequence[System]] = {
    "ablations": ABLATIONS,
    "training-free": TRAINING_FREE,
    "segments": (
        *(system for system in ABLATIONS if system.name.startswith("segments-")),
        *(SYSTEMS[name] for name in _PER_FRAME),
    ),
}
"""Systems that are asked for together, by one name."""
PLACED: Mapping[str, Callable[[str], System]] = {
    **{variant.name: variant.at for variant in TRAINED_VARIANTS},
    **{baseline.name: baseline.at for baseline in BASELINES},
}
"""Systems with weights of their own, whose place may follow their name after a colon."""

FOLDER_OF_VIDEOS = "videos-in-folder"
"""Whatever made them: the published videos of a paper, a closed service, an earlier run."""

SUITES: Mapping[str, DrawsCases] = {"storyworld": StoryWorldSuite}
"""Suites that draw their cases; one whose cases lie in a folder is that folder's ``BenchmarkFolder``."""

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
    "sharpness": lambda using: Sharpness(),
    "user_rank": lambda using: UserRank(read_ranks(using.ranks)),
    "imaging_quality": lambda using: ImagingQuality(using.networks.musiq),
    "motion_smoothness": lambda using: MotionSmoothness(using.networks.amt),
    "dynamic_degree": lambda using: DynamicDegree(using.networks.raft),
    "clip_text": lambda using: TextScore(using.networks.clip),
    "clip_prompt": lambda using: TextScore(using.networks.clip, of="prompt"),
    "clip_image": lambda using: ImageScore(using.networks.clip),
    "clip_image_rest": lambda using: ImageScore(using.networks.clip, without_anchor=True),
    "i2v_subject": lambda using: ImageConsistency(using.networks.dino),
    "storyworld_clip_text": lambda using: TextScore(using.networks.storyworld_clip, by="storyworld_clip"),
    "storyworld_clip_text_normalised": lambda using: NormalisedTextScore(
        TextScore(using.networks.storyworld_clip, by="storyworld_clip"), using.cases
    ),
    "storyworld_clip_image": lambda using: ImageScore(using.networks.storyworld_clip, by="storyworld_clip"),
    "motion_smoothness_rife": lambda using: MotionSmoothness(using.networks.rife, "motion_smoothness_rife"),
    "motion_smoothness_dis": lambda using: MotionSmoothness(using.networks.dis_interpolator, "motion_smoothness_dis"),
    "dynamic_degree_dis": lambda using: DynamicDegree(using.networks.dis_flow, "dynamic_degree_dis"),
    "conse_text": lambda using: TextScore(using.networks.conse, by="conse"),
    "conse_prompt": lambda using: TextScore(using.networks.conse, of="prompt", by="conse"),
    "efficientnet_image": lambda using: ImageScore(using.networks.efficientnet, by="efficientnet"),
    "i2v_subject_efficientnet": lambda using: ImageConsistency(using.networks.efficientnet, "i2v_subject_efficientnet"),
}

METRIC_GROUPS: Mapping[str, tuple[str, ...]] = {
    "basic": (
        "anchor_psnr",
        "best_frame_psnr",
        "anchor_offset",
        "narrator_anchor_error",
        "anchor_flash_motion",
        "anchor_flash_colour",
        "identity_drift",
        "sharpness",
    ),
    "offline": (
        "sharpness",
        "motion_smoothness_rife",
        "motion_smoothness_dis",
        "dynamic_degree_dis",
        "conse_text",
        "conse_prompt",
        "efficientnet_image",
        "i2v_subject_efficientnet",
    ),
    "storyworld": (
        "story_success",
        "agent",
        "state",
        "storyworld_clip_text",
        "storyworld_clip_text_normalised",
        "storyworld_clip_image",
        "sharpness",
        "anchor_psnr",
        "anchor_flash_motion",
        "identity_drift",
        "narrator_anchor_error",
    ),
    "paper": ("imaging_quality", "motion_smoothness", "dynamic_degree", "clip_text", "clip_image"),
}
"""Metrics by one word: what needs nothing but this package, what other packages carry the weights of, what only
StoryWorld has, and the paper's."""

WITHOUT_JUDGE = ("anchor_psnr", "best_frame_psnr", "anchor_offset", "narrator_anchor_error")
"""Metrics of cases that nobody can judge; ``reasondiff score`` has the others."""

MAIN_TABLE = ("story_success", "agent", "state", "anchor_psnr", "vae_psnr")
"""Metrics of the table in the README, in its order."""


def find_suite(
    name: str = "storyworld", count: int = 100, split: str = "test", level: str = "core", paired: bool = False
) -> Suite:
    """A suite that draws its cases, by name; the others are as in ``DrawsCases``.

    Raises:
        InputError: there is no such suite, or it has no such cases.
    """
    if name not in SUITES:
        raise InputError(f"There is no suite {name!r} that draws cases; choose from {', '.join(SUITES)}.")
    return SUITES[name](count, split, level, paired)


def find_suite_of_run(settings: Mapping[str, object]) -> Suite | None:
    """The suite that drew a run's cases, by what the run's folder keeps of it; None where nothing says it."""
    match settings:
        case {
            "suite": str(name),
            "cases": int(count),
            "split": str(split),
            "level": str(level),
            "paired": bool(paired),
        }:
            return find_suite(name, count, split, level, paired) if name in SUITES else None
    return None


def find_systems(names: Sequence[str], cases: Sequence[Case] = ()) -> list[System]:
    """Systems by name or by a group's, each once.

    A name may go on with ":" and the place that the system needs: a folder of videos, or of weights.

    Args:
        names: such as ``reasondiff``, ``wan-i2v:/models/wan`` or ``videos-in-folder:published``.
        cases: that the videos of a folder are paired with.

    Raises:
        InputError: a name that no system and no group has, a place that it cannot use, or two systems of one name.
    """
    found: list[System] = []
    for name in dict.fromkeys(names):
        family, _, place = name.partition(":")
        if family == FOLDER_OF_VIDEOS and place:
            found += find_systems_in(Path(place), cases)
        elif name in GROUPS:
            found += [system for system in GROUPS[name] if system not in found]
        elif family in PLACED:
            found.append(PLACED[family](place))
        elif name in SYSTEMS:
            found += [SYSTEMS[name]] if SYSTEMS[name] not in found else []
        else:
            known = f"{', '.join((*SYSTEMS, *GROUPS, *PLACED))}, {FOLDER_OF_VIDEOS}:FOLDER"
            raise InputError(f"There is no method {name!r}; choose from {known}.")
    counts = Counter(system.name for system in found)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise InputError(f"Two methods are called {twice[0]!r}; rename the folder of one.")
    return found


def metrics_of(using: Resources, names: Sequence[str] = MAIN_TABLE) -> list[Metric]:
    """Metrics by name or by the name of a group, the main table's by default, each once.

    Raises:
        InputError: a name that no metric has, or a metric whose package is not installed.
        CheckpointError: a metric whose weights are not here.
    """
    wanted: list[str] = []
    for name in names:
        wanted += METRIC_GROUPS.get(name, (name,))
    if unknown := sorted(set(wanted) - set(METRICS)):
        known = ", ".join((*METRIC_GROUPS, *METRICS))
        raise InputError(f"There is no metric {unknown[0]!r}; choose from {known}.")
    found = [METRICS[name](using) for name in dict.fromkeys(wanted)]
    for metric in found:
        _ = metric.title  # names the network, which must be here before the long work begins
    return found
