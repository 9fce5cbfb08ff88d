"""Heads: from the discriminator's last map to one logit.  (B, H, W, C) → (B, 1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from dcgan_kit import Bias, Component, Initializer, KernelSize, Site, Slot, Stride, component, hookimpl, pair

if TYPE_CHECKING:
    import keras

Build = Callable[[Site], Any]
DropoutRate = Annotated[
    float, Field(ge=0.0, lt=1.0, description="share of the features dropped before the dense layer")
]


@component("head")
def dense(
    site: Site,
    *,
    dropout: DropoutRate = 0.0,
    hidden: Annotated[
        Annotated[int, Field(ge=1, le=16384)] | None,
        Field(description="units of a dense layer before the last one; null: there is none"),
    ] = None,
    normalization: Annotated[Any, Slot("normalization"), Field(description="of the hidden units; null: none")] = None,
    activation: Annotated[Any, Slot("activation"), Field(description="of the hidden units; null: none")] = None,
    conditioning: Annotated[
        Any, Slot("conditioning"), Field(description="tells each dense layer the class; null: none")
    ] = None,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Flatten, apply dropout in training, then a dense layer.  (B, H, W, C) → (B, 1).

    With ``hidden``, a dense layer to so many units, their normalization and their activation come before the last
    dense layer. ``bias`` and ``initializer`` are those of both. ``conditioning`` comes before both, each time anew.

    Raises:
        ValueError: there is a normalization or an activation, and no hidden layer.

    Radford et al. 2015, arXiv 1511.06434; dropout: keras.io/examples/generative/dcgan_overriding_train_step; hidden:
    github.com/carpedm20/DCGAN-tensorflow, its networks for MNIST
    """
    from keras import layers

    if hidden is None and (normalization or activation):
        raise ValueError("normalization and activation are those of hidden units. Received: hidden=None; set hidden")
    given = math.prod(site.input_shape)
    before_hidden = [] if hidden is None else _inner(site, "conditioning", conditioning, given)
    last = "conditioning_2" if before_hidden else "conditioning"
    return [
        layers.Flatten(),
        *([layers.Dropout(dropout, seed=site.seed("dropout"))] if dropout else []),
        *before_hidden,
        *([] if hidden is None else _hidden(site, hidden, normalization, activation, bias, initializer)),
        *_inner(site, last, conditioning, hidden or given),
        site.dense(1, bias=bias, initializer=initializer),
    ]


