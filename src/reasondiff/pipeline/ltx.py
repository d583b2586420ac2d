"""Loading LTX-Video, as a preset says or as it is."""

from __future__ import annotations

import torch

from reasondiff.backends.ltx.components import LtxComponents
from reasondiff.backends.ltx.model import LtxModel
from reasondiff.pipeline.loading import apply_preset, loading_options
from reasondiff.planning.presets import Preset, suited

__all__ = ["load_ltx"]


def load_ltx(
    model: str, device: str | torch.device, preset: Preset | None = None, revision: str | None = None
) -> tuple[LtxComponents, LtxModel]:
    """Load a model onto its device.

    Args:
        model: a name, a folder or a hub id.
        device: where it computes.
        preset: how it is run; None for the model as it is, in fp32.
        revision: of a model on the hub.

    Raises:
        CheckpointError: the model cannot be loaded.
        UnsupportedError: this machine cannot do what the preset says.
    """
    device = torch.device(device)
    place = {} if revision is None else {"revision": revision}
    if preset is None:
        pipe = LtxComponents.from_pretrained(model, **place)
        pipe.to(device)
    else:
        options = loading_options(model, suited(preset, step_cache=False), device, **place)
        pipe = LtxComponents.from_pretrained(model, **options, **place)
        apply_preset(pipe, suited(preset, step_cache=False), device)
    pipe.set_progress_bar_config(disable=True)
    return pipe, LtxModel(pipe)
