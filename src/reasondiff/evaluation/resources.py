"""What systems and metrics share in one evaluation: its folder, the model, and the story of each case."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from reasondiff.errors import InputError, NarrationError
from reasondiff.evaluation.networks.shelf import Networks
from reasondiff.evaluation.outputs import Failure
from reasondiff.evaluation.suites.base import Case
from reasondiff.files import atomic_path
from reasondiff.narrative import Narrative
from reasondiff.pipeline import ReasonDiffPipeline

__all__ = ["Resources"]


class Resources:
    """One evaluation's folder, model and stories.

    Args:
        folder: where results, stories and videos are kept.
        load_pipe: loads the model when a system or a metric first asks for it; None for systems that need none.
        load_model: loads the model of a folder, for systems that have weights of their own.
        networks: that metrics look through.
        ranks: answers of people, for the metric that needs them.
        cases: of the suite, for metrics whose scale is what its true clips have.
    """

    def __init__(
        self,
        folder: Path,
        load_pipe: Callable[[], ReasonDiffPipeline] | None = None,
        *,
        load_model: Callable[[Path], ReasonDiffPipeline] | None = None,
        networks: Networks | None = None,
        ranks: Path | None = None,
        cases: Sequence[Case] = (),
    ) -> None:
        self.folder = folder
        self.networks = networks or Networks()
        self._load_pipe = load_pipe
        self._load_model = load_model
        self._variant: tuple[Path, Resources] | None = None
        self._ranks = ranks
        self.cases = cases

    @cached_property
    def pipe(self) -> ReasonDiffPipeline:
        """The model.

        Raises:
            InputError: this evaluation was given none.
        """
        if self._load_pipe is None:
            raise InputError("This evaluation was given no model, and a system or a metric needs one; give a model.")
        return self._load_pipe()

    def of_model(self, folder: Path) -> Resources:
        """The same folder and stories with another model, of which one is in memory at a time.

        Raises:
            InputError: this evaluation can load none.
        """
        if self._load_model is None:
            raise InputError(f"This evaluation cannot load {str(folder)!r}; give it as --model instead.")
        if self._variant is None or self._variant[0] != folder:
            load = self._load_model
            self._variant = None  # let the one before go first
            self._variant = (folder, Resources(self.folder, lambda: load(folder), networks=self.networks))
        return self._variant[1]

    @property
    def ranks(self) -> Path:
        """The file with people's answers.

        Raises:
            InputError: this evaluation was given none.
        """
        if self._ranks is None:
            raise InputError("The user rank needs people's answers; give their file as --ranks.")
        return self._ranks

    def story_of(self, case: Case) -> Narrative | Failure:
        """The narrator's story of a case, kept, so that every system is told the same one.

        A story of no use is kept as a failure, which counts against every system that is told it. Nothing is kept
        where the narrator could not be asked.

        Raises:
            ProviderError: the narrator's model could not be asked.
        """
        told, failed = (self.folder / "narratives" / f"{case.id}{end}" for end in (".json", ".failure.json"))
        if told.exists():
            return Narrative.load(told)
        if failed.exists():
            return _read_failure(failed)
        told.parent.mkdir(parents=True, exist_ok=True)
        defaults = self.pipe.defaults
        try:
            story = self.pipe.narrator.narrate(
                case.image, case.prompt, num_frames=defaults.num_frames, interval=defaults.interval
            )
        except NarrationError as error:
            with atomic_path(failed) as partial:
                partial.write_text(json.dumps({"failure": str(error)}) + "\n", encoding="utf-8")
            return Failure(str(error))
        story.save(told)
        return story


def _read_failure(path: Path) -> Failure:
    try:
        return Failure(str(json.loads(path.read_text(encoding="utf-8"))["failure"]))
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{str(path)!r} is damaged; delete it, and the narrator is asked again.") from None
