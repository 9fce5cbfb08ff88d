"""Constraints on the weights of convolutions, dense layers and embeddings.  layer → layer that replaces it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dcgan_kit import Component, Site, component, hookimpl

if TYPE_CHECKING:
    import keras


@component("constraint")
def spectral(
    site: Site,
    *,
    power_iterations: Annotated[int, Field(ge=1, le=100, description="power iterations for each update")] = 1,
    epsilon: Annotated[float, Field(gt=0.0, le=1.0, description="smallest length that a vector is divided by")] = 1e-12,
) -> Callable[[keras.Layer], keras.Layer]:
    """Divide each kernel by its largest singular value in each forward pass.  layer → layer.

    The layer computes with W / σ, in training and in samples. σ = uᵀWv estimates the largest singular value of the
    kernel W. The optimizer moves W itself, and gradients flow through σ. The vectors u and v are saved with the
    network. After each update of the network they move by power iteration: v = unit(Wᵀu), u = unit(Wv). A forward pass
    never moves them. The code of many papers moves them in each forward pass in training instead.

    The kernel is read as a matrix. It has one row for each index of the kernel's last axis: the filters of a
    convolution, the input channels of a transposed convolution. An embedding has one row for each class.

    A depthwise or grouped kernel is a block-diagonal matrix, with one block per channel or per group. Its σ is the
    largest σ of all blocks. A separable convolution has two kernels, and both are divided. A kernel of zeros stays
    zero. σ is computed in float32, whatever the precision.

    Miyato et al. 2018, arXiv 1802.05957
    """
    numbers = count()

    def constrain(layer: keras.Layer) -> keras.Layer:
        from dcgan_kit_plugins.constraint.layers import SpectralNormalization

        seed = site.seed(str(next(numbers)))
        return SpectralNormalization(layer, power_iterations, epsilon, seed, name=layer.name)

    return constrain


@component("constraint")
def equalized(
    *, gain: Annotated[float, Field(gt=0.0, le=100.0, description="factor of every kernel")] = 2.0**0.5
) -> Callable[[keras.Layer], keras.Layer]:
    """Scale each kernel by the number of weights of a filter: the equalized learning rate.  layer → layer.

    The layer computes with W · gain / √fan_in. So the stored weights W of all layers have one size, and Adam moves
    them equally fast. Use the initializer ``{use: normal, stddev: 1.0}``: then the layers start as with He's
    initializer if ``gain`` is √2.

    fan_in is the number of weights of one filter: height x width x input channels of a convolution, also of a
    transposed one; only the channels of one group of a grouped one; height x width of a depthwise one. The filter of an
    embedding is the vector of one class. Biases are not scaled.

    Karras et al. 2017, arXiv 1710.10196, section 4.1
    """

    def constrain(layer: keras.Layer) -> keras.Layer:
        from dcgan_kit_plugins.constraint.layers import EqualizedKernel

        return EqualizedKernel(layer, gain, name=layer.name)

    return constrain


@component("constraint")
def weight_standardization(
    *, epsilon: Annotated[float, Field(gt=0.0, le=1.0, description="added to the variance")] = 1e-5
) -> Callable[[keras.Layer], keras.Layer]:
    """Give the weights of each filter mean 0 and variance 1.  layer → layer.

    The layer computes with (W - mean) / √(variance + epsilon). Mean and variance are those of one filter: of all
    weights that add up to one output channel. The filter of a depthwise convolution sees one channel, and the filter of
    an embedding is the vector of one class. A filter of one weight becomes 0.

    The outputs become large where a filter has many weights. So a normalization should follow the layer.

    Qiao et al. 2019, arXiv 1903.10520
    """

    def constrain(layer: keras.Layer) -> keras.Layer:
        from dcgan_kit_plugins.constraint.layers import WeightStandardization

        return WeightStandardization(layer, epsilon, name=layer.name)

    return constrain


@component("constraint")
def none() -> None:
    """Constrain nothing."""
    return


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every constraint."""
    return [spectral, equalized, weight_standardization, none]
