"""Makes random layers draw from (seed, step, replica), independent of what they drew before.

By default a random layer in Keras keeps a counter. It draws the same on every replica, and a run could resume exactly
only if the counter were saved.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.networks.keras_internals import replace_next_seed, seed_generators


class LayerSeeds:
    """Gives the random layers of some models the random stream of the step that is being traced.

    Args:
        models: Keras models; their seed generators are replaced permanently, but outside a step they work as before.
    """

    def __init__(self, *models: Any) -> None:
        # TensorFlow traces mirrored replicas one after the other, each in its own thread.
        self._current = threading.local()
        for model in models:
            for generator in seed_generators(model):
                replace_next_seed(generator, self._next)

    @contextmanager
    def drawn_from(self, stream: StepStream, replica: Any) -> Iterator[None]:
        """Let layers that are called inside this context draw from the random stream of a step."""
        self._current.stream = (stream, replica)
        try:
            yield
        finally:
            self._current.stream = None

    def _next(self, own: Any) -> Any:
        def next_seed(ordered: bool = True) -> Any:
            current = getattr(self._current, "stream", None)
            if current is None:
                return own(ordered=ordered)
            stream, replica = current
            return tf.random.experimental.stateless_fold_in(stream.seed(), replica)

        return next_seed
