"""How near images of garments are to the embedded ones: the Fréchet distance in the features of a small classifier.

The classifier is trained on the embedded images and their labels when it is needed, about half a minute. Its distances
compare runs of one benchmark; they are no FID, and mean nothing beside another classifier's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import keras
import numpy as np
from keras import layers

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin_loading import PluginSettings
from dcgan_kit.data.loading import load_images
from dcgan_kit.recipes.loading import load_recipe

FEATURES = 32
EPOCHS = 12


@lru_cache(maxsize=1)
def garments() -> Images:
    """The embedded images with their labels."""
    return load_images(load_recipe("lecture-fashion28", (), PluginSettings(builtins_only=True)).recipe)


@lru_cache(maxsize=1)
def _extractor() -> Any:
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 255)(image)
    for filters in (32, 64):
        x = layers.MaxPooling2D()(layers.Conv2D(filters, 3, padding="same", activation="relu")(x))
    x = layers.Dropout(0.4)(layers.Flatten()(x))
    features = layers.Dense(FEATURES, activation="tanh")(x)
    model = keras.Model(image, layers.Dense(10)(features))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images = garments()
    model.fit(images.pixels.astype("float32"), images.labels, batch_size=128, epochs=EPOCHS, verbose=0)
    return keras.Model(image, features)


def features(pixels: Any) -> Any:
    """Uint8 images (N, 28, 28, 1) → float64 (N, ``FEATURES``)."""
    return _extractor().predict(pixels.astype("float32"), batch_size=500, verbose=0).astype(np.float64)


def frechet(one: Any, other: Any) -> float:
    """Return the squared Fréchet distance of two Gaussians fitted to features (N, D), (M, D).

    |m1 - m2|² + tr(C1 + C2 - 2 (C1^½ C2 C1^½)^½); Dowson, Landau 1982; Heusel et al. 2017, arXiv 1706.08500
    """
    means, covariances = [x.mean(0) for x in (one, other)], [np.cov(x, rowvar=False) for x in (one, other)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ covariances[1] @ root), 0, None)).sum()
    shift = means[0] - means[1]
    return float(shift @ shift + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * cross)


def distance(pixels: Any) -> float:
    """The distance of generated images from the embedded ones."""
    return frechet(features(pixels), features(garments().pixels))


def floor() -> float:
    """The distance of one half of the embedded images from the other."""
    order = np.random.default_rng(0).permutation(len(garments()))
    found = features(garments().pixels)[order]
    half = len(order) // 2
    return frechet(found[:half], found[half:])
