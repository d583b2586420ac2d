"""Whether a run fits into the GPU's memory, said before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasondiff.errors import CheckpointError, InputError
from reasondiff.planning.presets import Preset, preset

if TYPE_CHECKING:
    from reasondiff.planning import Architecture, Job

__all__ = ["FreeMemory", "fitting", "preset_for"]

_SMALL = 1e9
"""A model with fewer parameters runs as it is anywhere."""


@dataclass(frozen=True)
class FreeMemory:
    """A GPU as it is now.

    Args:
        size: bytes that are free.
        float8_products: it multiplies in 8 bits.
    """

    size: float
    float8_products: bool = False


def preset_for(
    model: str, name: str | None, given: Mapping[str, object], free: FreeMemory | None, *, revision: str | None = None
) -> Preset | None:
    """The preset to use: the one of that name, or else on a GPU the first that fits; None for a model as it is.

    Args:
        model: as the user named it.
        name: of a preset, or None.
        given: options of the run; None stands for the model's own.
        free: of the GPU; None where there is none.
        revision: of a model on the hub.

    Raises:
        InputError: there is no such preset, or the run does not fit.
    """
    wanted = preset(name) if name is not None else None
    if free is None:
        return wanted
    from reasondiff.planning import architecture, job_of

    try:
        found = architecture(model, revision)
    except CheckpointError:  # of a hub id whose configs cannot be read, nothing is known
        return wanted or preset("quality")
    if wanted is None and sum(found.parameters.values()) < _SMALL:
        return None
    return fitting(found, wanted, job_of(found.defaults, **given), free)


def fitting(model: Architecture, wanted: Preset | None, job: Job, free: FreeMemory) -> Preset:
    """``wanted`` or else the first preset that fits into the GPU's free memory.

    Raises:
        InputError: it does not fit; names the one that does.
    """
    from reasondiff.planning import fitting_preset, plan

    fits = fitting_preset(model, job, free.size, float8_products=free.float8_products)
    if wanted is None and fits is not None:
        return fits
    needed = plan(model, wanted or preset("low-vram"), job).memory
    if wanted is not None and needed <= free.size:
        return wanted
    asked = f"The preset {wanted.name!r}" if wanted is not None else f"{model.name!r}"
    fix = f"choose --preset {fits.name}" if fits is not None else "give fewer frames or a smaller size"
    room = f"{free.size / 1e9:.1f} GB are free"
    raise InputError(f"{asked} needs about {needed / 1e9:.1f} GB of GPU memory for this and {room}; {fix}.")
