"""Pause Python's cyclic garbage collector while a tree is built.

The collector would otherwise walk the growing tree many times.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause the cyclic collector: a tree has hundreds of thousands of nodes and no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