@component("head")
def conv(
    site: Site,
    *,
    kernel_size: Annotated[
        KernelSize | None,
        Field(description="side of the kernel in pixels, or [height, width]; null: that of the whole map"),
    ] = None,
    stride: Stride = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Convolve without padding to a map of one pixel.  (B, H, W, C) → (B, 1).

    Raises:
        ValueError: the kernel fits into the map at more than one position, or at none.

    pytorch/examples, dcgan/main.py
    """
    from keras import layers

    height, width, _ = site.input_shape
    kernel = (height, width) if kernel_size is None else pair(kernel_size)
    steps = pair(stride)
    places = [(side - taps) // step + 1 for side, taps, step in zip((height, width), kernel, steps, strict=True)]
    if places != [1, 1]:
        raise ValueError(
            "kernel_size and stride must let the kernel fit into the map exactly once. "
            f"Received: map {height}x{width}, kernel_size={kernel}, stride={steps}. "
            "Leave out kernel_size, or change the stages before."
        )
    return [site.conv(1, kernel, stride=steps, padding="valid", bias=bias, initializer=initializer), layers.Flatten()]


@component("head")
def sum_pool_dense(site: Site, *, bias: Bias = None, initializer: Initializer = None) -> list[keras.Layer]:
    """Sum each channel over the map, then apply a dense layer.  (B, H, W, C) → (B, 1).

    Miyato, Koyama 2018, arXiv 1802.05637; PyTorch-StudioGAN, src/models/deep_conv.py
    """
    from keras import layers

    height, width, _ = site.input_shape
    return [
        layers.GlobalAveragePooling2D(),
        layers.Rescaling(height * width),
        site.dense(1, bias=bias, initializer=initializer),
    ]


@component("head")
def average_pool_dense(site: Site, *, bias: Bias = None, initializer: Initializer = None) -> list[keras.Layer]:
    """Average each channel over the map, then apply a dense layer.  (B, H, W, C) → (B, 1).

    Lin et al. 2013, arXiv 1312.4400, section 3.2
    """
    from keras import layers

    return [layers.GlobalAveragePooling2D(), site.dense(1, bias=bias, initializer=initializer)]


@component("head")
def max_pool_dense(site: Site, *, bias: Bias = None, initializer: Initializer = None) -> list[keras.Layer]:
    """Take the maximum of each channel over the map, then apply a dense layer.  (B, H, W, C) → (B, 1).

    Only the maxima get a gradient.

    keras.io/examples/generative/conditional_gan
    """
    from keras import layers

    return [layers.GlobalMaxPooling2D(), site.dense(1, bias=bias, initializer=initializer)]


@component("head")
def depthwise_dense(site: Site, *, bias: Bias = None, initializer: Initializer = None) -> list[keras.Layer]:
    """Weigh the pixels of each channel by a kernel of its own, then apply a dense layer.  (B, H, W, C) → (B, 1).

    The kernels are as large as the map, and have no bias. Their fan_in is H · W, that of the dense layer is C.

    Huang et al. 2025, arXiv 2501.05441, in github.com/brownvc/R3GAN
    """
    from keras import layers

    return [_weighed(site, initializer), layers.Flatten(), site.dense(1, bias=bias, initializer=initializer)]


@component("head")
def depthwise_projection(
    site: Site,
    *,
    units: Annotated[
        Annotated[int, Field(ge=1, le=16384)] | None,
        Field(description="size of the vectors that are compared; null: as many as the map has channels"),
    ] = None,
    bias: Bias = None,
    initializer: Initializer = None,
    embedding_initializer: Annotated[Initializer, Field(description="of the embedding; null: as initializer")] = None,
) -> keras.Model:
    """Return how well the map fits a vector of the class.  (B, H, W, C), (B, classes) → (B, 1).

    dense(h) · embedding(class),  where h are the pixels of each channel, weighed by a kernel of its own

    The kernels are those of ``depthwise_dense``. Neither they nor the embedding have a bias. Unlike ``projection``,
    nothing is added that does not depend on the class.

    Huang et al. 2025, arXiv 2501.05441, in github.com/brownvc/R3GAN; a logit that is a product only: Karras et al.
    2020, arXiv 2006.06676, in github.com/NVlabs/stylegan2-ada
    """
    from keras import Input, Model, layers

    x, label = Input(site.input_shape), site.label()
    size = site.input_shape[-1] if units is None else units
    weighed = layers.Flatten()(_weighed(site, initializer)(x))
    features = site.dense(size, bias=bias, initializer=initializer)(weighed)
    embedded = site.dense(size, bias=False, initializer=embedding_initializer or initializer, name="embedding")(label)
    return Model([x, label], layers.Dot(1)([embedded, features]))


Pool = Annotated[
    Literal["sum", "mean", "max", "none"],
    Field(description="what becomes of the map: sum, mean or maximum of each channel; none: the flat map"),
]


@component("head")
def projection(
    site: Site,
    *,
    pool: Pool = "sum",
    bias: Bias = None,
    initializer: Initializer = None,
    embedding_initializer: Annotated[Initializer, Field(description="of the embedding; null: as initializer")] = None,
) -> keras.Model:
    """Add to the logit how well the features fit a vector of the class.  (B, H, W, C), (B, classes) → (B, 1).

    dense(h) + embedding(class) · h,  where h are the pooled features and the embedding has no bias

    Miyato, Koyama 2018, arXiv 1802.05637
    """
    from keras import Input, Model, layers

    x, label = Input(site.input_shape), site.label()
    features = _pooled(x, pool)
    logit = site.dense(1, bias=bias, initializer=initializer)(features)
    embedded = site.dense(
        features.shape[-1], bias=False, initializer=embedding_initializer or initializer, name="embedding"
    )(label)
    return Model([x, label], layers.Add()([logit, layers.Dot(1)([embedded, features])]))


@component("head")
def auxiliary_classifier(
    site: Site,
    *,
    pool: Pool = "sum",
    bias: Bias = None,
    class_bias: Annotated[Bias, Field(description="whether the class logits have a bias; null: as bias")] = None,
    generated_class: Annotated[bool, Field(description="add a class of its own for generated images")] = False,
    initializer: Initializer = None,
) -> keras.Model:
    """Return the logit, and a logit for each class.  (B, H, W, C) → (B, 1 + classes).

    Both are dense layers of the pooled features. The classes are no input. ``training.class_loss`` says what the class
    logits are for. With ``generated_class`` there is one more, the last: the head returns (B, 2 + classes).

    Odena et al. 2016, arXiv 1610.09585; a class for generated images: Salimans et al. 2016, arXiv 1606.03498, section 5
    """
    from keras import Input, Model, layers

    x, classes = Input(site.input_shape), site.label().shape[-1] + int(generated_class)
    features = _pooled(x, pool)
    logit = site.dense(1, bias=bias, initializer=initializer)(features)
    named = bias if class_bias is None else class_bias
    logits = site.dense(classes, bias=named, initializer=initializer, name="classes")(features)
    return Model(x, layers.Concatenate()([logit, logits]))


def _weighed(site: Site, initializer: Initializer) -> keras.Layer:
    """Return a layer that weighs the pixels of each channel by a kernel of its own.  (B, H, W, C) → (B, 1, 1, C)."""
    from dcgan_kit_plugins.head.layers import PerChannel

    draw = initializer or site.initializer
    height, width, _ = site.input_shape
    return site.depthwise_conv(
        (height, width), padding="valid", bias=False, initializer=lambda seed: PerChannel(draw(seed))
    )


def _pooled(x: Any, pool: str) -> Any:
    """Return a map as a vector.  (B, H, W, C) → (B, C), or (B, H·W·C) if ``pool`` is none."""
    from keras import layers

    if pool == "none":
        return layers.Flatten()(x)
    if pool == "max":
        return layers.GlobalMaxPooling2D()(x)
    mean = layers.GlobalAveragePooling2D()(x)
    _, height, width, _ = x.shape
    return mean if pool == "mean" else layers.Rescaling(height * width)(mean)


def _hidden(
    site: Site, units: int, normalization: Build | None, activation: Build | None, bias: Bias, initializer: Initializer
) -> list[keras.Layer]:
    """Return a dense layer, and what normalizes and activates its units.  (B, N) → (B, units)."""
    return [
        site.dense(units, bias=bias, initializer=initializer, name="hidden"),
        *_inner(site, "normalization", normalization, units),
        *_inner(site, "activation", activation, units),
    ]


def _inner(site: Site, slot: str, build: Build | None, units: int) -> list[keras.Layer]:
    """Return the layers of a component inside of the head, which is given a vector.  (B, units) → (B, N)."""
    if build is None:
        return []
    made = build(replace(site, slot=f"{site.slot}.{slot}", input_shape=(units,), filters=units))
    return [*made] if isinstance(made, list | tuple) else [made]


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every head."""
    return [
        dense,
        conv,
        sum_pool_dense,
        average_pool_dense,
        max_pool_dense,
        depthwise_dense,
        depthwise_projection,
        projection,
        auxiliary_classifier,
    ]
