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
def none() -> None:
    """Constrain nothing."""
    return


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every constraint."""
    return [spectral, none]
