"""What the rankings say: mean ranks with intervals, whether methods differ at all, strengths, agreement, and checks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np

from reasondiff.errors import InputError
from reasondiff.evaluation.study.answers import Answer
from reasondiff.evaluation.study.plan import SPOILED, StudyPlan
from reasondiff.files import atomic_path

__all__ = ["Analysis", "Checks", "MethodResult", "analyse", "checks_of", "write_analysis"]

_SAME_PAIRS = 0.6
"""Share of pairs that a rater must order alike when asked again; by chance it is a half."""


@dataclass(frozen=True)
class Checks:
    """How a rater did.

    Args:
        rater: index among the study's.
        answers: that count.
        attentive: the spoiled video was put last; None where that was not answered.
        consistency: share of pairs that were ordered alike when asked again; None where that was not answered.
        seconds: of the median answer.
    """

    rater: int
    answers: int
    attentive: bool | None
    consistency: float | None
    seconds: float

    @property
    def failed(self) -> bool:
        return self.attentive is False or (self.consistency is not None and self.consistency < _SAME_PAIRS)


@dataclass(frozen=True)
class MethodResult:
    """What the rankings say of a method.

    Args:
        name: of the method.
        mean_rank: 1 is the best.
        std: of its ranks.
        interval: 95 %, of the mean rank, over raters and items drawn anew.
        strength: of Plackett and Luce, the methods' sum being 1.
        wins: share of pairs won against every other method, by name.
    """

    name: str
    mean_rank: float
    std: float
    interval: tuple[float, float]
    strength: float
    wins: dict[str, float]


@dataclass(frozen=True)
class Analysis:
    """A study's result.

    Args:
        methods: the best mean rank first.
        rankings: how many count.
        raters: who gave them.
        items: that they are of.
        friedman: its statistic, over the items' mean ranks.
        p_value: of the hypothesis that no method differs.
        kendall_w: agreement of the items on the methods' order, 0 to 1.
        alpha: Krippendorff's, ordinal: agreement of raters on the same videos; None where no video has two raters.
        checks: of every rater who answered.
        excluded: raters whose rankings were left out.
    """

    methods: tuple[MethodResult, ...]
    rankings: int
    raters: int
    items: int
    friedman: float
    p_value: float
    kendall_w: float
    alpha: float | None
    checks: tuple[Checks, ...]
    excluded: tuple[int, ...]


def analyse(
    plan: StudyPlan, answers: Sequence[Answer], *, keep_failed: bool = False, resamples: int = 2000, seed: int = 0
) -> Analysis:
    """Analyse a study.

    Args:
        plan: of the study.
        answers: the latest to every question.
        keep_failed: count raters who failed a check, too.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: there are no rankings to count.
    """
    import choix
    from scipy.stats import chi2

    checks = checks_of(plan, answers)
    excluded = () if keep_failed else tuple(each.rater for each in checks if each.failed)
    counted = [answer for answer in answers if answer.rater not in excluded and _kind(plan, answer) == "plain"]
    if not counted:
        raise InputError("There are no rankings to count yet; ask raters to open their links.")
    ranks = np.array([[answer.ranking.index(method) + 1 for method in plan.methods] for answer in counted], float)
    raters = np.array([answer.rater for answer in counted])
    items = np.array([plan.raters[answer.rater].questions[answer.question].item for answer in counted])
    low, high = _intervals(ranks, raters, items, resamples, seed)
    order = [tuple(plan.methods.index(method) for method in answer.ranking) for answer in counted]
    # A little regularisation, for a method that wins or loses every time has no finite strength.
    strengths = np.exp(choix.ilsr_rankings(len(plan.methods), order, alpha=0.01))
    strengths /= strengths.sum()
    blocks = np.stack([ranks[items == item].mean(0) for item in np.unique(items)])
    statistic, kendall_w = friedman(blocks)
    methods = []
    for place, name in enumerate(plan.methods):
        column = ranks[:, place]
        wins = {}
        for other, rival in enumerate(plan.methods):
            if other != place:
                wins[rival] = float((column < ranks[:, other]).mean())
        std = float(column.std(ddof=1)) if len(column) > 1 else 0.0
        interval = (float(low[place]), float(high[place]))
        methods.append(MethodResult(name, float(column.mean()), std, interval, float(strengths[place]), wins))
    return Analysis(
        methods=tuple(sorted(methods, key=lambda method: method.mean_rank)),
        rankings=len(counted),
        raters=len(np.unique(raters)),
        items=len(blocks),
        friedman=statistic,
        p_value=float(chi2.sf(statistic, len(plan.methods) - 1)),
        kendall_w=kendall_w,
        alpha=_alpha(ranks, raters, items),
        checks=checks,
        excluded=excluded,
    )


def friedman(blocks: np.ndarray) -> tuple[float, float]:
    """Friedman's statistic, corrected for ties, and Kendall's W.

    Args:
        blocks: [blocks, methods], any scores; they are ranked within each block.
    """
    from scipy.stats import rankdata

    count, methods = blocks.shape
    ranked = rankdata(blocks, axis=1)
    spread = ((ranked.mean(0) - (methods + 1) / 2) ** 2).sum()
    variance = ((ranked - (methods + 1) / 2) ** 2).sum() / count
    if variance == 0:
        return 0.0, 0.0
    w = float(spread / variance)
    return count * (methods - 1) * w, w


def checks_of(plan: StudyPlan, answers: Sequence[Answer]) -> tuple[Checks, ...]:
    """How every rater who answered did."""
    found = []
    for rater in sorted({answer.rater for answer in answers}):
        mine = [answer for answer in answers if answer.rater == rater]
        by_kind = {
            kind: [each for each in mine if _kind(plan, each) == kind] for kind in ("plain", "repeat", "attention")
        }
        attentive = None
        if by_kind["attention"]:
            attentive = by_kind["attention"][0].ranking[-1] == SPOILED
        seconds = median(answer.milliseconds for answer in mine) / 1000
        found.append(Checks(rater, len(by_kind["plain"]), attentive, _consistency(plan, mine), seconds))
    return tuple(found)


def _consistency(plan: StudyPlan, mine: Sequence[Answer]) -> float | None:
    """The share of pairs that two answers about one item order alike."""
    questions = plan.raters[mine[0].rater].questions
    again = next((each for each in mine if questions[each.question].kind == "repeat"), None)
    if again is None:
        return None
    item = questions[again.question].item
    first = next(
        (each for each in mine if questions[each.question].kind == "plain" and questions[each.question].item == item),
        None,
    )
    if first is None:
        return None
    alike = pairs = 0
    for place, better in enumerate(first.ranking):
        for worse in first.ranking[place + 1 :]:
            pairs += 1
            alike += again.ranking.index(better) < again.ranking.index(worse)
    return alike / pairs


def _kind(plan: StudyPlan, answer: Answer) -> str:
    return plan.raters[answer.rater].questions[answer.question].kind


def _intervals(
    ranks: np.ndarray, raters: np.ndarray, items: np.ndarray, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """95 % of the mean ranks of studies whose raters and items are drawn anew; a ranking counts as often as both."""
    rng = np.random.default_rng(seed)
    _, rater = np.unique(raters, return_inverse=True)
    _, item = np.unique(items, return_inverse=True)
    means = []
    for _ in range(resamples):
        drawn_raters = np.bincount(rng.integers(0, rater.max() + 1, rater.max() + 1), minlength=rater.max() + 1)
        drawn_items = np.bincount(rng.integers(0, item.max() + 1, item.max() + 1), minlength=item.max() + 1)
        weight = drawn_raters[rater] * drawn_items[item]
        if weight.sum():
            means.append(weight @ ranks / weight.sum())
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    return low, high


def _alpha(ranks: np.ndarray, raters: np.ndarray, items: np.ndarray) -> float | None:
    """Krippendorff's alpha of ordinal ranks; a unit is a method's video of an item."""
    import krippendorff

    seen_raters, seen_items = np.unique(raters), np.unique(items)
    table = np.full((len(seen_raters), len(seen_items), ranks.shape[1]), np.nan)
    for row, rater, item in zip(ranks, raters, items, strict=True):
        table[np.searchsorted(seen_raters, rater), np.searchsorted(seen_items, item)] = row
    flat = table.reshape(len(seen_raters), -1)
    if (np.isfinite(flat).sum(0) < 2).all():
        return None
    return float(krippendorff.alpha(reliability_data=flat, level_of_measurement="ordinal"))


def write_analysis(folder: Path, plan: StudyPlan, answers: Sequence[Answer], found: Analysis) -> str:
    """Write ``analysis.json``, ``analysis.md`` and ``ranks.jsonl``, which ``score --ranks`` reads.

    Returns:
        The text of ``analysis.md``.
    """
    lines = []
    for answer in answers:
        if answer.rater in found.excluded or _kind(plan, answer) != "plain":
            continue
        case = plan.items[plan.raters[answer.rater].questions[answer.question].item].case
        ranks = {method: place for place, method in enumerate(answer.ranking, 1)}
        lines.append(json.dumps({"rater": f"r{answer.rater + 1}", "case": case, "ranks": ranks}) + "\n")
    text = _in_words(found)
    written = {
        "ranks.jsonl": "".join(lines),
        "analysis.json": json.dumps(asdict(found), indent=1) + "\n",
        "analysis.md": text,
    }
    for name, content in written.items():
        with atomic_path(folder / name) as partial:
            partial.write_text(content, encoding="utf-8")
    return text


def _in_words(found: Analysis) -> str:
    lines = ["| method | mean rank | 95 % | std | strength |", "| --- | --- | --- | --- | --- |"]
    for method in found.methods:
        low, high = method.interval
        lines.append(
            f"| {method.name} | {method.mean_rank:.2f} | {low:.2f} to {high:.2f} | {method.std:.2f} | "
            f"{method.strength:.3f} |"
        )
    alpha = "no video was seen by two raters" if found.alpha is None else f"{found.alpha:.2f}"
    failed = [check for check in found.checks if check.failed]
    lines += [
        "",
        f"{found.rankings} rankings by {found.raters} raters of {found.items} cases.",
        f"Friedman's chi-square over cases is {found.friedman:.2f}, p = {found.p_value:.2g}; Kendall's W is "
        f"{found.kendall_w:.2f}. Krippendorff's alpha (ordinal): {alpha}.",
        f"{len(failed)} of {len(found.checks)} raters failed a check"
        + (f": {', '.join(f'r{check.rater + 1}' for check in failed)}" if failed else "")
        + f"; {len(found.excluded)} are left out.",
    ]
    if found.checks:
        lines.append(f"The median answer took {median(check.seconds for check in found.checks):.0f} s.")
    return "\n".join(lines) + "\n"
