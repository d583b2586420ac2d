"""What other libraries draw and remark while they read a model's files, left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_libraries"]


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Inside the block diffusers and transformers draw no bars and remark nothing but errors; afterwards as before.

    Their bars count files of a folder, and transformers remarks at each start that a package is missing which nothing
    here needs. Whoever sets their verbosity still sees what they say of anything else.
    """
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    libraries = (of_diffusers, of_transformers)
    before = [(each.is_progress_bar_enabled(), each.get_verbosity()) for each in libraries]
    for each in libraries:
        each.disable_progress_bar()
        each.set_verbosity_error()
    try:
        yield
    finally:
        for each, (bars, verbosity) in zip(libraries, before, strict=True):
            each.set_verbosity(verbosity)
            if bars:
                each.enable_progress_bar()
