"""Do people say what the judges say? ``python -m benchmarks.verdicts`` in the repository's root.

    build EVALUATION -o FOLDER     sheets of clips in random order, without method or verdict; form.json; key.json
    kappa FOLDER ANSWERS...        what raters said, held against the judges and against each other

EVALUATION is a folder of ``reasondiff evaluate`` on drawn cases. A rater fills a copy of ``form.json`` in, true or
false per number, seeing the sheets only; ``key.json`` is for ``kappa``, which ends with 1 where the first rater's
agreement with the judges is below 0.8, or more than one in twenty of the judges' passes are none to that rater.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from reasondiff.errors import InputError
from reasondiff.evaluation.rows import Row, read_rows
from reasondiff.evaluation.runner import video_path
from reasondiff.evaluation.suites.storyworld import StoryWorldSuite
from reasondiff.files import atomic_path
from reasondiff.media import SheetRow, contact_sheet, read_video
from reasondiff.storyworld.stories import Story

LEAST_KAPPA, MOST_WRONG_PASSES = 0.8, 0.05
PER_SHEET, COLUMNS = 10, 16
QUESTION = (
    "True if the video tells the story: a person would name the agent all along its way, as one and the same; "
    "it comes in and goes out at the sides; the object changes as told, once, when the agent is there."
)


def kappa(one: Mapping[str, bool], other: Mapping[str, bool]) -> float:
    """Cohen's kappa of two raters who answered the same questions; 1 where both always say the same one thing."""
    count = len(one)
    agreed = sum(one[key] == other[key] for key in one) / count
    yes = sum(one.values()) / count, sum(other.values()) / count
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def in_words(story: Story) -> str:
    """What the rater is to look for."""
    before, after = story.states
    event = f"it goes from {before} to {after}" if story.changes else f"it stays {before}"
    return f"{story.object} and {story.agent}: {event}"


def build(folders: Sequence[Path], output: Path, count: int, seed: int) -> None:
    """Draw the sheets, the form and the key."""
    rng = random.Random(seed)
    told: list[tuple[Path, Row, str]] = []
    for folder in folders:
        asked = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        drawn = StoryWorldSuite(asked["cases"], asked["split"], asked["level"]).drawn
        rows = [row for row in read_rows(folder / "results.jsonl").values() if row.failure is None]
        told += [(folder, row, in_words(drawn[row.case].take.story)) for row in rows]
    if len(told) < count:
        raise InputError(f"There are {len(told)} videos, {count} are asked for; give --clips {len(told)} or less.")
    chosen = rng.sample(told, count)
    output.mkdir(parents=True, exist_ok=True)
    sheets = [range(start, min(count, start + PER_SHEET)) for start in range(0, count, PER_SHEET)]
    for number, some in enumerate(sheets, 1):
        strips = [
            SheetRow(
                title=f"{index + 1}   {words}",
                frames=read_video(video_path(folder, row)).frames,
                anchor=row.anchor_frame,
            )
            for index in some
            for folder, row, words in [chosen[index]]
        ]
        contact_sheet(strips, output / f"sheet-{number:02d}.png", title=QUESTION, columns=COLUMNS)
    numbered = {str(index + 1): row for index, (_, row, _) in enumerate(chosen)}
    _write(output / "form.json", {number: None for number in numbered})
    _write(output / "key.json", {number: _about(row) for number, row in numbered.items()})


def _about(row: Row) -> dict[str, object]:
    return {"system": row.system, "case": row.case, "passed": row.values["story_success"] == 1, "verdict": row.verdict}


def _write(path: Path, data: Mapping[str, object]) -> None:
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def read_answers(path: Path, wanted: Sequence[str]) -> dict[str, bool]:
    """A rater's answers.

    Raises:
        InputError: one is missing, or neither true nor false.
    """
    answers = json.loads(path.read_text(encoding="utf-8"))
    for number in wanted:
        if not isinstance(answers.get(number), bool):
            raise InputError(f"{path} has {answers.get(number)!r} for clip {number}; answer true or false.")
    return {number: answers[number] for number in wanted}


def compare(key: Mapping[str, Mapping[str, object]], answers: Mapping[str, Mapping[str, bool]]) -> bool:
    """Print the table; whether the first rater reaches the goals."""
    judges = {number: bool(about["passed"]) for number, about in key.items()}
    reached = []
    print(f"{'rater':24}{'passes':>8}{'kappa with judges':>19}{'wrong passes':>14}{'wrong failures':>16}")
    print(f"{'the judges':24}{sum(judges.values()):8}")
    for name, said in answers.items():
        passes, failures = (sum(verdict == wanted for verdict in judges.values()) for wanted in (True, False))
        wrong = sum(judges[number] and not said[number] for number in judges)
        missed = sum(said[number] and not judges[number] for number in judges)
        agreement = kappa(judges, said)
        reached.append(agreement >= LEAST_KAPPA and wrong <= MOST_WRONG_PASSES * passes)
        print(f"{name:24}{sum(said.values()):8}{agreement:19.2f}{wrong:10}/{passes:<3}{missed:12}/{failures:<3}")
    names = list(answers)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            print(f"kappa of {name} and {other}: {kappa(answers[name], answers[other]):.2f}")
    for system in sorted({str(about["system"]) for about in key.values()}):
        of_it = [number for number, about in key.items() if about["system"] == system]
        said = ", ".join(f"{name} {sum(given[number] for number in of_it)}" for name, given in answers.items())
        print(f"{system}: {len(of_it)} clips, passed by the judges {sum(judges[number] for number in of_it)}, {said}")
    for number, about in key.items():
        if any(given[number] != about["passed"] for given in answers.values()):
            said = ", ".join(f"{name} {'pass' if given[number] else 'fail'}" for name, given in answers.items())
            print(f"  {number}: judges {about['verdict']}; {said}")
    return reached[0]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    building = verbs.add_parser("build", help="sheets of clips without method or verdict")
    building.add_argument("evaluations", nargs="+", type=Path, help="folders of reasondiff evaluate")
    building.add_argument("-o", "--output", type=Path, required=True, help="folder for the sheets")
    building.add_argument("--clips", type=int, default=100)
    building.add_argument("--seed", type=int, default=0)
    comparing = verbs.add_parser("kappa", help="raters held against the judges")
    comparing.add_argument("folder", type=Path, help="with key.json")
    comparing.add_argument("answers", nargs="+", type=Path, help="filled forms, one a rater")
    options = parser.parse_args(arguments)
    if options.verb == "build":
        build(options.evaluations, options.output, options.clips, options.seed)
        return 0
    key = json.loads((options.folder / "key.json").read_text(encoding="utf-8"))
    return 0 if compare(key, {path.stem: read_answers(path, list(key)) for path in options.answers}) else 1


if __name__ == "__main__":
    raise SystemExit(main())
