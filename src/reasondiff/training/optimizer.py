"""What changes the weights: AdamW, with moments in 8 bits where a recipe says so, or Muon."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import torch
from torch import Tensor, nn

from reasondiff.errors import InputError
from reasondiff.training.sharding import share

__all__ = ["Optimizer", "check_eight_bit"]


def check_eight_bit() -> None:
    """Raise ``InputError`` unless bitsandbytes is installed."""
    try:
        import bitsandbytes
    except ImportError:
        raise InputError("AdamW in 8 bits needs bitsandbytes; run pip install 'reasondiff[8bit]'.") from None
    assert bitsandbytes


class Optimizer:
    """AdamW for all parameters, or Muon for the weights of layers and AdamW for the rest, as one.

    Args:
        parameters: by the name that their state is saved under.
        muon: a layer's weights are taken for a matrix [out, everything else], and its updates made orthogonal; they
            have AdamW's size, so that one learning rate fits both.
        eight_bit: AdamW's moments in blocks of 8 bits (bitsandbytes), a quarter of the memory; those of small tensors
            stay whole.

    Raises:
        InputError: bitsandbytes is not installed.
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        *,
        weight_decay: float,
        betas: tuple[float, float],
        muon: bool = False,
        eight_bit: bool = False,
    ) -> None:
        self.parameters = parameters
        self.eight_bit = eight_bit
        matrices = {name: p for name, p in parameters.items() if muon and p.ndim > 1 and p[0].numel() > 1}
        # torch's Muon wants matrices: these share their memory with the layers' weights (a copy would never be read)
        self._views = {name: nn.Parameter(p.detach().view(len(p), -1)) for name, p in matrices.items()}
        self._seen = {**parameters, **self._views}
        rest = [p for name, p in parameters.items() if name not in matrices]
        self._optimizers: list[torch.optim.Optimizer] = []
        if self._views:
            self._optimizers.append(
                torch.optim.Muon(self._views.values(), weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
            )
        if rest and eight_bit:
            check_eight_bit()
            import bitsandbytes

            self._optimizers.append(bitsandbytes.optim.AdamW8bit(rest, betas=betas, weight_decay=weight_decay))
        elif rest:
            fused = all(p.device.type in ("cpu", "cuda") for p in rest)
            self._optimizers.append(torch.optim.AdamW(rest, betas=betas, weight_decay=weight_decay, fused=fused))

    def step(self, lr: float) -> None:
        """Change the parameters by their gradients, which are cleared, at the learning rate ``lr``."""
        for name, view in self._views.items():
            grad = self.parameters[name].grad
            view.grad = None if grad is None else grad.flatten(1)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()
        self.clear()

    def clear(self) -> None:
        """Forget the gradients."""
        for parameter in chain(self.parameters.values(), self._views.values()):
            parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        """The moments, as ``parameter name/moment``."""
        moments: dict[Tensor, dict[str, Tensor]] = {}
        for optimizer in self._optimizers:
            moments.update(optimizer.state)
        state: dict[str, Tensor] = {}
        for name, parameter in self._seen.items():
            for moment, value in moments.get(parameter, {}).items():
                state[f"{name}/{moment}"] = torch.as_tensor(value)
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put moments that ``state`` gave back."""
        moments: dict[nn.Parameter, dict[str, Tensor | int]] = {}
        for key, value in state.items():
            name, _, moment = key.rpartition("/")
            parameter = self._seen[name]
            fits = value.shape == parameter.shape  # a count of steps is no share of anything
            moments.setdefault(parameter, {})[moment] = share(value, parameter) if fits else value
            if moment == "step" and self.eight_bit:  # it counts in a Python number
                moments[parameter][moment] = int(value)
        for optimizer in self._optimizers:
            own: list[nn.Parameter] = []
            for group in optimizer.param_groups:
                own += group["params"]
            numbered = {number: moments[p] for number, p in enumerate(own) if p in moments}
            optimizer.load_state_dict({**optimizer.state_dict(), "state": numbered})  # each moment on its device
