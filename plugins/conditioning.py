"""Conditioning: tells features the class of their image.  (B, ...), (B, classes) → (B, ...).

Each component is a functional Keras model of the features and the one-hot classes. A recipe with ``condition`` has
classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from dcgan_kit import Component, Initializer, Site, component, hookimpl

if TYPE_CHECKING:
    import keras

Size = Annotated[int, Field(ge=1, le=16384)]
Embedding = Annotated[
    Size | None,
    Field(description="learned numbers for each class; null: the one-hot class, nothing is learned"),
]


@component("conditioning")
def concatenate(site: Site, *, embedding: Embedding = None, initializer: Initializer = None) -> keras.Model:
    """Put the class beside the features.  (B, N) → (B, N + K), (B, H, W, C) → (B, H, W, C + K).

    K is the number of classes, or ``embedding``. On a map, each of the K numbers becomes a constant map.

    Mirza, Osindero 2014, arXiv 1411.1784; on maps: github.com/carpedm20/DCGAN-tensorflow
    """
    from keras import Input, Model, layers

    x, label = Input(site.input_shape), site.label()
    told: Any = label
    if embedding is not None:
        told = site.dense(embedding, bias=False, initializer=initializer, name="embedding")(told)
    if len(site.input_shape) == 3:
        told = layers.Reshape((1, 1, told.shape[-1]))(told)
        told = layers.UpSampling2D(site.input_shape[:2])(told)
    return Model([x, label], layers.Concatenate()([x, told]))


@component("conditioning")
def multiply(site: Site, *, initializer: Initializer = None) -> keras.Model:
    """Multiply each feature by a learned number of the class.  (B, N) → (B, N), (B, H, W, C) → (B, H, W, C).

    github.com/eriklindernoren/Keras-GAN, acgan.py, for the latent vector
    """
    from keras import Input, Model, layers

    x, label = Input(site.input_shape), site.label()
    factor: Any = site.dense(site.input_shape[-1], bias=False, initializer=initializer, name="embedding")(label)
    if len(site.input_shape) == 3:
        factor = layers.Reshape((1, 1, site.input_shape[-1]))(factor)
    return Model([x, label], layers.Multiply()([x, factor]))


@component("conditioning")
def label_map(
    site: Site,
    *,
    embedding: Annotated[Size, Field(description="learned numbers for each class, of which the map is made")] = 50,
    bias: Annotated[bool, Field(description="whether each pixel of the map learns a bias")] = True,
    initializer: Initializer = None,
) -> keras.Model:
    """Add one channel that is a learned map of the class.  (B, H, W, C) → (B, H, W, C + 1).

    Raises:
        ValueError: the features are a vector, which has no height and width.

    The conditional DCGAN of machinelearningmastery.com; github.com/H3OX/GAN-Diploma
    """
    from keras import Input, Model, layers

    if len(site.input_shape) != 3:
        raise ValueError(f"the features must be a map (H, W, C). Received: shape {site.input_shape}; use concatenate")
    height, width, _ = site.input_shape
    x, label = Input(site.input_shape), site.label()
    hidden = site.dense(embedding, bias=False, initializer=initializer, name="embedding")(label)
    pixels = site.dense(height * width, bias=bias, initializer=initializer, name="pixels")(hidden)
    return Model([x, label], layers.Concatenate()([x, layers.Reshape((height, width, 1))(pixels)]))


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every conditioning."""
    return [concatenate, multiply, label_map]
