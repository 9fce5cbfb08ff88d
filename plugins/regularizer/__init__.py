"""Regularizers: drop features, add noise, or append a statistic.  (B, ..., C) → (B, ..., C) or (B, ..., C + 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dcgan_kit import Component, Site, component, hookimpl

if TYPE_CHECKING:
    import keras

Rate = Annotated[float, Field(ge=0.0, lt=1.0, description="share of features that is dropped")]


@component("regularizer")
def dropout(site: Site, *, rate: Rate = 0.3) -> keras.Layer:
    """Set random features to zero in training, and scale the rest by 1 / (1 - rate).  (B, ...) → (B, ...).

    Srivastava et al. 2014, jmlr.org/papers/v15/srivastava14a.html; 0.3: tensorflow.org/tutorials/generative/dcgan
    """
    from keras import layers

    return layers.Dropout(rate, seed=site.seed("dropout"))


@component("regularizer")
def spatial_dropout(site: Site, *, rate: Rate = 0.3) -> keras.Layer:
    """Set random channels to zero in training, and scale the rest by 1 / (1 - rate).  (B, ..., C) → (B, ..., C).

    Neighbouring pixels are nearly equal, so dropping single features hides little. On a vector this is ``dropout``.

    Tompson et al. 2014, arXiv 1411.4280
    """
    from keras import layers

    drop = layers.SpatialDropout2D if len(site.input_shape) == 3 else layers.Dropout
    return drop(rate, seed=site.seed("dropout"))


@component("regularizer")
def gaussian_noise(
    site: Site,
    *,
    stddev: Annotated[float, Field(ge=0.0, le=100.0, description="standard deviation of the noise")] = 0.1,
) -> keras.Layer:
    """Add independent normal noise in training.  (B, ...) → (B, ...).

    Sønderby et al. 2016, arXiv 1610.04490; Arjovsky, Bottou 2017, arXiv 1701.04862
    """
    from keras import layers

    return layers.GaussianNoise(stddev, seed=site.seed("noise"))


@component("regularizer")
def minibatch_stddev(
    *,
    group_size: Annotated[
        int, Field(ge=2, le=1024, description="images per group that are compared with each other")
    ] = 4,
) -> keras.Layer:
    """Append a channel with the standard deviation over a group of images.  (B, ..., C) → (B, ..., C + 1).

    With it the discriminator can detect a generator that repeats itself. If group_size does not divide the batch, the
    whole batch is one group.

    Karras et al. 2017, arXiv 1710.10196, section 3
    """
    from dcgan_kit_plugins.regularizer.layers import MinibatchStddev

    return MinibatchStddev(group_size)


@component("regularizer")
def none() -> list[keras.Layer]:
    """Change nothing.  (B, ...) → (B, ...)."""
    return []


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every regularizer."""
    return [dropout, spatial_dropout, gaussian_noise, minibatch_stddev, none]
