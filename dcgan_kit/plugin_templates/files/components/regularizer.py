"""Regularizers: disturb or enrich features in training.  (B, ...) → (B, ...)."""

from typing import Annotated

from dcgan_kit import Site, component
from pydantic import Field


@component("regularizer")
def gaussian_dropout(
    site: Site,
    *,
    rate: Annotated[float, Field(gt=0.0, lt=1.0, description="strength, as the rate of a dropout")] = 0.2,
):
    """Multiply each feature by a normal number of mean 1 in training.  (B, ...) → (B, ...).

    y = x · n, with n ~ N(1, rate / (1 - rate))

    Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", section 10
    """
    from keras import layers

    # The seed of the site makes a run draw the same numbers again.
    return layers.GaussianDropout(rate, seed=site.seed("noise"))
