"""When the garbage collector had better wait."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Lets the collector wait while much is built that stays: looking through it again and again
    takes half of the time. Pauses may lie within one another, in one thread."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
