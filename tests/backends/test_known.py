"""Parts of a video that are held while the others are denoised."""

from __future__ import annotations

import pytest
import torch

from reasondiff.backends.base import Known
from reasondiff.errors import InputError


def test_what_is_held_lies_on_the_path_to_the_known_video_by_hand() -> None:
    known = Known(torch.full((1, 1, 3, 1, 1), 2.0), held=(0, 2))
    latents, noise = torch.full((1, 1, 3, 1, 1), 9.0), torch.full((1, 1, 3, 1, 1), 4.0)
    assert known.onto(latents, noise, 0.25).flatten().tolist() == [0.75 * 2 + 0.25 * 4, 9, 0.75 * 2 + 0.25 * 4]
    assert known.onto(latents, noise, 0.0).flatten().tolist() == [2, 9, 2]
    assert known.onto(latents, noise, 1.0).flatten().tolist() == [4, 9, 4]
    assert latents.flatten().tolist() == [9, 9, 9]  # the given ones stay


def test_one_known_video_serves_several() -> None:
    known = Known(torch.zeros(1, 1, 2, 1, 1), held=(1,))
    held = known.onto(torch.ones(3, 1, 2, 1, 1), torch.full((3, 1, 2, 1, 1), 5.0), 0.0)
    assert held.flatten(1).tolist() == [[1, 0]] * 3


@pytest.mark.parametrize(("held", "message"), [((0, 1, 2), "nothing to make"), ((3,), "no latent frame 3")])
def test_refused(held: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Known(torch.zeros(1, 1, 3, 1, 1), held)
