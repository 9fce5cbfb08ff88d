"""Optimizers: how gradients move weights."""

from typing import Annotated

from dcgan_kit import component
from pydantic import Field


@component("optimizer")
def adamax(
    *,
    learning_rate: Annotated[float, Field(gt=0.0, le=10.0, description="learning rate")] = 2e-4,
    beta_1: Annotated[float, Field(ge=0.0, lt=1.0, description="share of the mean gradient that a step keeps")] = 0.5,
    beta_2: Annotated[
        float, Field(ge=0.0, lt=1.0, description="share of the largest gradient that a step keeps")
    ] = 0.999,
):
    """Step against the mean gradient, divided by its largest absolute value so far, which decays.

    m ← beta_1 m + (1 - beta_1) g;  u ← max(beta_2 u, |g|);  w ← w - η / (1 - beta_1ᵗ) · m / (u + 1e-7)

    Kingma, Ba 2014, arXiv 1412.6980, algorithm 2
    """
    from keras import optimizers

    return optimizers.Adamax(learning_rate, beta_1, beta_2)
