"""Random layers inside a step draw from (seed, step, replica), whatever was drawn before.

A Keras layer that draws keeps a counter, which draws the same on every replica and must be saved to go on alike.
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
    """Lends the random layers of some models the random stream of the step that is being traced.

    Args:
        models: Keras models; their seed generators are changed for good, and are as before outside a step.
    """

    def __init__(self, *models: Any) -> None:
        # Mirrored replicas are traced one after the other, each in a thread of its own.
        self._lent = threading.local()
        for model in models:
            for generator in seed_generators(model):
                replace_next_seed(generator, self._next)

    @contextmanager
    def drawn_from(self, stream: StepStream, replica: Any) -> Iterator[None]:
        """Let layers that are called inside draw from the random stream of a step."""
        self._lent.stream = (stream, replica)
        try:
            yield
        finally:
            self._lent.stream = None

    def _next(self, own: Any) -> Any:
        def next_seed(ordered: bool = True) -> Any:
            lent = getattr(self._lent, "stream", None)
            if lent is None:
                return own(ordered=ordered)
            stream, replica = lent
            return tf.random.experimental.stateless_fold_in(stream.seed(), replica)

        return next_seed
