"""An autoencoder whose code gives the features: it learns to reconstruct images, and needs no labels.

dcgan-kit contains the encoder of ``fashion_reconstruction`` (made by scripts/train_fashion_reconstruction.py).
``self_reconstruction`` trains the same network on the images of a recipe. Only the encoder is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from dcgan_kit_plugins.extractor.antialiased_resize import shrunk
from dcgan_kit_plugins.extractor.classifier import BATCH, CONSTANT, batches_of_indices, first_weights

from dcgan_kit import Features, report_progress

FILTERS = (32, 64, 64)
"""Filters of the 3x3 convolutions, each with stride 2 and a leaky ReLU. The decoder has them in reverse order."""
FEATURES = 64
LARGEST_SIDE = 32
"""Pixels: larger images are resized first, so that training takes seconds."""
LEARNING_RATE = 2e-3

Weights = Mapping[str, Any]


def smallest_map(height: int, width: int) -> tuple[int, int]:
    """Return the size of the last map of the encoder: height and width are halved and rounded up at each scale."""
    for _ in FILTERS:
        height, width = -(-height // 2), -(-width // 2)
    return height, width


def encoder_shapes(height: int, width: int, channels: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight of the encoder by name, in the order of the layers."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number, filters in enumerate(FILTERS, start=1):
        shapes[f"encoder{number}/kernel"] = (3, 3, channels, filters)
        shapes[f"encoder{number}/bias"] = (filters,)
        channels = filters
    down, right = smallest_map(height, width)
    shapes.update({"code/kernel": (down * right * channels, FEATURES), "code/bias": (FEATURES,)})
    return shapes


def decoder_shapes(height: int, width: int, channels: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight of the decoder by name, in the order of the layers."""
    down, right = smallest_map(height, width)
    units = down * right * FILTERS[-1]
    shapes: dict[str, tuple[int, ...]] = {"map/kernel": (FEATURES, units), "map/bias": (units,)}
    filters = FILTERS[-1]
    for number, wanted in enumerate((*FILTERS[-2::-1], channels), start=1):
        shapes[f"decoder{number}/kernel"] = (3, 3, filters, wanted)
        shapes[f"decoder{number}/bias"] = (wanted,)
        filters = wanted
    return shapes


def encoded(images: Any, weights: Weights) -> Any:
    """Return the code (N, 64) of float images (N, H, W, C) from -1 to 1, as a tensor."""
    import tensorflow as tf

    x = images
    for number in range(1, len(FILTERS) + 1):
        x = tf.nn.conv2d(x, weights[f"encoder{number}/kernel"], 2, "SAME")
        x = tf.nn.leaky_relu(x + weights[f"encoder{number}/bias"])
    x = tf.reshape(x, (-1, np.prod(x.shape[1:])))
    return x @ weights["code/kernel"] + weights["code/bias"]


def decoded(code: Any, weights: Weights, size: tuple[int, int]) -> Any:
    """Return the images (N, H, W, C) that a code (N, 64) stands for, from about -1 to 1, as a tensor."""
    import tensorflow as tf

    down, right = smallest_map(*size)
    x = tf.nn.leaky_relu(code @ weights["map/kernel"] + weights["map/bias"])
    x = tf.reshape(x, (-1, down, right, FILTERS[-1]))
    for number in range(1, len(FILTERS) + 1):
        x = tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
        x = tf.nn.conv2d(x, weights[f"decoder{number}/kernel"], 1, "SAME") + weights[f"decoder{number}/bias"]
        x = x if number == len(FILTERS) else tf.nn.leaky_relu(x)
    return x[:, : size[0], : size[1]]


def describing(weights: Weights, shape: tuple[int, int, int]) -> Callable[[Any], Features]:
    """Return the function from pixels (N, *shape) to the code."""
    import tensorflow as tf

    constants = {name: tf.constant(np.asarray(value, np.float32)) for name, value in weights.items()}

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, *shape), tf.uint8)])
    def described(pixels: Any) -> Any:
        return encoded(_scaled(pixels), constants)

    return lambda pixels: Features(described(tf.constant(pixels)).numpy())


def trained(pixels: Any, steps: int, seed: int) -> tuple[dict[str, np.ndarray], float]:
    """Train on uint8 images (N, H, W, C), with sides of at most 32 pixels.

    The same seed gives the same weights. Features have a standard deviation of 1 over these images. Constant features
    are 0.

    Returns:
        the weights of the encoder; the mean squared error of the last batches, where images go from -1 to 1.
    """
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    random = np.random.Generator(np.random.Philox(seed))
    shape = pixels.shape[1:]
    shapes = {**encoder_shapes(*shape), **decoder_shapes(*shape)}
    variables = {name: keras.Variable(first_weights(random, name, wanted)) for name, wanted in shapes.items()}
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    optimizer.build(list(variables.values()))

    @tf.function(autograph=False)
    def step(batch: Any) -> Any:
        images = _scaled(batch)
        with tf.GradientTape() as tape:
            values = {name: variable.value for name, variable in variables.items()}
            again = decoded(encoded(images, values), values, (shape[0], shape[1]))
            loss = tf.reduce_mean(tf.square(again - images))
        gradients = tape.gradient(loss, [variable.value for variable in variables.values()])
        optimizer.apply(gradients, list(variables.values()))
        return loss

    losses = []
    for number, chosen in enumerate(batches_of_indices(random, len(pixels), steps)):
        losses.append(step(tf.constant(pixels[chosen])))
        report_progress(number + 1, steps)
    weights = {name: np.asarray(variables[name]) for name in encoder_shapes(*shape)}
    return _with_deviation_1(weights, pixels), float(np.mean([float(loss) for loss in losses[-100:]]))


def _scaled(pixels: Any) -> Any:
    return shrunk(pixels, LARGEST_SIDE) / 127.5 - 1.0


def _with_deviation_1(weights: dict[str, np.ndarray], pixels: Any) -> dict[str, np.ndarray]:
    describe = describing(weights, pixels.shape[1:])
    parts = [describe(pixels[start : start + BATCH]).features for start in range(0, len(pixels), BATCH)]
    deviation = np.concatenate(parts).astype(np.float64).std(axis=0)
    alive = deviation > CONSTANT * deviation.max()
    factor = np.where(alive, 1.0 / np.where(alive, deviation, 1.0), 0.0)
    scaled = {name: weights[name] * factor for name in ("code/kernel", "code/bias")}
    return {name: np.asarray(scaled.get(name, value), np.float32) for name, value in weights.items()}
