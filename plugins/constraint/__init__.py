"""Constraints on the weights of convolutions and dense layers: layer → layer to use in its place."""

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
    power_iterations: Annotated[int, Field(ge=1, le=100, description="steps of the estimate at each forward pass")] = 1,
) -> Callable[[keras.Layer], keras.Layer]:
    """Divide each kernel by its largest singular value.  layer → layer.

    The kernel W is taken as a matrix with one column for each index of its last axis (a convolution's filters, a
    transposed convolution's input channels), and σ = v W uᵀ is estimated by power iteration from a stored vector u.
    A kernel that keeps channels apart is block-diagonal: a depthwise kernel has one block for each channel, a grouped
    one a block for each group. σ is then the largest of the blocks' values. In a separable convolution both kernels
    are divided.

    This does what Keras' wrapper does, and differs from Miyato et al.: each forward pass with ``training=True``
    *overwrites* the stored kernel with W / σ and then uses it. So the optimizer moves a kernel that is projected
    afterwards, and no gradient flows through σ. Outside training the kernel is used as the last update left it. Under
    mixed precision σ is computed in float32, since a kernel overwritten in bfloat16 forgets updates.

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
