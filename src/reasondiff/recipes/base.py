"""What a recipe is: a training run, complete and typed, that says what it reads, continues, writes and may change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch

from reasondiff.checkpoints import find_model
from reasondiff.data.loader import check_batch
from reasondiff.errors import CheckpointError, InputError
from reasondiff.recipes.config import to_json
from reasondiff.training.optimization import Optimization
from reasondiff.training.optimizer import check_eight_bit
from reasondiff.training.trainer import Stage

__all__ = ["Needed", "NetworkRecipe", "Recipe"]

Made = TypeVar("Made")


@dataclass(frozen=True)
class Needed:
    """A component that a recipe reads.

    Args:
        path: in the model folder.
        writer: the recipe that writes it.
    """

    path: str
    writer: str


@dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """One training run; a subclass per stage, a variant by ``dataclasses.replace``.

    Args:
        name: as given to ``reasondiff train --recipe``.
        purpose: one line for a reader of ``--dry-run``.
        optimization: steps, learning rate, precision, seed.
        validate_every: steps between validations; 0 validates at the end only.
        base_model: the model whose components are read; the ``--model`` folder unless given.
        from_weights: a model folder with whose weights training begins; from nothing unless given.

    Raises:
        InputError: it is to begin with weights, and cannot.
    """

    name: str
    purpose: str
    optimization: Optimization
    validate_every: int = 0
    base_model: str | None = None
    from_weights: str | None = None

    shortcuts: ClassVar[Mapping[str, str]] = {}
    """Which value the command line's --batch and --compile change, by their names."""
    may_change: ClassVar[frozenset[str]] = frozenset(
        {
            "optimization.steps",
            "optimization.precision",
            "optimization.max_skipped_steps",
            "purpose",
            "validate_every",
        }
    )
    """What a run may go on with in another way: how long, how fast and on how much, not what is trained or how.

    A precision is how fast, too: weights are kept in fp32, and the next machine may have another.
    """

    def __post_init__(self) -> None:
        if self.from_weights is not None and not self.continues_from:
            raise InputError(f"{self.name} takes no --from-weights; leave it out.")

    def with_data(self, folder: Path, *, keep_steps: bool) -> Recipe:
        """The recipe on an encoded set.

        Args:
            folder: of the set.
            keep_steps: the steps were asked for; otherwise they follow from the number of clips.

        Raises:
            InputError: it draws clips of its own, or the set does not fit.
        """
        raise InputError(f"{self.name} draws its own clips; leave --data out, or give --recipe wan-14b/stage1.")

    def placed(self, runs: Path) -> Recipe:
        """The recipe where runs lie in ``runs``: one that goes on with another's result finds it there."""
        return self

    def adapter_in(self, runs: Path) -> Path | None:
        """Where its adapter goes unless told; None for a recipe whose folder must be named."""
        return None

    def note(self) -> str:
        """A sentence that a user should read before the run; "" for none."""
        return ""

    @abstractmethod
    def build(self, model: Path, cache: Path, device: str) -> Stage:
        """Make the stage, in all processes of a run at once.

        Args:
            model: the folder with the components of earlier stages.
            cache: a folder for encoded clips and the like.
            device: ``cpu`` or ``cuda``.
        """

    @property
    @abstractmethod
    def reads(self) -> tuple[Needed, ...]:
        """What it reads of the model folder."""

    @property
    @abstractmethod
    def trained_on(self) -> tuple[str, ...]:
        """Of what it reads, the weights that what it trains would not fit others of."""

    @property
    @abstractmethod
    def continues_from(self) -> tuple[str, ...]:
        """What it reads of the folder that ``from_weights`` names; nothing for a recipe that cannot."""

    @property
    @abstractmethod
    def exports(self) -> tuple[str, ...]:
        """What it writes into the model folder."""

    def to_dict(self) -> dict[str, Any]:
        """The resolved configuration, as ``--dry-run`` prints it, ``--config`` reads it and a run keeps it."""
        values = to_json(self)
        return {"recipe": values.pop("name"), **values}

    def read_from(self, model: Path) -> Path:
        """The folder whose components are read, when results go into ``model``."""
        return model if self.base_model is None else Path(find_model(self.base_model))

    def check(self, model: Path) -> None:
        """Raise where something is missing that the recipe reads, before the long work begins.

        Here, because the libraries below take the name of a folder that is not there for one of the hub.

        Raises:
            CheckpointError: names what is missing, and who writes it.
            InputError: the folder is of another kind, or an extra is not installed.
        """
        if self.optimization.eight_bit:
            if self.optimization.shard_weights:
                raise InputError("AdamW in 8 bits knows no shared weights; set optimization.eight_bit=false.")
            check_eight_bit()
        folder = self.read_from(model)
        for needed in self.reads:
            if not (folder / needed.path).exists():
                raise CheckpointError(
                    f"There is no {str(folder / needed.path)!r}; train {needed.writer} first, or give another --model."
                )
        if self.from_weights is None:
            return
        for part in self.continues_from:
            if not (place := Path(self.from_weights, part)).exists():
                raise CheckpointError(f"There is no {str(place)!r} to begin with; leave --from-weights out.")

    def seeded(self, make: Callable[[], Made]) -> Made:
        """What ``make`` returns, with initial weights that depend on the recipe's seed only."""
        with torch.random.fork_rng():
            torch.manual_seed(self.optimization.seed)
            return make()


@dataclass(frozen=True, kw_only=True)
class NetworkRecipe(Recipe):
    """A recipe of a network that needs no other one: it reads no component, and nothing it trains is tied to one.

    Args:
        batch: samples per step and process.
    """

    batch: int

    shortcuts: ClassVar[Mapping[str, str]] = {"batch": "batch"}
    may_change: ClassVar[frozenset[str]] = Recipe.may_change | {"batch"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_batch(self.batch)

    @property
    def reads(self) -> tuple[Needed, ...]:
        return ()

    @property
    def trained_on(self) -> tuple[str, ...]:
        return ()

    def check(self, model: Path) -> None:
        super().check(model)
        writes_into_folder_itself = "config.json" in self.exports
        if writes_into_folder_itself and (model / "model_index.json").exists():
            raise InputError(f"{str(model)!r} is a pipeline's folder; give {self.name} one of its own as --model.")
