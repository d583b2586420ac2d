"""Whether a run fits into the GPU's memory, said before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reasondiff.errors import CheckpointError, InputError
from reasondiff.planning.presets import Preset, preset

if TYPE_CHECKING:
    from reasondiff.planning import Architecture, Job

__all__ = ["fitting", "preset_for"]

_SMALL = 1e9
"""A model with fewer parameters runs as it is anywhere."""


def preset_for(model: str, name: str | None, given: Mapping[str, Any], revision: str | None = None) -> Preset | None:
    """The preset to use: the one of that name, or else on a GPU the first that fits; None for a model as it is.

    Args:
        model: as the user named it.
        name: of a preset, or None.
        given: options of the run; None stands for the model's own.
        revision: of a model on the hub.

    Raises:
        InputError: there is no such preset, or the run does not fit.
    """
    import torch

    wanted = preset(name) if name is not None else None
    if not torch.cuda.is_available():
        return wanted
    from reasondiff.planning import architecture, job_of

    try:
        found = architecture(model, revision)
    except CheckpointError:  # of a hub id whose configs cannot be read, nothing is known
        return wanted or preset("quality")
    if wanted is None and sum(found.parameters.values()) < _SMALL:
        return None
    free, _ = torch.cuda.mem_get_info()
    eights = torch.cuda.get_device_capability() >= (8, 9)
    return fitting(found, wanted, job_of(found.defaults, **given), free, float8_products=eights)


def fitting(model: Architecture, wanted: Preset | None, job: Job, free: float, *, float8_products: bool) -> Preset:
    """``wanted`` or else the first preset that fits into ``free`` bytes.

    Raises:
        InputError: it does not fit; names the one that does.
    """
    from reasondiff.planning import fitting_preset, plan

    fits = fitting_preset(model, job, free, float8_products=float8_products)
    if wanted is None and fits is not None:
        return fits
    needed = plan(model, wanted or preset("low-vram"), job).memory
    if wanted is not None and needed <= free:
        return wanted
    asked = f"The preset {wanted.name!r}" if wanted is not None else f"{model.name!r}"
    fix = f"choose --preset {fits.name}" if fits is not None else "give fewer frames or a smaller size"
    raise InputError(
        f"{asked} needs about {needed / 1e9:.1f} GB of GPU memory for this and {free / 1e9:.1f} GB are free; {fix}."
    )
