"""Normalizations: normalize features, then apply a learned scale and shift.  (B, ...) → (B, ...).

Each works on maps (H, W, C) and on vectors (N,). The features of a vector count as channels.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from dcgan_kit import Component, Initializer, Site, component, hookimpl

if TYPE_CHECKING:
    import keras

Momentum = Annotated[float, Field(ge=0.0, lt=1.0, description="share of the running statistics that an update keeps")]
Epsilon = Annotated[float, Field(gt=0.0, le=1.0, description="added to the variance")]
Center = Annotated[bool, Field(description="learn a shift")]
Scale = Annotated[bool, Field(description="learn a scale")]
Sampling = Annotated[
    Literal["running", "batch"],
    Field(description="statistics outside training: running averages, or those of the current batch"),
]
ScaleInitializer = Annotated[Initializer, Field(description="initializer of the scale; null: ones")]


@component("normalization")
def batch(
    site: Site,
    *,
    momentum: Momentum = 0.9,
    epsilon: Epsilon = 1e-5,
    center: Center = True,
    scale: Scale = True,
    scale_initializer: ScaleInitializer = None,
    synchronized: Annotated[bool, Field(description="compute the statistics over all devices")] = False,
    sampling: Sampling = "running",
) -> keras.Layer:
    """Normalize each channel over the batch, height and width.  (B, ..., C) → (B, ..., C).

    y = scale (x - mean(x)) / √(var(x) + epsilon) + shift

    With ``sampling: batch`` an image depends on the other images of its batch. If the batch is a single vector, only
    the shift remains.

    Ioffe, Szegedy 2015, arXiv 1502.03167; 0.9 and 1e-5 as in most published DCGANs
    """
    return _batch_normalization(sampling)(
        momentum=momentum,
        epsilon=epsilon,
        center=center,
        scale=scale,
        gamma_initializer="ones" if scale_initializer is None else scale_initializer(site.seed("scale")),
        synchronized=synchronized,
    )


@component("normalization")
def conditional_batch(
    site: Site,
    *,
    momentum: Momentum = 0.9,
    epsilon: Epsilon = 1e-5,
    scale_initializer: ScaleInitializer = None,
    sampling: Sampling = "running",
) -> keras.Model:
    """Normalize each channel over the batch, with a scale and a shift for each class.  (B, ..., C) → (B, ..., C).

    y = scale[class] (x - mean(x)) / √(var(x) + epsilon) + shift[class]

    Statistics are those of the whole batch, over all classes. The scales start at 1, the shifts at 0.

    de Vries et al. 2017, arXiv 1707.00683; in a generator: Miyato, Koyama 2018, arXiv 1802.05637
    """
    from keras import Input, Model

    x, label = Input(site.input_shape), site.label()
    first = "ones" if scale_initializer is None else scale_initializer(site.seed("scale"))
    layer = _batch_normalization(sampling)
    plain = layer(momentum=momentum, epsilon=epsilon, center=False, scale=False, name="batch")(x)
    return Model([x, label], _scaled_and_shifted(plain, label, label, first))


@component("normalization")
def self_modulated_batch(
    site: Site,
    *,
    hidden: Annotated[int, Field(ge=0, le=4096, description="hidden units before scale and shift; 0: none")] = 32,
    momentum: Momentum = 0.9,
    epsilon: Epsilon = 1e-5,
    initializer: Initializer = None,
) -> keras.Model:
    """Normalize each channel over the batch; the latent vector sets scale and shift.  (B, ..., C) → (B, ..., C).

    y = (1 + scale(z)) (x - mean(x)) / √(var(x) + epsilon) + shift(z)

    scale and shift are dense layers of hidden units, which are relu(dense(z)).

    Raises:
        ValueError: the place is in the discriminator.

    Chen et al. 2018, arXiv 1810.01365
    """
    import keras
    from keras import Input, Model, layers

    x, latent = Input(site.input_shape), site.latent()
    units: Any = latent
    if hidden:
        units = layers.ReLU()(site.dense(hidden, bias=True, initializer=initializer, name="hidden")(latent))
    plain = layers.BatchNormalization(momentum=momentum, epsilon=epsilon, center=False, scale=False, name="batch")(x)
    scale = site.dense(x.shape[-1], bias=True, initializer=initializer, name="scale")
    scale.bias_initializer = keras.initializers.Ones()
    shift = site.dense(x.shape[-1], bias=True, initializer=initializer, name="shift")
    return Model([x, latent], _applied(plain, scale(units), shift(units)))


def _batch_normalization(sampling: str) -> Any:
    """Return the class of a batch normalization with these statistics outside training."""
    if sampling == "batch":
        from dcgan_kit_plugins.normalization.layers import CurrentBatchNormalization

        return CurrentBatchNormalization
    from keras import layers

    return layers.BatchNormalization


def _scaled_and_shifted(x: Any, scale_of: Any, shift_of: Any, first: Any) -> Any:
    """Multiply by a learned scale of each class, and add a learned shift."""
    from keras import layers

    channels = x.shape[-1]
    # Not a Dense layer: a constraint of the block is for its convolutions, and published networks leave these out.
    scale = layers.EinsumDense("bk,kc->bc", channels, kernel_initializer=first, name="scale")(scale_of)
    shift = layers.EinsumDense("bk,kc->bc", channels, kernel_initializer="zeros", name="shift")(shift_of)
    return _applied(x, scale, shift)


def _applied(x: Any, scale: Any, shift: Any) -> Any:
    from keras import layers

    if len(x.shape) == 4:
        scale, shift = (layers.Reshape((1, 1, x.shape[-1]))(each) for each in (scale, shift))
    return layers.Add()([layers.Multiply()([x, scale]), shift])


@component("normalization")
def layer(
    site: Site,
    *,
    over: Annotated[
        Literal["map", "channels"],
        Field(description="normalize over all features of an image, or over the channels of each pixel separately"),
    ] = "map",
    epsilon: Epsilon = 1e-5,
    center: Center = True,
    scale: Scale = True,
) -> keras.Layer:
    """Normalize each image separately, over all its features.  (B, ..., C) → (B, ..., C).

    Scale and shift are learned per channel. With ``over: channels`` it equals Keras' LayerNormalization on a map.

    Ba et al. 2016, arXiv 1607.06450; in a discriminator: Gulrajani et al. 2017, arXiv 1704.00028
    """
    from keras import layers

    if over == "map" and len(site.input_shape) == 3:
        # One group holds every channel: mean and variance over H, W and C.
        return layers.GroupNormalization(groups=1, epsilon=epsilon, center=center, scale=scale)
    return layers.LayerNormalization(epsilon=epsilon, center=center, scale=scale)


@component("normalization")
def instance(site: Site, *, epsilon: Epsilon = 1e-5, center: Center = True, scale: Scale = True) -> keras.Layer:
    """Normalize each channel of each image over height and width.  (B, H, W, C) → (B, H, W, C).

    Raises:
        ValueError: each channel has only one pixel, so only the shift would remain.

    Ulyanov et al. 2016, arXiv 1607.08022
    """
    from keras import layers

    *sides, _ = site.input_shape
    if math.prod(sides) == 1:
        raise ValueError(
            "instance normalization needs channels of more than one pixel: the only one would always become 0. "
            f"Received: shape {site.input_shape}. Normalize after the reshape to a map, or use 'layer'."
        )
    return layers.GroupNormalization(groups=-1, epsilon=epsilon, center=center, scale=scale)


@component("normalization")
def group(
    site: Site,
    *,
    groups: Annotated[int, Field(ge=1, le=4096, description="number of groups; must divide the channels")] = 8,
    epsilon: Epsilon = 1e-5,
    center: Center = True,
    scale: Scale = True,
) -> keras.Layer:
    """Normalize each group of neighbouring channels of each image.  (B, ..., C) → (B, ..., C).

    Raises:
        ValueError: groups does not divide the channels, or each group would have only one feature.

    Wu, He 2018, arXiv 1803.08494
    """
    from keras import layers

    *sides, channels = site.input_shape
    if channels % groups:
        raise ValueError(f"groups must divide the channels. Received: groups={groups}, channels={channels}")
    if math.prod(sides) * channels == groups:
        raise ValueError(
            "a group needs more than one feature: the only one would always become 0. "
            f"Received: groups={groups}, shape {site.input_shape}"
        )
    return layers.GroupNormalization(groups=groups, epsilon=epsilon, center=center, scale=scale)


@component("normalization")
def rms(*, epsilon: Epsilon = 1e-6) -> keras.Layer:
    """Divide the channels of each pixel by their root mean square; learn a scale.  (B, ..., C) → (B, ..., C).

    y = scale x / √(mean(x²) + epsilon)

    Zhang, Sennrich 2019, arXiv 1910.07467
    """
    from keras import layers

    return layers.RMSNormalization(epsilon=epsilon)


@component("normalization")
def pixel(*, epsilon: Epsilon = 1e-8) -> keras.Layer:
    """Divide the channels of each pixel by their root mean square; learn nothing.  (B, ..., C) → (B, ..., C).

    y = x / √(mean(x²) + epsilon)

    Karras et al. 2017, arXiv 1710.10196, section 4.2
    """
    from dcgan_kit_plugins.normalization.layers import PixelNormalization

    return PixelNormalization(epsilon)


@component("normalization")
def none() -> list[keras.Layer]:
    """Normalize nothing.  (B, ...) → (B, ...)."""
    return []


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every normalization."""
    return [batch, conditional_batch, self_modulated_batch, layer, instance, group, rms, pixel, none]
