"""Constraints on the weights of convolutions and dense layers.  layer → layer that replaces it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dcgan_kit import Component, component, hookimpl

if TYPE_CHECKING:
    import keras


@component("constraint")
def spectral(
    *,
    power_iterations: Annotated[int, Field(ge=1, le=100, description="power iterations per forward pass")] = 1,
) -> Callable[[keras.Layer], keras.Layer]:
    """Divide each kernel by its largest singular value.  layer → layer.

    The kernel W is read as a matrix. It has one column for each index of the kernel's last axis: the filters of a
    convolution, the input channels of a transposed convolution. Power iteration estimates σ = v W uᵀ, starting from a
    stored vector u.

    A depthwise or grouped kernel is a block-diagonal matrix, with one block per channel or per group. Its σ is the
    largest singular value of all blocks. A separable convolution has two kernels, and both are divided.

    The layer works like Keras' wrapper, and not like Miyato et al.: each forward pass with ``training=True``
    *overwrites* the stored kernel with W / σ, then uses it. The optimizer updates the kernel, and the next pass
    projects it again. No gradient flows through σ. Outside training the layer uses the kernel as it is stored. With
    mixed precision σ is computed in float32, because a kernel that is overwritten in bfloat16 loses small updates.

    Miyato et al. 2018, arXiv 1802.05957
    """

    def constrain(layer: keras.Layer) -> keras.Layer:
        from dcgan_kit_plugins.constraint.layers import SpectralNormalization

        return SpectralNormalization(layer, power_iterations=power_iterations, name=layer.name)

    return constrain


@component("constraint")
def none() -> None:
    """Constrain nothing."""
    return


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every constraint."""
    return [spectral, none]
