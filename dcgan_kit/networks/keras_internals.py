"""Layers whose weights have a shape and take no memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
from keras.src.backend.common import global_state

_WAITING = "uninitialized_variables"


@contextmanager
def weightless() -> Iterator[None]:
    """Build layers without creating their weights, now or ever."""
    waiting = list(global_state.get_global_attribute(_WAITING) or ())
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        # Keras keeps a list of weights that it still owes, and would create them with the next layer that is built
        # for real; it offers no public way to strike them off.
        global_state.set_global_attribute(_WAITING, waiting)
