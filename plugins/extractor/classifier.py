"""A small convolutional classifier whose last hidden layer gives the features: its network and its training.

dcgan-kit contains the weights of ``fashion_classifier`` (made by scripts/train_fashion_classifier.py).
``self_classifier`` trains the same network on the images of a recipe.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from dcgan_kit_plugins.extractor.antialiased_resize import shrunk

from dcgan_kit import Features, report_progress

CONVOLUTIONS = ((24, 1), (32, 2), (48, 1), (64, 2), (64, 2))
"""Filters and stride of each 3x3 convolution. A leaky ReLU follows each."""
FEATURES = 64
LARGEST_SIDE = 32
"""Pixels: larger images are resized first. Classes can be distinguished at this size, and training takes seconds."""
BATCH = 64
LEARNING_RATE = 2e-3
LABEL_SMOOTHING = 0.1
DROPOUT = 0.3
SHIFT = 2
"""Largest random shift in pixels during training. It keeps the network from memorizing 4,000 images."""
CONSTANT = 1e-3
"""A feature whose deviation is below this share of the largest deviation counts as constant, and is set to 0."""

Weights = Mapping[str, Any]


def weight_shapes(channels: int, classes: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight by name, in the order of the layers."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (filters, _) in enumerate(CONVOLUTIONS, start=1):
        shapes[f"convolution{number}/kernel"] = (3, 3, channels, filters)
        shapes[f"convolution{number}/bias"] = (filters,)
        channels = filters
    shapes.update({"features/kernel": (channels, FEATURES), "features/bias": (FEATURES,)})
    shapes.update({"classes/kernel": (FEATURES, classes), "classes/bias": (classes,)})
    return shapes


def apply(pixels: Any, weights: Weights, drop: Callable[[Any], Any] = lambda x: x) -> tuple[Any, Any]:
    """Return features (N, 64) and logits (N, K), as tensors, of uint8 or float pixels (N, H, W, C) from 0 to 255."""
    import tensorflow as tf

    x = shrunk(pixels, LARGEST_SIDE) / 127.5 - 1.0
    for number, (_, stride) in enumerate(CONVOLUTIONS, start=1):
        x = tf.nn.conv2d(x, weights[f"convolution{number}/kernel"], stride, "SAME")
        x = tf.nn.leaky_relu(x + weights[f"convolution{number}/bias"])
    x = drop(tf.reduce_mean(x, axis=(1, 2)))
    features = x @ weights["features/kernel"] + weights["features/bias"]
    return features, tf.nn.relu(features) @ weights["classes/kernel"] + weights["classes/bias"]


def describing(weights: Weights, shape: tuple[int, int, int]) -> Callable[[Any], Features]:
    """Return the function from pixels (N, *shape) to features and probabilities."""
    import tensorflow as tf

    constants = {name: tf.constant(np.asarray(value, np.float32)) for name, value in weights.items()}

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, *shape), tf.uint8)])
    def described(pixels: Any) -> Any:
        features, logits = apply(pixels, constants)
        return features, tf.nn.softmax(logits)

    def describe(pixels: Any) -> Features:
        features, probabilities = described(tf.constant(pixels))
        return Features(features.numpy(), probabilities.numpy())

    return describe


def trained(pixels: Any, labels: Any, classes: int, steps: int, seed: int) -> dict[str, np.ndarray]:
    """Return weights trained on uint8 images (N, H, W, C) with labels 0 … classes - 1.

    The same seed gives the same weights. Features have a standard deviation of 1 over these images. Constant features
    are 0.
    """
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    random = np.random.Generator(np.random.Philox(seed))
    variables = {
        name: keras.Variable(first_weights(random, name, shape))
        for name, shape in weight_shapes(pixels.shape[-1], classes).items()
    }
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    optimizer.build(list(variables.values()))

    @tf.function(autograph=False)
    def step(batch: Any, targets: Any, drop_seed: Any) -> None:
        def drop(x: Any) -> Any:
            return tf.nn.experimental.stateless_dropout(x, DROPOUT, drop_seed)

        with tf.GradientTape() as tape:
            _, logits = apply(batch, {name: variable.value for name, variable in variables.items()}, drop)
            smoothed = tf.one_hot(targets, classes) * (1.0 - LABEL_SMOOTHING) + LABEL_SMOOTHING / classes
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(smoothed, logits))
        gradients = tape.gradient(loss, [variable.value for variable in variables.values()])
        optimizer.apply(gradients, list(variables.values()))

    for number, chosen in enumerate(batches_of_indices(random, len(pixels), steps)):
        moved = _shifted(random, pixels[chosen])
        step(tf.constant(moved), tf.constant(labels[chosen], tf.int32), tf.constant([seed, number], tf.int32))
        report_progress(number + 1, steps)
    weights = {name: np.asarray(variable) for name, variable in variables.items()}
    return _scaled(weights, pixels)


def first_weights(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return initial weights: zeros for biases, else He et al. 2015, arXiv 1502.01852."""
    if name.endswith("bias"):
        return np.zeros(shape, np.float32)
    return (random.standard_normal(shape) * math.sqrt(2.0 / math.prod(shape[:-1]))).astype(np.float32)


def batches_of_indices(random: np.random.Generator, count: int, steps: int) -> np.ndarray:
    """Return the image indices of each step (steps, B), from one new permutation after the other."""
    needed = steps * min(BATCH, count)
    order = np.concatenate([random.permutation(count) for _ in range(math.ceil(needed / count))])
    return order[:needed].reshape(steps, -1)


def _shifted(random: np.random.Generator, images: np.ndarray) -> np.ndarray:
    _, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    down, right = random.integers(0, 2 * SHIFT + 1, (2, len(images)))
    rows, columns = down[:, None] + np.arange(height), right[:, None] + np.arange(width)
    return padded[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]


def _scaled(weights: dict[str, np.ndarray], pixels: Any) -> dict[str, np.ndarray]:
    """Scale features to a deviation of 1. The next layer divides by that factor, so logits stay the same.

    This is exact, because a positive factor passes through ReLU.
    """
    describe = describing(weights, pixels.shape[1:])
    features = np.concatenate([describe(pixels[i : i + 256]).features for i in range(0, len(pixels), 256)])
    deviation = features.astype(np.float64).std(axis=0)
    alive = deviation > CONSTANT * deviation.max()
    factor = np.where(alive, 1.0 / np.where(alive, deviation, 1.0), 0.0)
    back = np.where(alive, deviation, 0.0)[:, None]
    # The contribution of a constant feature to the logits moves into the bias.
    constant = np.maximum(features.mean(axis=0), 0.0) * ~alive @ weights["classes/kernel"]
    scaled = {
        "features/kernel": weights["features/kernel"] * factor,
        "features/bias": weights["features/bias"] * factor,
        "classes/kernel": weights["classes/kernel"] * back,
        "classes/bias": weights["classes/bias"] + constant,
    }
    return {name: np.asarray(scaled.get(name, value), np.float32) for name, value in weights.items()}
