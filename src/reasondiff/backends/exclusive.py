"""Two threads never compute with the same part at once; the second one waits.

A pipeline, a scheduler, a VAE and a transformer all keep state while they run: a video's place in its steps, a causal
cache, which story is read, which LoRA is switched off. A job in another's state would give its user the other's
story.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["exclusive"]

_guard = threading.Lock()
_locks: WeakKeyDictionary[object, object] = WeakKeyDictionary()


@contextmanager
def exclusive(*parts: Any) -> Iterator[None]:
    """Inside the block the parts belong to this thread, which may nest such blocks; other threads wait their turn.

    Args:
        parts: objects that are known by identity, such as modules; None stands for no part.
    """
    locks = {id(part): _lock_of(part) for part in parts if part is not None}
    with ExitStack() as stack:
        for _, lock in sorted(locks.items()):  # one order for all, so that no two threads wait for each other
            stack.enter_context(lock)
        yield


def _lock_of(part: Any) -> Any:
    with _guard:
        return _locks.setdefault(part, threading.RLock())
