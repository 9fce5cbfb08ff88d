"""Features of a random convolutional network: statistics of four scales."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from dcgan_kit_plugins.extractor.antialiased_resize import shrunk

from dcgan_kit import Features

FILTERS = (16, 32, 48, 64)
"""Number of filters per scale. The map is halved between scales."""
LARGEST_SIDE = 64
"""Pixels: larger images are resized first, so that four scales cover the whole image."""


def random_weights(channels: int, seed: int) -> dict[str, np.ndarray]:
    """Return kernels (3, 3, C, F) and biases (F,). NumPy draws them, so they are the same on every machine."""
    random = np.random.Generator(np.random.Philox(seed))
    weights = {}
    for number, filters in enumerate(FILTERS, start=1):
        # He et al. 2015: activations keep their scale from one layer to the next.
        deviation = math.sqrt(2.0 / (9 * channels))
        kernel = random.standard_normal((3, 3, channels, filters)) * deviation
        weights[f"scale{number}/kernel"] = kernel.astype(np.float32)
        weights[f"scale{number}/bias"] = random.uniform(-0.5, 0.5, filters).astype(np.float32)
        channels = filters
    return weights


def describing(weights: dict[str, np.ndarray], shape: tuple[int, int, int]) -> Callable[[Any], Features]:
    """Return the function from pixels (N, *shape) to the mean and deviation of each filter's map, at four scales."""
    import tensorflow as tf

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, *shape), tf.uint8)])
    def described(pixels: Any) -> Any:
        x = shrunk(pixels, LARGEST_SIDE) / 127.5 - 1.0
        statistics = []
        for number in range(1, len(FILTERS) + 1):
            x = tf.nn.conv2d(x, weights[f"scale{number}/kernel"], 1, "SAME")
            x = tf.nn.relu(x + weights[f"scale{number}/bias"])
            mean, variance = tf.nn.moments(x, axes=(1, 2))
            statistics += [mean, tf.sqrt(variance)]
            x = tf.nn.avg_pool2d(x, 2, 2, "SAME")
        return tf.concat(statistics, axis=-1)

    return lambda pixels: Features(described(tf.constant(pixels)).numpy())
