"""Optimizers: how gradients move weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dcgan_kit import Component, component, hookimpl

if TYPE_CHECKING:
    import keras


@component("optimizer")
def adam(
    *,
    learning_rate: Annotated[float, Field(gt=0.0, le=10.0, description="length of a step")] = 2e-4,
    beta_1: Annotated[float, Field(ge=0.0, lt=1.0, description="share kept of the mean gradient")] = 0.5,
    beta_2: Annotated[float, Field(ge=0.0, lt=1.0, description="share kept of the mean squared gradient")] = 0.999,
    epsilon: Annotated[
        float, Field(gt=0.0, le=1.0, description="added to the root of the mean squared gradient")
    ] = 1e-7,
) -> keras.optimizers.Optimizer:
    """Step along the mean gradient, divided by its root mean square.

    Kingma, Ba 2014, arXiv 1412.6980; 2e-4 and 0.5: Radford et al. 2015, arXiv 1511.06434, section 4
    """
    from keras import optimizers

    return optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every optimizer."""
    return [adam]
